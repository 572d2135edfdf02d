//! The rows, as the engine and the API see them.

use serde::{Deserialize, Serialize};

use crate::model::{
    AttemptId, AttemptState, Digest, Failure, FileKind, HostId, RunId, RunState, StepState, Timestamp,
    UploadId, Usage, Value,
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
    pub files: Vec<InputFile>,
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
    /// When it was committed.
    pub created_at: Timestamp,
    /// When its first step became ready.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
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
    /// Unique in the run.
    pub name: String,
    /// Place in the definition, from 0.
    pub ord: u32,
    /// `PLUGIN/PHASE`.
    pub phase: String,
    /// Where it stands.
    pub state: StepState,
    /// Number of the last attempt; 0 before the first.
    pub attempt: u32,
    /// When the next attempt may start.
    pub not_before: Option<Timestamp>,
    /// Hash of everything that the last completed attempt could observe.
    pub step_key: Option<Digest>,
    /// What it made.
    pub output: Option<Value>,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// Why it failed; while it is being retried, why the last attempt failed.
    pub failure: Option<Failure>,
    /// When it became ready.
    pub ready_at: Option<Timestamp>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
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
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it used.
    pub usage: Option<Usage>,
    /// Its log: a list of `{at_us, level, message}`.
    pub log: Option<Value>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A file that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Place among the step's files, from 1.
    pub order: u32,
    /// For people.
    pub description: String,
    /// When it was committed.
    pub created_at: Timestamp,
}

/// A plugin that is or was loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginRow {
    /// Of the component's bytes.
    pub digest: Digest,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its manifest (JSON).
    #[serde(skip)]
    pub manifest: String,
    /// Bytes of the component.
    pub size: u64,
    /// Where it came from.
    pub source: PluginSource,
    /// Whether new runs take it.
    pub active: bool,
    /// When it was first loaded.
    pub created_at: Timestamp,
}

/// Where a plugin came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginSource {
    /// The binary carries it.
    Bundled,
    /// Somebody loaded it.
    Uploaded,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadRow {
    /// Its id.
    pub id: UploadId,
    /// As the client named it, without directories.
    pub filename: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// Something that people or programs want done to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// Its place in the order of commands.
    pub id: i64,
    /// The run.
    pub run: RunId,
    /// What.
    pub kind: CommandKind,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// Stop it and let nothing of it start again.
    Cancel,
}
