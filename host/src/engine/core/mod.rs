//! The scheduler's core: a pure state machine over all runs that this host owns.
//!
//! Inputs go in, actions come out. The core has no clock, does no input or output, and does not wait: the driver commits
//! the transitions, and carries out what follows a commit only when it is durable (law 2).

mod machine;
mod queue;

use std::collections::{BTreeSet, HashMap};

pub(crate) use machine::{
    AttemptEnd, AttemptOutcome, Child, Document, Effects, Launch, Machine, Recorded, Snapshot, Stage,
    Suspension,
};
use queue::{Entry, Queue};

use crate::{
    model::{AttemptId, Command, HostId, RunId, Timestamp},
    store::Transition,
};

/// What has happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A new run is to start.
    Create(Box<Machine>),
    /// A run of an earlier owner is taken up.
    Recover(Box<Machine>),
    /// A run that had ended is opened again, for a command.
    Reopen { machine: Box<Machine>, id: i64, command: Box<Command> },
    /// A run that was to be opened again cannot be, and why.
    NotLoaded { run: RunId, id: i64, why: String },
    /// An attempt has ended.
    Ended { run: RunId, step: usize, attempt: AttemptId, end: Box<AttemptEnd> },
    /// Somebody wants something.
    Command { id: i64, run: RunId, command: Box<Command> },
    /// Time has passed.
    Tick,
    /// The store refused a transition of the run: another owner holds it, or the database is damaged.
    Lost(RunId),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Commit this; of one run there is at most one in a list.
    Commit(Box<Transition>),
    /// Start an attempt, as soon as its run's commit in the same list is durable.
    Launch(Box<Launch>),
    /// Stop an attempt's guest. Does not wait for any commit.
    Stop(AttemptId),
    /// The command does not fit where the run stands.
    RefuseCommand { id: i64, why: String },
    /// The run is not in memory: bring it by [`Input::Reopen`].
    Load { run: RunId, id: i64, command: Box<Command> },
}

/// All runs that this host owns.
pub(crate) struct Core {
    host: HostId,
    /// Hosts that stopped by themselves: their attempts did not crash.
    stopped_hosts: BTreeSet<HostId>,
    queue: Queue,
    running: HashMap<AttemptId, Place>,
    runs: HashMap<RunId, Machine>,
    timers: BTreeSet<(Timestamp, RunId, usize)>,
    /// Runs that are being opened again, with the commands that came meanwhile: opened twice, a run would have two epochs,
    /// of which the one in memory may be over.
    loading: HashMap<RunId, Vec<(i64, Box<Command>)>>,
    /// Set when the host shuts down: nothing new starts.
    draining: bool,
}

/// What an attempt under way takes up.
#[derive(Debug, Clone, Copy)]
struct Place {
    run: RunId,
    guest: bool,
}

impl Core {
    /// With `slots` places for guests. With none, nothing is run: whoever only looks must not start what waits.
    pub(crate) fn new(host: HostId, slots: usize, stopped_hosts: BTreeSet<HostId>) -> Self {
        Self {
            host,
            stopped_hosts,
            queue: Queue::new(slots),
            running: HashMap::new(),
            runs: HashMap::new(),
            timers: BTreeSet::new(),
            loading: HashMap::new(),
            draining: false,
        }
    }

    /// When [`Input::Tick`] is next wanted.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, ..)| *at)
    }

    /// Attempts under way.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether the run is this host's, and not over.
    pub(crate) fn owns(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// Whether the attempt is still wanted.
    pub(crate) fn is_running(&self, attempt: AttemptId, run: RunId, step: usize) -> bool {
        self.runs.get(&run).is_some_and(|machine| machine.is_running(step, attempt))
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
        match input {
            Input::Create(mut machine) => {
                let run = machine.run().id;
                let effects = machine.start(now);
                self.runs.insert(run, *machine);
                self.follow(run, effects, &mut actions);
                changed.insert(run);
            }
            Input::Recover(mut machine) => {
                let run = machine.run().id;
                let (again, effects) = machine.recover(self.host, &self.stopped_hosts, now);
                for launch in again {
                    self.take_place(run, launch.attempt, machine.runs_guest(launch.step));
                    launches.push(launch);
                }
                self.runs.insert(run, *machine);
                self.follow(run, effects, &mut actions);
                changed.insert(run);
            }
            Input::Reopen { machine, id, command } => {
                let run = machine.run().id;
                self.runs.insert(run, *machine);
                changed.insert(run);
                let meanwhile = self.loading.remove(&run).unwrap_or_default();
                for (id, command) in std::iter::once((id, command)).chain(meanwhile) {
                    let Some(machine) = self.runs.get_mut(&run) else { continue };
                    let done = machine.command(&command, now);
                    self.commanded(run, id, done, &mut actions);
                }
            }
            Input::NotLoaded { run, id, why } => {
                let meanwhile = self.loading.remove(&run).unwrap_or_default();
                for id in std::iter::once(id).chain(meanwhile.into_iter().map(|(id, _)| id)) {
                    actions.push(Action::RefuseCommand { id, why: why.clone() });
                }
            }
            Input::Ended { run, step, attempt, end } => {
                self.free_place(attempt);
                if let Some(machine) = self.runs.get_mut(&run) {
                    let effects = machine.end(step, attempt, *end, now);
                    self.follow(run, effects, &mut actions);
                    changed.insert(run);
                }
            }
            Input::Command { id, run, command } => match self.runs.get_mut(&run) {
                Some(machine) => {
                    let done = machine.command(&command, now);
                    changed.insert(run);
                    self.commanded(run, id, done, &mut actions);
                }
                None if self.loading.contains_key(&run) => {
                    self.loading.entry(run).or_default().push((id, command));
                }
                None if command.reopens() => {
                    self.loading.insert(run, Vec::new());
                    actions.push(Action::Load { run, id, command });
                }
                None => {
                    let why = "the run has ended".to_owned();
                    actions.push(Action::RefuseCommand { id, why });
                }
            },
            Input::Tick => {
                while self.timers.first().is_some_and(|(at, ..)| *at <= now) {
                    let Some((_, run, step)) = self.timers.pop_first() else { break };
                    if let Some(machine) = self.runs.get_mut(&run) {
                        let effects = machine.timer(step, now);
                        self.follow(run, effects, &mut actions);
                        changed.insert(run);
                    }
                }
            }
            Input::Lost(run) => {
                self.runs.remove(&run);
                // Their places are free at once: those that were not launched yet will never be, nor report an end.
                let lost: Vec<AttemptId> = self
                    .running
                    .iter()
                    .filter(|(_, place)| place.run == run)
                    .map(|(attempt, _)| *attempt)
                    .collect();
                for attempt in lost {
                    self.free_place(attempt);
                    actions.push(Action::Stop(attempt));
                }
            }
        }
        self.dispatch(now, &mut changed, &mut launches);
        for run in changed {
            if let Some(machine) = self.runs.get_mut(&run) {
                actions.extend(machine.take_transition().map(|t| Action::Commit(Box::new(t))));
                if machine.is_over() {
                    self.runs.remove(&run);
                }
            }
        }
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
            Err(why) => actions.push(Action::RefuseCommand { id, why }),
        }
    }

    /// Do what a machine's move brings with it.
    fn follow(&mut self, run: RunId, effects: Effects, actions: &mut Vec<Action>) {
        let Some(machine) = self.runs.get(&run) else { return };
        if effects.requeue {
            self.queue.forget(run);
        }
        for step in effects.ready {
            self.queue.push(machine.priority(step), machine.runs_guest(step), Entry { run, step });
        }
        self.timers.extend(effects.timers.into_iter().map(|(at, step)| (at, run, step)));
        actions.extend(effects.stop.into_iter().map(Action::Stop));
    }

    fn take_place(&mut self, run: RunId, attempt: AttemptId, guest: bool) {
        if self.running.insert(attempt, Place { run, guest }).is_none() {
            self.queue.take(guest);
        }
    }

    fn free_place(&mut self, attempt: AttemptId) {
        if let Some(place) = self.running.remove(&attempt) {
            self.queue.free(place.guest);
        }
    }

    /// Give the free places to the steps that wait.
    fn dispatch(&mut self, now: Timestamp, changed: &mut BTreeSet<RunId>, launches: &mut Vec<Launch>) {
        if self.draining {
            return;
        }
        self.queue.unpark(&self.runs);
        while let Some(entry) = self.queue.pop(&self.runs) {
            let Some(machine) = self.runs.get_mut(&entry.run) else { continue };
            let mut effects = Effects::default();
            let Some(launch) = machine.begin(entry.step, self.host, now, &mut effects) else { continue };
            let guest = machine.runs_guest(entry.step);
            self.take_place(entry.run, launch.attempt, guest);
            self.timers.extend(effects.timers.into_iter().map(|(at, step)| (at, entry.run, step)));
            launches.push(launch);
            changed.insert(entry.run);
        }
    }
}

#[cfg(test)]
mod simulation;
