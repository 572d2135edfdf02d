//! What is to be expected after `as_of`, and what follows from it.

mod contrasts;
mod emerging;
mod forecast;
mod planning;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use forecast::{CandidateScore, CoverageCheck, Forecast, ForecastPoint, HeldOut};
pub use planning::TeamCapacity;

use super::{
    data::Dataset,
    metrics::{Maybe, Metrics},
};

/// How far ahead to forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Horizon {
    /// Weeks, 1 to 52.
    pub weeks_ahead: usize,
    /// Days, 1 to 90.
    pub days_ahead: usize,
}

impl Horizon {
    /// Most weeks.
    pub const MOST_WEEKS: usize = 52;
    /// Most days.
    pub const MOST_DAYS: usize = 90;
}

impl Default for Horizon {
    fn default() -> Self {
        Self { weeks_ahead: 8, days_ahead: 28 }
    }
}

/// Something to do or to know, with the figures it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// In a few words.
    pub title: String,
    /// In a sentence or two.
    pub text: String,
    /// The sums behind it; empty where the text has them all.
    pub arithmetic: String,
}

/// Everything after `as_of`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Predictions {
    /// Tickets a week.
    pub forecast_weekly: Maybe<Forecast>,
    /// Tickets a day.
    pub forecast_daily: Maybe<Forecast>,
    /// What the figures say about people and work.
    pub recommendations: Vec<Finding>,
    /// Patterns that grow, by the categorisation.
    pub emerging_issues: Vec<Finding>,
    /// What was tested for growth, or why nothing was.
    pub emerging_summary: String,
    /// `template`: the sentences are composed from computed figures, no model wrote them.
    pub prose_by: String,
}

/// Compute all of it.
pub(super) fn compute(
    data: &Dataset,
    metrics: &Metrics,
    horizon: Horizon,
    teams: &[TeamCapacity],
) -> Predictions {
    let forecast_weekly = forecast::weekly(data, horizon.weeks_ahead);
    let (emerging_issues, emerging_summary) = emerging::issues(&data.patterns);
    let forecast_daily = forecast::daily(data, horizon.days_ahead);
    Predictions {
        recommendations: planning::recommend(data, metrics, &forecast_weekly, teams),
        emerging_issues,
        emerging_summary,
        forecast_weekly,
        forecast_daily,
        prose_by: "template".to_owned(),
    }
}
