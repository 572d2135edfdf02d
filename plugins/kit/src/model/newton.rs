//! Newton and Raphson's ascent of a concave log-likelihood, and what happened on the way.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::design::independent;
use crate::stats::{Computed, NotComputable};

/// A pivot this small against its diagonal means a column that follows from the others.
const COLLINEAR: f64 = 1e-9;
/// Information of this much per observation is rounding.
const ROUNDING: f64 = 1e-11;
/// Where the next step promises this much in log-likelihood, the climb is near its end, but not yet among rounding errors.
const NEAR: std::ops::Range<f64> = 1e-10..1e-6;
/// A coefficient that there still moves farther than this, in units of its column's spread, and hardly less far than the
/// step before, moves for ever: near a maximum each step is a small fraction of the last.
const MOVES: f64 = 1e-4;
const HARDLY_LESS: f64 = 0.5;

/// A coefficient with less than this of the information that it had at zero has none beside an infinite one.
const LOST: f64 = 1e-6;

/// A log-likelihood at a point with its gradient and negative Hessian (row-major).
#[derive(Debug, Clone)]
pub(crate) struct Derivatives {
    pub(crate) value: f64,
    pub(crate) gradient: Vec<f64>,
    pub(crate) information: Vec<f64>,
}

/// How far to climb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convergence {
    /// To the maximum, to rounding.
    Full,
    /// As the Python package lifelines does (0.30): 0.95 of each of the first two Newton steps, and an end as soon as the
    /// next step promises less than 1e-7 in log-likelihood or the last one gave less than 1e-9 of it. Estimates differ from the
    /// maximum in the fourth to eighth digit; for comparison with figures from there only.
    Lifelines,
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NewtonOptions {
    pub(crate) convergence: Convergence,
    /// Most iterations.
    pub(crate) iterations: usize,
}

impl NewtonOptions {
    /// The share of Newton's step that is taken.
    fn share(&self, iteration: usize) -> f64 {
        if self.convergence == Convergence::Lifelines && iteration < 2 { 0.95 } else { 1.0 }
    }

    /// Whether to stop where the next step promises this in log-likelihood and the last one gave that.
    fn done(&self, promise: f64, gain: Option<f64>, value: f64) -> bool {
        match self.convergence {
            Convergence::Full => promise < 1e-11,
            Convergence::Lifelines => promise < 1e-7 || gain.is_some_and(|g| g.abs() < 1e-9 * value.abs()),
        }
    }
}

/// Where the ascent ended. Points and matrices are in the units of the columns that it was given.
#[derive(Debug, Clone)]
pub(crate) struct Ascent {
    /// The point; zero for columns without an estimate.
    pub(crate) at: Vec<f64>,
    /// At zero.
    pub(crate) start: Derivatives,
    /// The log-likelihood at the point: its bound, where a coefficient is infinite.
    pub(crate) value: f64,
    /// The columns that are no combination of others.
    pub(crate) kept: Vec<usize>,
    /// The inverse of the information at the point, over the kept columns.
    pub(crate) covariance: DMatrix<f64>,
    /// Kept columns whose coefficient is infinite.
    pub(crate) infinite: Vec<usize>,
    /// Iterations made.
    pub(crate) iterations: usize,
}

impl Ascent {
    /// The place of a column among the kept ones, or why it has no estimate.
    pub(crate) fn place(&self, column: usize) -> Computed<usize> {
        let Some(place) = self.kept.iter().position(|k| *k == column) else {
            return Err(NotComputable::Collinear { column });
        };
        if self.infinite.contains(&column) { Err(NotComputable::Separation { column }) } else { Ok(place) }
    }

    /// The score test of all coefficients being zero (Rao 1948): χ² on as many degrees of freedom as columns were kept.
    pub(crate) fn score_statistic(&self) -> Option<f64> {
        let factor = factorise(&self.start.information, self.start.gradient.len(), &self.kept)?;
        let gradient = gather(&self.start.gradient, &self.kept);
        Some(gradient.dot(&factor.solve(&gradient)))
    }
}

fn gather(values: &[f64], kept: &[usize]) -> DVector<f64> {
    DVector::from_iterator(kept.len(), kept.iter().map(|k| values[*k]))
}

fn factorise(matrix: &[f64], p: usize, kept: &[usize]) -> Option<Cholesky<f64, nalgebra::Dyn>> {
    Cholesky::new(DMatrix::from_fn(kept.len(), kept.len(), |i, j| matrix[kept[i] * p + kept[j]]))
}

/// The end of the climb, with the covariance there; before the last step, if it has none of its own.
#[allow(clippy::too_many_arguments, reason = "the parts of one state, taken apart as soon as they are in")]
fn finished(
    p: usize,
    at: Vec<f64>,
    start: Derivatives,
    here: &Derivatives,
    kept: Vec<usize>,
    mut infinite: Vec<usize>,
    before: Option<Cholesky<f64, nalgebra::Dyn>>,
    iterations: usize,
) -> Computed<Ascent> {
    let covariance = factorise(&here.information, p, &kept)
        .or(before)
        .map_or_else(|| DMatrix::zeros(kept.len(), kept.len()), |f| f.inverse());
    if infinite.is_empty() && covariance.diagonal().iter().any(|v| *v <= 0.0 || !v.is_finite()) {
        return Err(NotComputable::NotConverged { iterations });
    }
    // Where one coefficient is infinite, nothing may be left to estimate another from.
    let lost = |place: usize| {
        let left = covariance[(place, place)].recip();
        left.is_nan() || left <= LOST * start.information[kept[place] * (p + 1)]
    };
    let lost: Vec<usize> =
        (0..kept.len()).filter(|at| !infinite.is_empty() && lost(*at)).map(|at| kept[at]).collect();
    infinite.extend(lost);
    infinite.sort_unstable();
    infinite.dedup();
    Ok(Ascent { at, value: here.value, start, kept, covariance, infinite, iterations })
}

/// Climbs from zero. Each step is halved until the likelihood grows. Where it grows for ever more slowly while the point runs
/// away, the columns that run are told: a monotone likelihood (Heinze and Schemper 2001, "A solution to the problem of monotone
/// likelihood in Cox regression") or separated outcomes (Albert and Anderson 1984, "On the existence of maximum likelihood
/// estimates in logistic regression models").
///
/// Columns are standardised, so that each observation that counts brings an information of about one: a column whose
/// information from `observations` of them is no more than rounding is constant where it matters.
pub(crate) fn maximise(
    p: usize,
    observations: usize,
    mut likelihood: impl FnMut(&[f64]) -> Derivatives,
    options: &NewtonOptions,
) -> Computed<Ascent> {
    let mut at = vec![0.0; p];
    let start = likelihood(&at);
    if !start.value.is_finite() {
        return Err(NotComputable::TooLarge);
    }
    let kept = independent(&start.information, p, COLLINEAR, ROUNDING * observations as f64);
    let mut here = start.clone();
    let mut last: Option<(DVector<f64>, f64)> = None;
    let mut infinite: Vec<usize> = Vec::new();
    for iteration in 0..options.iterations {
        let gradient = gather(&here.gradient, &kept);
        let factor = factorise(&here.information, p, &kept);
        let step = factor.as_ref().map(|f| f.solve(&gradient));
        let promise = step.as_ref().map(|s| gradient.dot(s) / 2.0);
        if let (Some(step), Some((before, _)), Some(true)) =
            (&step, &last, promise.map(|p| NEAR.contains(&p)))
        {
            let runs = |at: usize| step[at].abs() > MOVES && step[at].abs() > HARDLY_LESS * before[at].abs();
            infinite = (0..kept.len()).filter(|at| runs(*at)).map(|at| kept[at]).collect();
        }
        let gain = last.as_ref().map(|l| l.1);
        let done = promise.is_some_and(|promise| options.done(promise, gain, here.value));
        // On its way to infinity the information vanishes, in the end behind rounding.
        let lost = promise.is_none_or(|p| p < NEAR.start) && !infinite.is_empty();
        if done || lost {
            // One more step costs nothing and takes the error of a converged point to rounding.
            if let (true, Convergence::Full, Some(step)) = (infinite.is_empty(), options.convergence, &step) {
                for (k, s) in kept.iter().zip(step) {
                    at[*k] += s;
                }
                here = likelihood(&at);
            }
            return finished(p, at, start, &here, kept, infinite, factor, iteration);
        }
        let Some(step) = step else {
            return Err(NotComputable::NotConverged { iterations: iteration });
        };
        let mut share = options.share(iteration);
        let better = loop {
            let mut next = at.clone();
            for (k, s) in kept.iter().zip(&step) {
                next[*k] += share * s;
            }
            let there = likelihood(&next);
            if there.value.is_finite() && there.value >= here.value - 1e-12 * here.value.abs().max(1.0) {
                break Some((next, there));
            }
            share /= 2.0;
            if share < 1e-10 {
                break None;
            }
        };
        let Some((next, there)) = better else {
            if infinite.is_empty() {
                return Err(NotComputable::NotConverged { iterations: iteration });
            }
            return finished(p, at, start, &here, kept, infinite, factor, iteration);
        };
        last = Some((step, there.value - here.value));
        (at, here) = (next, there);
    }
    Err(NotComputable::NotConverged { iterations: options.iterations })
}
