//! Who is about to name blobs: until they have, nothing that they saw or wrote is garbage.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::model::Timestamp;

/// A file's time is that of the kernel's last tick, which may lie before the clock's.
const TICK: Duration = Duration::from_secs(1);
/// Sessions that ended within the same span of time are remembered as one.
const SPAN: Duration = Duration::from_secs(1);

/// The sessions of a blob store. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// When those that are under way began.
    open: BTreeMap<u64, Timestamp>,
    /// Of those that ended: when the earliest began, by the end of the span in which they ended.
    ended: BTreeMap<Timestamp, Timestamp>,
}

/// From its beginning on, until it is dropped and a grace period beyond, no blob becomes garbage that was none before, and
/// none that was written is: whoever reads rows to name their blobs again, or writes blobs to name them, holds one.
#[derive(Debug)]
pub struct Session {
    sessions: Sessions,
    id: u64,
}

impl Sessions {
    pub(super) fn begin(&self) -> Session {
        let mut inner = self.lock();
        let id = inner.next;
        inner.next += 1;
        inner.open.insert(id, Timestamp::now());
        Session { sessions: self.clone(), id }
    }

    /// What has lain untouched since before this moment is nobody's who is under way, nor anybody's who ended within `grace`.
    pub(super) fn horizon(&self, grace: Duration, now: Timestamp) -> Timestamp {
        let settled = now.minus(grace);
        let mut inner = self.lock();
        inner.ended = inner.ended.split_off(&settled);
        let begun = inner.open.values().chain(inner.ended.values()).min();
        begun.map_or(settled, |begun| settled.min(begun.minus(TICK)))
    }

    fn end(&self, id: u64, now: Timestamp) {
        let mut inner = self.lock();
        let Some(begun) = inner.open.remove(&id) else { return };
        let into = now.since(Timestamp::from_micros(0)).as_micros() % SPAN.as_micros();
        let left = SPAN.saturating_sub(Duration::from_micros(u64::try_from(into).unwrap_or_default()));
        let earliest = inner.ended.entry(now.plus(left)).or_insert(begun);
        *earliest = begun.min(*earliest);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sessions.end(self.id, Timestamp::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn nothing_is_settled_that_somebody_may_yet_name() {
        let (sessions, now) = (Sessions::default(), Timestamp::now());
        assert_eq!(sessions.horizon(MINUTE, now), now.minus(MINUTE));
        let session = sessions.begin();
        let begun = sessions.lock().open[&session.id];
        // An hour later it is still under way.
        let later = now.plus(60 * MINUTE);
        assert_eq!(sessions.horizon(MINUTE, later), begun.minus(TICK));
        sessions.end(session.id, later);
        assert_eq!(sessions.horizon(MINUTE, later), begun.minus(TICK));
        // What it wrote may be named until the grace is over, and the span in which it ended.
        assert_eq!(sessions.horizon(MINUTE, later.plus(MINUTE)), begun.minus(TICK));
        let much_later = later.plus(MINUTE + SPAN + TICK);
        assert_eq!(sessions.horizon(MINUTE, much_later), much_later.minus(MINUTE));
        assert!(sessions.lock().ended.is_empty());
    }

    #[test]
    fn many_that_end_together_are_one_to_remember() {
        let (sessions, now) = (Sessions::default(), Timestamp::now());
        for _ in 0..100 {
            let session = sessions.begin();
            sessions.end(session.id, now);
        }
        assert_eq!(sessions.lock().ended.len(), 1);
    }
}
