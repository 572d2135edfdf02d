//! What an attempt may use, and what it used.

use serde::{Deserialize, Serialize};

use super::LimitRequest;

/// What one attempt may use. Pinned when the step becomes ready, because a guest can observe some of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// All linear memories and tables of the instance together, in bytes.
    pub memory_bytes: u64,
    /// From start to end, in milliseconds. Waiting for the host does not count.
    pub wall_ms: u64,
    /// Processor time, in milliseconds.
    pub cpu_ms: u64,
    /// Input JSON, in bytes.
    pub input_bytes: u64,
    /// Output JSON and artifacts together, in bytes.
    pub output_bytes: u64,
    /// The attempt's log, in bytes.
    pub log_bytes: u64,
    /// Calls to the host.
    pub host_calls: u64,
    /// Requests to granted imports together, in bytes, and 1 KiB for each: what its journal takes.
    pub journal_bytes: u64,
    /// Artifacts written.
    pub artifacts: u64,
}

const MIB: u64 = 1 << 20;

impl Default for Limits {
    /// What a phase has that asks for nothing.
    fn default() -> Self {
        Self {
            memory_bytes: 512 * MIB,
            wall_ms: 600_000,
            cpu_ms: 600_000,
            input_bytes: 128 * MIB,
            output_bytes: 256 * MIB,
            log_bytes: MIB,
            host_calls: 1_000_000,
            journal_bytes: 4 * MIB,
            artifacts: 1_000,
        }
    }
}

impl Limits {
    /// What no phase may have more of.
    pub fn ceiling() -> Self {
        Self {
            memory_bytes: 2_048 * MIB,
            wall_ms: 3_600_000,
            cpu_ms: 3_600_000,
            output_bytes: 1_024 * MIB,
            ..Self::default()
        }
    }

    /// These limits with what a phase asks for, never above `ceiling`.
    #[must_use]
    pub fn with(mut self, request: &LimitRequest, ceiling: &Self) -> Self {
        if let Some(bytes) = request.memory_bytes {
            self.memory_bytes = bytes.min(ceiling.memory_bytes);
        }
        if let Some(ms) = request.wall_ms {
            self.wall_ms = ms.min(ceiling.wall_ms);
            self.cpu_ms = self.cpu_ms.max(self.wall_ms).min(ceiling.cpu_ms);
        }
        if let Some(bytes) = request.output_bytes {
            self.output_bytes = bytes.min(ceiling.output_bytes);
        }
        self
    }
}

/// What one attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From start to end, in microseconds.
    pub wall_us: u64,
    /// Processor time of the guest and of its host calls, in microseconds.
    pub cpu_us: u64,
    /// The most that all memories and tables together came to, in bytes.
    pub peak_memory_bytes: u64,
    /// Output JSON and artifacts, in bytes.
    pub output_bytes: u64,
    /// Calls to the host.
    pub host_calls: u64,
}

impl Usage {
    /// What two parts of an attempt used together, one after the other.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            wall_us: self.wall_us + later.wall_us,
            cpu_us: self.cpu_us + later.cpu_us,
            peak_memory_bytes: self.peak_memory_bytes.max(later.peak_memory_bytes),
            output_bytes: self.output_bytes + later.output_bytes,
            host_calls: self.host_calls + later.host_calls,
        }
    }
}
