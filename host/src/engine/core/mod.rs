//! The scheduler's core: a pure state machine over all runs that this host owns.
//!
//! Inputs go in, actions come out in order. The core has no clock, does no input or output, and does not wait: the
//! driver commits the transitions, and carries out what follows a commit only when it is durable (law 2).

mod machine;

use std::collections::{BTreeSet, HashMap, VecDeque};

pub(crate) use machine::{AttemptEnd, AttemptOutcome, Launch, Machine, Snapshot};

use crate::{
    model::{AttemptId, HostId, RunId, Timestamp},
    store::{CommandKind, CommandRow, Transition},
};

/// What has happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A new run is to start.
    Create(Box<Machine>),
    /// A run of an earlier owner is taken up.
    Recover(Box<Machine>),
    /// An attempt has ended.
    Ended { run: RunId, step: usize, attempt: AttemptId, end: Box<AttemptEnd> },
    /// Somebody wants something.
    Command(CommandRow),
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
    /// The command has nothing to act on any more.
    DropCommand(i64),
}

/// All runs that this host owns.
pub(crate) struct Core {
    host: HostId,
    /// Hosts that stopped by themselves: their attempts did not crash.
    stopped_hosts: BTreeSet<HostId>,
    /// Attempts that may run at once. With none, nothing is run: whoever only looks must not start what waits.
    slots: usize,
    running: HashMap<AttemptId, RunId>,
    runs: HashMap<RunId, Machine>,
    /// Steps that wait for a place, first come first served.
    ready: VecDeque<(RunId, usize)>,
    timers: BTreeSet<(Timestamp, RunId, usize)>,
    /// Set when the host shuts down: nothing new starts.
    draining: bool,
}

impl Core {
    pub(crate) fn new(host: HostId, slots: usize, stopped_hosts: BTreeSet<HostId>) -> Self {
        Self {
            host,
            stopped_hosts,
            slots,
            running: HashMap::new(),
            runs: HashMap::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
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
                self.queue(run, machine.start(now));
                changed.insert(run);
                self.runs.insert(run, *machine);
            }
            Input::Recover(mut machine) => {
                let run = machine.run().id;
                let (again, ready, waiting) = machine.recover(self.host, &self.stopped_hosts, now);
                for launch in again {
                    self.running.insert(launch.attempt, run);
                    launches.push(launch);
                }
                self.queue(run, ready);
                self.timers.extend(waiting.into_iter().map(|(at, step)| (at, run, step)));
                changed.insert(run);
                self.runs.insert(run, *machine);
            }
            Input::Ended { run, step, attempt, end } => {
                self.running.remove(&attempt);
                if let Some(machine) = self.runs.get_mut(&run) {
                    let (ready, retry_at) = machine.end(step, attempt, *end, now);
                    self.timers.extend(retry_at.map(|at| (at, run, step)));
                    self.queue(run, ready);
                    changed.insert(run);
                }
            }
            Input::Command(command) => match self.runs.get_mut(&command.run) {
                Some(machine) if !machine.is_over() => {
                    match command.kind {
                        CommandKind::Cancel => {
                            actions.extend(machine.cancel(now).into_iter().map(Action::Stop));
                        }
                    }
                    machine.command_done(command.id);
                    changed.insert(command.run);
                }
                _ => actions.push(Action::DropCommand(command.id)),
            },
            Input::Tick => {
                while self.timers.first().is_some_and(|(at, ..)| *at <= now) {
                    let Some((_, run, step)) = self.timers.pop_first() else { break };
                    if let Some(machine) = self.runs.get_mut(&run)
                        && machine.retry(step, now)
                    {
                        self.queue(run, vec![step]);
                        changed.insert(run);
                    }
                }
            }
            Input::Lost(run) => {
                self.runs.remove(&run);
                // Their places are free at once: those that were not launched yet will never be, nor report an end.
                let attempts = self.running.extract_if(|_, r| *r == run);
                actions.extend(attempts.map(|(attempt, _)| Action::Stop(attempt)));
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

    fn queue(&mut self, run: RunId, steps: Vec<usize>) {
        self.ready.extend(steps.into_iter().map(|step| (run, step)));
    }

    /// Give the free places to the steps that wait.
    fn dispatch(&mut self, now: Timestamp, changed: &mut BTreeSet<RunId>, launches: &mut Vec<Launch>) {
        while !self.draining && self.running.len() < self.slots {
            let Some((run, step)) = self.ready.pop_front() else { break };
            // It may have been cancelled or skipped while it waited.
            if let Some(machine) = self.runs.get_mut(&run).filter(|m| m.is_ready(step)) {
                let launch = machine.begin(step, self.host, now);
                self.running.insert(launch.attempt, run);
                launches.push(launch);
                changed.insert(run);
            }
        }
    }
}

#[cfg(test)]
mod simulation;
