//! Drives the core: feeds it what happens, commits what it decides, and carries out the rest when that is durable, or, of
//! what stays inside the host, already before (`ahead`).

mod ahead;
mod commands;
mod held;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub use self::ahead::CommitMode;
pub(crate) use self::ahead::Durable;
use self::{
    ahead::Ahead,
    commands::{Found, Inbox},
    held::Held,
};
use super::{
    attempt::Executor,
    awaited::{Awaited, End},
    core::{Action, Core, Input, Launch, Machine},
    recovery::{Loader, Refusals},
    signals::Matchmaker,
};
use crate::{
    events::{Committed, EventBus},
    model::{AttemptId, HostId, Order, RunId, StepState, TenantId, Timestamp},
    store::{Store, StoreError, StoreResult},
};

/// Nobody sleeps longer than this: the clock may be set, or the machine suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// What the driver is told.
pub(crate) enum Message {
    /// For the core.
    Input(Input),
    /// A new run; the answer comes when it is durable, and its end is told to whoever waits for it.
    Create(Box<Machine>, oneshot::Sender<StoreResult<()>>, Option<End>),
    /// The database has commands for this host.
    CommandsWait,
    /// They were looked for.
    Commands(StoreResult<Found>),
    /// Start nothing more, and stop what still runs after the time given.
    Shutdown(Duration),
}

/// A handle to the driver. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DriverHandle {
    sender: mpsc::UnboundedSender<Message>,
    stopped: watch::Receiver<bool>,
}

impl DriverHandle {
    pub(crate) fn send(&self, message: Message) {
        // After the driver's end nothing can be done for the sender: the next start takes up what is durable.
        let _ = self.sender.send(message);
    }

    /// Whether the driver has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Wait until the driver has ended.
    pub(crate) async fn stopped(&self) {
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }
}

/// What follows a run's commit, and no other run's: one that is refused must not take another run with it.
struct Pending {
    run: RunId,
    epoch: u64,
    /// Whether it creates the run.
    creates: bool,
    /// How far the run is with it.
    until: Committed,
    /// What may begin only now.
    launches: Vec<Launch>,
    /// Tells those that began already.
    tell: Option<watch::Sender<bool>>,
    /// Of its rows, about.
    bytes: usize,
    reply: Option<oneshot::Sender<StoreResult<()>>>,
    /// Who waits for the run's end, with the run, if this is it.
    end: Option<(End, Box<Machine>)>,
    /// The keys of outside events that its steps now wait for.
    waits: Vec<(TenantId, String)>,
    result: StoreResult<()>,
}

type Commits = FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = Pending> + Send>>>;

pub(crate) struct Driver {
    core: Core,
    store: Store,
    bus: EventBus,
    executor: Executor,
    loader: Loader,
    host: HostId,
    matchmaker: Matchmaker,
    sender: mpsc::UnboundedSender<Message>,
    /// How to stop each attempt under way, with the epoch that it runs under.
    stops: HashMap<AttemptId, (u64, CancellationToken)>,
    commits: Commits,
    inbox: Inbox,
    refusals: Refusals,
    ahead: Ahead,
    held: Held,
    /// How many transitions of a run are on their way to the disk.
    on_their_way: HashMap<RunId, usize>,
    /// Runs that could not be created, while more of their transitions are on their way: these are refused as well, and
    /// nobody is to look for the runs.
    not_created: HashSet<RunId>,
    awaited: Awaited,
    deadline: Option<Instant>,
}

/// The host that the driver is of.
pub(crate) struct Seat {
    pub(crate) host: HostId,
    pub(crate) commit: CommitMode,
    /// Whether the last host did not stop by itself.
    pub(crate) crashed_before: bool,
    pub(crate) matchmaker: Matchmaker,
}

impl Driver {
    /// A driver, and what it is told.
    pub(crate) fn new(
        core: Core,
        store: Store,
        bus: EventBus,
        executor: Executor,
        loader: Loader,
        seat: Seat,
    ) -> (Self, mpsc::UnboundedReceiver<Message>) {
        let Seat { host, commit, crashed_before, matchmaker } = seat;
        let (sender, receiver) = mpsc::unbounded_channel();
        let driver = Self {
            core,
            store,
            bus,
            executor,
            loader,
            host,
            matchmaker,
            sender,
            stops: HashMap::new(),
            commits: FuturesUnordered::new(),
            inbox: Inbox::default(),
            refusals: Refusals::default(),
            ahead: Ahead::new(commit, crashed_before),
            held: Held::default(),
            on_their_way: HashMap::new(),
            not_created: HashSet::new(),
            awaited: Awaited::default(),
            deadline: None,
        };
        (driver, receiver)
    }

    /// Let it drive, until it is told to shut down.
    pub(crate) fn start(self, receiver: mpsc::UnboundedReceiver<Message>) -> DriverHandle {
        let sender = self.sender.clone();
        let (ended, stopped) = watch::channel(false);
        tokio::spawn(async move {
            let driven = AssertUnwindSafe(self.run(receiver)).catch_unwind().await;
            if driven.is_err() {
                // What it holds in memory is not to be trusted any more, and nothing would go on. The database is: the next
                // start goes on from there.
                tracing::error!("the scheduler has a defect (see the panic above); the process ends");
                std::process::abort();
            }
            let _ = ended.send(true);
        });
        DriverHandle { sender, stopped }
    }

    async fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Message>) {
        loop {
            if self.deadline.is_some() && self.core.running() == 0 && self.commits.is_empty() {
                return;
            }
            let timer = self.core.next_timer().map(|at| at.since(Timestamp::now()).min(LONGEST_SLEEP));
            tokio::select! {
                // First what is durable: it lets successors start.
                biased;
                Some(pending) = self.commits.next(), if !self.commits.is_empty() => self.committed(pending),
                Some(message) = receiver.recv() => {
                    self.message(message);
                    // While one message follows the other nobody looks at the timer.
                    if self.held.is_due() {
                        self.commit_held();
                    }
                }
                () = sleep_until(self.held.until()) => self.commit_held(),
                () = sleep(timer) => self.input(Input::Tick, None),
                () = sleep_until(self.deadline) => {
                    self.commit_held();
                    self.stops.values().for_each(|(_, stop)| stop.cancel());
                    return;
                }
            }
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Input(input) => {
                if let Input::Ended { attempt, epoch, .. } = &input
                    && self.stops.get(attempt).is_some_and(|(of, _)| of == epoch)
                {
                    self.stops.remove(attempt);
                }
                // An attempt that the shutdown stopped has not failed: it is launched again at the next start.
                self.input(input, None);
            }
            Message::Create(machine, reply, _) if self.core.is_full(machine.tenant()) => {
                let _ = reply.send(Err(StoreError::Full));
            }
            Message::Create(machine, reply, end) => {
                if let Some(end) = end {
                    self.awaited.add(machine.run().id, end);
                }
                self.input(Input::Create(machine), Some(reply));
            }
            Message::CommandsWait => self.look_for_commands(),
            Message::Commands(found) => self.commands(found),
            Message::Shutdown(grace) => {
                self.core.drain();
                self.deadline = Some(Instant::now() + grace);
            }
        }
    }

    /// Tell the core, and see to what it wants. `reply` is for the creation of a run, which the input then is.
    fn input(&mut self, input: Input, mut reply: Option<oneshot::Sender<StoreResult<()>>>) {
        let created = match &input {
            Input::Create(machine) => Some(machine.run().id),
            _ => None,
        };
        // What people and programs asked for is committed at once.
        let by_itself = matches!(input, Input::Ended { .. })
            || created.is_some_and(|run| self.awaited.has(run) && reply.is_some());
        let actions = self.core.handle(input, Timestamp::now());
        let mut launches: HashMap<RunId, Vec<Launch>> = HashMap::new();
        let (mut commits, mut refusals, mut over) = (Vec::new(), Vec::new(), HashMap::new());
        for action in actions {
            match action {
                Action::Commit(transition) => commits.push(transition),
                Action::Over(machine) => drop(over.insert(machine.run().id, machine)),
                Action::Launch(launch) => launches.entry(launch.run.id).or_default().push(*launch),
                Action::Stop(attempt) => {
                    if let Some((_, stop)) = self.stops.remove(&attempt) {
                        stop.cancel();
                    }
                }
                Action::RefuseCommand { run, id, why } => refusals.push((run, id, why)),
                Action::Load { run, id, order } => self.load(run, id, order),
                Action::Wake { tenant, run, head } => {
                    let (loader, sender) = (self.loader.clone(), self.sender.clone());
                    tokio::spawn(async move {
                        let _ = sender.send(Message::Input(loader.wake(tenant, run, head).await));
                    });
                }
                Action::Reload(run) => {
                    // What it had taken up is told anew, when it is there.
                    self.inbox.forget(run);
                    let sender = self.sender.clone();
                    tokio::spawn(self.loader.clone().reload(run, self.refusals.last(run), sender));
                }
            }
        }
        for transition in commits {
            let (run, epoch) = (transition.run.id, transition.run.epoch);
            let until = Committed { seq: transition.run.event_seq, over: transition.run.state.is_terminal() };
            let end = over.remove(&run).and_then(|machine| Some((self.awaited.take(run)?, machine)));
            let creates = transition.creation.is_some();
            let mut launches = launches.remove(&run).unwrap_or_default();
            let mut tell = None;
            let ahead = self.ahead.may_begin(|| self.store.in_trouble());
            if ahead && !launches.is_empty() {
                let (sender, durable) = watch::channel(false);
                tell = Some(sender);
                launches.drain(..).for_each(|launch| self.launch(launch, Durable::When(durable.clone())));
            }
            let bytes = transition.bytes();
            self.ahead.on_its_way(bytes);
            *self.on_their_way.entry(run).or_default() += 1;
            let reply = if created == Some(run) { reply.take() } else { None };
            let waiting = transition.steps.iter().filter(|step| step.state == StepState::Waiting);
            let keys = waiting.filter_map(|step| step.event_key.clone());
            let waits: Vec<_> = keys.map(|key| (transition.tenant.clone(), key)).collect();
            let goes_on = by_itself
                && ahead
                && !until.over
                && waits.is_empty()
                && transition.approvals.is_empty()
                && transition.steps.iter().all(|step| step.state != StepState::AwaitingReview)
                && held::is_worth_it(self.on_their_way.len());
            let answer = self.held.keep(transition, bytes);
            if !goes_on {
                self.commit_held();
            }
            self.commits.push(Box::pin(async move {
                let result = answer.await.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)));
                Pending { run, epoch, creates, until, launches, tell, bytes, reply, end, waits, result }
            }));
        }
        // What they are refused for may have come about just now.
        refusals.into_iter().for_each(|(run, id, why)| self.refuse_command(run, id, why));
        debug_assert!(launches.is_empty(), "every launch is in a transition of its run");
    }

    fn commit_held(&mut self) {
        self.store.commit_all(self.held.take());
    }

    fn committed(&mut self, pending: Pending) {
        let Pending { run, epoch, creates, until, launches, tell, bytes, reply, end, waits, result } =
            pending;
        self.ahead.answered(bytes);
        let last = self.on_their_way.get_mut(&run).is_none_or(|count| {
            *count -= 1;
            *count == 0
        });
        if last {
            self.on_their_way.remove(&run);
        }
        match &result {
            Ok(()) => {
                if let Some(tell) = tell {
                    tell.send_replace(true);
                }
                self.bus.committed(run, until);
                if let Some((end, machine)) = end {
                    let _ = end.send(machine);
                }
                waits.into_iter().for_each(|(tenant, key)| self.matchmaker.look(tenant, key));
                launches.into_iter().for_each(|launch| self.launch(launch, Durable::Now));
                if last {
                    self.core.settled(run);
                }
            }
            Err(error) if creates => {
                // That a key of idempotency is in use is the caller's affair.
                if !matches!(error, StoreError::KeyInUse) {
                    tracing::error!(%error, %run, "a run cannot be created");
                }
                self.awaited.take(run);
                self.input(Input::NotCreated(run), None);
                if !last {
                    self.not_created.insert(run);
                }
            }
            Err(_) if self.not_created.contains(&run) => {}
            Err(error) => {
                self.refusals.add(run, epoch, error);
                self.input(Input::Refused { run, epoch }, None);
            }
        }
        if last {
            self.not_created.remove(&run);
        }
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }

    fn launch(&mut self, launch: Launch, durable: Durable) {
        let stop = CancellationToken::new();
        if self.core.is_wanted(&launch) {
            self.stops.insert(launch.attempt, (launch.run.epoch, stop.clone()));
        } else {
            // It was cancelled while its start was on its way to the disk.
            stop.cancel();
        }
        let (run, epoch) = (launch.run.id, launch.run.epoch);
        let (step, attempt, sender) = (launch.step, launch.attempt, self.sender.clone());
        self.executor.spawn(launch, durable, stop, move |end| {
            let end = Box::new(end);
            // After the driver's end nobody wants to know.
            let _ = sender.send(Message::Input(Input::Ended { run, epoch, step, attempt, end }));
        });
    }

    /// Bring back a run that has ended, for a command that opens it again.
    fn load(&self, run: RunId, id: i64, order: Box<Order>) {
        let (loader, sender) = (self.loader.clone(), self.sender.clone());
        tokio::spawn(async move {
            match loader.reopen(run).await {
                Ok(Some(machine)) => {
                    let machine = Box::new(machine);
                    let _ = sender.send(Message::Input(Input::Reopen { machine, id, order }));
                }
                Ok(None) => {
                    let why = "the run is not there, or another host has just opened it again".to_owned();
                    let _ = sender.send(Message::Input(Input::NotLoaded { run, id, why }));
                }
                Err(error) => {
                    tracing::error!(%error, %run, "the run cannot be opened again; its command is refused");
                    let why = format!("the run cannot be opened again: {error}");
                    let _ = sender.send(Message::Input(Input::NotLoaded { run, id, why }));
                }
            }
        });
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
