//! Tells watchers what has been committed, and what is live only.
//!
//! Durable events are not sent from here: a watcher is told the number of the last one, and reads those that it has
//! not seen from the database. So nothing is lost, and a slow watcher holds nobody up. What is live only (progress)
//! goes through a bounded channel that drops the oldest.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use tokio::sync::{broadcast, watch};

use crate::model::RunId;

/// So many live messages wait for a watcher; the oldest are dropped.
const LIVE_BUFFER: usize = 256;

/// Something that is shown live and never stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Live {
    /// The step.
    pub step: String,
    /// How far it is, in 0..=1.
    pub fraction: f64,
    /// For people.
    pub message: String,
}

/// How far a run is, as far as it is durable.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Number of its last event.
    pub seq: u64,
    /// Whether it has ended with that.
    pub over: bool,
}

/// What a watcher of a run holds.
pub struct Follow {
    /// What has been committed since it was followed.
    pub committed: watch::Receiver<Committed>,
    /// Progress.
    pub live: broadcast::Receiver<Live>,
    bus: EventBus,
    run: RunId,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.bus.forget_unwatched(self.run);
    }
}

struct Channel {
    committed: watch::Sender<Committed>,
    live: broadcast::Sender<Live>,
    watchers: usize,
}

/// Connects the engine with the watchers. Cheap to clone. A run that nobody watches costs nothing.
#[derive(Clone, Default)]
pub struct EventBus {
    // A std mutex: it is held for a look-up, and nothing awaits under it.
    runs: Arc<Mutex<HashMap<RunId, Channel>>>,
}

impl EventBus {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<RunId, Channel>) -> T) -> T {
        work(&mut self.runs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Watch a run. Subscribe first and read the database then: an event committed in between is told, not missed.
    pub fn follow(&self, run: RunId) -> Follow {
        self.with(|runs| {
            let channel = runs.entry(run).or_insert_with(|| Channel {
                committed: watch::channel(Committed::default()).0,
                live: broadcast::channel(LIVE_BUFFER).0,
                watchers: 0,
            });
            channel.watchers += 1;
            Follow {
                committed: channel.committed.subscribe(),
                live: channel.live.subscribe(),
                bus: self.clone(),
                run,
            }
        })
    }

    /// Tell how far a run is committed. Called after the commit, never before (law 2).
    pub fn committed(&self, run: RunId, committed: Committed) {
        self.with(|runs| {
            if let Some(channel) = runs.get(&run) {
                channel.committed.send_if_modified(|last| {
                    // A transition may have no events, and yet be an answer to somebody.
                    let newer = committed.seq >= last.seq;
                    if newer {
                        *last = committed;
                    }
                    newer
                });
            }
        });
    }

    /// Tell that something asked of a run has its answer, which is no event. Called when the answer is durable.
    pub fn answered(&self, run: RunId) {
        self.with(|runs| {
            if let Some(channel) = runs.get(&run) {
                channel.committed.send_modify(|_| {});
            }
        });
    }

    /// Show something live.
    pub fn live(&self, run: RunId, live: impl FnOnce() -> Live) {
        self.with(|runs| {
            if let Some(channel) = runs.get(&run) {
                // Nobody listening any more is no error.
                let _ = channel.live.send(live());
            }
        });
    }

    fn forget_unwatched(&self, run: RunId) {
        self.with(|runs| {
            if let Some(channel) = runs.get_mut(&run) {
                channel.watchers -= 1;
                if channel.watchers == 0 {
                    runs.remove(&run);
                }
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watcher_is_told_the_last_number_and_a_run_unwatched_is_forgotten() {
        let bus = EventBus::default();
        let run = RunId::new();
        let until = |seq, over| Committed { seq, over };
        bus.committed(run, until(3, false));
        let mut follow = bus.follow(run);
        bus.committed(run, until(7, true));
        bus.committed(run, until(5, false));
        follow.committed.changed().await.unwrap();
        assert_eq!(*follow.committed.borrow_and_update(), until(7, true));
        assert!(!follow.committed.has_changed().unwrap());
        bus.answered(run);
        follow.committed.changed().await.unwrap();
        assert_eq!(*follow.committed.borrow_and_update(), until(7, true));
        let second = bus.follow(run);
        drop(follow);
        assert_eq!(bus.with(|runs| runs.len()), 1);
        drop(second);
        assert_eq!(bus.with(|runs| runs.len()), 0);
    }

    #[tokio::test]
    async fn a_slow_watcher_loses_the_oldest_live_messages_only() {
        let bus = EventBus::default();
        let run = RunId::new();
        let mut follow = bus.follow(run);
        for i in 0..LIVE_BUFFER + 10 {
            bus.live(run, || Live { step: "s".into(), fraction: i as f64, message: String::new() });
        }
        assert!(matches!(follow.live.recv().await, Err(broadcast::error::RecvError::Lagged(10))));
        assert_eq!(follow.live.recv().await.unwrap().fraction, 10.0);
    }
}
