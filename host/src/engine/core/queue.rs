//! Who gets the next free place: by priority, then first come first served, within the bounds that definitions set.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::Machine;
use crate::model::{RunId, TenantId};

/// A step that wants a place. Under another epoch the run may have another step at that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) run: RunId,
    pub(super) epoch: u64,
    pub(super) step: usize,
}

/// Highest priority first: the run's, then the step's; then by number.
type Rank = (Reverse<i32>, Reverse<i32>, u64);

/// A key that bounds how many steps run at once, within its tenant.
type Key = (TenantId, String);

/// The steps that wait, those that run code of others apart from the host's own evaluations.
pub(super) struct Queue {
    guests: Line,
    light: Line,
    /// Steps that hold their concurrency key.
    held: HashMap<Key, BTreeSet<Entry>>,
    /// Steps that wait for their key.
    parked: BTreeMap<Key, BTreeMap<Rank, Entry>>,
    next: u64,
}

struct Line {
    places: usize,
    taken: usize,
    waiting: BTreeMap<Rank, Entry>,
}

impl Entry {
    /// Its run, if that is still the one that it speaks of.
    fn machine<'a>(&self, runs: &'a HashMap<RunId, Machine>) -> Option<&'a Machine> {
        runs.get(&self.run).filter(|machine| machine.run().epoch == self.epoch)
    }

    /// The same, if the step wants a place: it may have been cancelled, paused or skipped while it waited.
    fn waits<'a>(&self, runs: &'a HashMap<RunId, Machine>) -> Option<&'a Machine> {
        self.machine(runs).filter(|machine| machine.wants_place(self.step))
    }
}

impl Queue {
    /// With so many places for guests, and so many for evaluations of the host's own.
    pub(super) fn new(guests: usize, light: usize) -> Self {
        let line = |places| Line { places, taken: 0, waiting: BTreeMap::new() };
        Self {
            guests: line(guests),
            light: line(light),
            held: HashMap::new(),
            parked: BTreeMap::new(),
            next: 0,
        }
    }

    fn line(&mut self, guest: bool) -> &mut Line {
        if guest { &mut self.guests } else { &mut self.light }
    }

    pub(super) fn push(&mut self, (run, step): (i32, i32), guest: bool, entry: Entry) {
        self.next += 1;
        let rank = (Reverse(run), Reverse(step), self.next);
        self.line(guest).waiting.insert(rank, entry);
    }

    /// Let the steps of a run wait no longer where they do: they are about to be pushed anew.
    pub(super) fn forget(&mut self, run: RunId) {
        for line in [&mut self.guests, &mut self.light] {
            line.waiting.retain(|_, entry| entry.run != run);
        }
        self.parked.retain(|_, waiting| {
            waiting.retain(|_, entry| entry.run != run);
            !waiting.is_empty()
        });
    }

    pub(super) fn take(&mut self, guest: bool) {
        self.line(guest).taken += 1;
    }

    pub(super) fn free(&mut self, guest: bool) {
        self.line(guest).taken -= 1;
    }

    /// A step that is under way already holds its key, be it free or not.
    pub(super) fn hold(&mut self, machine: &Machine, step: usize) {
        if let Some(bound) = machine.concurrency(step) {
            let key = (machine.tenant().clone(), bound.key.clone());
            let (run, epoch) = (machine.run().id, machine.run().epoch);
            self.held.entry(key).or_default().insert(Entry { run, epoch, step });
        }
    }

    /// The next step that gets a place, if one is free.
    pub(super) fn pop(&mut self, runs: &HashMap<RunId, Machine>) -> Option<Entry> {
        while let Some((rank, entry)) = self.guests.pop().or_else(|| self.light.pop()) {
            let Some(machine) = entry.waits(runs) else { continue };
            let Some(bound) = machine.concurrency(entry.step) else { return Some(entry) };
            let key = (machine.tenant().clone(), bound.key.clone());
            let held = self.held.entry(key.clone()).or_default();
            held.retain(|other| holds(other, runs));
            if held.contains(&entry) || held.len() < bound.limit as usize {
                held.insert(entry);
                return Some(entry);
            }
            self.parked.entry(key).or_default().insert(rank, entry);
        }
        None
    }

    /// The keys of which it is known who holds them.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.held.len()
    }

    /// Let those try again that waited for a key which somebody has let go of. Returns whether there were any: one that is
    /// not begun after all leaves its key to the next.
    pub(super) fn unpark(&mut self, runs: &HashMap<RunId, Machine>) -> bool {
        let mut again = Vec::new();
        self.held.retain(|_, held| {
            held.retain(|other| holds(other, runs));
            !held.is_empty()
        });
        self.parked.retain(|key, waiting| {
            let mut held = self.held.get(key).map_or(0, BTreeSet::len);
            while let Some(first) = waiting.first_entry() {
                let entry = *first.get();
                let limit = entry.waits(runs).and_then(|machine| machine.concurrency(entry.step));
                match limit.map(|bound| bound.limit as usize) {
                    Some(limit) if held >= limit => break,
                    Some(_) => {
                        held += 1;
                        again.push(first.remove_entry());
                    }
                    None => drop(first.remove()),
                }
            }
            !waiting.is_empty()
        });
        let any = !again.is_empty();
        for (rank, entry) in again {
            let guest = runs.get(&entry.run).is_some_and(|machine| machine.runs_guest(entry.step));
            self.line(guest).waiting.insert(rank, entry);
        }
        any
    }

    /// Whether a step that wants a place waits for one that is taken, or for a key that others hold.
    #[cfg(test)]
    pub(super) fn keeps_waiting(
        &self,
        machine: &Machine,
        step: usize,
        runs: &HashMap<RunId, Machine>,
    ) -> bool {
        let line = if machine.runs_guest(step) { &self.guests } else { &self.light };
        let holders = |bound: &crate::model::Concurrency| {
            let held = self.held.get(&(machine.tenant().clone(), bound.key.clone()));
            held.into_iter().flatten().filter(|other| holds(other, runs)).count() >= bound.limit as usize
        };
        line.taken >= line.places || machine.concurrency(step).is_some_and(holders)
    }
}

/// Whether a step still holds the key that it was given.
fn holds(entry: &Entry, runs: &HashMap<RunId, Machine>) -> bool {
    entry.machine(runs).is_some_and(|machine| machine.is_under_way(entry.step))
}

impl Line {
    fn pop(&mut self) -> Option<(Rank, Entry)> {
        if self.taken >= self.places {
            return None;
        }
        self.waiting.pop_first()
    }
}
