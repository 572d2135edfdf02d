//! The workflow definition: a named, versioned DAG of steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Checkpoint, Concurrency, Condition, Join, Loop, Map, Mapping, Node, RetryPolicy, Schema, SubWorkflow,
    Wait,
};

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
    /// The workflow's result, made of its steps' outputs. Absent, it is an object with the outputs of the steps that no
    /// other comes after, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Mapping>,
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

/// One step of a workflow. Exactly one of `phase`, `transform`, `condition`, `checkpoint`, `wait`, `workflow`, `map`,
/// `loop` and `join` says what it does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in the workflow. Lower-case letters, digits and `_`, starting with a letter. The body of a map or a loop
    /// needs none.
    #[serde(default)]
    pub name: String,
    /// The phase that it runs, `PLUGIN/PHASE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Make a document of expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Mapping>,
    /// Choose a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Let a person decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Wait for a time or an outside event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Run another workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<SubWorkflow>,
    /// Do it for each item of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Map>,
    /// Do it again and again.
    #[serde(default, rename = "loop", skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Loop>,
    /// Bring branches together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Steps that must have ended well before this one starts, besides those that its expressions name. `NAME.CASE`
    /// is the step NAME with its case CASE taken.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// How the input of a phase or a workflow is made. Absent, it is the run's whole input, or inside a map the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Mapping>,
    /// The phase's configuration. Absent, an empty object.
    #[serde(default = "empty_object")]
    pub config: serde_json::Value,
    /// What to do when an attempt fails in a way that trying again may mend.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Time for one attempt at a phase in milliseconds, if shorter than the phase's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Time for all attempts together, with the delays between them, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_timeout_ms: Option<u64>,
    /// A step that runs in place of this one when this one has failed; its output is then taken for this one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Whether the run goes on when the step has failed; its successors then see no output of it.
    #[serde(default)]
    pub continue_on_failure: bool,
    /// A boolean expression; where it holds, the step is skipped, and what comes after it runs without its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_when: Option<String>,
    /// Of the steps that wait for a place, the one with the highest priority starts first.
    #[serde(default)]
    pub priority: i32,
    /// How many steps like this one may run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

impl Step {
    /// What it does; `None` if the definition says nothing or more than one thing.
    pub fn node(&self) -> Option<Node<'_>> {
        let mut nodes = self.nodes();
        let first = nodes.next();
        if nodes.next().is_some() { None } else { first }
    }

    /// Everything that the definition says it does; in a good one it is one thing.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        [
            self.phase.as_deref().map(Node::Phase),
            self.transform.as_ref().map(Node::Transform),
            self.condition.as_ref().map(Node::Condition),
            self.checkpoint.as_ref().map(Node::Checkpoint),
            self.wait.as_ref().map(Node::Wait),
            self.workflow.as_ref().map(Node::Workflow),
            self.map.as_ref().map(Node::Map),
            self.repeat.as_ref().map(Node::Loop),
            self.join.as_ref().map(Node::Join),
        ]
        .into_iter()
        .flatten()
    }
}
