//! Prediction intervals from past errors, and how often they held.
//!
//! The error of each past forecast, divided by the spread expected at its horizon, is a conformity score; an interval
//! runs between two quantiles of the scores, taken farther out by 1 + 1/m as split conformal prediction does for m
//! scores (Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005; Lei et al., "Distribution-free
//! predictive inference for regression", JASA 113, 2018). The errors of one origin at several horizons are alike, so m
//! is the number of origins. Errors of a series are not exchangeable, so the coverage is not guaranteed (Barber, Candès,
//! Ramdas and Tibshirani, "Conformal prediction beyond exchangeability", Annals of Statistics 51, 2023): it is measured,
//! by intervals made at each origin from the scores known at that origin.

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

    fn at(self, forecast: f64, widening: f64) -> f64 {
        if self.counts { widening * forecast.max(self.least_mean).sqrt() } else { widening }
    }

    /// The interval around a forecast between two scores; counts get whole bounds, not below zero.
    pub(super) fn interval(self, forecast: f64, widening: f64, (low, high): (f64, f64)) -> (f64, f64) {
        let scale = self.at(forecast, widening);
        let (lower, upper) = (forecast + low * scale, forecast + high * scale);
        if self.counts { (lower.round().max(0.0), upper.round().max(0.0)) } else { (lower, upper) }
    }
}

/// Conformity scores in ascending order, and from how many origins they are. A score is the least bound that would have
/// held the value; because counts have whole bounds, that is half a unit nearer to the forecast.
pub(super) struct Scores {
    lower: Vec<f64>,
    upper: Vec<f64>,
    origins: usize,
}

impl Scores {
    /// The scores of trials that are in the order of their origins.
    pub(super) fn of<'a>(trials: impl Iterator<Item = &'a Trial>, spread: Spread) -> Scores {
        let rounding = if spread.counts { 0.5 } else { 0.0 };
        let mut scores = Scores { lower: Vec::new(), upper: Vec::new(), origins: 0 };
        let mut last = None;
        for trial in trials {
            let scale = spread.at(trial.forecast, trial.widening);
            scores.lower.push((trial.error() + rounding) / scale);
            scores.upper.push((trial.error() - rounding) / scale);
            scores.origins += usize::from(last != Some(trial.origin));
            last = Some(trial.origin);
        }
        scores.lower.sort_by(f64::total_cmp);
        scores.upper.sort_by(f64::total_cmp);
        scores
    }

    /// The lower and the upper score of an equal-tailed interval of this level; `None` with too few scores. Where the
    /// corrected quantile lies beyond the extreme score, that score is taken, moved outward by its distance to the next.
    pub(super) fn bounds(&self, level: f64) -> Option<(f64, f64)> {
        let n = self.upper.len();
        if n < LEAST_SCORES {
            return None;
        }
        let kept = (1.0 + level) / 2.0 * (1.0 + 1.0 / self.origins as f64);
        let rank = (kept * n as f64 - 1e-9).ceil() as usize;
        let (lower, upper) = (&self.lower, &self.upper);
        let (low, high) = if rank <= n {
            (lower[n - rank], upper[rank - 1])
        } else {
            (2.0 * lower[0] - lower[1], 2.0 * upper[n - 1] - upper[n - 2])
        };
        // With counts hardly ever off the forecast, both half units together would turn the interval inside out.
        Some((low.min(high), high.max(low)))
    }
}

/// Whether the value of a trial lies in the interval made from these scores.
fn holds(trial: &Trial, spread: Spread, bounds: (f64, f64)) -> bool {
    // A hair of tolerance for the arithmetic alone.
    let hair = 1e-9 * (1.0 + trial.actual.abs());
    let (lower, upper) = spread.interval(trial.forecast, trial.widening, bounds);
    lower - hair <= trial.actual && trial.actual <= upper + hair
}

/// The coverage of intervals of this level, each made from the scores whose targets were known at its origin.
pub(super) fn coverage(trials: &[Trial], spread: Spread, level: f64) -> Coverage {
    let mut checked = 0;
    let mut inside = 0;
    for group in trials.chunk_by(|a, b| a.origin == b.origin) {
        let origin = group[0].origin;
        let known = trials.iter().filter(|t| t.origin + t.steps <= origin);
        if let Some(bounds) = Scores::of(known, spread).bounds(level) {
            checked += group.len();
            inside += group.iter().filter(|t| holds(t, spread, bounds)).count();
        }
    }
    Coverage { level, empirical: (checked > 0).then(|| inside as f64 / checked as f64), checked }
}
