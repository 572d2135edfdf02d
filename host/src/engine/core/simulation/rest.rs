//! Runs that only wait are let go of, and read again when something wakes them, at any time and in any order.

#![allow(clippy::unwrap_used)]

use rand::RngExt as _;

use super::world::World;
use crate::{
    engine::core::{Head, Input, Machine, Rest},
    model::{RunId, StepState},
    store::{UnfinishedRun, UnfinishedStep},
};

impl World {
    /// A new host keeps some of the runs that wait in memory, or none.
    pub(super) fn keep_some(&mut self) {
        let (runs, steps) = (self.rng.random_range(0..3), self.rng.random_range(1..20));
        self.host.core.keep(runs, steps);
    }

    /// Transitions of these runs are durable.
    pub(super) fn settle(&mut self, runs: Vec<RunId>) {
        for run in runs {
            if self.is_on_its_way(run) {
                continue;
            }
            let sometimes = self.rng.random_bool(0.2);
            let machine = self.host.core.runs.get(&run).filter(|machine| sometimes && machine.is_quiet());
            if let Some(machine) = machine {
                let again = Machine::restore(self.database.snapshot(run));
                assert_eq!(machine.lines(), again.lines(), "what rests is what its rows say");
                assert!(again.is_quiet());
            }
            self.host.core.settled(run);
        }
    }

    /// A run that rests is read, at last. It may be that it cannot be.
    pub(super) fn read_one(&mut self) {
        let i = self.rng.random_range(0..self.wakes.len());
        let (run, head) = self.wakes.swap_remove(i);
        if self.interferences > 0 && self.rng.random_bool(0.1) {
            self.interferences -= 1;
            return self.input(Input::NotWoken { run, why: "its rows are damaged".into(), gone: false });
        }
        assert_eq!(Head::of(&self.database.runs[&run].run), head, "nobody has changed it meanwhile");
        self.woken += 1;
        self.input(Input::Woken(Box::new(Machine::restore(self.database.snapshot(run)))));
    }

    /// A new host takes a run up: as it is if it only waits.
    pub(super) fn take_up_again(&mut self, run: RunId) {
        let machine = self.take_up(run);
        let unfinished = self.unfinished(run);
        let rest = Rest::of(&unfinished, Some(&self.database.runs[&run].plan), self.now);
        let Some(rest) = rest else { return self.input(Input::Recover(Box::new(machine))) };
        // Whoever takes it up whole finds nothing to do either.
        let (id, tenant, mut whole) = (machine.run().id, machine.tenant().clone(), machine);
        let holds = whole.holders().filter_map(|step| whole.concurrency(step)).map(|bound| bound.key.clone());
        let (mut held, mut keys) = (holds.collect::<Vec<_>>(), rest.keys.clone());
        held.sort();
        keys.sort();
        assert_eq!(held, keys);
        assert_eq!(whole.timers().into_iter().map(|(at, _)| at).min(), rest.timer);
        assert!(whole.is_quiet() && whole.wanting().next().is_none());
        let (launches, effects) = whole.recover(self.host.id, &Default::default(), self.now);
        assert!(launches.is_empty() && effects.ready.is_empty(), "{id} does not only wait");
        self.taken_up_resting += 1;
        let head = Head::of(&self.database.runs[&run].run);
        self.input(Input::Rests { run, tenant, head, rest });
    }

    fn unfinished(&self, run: RunId) -> UnfinishedRun {
        let row = &self.database.runs[&run];
        let steps = row.steps.values().filter(|s| s.state != StepState::Pending && !s.state.is_terminal());
        UnfinishedRun {
            id: run,
            tenant: crate::model::TenantId::default_tenant(),
            plan: row.run.plan,
            epoch: row.run.epoch,
            rev: row.run.rev,
            state: row.run.state,
            start_at: row.run.start_at,
            steps: steps
                .map(|step| UnfinishedStep {
                    name: step.name.clone(),
                    state: step.state,
                    not_before: step.not_before,
                    started_at: step.started_at,
                    expanded: step.expansion.is_some(),
                })
                .collect(),
        }
    }
}
