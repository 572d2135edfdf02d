//! What reaches a run from outside: commands, approvals, signals.

use serde::{Deserialize, Serialize};

use crate::model::{ApprovalId, Order, RunId, Timestamp, Value};

/// Something that people or programs want done to a run.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRow {
    /// Its place in the order of commands.
    pub id: i64,
    /// The run.
    pub run: RunId,
    /// What, and who wants it.
    pub order: Order,
    /// How often a host has taken it up.
    pub tries: u32,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandAnswer {
    /// The run's owner has not taken it up.
    Queued,
    /// It is done.
    Done,
    /// It did not fit where the run stood, and why.
    Refused(String),
}

/// Something that people are asked to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRow {
    /// Its id.
    pub id: ApprovalId,
    /// The run that waits for it.
    pub run: RunId,
    /// The step that waits for it.
    pub step: String,
    /// Who asks.
    pub kind: ApprovalKind,
    /// What is to be decided (JSON).
    pub request: serde_json::Value,
    /// Where it stands.
    pub state: ApprovalState,
    /// Until when it can be decided.
    pub deadline: Option<Timestamp>,
    /// What was decided (JSON).
    pub decision: Option<serde_json::Value>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When it was decided, expired or withdrawn.
    pub decided_at: Option<Timestamp>,
    /// When it was asked.
    pub created_at: Timestamp,
}

/// Who asks for an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// A checkpoint of the workflow.
    Checkpoint,
    /// A phase, from inside.
    Guest,
    /// The host, before it goes on from a step's result.
    Review,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Somebody may decide.
    Open,
    /// Somebody has decided.
    Decided,
    /// Nobody decided in time.
    Expired,
    /// It is no longer of interest: the run was cancelled, or went another way.
    Withdrawn,
}

impl ApprovalState {
    /// As in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided => "decided",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl ApprovalKind {
    /// As in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Guest => "guest",
            Self::Review => "review",
        }
    }
}

/// An event from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalRow {
    /// Its place in the order of signals.
    pub id: i64,
    /// What sender and run agreed on.
    pub key: String,
    /// What it says.
    pub data: Value,
    /// When it came.
    pub created_at: Timestamp,
    /// The run and the step that took it.
    pub taken: Option<(RunId, String)>,
}
