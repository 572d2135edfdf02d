//! Phase `analytics_dashboard`: how much comes in, how fast it is dealt with, what is to be expected.
//!
//! [`data`](self) joins the tickets with what the earlier phases found; `metrics` computes what was, `predictions` what
//! may come; `dashboard`, `picture` and `report` show it. Every figure is there or says why it is not.

mod calendar;
mod dashboard;
mod data;
pub mod metrics;
mod picture;
pub mod predictions;
mod report;
mod upstream;
mod words;

use heddle_sdk::prelude::*;

use self::{
    metrics::Metrics,
    predictions::{Horizon, Predictions, TeamCapacity},
};
use crate::{listed::write_json, sla::SlaPolicy};

/// Options; the tickets come from `tickets_structured.json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// Targets by customer tier, and when the clock runs.
    pub sla_policy: Option<SlaPolicy>,
    /// The teams, and how many tickets each can resolve in a week.
    pub teams: Option<Vec<TeamCapacity>>,
    /// How far ahead to forecast; 8 weeks and 28 days if absent.
    pub forecast: Option<Horizon>,
}

/// What the phase found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Up to `as_of`. Of groups (products, components, teams …) the 500 largest; `analytics_summary.json` has all.
    pub metrics: Metrics,
    /// After `as_of`.
    pub predictions: Predictions,
}

/// The phase.
pub struct AnalyticsDashboard;

impl Phase for AnalyticsDashboard {
    const NAME: &'static str = "analytics_dashboard";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Analytics dashboard",
            "Volume, resolution, SLA, backlog, load and satisfaction; a forecast; an interactive page.",
        )
        .agent_type("data_visualizer")
        .reads("tickets_structured.json")
        .reads("categorization_results.json")
        .reads("priority_scores.json")
        .deliverable(
            "dashboard.html",
            FileKind::Html,
            "Interactive dashboard: one file, works without a network",
        )
        .deliverable("analytics_summary.json", FileKind::Json, "All figures, and the forecast with its test")
        .output("trend_analysis.png", FileKind::Png)
        .output("executive_report.md", FileKind::Markdown)
        .limits(crate::listed::limits())
    }

    fn validate(input: &Input) -> Vec<Problem> {
        let mut problems = input.sla_policy.as_ref().map_or_else(Vec::new, |p| p.problems("/sla_policy"));
        let horizon = input.forecast.unwrap_or_default();
        for (key, value, most) in [
            ("weeks_ahead", horizon.weeks_ahead, Horizon::MOST_WEEKS),
            ("days_ahead", horizon.days_ahead, Horizon::MOST_DAYS),
        ] {
            if !(1..=most).contains(&value) {
                problems
                    .push(Problem::new(format!("/forecast/{key}"), format!("{value} is not in 1 to {most}")));
            }
        }
        for (i, team) in input.teams.iter().flatten().enumerate() {
            if let TeamCapacity::Team { capacity: Some(capacity), .. } = team
                && !(capacity.is_finite() && *capacity > 0.0)
            {
                problems.push(Problem::new(
                    format!("/teams/{i}/capacity"),
                    format!(
                        "{capacity} is no number of tickets a week; give one above zero, or leave it out"
                    ),
                ));
            }
        }
        problems
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let problems = Self::validate(&input);
        if !problems.is_empty() {
            return Err(PhaseError::InvalidInput(problems));
        }
        let data = data::load(ctx, input.sla_policy.as_ref())?;
        ctx.progress(0.2, format!("{} joined", words::plural(data.rows.len(), "ticket")));
        let metrics = metrics::compute(&data);
        ctx.progress(0.35, "Metrics computed");
        let teams = input.teams.unwrap_or_default();
        let predictions = predictions::compute(&data, &metrics, input.forecast.unwrap_or_default(), &teams);
        ctx.progress(0.7, "Forecasts made and tested");
        ctx.write("dashboard.html", dashboard::page(&data, &metrics, &predictions)?)?;
        ctx.progress(0.85, "Dashboard written");
        ctx.write("trend_analysis.png", picture::draw(&data, &metrics, &predictions)?)?;
        ctx.write("executive_report.md", report::write(&data, &metrics, &predictions))?;
        let mut output = Output { metrics, predictions };
        write_json(ctx, "analytics_summary.json", &output)?;
        output.metrics.shorten();
        done(output)
    }
}
