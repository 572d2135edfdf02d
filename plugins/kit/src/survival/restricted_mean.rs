//! The mean survival time up to a horizon.

use super::KaplanMeier;
use crate::{
    model::Coefficient,
    stats::{Computed, NotComputable},
};

/// The area under the survival curve up to a horizon, in the unit of the times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMean {
    /// The horizon.
    pub horizon: f64,
    /// The mean time survived up to it.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Whether the horizon lies past the last time anybody was followed to while some survive: there the curve is continued
    /// as it ended, which is a guess.
    pub extrapolated: bool,
}

/// The restricted mean survival time and its standard error from Greenwood's variance: each event at t contributes A(t)² d / (n
/// (n − d)), where A is the area from t to the horizon (Royston and Parmar 2013, "Restricted mean survival time: an alternative
/// to the hazard ratio", BMC Medical Research Methodology 13:152; Klein and Moeschberger 2003, "Survival Analysis", section
/// 4.5). The horizon must be positive.
pub fn restricted_mean(curve: &KaplanMeier, horizon: f64) -> Computed<RestrictedMean> {
    if !(horizon.is_finite() && horizon > 0.0) {
        return Err(NotComputable::NegativeTime);
    }
    let within = &curve.steps[..curve.steps.partition_point(|s| s.time < horizon)];
    let (mut area, mut variance, mut until) = (0.0, 0.0, horizon);
    for step in within.iter().rev() {
        area += step.survival * (until - step.time);
        let left = step.at_risk - step.events;
        if left > 0 {
            variance += area * area * step.events as f64 / (step.at_risk as f64 * left as f64);
        }
        until = step.time;
    }
    let last = curve.steps.last().map_or(1.0, |s| s.survival);
    let extrapolated = horizon > curve.last_time() && last > 0.0;
    Ok(RestrictedMean { horizon, value: area + until, se: variance.sqrt(), extrapolated })
}

/// A difference of two restricted means, with Wald's z test.
pub type MeanDifference = Coefficient;

/// The difference of two independent groups' restricted means at one horizon, the first less the other, in the unit of the
/// times (Royston and Parmar, "Restricted mean survival time", BMC Medical Research Methodology 13:152, 2013).
pub fn restricted_mean_difference(
    group: &RestrictedMean,
    other: &RestrictedMean,
    level: f64,
) -> Computed<MeanDifference> {
    Coefficient::wald(group.value - other.value, group.se.hypot(other.se), level)
}
