//! A run with its steps, attempts, host calls and artifacts.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::model::{
    AttemptId, AttemptState, Digest, Failure, FileKind, HostId, RunId, RunState, ScheduleId, StepState,
    TenantId, Timestamp, Usage, Value,
};

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub workflow_version: String,
    /// Of the plan: definition and plugin digests.
    pub plan: Digest,
    /// Where it stands.
    pub state: RunState,
    /// The input object.
    pub input: Value,
    /// The uploaded files that it was started with, sorted by name.
    pub files: Arc<[InputFile]>,
    /// All randomness of the run comes from it.
    pub seed: Digest,
    /// The clock that its phases see.
    pub as_of: Timestamp,
    /// The host that owns it.
    pub owner: HostId,
    /// Of the owner's lease.
    pub epoch: u64,
    /// Transitions committed so far.
    pub rev: u64,
    /// Number of the last event.
    pub event_seq: u64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Whether its steps begin by themselves; if not, each waits until somebody triggers it.
    pub auto_run: bool,
    /// The higher goes first.
    pub priority: i32,
    /// It starts no earlier; at once if there is none.
    pub start_at: Option<Timestamp>,
    /// The schedule that started it.
    pub schedule: Option<ScheduleId>,
    /// The run that it was forked from.
    pub forked_from: Option<RunId>,
    /// The step at which it was forked.
    pub forked_at: Option<String>,
    /// When it was committed.
    pub created_at: Timestamp,
    /// When its first step became ready.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A run that has not ended, as far as it takes to tell whether it only waits.
#[derive(Debug, Clone, PartialEq)]
pub struct UnfinishedRun {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Of its plan.
    pub plan: Digest,
    /// Of the owner's lease.
    pub epoch: u64,
    /// Its last transition.
    pub rev: u64,
    /// Where it stands.
    pub state: RunState,
    /// It starts no earlier.
    pub start_at: Option<Timestamp>,
    /// Its steps that have begun, or are about to, and have not ended.
    pub steps: Vec<UnfinishedStep>,
}

/// A step of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedStep {
    /// Unique in the run.
    pub name: String,
    /// Where it stands.
    pub state: StepState,
    /// When it goes on, or is tried again.
    pub not_before: Option<Timestamp>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// Whether it has said what is to be done inside it.
    pub expanded: bool,
}

/// A file that a run was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Without directories.
    pub name: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub digest: Digest,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRow {
    /// Unique in the run. Of a step inside another it is a path: `fan[3]/extract`.
    pub name: String,
    /// Place in the definition, from 0.
    pub ord: u32,
    /// `PLUGIN/PHASE`.
    pub phase: String,
    /// Where it stands.
    pub state: StepState,
    /// Number of the last attempt; 0 before the first.
    pub attempt: u32,
    /// Number of the attempt whose result counts.
    pub result_attempt: Option<u32>,
    /// Number of the last attempt before somebody had the step done again: the retry policy counts from there.
    pub retried_from: u32,
    /// When the next attempt may start.
    pub not_before: Option<Timestamp>,
    /// Hash of everything that the last completed attempt could observe.
    pub step_key: Option<Digest>,
    /// What a map or a loop goes through.
    pub expansion: Option<Value>,
    /// The case that a condition took.
    pub chosen: Option<String>,
    /// What was edited of it for this run (JSON).
    pub overrides: Option<serde_json::Value>,
    /// The key of the outside event that it waits for.
    pub event_key: Option<String>,
    /// What it made.
    pub output: Option<Value>,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// Whether it was skipped because something else failed: when that is done again, so is this.
    pub for_failure: bool,
    /// Whether it was skipped because the run took another way: what comes after it is then not on the way either.
    pub bypassed: bool,
    /// Why it failed; while it is being retried, why the last attempt failed.
    pub failure: Option<Failure>,
    /// When it became ready.
    pub ready_at: Option<Timestamp>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl StepRow {
    /// Whether what it made counts. Of one that is gone through again, failed or was skipped, it does not, though it may
    /// stand again.
    pub fn has_result(&self) -> bool {
        matches!(self.state, StepState::Completed | StepState::AwaitingReview)
    }
}

/// An attempt at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRow {
    /// Its id, the same after a crash of its host.
    pub id: AttemptId,
    /// The step.
    pub step: String,
    /// From 1.
    pub number: u32,
    /// Where it stands.
    pub state: AttemptState,
    /// The host that started or last replayed it.
    pub host: HostId,
    /// How many hosts died while it ran.
    pub crashes: u32,
    /// Whether nothing ran, and an earlier result of the same step key was taken.
    pub reused: bool,
    /// What was edited of its step for it (JSON).
    pub overrides: Option<serde_json::Value>,
    /// Hash of everything that it could observe.
    pub step_key: Option<Digest>,
    /// What it made.
    pub output: Option<Value>,
    /// The shared state that it set.
    pub shared: Option<BTreeMap<String, Value>>,
    /// What its step, a map, a loop or a part, went through.
    pub expansion: Option<Value>,
    /// Which results were inside its step when it completed (JSON), if that is one of the run's own.
    pub inside: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it used.
    pub usage: Option<Usage>,
    /// Its log: a list of `{at_us, level, message}`.
    pub log: Option<Value>,
    /// When its step became ready for it.
    pub ready_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl AttemptRow {
    /// Leave out what it was given and what it made.
    pub(crate) fn without_documents(&mut self) {
        (self.overrides, self.output, self.shared) = (None, None, None);
        (self.expansion, self.inside, self.log) = (None, None, None);
    }
}

/// Something that an attempt asked of the host: one entry of its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct HostCallRow {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its place among the attempt's calls, from 0.
    pub seq: u32,
    /// What was called.
    pub kind: String,
    /// With what.
    pub request: Value,
    /// Of the request's document: a replay must ask the same.
    pub request_digest: Digest,
    /// What the host answered; none while it is open.
    pub answer: Option<Value>,
    /// When it was asked.
    pub started_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
}

/// A file that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRow {
    /// The step that made it.
    pub step: String,
    /// File name, without directories.
    pub name: String,
    /// From 1, within the run and step. The highest is the latest.
    pub version: u32,
    /// The attempt that made it.
    pub attempt: u32,
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub kind: FileKind,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Whether the workflow's user wants to have it.
    pub deliverable: bool,
    /// Whether it is for those only who may read the run's own input: no other step is given it, and it is in no archive unless it is
    /// asked for.
    pub restricted: bool,
    /// Place among the step's files, from 1.
    pub order: u32,
    /// For people.
    pub description: String,
    /// When it was committed.
    pub created_at: Timestamp,
}
