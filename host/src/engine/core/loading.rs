//! Runs that come into memory, and go.

use std::collections::hash_map::Entry;

use super::{Action, Core, Machine};
use crate::model::{AttemptId, Order, RunId, Timestamp};

/// A run that is not in memory yet.
#[derive(Debug, Default)]
pub(super) struct Loading {
    /// The commands that came meanwhile.
    pub(super) commands: Vec<(i64, Box<Order>)>,
    /// Whether it is brought back whatever state it is in; otherwise, if it has ended, for a command.
    pub(super) reloads: bool,
}

impl Core {
    /// Have the run in memory.
    pub(super) fn hold(&mut self, mut machine: Machine) {
        machine.set_max_steps(self.bounds.run_steps);
        self.plans.share(&mut machine);
        let tenant = machine.tenant().clone();
        if self.runs.insert(machine.run().id, machine).is_none() {
            *self.open.entry(tenant).or_default() += 1;
        }
    }

    /// The run is not in memory any more: it has ended, or what is there of it is void.
    pub(super) fn let_go(&mut self, run: RunId) {
        self.timers.forget(run);
        self.queue.drop_run(run);
        let Some(machine) = self.runs.remove(&run) else { return };
        if let Entry::Occupied(mut open) = self.open.entry(machine.tenant().clone()) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }

    /// A run is in memory: do what was to be done to it, and what came meanwhile.
    pub(super) fn after_loading(
        &mut self,
        run: RunId,
        first: Option<(i64, Box<Order>)>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        self.left.remove(&run);
        let meanwhile = self.loading.remove(&run).unwrap_or_default().commands;
        for (id, order) in first.into_iter().chain(meanwhile) {
            let Some(machine) = self.runs.get_mut(&run) else { continue };
            let done = machine.command(&order, now);
            self.commanded(run, id, done, actions);
        }
    }

    /// What is in memory of a run is not what the database has.
    pub(super) fn drop_run(&mut self, run: RunId, actions: &mut Vec<Action>) {
        self.let_go(run);
        // Their places are free at once: those that were not launched yet will never be, nor report an end.
        let own = self.running.iter().filter(|(_, place)| place.run == run);
        let lost: Vec<(AttemptId, u64)> = own.map(|(attempt, place)| (*attempt, place.epoch)).collect();
        for (attempt, epoch) in lost {
            self.free_place(attempt, epoch);
            actions.push(Action::Stop(attempt));
        }
    }
}
