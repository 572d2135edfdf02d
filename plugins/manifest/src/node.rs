//! What a step does: the kinds of nodes of a workflow.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Schema, Step};

/// A JSON document made of expressions: one that gives the whole, or one for each key of an object.
///
/// Expressions are CEL (Common Expression Language) over `input`, `steps.NAME.output`, `steps.NAME.state`, `as_of`, and
/// inside a map `item` and `index`, inside a loop `index` and `previous`. A key whose expression selects what is not
/// there is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Mapping {
    /// The whole document.
    Whole(String),
    /// An object, key by key.
    Keys(BTreeMap<String, String>),
}

impl Mapping {
    /// The expressions with their keys; the whole has none.
    pub fn expressions(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let (whole, keys) = match self {
            Self::Whole(text) => (Some((None, text.as_str())), None),
            Self::Keys(keys) => (None, Some(keys)),
        };
        whole.into_iter().chain(keys.into_iter().flatten().map(|(k, text)| (Some(k.as_str()), text.as_str())))
    }
}

/// Choose a branch. A step that depends on `NAME.CASE` runs only if that case was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Condition {
    /// A boolean expression; its cases are `true` and `false`.
    When(String),
    /// The first case that holds is taken.
    Cases(Cases),
}

/// The cases of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Tried in this order.
    pub cases: Vec<Case>,
    /// The case that is taken when none holds. Absent, no branch is taken then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

/// One case of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Lower-case letters, digits and `_`, starting with a letter.
    pub name: String,
    /// A boolean expression.
    pub when: String,
}

impl Condition {
    /// The names of its cases.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::When(_) => vec!["true", "false"],
            Self::Cases(Cases { cases, otherwise }) => {
                cases.iter().map(|case| case.name.as_str()).chain(otherwise.as_deref()).collect()
            }
        }
    }
}

/// A place where a person decides. Its output is `{option, feedback, modification, decided_by}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// What is to be decided, in one line.
    pub title: String,
    /// What the person should know (Markdown).
    #[serde(default)]
    pub message: String,
    /// Values shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<Mapping>,
    /// What may be chosen. Absent: `approve`, which goes on, and `reject`, which fails the step.
    #[serde(default = "approve_or_reject")]
    pub options: Vec<Choice>,
    /// Schema of a modification that the person may give with the choice. Absent, none may be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Schema>,
    /// Seconds after which `default` is taken, or, without a default, the step fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// The option that is taken at the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// An option of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Lower-case letters, digits and `_`, starting with a letter.
    pub name: String,
    /// For people. Absent, the name.
    #[serde(default)]
    pub label: String,
    /// What it does.
    #[serde(default)]
    pub then: Then,
}

/// What an option of a checkpoint does to its step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The step completes, and the run goes on.
    #[default]
    Continue,
    /// The step is skipped.
    Skip,
    /// The step fails.
    Fail,
}

pub(crate) fn approve_or_reject() -> Vec<Choice> {
    vec![
        Choice { name: "approve".to_owned(), label: "Approve".to_owned(), then: Then::Continue },
        Choice { name: "reject".to_owned(), label: "Reject".to_owned(), then: Then::Fail },
    ]
}

/// Wait for a time, or for an outside event. Its output is `{"woken_by": "time" | "event" | "deadline", "data": …}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Wait for so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Wait until a time: an expression that gives a timestamp, or its RFC 3339 text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Wait for an outside event with the key that this expression gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Wait for the event no longer than so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// Whether the step fails at the deadline, or completes as woken by it.
    #[serde(default)]
    pub on_deadline: OnDeadline,
}

/// What the deadline of a wait does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadline {
    /// The step fails.
    #[default]
    Fail,
    /// The step completes.
    Continue,
}

/// Run another workflow as a part of this run. Its input is the step's input mapping; its output the workflow's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubWorkflow {
    /// The workflow's name.
    pub name: String,
}

/// Do the same for each item of an array. Its output is `{"results": […], "failures": [{index, message}]}`; the result
/// of an item that failed or was skipped is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// An expression that gives the array.
    pub over: String,
    /// What is done for each item. It sees `item` and `index`; without an input mapping its input is the item.
    pub body: Box<Step>,
    /// So many items at once. Absent, as many as there are places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// So many items may fail before the step does. Once one more has failed, no further item is begun.
    #[serde(default)]
    pub max_failures: u32,
}

/// Do the same again and again. Its output is `{"result": …, "iterations": N}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loop {
    /// What is done. It sees `index` (from 0) and `previous` (the output of the last time; null at first).
    pub body: Box<Step>,
    /// A boolean expression, tried after each time; here `previous` is what was just made. When it holds, the loop ends.
    pub until: String,
    /// The loop is gone through so often at the most.
    pub max_iterations: u32,
    /// Whether the step fails when that often was not enough, or completes with the last result.
    #[serde(default)]
    pub on_limit: OnDeadline,
}

/// Bring branches together. Its output is an object with the outputs of the steps that it comes after, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Which of them must have been reached.
    #[serde(default)]
    pub mode: JoinMode,
}

/// Which predecessors a step needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinMode {
    /// At least one: the branches not taken do not count.
    #[default]
    Any,
    /// All.
    All,
}

/// What a step does, as the definition has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node<'a> {
    /// Run a phase of a plugin: `PLUGIN/PHASE`.
    Phase(&'a str),
    /// Make a document of expressions.
    Transform(&'a Mapping),
    /// Choose a branch.
    Condition(&'a Condition),
    /// Let a person decide.
    Checkpoint(&'a Checkpoint),
    /// Wait.
    Wait(&'a Wait),
    /// Run another workflow.
    Workflow(&'a SubWorkflow),
    /// Do it for each item.
    Map(&'a Map),
    /// Do it again and again.
    Loop(&'a Loop),
    /// Bring branches together.
    Join(&'a Join),
}

impl<'a> Node<'a> {
    /// The key that names the kind in a definition.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Phase(_) => "phase",
            Self::Transform(_) => "transform",
            Self::Condition(_) => "condition",
            Self::Checkpoint(_) => "checkpoint",
            Self::Wait(_) => "wait",
            Self::Workflow(_) => "workflow",
            Self::Map(_) => "map",
            Self::Loop(_) => "loop",
            Self::Join(_) => "join",
        }
    }

    /// The step that a map or a loop repeats.
    pub fn body(self) -> Option<&'a Step> {
        match self {
            Self::Map(map) => Some(&map.body),
            Self::Loop(repeat) => Some(&repeat.body),
            _ => None,
        }
    }
}
