//! The world around the core: a store that takes its time, guests that end when they like, a clock, and crashes.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    database::Database,
    outcomes::{fated, outcome},
};
use crate::{
    engine::{
        core::{Action, Core, Head, Input, Launch, Machine},
        plan::Plan,
    },
    model::{Command, Failure, FailureKind, HostId, Order, RunId, StepState, Timestamp},
    store::Transition,
};

/// What the driver would hold in memory: lost in a crash.
pub(super) struct Host {
    pub(super) core: Core,
    pub(super) id: HostId,
    /// Lists of actions whose commits are on their way, in order.
    pub(super) queue: VecDeque<Queued>,
    pub(super) guests: Vec<Launch>,
}

/// Actions, and whether their attempts have begun already.
pub(super) struct Queued {
    actions: Vec<Action>,
    begun: bool,
}

pub(super) struct World {
    pub(super) rng: StdRng,
    pub(super) now: Timestamp,
    pub(super) database: Database,
    pub(super) plans: HashMap<RunId, Arc<Plan>>,
    /// Runs that the store refuses to create: their key of idempotency is in use.
    pub(super) refused: BTreeSet<RunId>,
    /// Runs of which the store has refused a transition, with the epoch that cannot be written any more.
    broken: BTreeSet<(RunId, u64)>,
    pub(super) host: Host,
    /// Whether attempts may begin before what they are launched from is durable (output commit).
    pub(super) ahead: bool,
    /// If it is there, attempts end and people decide as it says, whenever they do.
    pub(super) fate: Option<u64>,
    /// Runs that are being read, with where they rest.
    pub(super) wakes: Vec<(RunId, Head)>,
    /// How many were,
    pub(super) woken: usize,
    /// and how many were taken up without.
    pub(super) taken_up_resting: usize,
    commands: i64,
    /// How often somebody still interferes: a run that is begun again for ever never ends.
    pub(super) interferences: u32,
}

fn launched(action: &Action) -> Option<&Launch> {
    match action {
        Action::Launch(launch) => Some(launch),
        _ => None,
    }
}

impl Host {
    fn new(id: HostId) -> Self {
        let core = Core::with_places(id, 3, 2, BTreeSet::new());
        Self { core, id, queue: VecDeque::new(), guests: Vec::new() }
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let id = HostId::new();
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            now: Timestamp::from_micros(1),
            database: Database::default(),
            plans: HashMap::new(),
            refused: BTreeSet::new(),
            broken: BTreeSet::new(),
            host: Host::new(id),
            ahead: seed % 2 == 1,
            fate: None,
            wakes: Vec::new(),
            woken: 0,
            taken_up_resting: 0,
            commands: 0,
            interferences: 12,
        };
        world.keep_some();
        world.input(Input::TakenUp);
        world
    }

    pub(super) fn input(&mut self, input: Input) {
        let actions = self.host.core.handle(input, self.now);
        if self.rng.random_bool(0.05) {
            self.host.core.check(self.broken.is_empty());
        }
        let begun = self.ahead && self.rng.random_bool(0.9);
        let launches: Vec<Launch> = match begun {
            true => actions.iter().filter_map(launched).cloned().collect(),
            false => Vec::new(),
        };
        self.host.queue.push_back(Queued { actions, begun });
        launches.into_iter().for_each(|launch| self.begin(launch));
    }

    /// The oldest list of actions becomes durable, and what follows it is carried out.
    pub(super) fn durable(&mut self) {
        let (mut lost, mut launches, mut stopped) = (BTreeSet::new(), Vec::new(), Vec::new());
        let (mut refusals, mut loads, mut reloads) = (Vec::new(), Vec::new(), Vec::new());
        let (mut settled, mut over) = (Vec::new(), Vec::new());
        let Some(Queued { actions, begun }) = self.host.queue.pop_front() else { return };
        for action in actions {
            match action {
                Action::Commit(t) if self.refuses(&t) => {
                    lost.insert(t.run.id);
                    let created = t.creation.is_some();
                    let (run, epoch) = (t.run.id, t.run.epoch);
                    if created {
                        refusals.push(Input::NotCreated(run));
                    } else if !self.refused.contains(&run) {
                        refusals.push(Input::Refused { run, epoch });
                    }
                }
                Action::Commit(t) => {
                    settled.push(t.run.id);
                    self.database.commit(*t, &self.plans);
                }
                Action::Launch(launch) => launches.push(launch),
                Action::Stop(attempt) => {
                    // It may take its time.
                    let now = self.rng.random_bool(0.7);
                    let guests = self.host.guests.extract_if(.., |guest| now && guest.attempt == attempt);
                    stopped.extend(guests);
                }
                Action::Reload(run) => reloads.push(run),
                Action::Wake { run, head, .. } => self.wakes.push((run, head)),
                Action::Load { run, id, order } => loads.push((run, id, order)),
                Action::RefuseCommand { .. } => {}
                Action::Over(machine) => over.push(machine),
            }
        }
        for launch in launches.into_iter().filter(|launch| !lost.contains(&launch.run.id)) {
            self.check_launch(&launch);
            if !begun {
                self.begin(*launch);
            }
        }
        for machine in over {
            let run = machine.run();
            if !self.refused.contains(&run.id) && !self.broken.contains(&(run.id, run.epoch)) {
                let again = Machine::restore(self.database.snapshot(run.id));
                assert_eq!(machine.whole(usize::MAX), again.whole(usize::MAX), "what is told of a run's end");
            }
        }
        self.settle(settled);
        for refusal in refusals {
            self.input(refusal);
        }
        // A guest that is stopped ends like any other, and nobody wants what it brings.
        for guest in stopped {
            self.ended(&guest);
        }
        for (run, id, order) in loads {
            if self.database.runs[&run].run.finished_at.is_some() {
                let machine = Box::new(self.take_up(run));
                self.input(Input::Reopen { machine, id, order });
            } else {
                self.input(Input::NotLoaded { run, id, why: "it has not ended".into() });
            }
        }
        reloads.into_iter().for_each(|run| self.reload(run));
    }

    /// Whether the store refuses a transition, and with it what follows.
    fn refuses(&mut self, t: &Transition) -> bool {
        let (run, epoch) = (t.run.id, t.run.epoch);
        if t.creation.is_none() && self.interferences > 0 && self.rng.random_bool(0.005) {
            self.broken.insert((run, epoch));
        }
        self.refused.contains(&run) || self.broken.contains(&(run, epoch))
    }

    /// Whether transitions of the run are on their way.
    pub(super) fn is_on_its_way(&self, run: RunId) -> bool {
        let is_of = |action: &Action| matches!(action, Action::Commit(t) if t.run.id == run);
        self.host.queue.iter().flat_map(|queued| &queued.actions).any(is_of)
    }

    fn reload(&mut self, run: RunId) {
        if self.database.runs.get(&run).is_none_or(|row| row.run.finished_at.is_some()) {
            return self.input(Input::NotRecovered { run, why: "it has ended".into(), stays: false });
        }
        let machine = Box::new(self.take_up(run));
        if self.rng.random_bool(0.2) {
            self.database.runs.get_mut(&run).unwrap().given_up = true;
            let failure = Failure::new(FailureKind::Host, "its transitions cannot be written");
            return self.input(Input::GiveUp(machine, failure));
        }
        self.input(Input::Recover(machine));
    }

    pub(super) fn ended(&mut self, guest: &Launch) {
        let end = Box::new(match self.fate {
            Some(fate) => fated(fate, guest, self.now),
            None => outcome(&mut self.rng, guest, self.now),
        });
        let Launch { step, attempt, .. } = *guest;
        self.input(Input::Ended { run: guest.run.id, epoch: guest.run.epoch, step, attempt, end });
    }

    /// What an attempt was launched from is durable now.
    fn check_launch(&self, launch: &Launch) {
        let (run, attempt) = (launch.run.id, launch.attempt);
        let attempts = self.database.runs[&run].attempts.values().filter(|a| a.step == launch.name);
        let last = attempts.max_by_key(|a| a.number).unwrap();
        assert_eq!(last.id, attempt, "a guest runs under the identity that is durable");
        assert!(last.crashes < 3, "a poison step is not tried for ever");
        assert!(launch.journal.iter().all(|call| call.answer.is_some()), "what it asked is answered");
        let row = &self.database.runs[&run];
        for file in launch.files() {
            assert!(!file.restricted, "a restricted file is given to another step: {file:?}");
            let made_by = row.steps.get(&file.step);
            let counts = made_by
                .is_some_and(|s| s.state == StepState::Completed && s.result_attempt == Some(file.attempt));
            assert!(counts, "a file is seen that is part of no result: {file:?}, {made_by:?}");
        }
    }

    fn begin(&mut self, launch: Launch) {
        if self.host.core.is_wanted(&launch) {
            self.host.guests.push(launch);
        } else {
            self.ended(&launch);
        }
    }

    pub(super) fn take_up(&mut self, run: RunId) -> Machine {
        let row = self.database.runs.get_mut(&run).unwrap();
        row.run.epoch += 1;
        row.run.owner = self.host.id;
        Machine::restore(self.database.snapshot(run))
    }

    pub(super) fn crash(&mut self) {
        self.host = Host::new(HostId::new());
        self.wakes.clear();
        self.keep_some();
        let open: Vec<RunId> = self
            .database
            .runs
            .iter()
            .filter(|(_, r)| r.run.finished_at.is_none())
            .map(|(id, _)| *id)
            .collect();
        for run in open {
            self.take_up_again(run);
        }
        self.input(Input::TakenUp);
    }

    /// Go on at random from here as another seed says.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.rng = StdRng::seed_from_u64(seed);
    }

    /// Attempts under way that the database does not know as such.
    pub(super) fn undurable(&self) -> usize {
        let is_known = |guest: &&Launch| {
            let row = self.database.runs.get(&guest.run.id);
            row.is_some_and(|row| row.attempts.values().any(|attempt| attempt.id == guest.attempt))
        };
        self.host.guests.iter().filter(|guest| !is_known(guest)).count()
    }

    /// Something happens: a guest ends, somebody decides, or, if nothing else can, time passes.
    pub(super) fn goes_on(&mut self) {
        if !self.host.guests.is_empty() {
            self.guest_ends();
        } else if !self.wakes.is_empty() {
            self.read_one();
        } else if !self.somebody_decides() && self.host.queue.is_empty() {
            self.now = self.now.plus(std::time::Duration::from_millis(5));
            self.input(Input::Tick);
        }
    }

    /// Something happens, whatever it is.
    pub(super) fn step(&mut self) {
        self.now = self.now.plus(std::time::Duration::from_millis(self.rng.random_range(1..400)));
        match self.rng.random_range(0..100) {
            0..35 => self.durable(),
            35..75 if !self.host.guests.is_empty() => self.guest_ends(),
            75..85 => self.input(Input::Tick),
            85..94 => drop(self.somebody_decides()),
            94 => self.crash(),
            95..97 if !self.wakes.is_empty() => self.read_one(),
            95..100 => self.somebody_interferes(),
            _ => {}
        }
    }

    fn guest_ends(&mut self) {
        let i = self.rng.random_range(0..self.host.guests.len());
        let guest = self.host.guests.swap_remove(i);
        self.ended(&guest);
    }

    /// Nobody interferes any more, no host dies, and time passes only for what waits for it: everything comes to its end
    /// by itself, or by the decisions that it waits for. Whatever waits for nothing of these was forgotten.
    pub(super) fn quiet(&mut self) {
        loop {
            if !self.host.queue.is_empty() {
                self.durable();
            } else if !self.wakes.is_empty() {
                self.read_one();
            } else if !self.host.guests.is_empty() {
                self.guest_ends();
            } else if (self.fate.is_some() || self.rng.random_bool(0.5)) && self.somebody_decides() {
            } else if let Some(at) = self.host.core.next_timer() {
                self.now = self.now.max(at);
                self.input(Input::Tick);
            } else if !self.somebody_decides() {
                return self.host.core.check(self.broken.is_empty());
            }
        }
    }

    pub(super) fn command(&mut self, run: RunId, command: Command) {
        self.commands += 1;
        let order = Box::new(Order { command, by: Some("somebody".to_owned()) });
        self.input(Input::Command { id: self.commands, run, order });
    }
}
