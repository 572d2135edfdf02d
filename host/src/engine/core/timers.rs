//! When which step of which run is to be looked at again.

use std::collections::BTreeSet;

use crate::model::{RunId, Timestamp};

/// The timers of all runs. Those of a run can be dropped at once: reopened, it may have other steps at the same places.
#[derive(Default)]
pub(super) struct Timers {
    all: BTreeSet<(Timestamp, RunId, usize)>,
    by_run: BTreeSet<(RunId, Timestamp, usize)>,
}

impl Timers {
    /// When the first is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.all.first().map(|(at, ..)| *at)
    }

    pub(super) fn set(&mut self, run: RunId, timers: impl IntoIterator<Item = (Timestamp, usize)>) {
        for (at, step) in timers {
            self.all.insert((at, run, step));
            self.by_run.insert((run, at, step));
        }
    }

    /// The next one that is due.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(RunId, usize)> {
        let &(at, run, step) = self.all.first().filter(|(at, ..)| *at <= now)?;
        self.all.pop_first();
        self.by_run.remove(&(run, at, step));
        Some((run, step))
    }

    /// The next one of a run that is due.
    pub(super) fn pop_of(&mut self, run: RunId, now: Timestamp) -> Option<usize> {
        let (at, step) = self.of(run).next().filter(|(at, _)| *at <= now)?;
        self.all.remove(&(at, run, step));
        self.by_run.remove(&(run, at, step));
        Some(step)
    }

    /// Those of a run, the first one first.
    pub(super) fn of(&self, run: RunId) -> impl Iterator<Item = (Timestamp, usize)> {
        let all =
            (run, Timestamp::from_micros(i64::MIN), 0)..=(run, Timestamp::from_micros(i64::MAX), usize::MAX);
        self.by_run.range(all).map(|&(_, at, step)| (at, step))
    }

    /// The run is not in memory any more.
    pub(super) fn forget(&mut self, run: RunId) {
        let own: Vec<(Timestamp, usize)> = self.of(run).collect();
        for (at, step) in own {
            self.all.remove(&(at, run, step));
            self.by_run.remove(&(run, at, step));
        }
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.by_run.iter().map(|(run, ..)| run)
    }
}
