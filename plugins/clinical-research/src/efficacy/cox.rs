//! Cox models with names for their columns, and the reference program's stopping rule.

use heddle_kit::{
    model::Coefficient,
    stats::{Computed, NotComputable},
    survival::{CoxFit, CoxOptions, FollowUp, Ties, cox},
};
use serde_json::{Value, json};

use super::{
    object::{Object, Said},
    words::reason,
};

/// Two models whose likelihood ratio is below this may stop before they converge in the reference program.
const NEARLY_NULL: f64 = 0.1;

/// A model of named columns.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// The columns' names, for reasons.
    pub(super) names: Vec<String>,
    /// The maximum of the partial likelihood.
    pub(super) fit: CoxFit,
    /// Where the program that the reference figures come from stops, if that is before the maximum.
    early: Option<CoxFit>,
}

pub(super) fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

impl Model {
    /// Fits with Efron's handling of ties.
    pub(super) fn fit(
        follow_up: &FollowUp,
        names: Vec<String>,
        columns: &[Vec<f64>],
        level: f64,
    ) -> Said<Self> {
        let columns = slices(columns);
        let options = CoxOptions { level, ..CoxOptions::default() };
        let fit = cox(follow_up, &columns, &options).map_err(|why| reason(why, &[], &names))?;
        // lifelines 0.30 takes Newton steps of 0.95 and ends when the decrement is below 1e-7: for effects below about 0.18
        // standard errors that is after two steps, 0.25 % short of the maximum. From the third step on it takes whole ones.
        let early = match fit.likelihood_ratio {
            Ok(test) if test.chi_squared < NEARLY_NULL => {
                let short = CoxOptions { damping: 0.95, tolerance: 1e-7, iterations: 3, ..options };
                cox(follow_up, &columns, &short).ok()
            }
            _ => None,
        };
        Ok(Self { names, fit, early })
    }

    /// With Breslow's handling of ties.
    pub(super) fn breslow(follow_up: &FollowUp, columns: &[Vec<f64>], level: f64) -> Computed<CoxFit> {
        cox(follow_up, &slices(columns), &CoxOptions { ties: Ties::Breslow, level, ..CoxOptions::default() })
    }

    /// The coefficient of a column at the maximum.
    pub(super) fn coefficient(&self, column: usize) -> Said<Coefficient> {
        named(&self.fit, column, &self.names)
    }

    /// The fit in the form of the reference figures.
    pub(super) fn reference(&self) -> &CoxFit {
        self.early.as_ref().unwrap_or(&self.fit)
    }

    /// Whether the reference figures are not those of the maximum.
    pub(super) fn stops_early(&self) -> bool {
        self.early.is_some()
    }

    /// A term in the form of the reference figures; beside it the converged one, where that differs.
    pub(super) fn term(&self, column: usize) -> Value {
        let found = named(self.reference(), column, &self.names);
        let mut made = term(&found);
        if self.stops_early() {
            made.set("converged", term(&self.coefficient(column)).finish());
        }
        made.finish()
    }
}

/// A coefficient or why there is none.
pub(super) fn named(fit: &CoxFit, column: usize, names: &[String]) -> Said<Coefficient> {
    let found = fit.coefficients.get(column).copied().unwrap_or(Err(NotComputable::BadGroups));
    found.map_err(|why| reason(why, &[], names))
}

/// The hazard ratio with its interval.
pub(super) fn hazard_ratio(coefficient: &Coefficient) -> Said<(f64, (f64, f64))> {
    coefficient.exponentiated().map_err(|why| why.to_string())
}

fn term(found: &Said<Coefficient>) -> Object {
    let mut made = Object::new();
    made.all(found, &[("coef", &|c| json!(c.estimate)), ("se", &|c| json!(c.se))]);
    let ratio = found.clone().and_then(|c| hazard_ratio(&c));
    made.all(&ratio, &[("hr", &|r| json!(r.0)), ("ci", &|r| json!(r.1))]);
    made.all(found, &[("z", &|c| json!(c.statistic)), ("p", &|c| json!(c.p))]);
    made
}
