//! Cox models with names for their columns, and the reference program's stopping rule.

use heddle_kit::{
    model::{Coefficient, Convergence},
    stats::{Computed, NotComputable},
    survival::{CoxFit, CoxOptions, FollowUp, Ties, cox},
};
use serde_json::{Value, json};

use super::{
    object::{Object, Said},
    words::reason,
};

/// The reference figures count as those of the maximum if their coefficients are this close, relative.
const SAME: f64 = 1e-9;

/// A model of named columns.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// The columns' names, for reasons.
    pub(super) names: Vec<String>,
    /// The maximum of the partial likelihood.
    pub(super) fit: CoxFit,
    /// Where the program that the reference figures come from stops: in the fourth to eighth digit short of the maximum.
    stopped: Option<CoxFit>,
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
        let stopped =
            cox(follow_up, &columns, &CoxOptions { convergence: Convergence::Lifelines, ..options }).ok();
        Ok(Self { names, fit, stopped })
    }

    /// With Breslow's handling of ties.
    pub(super) fn breslow(follow_up: &FollowUp, columns: &[Vec<f64>], level: f64) -> Computed<CoxFit> {
        cox(follow_up, &slices(columns), &CoxOptions { ties: Ties::Breslow, level, ..CoxOptions::default() })
    }

    /// The coefficient of a column at the maximum.
    pub(super) fn coefficient(&self, column: usize) -> Said<Coefficient> {
        named(&self.fit, column, &self.names)
    }

    /// Whether a column could not be fitted, because it is constant or follows from those before it.
    pub(super) fn is_collinear(&self, column: usize) -> bool {
        matches!(self.fit.coefficients.get(column), Some(Err(NotComputable::Collinear { .. })))
    }

    /// The fit in the form of the reference figures.
    pub(super) fn reference(&self) -> &CoxFit {
        self.stopped.as_ref().unwrap_or(&self.fit)
    }

    /// Whether a reference figure is not that of the maximum.
    fn differs(&self, column: usize) -> bool {
        let of =
            |fit: &CoxFit| fit.coefficients.get(column).copied().and_then(Result::ok).map(|c| c.estimate);
        match (of(self.reference()), of(&self.fit)) {
            (Some(stopped), Some(full)) => (stopped - full).abs() > SAME * full.abs(),
            (stopped, full) => stopped.is_some() != full.is_some(),
        }
    }

    /// A term in the form of the reference figures; beside it the converged one, where that differs.
    pub(super) fn term(&self, column: usize) -> Value {
        let found = named(self.reference(), column, &self.names);
        let mut made = term(&found);
        if self.differs(column) {
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

/// A term's figures, or why it has none.
pub(super) fn term(found: &Said<Coefficient>) -> Object {
    let mut made = Object::new();
    made.all(found, &[("coef", &|c| json!(c.estimate)), ("se", &|c| json!(c.se))]);
    let ratio = found.clone().and_then(|c| hazard_ratio(&c));
    made.all(&ratio, &[("hr", &|r| json!(r.0)), ("ci", &|r| json!(r.1))]);
    made.all(found, &[("z", &|c| json!(c.statistic)), ("p", &|c| json!(c.p))]);
    made
}
