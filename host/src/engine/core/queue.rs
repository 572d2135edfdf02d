//! Who gets the next free place: by priority, then first come first served, within the bounds that definitions set.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::Machine;
use crate::{
    engine::work,
    model::{RunId, TenantId},
};

/// A step that wants a place.
pub(super) type Entry = (RunId, usize);

/// Highest priority first: the run's, then the step's; then by number.
type Rank = (Reverse<i32>, Reverse<i32>, u64);

/// A key that bounds how many steps run at once, within its tenant.
type Key = Arc<(TenantId, String)>;

/// The steps that wait, those that run code of others apart from the host's own evaluations.
pub(super) struct Queue {
    guests: Line,
    light: Line,
    /// Where each step waits: a run's are beside each other.
    places: BTreeMap<Entry, Place>,
    /// Who holds keys, and who waits for them.
    keys: HashMap<Key, Bound>,
    /// The key that a step holds.
    holds: BTreeMap<Entry, Key>,
    /// Keys that others may take by now.
    freed: BTreeSet<Key>,
    next: u64,
}

struct Line {
    places: usize,
    taken: usize,
    waiting: BTreeMap<Rank, Entry>,
}

/// Where a step waits.
struct Place {
    rank: Rank,
    /// In the line of guests.
    guest: bool,
    key: Option<Key>,
    /// For its key; otherwise in its line, for which its key was kept if it has one.
    for_key: bool,
}

#[derive(Default)]
struct Bound {
    held: BTreeSet<Entry>,
    /// Those that wait for it, by whether they are guests: when it is free, the first of either may be the one that finds a
    /// place.
    waiting: [BTreeMap<Rank, Entry>; 2],
}

/// The step's run, if the step wants a place: it may have been cancelled, paused or skipped while it waited.
fn wants((run, step): Entry, runs: &HashMap<RunId, Machine>) -> Option<&Machine> {
    runs.get(&run).filter(|machine| machine.wants_place(step))
}

impl Queue {
    /// With so many places for guests, and so many for evaluations of the host's own.
    pub(super) fn new(guests: usize, light: usize) -> Self {
        let line = |places| Line { places, taken: 0, waiting: BTreeMap::new() };
        Self {
            guests: line(guests),
            light: line(light),
            places: BTreeMap::new(),
            keys: HashMap::new(),
            holds: BTreeMap::new(),
            freed: BTreeSet::new(),
            next: 0,
        }
    }

    fn line(&mut self, guest: bool) -> &mut Line {
        if guest { &mut self.guests } else { &mut self.light }
    }

    /// A step wants a place. One that waits already keeps its turn.
    pub(super) fn push(&mut self, (run, step): (i32, i32), guest: bool, entry: Entry) {
        if self.places.contains_key(&entry) {
            return;
        }
        self.next += 1;
        let rank = (Reverse(run), Reverse(step), self.next);
        self.line(guest).waiting.insert(rank, entry);
        self.places.insert(entry, Place { rank, guest, key: None, for_key: false });
    }

    /// Whether a step of a run waits for its place.
    pub(super) fn wants(&self, machine: &Machine) -> bool {
        let run = machine.run().id;
        let mut waiting = self.places.range((run, 0)..=(run, usize::MAX));
        waiting.any(|((_, step), _)| machine.wants_place(*step))
    }

    /// Let the steps of a run wait no longer.
    pub(super) fn forget(&mut self, run: RunId) {
        for entry in of_run(&self.places, run) {
            self.remove(entry);
        }
    }

    /// Let the steps of a run neither wait nor hold anything.
    pub(super) fn drop_run(&mut self, run: RunId) {
        self.forget(run);
        for entry in of_run(&self.holds, run) {
            self.release(entry);
        }
    }

    /// Let a step wait no longer. What was kept for it is for others.
    fn remove(&mut self, entry: Entry) {
        work::count(1);
        let Some(place) = self.places.remove(&entry) else { return };
        let Some(key) = place.key else {
            self.line(place.guest).waiting.remove(&place.rank);
            return;
        };
        if !place.for_key {
            self.line(place.guest).waiting.remove(&place.rank);
        } else if let Some(bound) = self.keys.get_mut(&key) {
            bound.waiting[usize::from(place.guest)].remove(&place.rank);
        }
        self.freed.insert(key);
    }

    /// A step holds its key no longer.
    fn release(&mut self, entry: Entry) {
        work::count(1);
        let Some(key) = self.holds.remove(&entry) else { return };
        if let Some(bound) = self.keys.get_mut(&key) {
            bound.held.remove(&entry);
        }
        self.freed.insert(key);
    }

    /// A step does not hold its key, or does not want it, any more.
    pub(super) fn let_go(&mut self, entry: Entry) {
        self.release(entry);
        if self.places.get(&entry).is_some_and(|place| place.key.is_some()) {
            self.remove(entry);
        }
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
            let key = Arc::new((machine.tenant().clone(), bound.key.clone()));
            self.hold_key(key, (machine.run().id, step));
        }
    }

    /// The same, of a run that is not in memory.
    pub(super) fn hold_key(&mut self, key: Key, entry: Entry) {
        self.keys.entry(Arc::clone(&key)).or_default().held.insert(entry);
        self.holds.insert(entry, key);
    }

    /// The next step that gets a place, if one is free.
    pub(super) fn pop(&mut self, runs: &HashMap<RunId, Machine>) -> Option<Entry> {
        while let Some((rank, entry)) = self.guests.pop().or_else(|| self.light.pop()) {
            work::count(1);
            let Some(place) = self.places.remove(&entry) else { continue };
            let Some(machine) = wants(entry, runs) else {
                self.freed.extend(place.key);
                continue;
            };
            let Some(concurrency) = machine.concurrency(entry.1) else { return Some(entry) };
            if self.holds.contains_key(&entry) {
                return Some(entry);
            }
            let key =
                place.key.unwrap_or_else(|| Arc::new((machine.tenant().clone(), concurrency.key.clone())));
            let bound = self.keys.entry(Arc::clone(&key)).or_default();
            if bound.held.len() < concurrency.limit as usize {
                self.hold_key(key, entry);
                return Some(entry);
            }
            bound.waiting[usize::from(place.guest)].insert(rank, entry);
            self.places.insert(entry, Place { key: Some(key), for_key: true, ..place });
        }
        None
    }

    /// The keys of which it is known who holds them.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Let those try again that waited for a key which somebody has let go of. Returns whether there were any: one that is
    /// not begun after all leaves its key to the next.
    pub(super) fn unpark(&mut self, runs: &HashMap<RunId, Machine>) -> bool {
        let mut any = false;
        while let Some(key) = self.freed.pop_first() {
            let Some(bound) = self.keys.get_mut(&key) else { continue };
            for (waiting, line) in bound.waiting.iter_mut().zip([&mut self.light, &mut self.guests]) {
                let mut held = bound.held.len();
                while let Some(first) = waiting.first_entry() {
                    work::count(1);
                    let entry = *first.get();
                    let limit = wants(entry, runs).and_then(|machine| machine.concurrency(entry.1));
                    let Some(limit) = limit.map(|bound| bound.limit as usize) else {
                        first.remove();
                        self.places.remove(&entry);
                        continue;
                    };
                    if held >= limit {
                        break;
                    }
                    (held, any) = (held + 1, true);
                    line.waiting.insert(*first.key(), first.remove());
                    if let Some(place) = self.places.get_mut(&entry) {
                        place.for_key = false;
                    }
                }
            }
            if bound.held.is_empty() && bound.waiting.iter().all(BTreeMap::is_empty) {
                self.keys.remove(&key);
            }
        }
        any
    }

    /// Whether a step that wants a place waits for one that is taken, or for a key that others hold.
    #[cfg(test)]
    pub(super) fn keeps_waiting(&self, machine: &Machine, step: usize) -> bool {
        let line = if machine.runs_guest(step) { &self.guests } else { &self.light };
        let held = |bound: &crate::model::Concurrency| {
            let bound_of = self.keys.get(&(machine.tenant().clone(), bound.key.clone()));
            bound_of.map_or(0, |of| of.held.len()) >= bound.limit as usize
        };
        let waits = self.places.contains_key(&(machine.run().id, step));
        waits && (line.taken >= line.places || machine.concurrency(step).is_some_and(held))
    }

    /// The steps that hold a key.
    #[cfg(test)]
    pub(super) fn holders(&self) -> impl Iterator<Item = Entry> {
        self.holds.keys().copied()
    }
}

/// The steps of a run among those.
fn of_run<T>(steps: &BTreeMap<Entry, T>, run: RunId) -> Vec<Entry> {
    steps.range((run, 0)..=(run, usize::MAX)).map(|(entry, _)| *entry).collect()
}

impl Line {
    fn pop(&mut self) -> Option<(Rank, Entry)> {
        if self.taken >= self.places {
            return None;
        }
        self.waiting.pop_first()
    }
}
