//! Forecasts of weekly and daily arrivals, checked on the latest periods before they are made for the future.

use std::collections::BTreeMap;

use heddle_kit::{
    series::{self, Options},
    stats::mean,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::analytics::{
    calendar::{day_of, iso},
    data::{Dataset, Row},
    metrics::{WEEK, complete_weeks, counts},
};

/// How many days before `as_of` the daily series goes back.
const DAILY_WINDOW: i64 = 210;
/// Periods that must remain for fitting when the last ones are held out.
const LEAST_TRAINING: usize = 12;
/// Complete periods without which there is no forecast at all.
const LEAST_PERIODS: usize = 4;
/// Days without a ticket, longer than any before, in which more than this were expected (less than one chance in a million
/// if tickets are independent), are taken for the end of the records.
const LEAST_SILENCE: i64 = 14;
const MOST_EXPECTED: f64 = 14.0;
/// Recent weeks and days shown beside the forecast.
const SHOWN_WEEKS: usize = 26;
const SHOWN_DAYS: usize = 56;

/// A forecast and what is known about its quality.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Forecast {
    /// What was forecast from what.
    pub series: String,
    /// The model that makes the forecast.
    pub model: String,
    /// How it was chosen.
    pub chosen_by: String,
    /// The models tried on the whole series, that with the least error first.
    pub candidates: Vec<CandidateScore>,
    /// The same method on the series without its last periods, against what came.
    pub held_out: Maybe<HeldOut>,
    /// The forecast after `as_of`.
    pub ahead: Vec<ForecastPoint>,
    /// How often intervals held over origins inside the whole series.
    pub coverage: Vec<CoverageCheck>,
    /// The latest complete periods.
    pub recent: BTreeMap<String, u64>,
    /// What could not be computed.
    pub caveats: Vec<String>,
    /// Model and held-out error in a sentence.
    pub summary: String,
}

/// A model's error over rolling origins.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CandidateScore {
    /// The model.
    pub model: String,
    /// Mean absolute error, tickets a period.
    pub mae: f64,
}

/// A test on periods that the model had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HeldOut {
    /// First day of the first period held out.
    pub from: String,
    /// Periods held out.
    pub n: usize,
    /// The model chosen without them.
    pub model: String,
    /// What came.
    pub actual: Vec<u64>,
    /// What was forecast.
    pub forecast: Vec<f64>,
    /// Mean absolute error, tickets a period.
    pub mae: f64,
    /// The same of methods that need no model.
    pub naive_mae: BTreeMap<String, f64>,
    /// How many of the periods the intervals held; absent without intervals.
    pub coverage: Vec<CoverageCheck>,
}

/// How often an interval held.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CoverageCheck {
    /// What it should be: 0.8 or 0.95.
    pub level: f64,
    /// What it was; absent if nothing could be checked.
    pub empirical: Option<f64>,
    /// Values checked.
    pub checked: usize,
}

/// One period of the forecast. Bounds are absent where too few past forecasts exist to make them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ForecastPoint {
    /// First day of the period.
    pub start: String,
    /// Point forecast, tickets.
    pub mean: f64,
    /// Bound of the 80 % interval.
    pub lower_80: Option<f64>,
    /// Bound of the 80 % interval.
    pub upper_80: Option<f64>,
    /// Bound of the 95 % interval.
    pub lower_95: Option<f64>,
    /// Bound of the 95 % interval.
    pub upper_95: Option<f64>,
}

/// A forecast without a model: its name, and its value from a training series for a step (from 0).
type Naive = (&'static str, fn(&[f64], usize) -> Option<f64>);

/// A series of equal periods.
struct Series {
    /// First day.
    first: i64,
    /// Days of a period.
    step: i64,
    counts: Vec<u64>,
    /// Seasons worth trying, in periods.
    periods: &'static [usize],
    unit: &'static str,
    rule: String,
    shown: usize,
    naive: [Naive; 2],
}

pub(super) fn weekly(data: &Dataset, ahead: usize) -> Maybe<Forecast> {
    let (first, counts) = match complete_weeks(data) {
        Ok(weeks) => weeks,
        Err(reason) => return Maybe::because(reason),
    };
    let series = Series {
        first,
        step: WEEK,
        counts,
        periods: &[52],
        unit: "week",
        rule: "complete weeks (Monday to Sunday, UTC); the week of as_of is left out of the fit and is the first one forecast".to_owned(),
        shown: SHOWN_WEEKS,
        naive: [
            ("naive_last", |train, _| train.last().copied()),
            ("mean_last_8", |train, _| mean(&train[train.len().saturating_sub(8)..])),
        ],
    };
    series.forecast(ahead)
}

pub(super) fn daily(data: &Dataset, ahead: usize) -> Maybe<Forecast> {
    let end = day_of(data.as_of);
    let Some(first) = data.rows.iter().filter_map(Row::created_day).filter(|day| *day < end).min() else {
        return Maybe::because("no ticket has a creation date on a day before as_of");
    };
    let first = first.max(end - DAILY_WINDOW);
    let days = usize::try_from(end - first).unwrap_or(0);
    let series = Series {
        first,
        step: 1,
        counts: counts(data, first, 1, days),
        periods: &[7],
        unit: "day",
        rule: format!("complete days (UTC) of the last {days} before as_of"),
        shown: SHOWN_DAYS,
        naive: [
            ("seasonal_naive_7", |train, step| train.len().checked_sub(7).map(|at| train[at + step % 7])),
            ("mean", |train, _| mean(train)),
        ],
    };
    series.forecast(ahead)
}

impl Series {
    fn forecast(&self, ahead: usize) -> Maybe<Forecast> {
        let n = self.counts.len();
        if n < LEAST_PERIODS {
            return Maybe::because(format!(
                "{n} complete {}s are too few to forecast from ({LEAST_PERIODS} are needed)",
                self.unit
            ));
        }
        let recent = &self.counts[n - self.shown.min(n)..];
        if recent.iter().sum::<u64>() == 0 {
            return Maybe::because(format!(
                "no ticket was created in the {} {}s before as_of: a silence is no ground for a forecast",
                recent.len(),
                self.unit
            ));
        }
        if let Some(reason) = self.silence() {
            return Maybe::because(reason);
        }
        let values: Vec<f64> = self.counts.iter().map(|c| *c as f64).collect();
        let made = match series::forecast(&values, &Options::counts(ahead, self.periods)) {
            Ok(made) => made,
            Err(error) => return Maybe::because(error.to_string()),
        };
        let held_out = self.held_out(&values, ahead);
        let day = |k: usize| iso(self.first + k as i64 * self.step);
        let model = made.model.to_string();
        Maybe::Known(Forecast {
            series: self.rule.clone(),
            chosen_by: if made.candidates.is_empty() {
                "no comparison: see the caveats".to_owned()
            } else {
                format!(
                    "least mean absolute error over {} rolling origins, and a simpler model within 1 % of it; that it is the best is not claimed",
                    made.origins
                )
            },
            candidates: made
                .candidates
                .iter()
                .map(|c| CandidateScore { model: c.model.to_string(), mae: c.mae })
                .collect(),
            summary: self.summary(&model, &held_out),
            ahead: points(&made, |k| day(n + k)),
            coverage: made.coverage.iter().map(check).collect(),
            recent: (n - recent.len()..n).map(day).zip(recent.iter().copied()).collect(),
            caveats: made.caveats,
            held_out,
            model,
        })
    }

    /// Whether the records end before `as_of`: there is no forecasting from a silence that the arrivals before do not allow
    /// for, as the export, and not the arrivals, may have ended.
    fn silence(&self) -> Option<String> {
        let silent = self.counts.iter().rev().take_while(|n| **n == 0).count();
        let heard = &self.counts[..self.counts.len() - silent];
        let window = &heard[heard.len() - self.shown.min(heard.len())..];
        let expected = window.iter().sum::<u64>() as f64 / window.len().max(1) as f64 * silent as f64;
        let longest = heard.split(|n| *n > 0).map(<[u64]>::len).max().unwrap_or(0);
        let days = silent as i64 * self.step;
        (days >= LEAST_SILENCE && silent > longest && expected > MOST_EXPECTED).then(|| {
            format!(
                "no ticket was created in the {silent} {}s before as_of, where {expected:.0} were to be expected after the {} before: if the \
                 export ends there, set as_of to its date",
                self.unit,
                window.len()
            )
        })
    }

    fn held_out(&self, values: &[f64], ahead: usize) -> Maybe<HeldOut> {
        let Some(training) = values.len().checked_sub(ahead).filter(|n| *n >= LEAST_TRAINING) else {
            return Maybe::because(format!(
                "{} {}s are too few to hold out {ahead} and fit on {LEAST_TRAINING}",
                values.len(),
                self.unit
            ));
        };
        let (train, test) = values.split_at(training);
        let made = match series::forecast(train, &Options::counts(ahead, self.periods)) {
            Ok(made) => made,
            Err(error) => return Maybe::because(error.to_string()),
        };
        let error = |forecast: &[f64]| {
            let errors: Vec<f64> = test.iter().zip(forecast).map(|(a, f)| (a - f).abs()).collect();
            mean(&errors)
        };
        let naive = |(name, rule): &Naive| {
            let forecast: Option<Vec<f64>> = (0..ahead).map(|step| rule(train, step)).collect();
            Some(((*name).to_owned(), error(&forecast?)?))
        };
        let inside = |interval: &series::Interval| {
            let bounds = interval.lower.iter().zip(&interval.upper);
            let n = test.iter().zip(bounds).filter(|(v, (low, high))| *low <= v && v <= high).count();
            CoverageCheck { level: interval.level, empirical: Some(n as f64 / ahead as f64), checked: ahead }
        };
        Maybe::Known(HeldOut {
            from: iso(self.first + training as i64 * self.step),
            n: ahead,
            model: made.model.to_string(),
            actual: self.counts[training..].to_vec(),
            mae: error(&made.point).unwrap_or(0.0),
            naive_mae: self.naive.iter().filter_map(naive).collect(),
            coverage: made.intervals.iter().map(inside).collect(),
            forecast: made.point,
        })
    }

    fn summary(&self, model: &str, held_out: &Maybe<HeldOut>) -> String {
        match held_out {
            Maybe::Unknown { not_computable } => format!("Model: {model}. Not tested: {not_computable}."),
            Maybe::Known(test) => {
                let naive: Vec<String> =
                    test.naive_mae.iter().map(|(name, mae)| format!("{} {mae:.2}", plain(name))).collect();
                // All periods were forecast from one origin, so their errors go together: one test, whatever their number.
                let naive = match naive.is_empty() {
                    true => String::new(),
                    false => format!(
                        "; {}. One test from one origin does not tell which of them is better",
                        naive.join(", ")
                    ),
                };
                let unit = self.unit;
                format!(
                    "Model: {model}. On the last {} {unit}s, held out, its method was off by {:.2} tickets a {unit} on average{naive}.",
                    test.n, test.mae
                )
            }
        }
    }
}

/// A naive method in words.
fn plain(name: &str) -> &str {
    match name {
        "naive_last" => "last week again",
        "mean_last_8" => "mean of the 8 weeks before",
        "seasonal_naive_7" => "same weekday before",
        _ => "mean of all days before",
    }
}

fn check(coverage: &series::Coverage) -> CoverageCheck {
    CoverageCheck { level: coverage.level, empirical: coverage.empirical, checked: coverage.checked }
}

fn points(made: &series::Forecast, day: impl Fn(usize) -> String) -> Vec<ForecastPoint> {
    let bound = |level: f64, k: usize| {
        let interval = made.intervals.iter().find(|i| i.level == level);
        interval.map_or((None, None), |i| (i.lower.get(k).copied(), i.upper.get(k).copied()))
    };
    let point = |(k, mean): (usize, &f64)| {
        let ((lower_80, upper_80), (lower_95, upper_95)) = (bound(0.8, k), bound(0.95, k));
        ForecastPoint { start: day(k), mean: *mean, lower_80, upper_80, lower_95, upper_95 }
    };
    made.point.iter().enumerate().map(point).collect()
}
