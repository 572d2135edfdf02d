//! Compliance with the SLA policy's resolution targets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::{analytics::data::Dataset, sla::Tally};

/// Compliance with the resolution targets.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sla {
    /// What counts as met.
    pub rule: String,
    /// `business` or `wall_clock` hours.
    pub hours: String,
    /// By customer tier of the tickets.
    pub by_tier: BTreeMap<String, SlaTier>,
    /// All tiers: 100 * met / (met + breached); absent if nothing is decided.
    pub overall_compliance_pct: Option<f64>,
    /// Tickets without a verdict: no target for their tier, or a date is missing.
    pub not_judged: usize,
}

/// One tier.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SlaTier {
    /// Hours until resolution that the policy promises.
    pub target_hours: Option<f64>,
    /// The counts.
    #[serde(flatten)]
    pub tally: Tally,
}

/// The name under which tickets without a tier stand.
const NO_TIER: &str = "(not stated)";

pub(super) fn sla(data: &Dataset) -> Maybe<Sla> {
    let Some(facts) = &data.sla else {
        return Maybe::because("the input has no sla_policy");
    };
    let mut by_tier: BTreeMap<String, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    for row in &data.rows {
        let Some(state) = row.sla else { continue };
        by_tier.entry(row.tier.clone().unwrap_or_else(|| NO_TIER.to_owned())).or_default().add(state);
        all.add(state);
    }
    if all.n == 0 {
        return Maybe::because("the SLA policy has a resolution target for none of the dated tickets' tiers");
    }
    let target = |tier: &str| facts.targets.get(tier).or_else(|| facts.targets.get("default")).copied();
    Maybe::Known(Sla {
        rule: "a ticket meets its SLA if it is resolved (at or before as_of) within resolution_hours of its tier; it has breached it if later, or if unresolved and older than that; else it is pending".to_owned(),
        hours: facts.hours.to_owned(),
        overall_compliance_pct: all.compliance_pct,
        not_judged: data.rows.len() - all.n,
        by_tier: by_tier.into_iter().map(|(tier, tally)| {
            let target_hours = target(&tier);
            (tier, SlaTier { target_hours, tally })
        }).collect(),
    })
}
