//! Earlier results count again: what was inside a step comes back with it, and memory and rows stay the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use rand::RngExt as _;
use serde_json::json;

use super::{
    begin,
    database::{Database, Row},
    world::World,
};
use crate::{
    engine::core::Machine,
    model::{Command, Order, Overrides, Restored, RunId, StepState},
    store::{ArtifactRow, StepRow},
};

impl World {
    /// An earlier result of a step is to count again; more often than not of one of the run's own.
    pub(super) fn somebody_rolls_back(&mut self, run: RunId, step: String) {
        let row = self.database.runs.get_mut(&run).unwrap();
        let own = step.split(['/', '[']).next().unwrap().to_owned();
        let step = if self.rng.random_bool(0.8) { own } else { step };
        let made = row.attempts.values().filter(|a| a.step == step && a.output.is_some() && !a.reused);
        let made: Vec<_> = made.cloned().collect();
        if made.is_empty() {
            return;
        }
        let attempt = made[self.rng.random_range(0..made.len())].clone();
        let files = row.artifacts.values().filter(|f| f.step == step && f.attempt == attempt.number);
        let latest: BTreeMap<&str, &ArtifactRow> = files.map(|file| (file.name.as_str(), file)).collect();
        let mut to = Restored {
            attempt: attempt.number,
            output: attempt.output.clone().unwrap(),
            step_key: attempt.step_key,
            shared: attempt.shared.clone().unwrap_or_default(),
            overrides: attempt.overrides.clone(),
            artifacts: serde_json::to_value(latest.values().collect::<Vec<_>>()).unwrap(),
            expansion: attempt.expansion.clone(),
            inside: None,
        };
        row.again = true;
        if ["map", "loop", "workflow"].contains(&row.steps[&step].phase.as_str()) {
            let whole = row.wholes.get(&(step.clone(), attempt.number)).cloned();
            let snapshot = self.database.snapshot(run);
            let (attempts, files) = (snapshot.attempts.clone(), snapshot.artifacts.clone());
            let found = Machine::restore(snapshot).inside_then(&step, attempt.number, &attempts, &files);
            // Only one of the run's own steps has it.
            assert_eq!(found.is_ok(), whole.is_some(), "{step}: {found:?}");
            let (Ok(inside), Some(whole)) = (found, whole) else { return };
            to.inside = Some(inside);
            self.try_rollback(run, &step, &to, &whole);
        }
        self.command(run, Command::Rollback { step, to: Box::new(to) });
        if self.rng.random_bool(0.5) {
            self.memory_is_as_the_rows_say();
        }
    }

    /// Roll a step back beside everything else, and look at what comes of it.
    fn try_rollback(&mut self, run: RunId, step: &str, to: &Restored, whole: &BTreeMap<String, StepRow>) {
        let row = self.database.runs[&run].clone();
        let mut beside = Database { runs: [(run, row)].into() };
        let mut machine = Machine::restore(beside.snapshot(run));
        let command = Command::Rollback { step: step.to_owned(), to: Box::new(to.clone()) };
        if machine.command(&Order { command, by: None }, self.now).is_err() {
            return;
        }
        beside.commit(machine.take_transition().unwrap(), &self.plans);
        let again = Machine::restore(beside.snapshot(run));
        same(&machine, &again, step);
        let after = &beside.runs[&run];
        assert_eq!(shown(after, step), whole.iter().map(|(name, row)| line(name, row)).collect::<Vec<_>>());
        let snapshot = beside.snapshot(run);
        let (attempts, files) = (snapshot.attempts.clone(), snapshot.artifacts.clone());
        let rest = again.inside_then(step, to.attempt, &attempts, &files).unwrap();
        assert!(rest.steps.is_empty(), "{step} was not brought back: {rest:#?}");
        let changed = to.inside.as_ref().map_or(0, |inside| inside.steps.len());
        self.database.runs.get_mut(&run).unwrap().rolled_back += changed;
    }

    /// Once everything is durable, every run in memory is what its rows say.
    pub(super) fn memory_is_as_the_rows_say(&mut self) {
        while !self.host.queue.is_empty() {
            self.durable();
        }
        for (run, machine) in &self.host.core.runs {
            let again = Machine::restore(self.database.snapshot(*run));
            same(machine, &again, "something");
        }
    }
}

fn same(memory: &Machine, rows: &Machine, step: &str) {
    let (memory, rows) = (memory.lines(), rows.lines());
    let differ = memory.iter().zip(&rows).find(|(a, b)| a != b);
    assert!(memory == rows, "memory and rows differ after a rollback of {step}: {differ:#?}");
}

fn shown(row: &Row, step: &str) -> Vec<String> {
    row.inside(step).iter().map(|(name, row)| line(name, row)).collect()
}

/// What counts of a step inside another.
fn line(name: &str, row: &StepRow) -> String {
    let result = (row.result_attempt, &row.output, &row.step_key, &row.overrides, &row.chosen);
    let result = (row.state == StepState::Completed).then_some(result);
    let why = (&row.reason, row.for_failure, row.bypassed, &row.failure);
    format!("{name} {}: {result:?} {why:?} {:?}", row.state, row.expansion)
}

#[test]
fn whatever_is_done_again_inside_a_step_all_of_it_comes_back() {
    let mut brought_back = 0;
    for seed in 0..800 {
        let mut world = World::new(seed);
        begin(&mut world, 0.0);
        world.quiet();
        let run = *world.database.runs.keys().next().unwrap();
        for _ in 0..12 {
            let row = world.database.runs.get_mut(&run).unwrap();
            let names: Vec<String> = row.steps.keys().cloned().collect();
            row.again = true;
            let step = names[world.rng.random_range(0..names.len())].clone();
            if world.rng.random_bool(0.5) {
                world.somebody_rolls_back(run, step);
            } else {
                let input = world.rng.random_bool(0.5).then(|| json!(world.rng.random_range(0..3)));
                world.command(run, Command::Retry { step, overrides: Overrides { prompt: None, input } });
            }
            let some = world.rng.random_range(0..4).min(world.host.queue.len());
            (0..some).for_each(|_| world.durable());
            if world.rng.random_bool(0.2) {
                world.crash();
            }
            world.quiet();
        }
        brought_back += world.database.runs[&run].rolled_back;
    }
    assert!(brought_back > 500, "{brought_back}");
}
