//! Checking what an expression reads when a definition is saved: whether the names are there where it stands, and
//! whether the schemas have such places. What is not plainly wrong is accepted.

use std::cell::Cell;

use super::{
    Expression,
    bounds::SCHEMA_LOOKS,
    references::{Access, Part},
    schema::{self, Node},
    scope::Root,
    syntax::hint,
};
use crate::model::Schema;

/// What an expression may say of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum StepPlace<'a> {
    /// There is no such step.
    Nowhere,
    /// It does not come before.
    Elsewhere,
    /// It comes before, with the schema of its output, if there is one.
    Before(Option<&'a Schema>),
}

/// The steps around an expression.
pub(crate) trait Steps {
    /// The place of a step.
    fn place(&self, name: &str) -> StepPlace<'_>;
    /// All names, for suggestions.
    fn names(&self) -> Vec<&str>;
}

/// No steps at all.
struct NoSteps;

impl Steps for NoSteps {
    fn place(&self, _: &str) -> StepPlace<'_> {
        StepPlace::Nowhere
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// What is around an expression.
#[derive(Clone)]
pub(crate) struct Surroundings<'a> {
    /// The schema of the run's input.
    pub(crate) input: Option<&'a Schema>,
    /// The steps.
    pub(crate) steps: &'a dyn Steps,
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
    /// So many looks at schemas are left (law 5); absent, as many as one definition has.
    pub(crate) looks: Option<&'a Cell<u64>>,
}

impl Default for Surroundings<'_> {
    fn default() -> Self {
        Self {
            input: None,
            steps: &NoSteps,
            item: false,
            index: false,
            previous: false,
            item_schema: None,
            previous_schema: None,
            looks: None,
        }
    }
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
            let output = match around.steps.place(step) {
                StepPlace::Before(output) => output,
                StepPlace::Elsewhere => {
                    let message = "exists, but is not before this step; add it to depends_on";
                    return here(format!("step {step:?} {message}"));
                }
                StepPlace::Nowhere => {
                    return here(format!("there is no step {step:?}{}", hint(step, around.steps.names())));
                }
            };
            match access.root {
                Root::Step(_) => return scalar(access, "a text"),
                _ => output,
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
    let own = Cell::new(SCHEMA_LOOKS);
    follow(access, schema?, around.looks.unwrap_or(&own))
}

/// Nothing can be selected from what is neither an object nor a list.
fn scalar(access: &Access, kind: &str) -> Option<(usize, String)> {
    access
        .parts
        .first()
        .map(|(_, at)| (*at, format!("`{}` is {kind}; nothing can be selected from it", access.root)))
}

/// Follow a path into a schema as far as it tells anything.
fn follow(access: &Access, schema: &Schema, looks: &Cell<u64>) -> Option<(usize, String)> {
    let mut nodes = vec![Node::root(schema, looks)];
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
