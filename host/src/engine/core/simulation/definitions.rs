//! Random definitions of every kind of node.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    engine::plan::{Plan, PlanBody},
    model::{Case, Cases, Concurrency, Condition, JoinMode, StepDefinition as Step, Workflow},
};

/// A random step of any kind. Those that contain others get simpler ones with each level.
fn step(rng: &mut StdRng, name: &str, depth: usize) -> Step {
    let mut step = match rng.random_range(0..if depth < 2 { 12 } else { 7 }) {
        0 => Step::transform(name),
        1 => Step::sleep(name, rng.random_range(0..3)),
        2 => Step::event(name, "\"key\"", Some(1)),
        3 => Step::checkpoint(name, "Go on?"),
        7 => Step::for_each(name, "[1]", step(rng, "", depth + 1)),
        8 => Step::repeat(name, step(rng, "", depth + 1), "true", 3),
        9 => Step::workflow(name, "inner"),
        10 if depth == 0 => {
            let case = |name: &str| Case { name: name.to_owned(), when: "true".to_owned() };
            let cases = Cases { cases: vec![case("x"), case("y")], otherwise: None };
            Step { condition: Some(Condition::Cases(cases)), ..Step::phase(name, "") }
        }
        11 if depth == 0 => {
            Step::join(name, if rng.random_bool(0.5) { JoinMode::Any } else { JoinMode::All })
        }
        _ => Step::phase(name, "p/x"),
    };
    if step.phase.as_deref() == Some("") {
        step.phase = None;
    }
    // What contains others would wait for itself.
    let contains = step.map.is_some() || step.repeat.is_some() || step.workflow.is_some();
    if !contains && rng.random_bool(0.2) {
        let limit = rng.random_range(1..3);
        step.concurrency = Some(Concurrency { key: format!("{limit} at once"), limit });
    }
    if rng.random_bool(0.1) {
        step.step_timeout_ms = Some(rng.random_range(500..20_000));
    }
    if let Some(map) = &mut step.map {
        map.max_parallel = rng.random_bool(0.5).then_some(1);
        map.max_failures = rng.random_range(0..2);
    }
    if let Some(checkpoint) = &mut step.checkpoint
        && rng.random_bool(0.3)
    {
        checkpoint.deadline_seconds = Some(1);
        checkpoint.default = rng.random_bool(0.5).then(|| "approve".to_owned());
    }
    step.continue_on_failure = rng.random_bool(0.2);
    step.retry.max_attempts = rng.random_range(1..4);
    step
}

fn steps(rng: &mut StdRng, depth: usize) -> Vec<Step> {
    let n = rng.random_range(1..if depth == 0 { 9 } else { 4 });
    let mut steps: Vec<Step> = Vec::new();
    for i in 0..n {
        let mut step = step(rng, &format!("s{i}"), depth);
        for before in &steps {
            if rng.random_bool(0.4) {
                let case = before.condition.is_some() && rng.random_bool(0.7);
                let case = case.then(|| if rng.random_bool(0.5) { ".x" } else { ".y" });
                step.depends_on.push(format!("{}{}", before.name, case.unwrap_or_default()));
            }
        }
        steps.push(step);
    }
    if depth == 0 && rng.random_bool(0.3) {
        let i = rng.random_range(0..steps.len());
        steps[i].fallback = Some("spare".to_owned());
        // What goes a way that a condition says goes it as well if its fallback says so.
        let mut spare = match steps[i].condition.clone() {
            None => Step::phase("spare", "p/x"),
            condition => Step { condition, ..Step::condition("spare", "true") },
        };
        // It may be the spare of several of which none comes after another, and come after a condition itself.
        let j = rng.random_range(0..steps.len());
        if rng.random_bool(0.5)
            && [i, j].iter().all(|&k| steps[k].depends_on.is_empty() && steps[k].condition.is_none())
        {
            steps[j].fallback = Some("spare".to_owned());
        }
        if steps[0].condition.is_some() && steps[0].fallback.is_none() {
            spare.depends_on.push(format!("s0.{}", if rng.random_bool(0.5) { "x" } else { "y" }));
        }
        steps.push(spare);
    }
    steps
}

pub(super) fn plan(rng: &mut StdRng) -> Plan {
    let workflow = Workflow { steps: steps(rng, 0), ..Workflow::new("w") };
    let inner = Workflow { steps: steps(rng, 2), ..Workflow::new("inner") };
    let body =
        PlanBody { workflow, workflows: [("inner".to_owned(), inner)].into(), plugins: BTreeMap::new() };
    Plan::of(body).unwrap()
}
