//! What an expression reads: the places that it names, and the documents that it is given.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// Where a reference begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Root {
    /// `input`: the run's input.
    Input,
    /// `steps.NAME.output`: the output of the step of that name.
    Output(String),
    /// `steps.NAME.state`: how that step ended, as a text.
    Step(String),
    /// `item`: the element at hand, inside a map.
    Item,
    /// `index`: its place, inside a map.
    Index,
    /// `previous`: the output of the last iteration, inside a loop.
    Previous,
    /// `as_of`: the run's clock.
    AsOf,
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("input"),
            Self::Output(step) => write!(f, "steps.{step}.output"),
            Self::Step(step) => write!(f, "steps.{step}.state"),
            Self::Item => f.write_str("item"),
            Self::Index => f.write_str("index"),
            Self::Previous => f.write_str("previous"),
            Self::AsOf => f.write_str("as_of"),
        }
    }
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Selector {
    /// `.key` or `["key"]`.
    Key(String),
    /// `[0]`.
    Index(usize),
}

/// A place that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Where it begins.
    pub(crate) root: Root,
    /// What is selected from there, as far as it can be told without evaluating.
    pub(crate) path: Vec<Selector>,
    /// The character (from 1) at which it begins.
    pub(crate) position: usize,
}

/// The documents that an expression is evaluated over: JSON text by root. Only the roots that the expression refers to
/// need be there; of those, one that is not there has no value (the output of a step that was skipped).
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope(BTreeMap<Root, Arc<str>>);

impl Scope {
    /// Give a root its document.
    pub(crate) fn insert(&mut self, root: Root, json: impl Into<Arc<str>>) {
        self.0.insert(root, json.into());
    }

    /// The document of a root.
    pub(crate) fn get(&self, root: &Root) -> Option<&Arc<str>> {
        self.0.get(root)
    }
}
