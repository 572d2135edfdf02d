//! When which step of which run is to be looked at again.

use std::collections::{BTreeSet, HashMap};

use crate::model::{RunId, Timestamp};

/// The timers of all runs. Those of a run can be dropped at once: reopened, it may have other steps at the same places.
#[derive(Default)]
pub(super) struct Timers {
    all: BTreeSet<(Timestamp, RunId, usize)>,
    by_run: HashMap<RunId, BTreeSet<(Timestamp, usize)>>,
}

impl Timers {
    /// When the first is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.all.first().map(|(at, ..)| *at)
    }

    pub(super) fn set(&mut self, run: RunId, timers: impl IntoIterator<Item = (Timestamp, usize)>) {
        for (at, step) in timers {
            self.all.insert((at, run, step));
            self.by_run.entry(run).or_default().insert((at, step));
        }
    }

    /// The next one that is due.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(RunId, usize)> {
        let &(at, run, step) = self.all.first().filter(|(at, ..)| *at <= now)?;
        self.all.pop_first();
        if let Some(own) = self.by_run.get_mut(&run) {
            own.remove(&(at, step));
            if own.is_empty() {
                self.by_run.remove(&run);
            }
        }
        Some((run, step))
    }

    /// The run is not in memory any more.
    pub(super) fn forget(&mut self, run: RunId) {
        for (at, step) in self.by_run.remove(&run).unwrap_or_default() {
            self.all.remove(&(at, run, step));
        }
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.by_run.keys()
    }
}
