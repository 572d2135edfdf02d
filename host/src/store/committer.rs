//! The one writer: takes whatever transitions wait and commits them together (law 11).
//!
//! It never sleeps to gather a group: while one group is being synced, the next one gathers by itself.

use std::{collections::HashMap, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot, watch};

use super::{StoreError, StoreResult, Transition, write};
use crate::model::RunId;

/// So many transitions share one commit at the most; it bounds the size of a statement's parameter.
const GROUP: usize = 2048;

type Work = Box<dyn for<'a> FnOnce(&'a mut SqliteConnection) -> BoxFuture<'a, ()> + Send>;

enum Message {
    Commit(Box<Transition>, oneshot::Sender<StoreResult<()>>),
    /// A write that is no run's transition, alone in its transaction.
    Other(Work),
}

/// A handle to the writer.
#[derive(Clone)]
pub(super) struct Committer {
    sender: mpsc::UnboundedSender<Message>,
    trouble: watch::Receiver<Option<String>>,
}

impl Committer {
    /// Start the writer on a connection of its own. It ends when the last handle is gone.
    pub(super) fn start(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (health, trouble) = watch::channel(None);
        tokio::spawn(Writer { options, connection, health }.run(receiver));
        Self { sender, trouble }
    }

    /// What keeps the writer from committing for the moment, if anything does.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    /// Queue a transition. Transitions are committed in the order of these calls; the answer comes when it is durable.
    pub(super) fn commit(&self, transition: Transition) -> oneshot::Receiver<StoreResult<()>> {
        let (answer, receiver) = oneshot::channel();
        // The writer lives as long as a handle does; if its task died, the dropped answer tells the caller.
        let _ = self.sender.send(Message::Commit(Box::new(transition), answer));
        receiver
    }

    /// Run another write in a transaction of its own.
    pub(super) async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut SqliteConnection) -> BoxFuture<'a, StoreResult<T>> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            async move {
                let _ = answer.send(in_transaction(connection, work).await);
            }
            .boxed()
        });
        let _ = self.sender.send(Message::Other(work));
        receiver.await.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)))
    }
}

struct Writer {
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    health: watch::Sender<Option<String>>,
}

type Queued = (Transition, oneshot::Sender<StoreResult<()>>);

impl Writer {
    async fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Message>) {
        let mut group = Vec::new();
        let mut messages = Vec::new();
        while receiver.recv_many(&mut messages, GROUP).await > 0 {
            for message in messages.drain(..) {
                match message {
                    Message::Commit(transition, answer) => group.push((*transition, answer)),
                    Message::Other(work) => {
                        self.commit(std::mem::take(&mut group)).await;
                        work(&mut self.connection).await;
                    }
                }
            }
            self.commit(std::mem::take(&mut group)).await;
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the database connection was not closed cleanly");
        }
    }

    async fn commit(&mut self, group: Vec<Queued>) {
        if group.is_empty() {
            return;
        }
        let (transitions, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        match self.insist(&transitions).await {
            Ok(results) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    let _ = answer.send(result);
                }
            }
            // One of them is refused, and took the others with it: each gets an answer from a commit of its own.
            Err(_) if transitions.len() > 1 => {
                for (transition, answer) in transitions.into_iter().zip(answers) {
                    let result = self.insist(std::slice::from_ref(&transition)).await;
                    let result = result.map_err(refusal);
                    let _ = answer
                        .send(result.and_then(|mut results| results.pop().unwrap_or(Err(StoreError::Stale))));
                }
            }
            Err(error) => {
                let mut error = Some(refusal(error));
                for answer in answers {
                    let _ = answer.send(Err(error.take().unwrap_or(StoreError::Stale)));
                }
            }
        }
    }

    /// Commit a group, however long the database is away or full: what was decided must not be lost, and nothing that
    /// was queued later may overtake it. A commit whose answer was lost is found out by the next try, which reads where
    /// the runs stand before it writes.
    async fn insist(&mut self, group: &[Transition]) -> StoreResult<Vec<StoreResult<()>>> {
        let mut pause = Duration::from_millis(20);
        loop {
            match try_group(&mut self.connection, group).await {
                Err(StoreError::Unavailable(error)) => {
                    let said = self.health.send_replace(Some(error.to_string()));
                    if said.is_none() {
                        tracing::error!(%error, "the database cannot be written; trying again until it can");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                    if self.connection.ping().await.is_err()
                        && let Ok(connection) = self.options.connect().await
                    {
                        self.connection = connection;
                    }
                }
                answer => {
                    if self.health.send_replace(None).is_some() {
                        tracing::info!("the database can be written again");
                    }
                    return answer;
                }
            }
        }
    }
}

/// A refused transition whose key of idempotency is in use is the client's affair, not the host's.
fn refusal(error: StoreError) -> StoreError {
    match error {
        StoreError::Refused(sqlx::Error::Database(e)) if e.message().contains("idempotency_keys") => {
            StoreError::KeyInUse
        }
        other => other,
    }
}

async fn try_group(
    connection: &mut SqliteConnection,
    group: &[Transition],
) -> StoreResult<Vec<StoreResult<()>>> {
    begin(connection).await?;
    let result = try_apply(connection, group).await;
    end(connection, result).await
}

async fn try_apply(
    connection: &mut SqliteConnection,
    group: &[Transition],
) -> StoreResult<Vec<StoreResult<()>>> {
    let mut heads = write::heads(connection, group).await?;
    let mut apply = Vec::with_capacity(group.len());
    let results = group
        .iter()
        .map(|transition| {
            let verdict = check(&mut heads, transition);
            match verdict {
                Verdict::Apply => apply.push(transition),
                Verdict::Done => {}
                Verdict::Stale => return Err(StoreError::Stale),
            }
            Ok(())
        })
        .collect();
    write::apply(connection, &apply).await?;
    Ok(results)
}

enum Verdict {
    Apply,
    /// It was committed before, and the answer was lost.
    Done,
    Stale,
}

fn check(heads: &mut HashMap<RunId, (u64, u64)>, transition: &Transition) -> Verdict {
    let run = &transition.run;
    match heads.get_mut(&run.id) {
        None if run.rev == 1 && transition.creation.is_some() => {
            heads.insert(run.id, (run.epoch, 1));
            Verdict::Apply
        }
        Some((epoch, rev)) if *epoch == run.epoch && *rev + 1 == run.rev => {
            *rev = run.rev;
            Verdict::Apply
        }
        Some((epoch, rev)) if *epoch == run.epoch && *rev >= run.rev => Verdict::Done,
        _ => Verdict::Stale,
    }
}

async fn in_transaction<T, F>(connection: &mut SqliteConnection, work: F) -> StoreResult<T>
where
    F: for<'a> FnOnce(&'a mut SqliteConnection) -> BoxFuture<'a, StoreResult<T>>,
{
    begin(connection).await?;
    let result = work(&mut *connection).await;
    end(connection, result).await
}

async fn begin(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("BEGIN IMMEDIATE").execute(connection).await?;
    Ok(())
}

/// Commit what succeeded, roll back what did not.
async fn end<T>(connection: &mut SqliteConnection, result: StoreResult<T>) -> StoreResult<T> {
    let error = match result {
        Ok(value) => match sqlx::query("COMMIT").execute(&mut *connection).await {
            Ok(_) => return Ok(value),
            Err(error) => StoreError::Unavailable(error),
        },
        Err(error) => error,
    };
    // Also after a COMMIT that failed: it may leave the transaction open, and the next BEGIN would fail for ever.
    // That the ROLLBACK itself fails is the normal case then (there is none open), so its result says nothing.
    let _ = sqlx::query("ROLLBACK").execute(connection).await;
    Err(error)
}
