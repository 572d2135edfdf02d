//! Drives the core: feeds it what happens, commits what it decides, and carries out the rest when that is durable.

use std::{collections::HashMap, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt as _, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::Executor,
    core::{Action, Core, Input, Launch, Machine},
    recovery::Loader,
    signals::Matchmaker,
};
use crate::{
    events::EventBus,
    model::{AttemptId, Command, HostId, RunId, StepState, TenantId, Timestamp},
    store::{CommandRow, Store, StoreError, StoreResult},
};

/// A command that so many hosts died over is not done: it may be what kills them.
const MAX_TRIES: u32 = 3;

/// What the driver is told.
pub(crate) enum Message {
    /// For the core.
    Input(Input),
    /// A new run; the answer comes when it is durable.
    Create(Box<Machine>, oneshot::Sender<StoreResult<()>>),
    /// The database has commands for this host.
    CommandsWait,
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
    /// Number of the last event in the commit.
    seq: u64,
    launches: Vec<Launch>,
    reply: Option<oneshot::Sender<StoreResult<()>>>,
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
    /// How to stop each attempt under way.
    stops: HashMap<AttemptId, CancellationToken>,
    commits: Commits,
    /// Commands that the core has taken, but whose deletion is not durable yet.
    taken: Vec<i64>,
    deadline: Option<Instant>,
}

impl Driver {
    /// Start the driver.
    pub(crate) fn start(
        core: Core,
        store: Store,
        bus: EventBus,
        executor: Executor,
        loader: Loader,
        host: HostId,
        matchmaker: Matchmaker,
    ) -> DriverHandle {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (ended, stopped) = watch::channel(false);
        let driver = Self {
            core,
            store,
            bus,
            executor,
            loader,
            host,
            matchmaker,
            sender: sender.clone(),
            stops: HashMap::new(),
            commits: FuturesUnordered::new(),
            taken: Vec::new(),
            deadline: None,
        };
        tokio::spawn(async move {
            let driven = AssertUnwindSafe(driver.run(receiver)).catch_unwind().await;
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
            let timer = self.core.next_timer().map(|at| at.since(Timestamp::now()));
            tokio::select! {
                // First what is durable: it lets successors start.
                biased;
                Some(pending) = self.commits.next(), if !self.commits.is_empty() => self.committed(pending),
                Some(message) = receiver.recv() => self.message(message).await,
                () = sleep(timer) => self.input(Input::Tick, None),
                () = sleep_until(self.deadline) => {
                    self.stops.values().for_each(CancellationToken::cancel);
                    return;
                }
            }
        }
    }

    async fn message(&mut self, message: Message) {
        match message {
            Message::Input(Input::Ended { run, step, attempt, end }) => {
                self.stops.remove(&attempt);
                // An attempt that the shutdown stopped has not failed: it is launched again at the next start.
                self.input(Input::Ended { run, step, attempt, end }, None);
            }
            Message::Input(input) => self.input(input, None),
            Message::Create(machine, reply) => self.input(Input::Create(machine), Some(reply)),
            Message::CommandsWait => self.take_commands().await,
            Message::Shutdown(grace) => {
                self.core.drain();
                self.deadline = Some(Instant::now() + grace);
            }
        }
    }

    async fn take_commands(&mut self) {
        match self.new_commands().await {
            Ok(commands) => {
                for CommandRow { id, run, command, tries } in commands {
                    if tries >= MAX_TRIES {
                        tracing::error!(id, %run, ?command, "hosts died while they did this command; it is refused");
                        self.refuse_command(
                            id,
                            format!("{tries} hosts died while they did this; it is not tried again"),
                        );
                        continue;
                    }
                    self.input(Input::Command { id, run, command: Box::new(command) }, None);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "commands cannot be read; trying again");
                let sender = self.sender.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    let _ = sender.send(Message::CommandsWait);
                });
            }
        }
    }

    /// The commands that have come, each told once. That they are taken up is recorded before they are done.
    async fn new_commands(&mut self) -> StoreResult<Vec<CommandRow>> {
        let mut commands = self.store.command_list(self.host).await?;
        self.taken.retain(|id| commands.iter().any(|c| c.id == *id));
        commands.retain(|command| !self.taken.contains(&command.id));
        self.store.command_tried(commands.iter().map(|command| command.id).collect()).await?;
        self.taken.extend(commands.iter().map(|command| command.id));
        Ok(commands)
    }

    /// Tell the core, and see to what it wants. `reply` is for the creation of a run, which the input then is.
    fn input(&mut self, input: Input, mut reply: Option<oneshot::Sender<StoreResult<()>>>) {
        let created = match &input {
            Input::Create(machine) => Some(machine.run().id),
            _ => None,
        };
        let actions = self.core.handle(input, Timestamp::now());
        let mut launches: HashMap<RunId, Vec<Launch>> = HashMap::new();
        let mut commits = Vec::new();
        for action in actions {
            match action {
                Action::Commit(transition) => commits.push(transition),
                Action::Launch(launch) => launches.entry(launch.run.id).or_default().push(*launch),
                Action::Stop(attempt) => {
                    if let Some(stop) = self.stops.remove(&attempt) {
                        stop.cancel();
                    }
                }
                Action::RefuseCommand { id, why } => self.refuse_command(id, why),
                Action::Load { run, id, command } => self.load(run, id, command),
            }
        }
        for transition in commits {
            let (run, seq) = (transition.run.id, transition.run.event_seq);
            let launches = launches.remove(&run).unwrap_or_default();
            let reply = if created == Some(run) { reply.take() } else { None };
            let waiting = transition.steps.iter().filter(|step| step.state == StepState::Waiting);
            let keys = waiting.filter_map(|step| step.event_key.clone());
            let waits = keys.map(|key| (transition.tenant.clone(), key)).collect();
            let answer = self.store.commit(*transition);
            self.commits.push(Box::pin(async move {
                let result = answer.await.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)));
                Pending { run, seq, launches, reply, waits, result }
            }));
        }
        debug_assert!(launches.is_empty(), "every launch is in a transition of its run");
    }

    fn committed(&mut self, pending: Pending) {
        let Pending { run, seq, launches, reply, waits, result } = pending;
        match &result {
            Ok(()) => {
                self.bus.committed(run, seq);
                waits.into_iter().for_each(|(tenant, key)| self.matchmaker.look(tenant, key));
                launches.into_iter().for_each(|launch| self.launch(launch));
            }
            Err(error) => {
                // That a key of idempotency is in use is the caller's affair. What followed the refused transition is
                // refused as well, and says nothing new.
                if self.core.owns(run) && !matches!(error, StoreError::KeyInUse) {
                    tracing::error!(%error, %run, "a transition was refused; this host gives the run up");
                }
                self.input(Input::Lost(run), None);
            }
        }
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }

    fn launch(&mut self, launch: Launch) {
        let stop = CancellationToken::new();
        if self.core.is_running(launch.attempt, launch.run.id, launch.step) {
            self.stops.insert(launch.attempt, stop.clone());
        } else {
            // It was cancelled while its start was on its way to the disk.
            stop.cancel();
        }
        let (executor, sender) = (self.executor.clone(), self.sender.clone());
        tokio::spawn(async move {
            let (run, step, attempt) = (launch.run.id, launch.step, launch.attempt);
            let end = Box::new(executor.run(launch, stop).await);
            let _ = sender.send(Message::Input(Input::Ended { run, step, attempt, end }));
        });
    }

    /// Bring back a run that has ended, for a command that opens it again.
    fn load(&self, run: RunId, id: i64, command: Box<Command>) {
        let (loader, sender) = (self.loader.clone(), self.sender.clone());
        tokio::spawn(async move {
            match loader.reopen(run).await {
                Ok(Some(machine)) => {
                    let machine = Box::new(machine);
                    let _ = sender.send(Message::Input(Input::Reopen { machine, id, command }));
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

    /// The answer queues behind the transitions that the store has been given, so nobody is told of a state of the run
    /// that is not durable.
    fn refuse_command(&self, id: i64, why: String) {
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.command_refuse(id, &why).await {
                tracing::warn!(%error, "a command that cannot be done cannot be answered");
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
