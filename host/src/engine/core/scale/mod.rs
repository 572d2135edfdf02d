//! Large shapes: that the core's work grows with what there is to do, and not with its square.

#![allow(clippy::unwrap_used)]

mod drive;
mod growth;

use std::{collections::BTreeMap, sync::Arc};

use drive::Drive;

use super::Input;
use crate::{
    engine::plan::{Plan, PlanBody},
    model::{JoinMode, StepDefinition as Step, Workflow},
};

fn plan(steps: Vec<Step>) -> Arc<Plan> {
    let workflow = Workflow { steps, ..Workflow::new("w") };
    let body = PlanBody { workflow, workflows: BTreeMap::new(), plugins: BTreeMap::new() };
    Arc::new(Plan::of(body).unwrap())
}

/// Steps one after the other, each reading what the one before made.
fn chain(n: usize) -> Arc<Plan> {
    let step = |i: usize| {
        let step = Step::phase(format!("s{i}"), "p/x");
        if i == 0 { step } else { step.map("before", format!("steps.s{}.output", i - 1)) }
    };
    plan((0..n).map(step).collect())
}

/// One step, so many after it, and one that joins them.
fn fan(n: usize) -> Arc<Plan> {
    let mut steps = vec![Step::phase("first", "p/x")];
    steps.extend((0..n).map(|i| Step::phase(format!("s{i}"), "p/x").after("first")));
    let join = Step::join("all", JoinMode::All);
    steps.push((0..n).fold(join, |join, i| join.after(format!("s{i}"))));
    plan(steps)
}

/// A map; it goes over as many items as the drive says.
fn map(parallel: Option<u32>) -> Arc<Plan> {
    let mut each = Step::for_each("each", "input.items", Step::phase("", "p/x"));
    each.map.as_mut().unwrap().max_parallel = parallel;
    plan(vec![each])
}

/// A loop; it goes so many rounds as the drive says.
fn repeat() -> Arc<Plan> {
    plan(vec![Step::repeat("again", Step::phase("", "p/x"), "false", 10_000)])
}

fn single() -> Arc<Plan> {
    plan(vec![Step::phase("s", "p/x")])
}
