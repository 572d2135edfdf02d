//! One step of a definition looked at: what it does, its policies, its expressions.

use std::collections::BTreeSet;

use super::{MAX_DEPTH, Surroundings as Known, check::Check, split_phase};
use crate::{
    engine::{
        expression::{Expression, Surroundings, check_references},
        graph::{Graph, is_name},
    },
    model::{Condition, FailureKind, Mapping, Node, PhaseSpec, Problem, StepDefinition, Workflow},
};

/// A map has so many items at once, and a loop is gone through so often, at the most.
const MAX_PARALLEL: u32 = 10_000;
const MAX_ITERATIONS: u32 = 10_000;

/// What an expression may name.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// Steps.
    steps: BTreeSet<String>,
    item: bool,
    index: bool,
    previous: bool,
}

impl Seen {
    /// All steps: for what is evaluated when the run has ended.
    pub(super) fn all(workflow: &Workflow) -> Self {
        Self { steps: workflow.steps.iter().map(|step| step.name.clone()).collect(), ..Self::default() }
    }
}

/// Check a step, and those inside it. Returns the phases that it runs.
pub(super) fn check_step<S: Known>(
    check: &mut Check<'_, S>,
    step: &StepDefinition,
    at: &str,
    depth: usize,
    graph: Option<(&Graph, usize)>,
) -> Vec<PhaseSpec> {
    let mut seen = Seen::default();
    if let Some((graph, i)) = graph {
        let steps = &check.workflow.steps;
        seen.steps = graph.ancestors(i).into_iter().map(|j| steps[j].name.clone()).collect();
    } else {
        // The graph's own problems are reported; what is beyond them is checked against all names.
        seen = Seen::all(check.workflow);
    }
    step_within(check, step, at, depth, &seen)
}

fn step_within<S: Known>(
    check: &mut Check<'_, S>,
    step: &StepDefinition,
    at: &str,
    depth: usize,
    seen: &Seen,
) -> Vec<PhaseSpec> {
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
        return Vec::new();
    };
    if step.input.is_some() && !matches!(node, Node::Phase(_) | Node::Workflow(_)) {
        let message = format!("a {} takes no input mapping; only a phase and a workflow do", node.kind());
        check.problems.push(Problem::new(format!("{at}/input"), message));
    }
    match node {
        Node::Phase(phase) => return phase_step(check, step, phase, at).into_iter().collect(),
        Node::Transform(_) | Node::Join(_) => {}
        Node::Condition(condition) => cases(check, condition, at),
        Node::Checkpoint(checkpoint) => options(check, checkpoint, &format!("{at}/checkpoint")),
        Node::Wait(wait) => {
            let said = [wait.seconds.is_some(), wait.until.is_some(), wait.event.is_some()];
            if said.iter().filter(|said| **said).count() != 1 {
                let message = "say one of seconds, until and event";
                check.problems.push(Problem::new(format!("{at}/wait"), message));
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
            let inner = Seen { item: true, index: true, ..seen.clone() };
            return body(check, &map.body, &format!("{at}/map/body"), depth, &inner);
        }
        Node::Loop(repeat) => {
            bound(check, &format!("{at}/loop/max_iterations"), repeat.max_iterations, MAX_ITERATIONS);
            let inner = Seen { index: true, previous: true, ..seen.clone() };
            check_expression(check, &repeat.until, &format!("{at}/loop/until"), &inner);
            return body(check, &repeat.body, &format!("{at}/loop/body"), depth, &inner);
        }
    }
    Vec::new()
}

fn bound<S>(check: &mut Check<'_, S>, at: &str, value: u32, most: u32) {
    if !(1..=most).contains(&value) {
        check.problems.push(Problem::new(at, format!("expected a number from 1 to {most}")));
    }
}

fn body<S: Known>(
    check: &mut Check<'_, S>,
    body: &StepDefinition,
    at: &str,
    depth: usize,
    seen: &Seen,
) -> Vec<PhaseSpec> {
    if depth + 1 >= MAX_DEPTH {
        check
            .problems
            .push(Problem::new(at, format!("maps and loops contain each other more than {MAX_DEPTH} deep")));
        return Vec::new();
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
    step_within(check, body, at, depth + 1, seen)
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
    if !(1..=10).contains(&checkpoint.options.len()) {
        check.problems.push(Problem::new(format!("{at}/options"), "expected 1 to 10 options"));
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

fn phase_step<S: Known>(
    check: &mut Check<'_, S>,
    step: &StepDefinition,
    phase: &str,
    at: &str,
) -> Option<PhaseSpec> {
    let spec = match find_phase(check, phase) {
        Ok(spec) => spec,
        Err(message) => {
            check.problems.push(Problem::new(format!("{at}/phase"), message));
            return None;
        }
    };
    match crate::schema::compile(&spec.config_schema) {
        Ok(schema) => {
            let found = crate::schema::check(&schema, &step.config);
            check
                .problems
                .extend(found.into_iter().map(|p| Problem::new(format!("{at}/config{}", p.path), p.message)));
        }
        Err(error) => check.problems.push(Problem::new(format!("{at}/config"), error)),
    }
    if let Some(Mapping::Keys(keys)) = &step.input {
        for key in keys.keys().filter(|key| closed_against(&spec.input_schema, key)) {
            let path = format!("{at}/input/{}", key.replace('~', "~0").replace('/', "~1"));
            check.problems.push(Problem::new(path, format!("phase {phase} takes no {key:?}")));
        }
    }
    Some(spec)
}

fn find_phase<S: Known>(check: &mut Check<'_, S>, phase: &str) -> Result<PhaseSpec, String> {
    let (plugin, name) =
        split_phase(phase).ok_or_else(|| format!("{phase:?} names no phase; the form is PLUGIN/PHASE"))?;
    let (digest, manifest) = check.surroundings.plugin(plugin).ok_or_else(|| {
        format!("there is no plugin {plugin:?}; there are: {}", list(&check.surroundings.plugin_names()))
    })?;
    let spec = manifest.phase(name).ok_or_else(|| {
        let names: Vec<String> = manifest.phases.iter().map(|p| p.name.clone()).collect();
        format!("plugin {plugin:?} has no phase {name:?}; it has: {}", list(&names))
    })?;
    check.plugins.insert(plugin.to_owned(), digest);
    Ok(spec.clone())
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}

fn policies<S>(check: &mut Check<'_, S>, step: &StepDefinition, at: &str) {
    let retry = &step.retry;
    let mut policy = |key: &str, fits: bool, expected: &str| {
        if !fits {
            check.problems.push(Problem::new(format!("{at}/{key}"), format!("expected {expected}")));
        }
    };
    policy("retry/max_attempts", (1..=100).contains(&retry.max_attempts), "a number from 1 to 100");
    let factor = retry.factor.is_finite() && (1.0..=100.0).contains(&retry.factor);
    policy("retry/factor", factor, "a number from 1 to 100");
    policy("retry/jitter", (0.0..=1.0).contains(&retry.jitter), "a number from 0 to 1");
    policy("timeout_ms", step.timeout_ms != Some(0), "at least 1");
    policy("step_timeout_ms", step.step_timeout_ms != Some(0), "at least 1");
    let concurrency = step.concurrency.as_ref();
    policy("concurrency/limit", concurrency.is_none_or(|c| c.limit >= 1), "at least 1");
    policy("concurrency/key", concurrency.is_none_or(|c| (1..=200).contains(&c.key.len())), "1 to 200 bytes");
    for (k, kind) in retry.on.iter().flatten().enumerate() {
        if FailureKind::ALL.iter().all(|known| known.as_str() != kind) {
            let known: Vec<&str> = FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let message = format!("{kind:?} is no kind of failure; there are: {}", known.join(", "));
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
pub(super) fn check_expression<S>(check: &mut Check<'_, S>, text: &str, at: &str, seen: &Seen) {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            check.problems.push(Problem::new(at, format!("{text:?}: {error}")));
            return;
        }
    };
    let around = Surroundings {
        input: Some(&check.workflow.input_schema),
        ancestors: seen
            .steps
            .iter()
            .map(|name| (name.as_str(), check.outputs.get(name).and_then(Option::as_ref)))
            .collect(),
        steps: check.workflow.steps.iter().map(|step| step.name.as_str()).collect(),
        item: seen.item,
        index: seen.index,
        previous: seen.previous,
        ..Surroundings::default()
    };
    let problems = check_references(&expression, &around);
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
