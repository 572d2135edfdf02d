//! Prediction intervals from past errors, and how often they held.
//!
//! The error of each past forecast, divided by the spread expected at its horizon, is a conformity score; an interval
//! runs between two order statistics of the scores, chosen with the finite-sample correction of split conformal
//! prediction: of n scores the ⌈(n + 1)(1 − α/2)⌉-th smallest above and the ⌊(n + 1)α/2⌋-th below (Vovk, Gammerman and
//! Shafer, "Algorithmic learning in a random world", 2005; Lei et al., "Distribution-free predictive inference for
//! regression", JASA 113, 2018). Errors of a series are not exchangeable, so the coverage is not guaranteed (Barber,
//! Candès, Ramdas and Tibshirani, "Conformal prediction beyond exchangeability", Annals of Statistics 51, 2023): it is
//! measured, by intervals made at each origin from scores known at that origin.

use serde::Serialize;

use super::rolling::Trial;

/// A prediction interval for every step of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The nominal coverage, such as 0.95.
    pub level: f64,
    /// Lower bounds, in the unit of the series.
    pub lower: Vec<f64>,
    /// Upper bounds, in the unit of the series.
    pub upper: Vec<f64>,
}

/// How often intervals of one level held the value that came, over rolling origins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// The nominal coverage.
    pub level: f64,
    /// The share of values inside; `None` if no interval could be checked.
    pub empirical: Option<f64>,
    /// How many values were checked.
    pub checked: usize,
}

/// The fewest scores from which an interval is made.
pub(super) const LEAST_SCORES: usize = 20;

/// How forecast errors are put on one scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    /// Counts vary with their mean (as Poisson's do: variance = mean), other series by the same amount everywhere.
    pub(super) counts: bool,
    /// Under counts the mean is taken as at least this, so that a forecast of zero keeps a width.
    pub(super) least_mean: f64,
}

impl Spread {
    pub(super) fn of(values: &[f64], counts: bool) -> Spread {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Spread { counts, least_mean: (mean * 0.25).max(1.0 / values.len().max(1) as f64) }
    }

    pub(super) fn at(self, forecast: f64, widening: f64) -> f64 {
        if self.counts { widening * forecast.max(self.least_mean).sqrt() } else { widening }
    }
}

/// Sorted conformity scores.
pub(super) struct Scores(Vec<f64>);

impl Scores {
    pub(super) fn of<'a>(trials: impl Iterator<Item = &'a Trial>, spread: Spread) -> Scores {
        let mut scores: Vec<f64> = trials.map(|t| t.error() / spread.at(t.forecast, t.widening)).collect();
        scores.sort_by(f64::total_cmp);
        Scores(scores)
    }

    /// The lower and the upper score of an interval of this level; `None` with too few scores. Where the corrected
    /// rank lies beyond the extreme score, the extreme score is taken, moved outward by its distance to the next.
    pub(super) fn bounds(&self, level: f64) -> Option<(f64, f64)> {
        let n = self.0.len();
        if n < LEAST_SCORES {
            return None;
        }
        let tail = (1.0 - level) / 2.0;
        let low = ((n as f64 + 1.0) * tail + 1e-9).floor() as usize;
        let upper = ((n as f64 + 1.0) * (1.0 - tail) - 1e-9).ceil() as usize;
        let lower_score = if low >= 1 { self.0[low - 1] } else { 2.0 * self.0[0] - self.0[1] };
        let upper_score = if upper <= n { self.0[upper - 1] } else { 2.0 * self.0[n - 1] - self.0[n - 2] };
        Some((lower_score, upper_score))
    }
}

/// Whether the value of a trial lies in the interval made from these scores.
fn holds(trial: &Trial, spread: Spread, (low, high): (f64, f64), floor: f64) -> bool {
    let scale = spread.at(trial.forecast, trial.widening);
    // What a reader sees is the bounds, rounded by no one: a hair of tolerance for the arithmetic alone.
    let hair = 1e-9 * (1.0 + trial.actual.abs());
    let lower = (trial.forecast + low * scale).max(floor);
    let upper = (trial.forecast + high * scale).max(floor);
    lower - hair <= trial.actual && trial.actual <= upper + hair
}

/// The coverage of intervals of this level, each made from the scores whose targets were known at its origin.
pub(super) fn coverage(trials: &[Trial], spread: Spread, level: f64, floor: f64) -> Coverage {
    let mut checked = 0;
    let mut inside = 0;
    for group in trials.chunk_by(|a, b| a.origin == b.origin) {
        let origin = group[0].origin;
        let known = trials.iter().filter(|t| t.origin + t.steps <= origin);
        if let Some(bounds) = Scores::of(known, spread).bounds(level) {
            checked += group.len();
            inside += group.iter().filter(|t| holds(t, spread, bounds, floor)).count();
        }
    }
    Coverage { level, empirical: (checked > 0).then(|| inside as f64 / checked as f64), checked }
}
