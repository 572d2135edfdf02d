//! How long things took: resolution and first response.

use std::collections::BTreeMap;

use heddle_kit::stats;
use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::analytics::{
    data::{Dataset, Row},
    words::{priority_name, sla_name},
};

/// A distribution of hours. Quantiles by linear interpolation (Hyndman and Fan's type 7).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DurationSummary {
    /// Tickets.
    pub n: usize,
    /// Hours.
    pub mean: f64,
    /// Hours.
    pub median: f64,
    /// Hours within which 90 % lie.
    pub p90: f64,
}

/// From creation to resolution, wall-clock.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ResolutionHours {
    /// What is counted.
    pub rule: String,
    /// All resolved tickets.
    pub all: Maybe<DurationSummary>,
    /// By customer tier.
    pub by_tier: Maybe<BTreeMap<String, DurationSummary>>,
    /// By priority.
    pub by_priority: Maybe<BTreeMap<String, DurationSummary>>,
    /// By category.
    pub by_category: Maybe<BTreeMap<String, DurationSummary>>,
    /// Tickets open at `as_of`.
    pub open_at_as_of: usize,
    /// Resolved at `as_of` / all tickets whose state then is known.
    pub resolution_rate: Option<f64>,
    /// Tickets whose state at `as_of` is unknown.
    pub state_unknown: usize,
}

/// From creation to the first answer, wall-clock.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FirstResponse {
    /// All answered tickets.
    pub all: DurationSummary,
    /// By customer tier.
    pub by_tier: Maybe<BTreeMap<String, DurationSummary>>,
    /// By priority.
    pub by_priority: Maybe<BTreeMap<String, DurationSummary>>,
    /// Tickets that do not say when they were first answered.
    pub not_stated: usize,
    /// How many met, breached or may still meet the policy's `first_response_hours`.
    pub sla: Maybe<BTreeMap<String, usize>>,
}

impl DurationSummary {
    fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            n: values.len(),
            mean: stats::mean(values)?,
            median: stats::median(values)?,
            p90: stats::quantile(values, 0.9)?,
        })
    }
}

type Hours = fn(&Row) -> Option<f64>;

fn split(
    data: &Dataset,
    hours: Hours,
    key: impl Fn(&Row) -> Option<String>,
    none: &str,
) -> Maybe<BTreeMap<String, DurationSummary>> {
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in &data.rows {
        if let (Some(key), Some(value)) = (key(row), hours(row)) {
            groups.entry(key).or_default().push(value);
        }
    }
    if groups.is_empty() {
        return Maybe::because(none);
    }
    Maybe::Known(
        groups.into_iter().filter_map(|(key, values)| Some((key, DurationSummary::of(&values)?))).collect(),
    )
}

pub(super) fn resolution(data: &Dataset) -> Maybe<ResolutionHours> {
    let hours: Hours = Row::resolution_hours;
    let values: Vec<f64> = data.rows.iter().filter_map(hours).collect();
    let states = data.states;
    if values.is_empty() && states.known() == 0 {
        return Maybe::because("no ticket has a status or a resolution date");
    }
    let all = DurationSummary::of(&values)
        .map_or_else(|| Maybe::because("no ticket has both a creation and a resolution date"), Maybe::Known);
    Maybe::Known(ResolutionHours {
        rule: "wall-clock hours from creation to resolution, all tickets with both dates, also those resolved after as_of"
            .to_owned(),
        all,
        by_tier: split(data, hours, |r| r.tier.clone(), "no resolved ticket names a customer tier"),
        by_priority: split(data, hours, |r| r.priority.map(priority_name), "no resolved ticket has a priority"),
        by_category: split(data, hours, |r| r.category.clone(), "no resolved ticket has a category"),
        open_at_as_of: states.open,
        resolution_rate: states.resolution_rate(),
        state_unknown: states.unknown,
    })
}

pub(super) fn first_response(data: &Dataset) -> Maybe<FirstResponse> {
    let hours: Hours = Row::response_hours;
    let values: Vec<f64> = data.rows.iter().filter_map(hours).collect();
    let Some(all) = DurationSummary::of(&values) else {
        return Maybe::because("no ticket has both created_at and first_response_at");
    };
    let mut sla: BTreeMap<String, usize> = BTreeMap::new();
    for state in data.rows.iter().filter_map(|row| row.first_response_sla) {
        *sla.entry(sla_name(state).to_owned()).or_default() += 1;
    }
    Maybe::Known(FirstResponse {
        not_stated: data.rows.iter().filter(|row| row.response.is_none()).count(),
        by_tier: split(data, hours, |r| r.tier.clone(), "no answered ticket names a customer tier"),
        by_priority: split(
            data,
            hours,
            |r| r.priority.map(priority_name),
            "no answered ticket has a priority",
        ),
        sla: match sla.is_empty() {
            true => Maybe::because("the SLA policy has no first_response_hours for these tickets"),
            false => Maybe::Known(sla),
        },
        all,
    })
}
