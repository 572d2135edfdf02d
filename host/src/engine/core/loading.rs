//! Runs that come into memory, and go.

use super::{Action, Core};
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
        self.runs.remove(&run);
        self.timers.forget(run);
        // Their places are free at once: those that were not launched yet will never be, nor report an end.
        let own = self.running.iter().filter(|(_, place)| place.run == run);
        let lost: Vec<(AttemptId, u64)> = own.map(|(attempt, place)| (*attempt, place.epoch)).collect();
        for (attempt, epoch) in lost {
            self.free_place(attempt, epoch);
            actions.push(Action::Stop(attempt));
        }
    }
}
