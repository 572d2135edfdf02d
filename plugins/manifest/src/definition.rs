//! The workflow definition: a named, versioned DAG of steps.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Schema;

/// A workflow definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// Lower-case letters, digits, `_` and `-`, starting with a letter: `ticket_analysis`.
    pub name: String,
    /// Semantic version of the definition.
    #[serde(default = "first_version")]
    pub version: String,
    /// For people.
    #[serde(default)]
    pub display_name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Schema of the run's input. The input is an object.
    #[serde(default = "any_object")]
    pub input_schema: Schema,
    /// The uploaded files that a run may be started with; absent when it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesSpec>,
    /// The steps, in the order in which they are shown.
    pub steps: Vec<Step>,
}

fn first_version() -> String {
    "0.1.0".to_owned()
}

fn any_object() -> Schema {
    serde_json::json!({ "type": "object" })
}

/// The files that a run may be started with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSpec {
    /// Endings of the accepted names, with the dot and in lower case: `.csv`. Empty accepts all.
    #[serde(default)]
    pub accept: Vec<String>,
    /// For people: what to upload.
    #[serde(default)]
    pub description: String,
}

/// One step of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in the workflow. Lower-case letters, digits, `_` and `-`, starting with a letter.
    pub name: String,
    /// The phase that it runs, `PLUGIN/PHASE`.
    pub phase: String,
    /// Steps that must have ended well before this one starts, besides those that its input mapping names.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// How the phase's input is made. Absent, the phase gets the run's whole input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputMapping>,
    /// The phase's configuration. Absent, an empty object.
    #[serde(default = "empty_object")]
    pub config: serde_json::Value,
    /// What to do when an attempt fails in a way that trying again may mend.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Time for one attempt in milliseconds, if shorter than the phase's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether the run goes on when the step has failed; its successors then see no output of it.
    #[serde(default)]
    pub continue_on_failure: bool,
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// From a key of the phase's input to an expression over the run: `input.KEY…`, `steps.STEP.output.KEY…` or the whole
/// `input`, `steps.STEP.output`. A key whose expression finds nothing is left out of the phase's input.
pub type InputMapping = BTreeMap<String, String>;

/// Retries with exponential backoff and jitter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included. At least 1.
    pub max_attempts: u32,
    /// Delay before the second attempt, in milliseconds.
    pub initial_delay_ms: u64,
    /// Each further delay is the one before times this. At least 1.
    pub factor: f64,
    /// No delay is longer than this, in milliseconds.
    pub max_delay_ms: u64,
    /// The delay is multiplied by a number drawn evenly from 1 − jitter to 1 + jitter. In 0..=1.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 3, initial_delay_ms: 500, factor: 2.0, max_delay_ms: 60_000, jitter: 0.2 }
    }
}

impl Step {
    /// A step that runs a phase, with every policy at its default.
    pub fn new(name: impl Into<String>, phase: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            phase: phase.into(),
            depends_on: Vec::new(),
            input: None,
            config: empty_object(),
            retry: RetryPolicy::default(),
            timeout_ms: None,
            continue_on_failure: false,
        }
    }

    /// Add a step that must have ended well before this one starts.
    #[must_use]
    pub fn after(mut self, step: impl Into<String>) -> Self {
        self.depends_on.push(step.into());
        self
    }

    /// Map a key of the phase's input to an expression.
    #[must_use]
    pub fn map(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        self.input.get_or_insert_default().insert(key.into(), expression.into());
        self
    }
}
