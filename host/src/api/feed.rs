//! What a watcher of a run is sent: every event from a number on, in order, and progress while it is live.
//!
//! Events are read from the database whenever the engine says that more are committed. So none is lost or doubled, and
//! a watcher that reads slowly is merely behind.

use async_stream::try_stream;
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::streams::Place;
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
    let row = tenant.run_row(run).await?;
    Ok(row.state.is_terminal() && row.event_seq <= after)
}

/// Everything of a run with numbers above `after`. It ends when the run has ended and all is told, or when the place is
/// taken back.
pub(super) fn messages(
    tenant: Tenant,
    run: RunId,
    mut after: u64,
    place: Place,
) -> impl Stream<Item = Result<Message>> {
    try_stream! {
        // Before the first read: what is committed after it is told.
        let mut follow = tenant.follow(run).await?;
        // At first as well: there may be nothing left to tell.
        let mut ended = true;
        loop {
            follow.committed.borrow_and_update();
            loop {
                let events = tenant.events(run, after, BATCH).await?;
                let whole = events.len() < BATCH as usize;
                for event in events {
                    after = event.seq;
                    ended |= matches!(
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
            ended = false;
            loop {
                tokio::select! {
                    biased;
                    () = place.cut.cancelled() => return,
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
