//! Events from outside: kept until a step takes them, and brought to the steps that wait for them.
//!
//! An event and a step find each other by their key, whichever is there first: both write before they have somebody look.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{
    Tenant, TenantBounds,
    driver::{DriverHandle, Message},
};
use crate::{
    error::{Code, Error, Result},
    events::EventBus,
    model::{Command, Order, TenantId, Timestamp, Value},
    store::{CommandAnswer, Store, StoreError, StoreResult},
};

/// The longest key, in bytes: of an event, and of what a step waits for.
pub(super) const KEY_BYTES: usize = 512;
/// The largest data, in bytes of JSON text.
const DATA_BYTES: usize = 64 << 10;
/// While what an earlier host had offered has no answer, that is asked for after so long, and then less and less often.
const LOOK: Duration = Duration::from_millis(10);
/// After a failure of storage it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(1);

/// An event that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentSignal {
    /// Its place in the order of events.
    pub id: i64,
    /// Steps that wait for its key at the moment: one of them takes it.
    pub waiting: usize,
}

impl Tenant {
    /// Send an event from outside. It is taken by the step that has waited for its key the longest, or by the next one
    /// that does. When this returns, it is durable.
    ///
    /// # Errors
    /// `Invalid` for the key, `TooLarge` for the data, `Conflict` if too many are kept, `Unavailable` if storage fails.
    pub async fn signal(&self, key: &str, data: &serde_json::Value) -> Result<SentSignal> {
        if !(1..=KEY_BYTES).contains(&key.len()) {
            return Err(Error::invalid(format!("key: {} bytes; a key has 1 to {KEY_BYTES}", key.len())));
        }
        let json = data.to_string();
        if json.len() > DATA_BYTES {
            let message = format!(
                "data: {} bytes of JSON; at most {DATA_BYTES} are allowed: upload a file and send its id",
                json.len()
            );
            return Err(Error::new(Code::TooLarge, message));
        }
        let TenantBounds { signals, signal_age, .. } = self.engine.config.bounds;
        let kept = self.store().signal_add(key, &Value::Inline { json }, signal_age, signals).await;
        let id = kept.map_err(|error| match error {
            StoreError::Full => Error::conflict(format!(
                "{signals} events wait for a step to take them, and no more are kept; one that nobody takes is dropped after {} hours",
                signal_age.as_secs() / 3600
            )),
            other => other.into(),
        })?;
        let waiting = self.store().step_waiting_count(key).await?;
        self.engine.matchmaker.look(self.id().clone(), key.to_owned());
        Ok(SentSignal { id, waiting })
    }
}

/// Tells the one who brings events and steps together that there may be something to bring. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Matchmaker(mpsc::UnboundedSender<(TenantId, String)>);

impl Matchmaker {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<(TenantId, String)>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Look whether there is an event of that key, and a step that waits for it.
    pub(super) fn look(&self, tenant: TenantId, key: String) {
        // A host that only looks has nobody listening: the events are brought by the next one that runs.
        let _ = self.0.send((tenant, key));
    }
}

/// What is being brought, by tenant and key, and whether there may be more of it by now.
type Busy = HashMap<(TenantId, String), bool>;

/// Bring events to steps: those of a key one after another, so that no event is offered to two steps; those of other keys
/// beside them, so that an owner that does not answer holds up no others.
pub(super) fn start(
    store: Store,
    driver: DriverHandle,
    bus: EventBus,
    age: Duration,
    mut wanted: mpsc::UnboundedReceiver<(TenantId, String)>,
) {
    tokio::spawn(async move {
        let mut known = loop {
            match take_up(&store).await {
                Ok(known) => break known,
                Err(error) => {
                    tracing::warn!(%error, "outside events cannot be read; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let mut busy = Busy::new();
        let mut done = FuturesUnordered::new();
        loop {
            let next = match known.pop() {
                Some(one) => Some(one),
                None => tokio::select! {
                    Some(one) = done.next(), if !done.is_empty() => {
                        // Somebody may have looked meanwhile.
                        busy.remove(&one).filter(|again| *again).map(|_| one)
                    }
                    one = wanted.recv() => match one {
                        Some(one) => Some(one),
                        None => return,
                    },
                },
            };
            let Some(one) = next else { continue };
            match busy.entry(one) {
                Entry::Occupied(mut again) => drop(again.insert(true)),
                Entry::Vacant(place) => {
                    let (tenant, key) = place.key().clone();
                    place.insert(false);
                    let around = (store.clone(), driver.clone(), bus.clone());
                    let brought = tokio::spawn(insist(around, age, tenant.clone(), key.clone()));
                    done.push(async move {
                        let _ = brought.await;
                        (tenant, key)
                    });
                }
            }
        }
    });
}

/// What an earlier host had offered is done first; then there is what came while no host ran.
async fn take_up(store: &Store) -> StoreResult<Vec<(TenantId, String)>> {
    let mut pause = LOOK;
    while store.signals_offered().await? > 0 {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE);
    }
    store.signals_wanted().await
}

/// What it takes to bring an event.
type Around = (Store, DriverHandle, EventBus);

async fn insist(around: Around, age: Duration, tenant: TenantId, key: String) {
    while let Err(error) = bring(&around, age, (&tenant, &key)).await {
        tracing::warn!(%error, "an outside event cannot be brought to its step; trying again");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn bring(
    (store, driver, bus): &Around,
    age: Duration,
    (tenant, key): (&TenantId, &str),
) -> StoreResult<()> {
    let tenant = store.tenant(tenant);
    let mut refused = Vec::new();
    loop {
        let Some(signal) = tenant.signal_next(key, Timestamp::now().minus(age)).await? else { return Ok(()) };
        // One of so many has not refused it.
        let few = u32::try_from(refused.len() + 1).unwrap_or(u32::MAX);
        let waiting = tenant.step_waiting(key, few).await?;
        let Some((run, step)) = waiting.into_iter().find(|step| !refused.contains(step)) else {
            return Ok(());
        };
        let data = match &signal.data {
            Value::Inline { json } => json.clone(),
            Value::Blob { .. } => "null".to_owned(),
        };
        let command = Command::Signal { step: step.clone(), signal: signal.id, data };
        let mut follow = bus.follow(run);
        let place = tenant.command_add(run, &Order { command, by: None }).await?;
        driver.send(Message::CommandsWait);
        loop {
            match tenant.command_answer(place).await {
                Ok(CommandAnswer::Done) => break,
                // It went another way meanwhile: the event is for the next one.
                Ok(CommandAnswer::Refused(_)) => {
                    refused.push((run, step));
                    break;
                }
                // It is offered: as long as that is not answered, it must not be offered to another.
                Ok(CommandAnswer::Queued) | Err(_) if driver.has_stopped() => return Ok(()),
                Ok(CommandAnswer::Queued) | Err(_) => {
                    // Done or refused, it is told, unless the host shuts down.
                    let _ = tokio::time::timeout(PAUSE, follow.committed.changed()).await;
                }
            }
        }
    }
}
