//! The durable events of a run: one vocabulary for the database, the streams and the webhooks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{RunId, Timestamp};

/// One numbered fact in a run's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The run.
    pub run_id: RunId,
    /// From 1, without gaps, within the run.
    pub seq: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The step that it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Particulars.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub data: serde_json::Value,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for EventKind {
            type Err = UnknownEvent;

            fn from_str(text: &str) -> Result<Self, UnknownEvent> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownEvent(text.chars().take(40).collect())),
                }
            }
        }
    };
}

kinds!(
    /// The run was committed.
    RunCreated = "run.created",
    /// Its first step may start.
    RunStarted = "run.started",
    /// Somebody paused it.
    RunPaused = "run.paused",
    /// It goes on: somebody resumed it, decided, or had a step of it done again.
    RunResumed = "run.resumed",
    /// Somebody changed whether its steps wait for reviews, or its priority.
    RunChanged = "run.changed",
    /// Nothing of it can go on before somebody decides.
    RunWaitingApproval = "run.waiting_approval",
    /// An earlier result of a step counts again.
    RunRolledBack = "run.rolled_back",
    /// Every step ended well.
    RunCompleted = "run.completed",
    /// It could not go on.
    RunFailed = "run.failed",
    /// Somebody cancelled it.
    RunCancelled = "run.cancelled",
    /// The step's predecessors ended well.
    StepReady = "step.ready",
    /// An attempt began.
    StepStarted = "step.started",
    /// An attempt failed, and another will follow.
    StepRetrying = "step.retrying",
    /// The step ended well.
    StepCompleted = "step.completed",
    /// The step failed for good.
    StepFailed = "step.failed",
    /// The step was not run, and need not be.
    StepSkipped = "step.skipped",
    /// The run was cancelled before the step ended.
    StepCancelled = "step.cancelled",
    /// The step is done so often, or on so many items.
    StepExpanded = "step.expanded",
    /// The step waits for the run to be resumed.
    StepPaused = "step.paused",
    /// The step waits for a time or an outside event.
    StepWaiting = "step.waiting",
    /// The step has a result, and somebody is to look at it before the run goes on.
    StepAwaitingReview = "step.awaiting_review",
    /// Somebody is to decide.
    ApprovalRequested = "approval.requested",
    /// Somebody, or the deadline, has decided.
    ApprovalDecided = "approval.decided",
    /// A file was committed.
    ArtifactCreated = "artifact.created",
);

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no such event")]
pub struct UnknownEvent(String);
