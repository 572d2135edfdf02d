//! The policy as the input states it.

use std::collections::BTreeMap;

use heddle_sdk::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Targets by customer tier, and when the clock runs.
///
/// Tiers stand at the top (`{"gold": {"resolution_hours": 8}}`) or under `targets`. The tier `default` holds for
/// tickets whose own tier has no target or is unknown. Without `business_hours` and `holidays` the clock runs always.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlaPolicy {
    /// IANA name of the time zone of business hours and holidays: `Europe/Berlin`. UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// When the clock runs. Absent: on all hours of days that are no holidays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<BusinessHours>,
    /// Days on which the clock stands still: `2024-12-25`, or `12-25` for every year.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    /// Targets by tier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, Target>,
    /// Targets by tier, at the top of the policy.
    #[serde(flatten)]
    pub tiers: BTreeMap<String, Target>,
}

/// What a tier is promised, in hours from the ticket's creation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Until the ticket is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_hours: Option<f64>,
    /// Until somebody of the team first answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_response_hours: Option<f64>,
}

/// The weekly opening hours: the same on several `days`, or day by day (`{"mon": ["09:00", "17:00"]}`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BusinessHours {
    /// With `start` and `end`: names of days (`mon`, `Tuesday`) or spans of them (`mon-fri`). Monday to Friday if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<String>>,
    /// Local time at which each of the days opens: `09:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Local time at which each of the days closes: `17:00`, at most `24:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Hours by name of day or span of days.
    #[serde(flatten)]
    pub by_day: BTreeMap<String, DayHours>,
}

/// Opening hours of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "hours of a day are [\"09:00\", \"17:00\"] or a list of such pairs; [] is a closed day"
)]
pub enum DayHours {
    /// From, to.
    One([String; 2]),
    /// Several spans, as with a midday break. None at all: closed.
    Many(Vec<[String; 2]>),
}

impl SlaPolicy {
    /// The target that holds for a tier, and the name under which the policy has it (the tier's, or `default`).
    pub fn target(&self, tier: Option<&str>) -> Option<(&str, &Target)> {
        let find = |name: &str| self.targets.get_key_value(name).or_else(|| self.tiers.get_key_value(name));
        tier.and_then(find).or_else(|| find("default")).map(|(name, target)| (name.as_str(), target))
    }

    /// All targets: (tier, target), sorted by tier.
    pub fn all_targets(&self) -> BTreeMap<&str, &Target> {
        self.tiers.iter().chain(&self.targets).map(|(tier, target)| (tier.as_str(), target)).collect()
    }

    /// Whether hours are counted by a calendar rather than by the wall clock.
    pub fn counts_business_hours(&self) -> bool {
        self.business_hours.is_some() || !self.holidays.is_empty()
    }

    /// Everything that is wrong with the policy, with JSON Pointers below `at` (the policy's own: `/sla_policy`).
    pub fn problems(&self, at: &str) -> Vec<Problem> {
        let mut problems = super::calendar::problems(self, at);
        for (prefix, targets) in [("/targets", &self.targets), ("", &self.tiers)] {
            for (tier, target) in targets {
                let hours = [
                    ("resolution_hours", target.resolution_hours),
                    ("first_response_hours", target.first_response_hours),
                ];
                for (name, value) in hours {
                    if value.is_some_and(|v| !v.is_finite() || v < 0.0) {
                        problems.push(Problem::new(
                            format!("{at}{prefix}/{}/{name}", tier.replace('~', "~0").replace('/', "~1")),
                            format!(
                                "a target is a number of hours, zero or more; this is {}",
                                value.unwrap_or(f64::NAN)
                            ),
                        ));
                    }
                }
            }
        }
        problems
    }
}
