//! Expected resolution time, from the tickets of the data that are like the one in question.
//!
//! The group is the narrowest of: same cluster, same category and component, same category and product area, same
//! category and product, same category, all. It must hold at least [`ENOUGH`] resolved tickets, and at least as many that
//! were still open at the ticket's present age. Times are wall-clock hours from creation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{context::Categories, survival::Survival};
use crate::{sla::instant, standing::Standing, ticket::Ticket};

/// Fewest resolved tickets of a group, and fewest at the ticket's age, on which an estimate is based.
pub const ENOUGH: usize = 10;

/// An estimate, or why there is none. Hours from `as_of`, by the wall clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedResolution {
    /// Which tickets it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Resolved tickets of that group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_resolved: Option<usize>,
    /// Open tickets of that group; they count as censored (Kaplan–Meier).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_open: Option<usize>,
    /// Tickets of the group that were still open at this ticket's age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_at_risk: Option<usize>,
    /// Half of them were resolved within so many more hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_hours: Option<f64>,
    /// Lower end of the 80 % interval: the 10 % quantile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_hours: Option<f64>,
    /// Upper end of the 80 % interval: the 90 % quantile. Absent where too many are still open to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_hours: Option<f64>,
    /// Why there is no estimate, or what of it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_computable: Option<String>,
}

impl ExpectedResolution {
    fn none(why: impl Into<String>) -> Self {
        Self {
            basis: None,
            n_resolved: None,
            n_open: None,
            n_at_risk: None,
            median_hours: None,
            low_hours: None,
            high_hours: None,
            not_computable: Some(why.into()),
        }
    }
}

/// Curves of all groups.
pub(crate) struct ResolutionTimes<'a> {
    as_of: Timestamp,
    categories: &'a Categories,
    curves: BTreeMap<String, Survival>,
}

impl<'a> ResolutionTimes<'a> {
    pub(crate) fn new(tickets: &[Ticket], categories: &'a Categories, as_of: Timestamp) -> Self {
        let mut observations: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
        for ticket in tickets {
            if let Some(observation) = observe(ticket, as_of) {
                for group in groups(ticket, categories) {
                    observations.entry(group).or_default().push(observation);
                }
            }
        }
        let curves = observations.into_iter().map(|(group, o)| (group, Survival::new(o))).collect();
        Self { as_of, categories, curves }
    }

    pub(crate) fn expected(&self, ticket: &Ticket) -> ExpectedResolution {
        match Standing::of(ticket, self.as_of) {
            Standing::Resolved => return ExpectedResolution::none("resolved"),
            Standing::NotYet => return ExpectedResolution::none("the ticket is dated after as_of"),
            Standing::Open | Standing::Unknown => {}
        }
        let Some(created) = instant(ticket.created_at.as_deref()) else {
            return ExpectedResolution::none("the time of creation is unknown");
        };
        let age = hours(created, self.as_of).max(0.0);
        let mut most = 0;
        for group in groups(ticket, self.categories) {
            let Some(curve) = self.curves.get(&group) else { continue };
            most = most.max(curve.n_resolved);
            let remaining = curve.remaining(age);
            if curve.n_resolved < ENOUGH || remaining.at_risk < ENOUGH {
                continue;
            }
            let Some(median) = remaining.median else { continue };
            let missing = remaining
                .high
                .is_none()
                .then(|| "upper end: too many of the group are still open".to_owned());
            return ExpectedResolution {
                basis: Some(group),
                n_resolved: Some(curve.n_resolved),
                n_open: Some(curve.n_open),
                n_at_risk: Some(remaining.at_risk),
                median_hours: Some(tenth(median)),
                low_hours: remaining.low.map(tenth),
                high_hours: remaining.high.map(tenth),
                not_computable: missing,
            };
        }
        ExpectedResolution::none(if most < ENOUGH {
            format!("fewer than {ENOUGH} similar tickets with a known resolution time (most: {most})")
        } else {
            format!(
                "too few similar tickets (at least {ENOUGH}) were open as long as this one and resolved later"
            )
        })
    }
}

const ALL: &str = "all tickets";

/// The groups that a ticket belongs to, the narrowest first.
fn groups(ticket: &Ticket, categories: &Categories) -> Vec<String> {
    let own = categories.of(&ticket.id);
    let mut groups = Vec::with_capacity(6);
    if let Some(cluster) = &own.cluster_id {
        groups.push(format!("cluster {cluster}"));
    }
    if let Some(category) = &own.category {
        let within =
            [("component", &own.component), ("area", &own.product_area), ("product", &ticket.product)];
        for (what, value) in within {
            if let Some(value) = value {
                groups.push(format!("category {category}, {what} {value}"));
            }
        }
        groups.push(format!("category {category}"));
    } else if let Some(product) = &ticket.product {
        groups.push(format!("product {product}"));
    }
    groups.push(ALL.to_owned());
    groups
}

/// How long the ticket was open, and whether that ended in a resolution at or before `as_of`.
fn observe(ticket: &Ticket, as_of: Timestamp) -> Option<(f64, bool)> {
    let created = instant(ticket.created_at.as_deref()).filter(|at| *at <= as_of)?;
    match (instant(ticket.resolved_at.as_deref()), Standing::of(ticket, as_of)) {
        (Some(at), Standing::Resolved) => (at >= created).then(|| (hours(created, at), true)),
        (_, Standing::Open) => Some((hours(created, as_of), false)),
        // Closed nobody knows when, or not known to be either.
        _ => None,
    }
}

fn hours(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_millisecond() - from.as_millisecond()) as f64 / 3_600_000.0
}

fn tenth(hours: f64) -> f64 {
    (hours * 10.0).round() / 10.0
}
