//! The scheduler's core: a pure state machine over all runs that this host owns.
//!
//! Inputs go in, actions come out. The core has no clock, does no input or output, and does not wait: the driver commits
//! the transitions, and carries out what follows a commit only when it is durable (law 2).

mod loading;
mod machine;
mod places;
mod plans;
mod queue;
mod resting;
mod timers;

use std::collections::{BTreeSet, HashMap};

use loading::Loading;
pub(crate) use machine::{
    AttemptEnd, AttemptOutcome, Child, Document, Effects, Known, Launch, Machine, Recorded, Snapshot, Stage,
    Suspension, latest_files,
};
use plans::Plans;
use queue::Queue;
use resting::Resting;
pub(crate) use resting::{Head, Rest};
use timers::Timers;

use crate::{
    engine::TenantBounds,
    model::{AttemptId, Failure, HostId, Order, RunId, TenantId, Timestamp},
    store::Transition,
};

/// What has happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A new run is to start.
    Create(Box<Machine>),
    /// A run that was under way is taken up: an earlier owner's, or one whose transition the store had refused.
    Recover(Box<Machine>),
    /// A run of an earlier owner only waits: it is taken up as it is, and read when it is woken.
    Rests { run: RunId, tenant: TenantId, head: Head, rest: Rest },
    /// The runs of earlier owners are taken up, and what they had under way has its places: what waits may start.
    TakenUp,
    /// A run cannot be taken up, and why. It may have ended, or be another host's, or else it stays as it is.
    NotRecovered { run: RunId, why: String, stays: bool },
    /// A run that this host cannot go on with is to end.
    GiveUp(Box<Machine>, Failure),
    /// A run that had ended is opened again, for a command.
    Reopen { machine: Box<Machine>, id: i64, order: Box<Order> },
    /// A run that was to be opened again cannot be, and why.
    NotLoaded { run: RunId, id: i64, why: String },
    /// A run that rested has been read.
    Woken(Box<Machine>),
    /// A run that rests could not be read, and why. It goes on resting unless it is `gone`.
    NotWoken { run: RunId, why: String, gone: bool },
    /// An attempt has ended.
    Ended { run: RunId, epoch: u64, step: usize, attempt: AttemptId, end: Box<AttemptEnd> },
    /// Somebody wants something.
    Command { id: i64, run: RunId, order: Box<Order> },
    /// Time has passed.
    Tick,
    /// The store refused to create a run.
    NotCreated(RunId),
    /// The store refused a transition of the run: another owner holds it, or what is in it cannot be written. What is in
    /// memory under that epoch is not what the database has.
    Refused { run: RunId, epoch: u64 },
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Commit this; of one run there is at most one in a list.
    Commit(Box<Transition>),
    /// The run is over with what of it is committed in the same list. One that is read again ends anew.
    Over(Box<Machine>),
    /// Start an attempt, as soon as its run's commit in the same list is durable.
    Launch(Box<Launch>),
    /// Stop an attempt's guest. Does not wait for any commit.
    Stop(AttemptId),
    /// The command does not fit where the run stands.
    RefuseCommand { run: RunId, id: i64, why: String },
    /// The run is not in memory: bring it by [`Input::Reopen`].
    Load { run: RunId, id: i64, order: Box<Order> },
    /// Bring the run back as the database has it, if it is this host's, by [`Input::Recover`], [`Input::GiveUp`] or
    /// [`Input::NotRecovered`].
    Reload(RunId),
    /// Read a run that rests, by [`Input::Woken`] or [`Input::NotWoken`].
    Wake { tenant: TenantId, run: RunId, head: Head },
}

/// Evaluations of the host's own, which are short, that may be under way at once.
const LIGHT: usize = 64;

/// All runs that this host owns.
pub(crate) struct Core {
    host: HostId,
    /// Hosts that stopped by themselves: their attempts did not crash.
    stopped_hosts: BTreeSet<HostId>,
    queue: Queue,
    running: HashMap<AttemptId, Place>,
    runs: HashMap<RunId, Machine>,
    /// How many runs that have not ended each tenant has.
    open: HashMap<TenantId, usize>,
    /// Runs that only wait.
    resting: Resting,
    plans: Plans,
    bounds: TenantBounds,
    timers: Timers,
    /// Runs that are being opened again or brought back, with the commands that came meanwhile: opened twice, a run would
    /// have two epochs, of which the one in memory may be over.
    loading: HashMap<RunId, Loading>,
    /// Runs that have not ended and cannot be taken up, and why.
    left: HashMap<RunId, String>,
    /// Set until the runs of earlier owners are taken up: what they had under way comes first.
    taking_up: bool,
    /// Set when the host shuts down: nothing new starts.
    draining: bool,
}

/// What an attempt under way takes up.
#[derive(Debug, Clone, Copy)]
struct Place {
    run: RunId,
    epoch: u64,
    guest: bool,
}

impl Core {
    /// With `slots` places for guests. With no slots, nothing is run: whoever only looks must not start what waits.
    ///
    /// Nothing that waits for a place is begun before [`Input::TakenUp`].
    pub(crate) fn new(
        host: HostId,
        slots: usize,
        bounds: TenantBounds,
        stopped_hosts: BTreeSet<HostId>,
    ) -> Self {
        let light = if slots == 0 { 0 } else { LIGHT };
        Self { bounds, ..Self::with_places(host, slots, light, stopped_hosts) }
    }

    fn with_places(host: HostId, guests: usize, light: usize, stopped_hosts: BTreeSet<HostId>) -> Self {
        Self {
            host,
            stopped_hosts,
            queue: Queue::new(guests, light),
            running: HashMap::new(),
            runs: HashMap::new(),
            open: HashMap::new(),
            resting: Resting::default(),
            plans: Plans::default(),
            bounds: TenantBounds { open_runs: usize::MAX, ..TenantBounds::default() },
            timers: Timers::default(),
            loading: HashMap::new(),
            left: HashMap::new(),
            taking_up: true,
            draining: false,
        }
    }

    /// When [`Input::Tick`] is next wanted.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Attempts under way.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether the tenant has as many open runs as it may have.
    pub(crate) fn is_full(&self, tenant: &TenantId) -> bool {
        self.open.get(tenant).is_some_and(|open| *open >= self.bounds.open_runs)
    }

    /// Whether the attempt is still wanted.
    pub(crate) fn is_wanted(&self, launch: &Launch) -> bool {
        self.runs.get(&launch.run.id).is_some_and(|machine| {
            machine.run().epoch == launch.run.epoch && machine.is_running(launch.step, launch.attempt)
        })
    }

    /// Start nothing more.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Take in what has happened.
    pub(crate) fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Action> {
        let mut changed = BTreeSet::new();
        let mut launches = Vec::new();
        let mut actions = Vec::new();
        let mut woken = None;
        match input {
            Input::Create(mut machine) => {
                let run = machine.run().id;
                let effects = machine.start(now);
                self.hold(*machine);
                self.follow(run, effects, &mut actions);
                changed.insert(run);
            }
            Input::Recover(mut machine) => {
                let run = machine.run().id;
                let (again, effects) = machine.recover(self.host, &self.stopped_hosts, now);
                for launch in again {
                    self.take_place(&launch, machine.runs_guest(launch.step));
                    launches.push(launch);
                }
                machine.holders().for_each(|step| self.queue.hold(&machine, step));
                self.hold(*machine);
                self.follow(run, effects, &mut actions);
                changed.insert(run);
                self.after_loading(run, None, now, &mut actions);
            }
            Input::Rests { run, tenant, head, rest } => self.rests(run, &tenant, head, rest),
            Input::TakenUp => self.taking_up = false,
            Input::NotRecovered { run, why, stays } => {
                for (id, ..) in self.loading.remove(&run).unwrap_or_default().commands {
                    actions.push(Action::RefuseCommand { run, id, why: why.clone() });
                }
                if stays {
                    self.left.insert(run, why);
                }
            }
            Input::GiveUp(mut machine, failure) => {
                let run = machine.run().id;
                let effects = machine.give_up(failure, now);
                self.hold(*machine);
                self.follow(run, effects, &mut actions);
                changed.insert(run);
                self.after_loading(run, None, now, &mut actions);
            }
            Input::Reopen { machine, id, .. } if self.is_full(machine.tenant()) => {
                let why = format!(
                    "{} runs have not ended, and it would be one more; wait for some, or cancel them",
                    self.bounds.open_runs
                );
                return self.handle(Input::NotLoaded { run: machine.run().id, id, why }, now);
            }
            Input::Reopen { machine, id, order } => {
                let run = machine.run().id;
                self.hold(*machine);
                changed.insert(run);
                self.after_loading(run, Some((id, order)), now, &mut actions);
            }
            Input::NotLoaded { run, id, why } => {
                actions.push(Action::RefuseCommand { run, id, why: why.clone() });
                // Its end was refused meanwhile, and it is being brought back: what else came is done then.
                if self.loading.get(&run).is_none_or(|loading| !loading.reloads) {
                    for (id, ..) in self.loading.remove(&run).unwrap_or_default().commands {
                        actions.push(Action::RefuseCommand { run, id, why: why.clone() });
                    }
                }
            }
            Input::Woken(machine) => {
                let run = machine.run().id;
                self.woken(*machine, now, &mut actions);
                changed.insert(run);
                woken = Some(run);
            }
            Input::NotWoken { run, why, gone } => self.not_woken(run, &why, gone, now, &mut actions),
            Input::Ended { run, epoch, step, attempt, end } => {
                self.free_place(attempt, epoch);
                if let Some(machine) = self.runs.get_mut(&run).filter(|m| m.run().epoch == epoch) {
                    let effects = machine.end(step, attempt, *end, now);
                    self.follow(run, effects, &mut actions);
                    changed.insert(run);
                }
            }
            Input::Command { id, run, order } => match self.runs.get_mut(&run) {
                Some(machine) => {
                    let done = machine.command(&order, now);
                    changed.insert(run);
                    self.commanded(run, id, done, &mut actions);
                }
                None if self.loading.contains_key(&run) => {
                    self.loading.entry(run).or_default().commands.push((id, order, now));
                }
                None if self.resting.has(run) => {
                    self.loading.entry(run).or_default().commands.push((id, order, now));
                    self.wake(run, false, &mut actions);
                }
                None if order.command.reopens() && !self.left.contains_key(&run) => {
                    self.loading.insert(run, Loading::default());
                    actions.push(Action::Load { run, id, order });
                }
                None => {
                    let why = self.left.get(&run).map_or("the run has ended", String::as_str).to_owned();
                    actions.push(Action::RefuseCommand { run, id, why });
                }
            },
            Input::Tick => {
                while let Some((run, step)) = self.timers.pop(now) {
                    if let Some(machine) = self.runs.get_mut(&run) {
                        let effects = machine.timer(step, now);
                        self.follow(run, effects, &mut actions);
                        changed.insert(run);
                    } else if self.resting.has(run) {
                        self.wake(run, true, &mut actions);
                    }
                }
            }
            Input::NotCreated(run) => self.drop_run(run, &mut actions),
            Input::Refused { run, epoch } => {
                let known = self.runs.get(&run).map(|machine| machine.run().epoch);
                // What followed the refused transition is refused as well, and says nothing new.
                let reloads = self.loading.get(&run).is_some_and(|loading| loading.reloads);
                if known.map_or(!reloads, |known| known == epoch) {
                    self.drop_run(run, &mut actions);
                    self.loading.entry(run).or_default().reloads = true;
                    actions.push(Action::Reload(run));
                }
            }
        }
        self.dispatch(now, &mut changed, &mut launches);
        for run in changed {
            if let Some(machine) = self.runs.get_mut(&run) {
                if let Some(transition) = machine.take_transition() {
                    woken = woken.filter(|woken| *woken != run);
                    actions.push(Action::Commit(Box::new(transition)));
                }
                if machine.is_over() {
                    actions.extend(self.let_go(run).map(|machine| Action::Over(Box::new(machine))));
                }
            }
        }
        // Nothing came of waking it.
        woken.into_iter().for_each(|run| self.settled(run));
        actions.extend(launches.into_iter().map(|launch| Action::Launch(Box::new(launch))));
        actions
    }

    /// A command is done with the run's transition, or refused.
    fn commanded(&mut self, run: RunId, id: i64, done: Result<Effects, String>, actions: &mut Vec<Action>) {
        match done {
            Ok(effects) => {
                if let Some(machine) = self.runs.get_mut(&run) {
                    machine.command_done(id);
                }
                self.follow(run, effects, actions);
            }
            Err(why) => actions.push(Action::RefuseCommand { run, id, why }),
        }
    }

    /// Do what a machine's move brings with it.
    fn follow(&mut self, run: RunId, effects: Effects, actions: &mut Vec<Action>) {
        let Some(machine) = self.runs.get_mut(&run) else { return };
        machine.take_let_go().into_iter().for_each(|step| self.queue.let_go((run, step)));
        if effects.requeue {
            self.queue.forget(run);
        }
        for step in effects.ready {
            self.queue.push(machine.priority(step), machine.runs_guest(step), (run, step));
        }
        self.timers.set(run, effects.timers);
        actions.extend(effects.stop.into_iter().map(Action::Stop));
    }
}

#[cfg(test)]
mod scale;
#[cfg(test)]
mod simulation;
