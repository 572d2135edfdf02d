//! What a tenant has: plugins and their grants, workflows, schedules, uploads.

use serde::{Deserialize, Serialize};

use crate::model::{Capability, Digest, RunId, ScheduleId, Timestamp, UploadId};

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

/// A capability that a plugin was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantRow {
    /// The plugin's name: a new version keeps what was granted.
    pub plugin: String,
    /// What it may use.
    pub capability: Capability,
    /// When it was granted.
    pub created_at: Timestamp,
}

/// A version of a tenant's own workflow. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRow {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The definition (JSON).
    pub body: String,
    /// Of the body.
    pub digest: Digest,
    /// When it was saved.
    pub created_at: Timestamp,
}

/// When runs of a workflow are to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its id.
    pub id: ScheduleId,
    /// Unique in the tenant.
    pub name: String,
    /// The workflow's name.
    pub workflow: String,
    /// The runs' input (JSON).
    pub input: String,
    /// The times, as a cron expression.
    pub cron: String,
    /// In which time zone (IANA).
    pub time_zone: String,
    /// What becomes of times at which no host ran.
    pub missed: MissedRuns,
    /// Whether it starts runs.
    pub enabled: bool,
    /// When it is due next; none when it is disabled, and when it will never be due again.
    pub next_at: Option<Timestamp>,
    /// When it last started a run.
    pub last_at: Option<Timestamp>,
    /// The run that it started last.
    pub last_run: Option<RunId>,
    /// Why the last time that was due started no run; none if it did.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What came of a time at which a schedule was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firing {
    /// It started this run.
    Started(RunId),
    /// The start was refused, for this reason.
    Refused(String),
    /// It was left out, as the policy for missed runs has it.
    LeftOut,
}

/// What becomes of a schedule's times at which no host ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedRuns {
    /// One run makes up for all of them.
    RunOnce,
    /// Each gets its run.
    RunAll,
    /// They are left out.
    Skip,
}
