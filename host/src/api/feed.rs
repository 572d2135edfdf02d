//! What a watcher of a run is sent: every event from a number on, in order, and progress while it is live.
//!
//! Events are read from the database whenever the engine says that more are committed. So none is lost or doubled, and
//! a watcher that reads slowly is merely behind.

use async_stream::try_stream;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::Tenant,
    error::Result,
    events::Live,
    model::{Event, EventKind, RunId},
};

/// Events that are read at once.
const BATCH: u32 = 256;

/// One message.
pub(super) enum Message {
    /// Durable and numbered.
    Event(Event),
    /// Shown live and never stored.
    Live(Live),
}

/// Whether all that is known of a run is before `after`, and nothing will come.
pub(super) async fn is_over(tenant: &Tenant, run: RunId, after: u64) -> Result<bool> {
    let row = tenant.run(run).await?.run;
    Ok(row.state.is_terminal() && row.event_seq <= after)
}

/// Everything of a run with numbers above `after`. It ends when the run has ended and all is told, or when `stop` is.
pub(super) fn messages(
    tenant: Tenant,
    run: RunId,
    mut after: u64,
    stop: CancellationToken,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Message>> {
    try_stream! {
        let _place = place;
        // Before the first read: what is committed after it is told.
        let mut follow = tenant.follow(run).await?;
        loop {
            follow.committed.borrow_and_update();
            let mut ended = false;
            loop {
                let events = tenant.events(run, after, BATCH).await?;
                let whole = events.len() < BATCH as usize;
                for event in events {
                    after = event.seq;
                    ended = matches!(
                        event.kind,
                        EventKind::RunCompleted | EventKind::RunFailed | EventKind::RunCancelled
                    );
                    yield Message::Event(event);
                }
                if whole {
                    break;
                }
            }
            // A run that ended may have been reopened: the end of its history is the end only if its state says so.
            if ended && is_over(&tenant, run, after).await? {
                return;
            }
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    changed = follow.committed.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        break;
                    }
                    live = follow.live.recv() => match live {
                        Ok(live) => yield Message::Live(live),
                        // Progress that was not read in time is of no use any more.
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        }
    }
}
