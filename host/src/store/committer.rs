//! The one writer: takes whatever transitions wait and commits them together (law 11).
//!
//! It never sleeps to gather a group: while one group is being synced, the next one gathers by itself.

use std::{collections::HashMap, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};

#[cfg(test)]
use super::tests::faults::Faults;
use super::{
    StoreError, StoreResult, Transition,
    database::{Connection, Connector, PATIENCE},
    sole::Sole,
    write,
};
use crate::model::RunId;

/// So many transitions share one commit at the most.
const GROUP: usize = 2048;
/// So many bytes their rows have, about, unless one of them alone has more.
const GROUP_BYTES: usize = 32 << 20;

/// So long a group may take at first. A server that is cut off never answers, and says nothing of it.
const LIMIT: Duration = Duration::from_secs(60);
/// So long, after it was not enough again and again: the disk may be slow, and the group large.
const LONGEST: Duration = Duration::from_secs(1800);

/// A transition, and who is to hear that it is durable.
pub type Queued = (Box<Transition>, oneshot::Sender<StoreResult<()>>);

/// Work in a transaction that has begun, or why it could not. Returns whether the connection can be used again.
type Work = Box<dyn for<'a> FnOnce(StoreResult<&'a mut Connection>) -> BoxFuture<'a, bool> + Send>;

enum Message {
    Commit(Vec<Queued>),
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
    pub(super) fn start(connector: Connector, connection: Connection, sole: Option<Sole>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (health, trouble) = watch::channel(None);
        let writer = Writer {
            connector,
            sole,
            connection: Some(connection),
            health,
            #[cfg(test)]
            faults: Faults::default(),
        };
        writer.start(receiver);
        Self { sender, trouble }
    }

    /// The same for tests, with a writer to whom things happen.
    #[cfg(test)]
    pub(super) fn start_faulty(connector: Connector, connection: Connection, faults: Faults) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (health, trouble) = watch::channel(None);
        let writer = Writer { connector, sole: None, connection: Some(connection), health, faults };
        writer.start(receiver);
        Self { sender, trouble }
    }

    /// What keeps the writer from committing for the moment, if anything does.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    /// Whether anything does.
    pub(super) fn in_trouble(&self) -> bool {
        self.trouble.borrow().is_some()
    }

    /// Queue transitions. They are committed in their order and that of these calls; each one's answer comes when it is durable.
    pub(super) fn commit(&self, transitions: Vec<Queued>) {
        // The writer lives as long as a handle does; if its task died, the dropped answers tell the caller.
        let _ = self.sender.send(Message::Commit(transitions));
    }

    /// Run another write in a transaction of its own. While the database cannot be written, whoever asks hears of it after a
    /// short while, and nothing is done later that they were told could not be.
    pub(super) async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Connection) -> BoxFuture<'a, StoreResult<T>> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            async move {
                if answer.is_closed() {
                    // It has begun, and nothing is done in it.
                    return match connection {
                        Ok(connection) => connection.end::<()>(Err(StoreError::Stale)).await.is_err(),
                        Err(_) => false,
                    };
                }
                let result = match connection {
                    Ok(connection) => {
                        let result = work(&mut *connection).await;
                        connection.end(result).await
                    }
                    Err(error) => Err(error),
                };
                let usable = !matches!(result, Err(StoreError::Unavailable(_)));
                let _ = answer.send(result);
                usable
            }
            .boxed()
        });
        let _ = self.sender.send(Message::Other(work));
        tokio::select! {
            biased;
            answer = receiver => answer.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed))),
            why = lasting(self.trouble.clone()) => Err(StoreError::Unavailable(sqlx::Error::Protocol(why))),
        }
    }
}

/// Wait for trouble that does not pass soon; returns what it is. A database that is being restarted nobody should notice.
async fn lasting(mut trouble: watch::Receiver<Option<String>>) -> String {
    loop {
        let Ok(why) = trouble.wait_for(Option::is_some).await.map(|why| why.clone().unwrap_or_default())
        else {
            return std::future::pending().await;
        };
        if tokio::time::timeout(PATIENCE, trouble.wait_for(Option::is_none)).await.is_err() {
            return why;
        }
    }
}

struct Writer {
    connector: Connector,
    /// None if others may write at the same time.
    sole: Option<Sole>,
    /// None while the database is away.
    connection: Option<Connection>,
    health: watch::Sender<Option<String>>,
    #[cfg(test)]
    faults: Faults,
}

impl Writer {
    /// What writes a file is at work in this process, or waits for the disk: it has a thread of its own.
    fn start(self, receiver: mpsc::UnboundedReceiver<Message>) {
        if !self.has_thread() {
            tokio::spawn(self.run(receiver));
            return;
        }
        let runtime = Handle::current();
        let thread = std::thread::Builder::new().name("heddle-writer".to_owned());
        if let Err(error) = thread.spawn(move || runtime.block_on(self.run(receiver))) {
            // Whoever asks for a write is told that there is no writer.
            tracing::error!(%error, "no thread can be had for what writes the database");
        }
    }

    /// Whether it has a thread of its own.
    fn has_thread(&self) -> bool {
        matches!(self.connector, Connector::Sqlite(_))
    }

    async fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Message>) {
        let mut group = Vec::new();
        let mut messages = Vec::new();
        while receiver.recv_many(&mut messages, GROUP).await > 0 {
            // When the processors are busy, whoever else has work goes first, and what they commit comes into this group.
            if self.has_thread() {
                std::thread::yield_now();
                while messages.len() < GROUP
                    && let Ok(message) = receiver.try_recv()
                {
                    messages.push(message);
                }
            }
            let mut bytes = 0;
            for message in messages.drain(..) {
                match message {
                    Message::Commit(transitions) => {
                        for (transition, answer) in transitions {
                            let more = transition.bytes();
                            if bytes + more > GROUP_BYTES || group.len() >= GROUP {
                                self.commit(std::mem::take(&mut group)).await;
                                bytes = 0;
                            }
                            bytes += more;
                            group.push((transition, answer));
                        }
                    }
                    Message::Other(work) => {
                        self.commit(std::mem::take(&mut group)).await;
                        bytes = 0;
                        self.other(work).await;
                    }
                }
            }
            self.commit(std::mem::take(&mut group)).await;
        }
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
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
            // One of them is refused, and took the others with it: each gets an answer from a commit of its own. One that
            // was alone is tried again, too: a commit whose answer was lost may have ended between look and write.
            Err(_) => {
                for (transition, answer) in transitions.into_iter().zip(answers) {
                    let result = self.insist(std::slice::from_ref(&transition)).await.map_err(refusal);
                    let result =
                        result.and_then(|mut results| results.pop().unwrap_or(Err(StoreError::Stale)));
                    let _ = answer.send(result);
                }
            }
        }
    }

    /// The connection, made anew if the last one broke.
    async fn connection(&mut self) -> StoreResult<&mut Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => match &mut self.sole {
                Some(sole) => sole.again(&self.connector).await?,
                None => self.connector.connect().await?,
            },
        };
        Ok(self.connection.insert(connection))
    }

    /// Do one write that is no transition. Who asks for it hears of a database that is away, and may ask again.
    async fn other(&mut self, work: Work) {
        // A server that was restarted meanwhile is noticed by the first statement; nothing is done by then.
        if self.begin().await.is_err() {
            self.connection = None;
        }
        if self.connection.is_none()
            && let Err(error) = self.begin().await
        {
            self.connection = None;
            work(Err(error)).await;
            return;
        }
        let usable = match self.connection.as_mut() {
            Some(connection) => work(Ok(connection)).await,
            None => false,
        };
        if !usable {
            self.connection = None;
        }
    }

    async fn begin(&mut self) -> StoreResult<()> {
        self.connection().await?.begin().await
    }

    /// Commit a group, however long the database is away or full: what was decided must not be lost, and nothing that
    /// was queued later may overtake it. A commit whose answer was lost is found out by the next try, which reads where
    /// the runs stand before it writes.
    async fn insist(&mut self, group: &[Box<Transition>]) -> StoreResult<Vec<StoreResult<()>>> {
        let mut pause = Duration::from_millis(20);
        let mut limit = LIMIT;
        loop {
            match self.try_group(group, &mut limit).await {
                Err(StoreError::Unavailable(error)) => {
                    let said = self.health.send_replace(Some(error.to_string()));
                    if said.is_none() {
                        tracing::error!(%error, "the database cannot be written; trying again until it can");
                    }
                    // What state it is in is not known; a new one begins with nothing open.
                    self.connection = None;
                    match self.has_thread() {
                        // The runtime may end meanwhile, and its timers with it.
                        true => std::thread::sleep(pause),
                        false => tokio::time::sleep(pause).await,
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
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

    /// What takes longer than the limit has a longer one the next time: it would never be done otherwise.
    async fn try_group(
        &mut self,
        group: &[Box<Transition>],
        limit: &mut Duration,
    ) -> StoreResult<Vec<StoreResult<()>>> {
        // That the server answers at all does not take longer for a large group.
        within(LIMIT, self.begin()).await?;
        let Some(connection) = self.connection.as_mut() else { return Err(timed_out()) };
        #[cfg(test)]
        let faults = self.faults.clone();
        let work = async {
            // Read each time: what was committed although its answer was lost shows in it.
            let heads = write::heads(connection, group).await;
            #[cfg(test)]
            let heads = heads.map(|heads| faults.assumed(heads, group));
            let result = match heads {
                Ok(heads) => try_apply(connection, group, heads).await,
                Err(error) => Err(error),
            };
            #[cfg(test)]
            let result = faults.request(result);
            let result = connection.end(result).await;
            #[cfg(test)]
            let result = faults.answer(result);
            result
        };
        let given = *limit;
        let begin = tokio::time::Instant::now();
        let result = within(given, work).await;
        if begin.elapsed() >= given {
            *limit = (given * 2).min(LONGEST);
        }
        result
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(timed_out()))
}

fn timed_out() -> StoreError {
    StoreError::Unavailable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
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

/// `heads` is where the runs stand.
async fn try_apply(
    connection: &mut Connection,
    group: &[Box<Transition>],
    mut heads: HashMap<RunId, (u64, u64)>,
) -> StoreResult<Vec<StoreResult<()>>> {
    let mut apply = Vec::with_capacity(group.len());
    let results = group
        .iter()
        .map(|transition| {
            let verdict = check(&mut heads, transition);
            match verdict {
                Verdict::Apply => apply.push(&**transition),
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
