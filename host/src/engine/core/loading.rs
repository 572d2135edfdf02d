//! Runs that come into memory, and go.

use std::collections::hash_map::Entry;

use super::{Action, Core, Machine};
use crate::model::{AttemptId, Order, RunId, TenantId, Timestamp};

/// A run that is not in memory yet.
#[derive(Debug, Default)]
pub(super) struct Loading {
    /// The commands that came meanwhile, with when they did.
    pub(super) commands: Vec<(i64, Box<Order>, Timestamp)>,
    /// Whether it is brought back whatever state it is in; otherwise, if it has ended, for a command.
    pub(super) reloads: bool,
    /// Whether it rests, and is being woken.
    pub(super) wakes: bool,
    /// Whether its timer is what wakes it, or came meanwhile.
    pub(super) due: bool,
}

impl Core {
    /// Have the run in memory.
    pub(super) fn hold(&mut self, mut machine: Machine) {
        machine.set_max_steps(self.bounds.run_steps);
        self.plans.share(&mut machine);
        let (run, tenant) = (machine.run().id, machine.tenant().clone());
        let is_new = self.runs.insert(run, machine).is_none();
        if is_new && self.resting.remove(run).is_none() {
            self.count_in(&tenant);
        }
    }

    /// A tenant has one more open run.
    pub(super) fn count_in(&mut self, tenant: &TenantId) {
        *self.open.entry(tenant.clone()).or_default() += 1;
    }

    /// The same tenant, sharing its name with the other runs of it.
    pub(super) fn known_tenant(&self, tenant: &TenantId) -> TenantId {
        self.open.get_key_value(tenant).map_or(tenant, |(known, _)| known).clone()
    }

    /// The run is not in memory any more: it has ended, or what is there of it is void.
    pub(super) fn let_go(&mut self, run: RunId) -> Option<Machine> {
        self.timers.forget(run);
        self.queue.drop_run(run);
        let machine = self.runs.remove(&run);
        let resting = self.resting.remove(run);
        let tenant = machine.as_ref().map(|machine| machine.tenant().clone()).or(resting)?;
        if let Entry::Occupied(mut open) = self.open.entry(tenant) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        machine
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
        for (id, order, at) in first.map(|(id, order)| (id, order, now)).into_iter().chain(meanwhile) {
            // What was due before the command came is done before it.
            self.fire(run, at, now, actions);
            let Some(machine) = self.runs.get_mut(&run) else { continue };
            let done = machine.command(&order, now);
            self.commanded(run, id, done, actions);
        }
    }

    /// Do what was due of a run by then.
    pub(super) fn fire(&mut self, run: RunId, until: Timestamp, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some(step) = self.timers.pop_of(run, until) {
            let Some(machine) = self.runs.get_mut(&run) else { return };
            let effects = machine.timer(step, now);
            self.follow(run, effects, actions);
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
