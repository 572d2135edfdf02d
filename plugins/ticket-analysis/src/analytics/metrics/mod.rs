//! What the tickets say up to `as_of`: counts, times, shares. Each figure is there or says why it is not.

mod durations;
mod groups;
mod satisfaction;
mod sla;
mod volume;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use durations::{DurationSummary, FirstResponse, ResolutionHours};
pub use groups::{CategoryMix, GroupSummary, LoadSummary, Share};
pub use satisfaction::Satisfaction;
pub use sla::{Sla, SlaTier};
pub use volume::Volume;
pub(super) use volume::{WEEK, complete_weeks, counts};

use super::data::Dataset;
use crate::{listed::largest, standing::StateCounts};

/// A figure, or the reason for having none.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Maybe<T> {
    /// It could be computed.
    Known(T),
    /// It could not.
    Unknown {
        /// Why, in words.
        not_computable: String,
    },
}

impl<T> Maybe<T> {
    /// A reason for having no figure.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::Unknown { not_computable: reason.into() }
    }

    /// The figure, if it is there.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// The reason, if the figure is not there.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { not_computable } => Some(not_computable),
        }
    }
}

/// Everything up to `as_of`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Metrics {
    /// All tickets.
    pub n_tickets: usize,
    /// RFC 3339 in UTC.
    pub as_of: String,
    /// Where the tickets stand at `as_of`.
    pub states: StateCounts,
    /// Arrivals by week.
    pub volume: Maybe<Volume>,
    /// From creation to resolution.
    pub resolution_hours: Maybe<ResolutionHours>,
    /// Against the SLA policy.
    pub sla: Maybe<Sla>,
    /// Tickets open at the end of each week, by the week's Monday.
    pub backlog_at_week_end: Maybe<BTreeMap<String, u64>>,
    /// From creation to the first answer.
    pub first_response_hours: Maybe<FirstResponse>,
    /// Categories, overall and by month.
    pub category_mix: Maybe<CategoryMix>,
    /// Share of each priority.
    pub priority_mix: Maybe<BTreeMap<String, Share>>,
    /// Work by team.
    pub team_load: Maybe<BTreeMap<String, LoadSummary>>,
    /// Work by assignee.
    pub assignee_load: Maybe<BTreeMap<String, LoadSummary>>,
    /// Scores of those who answered.
    pub satisfaction: Maybe<Satisfaction>,
    /// By product or repository.
    pub by_product: Maybe<BTreeMap<String, GroupSummary>>,
    /// By component (product area where no component was found).
    pub by_component: Maybe<BTreeMap<String, GroupSummary>>,
    /// What a reader must know about the data.
    pub notes: Vec<String>,
}

impl Metrics {
    /// Cut every list to what an output may hold.
    pub(super) fn shorten(&mut self) {
        fn cut<T>(groups: &mut Maybe<BTreeMap<String, T>>, size: impl Fn(&T) -> usize) {
            if let Maybe::Known(groups) = groups {
                largest(groups, size);
            }
        }
        cut(&mut self.team_load, |load| load.n);
        cut(&mut self.assignee_load, |load| load.n);
        cut(&mut self.by_product, |group| group.n);
        cut(&mut self.by_component, |group| group.n);
        if let Maybe::Known(hours) = &mut self.resolution_hours {
            cut(&mut hours.by_tier, |group| group.n);
        }
        if let Maybe::Known(hours) = &mut self.first_response_hours {
            cut(&mut hours.by_tier, |group| group.n);
        }
        if let Maybe::Known(sla) = &mut self.sla {
            largest(&mut sla.by_tier, |tier| tier.tally.n);
        }
        if let Maybe::Known(scores) = &mut self.satisfaction {
            largest(&mut scores.distribution, |n| *n);
        }
    }
}

/// Compute all of it.
pub(super) fn compute(data: &Dataset) -> Metrics {
    let volume = volume::volume(data);
    Metrics {
        n_tickets: data.rows.len(),
        states: data.states,
        as_of: data.as_of_text.clone(),
        backlog_at_week_end: volume::backlog(data),
        volume,
        resolution_hours: durations::resolution(data),
        sla: sla::sla(data),
        first_response_hours: durations::first_response(data),
        category_mix: groups::categories(data),
        priority_mix: groups::priorities(data),
        team_load: groups::load(
            data,
            |r| r.team.as_deref(),
            "no ticket is routed to a team (priority_scores.json names none)",
        ),
        assignee_load: groups::load(data, |r| r.assignee.as_deref(), "no ticket names an assignee"),
        satisfaction: satisfaction::satisfaction(data),
        by_product: groups::by(data, |r| r.product.as_deref(), "no ticket names a product"),
        by_component: groups::by(data, |r| r.component.as_deref(), "the categorisation found no component"),
        notes: data.notes.clone(),
    }
}
