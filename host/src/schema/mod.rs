//! JSON Schema (draft 2020-12) of untrusted origin: compiled with bounds, never fetching a reference (law 5).

mod bounds;
mod expansion;
mod explain;
mod metered;
#[cfg(test)]
mod tests;

pub(crate) use self::bounds::measure_together;
pub use self::bounds::{
    MAX_COMPILED_PATTERN_BYTES, MAX_DEPTH, MAX_ENUM, MAX_PATTERN_BYTES, MAX_PATTERN_STATES, MAX_PATTERNS,
    MAX_SCHEMA_BYTES, MAX_VALUES,
};
use self::{
    bounds::Measure,
    explain::explain,
    metered::{Breach, Counted, MAX_ERRORS, Metered},
};
pub use self::{expansion::MAX_EXPANSION, metered::MAX_STEPS};
use std::{
    cell::Cell,
    sync::{Mutex, PoisonError},
};

use jsonschema::PatternOptions;
use serde_json::Value;

use crate::model::{Problem, Schema};

/// So many violations are reported of one document.
const MAX_PROBLEMS: usize = 50;
/// Schemas that are no deeper than this are handled on the stack of whoever asks.
const SHALLOW: usize = 150;
/// So much of that stack may be used for a validation, in bytes.
const SHALLOW_STACK: usize = 1 << 20;
/// The stack for schemas that are deeper, in bytes. Only what is used of it takes memory.
const DEEP_STACK: usize = 256 << 20;
/// So much of that is left to what is called at the deepest place, in bytes.
const STACK_RESERVE: usize = 16 << 20;

/// A compiled schema. Whatever it says, validating a document takes no more than so many steps.
#[derive(Debug)]
pub struct Validator {
    /// There until it is dropped.
    compiled: Option<jsonschema::Validator<Metered>>,
    measure: Measure,
}

/// Compile a schema.
///
/// # Errors
/// What is wrong with it, for its author: not a schema, too large, or with a reference to another document.
pub fn compile(schema: &Schema) -> Result<Validator, String> {
    let measure = bounds::measure(schema)?;
    let build = || {
        jsonschema::options_for::<Metered>()
            // Linear time: a tenant's pattern must not be able to hang the host.
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_COMPILED_PATTERN_BYTES))
            .build(schema)
            .map_err(|error| format!("the schema cannot be used: {error}"))
    };
    let compiled = on_stack(measure.depth, build)??;
    Ok(Validator { compiled: Some(compiled), measure })
}

impl Validator {
    /// Whether a document fits. One that takes too many steps does not.
    pub fn is_valid(&self, document: &Value) -> bool {
        self.is_valid_within(document, &Cell::new(MAX_STEPS))
    }

    fn is_valid_within(&self, document: &Value, steps: &Cell<u64>) -> bool {
        self.run(steps, |compiled| compiled.is_valid(Counted(document))).unwrap_or(false)
    }

    /// Do something with so many steps, of which those that are not taken are left.
    fn run<T: Send>(
        &self,
        steps: &Cell<u64>,
        f: impl Fn(&jsonschema::Validator<Metered>) -> T + Sync,
    ) -> Result<T, Breach> {
        let mut left = steps.get();
        let done = self.run_with(&mut left, f);
        steps.set(left);
        done
    }

    fn run_with<T: Send>(
        &self,
        steps: &mut u64,
        f: impl Fn(&jsonschema::Validator<Metered>) -> T + Sync,
    ) -> Result<T, Breach> {
        let Some(compiled) = &self.compiled else { return Err(Breach::Depth) };
        let mut run = |stack| metered::run(self.measure.weights, steps, stack, || f(compiled));
        if self.measure.depth <= SHALLOW {
            match run(SHALLOW_STACK) {
                // The document is deep.
                Err(Breach::Depth) => {}
                done => return done,
            }
        }
        on_stack(SHALLOW + 1, || run(DEEP_STACK - STACK_RESERVE)).unwrap_or(Err(Breach::Depth))
    }
}

/// What is deep to compile is deep to drop.
impl Drop for Validator {
    fn drop(&mut self) {
        let compiled = Mutex::new(self.compiled.take());
        let take = || compiled.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Without a thread it stays: losing memory is better than losing the host.
        if on_stack(self.measure.depth, || drop(take())).is_err() {
            std::mem::forget(take());
        }
    }
}

/// Do something with a schema of that depth where there is enough stack for it.
fn on_stack<T: Send>(depth: usize, f: impl FnOnce() -> T + Send) -> Result<T, String> {
    if depth <= SHALLOW {
        return Ok(f());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("schema".to_owned()).stack_size(DEEP_STACK);
        let thread = thread
            .spawn_scoped(scope, f)
            .map_err(|error| format!("the schema needs a thread of its own, and there is none: {error}"))?;
        thread.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}

/// Everything in a document that breaks the schema, up to a bound.
pub fn check(schema: &Validator, document: &Value) -> Vec<Problem> {
    check_within(schema, document, &Cell::new(2 * MAX_STEPS))
}

/// The same with a number of steps that several checks share: what is taken is taken from it.
pub(crate) fn check_within(schema: &Validator, document: &Value, steps: &Cell<u64>) -> Vec<Problem> {
    // Whether it fits costs less than what does not.
    let most = steps.get().min(MAX_STEPS);
    let left = Cell::new(most);
    let fits = schema.is_valid_within(document, &left);
    steps.set(steps.get() - (most - left.get()));
    if fits {
        return Vec::new();
    }
    let gathered = schema.run(steps, |compiled| {
        let mut errors = compiled.iter_errors(Counted(document));
        let mut problems = Vec::new();
        for error in errors.by_ref().take(MAX_PROBLEMS) {
            explain(&error, &mut problems);
        }
        if problems.len() > MAX_PROBLEMS || errors.next().is_some() {
            problems.truncate(MAX_PROBLEMS);
            problems.push(Problem::new("", format!("and more: the first {MAX_PROBLEMS} are shown")));
        }
        problems
    });
    match gathered {
        Ok(problems) => problems,
        Err(Breach::Errors) => {
            let one = |compiled: &jsonschema::Validator<Metered>| {
                let mut first = Vec::new();
                if let Err(error) = compiled.validate(Counted(document)) {
                    explain(&error, &mut first);
                }
                first
            };
            let mut first = schema.run(steps, one).unwrap_or_default();
            first.truncate(MAX_PROBLEMS);
            let more = format!("and more: there are over {MAX_ERRORS}, and the first one is shown");
            first.push(Problem::new("", more));
            first
        }
        Err(Breach::Steps) => vec![Problem::new(
            "",
            format!(
                "checking the document against its schema takes more than {MAX_STEPS} steps, which is what is allowed: the schema goes through the same values again and again, or its patterns are too large for so much text"
            ),
        )],
        Err(Breach::Depth) => vec![Problem::new(
            "",
            "checking the document against its schema goes too deep: the schema refers to itself too often on the way to a value",
        )],
    }
}
