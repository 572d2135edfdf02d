//! From a series to a forecast with intervals.

use std::fmt;

use serde::Serialize;

use super::conformal::{Coverage, Interval, Scores, Spread, coverage};
use super::models::{Fitted, Model};
use super::rolling::{Trial, origins, trials};
use super::smoothing::Parameters;

/// What is asked of [`forecast`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Steps to forecast, 1 to 1000.
    pub horizon: usize,
    /// Seasonal periods worth trying, in steps: 7 for days, 12 for months, 52 for weeks. Those longer than a third of
    /// the series are left aside.
    pub periods: Vec<usize>,
    /// Counts are whole and not negative: forecasts stop at zero, bounds are whole, and their spread grows with the
    /// mean.
    pub counts: bool,
    /// Nominal coverages of the intervals, each between 0 and 1.
    pub levels: Vec<f64>,
}

impl Options {
    /// Counts over `horizon` steps, with intervals of 80 % and 95 %.
    pub fn counts(horizon: usize, periods: &[usize]) -> Options {
        Options { horizon, periods: periods.to_vec(), counts: true, levels: vec![0.8, 0.95] }
    }

    /// Any quantity over `horizon` steps, with intervals of 80 % and 95 %.
    pub fn quantity(horizon: usize, periods: &[usize]) -> Options {
        Options { counts: false, ..Options::counts(horizon, periods) }
    }
}

/// Why a series cannot be forecast.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesError {
    /// There is no observation.
    Empty,
    /// A value that is no finite number (or, for counts, negative).
    Value {
        /// Its position, counted from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// An option out of its range; the text says which.
    Options(String),
}

impl fmt::Display for SeriesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeriesError::Empty => {
                f.write_str("the series has no observations: nothing can be forecast from it")
            }
            SeriesError::Value { index, value } => write!(
                f,
                "observation {index} is {value}: give finite numbers (counts: not negative), with 0 for steps without events"
            ),
            SeriesError::Options(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for SeriesError {}

/// A model that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// The model.
    pub model: Model,
    /// Mean absolute error over all origins and steps, in the unit of the series.
    pub mae: f64,
    /// Root mean squared error over the same.
    pub rmse: f64,
}

/// A forecast with everything needed to judge it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The model with the least error over rolling origins.
    pub model: Model,
    /// Its parameters, where it has any.
    pub parameters: Option<Parameters>,
    /// The forecast, one value for each step, in the unit of the series.
    pub point: Vec<f64>,
    /// Intervals, one for each level; empty where too few past forecasts exist to make any.
    pub intervals: Vec<Interval>,
    /// How often intervals of each level held over rolling origins.
    pub coverage: Vec<Coverage>,
    /// All models tried, that with the least error first.
    pub candidates: Vec<Candidate>,
    /// How many origins inside the series forecasts were made from.
    pub origins: usize,
    /// What could not be computed, and why; empty if everything could.
    pub caveats: Vec<String>,
}

/// Fewer observations than this leave nothing to choose a model by: the mean is taken.
const LEAST_FOR_CHOICE: usize = 12;

/// Forecasts of counts whose sum over all origins is further from what came than by this factor are no expectation.
const MOST_BIAS: f64 = 2.0;

/// Forecasts a series of evenly spaced observations.
///
/// The model is chosen by its mean absolute error over origins in the second half of the series; a simpler model within
/// 1 % of the best is preferred. Of counts, a model whose forecasts sum to less than half or more than twice of what came
/// is left aside, and so is repeating a value where half of them are 0: on rare events forecasting none has the least
/// absolute error, and is still wrong. A series shorter than 12 observations gets its mean.
///
/// # Errors
/// No observation, a value that is not finite (or a negative count), or options out of range.
pub fn forecast(values: &[f64], options: &Options) -> Result<Forecast, SeriesError> {
    check(values, options)?;
    let floor = if options.counts { 0.0 } else { f64::NEG_INFINITY };
    let starts =
        if values.len() < LEAST_FOR_CHOICE { Vec::new() } else { origins(values.len() / 2, values.len()) };
    let rare = options.counts && 2 * values.iter().filter(|v| **v == 0.0).count() >= values.len();
    let mut tried: Vec<(Model, Vec<Trial>)> = candidates(values.len(), options)
        .into_iter()
        .filter(|m| !(rare && matches!(m, Model::Naive | Model::SeasonalNaive { .. })))
        .filter_map(|m| trials(m, values, &starts, options.horizon, floor).map(|t| (m, t)))
        .filter(|(_, t)| !(t.is_empty() || options.counts && is_biased(t)))
        .collect();
    tried.sort_by(|a, b| mae(&a.1).total_cmp(&mae(&b.1)).then(a.0.cmp(&b.0)));
    let best = tried.first().map_or(f64::INFINITY, |(_, t)| mae(t));
    let chosen = tried.iter().filter(|(_, t)| mae(t) <= best * 1.01).min_by_key(|(m, _)| *m);

    let mut caveats = Vec::new();
    let (model, past) = match chosen {
        Some((model, past)) => (*model, past.as_slice()),
        None => {
            caveats.push(if values.len() < LEAST_FOR_CHOICE {
                format!(
                    "{} observations are too few to compare models ({LEAST_FOR_CHOICE} are needed): the forecast is their mean",
                    values.len()
                )
            } else {
                "each model's forecasts sum to less than half or more than twice of what came: the forecast is the mean"
                    .to_owned()
            });
            (Model::Mean, &[][..])
        }
    };
    let fitted = model.fit(values).ok_or(SeriesError::Empty)?;
    let point: Vec<f64> = (1..=options.horizon).map(|h| fitted.ahead(h).max(floor)).collect();
    let spread = Spread::of(values, options.counts);
    let intervals = intervals(&fitted, &point, past, spread, &options.levels);
    if intervals.is_empty() && !options.levels.is_empty() {
        caveats.push(format!(
            "{} past forecasts are too few for prediction intervals ({} are needed)",
            past.len(),
            super::conformal::LEAST_SCORES
        ));
    }
    let coverage: Vec<Coverage> = options.levels.iter().map(|l| coverage(past, spread, *l)).collect();
    if !intervals.is_empty() && coverage.iter().any(|c| c.empirical.is_none()) {
        caveats.push("the coverage of the intervals could not be checked: too few past forecasts".to_owned());
    }
    Ok(Forecast {
        model,
        parameters: fitted.parameters(),
        point,
        intervals,
        coverage,
        candidates: tried.iter().map(|(m, t)| Candidate { model: *m, mae: mae(t), rmse: rmse(t) }).collect(),
        origins: starts.len(),
        caveats,
    })
}

fn check(values: &[f64], options: &Options) -> Result<(), SeriesError> {
    if values.is_empty() {
        return Err(SeriesError::Empty);
    }
    let unfit = |v: &f64| !v.is_finite() || v.abs() > 1e100 || (options.counts && *v < 0.0);
    if let Some(index) = values.iter().position(unfit) {
        return Err(SeriesError::Value { index, value: values[index] });
    }
    if !(1..=1000).contains(&options.horizon) {
        return Err(SeriesError::Options(format!(
            "the horizon is {}: give 1 to 1000 steps",
            options.horizon
        )));
    }
    if let Some(level) = options.levels.iter().find(|l| !(**l > 0.0 && **l < 1.0)) {
        return Err(SeriesError::Options(format!(
            "the interval level is {level}: give a number between 0 and 1"
        )));
    }
    Ok(())
}

/// The models that the length of the series can bear at the first origin.
fn candidates(length: usize, options: &Options) -> Vec<Model> {
    let mut models = vec![Model::Mean, Model::Naive, Model::Simple, Model::DampedTrend];
    let mut periods: Vec<usize> =
        options.periods.iter().copied().filter(|p| *p > 1 && p * 3 <= length).collect();
    periods.sort_unstable();
    periods.dedup();
    for period in periods {
        models.extend([
            Model::SeasonalNaive { period },
            Model::Seasonal { period },
            Model::HoltWinters { period },
        ]);
    }
    models
}

fn is_biased(trials: &[Trial]) -> bool {
    let (forecast, actual) =
        trials.iter().fold((0.0, 0.0), |(forecast, actual), t| (forecast + t.forecast, actual + t.actual));
    forecast * MOST_BIAS < actual || actual * MOST_BIAS < forecast
}

fn mae(trials: &[Trial]) -> f64 {
    trials.iter().map(|t| t.error().abs()).sum::<f64>() / trials.len() as f64
}

fn rmse(trials: &[Trial]) -> f64 {
    (trials.iter().map(|t| t.error().powi(2)).sum::<f64>() / trials.len() as f64).sqrt()
}

fn intervals(
    fitted: &Fitted,
    point: &[f64],
    past: &[Trial],
    spread: Spread,
    levels: &[f64],
) -> Vec<Interval> {
    let scores = Scores::of(past.iter(), spread);
    let made = |level: &f64| {
        let bounds = scores.bounds(*level)?;
        let steps =
            point.iter().zip(1..).map(|(f, steps)| spread.interval(*f, fitted.widening(steps), bounds));
        let (lower, upper) = steps.unzip();
        Some(Interval { level: *level, lower, upper })
    };
    levels.iter().filter_map(made).collect()
}
