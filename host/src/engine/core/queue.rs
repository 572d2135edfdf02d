//! Who gets the next free place: by priority, then first come first served, within the bounds that definitions set.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
};

use super::Machine;
use crate::model::{RunId, TenantId};

/// Evaluations of the host's own, which are short, that may be under way at once.
const LIGHT: usize = 64;

/// A step that wants a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) run: RunId,
    pub(super) step: usize,
}

/// Highest priority first: the run's, then the step's; then by number.
type Rank = (Reverse<i32>, Reverse<i32>, u64);

/// The steps that wait, those that run code of others apart from the host's own evaluations.
pub(super) struct Queue {
    guests: Line,
    light: Line,
    /// Steps that hold their concurrency key, by tenant and key.
    held: HashMap<(TenantId, String), BTreeSet<Entry>>,
    /// Steps that wait for their key.
    parked: BTreeMap<(TenantId, String), VecDeque<Entry>>,
    next: u64,
}

struct Line {
    places: usize,
    taken: usize,
    waiting: BTreeMap<Rank, Entry>,
}

impl Queue {
    pub(super) fn new(slots: usize) -> Self {
        let line = |places| Line { places, taken: 0, waiting: BTreeMap::new() };
        Self {
            guests: line(slots),
            light: line(if slots == 0 { 0 } else { LIGHT }),
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
    }

    pub(super) fn take(&mut self, guest: bool) {
        self.line(guest).taken += 1;
    }

    pub(super) fn free(&mut self, guest: bool) {
        self.line(guest).taken -= 1;
    }

    /// The next step that gets a place, if one is free.
    pub(super) fn pop(&mut self, runs: &HashMap<RunId, Machine>) -> Option<Entry> {
        while let Some(entry) = self.guests.pop().or_else(|| self.light.pop()) {
            // It may have been cancelled, paused or skipped while it waited.
            let Some(machine) = runs.get(&entry.run).filter(|machine| machine.wants_place(entry.step)) else {
                continue;
            };
            let Some(bound) = machine.concurrency(entry.step) else { return Some(entry) };
            let key = (machine.tenant().clone(), bound.key.clone());
            let held = self.held.entry(key.clone()).or_default();
            held.retain(|other| runs.get(&other.run).is_some_and(|run| run.is_under_way(other.step)));
            if held.contains(&entry) || held.len() < bound.limit as usize {
                held.insert(entry);
                return Some(entry);
            }
            self.parked.entry(key).or_default().push_back(entry);
        }
        None
    }

    /// Let those try again that waited for a key which somebody has let go of.
    pub(super) fn unpark(&mut self, runs: &HashMap<RunId, Machine>) {
        let mut again = Vec::new();
        self.parked.retain(|key, waiting| {
            let held = self.held.entry(key.clone()).or_default();
            held.retain(|other| runs.get(&other.run).is_some_and(|run| run.is_under_way(other.step)));
            let bound =
                waiting.front().and_then(|entry| Some(runs.get(&entry.run)?.concurrency(entry.step)?.limit));
            // One whose run is gone bounds nothing; it is dropped when it is tried.
            let free = bound.map_or(1, |limit| (limit as usize).saturating_sub(held.len()));
            again.extend(waiting.drain(..free.min(waiting.len())));
            !waiting.is_empty()
        });
        for entry in again {
            if let Some(machine) = runs.get(&entry.run) {
                self.push(machine.priority(entry.step), machine.runs_guest(entry.step), entry);
            }
        }
    }
}

impl Line {
    fn pop(&mut self) -> Option<Entry> {
        if self.taken >= self.places {
            return None;
        }
        self.waiting.pop_first().map(|(_, entry)| entry)
    }
}
