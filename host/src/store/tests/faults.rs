//! A writer whose COMMITs now and then get no answer: before they reached the database, or after it had done them.

use std::{
    collections::HashMap,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    model::RunId,
    store::{StoreError, StoreResult, Transition},
};

/// One of so many COMMITs is lost on its way there, and one of so many on its way back.
const SHARE: u64 = 4;

/// What goes wrong. Without a seed, nothing does.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Faults {
    seed: Option<u64>,
    assume_failed: bool,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    commits: AtomicU64,
    requests_lost: AtomicU64,
    answers_lost: AtomicU64,
}

impl Faults {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { seed: Some(seed), ..Self::default() }
    }

    /// What has no answer is taken for not done and sent again, without a look at what is there. That is wrong.
    pub(super) fn assuming_failure(self) -> Self {
        Self { assume_failed: true, ..self }
    }

    /// How many COMMITs were lost on their way there, and how many on their way back.
    pub(super) fn lost(&self) -> (u64, u64) {
        let Counts { requests_lost, answers_lost, .. } = &*self.counts;
        (requests_lost.load(Ordering::Relaxed), answers_lost.load(Ordering::Relaxed))
    }

    /// Which of `SHARE` it is this time.
    fn chance(&self) -> Option<u64> {
        let commit = self.counts.commits.load(Ordering::Relaxed);
        Some(ChaCha8Rng::seed_from_u64(self.seed?.wrapping_add(commit)).random_range(0..SHARE))
    }

    /// Where the runs stand, or what is assumed of it: before whatever is to be written now.
    pub(in crate::store) fn assumed(
        &self,
        mut heads: HashMap<RunId, (u64, u64)>,
        group: &[Box<Transition>],
    ) -> HashMap<RunId, (u64, u64)> {
        if self.assume_failed {
            for run in group.iter().rev().map(|transition| &transition.run) {
                match run.rev {
                    1 => drop(heads.remove(&run.id)),
                    rev => drop(heads.insert(run.id, (run.epoch, rev - 1))),
                }
            }
        }
        heads
    }

    /// The connection breaks before COMMIT has reached the database.
    pub(in crate::store) fn request<T>(&self, result: StoreResult<T>) -> StoreResult<T> {
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        self.lose(0, &self.counts.requests_lost, result)
    }

    /// The connection breaks when the database has done it and nobody has heard.
    pub(in crate::store) fn answer<T>(&self, result: StoreResult<T>) -> StoreResult<T> {
        self.lose(1, &self.counts.answers_lost, result)
    }

    fn lose<T>(&self, which: u64, count: &AtomicU64, result: StoreResult<T>) -> StoreResult<T> {
        if result.is_err() || self.chance() != Some(which) {
            return result;
        }
        count.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::Unavailable(sqlx::Error::Io(ErrorKind::ConnectionReset.into())))
    }
}
