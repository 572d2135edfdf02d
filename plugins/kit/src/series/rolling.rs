//! Forecasts from many origins inside a series.

use super::models::{Fitted, Model};

/// One forecast made inside the series, and what came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// The number of observations that were known.
    pub(super) origin: usize,
    /// How far ahead the forecast looked; its target is observation `origin + steps`, counted from 1.
    pub(super) steps: usize,
    pub(super) forecast: f64,
    pub(super) actual: f64,
    /// How much wider than at one step the error was expected to be.
    pub(super) widening: f64,
}

impl Trial {
    pub(super) fn error(&self) -> f64 {
        self.actual - self.forecast
    }
}

/// Where forecasts start: at most 60 origins, evenly spaced from `first` to the last but one observation.
pub(super) fn origins(first: usize, length: usize) -> Vec<usize> {
    if first == 0 || first >= length {
        return Vec::new();
    }
    let span = length - first;
    let count = span.min(60);
    (0..count).map(|i| first + i * span / count).collect()
}

/// How often parameters are estimated anew on the way; between, the model only goes on observing.
const REFITS: usize = 8;

/// Lets `model` forecast up to `horizon` steps from each origin. `None` if it cannot be fitted at the first.
pub(super) fn trials(
    model: Model,
    values: &[f64],
    origins: &[usize],
    horizon: usize,
    floor: f64,
) -> Option<Vec<Trial>> {
    let mut trials = Vec::new();
    let every = origins.len().div_ceil(REFITS).max(1);
    let mut fitted: Option<(Fitted, usize)> = None;
    for (index, &origin) in origins.iter().enumerate() {
        if index % every == 0 {
            fitted = model.fit(&values[..origin]).map(|f| (f, origin));
        }
        let (state, seen) = fitted.as_mut()?;
        values[*seen..origin].iter().for_each(|y| state.observe(*y));
        *seen = origin;
        for steps in 1..=horizon.min(values.len() - origin) {
            trials.push(Trial {
                origin,
                steps,
                forecast: state.ahead(steps).max(floor),
                actual: values[origin + steps - 1],
                widening: state.widening(steps),
            });
        }
    }
    Some(trials)
}
