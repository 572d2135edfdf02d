//! Who waits for the end of a run gets it as its host has it in memory, once that is durable: nothing is read for that.

use std::{collections::HashMap, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{RunDetail, StartRun, Tenant, core::Machine};
use crate::{error::Result, events::Follow, model::RunId};

/// Told of a run that is over.
pub(crate) type End = oneshot::Sender<Box<Machine>>;

/// Those who wait for runs that they have started.
#[derive(Default)]
pub(super) struct Awaited {
    ends: HashMap<RunId, End>,
    /// How many there were when those who have gone were last looked for.
    open: usize,
}

impl Awaited {
    /// Somebody waits for it.
    pub(super) fn add(&mut self, run: RunId, end: End) {
        /// So few are not looked through.
        const FEW: usize = 1024;
        if self.ends.len() > 2 * self.open.max(FEW) {
            self.ends.retain(|_, end| !end.is_closed());
            self.open = self.ends.len();
        }
        self.ends.insert(run, end);
    }

    /// Whether somebody waits for it.
    pub(super) fn has(&self, run: RunId) -> bool {
        self.ends.contains_key(&run)
    }

    /// Whoever waits for it, who is not waiting any more then.
    pub(super) fn take(&mut self, run: RunId) -> Option<End> {
        self.ends.remove(&run)
    }
}

impl Tenant {
    /// Start a run, and wait for its end, but no longer than that nor than `stop`. Returns the run as it is then, and whether an earlier
    /// request started it.
    ///
    /// # Errors
    /// As [`Self::run_start`].
    pub async fn run_to_end(
        &self,
        start: StartRun,
        wait: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<(RunDetail, bool)> {
        let (end, ended) = oneshot::channel();
        let started = self.start(start, Some(end)).await?;
        let until = Instant::now() + wait;
        let whole = async {
            match tokio::time::timeout_at(until, ended).await {
                Ok(Ok(machine)) if !started.replayed => RunDetail::of(&machine),
                Err(_) => None,
                // Another request started it, or it was read again meanwhile.
                _ => {
                    let rest = until.saturating_duration_since(Instant::now());
                    return self.run_wait(started.id, rest).await.map(Some);
                }
            }
            .map_or(Ok(None), |detail| Ok(Some(detail)))
        };
        let run = tokio::select! {
            whole = whole => whole?,
            () = stop => None,
        };
        let run = match run {
            Some(run) => run,
            None => self.run(started.id).await?,
        };
        Ok((run, started.replayed))
    }

    /// A run, when it has ended, or as it is after that time.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn run_wait(&self, id: RunId, timeout: Duration) -> Result<RunDetail> {
        let follow = self.engine.bus.follow(id);
        if !self.run_row(id).await?.state.is_terminal() {
            over(follow, timeout).await;
        }
        self.run(id).await
    }
}

/// Wait for the run's end, but no longer than that.
async fn over(mut follow: Follow, wait: Duration) {
    let over = async {
        while !follow.committed.borrow_and_update().over && follow.committed.changed().await.is_ok() {}
    };
    // What it is then, the database says.
    let _ = tokio::time::timeout(wait, over).await;
}
