//! One step of a definition looked at: what it does, its policies, its expressions.

use std::collections::BTreeSet;

use super::{
    MAX_DEPTH, Surroundings as Known,
    bounds::{
        MAX_ATTEMPTS, MAX_CONCURRENCY_KEY_BYTES, MAX_ITERATIONS, MAX_OPTIONS, MAX_PARALLEL, MAX_RETRY_FACTOR,
        MAX_SECONDS,
    },
    check::Check,
};
use crate::{
    engine::{
        expression::{Expression, StepPlace, Steps, Surroundings, check_references},
        graph::is_name,
        problems::list,
    },
    model::{Condition, FailureKind, Mapping, Node, Problem, StepDefinition},
};

/// What an expression may name.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// The steps before this one; absent, all.
    before: Option<usize>,
    item: bool,
    index: bool,
    previous: bool,
}

impl Seen {
    /// The steps before one.
    pub(super) fn before(step: usize) -> Self {
        Self { before: Some(step), ..Self::default() }
    }
}

impl<S> Check<'_, S> {
    fn steps(&self, seen: Seen) -> impl Steps {
        Around { check: self, before: seen.before }
    }
}

/// The steps around a step.
struct Around<'a, 'b, S> {
    check: &'a Check<'b, S>,
    before: Option<usize>,
}

impl<S> Steps for Around<'_, '_, S> {
    fn place(&self, name: &str) -> StepPlace<'_> {
        let Some(&i) = self.check.places.get(name) else { return StepPlace::Nowhere };
        let is_before = |step| self.check.reach.as_ref().is_none_or(|reach| reach.is_before(i, step));
        match self.before.is_none_or(is_before) {
            true => StepPlace::Before(self.check.outputs[i].as_deref()),
            false => StepPlace::Elsewhere,
        }
    }

    fn names(&self) -> Vec<&str> {
        self.check.workflow.steps.iter().map(|step| step.name.as_str()).collect()
    }
}

/// Check a step, and those inside it.
pub(super) fn check_step<S: Known>(
    check: &mut Check<'_, S>,
    step: &StepDefinition,
    at: &str,
    depth: usize,
    seen: Seen,
) {
    policies(check, step, at);
    for (path, text) in own_expressions(step) {
        check_expression(check, text, &format!("{at}{path}"), seen);
    }
    let Some(node) = step.node() else {
        let kinds: Vec<&str> = step.nodes().map(Node::kind).collect();
        let message = match kinds.as_slice() {
            [] => "the step does nothing: say one of phase, transform, condition, checkpoint, wait, workflow, map, loop, join".to_owned(),
            several => format!("the step says {}: it can do one thing only", several.join(" and ")),
        };
        check.problems.push(Problem::new(at, message));
        return;
    };
    if step.input.is_some() && !matches!(node, Node::Phase(_) | Node::Workflow(_)) {
        let message = format!("a {} takes no input mapping; only a phase and a workflow do", node.kind());
        check.problems.push(Problem::new(format!("{at}/input"), message));
    }
    if !matches!(node, Node::Phase(_)) && step.config.as_object().is_some_and(|config| !config.is_empty()) {
        let message = format!("a {} takes no configuration; only a phase does", node.kind());
        check.problems.push(Problem::new(format!("{at}/config"), message));
    }
    if step.timeout_ms.is_some() && !matches!(node, Node::Phase(_)) {
        let message =
            format!("bounds an attempt at a phase; a {} is bounded by step_timeout_ms", node.kind());
        check.problems.push(Problem::new(format!("{at}/timeout_ms"), message));
    }
    match node {
        Node::Phase(phase) => phase_step(check, step, phase, at),
        Node::Join(_) if step.depends_on.is_empty() => {
            let message = "a join brings together what it comes after, and this one comes after nothing; say depends_on";
            check.problems.push(Problem::new(format!("{at}/join"), message));
        }
        Node::Transform(_) | Node::Join(_) => {}
        Node::Condition(condition) => cases(check, condition, at),
        Node::Checkpoint(checkpoint) => options(check, checkpoint, &format!("{at}/checkpoint")),
        Node::Wait(wait) => {
            let said = [wait.seconds.is_some(), wait.until.is_some(), wait.event.is_some()];
            if said.iter().filter(|said| **said).count() != 1 {
                let message = "say one of seconds, until and event";
                check.problems.push(Problem::new(format!("{at}/wait"), message));
            }
            for (key, seconds) in [("seconds", wait.seconds), ("deadline_seconds", wait.deadline_seconds)] {
                duration(check, &format!("{at}/wait/{key}"), seconds, MAX_SECONDS, "seconds");
            }
            if wait.deadline_seconds.is_some() && wait.event.is_none() {
                let message = "only the wait for an event has a deadline";
                check.problems.push(Problem::new(format!("{at}/wait/deadline_seconds"), message));
            }
        }
        Node::Workflow(sub) => {
            check.parts.entry(sub.name.clone()).or_insert_with(|| format!("{at}/workflow/name"));
        }
        Node::Map(map) => {
            bound(check, &format!("{at}/map/max_parallel"), map.max_parallel.unwrap_or(1), MAX_PARALLEL);
            let inner = Seen { item: true, index: true, ..seen };
            body(check, &map.body, &format!("{at}/map/body"), depth, inner);
        }
        Node::Loop(repeat) => {
            bound(check, &format!("{at}/loop/max_iterations"), repeat.max_iterations, MAX_ITERATIONS);
            let inner = Seen { index: true, previous: true, ..seen };
            check_expression(check, &repeat.until, &format!("{at}/loop/until"), inner);
            body(check, &repeat.body, &format!("{at}/loop/body"), depth, inner);
        }
    }
}

fn bound<S>(check: &mut Check<'_, S>, at: &str, value: u32, most: u32) {
    if !(1..=most).contains(&value) {
        check.problems.push(Problem::new(at, format!("expected a number from 1 to {most}")));
    }
}

/// A time that somebody waits, which is added to the time that it is then.
fn duration<S>(check: &mut Check<'_, S>, at: &str, value: Option<u64>, most: u64, unit: &str) {
    if value.is_some_and(|value| value > most) {
        let message = format!("expected at most {most} {unit}, which are a hundred years");
        check.problems.push(Problem::new(at, message));
    }
}

fn body<S: Known>(check: &mut Check<'_, S>, body: &StepDefinition, at: &str, depth: usize, seen: Seen) {
    if depth + 1 >= MAX_DEPTH {
        check
            .problems
            .push(Problem::new(at, format!("maps and loops contain each other more than {MAX_DEPTH} deep")));
        return;
    }
    for (key, said) in [
        ("name", !body.name.is_empty()),
        ("depends_on", !body.depends_on.is_empty()),
        ("fallback", body.fallback.is_some()),
        ("condition", body.condition.is_some()),
        ("join", body.join.is_some()),
    ] {
        if said {
            let message = format!(
                "the body of a map or a loop stands alone: it has no {key}; use a workflow as its body"
            );
            check.problems.push(Problem::new(format!("{at}/{key}"), message));
        }
    }
    check_step(check, body, at, depth + 1, seen);
}

fn cases<S>(check: &mut Check<'_, S>, condition: &Condition, at: &str) {
    let Condition::Cases(cases) = condition else { return };
    if cases.cases.is_empty() {
        check.problems.push(Problem::new(format!("{at}/condition/cases"), "expected at least one case"));
    }
    let mut names = BTreeSet::new();
    for (k, case) in cases.cases.iter().enumerate() {
        let path = format!("{at}/condition/cases/{k}/name");
        if !is_name(&case.name) {
            let rule = "lower-case letters, digits, `_`, starting with a letter";
            check.problems.push(Problem::new(path, format!("{:?} is no name: {rule}", case.name)));
        } else if !names.insert(case.name.as_str()) {
            check.problems.push(Problem::new(path, format!("the case {:?} is there twice", case.name)));
        }
    }
}

fn options<S>(check: &mut Check<'_, S>, checkpoint: &crate::model::Checkpoint, at: &str) {
    let mut names = BTreeSet::new();
    if checkpoint.options.is_empty() {
        let message = format!("expected 1 to {MAX_OPTIONS} options");
        check.problems.push(Problem::new(format!("{at}/options"), message));
    }
    duration(check, &format!("{at}/deadline_seconds"), checkpoint.deadline_seconds, MAX_SECONDS, "seconds");
    if checkpoint.deadline_seconds == Some(0) {
        check.problems.push(Problem::new(format!("{at}/deadline_seconds"), "expected at least 1"));
    }
    for (k, option) in checkpoint.options.iter().enumerate() {
        if !is_name(&option.name) || !names.insert(option.name.as_str()) {
            let message = format!("{:?} is no name, or is there twice", option.name);
            check.problems.push(Problem::new(format!("{at}/options/{k}/name"), message));
        }
    }
    if let Some(default) = checkpoint.default.as_deref().filter(|name| !names.contains(name)) {
        check
            .problems
            .push(Problem::new(format!("{at}/default"), format!("{default:?} is none of the options")));
    }
    if checkpoint.default.is_some() && checkpoint.deadline_seconds.is_none() {
        let message = "a default is taken at the deadline; say deadline_seconds";
        check.problems.push(Problem::new(format!("{at}/default"), message));
    }
    if let Some(Err(error)) = checkpoint.input_schema.as_ref().map(crate::schema::compile) {
        check.problems.push(Problem::new(format!("{at}/input_schema"), error));
    }
}

fn phase_step<S: Known>(check: &mut Check<'_, S>, step: &StepDefinition, phase: &str, at: &str) {
    let found = match check.known.phase(phase) {
        Ok(found) => found,
        Err(message) => {
            check.problems.push(Problem::new(format!("{at}/phase"), message));
            return;
        }
    };
    if let Some((plugin, _)) = super::split_phase(phase) {
        check.plugins.insert(plugin.to_owned(), found.digest);
    }
    match &found.config {
        Ok(schema) => {
            let wrong = crate::schema::check_within(schema, &step.config, &check.known.steps);
            check
                .problems
                .extend(wrong.into_iter().map(|p| Problem::new(format!("{at}/config{}", p.path), p.message)));
        }
        Err(error) => check.problems.push(Problem::new(format!("{at}/config"), error.clone())),
    }
    if let Some(Mapping::Keys(keys)) = &step.input {
        for key in keys.keys().filter(|key| closed_against(&found.spec().input_schema, key)) {
            let path = format!("{at}/input/{}", key.replace('~', "~0").replace('/', "~1"));
            check.problems.push(Problem::new(path, format!("phase {phase} takes no {key:?}")));
        }
    }
}

fn policies<S: Known>(check: &mut Check<'_, S>, step: &StepDefinition, at: &str) {
    let retry = &step.retry;
    let mut policy = |key: &str, fits: bool, expected: &str| {
        if !fits {
            check.problems.push(Problem::new(format!("{at}/{key}"), format!("expected {expected}")));
        }
    };
    let attempts = (1..=MAX_ATTEMPTS).contains(&retry.max_attempts);
    policy("retry/max_attempts", attempts, &format!("a number from 1 to {MAX_ATTEMPTS}"));
    let factor = retry.factor.is_finite() && (1.0..=MAX_RETRY_FACTOR).contains(&retry.factor);
    policy("retry/factor", factor, &format!("a number from 1 to {MAX_RETRY_FACTOR}"));
    policy("retry/jitter", (0.0..=1.0).contains(&retry.jitter), "a number from 0 to 1");
    policy("timeout_ms", step.timeout_ms != Some(0), "at least 1");
    policy("step_timeout_ms", step.step_timeout_ms != Some(0), "at least 1");
    let concurrency = step.concurrency.as_ref();
    let alone = concurrency.is_none() || !check.known.waits_inside(step, 0);
    policy("concurrency/limit", concurrency.is_none_or(|c| c.limit >= 1), "at least 1");
    let key = concurrency.is_none_or(|c| (1..=MAX_CONCURRENCY_KEY_BYTES).contains(&c.key.len()));
    policy("concurrency/key", key, &format!("1 to {MAX_CONCURRENCY_KEY_BYTES} bytes"));
    // Whoever holds a key and waits for one may wait for ever: for itself, or for another that waits for it.
    let expected =
        "no key where something inside the step has one: it would wait for that while it holds this";
    policy("concurrency", alone, expected);
    for (key, value) in [
        ("retry/initial_delay_ms", Some(retry.initial_delay_ms)),
        ("retry/max_delay_ms", Some(retry.max_delay_ms)),
        ("timeout_ms", step.timeout_ms),
        ("step_timeout_ms", step.step_timeout_ms),
    ] {
        duration(check, &format!("{at}/{key}"), value, MAX_SECONDS * 1000, "milliseconds");
    }
    for (k, kind) in retry.on.iter().flatten().enumerate() {
        if FailureKind::ALL.iter().all(|known| known.as_str() != kind) {
            let known = list(FailureKind::ALL.iter().map(|kind| kind.as_str()));
            let message = format!("{kind:?} is no kind of failure; there are: {known}");
            check.problems.push(Problem::new(format!("{at}/retry/on/{k}"), message));
        }
    }
}

/// The expressions of a step itself: those of a body, and of a loop's end, see more and are checked with it.
fn own_expressions(step: &StepDefinition) -> Vec<(String, &str)> {
    crate::engine::graph::expressions(step)
        .into_iter()
        .filter(|(path, _)| !["/map/body", "/loop"].iter().any(|inner| path.starts_with(inner)))
        .collect()
}

/// Check an expression: that it parses, and that what it names is there and comes before.
pub(super) fn check_expression<S>(check: &mut Check<'_, S>, text: &str, at: &str, seen: Seen) {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            check.problems.push(Problem::new(at, format!("{text:?}: {error}")));
            return;
        }
    };
    let steps = check.steps(seen);
    let around = Surroundings {
        input: Some(&check.workflow.input_schema),
        steps: &steps,
        looks: Some(&check.known.looks),
        item: seen.item,
        index: seen.index,
        previous: seen.previous,
        ..Surroundings::default()
    };
    let problems = check_references(&expression, &around);
    drop(steps);
    check.problems.extend(problems.into_iter().map(|(position, message)| {
        Problem::new(at, format!("{text:?}: at character {position}: {message}"))
    }));
}

/// Whether an object schema plainly has no place for a key. Anything less plain is left to the validation of the
/// value itself.
fn closed_against(schema: &serde_json::Value, key: &str) -> bool {
    schema.get("additionalProperties") == Some(&serde_json::Value::Bool(false))
        && schema.get("patternProperties").is_none()
        && schema.get("$ref").is_none()
        && schema.get("properties").and_then(|p| p.get(key)).is_none()
}
