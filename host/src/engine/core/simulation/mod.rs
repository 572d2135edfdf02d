//! The core under a simulated store, clock and sandbox: many schedules from seeds, with crashes between any two
//! commits. A failure is replayed by its seed.

#![allow(clippy::unwrap_used)]

mod ahead;
mod bounds;
pub(super) mod database;
mod definitions;
pub(super) mod outcomes;
mod people;
mod rest;
mod rollbacks;
mod world;

use std::{collections::BTreeMap, sync::Arc, thread};

use rand::RngExt as _;

use definitions::plan;
use world::World;

use super::{machine::chosen_by, *};
use crate::{
    engine::plan::Plan,
    model::{AttemptState, Digest, RunState, StepState, TenantId, Value},
    store::{ApprovalState, Creation, RunRow},
};

pub(super) fn new_run(plan: &Plan, host: HostId, now: Timestamp) -> RunRow {
    RunRow {
        id: RunId::new(),
        workflow: "w".into(),
        workflow_version: "1".into(),
        plan: plan.digest,
        state: RunState::Pending,
        input: Value::Inline { json: "{}".into() },
        files: [].into(),
        seed: Digest::of("seed"),
        as_of: now,
        owner: host,
        epoch: 1,
        rev: 0,
        event_seq: 0,
        failure: None,
        auto_run: true,
        priority: 0,
        start_at: None,
        schedule: None,
        forked_from: None,
        forked_at: None,
        created_at: now,
        started_at: None,
        finished_at: None,
    }
}

/// Begin a random run. The store may refuse it.
fn begin(world: &mut World, refused: f64) {
    let plan = plan(&mut world.rng);
    let mut run = new_run(&plan, world.host.id, world.now);
    run.auto_run = world.rng.random_bool(0.9);
    let creation = Creation { plan: plan.json.clone(), idempotency: None };
    if world.rng.random_bool(refused) {
        world.refused.insert(run.id);
    }
    let plan = Arc::new(plan);
    world.plans.insert(run.id, Arc::clone(&plan));
    let machine = Machine::create(TenantId::default_tenant(), plan, run, creation, None, world.now);
    world.input(Input::Create(Box::new(machine)));
}

/// Says which seed it was that failed, wherever it did.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("seed {} fails", self.0);
        }
    }
}

/// So many schedules are simulated each time.
const SEEDS: u64 = 20_000;

/// One schedule from a seed. Returns what happened, for the test that compares two.
fn simulate(seed: u64) -> BTreeMap<String, usize> {
    let _seed = Told(seed);
    let mut world = World::new(seed);
    for _ in 0..world.rng.random_range(1..6) {
        begin(&mut world, 0.2);
    }
    // All runs are durable before the first crash: a run that is not was never promised to anybody.
    while !world.host.queue.is_empty() {
        world.durable();
    }
    for _ in 0..world.rng.random_range(0..400) {
        world.step();
    }
    world.quiet();
    assert_eq!(world.host.core.running(), 0, "seed {seed}: a place was lost");
    assert!(world.refused.iter().all(|run| !world.database.runs.contains_key(run)));
    let mut census = BTreeMap::new();
    census.insert("woken".to_owned(), world.woken);
    census.insert("taken up as it rests".to_owned(), world.taken_up_resting);
    for row in world.database.runs.values() {
        let states: Vec<_> = row.steps.values().map(|s| format!("{} {}", s.name, s.state)).collect();
        assert!(row.run.state.is_terminal(), "seed {seed}: a run is stuck, {}: {states:#?}", row.run.state);
        let running = row.attempts.values().find(|a| a.state == AttemptState::Running);
        assert!(running.is_none(), "seed {seed}: {running:?}");
        let maps = row.steps.values().filter(|s| s.phase == "map" && s.state == StepState::Completed);
        for map in maps {
            let inside = format!("{}[", map.name);
            let left_out = row.steps.values().find(|s| {
                let index = s.name.strip_prefix(&inside).and_then(|rest| rest.strip_suffix(']'));
                index.is_some_and(|index| index.parse::<u32>().is_ok())
                    && s.state == StepState::Skipped
                    && s.for_failure
            });
            assert!(left_out.is_none(), "seed {seed}: a map is completed without {left_out:?}");
        }
        assert!(
            row.again || row.completed.values().all(|&n| n == 1),
            "seed {seed}: a result was committed twice"
        );
        assert!(row.steps.values().all(|s| s.state.is_terminal()), "seed {seed}: a step was left behind");
        assert!(row.cancelled || row.run.state != RunState::Cancelled);
        assert!(
            row.approvals.values().all(|a| a.state != ApprovalState::Open),
            "seed {seed}: an approval is open"
        );
        // A condition that is completed says which way it took, also if that stands from before.
        for s in row.steps.values().filter(|s| s.state == StepState::Completed && s.phase == "condition") {
            let said = s.output.as_ref().and_then(chosen_by);
            assert_eq!(s.chosen, said, "seed {seed}: {}", s.name);
        }
        let failed = row.steps.values().any(|s| {
            let definition = row.plan.layouts[0].steps.iter().find(|step| step.name == s.name);
            let spare = definition.and_then(|d| d.fallback.as_ref()).and_then(|spare| row.steps.get(spare));
            // Nothing stands in for it, or what was to is not on the run's way.
            let mended = spare.is_some_and(|s| !s.bypassed);
            let fatal = definition.is_some_and(|d| !d.continue_on_failure && !mended);
            fatal && s.state == StepState::Failed
        });
        if row.run.state != RunState::Cancelled && !row.given_up {
            assert_eq!(failed, row.run.state == RunState::Failed, "seed {seed}");
        }
        *census.entry(row.run.state.to_string()).or_default() += 1;
        *census.entry("given up".to_owned()).or_default() += usize::from(row.given_up);
        let again = row.artifacts.values().filter(|file| file.version > 1).count();
        *census.entry("later version of a file".to_owned()).or_default() += again;
        // An item of a map that had fewer items meanwhile.
        let counted_on = row.steps.values().filter(|s| s.result_attempt.is_none() && s.retried_from > 0);
        *census.entry("step that counts on".to_owned()).or_default() += counted_on.count();
        for step in row.steps.values() {
            *census.entry(format!("step {}", step.state)).or_default() += 1;
            *census
                .entry(format!("{} {}", step.phase.split('/').next().unwrap_or_default(), step.state))
                .or_default() += 1;
        }
    }
    census
}

#[test]
fn no_schedule_loses_a_run_or_commits_a_result_twice() {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    let halves = thread::scope(|scope| {
        let half = |first: u64| move || (first..SEEDS).step_by(2).map(simulate).collect::<Vec<_>>();
        [0, 1].map(|first| scope.spawn(half(first))).map(|half| half.join().unwrap())
    });
    for (what, n) in halves.into_iter().flatten().flatten() {
        *all.entry(what).or_default() += n;
    }
    // The schedules reach every kind of end: a simulation that never fails a step proves nothing about failing.
    for what in [
        "completed",
        "failed",
        "cancelled",
        "step completed",
        "step failed",
        "step skipped",
        "step cancelled",
        "map completed",
        "map failed",
        "loop completed",
        "loop failed",
        "workflow completed",
        "workflow failed",
        "checkpoint completed",
        "checkpoint failed",
        "wait completed",
        "wait failed",
        "condition completed",
        "condition failed",
        "join completed",
        "join skipped",
        "given up",
        "later version of a file",
        "step that counts on",
        "woken",
        "taken up as it rests",
    ] {
        assert!(all.get(what).is_some_and(|&n| n > 50), "{what}: {all:?}");
    }
}

#[test]
fn a_seed_replays_the_same_schedule() {
    assert_eq!(simulate(42), simulate(42));
}
