//! Two groups' risks of an event: difference, ratio, odds ratio, with their intervals.

use super::{Computed, NotComputable, normal_critical, wilson_interval};

/// How many of a group's subjects had the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// Subjects with the event.
    pub events: u64,
    /// All subjects.
    pub n: u64,
}

impl Proportion {
    fn checked(self, group: usize) -> Computed<Self> {
        match self {
            Self { n: 0, .. } => Err(NotComputable::EmptyGroup { group }),
            Self { events, n } if events > n => Err(NotComputable::ImpossibleCounts),
            _ => Ok(self),
        }
    }

    fn share(self) -> f64 {
        self.events as f64 / self.n as f64
    }
}

/// The difference of two risks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RiskDifference {
    /// The group's risk less the reference's, −1 to 1.
    pub value: f64,
    /// (lower, upper) by Wald. It is empty when both risks are 0 or 1.
    pub wald: (f64, f64),
    /// (lower, upper) by Newcombe.
    pub newcombe: (f64, f64),
    /// 1 / difference, with its sign: how many subjects are treated for one event more (positive) or less (negative).
    pub number_needed: Computed<f64>,
}

/// The risk difference, group less reference, with Wald's interval and Newcombe's, which is right for small counts too
/// (Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17, method
/// 10), and the number needed to treat or to harm (Laupacis et al. 1988).
pub fn risk_difference(group: Proportion, reference: Proportion, level: f64) -> Computed<RiskDifference> {
    let (group, reference) = (group.checked(0)?, reference.checked(1)?);
    let z = normal_critical(level)?;
    let (p, q) = (group.share(), reference.share());
    let value = p - q;
    let half = z * (p * (1.0 - p) / group.n as f64 + q * (1.0 - q) / reference.n as f64).sqrt();
    let wilson = |of: Proportion| wilson_interval(of.events, of.n, level).ok_or(NotComputable::BadLevel);
    let ((low, high), (other_low, other_high)) = (wilson(group)?, wilson(reference)?);
    let newcombe = (value - (p - low).hypot(other_high - q), value + (high - p).hypot(q - other_low));
    let crossed = i128::from(group.events) * i128::from(reference.n)
        - i128::from(reference.events) * i128::from(group.n);
    let number_needed = if crossed == 0 {
        Err(NotComputable::ZeroDifference)
    } else {
        Ok(group.n as f64 * reference.n as f64 / crossed as f64)
    };
    Ok(RiskDifference { value, wald: (value - half, value + half), newcombe, number_needed })
}

/// A ratio with its log-normal interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The estimate.
    pub value: f64,
    /// (lower, upper).
    pub interval: (f64, f64),
    /// What was added to each of the four cells: 0.5 if one of them is zero (Haldane 1956, Anscombe 1956), else 0.
    pub correction: f64,
}

/// The four cells, events and non-events of the group and of the reference, with 0.5 added to all if one is zero.
fn cells(group: Proportion, reference: Proportion) -> Computed<([f64; 4], f64)> {
    let (group, reference) = (group.checked(0)?, reference.checked(1)?);
    let counts = [group.events, group.n - group.events, reference.events, reference.n - reference.events];
    let correction = if counts.contains(&0) { 0.5 } else { 0.0 };
    Ok((counts.map(|c| c as f64 + correction), correction))
}

fn ratio(value: f64, variance: f64, correction: f64, level: f64) -> Computed<Ratio> {
    let spread = (normal_critical(level)? * variance.max(0.0).sqrt()).exp();
    let interval = (value / spread, value * spread);
    if interval.1.is_finite() {
        Ok(Ratio { value, interval, correction })
    } else {
        Err(NotComputable::TooLarge)
    }
}

/// The risk ratio, group over reference (Katz et al. 1978, "Obtaining confidence intervals for the risk ratio in cohort
/// studies", Biometrics 34).
pub fn risk_ratio(group: Proportion, reference: Proportion, level: f64) -> Computed<Ratio> {
    let ([a, b, c, d], correction) = cells(group, reference)?;
    let (n, m) = (a + b, c + d);
    ratio((a / n) / (c / m), 1.0 / a - 1.0 / n + 1.0 / c - 1.0 / m, correction, level)
}

/// The odds ratio, group over reference (Woolf 1955, "On estimating the relation between blood group and disease").
pub fn odds_ratio(group: Proportion, reference: Proportion, level: f64) -> Computed<Ratio> {
    let ([a, b, c, d], correction) = cells(group, reference)?;
    ratio((a / b) / (c / d), 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d, correction, level)
}
