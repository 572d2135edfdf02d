//! Who has a place to run, and who gets one.

use std::collections::BTreeSet;
#[cfg(test)]
use std::collections::HashMap;

use super::{Core, Effects, Launch, Place};
use crate::model::{AttemptId, RunId, Timestamp};

impl Core {
    pub(super) fn take_place(&mut self, launch: &Launch, guest: bool) {
        let place = Place { run: launch.run.id, epoch: launch.run.epoch, guest };
        if let Some(before) = self.running.insert(launch.attempt, place) {
            // Of an earlier epoch: it was stopped, and its end will say nothing.
            self.queue.free(before.guest);
        }
        self.queue.take(guest);
    }

    pub(super) fn free_place(&mut self, attempt: AttemptId, epoch: u64) {
        if self.running.get(&attempt).is_some_and(|place| place.epoch == epoch) {
            let place = self.running.remove(&attempt);
            place.into_iter().for_each(|place| self.queue.free(place.guest));
        }
    }

    /// Give the free places to the steps that wait.
    pub(super) fn dispatch(
        &mut self,
        now: Timestamp,
        changed: &mut BTreeSet<RunId>,
        launches: &mut Vec<Launch>,
    ) {
        if self.draining || self.taking_up {
            return;
        }
        self.queue.unpark(&self.runs);
        loop {
            while let Some(entry) = self.queue.pop(&self.runs) {
                let (run, step) = entry;
                let Some(machine) = self.runs.get_mut(&run) else { continue };
                let mut effects = Effects::default();
                let Some(launch) = machine.begin(step, self.host, now, &mut effects) else {
                    self.queue.let_go(entry);
                    continue;
                };
                let guest = machine.runs_guest(step);
                self.take_place(&launch, guest);
                self.timers.set(run, effects.timers);
                launches.push(launch);
                changed.insert(run);
            }
            // Some of them may not have wanted what was kept for them.
            if !self.queue.unpark(&self.runs) {
                return;
            }
        }
    }

    /// Whatever wants a place has it, or waits for one that is taken or a key that is held, and nothing is left of runs that
    /// are not here. That no more hold a key than may is certain only while no run was away that held it.
    #[cfg(test)]
    pub(super) fn check(&self, bounded: bool) {
        for (run, machine) in &self.runs {
            for step in machine.wanting().filter(|_| !self.taking_up) {
                let waits = self.queue.keeps_waiting(machine, step);
                assert!(waits, "a step of run {run} was forgotten: {:?}", machine.step_row(step));
            }
            machine.check();
        }
        let holders: BTreeSet<_> =
            self.runs.iter().flat_map(|(run, m)| m.holders().map(|step| (*run, step))).collect();
        let held = self.queue.holders().filter(|(run, _)| !self.resting.has(*run));
        assert_eq!(held.collect::<BTreeSet<_>>(), holders, "keys are held by others");
        let is_known = |run: &RunId| self.runs.contains_key(run) || self.resting.has(*run);
        assert!(self.timers.runs().all(is_known), "timers of runs that are gone");
        assert!(self.resting.runs().all(|run| !self.runs.contains_key(&run)), "a run rests and is in memory");
        let mut held: HashMap<&str, (usize, usize)> = HashMap::new();
        for machine in self.runs.values() {
            for bound in machine.holders().filter_map(|step| machine.concurrency(step)) {
                held.entry(&bound.key).or_insert((0, bound.limit as usize)).0 += 1;
            }
        }
        assert!(
            !bounded || held.values().all(|(n, limit)| n <= limit),
            "more at once than allowed: {held:?}"
        );
    }
}
