//! What the engine asks of the sandbox, and what it gets back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Files, HostCalls};
use crate::model::{Capability, Failure, Limits, Usage};

/// One attempt. Everything a guest can observe is in here.
pub struct AttemptRequest {
    /// Name of the phase within the plugin.
    pub phase: String,
    /// The phase's input (JSON).
    pub input: String,
    /// The step's configuration (JSON).
    pub config: String,
    /// The prompt template after the run's edits.
    pub prompt: Option<String>,
    /// The given clock: milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// The given random.
    pub seed: [u8; 32],
    /// Shared state by key (JSON), as committed when the step became ready.
    pub shared: BTreeMap<String, String>,
    /// What the attempt may use.
    pub limits: Limits,
    /// The granted imports. A phase that needs one which is not among them does not run.
    pub granted: Arc<BTreeSet<Capability>>,
    /// Answers its calls of granted imports.
    pub calls: Box<dyn HostCalls>,
    /// Where its files are.
    pub files: Box<dyn Files>,
    /// Told, on the guest's thread, how far the phase is; must not block.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    /// Stops the guest within 100 ms.
    pub cancel: CancellationToken,
}

/// How far a phase is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// In 0..=1.
    pub fraction: f64,
    /// For people.
    pub message: String,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct AttemptReport {
    /// How the guest ended, or why it did not end well.
    pub result: Result<GuestOutcome, Failure>,
    /// The files that the guest finished, in the order of their first `create`. Only of a completed attempt.
    pub files: Vec<WrittenFile>,
    /// The shared-state keys that it set (JSON). Only of a completed attempt.
    pub shared: BTreeMap<String, String>,
    /// Its log. An attempt that is replayed logs everything again.
    pub log: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
}

/// How a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestOutcome {
    /// Its output (JSON), checked against the phase's output schema.
    Completed(String),
    /// There was nothing to do, and why.
    Skipped(String),
    /// It waits for an answer that nobody has given yet ([`super::HostAnswer::Suspend`]). Nothing of it is left: with the
    /// answer, the attempt is executed again from its beginning.
    Suspended,
}

/// A file that a guest finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// As declared in the manifest.
    pub name: String,
    /// Where its bytes are.
    pub stored: super::StoredFile,
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Every detail.
    Trace,
    /// For the author.
    Debug,
    /// What was done.
    Info,
    /// Something is odd, and the phase goes on.
    Warn,
    /// Something failed.
    Error,
}

/// A line of an attempt's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Since the attempt's start, in microseconds.
    pub at_us: u64,
    /// Severity.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}
