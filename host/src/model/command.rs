//! What people and programs want done to a run. A command is a row of the database until the run's owner has done it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Decision, Digest, Failure, StepState, Timestamp, Value};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "data")]
pub enum Command {
    /// Stop the run and let nothing of it start again.
    Cancel,
    /// Let nothing start until it is resumed; what is under way may end.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Go on without reviews, or with them; go earlier or later than other runs.
    Change {
        /// Whether its steps begin without somebody's review of those before them.
        #[serde(default)]
        auto_run: Option<bool>,
        /// The higher goes first.
        #[serde(default)]
        priority: Option<i32>,
    },
    /// Decide what a step waits for.
    Decide {
        /// The approval's id.
        approval: String,
        /// What was decided.
        decision: Decision,
    },
    /// A step that waits for its review is good.
    Continue {
        /// The step.
        step: String,
    },
    /// Do a step again, and then what depends on it, as far as it changes.
    Retry {
        /// The step.
        step: String,
        /// What is to be different this time.
        #[serde(default)]
        overrides: Overrides,
    },
    /// Run a step now: again if it has ended, and without the reviews that it waits for.
    Trigger {
        /// The step.
        step: String,
        /// What is to be different this time.
        #[serde(default)]
        overrides: Overrides,
    },
    /// Let a step that has not ended well count as skipped.
    Skip {
        /// The step.
        step: String,
        /// For people.
        reason: String,
    },
    /// Let an earlier attempt's result count, and do again what depends on it, as far as it changes.
    Rollback {
        /// The step.
        step: String,
        /// The attempt's result.
        to: Box<Restored>,
    },
    /// What a step waits for has happened.
    Signal {
        /// The step.
        step: String,
        /// The signal's number.
        signal: i64,
        /// What came with it (JSON text).
        data: String,
    },
}

/// A command with who gave it, for the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What is wanted.
    pub command: Command,
    /// Who wants it, if it is a person or a program.
    pub by: Option<String>,
}

impl Command {
    /// Whether it can make a run that has ended go on.
    pub fn reopens(&self) -> bool {
        matches!(self, Self::Retry { .. } | Self::Trigger { .. } | Self::Rollback { .. })
    }
}

/// The result of an earlier attempt that is to count again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// Number of the attempt.
    pub attempt: u32,
    /// What it made.
    pub output: Value,
    /// Hash of everything that it could observe.
    #[serde(default)]
    pub step_key: Option<Digest>,
    /// The shared state that it set.
    #[serde(default)]
    pub shared: BTreeMap<String, Value>,
    /// What was edited of the step for it.
    #[serde(default)]
    pub overrides: Option<serde_json::Value>,
    /// Its artifacts, as the store has them.
    pub artifacts: serde_json::Value,
    /// What the step went through, if it is one that contains others.
    #[serde(default)]
    pub expansion: Option<Value>,
    /// What was inside it then.
    #[serde(default)]
    pub inside: Option<RestoredInside>,
}

/// What was inside a step when an earlier attempt at it completed, as far as something else is there now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoredInside {
    /// Where the step stood when this was found out: on anything else it does not fit.
    pub seen: SeenStep,
    /// How many items or rounds there were.
    pub scopes: usize,
    /// The steps that were otherwise. Each comes after the one that it is inside of.
    pub steps: Vec<RestoredStep>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenStep {
    /// Its state.
    pub state: StepState,
    /// Number of its last attempt.
    pub attempt: u32,
    /// Number of the attempt whose result counts.
    pub result: Option<u32>,
}

/// A step inside another, as it was when that one's attempt completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoredStep {
    /// Its name in the run.
    pub step: String,
    /// How it had ended.
    pub state: StepState,
    /// Number of the attempt whose result counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// That result, unless it is the one that counts now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RestoredResult>,
    /// Hash of everything that the attempt could observe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_key: Option<Digest>,
    /// What was edited of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<serde_json::Value>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it was skipped because something else had failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_failure: bool,
    /// Whether it was skipped because the run had taken another way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypassed: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it went through, if it contains others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansion: Option<Value>,
    /// How many items or rounds it had.
    #[serde(default)]
    pub scopes: usize,
    /// When the attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// What an earlier attempt made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoredResult {
    /// Its output.
    pub output: Value,
    /// The shared state that it set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shared: BTreeMap<String, Value>,
    /// Its artifacts, as the store has them.
    pub artifacts: serde_json::Value,
}

/// What is different in an attempt that somebody asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overrides {
    /// In place of the phase's prompt template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// In place of the phase's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
}

impl Overrides {
    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.prompt.is_none() && self.input.is_none()
    }
}
