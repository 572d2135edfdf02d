//! Checking what an expression reads when a definition is saved: whether the names are there where it stands, and
//! whether the schemas have such places. What is not plainly wrong is accepted.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Expression,
    references::{Access, Part},
    schema::{self, Node},
    scope::Root,
    syntax::hint,
};
use crate::model::Schema;

/// What is around an expression.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings<'a> {
    /// The schema of the run's input.
    pub(crate) input: Option<&'a Schema>,
    /// The steps that this one comes after, each with the schema of its output, if there is one.
    pub(crate) ancestors: BTreeMap<&'a str, Option<&'a Schema>>,
    /// All steps that there are.
    pub(crate) steps: BTreeSet<&'a str>,
    /// Whether `item` is there: inside a map.
    pub(crate) item: bool,
    /// Whether `index` is there: inside a map or a loop.
    pub(crate) index: bool,
    /// Whether `previous` is there: inside a loop.
    pub(crate) previous: bool,
    /// The schema of `item`, if it is known.
    pub(crate) item_schema: Option<&'a Schema>,
    /// The schema of `previous` from the second iteration on, if it is known.
    pub(crate) previous_schema: Option<&'a Schema>,
}

/// Everything that is plainly wrong with what an expression reads, each with its character (from 1).
pub(crate) fn check_references(expression: &Expression, around: &Surroundings) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    for access in expression.accesses.iter() {
        let problem = check(access, around);
        // What is read through the variable of a loop begins with what the loop goes over: that is told once.
        problems.extend(problem.filter(|problem| !problems.contains(problem)));
    }
    problems.sort();
    problems
}

fn check(access: &Access, around: &Surroundings) -> Option<(usize, String)> {
    let here = |message: String| Some((access.position, message));
    let schema = match &access.root {
        Root::Input => around.input,
        Root::Output(step) | Root::Step(step) => {
            let Some(output) = around.ancestors.get(step.as_str()) else {
                return here(match around.steps.contains(step.as_str()) {
                    true => {
                        format!("step {step:?} exists, but is not before this step; add it to depends_on")
                    }
                    false => format!("there is no step {step:?}{}", hint(step, around.steps.iter().copied())),
                });
            };
            match access.root {
                Root::Step(_) => return scalar(access, "a text"),
                _ => *output,
            }
        }
        Root::Item if !around.item => {
            return here("there is no `item` here: it is inside a map only".to_owned());
        }
        Root::Index if !around.index => {
            return here("there is no `index` here: it is inside a map or a loop only".to_owned());
        }
        Root::Previous if !around.previous => {
            return here("there is no `previous` here: it is inside a loop only".to_owned());
        }
        Root::Item => around.item_schema,
        Root::Previous => around.previous_schema,
        Root::Index => return scalar(access, "a number"),
        Root::AsOf => return scalar(access, "a time"),
    };
    follow(access, schema?)
}

/// Nothing can be selected from what is neither an object nor a list.
fn scalar(access: &Access, kind: &str) -> Option<(usize, String)> {
    access
        .parts
        .first()
        .map(|(_, at)| (*at, format!("`{}` is {kind}; nothing can be selected from it", access.root)))
}

/// Follow a path into a schema as far as it tells anything.
fn follow(access: &Access, schema: &Schema) -> Option<(usize, String)> {
    let mut nodes = vec![Node::root(schema)];
    let mut path = access.root.to_string();
    for (part, at) in &access.parts {
        let mut next = Vec::new();
        let mut complaints = Vec::new();
        for node in nodes.iter().flat_map(Node::alternatives) {
            match node.select(part) {
                schema::Found::Anything => return None,
                schema::Found::Nodes(found) => next.extend(found),
                schema::Found::Nothing(complaint) => complaints.push(complaint),
            }
        }
        // One alternative that has it is enough; `null` among others says nothing.
        if next.is_empty() {
            let complaint = complaints.into_iter().max()?;
            return Some((*at, format!("`{path}` {}", complaint.words())));
        }
        if next.len() > schema::ALTERNATIVES {
            return None;
        }
        nodes = next;
        match part {
            Part::Selector(super::Selector::Key(key)) => path = format!("{path}.{key}"),
            Part::Selector(super::Selector::Index(index)) => path = format!("{path}[{index}]"),
            Part::Any => path.push_str("[…]"),
        }
    }
    None
}
