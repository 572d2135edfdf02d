//! How much of everything a tenant may have at once (law 5). What is refused for it says the bound, and how to make room.

use std::time::Duration;

/// Runs of a tenant that have not ended. Those that go on are in memory; of one that only waits there is little.
const OPEN_RUNS: usize = 1_000_000;
/// Steps of a run, those inside others counted. They are all in memory while it runs.
const RUN_STEPS: usize = 100_000;
/// Events from outside that no step has taken.
const SIGNALS: u64 = 10_000;
/// An event that no step has taken in this time is dropped.
const SIGNAL_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Versions of the tenant's own workflows, of all together. One that is deleted counts: its number is not free again.
const WORKFLOW_VERSIONS: u64 = 10_000;
/// Uploaded files that are kept.
const UPLOADS: u64 = 10_000;

/// How much of everything a tenant may have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantBounds {
    /// Runs that have not ended.
    pub open_runs: usize,
    /// Steps of a run, those inside others counted.
    pub run_steps: usize,
    /// Events from outside that no step has taken.
    pub signals: u64,
    /// An event that no step has taken in this time is dropped.
    pub signal_age: Duration,
    /// Versions of its own workflows, of all together, deleted ones too.
    pub workflow_versions: u64,
    /// Uploaded files that are kept.
    pub uploads: u64,
}

impl Default for TenantBounds {
    fn default() -> Self {
        Self {
            open_runs: OPEN_RUNS,
            run_steps: RUN_STEPS,
            signals: SIGNALS,
            signal_age: SIGNAL_AGE,
            workflow_versions: WORKFLOW_VERSIONS,
            uploads: UPLOADS,
        }
    }
}
