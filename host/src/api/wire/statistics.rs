//! Statistics over the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{Distribution, GroupStatistics, Groups, Statistics};

/// Statistics over runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Statistics)]
pub struct StatisticsBody {
    /// Over all runs.
    pub overall: RunStatisticsBody,
    /// By the workflow's name: of the 200 with the most runs.
    pub workflows: BTreeMap<String, RunStatisticsBody>,
    /// Whether there are more workflows.
    pub workflows_truncated: bool,
    /// By the phase, `PLUGIN/PHASE` or the kind of a node: of the 200 with the most attempts.
    pub phases: BTreeMap<String, PhaseStatisticsBody>,
    /// Whether there are more phases.
    pub phases_truncated: bool,
}

/// Statistics over some runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunStatistics)]
pub struct RunStatisticsBody {
    /// How many there are.
    pub count: u64,
    /// In each state.
    pub states: BTreeMap<String, u64>,
    /// Of those that completed or failed, the share that completed; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub success_rate: Option<f64>,
    /// Attempts that followed one that had failed.
    pub retries: u64,
    /// Of those that ended, from the start to the end, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<DistributionBody>,
}

/// Statistics over the attempts at steps of one phase. Those that took an earlier result did not run, and are not counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PhaseStatistics)]
pub struct PhaseStatisticsBody {
    /// How many there are.
    pub count: u64,
    /// In each state.
    pub states: BTreeMap<String, u64>,
    /// Of those that completed or failed, the share that completed; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub success_rate: Option<f64>,
    /// Those that followed one that had failed.
    pub retries: u64,
    /// From start to end, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_us: Option<DistributionBody>,
    /// Processor time, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<DistributionBody>,
    /// The most memory at once, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<DistributionBody>,
    /// From ready to the start, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_us: Option<DistributionBody>,
}

/// What is known of some measured values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Distribution)]
pub struct DistributionBody {
    /// How many there are.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// The arithmetic mean.
    pub avg: f64,
    /// The 50th percentile, by nearest rank.
    pub p50: u64,
    /// The 95th percentile, by nearest rank.
    pub p95: u64,
    /// The greatest.
    pub max: u64,
}

impl From<Distribution> for DistributionBody {
    fn from(Distribution { count, min, avg, p50, p95, max }: Distribution) -> Self {
        Self { count, min, avg, p50, p95, max }
    }
}

fn success_rate(states: &BTreeMap<String, u64>) -> Option<f64> {
    let of = |state: &str| states.get(state).copied().unwrap_or(0);
    let (completed, failed) = (of("completed"), of("failed"));
    (completed + failed > 0).then(|| completed as f64 / (completed + failed) as f64)
}

impl From<GroupStatistics> for RunStatisticsBody {
    fn from(GroupStatistics { states, retries, measures }: GroupStatistics) -> Self {
        Self {
            count: states.values().sum(),
            success_rate: success_rate(&states),
            states,
            retries,
            duration_us: measures.get("duration_us").copied().map(Into::into),
        }
    }
}

impl From<GroupStatistics> for PhaseStatisticsBody {
    fn from(GroupStatistics { states, retries, measures }: GroupStatistics) -> Self {
        let measure = |name: &str| measures.get(name).copied().map(Into::into);
        Self {
            count: states.values().sum(),
            success_rate: success_rate(&states),
            states,
            retries,
            wall_us: measure("wall_us"),
            cpu_us: measure("cpu_us"),
            peak_memory_bytes: measure("peak_memory_bytes"),
            queued_us: measure("queued_us"),
        }
    }
}

impl From<Statistics> for StatisticsBody {
    fn from(Statistics { overall, workflows, phases }: Statistics) -> Self {
        fn bodies<B: From<GroupStatistics>>(groups: Groups) -> (BTreeMap<String, B>, bool) {
            (groups.groups.into_iter().map(|(name, group)| (name, group.into())).collect(), groups.truncated)
        }
        let (workflows, workflows_truncated) = bodies(workflows);
        let (phases, phases_truncated) = bodies(phases);
        Self { overall: overall.into(), workflows, workflows_truncated, phases, phases_truncated }
    }
}
