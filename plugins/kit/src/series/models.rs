//! The candidate models behind one interface.

use std::fmt;

use serde::Serialize;

use super::fit::fit;
use super::smoothing::{Parameters, State, widening};

/// A way to forecast, from the simplest to the richest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum Model {
    /// The mean of all values.
    Mean,
    /// The last value.
    Naive,
    /// The value one period before.
    SeasonalNaive {
        /// Steps in a period.
        period: usize,
    },
    /// Simple exponential smoothing: a level.
    Simple,
    /// Holt's method with a damped trend.
    DampedTrend,
    /// A level and an additive season.
    Seasonal {
        /// Steps in a period.
        period: usize,
    },
    /// Holt–Winters: a level, a damped trend and an additive season.
    HoltWinters {
        /// Steps in a period.
        period: usize,
    },
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Model::Mean => f.write_str("mean"),
            Model::Naive => f.write_str("last value"),
            Model::SeasonalNaive { period } => write!(f, "value {period} steps before"),
            Model::Simple => f.write_str("simple exponential smoothing"),
            Model::DampedTrend => f.write_str("Holt's method with a damped trend"),
            Model::Seasonal { period } => write!(f, "exponential smoothing with a season of {period}"),
            Model::HoltWinters { period } => {
                write!(f, "Holt–Winters with a damped trend and a season of {period}")
            }
        }
    }
}

/// A model that has seen a series and goes on observing.
#[derive(Clone, Debug)]
pub(super) enum Fitted {
    Mean { sum: f64, count: f64 },
    Lagged { last: Vec<f64> },
    Smoothed { parameters: Parameters, state: State },
}

impl Model {
    pub(super) fn fit(self, values: &[f64]) -> Option<Fitted> {
        let smoothed = |trend: bool, period: usize| {
            fit(values, trend, period).map(|f| Fitted::Smoothed { parameters: f.parameters, state: f.state })
        };
        let lagged = |period: usize| {
            let from = values.len().checked_sub(period)?;
            (period > 0).then(|| Fitted::Lagged { last: values[from..].to_vec() })
        };
        match self {
            Model::Mean if values.is_empty() => None,
            Model::Mean => Some(Fitted::Mean { sum: values.iter().sum(), count: values.len() as f64 }),
            Model::Naive => lagged(1),
            Model::SeasonalNaive { period } => lagged(period),
            Model::Simple => smoothed(false, 1),
            Model::DampedTrend => smoothed(true, 1),
            Model::Seasonal { period } => smoothed(false, period),
            Model::HoltWinters { period } => smoothed(true, period),
        }
    }
}

impl Fitted {
    pub(super) fn observe(&mut self, y: f64) {
        match self {
            Fitted::Mean { sum, count } => {
                *sum += y;
                *count += 1.0;
            }
            Fitted::Lagged { last } => {
                last.rotate_left(1);
                if let Some(newest) = last.last_mut() {
                    *newest = y;
                }
            }
            Fitted::Smoothed { parameters, state } => {
                state.observe(parameters, y);
            }
        }
    }

    pub(super) fn ahead(&self, steps: usize) -> f64 {
        match self {
            Fitted::Mean { sum, count } => sum / count,
            Fitted::Lagged { last } => last[(steps.max(1) - 1) % last.len()],
            Fitted::Smoothed { parameters, state } => state.ahead(parameters, steps),
        }
    }

    /// How much wider than at the first step errors are expected at `steps` (Hyndman and Athanasopoulos, table 5.2,
    /// for the mean and the naive methods).
    pub(super) fn widening(&self, steps: usize) -> f64 {
        match self {
            Fitted::Mean { count, .. } => (1.0 + 1.0 / count).sqrt(),
            Fitted::Lagged { last } => (((steps.max(1) - 1) / last.len()) as f64 + 1.0).sqrt(),
            Fitted::Smoothed { parameters, state } => widening(parameters, state.season.len(), steps),
        }
    }

    pub(super) fn parameters(&self) -> Option<Parameters> {
        match self {
            Fitted::Smoothed { parameters, .. } => Some(*parameters),
            _ => None,
        }
    }
}
