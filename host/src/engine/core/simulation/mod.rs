//! The core under a simulated store, clock and sandbox: many schedules from seeds, with crashes between any two
//! commits. A failure is replayed by its seed.

#![allow(clippy::unwrap_used)]

mod database;
mod definitions;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use database::Database;
use definitions::plan;

use super::*;
use crate::{
    engine::plan::Plan,
    model::{
        DecidedBy, Decision, Digest, Failure, FailureKind, Node, Restored, RunState, StepState, TenantId,
        Usage, Value,
    },
    store::{ApprovalKind, ApprovalState, Creation, RunRow},
};

/// What the driver would hold in memory: lost in a crash.
struct Host {
    core: Core,
    id: HostId,
    /// Lists of actions whose commits are on their way, in order.
    queue: VecDeque<Vec<Action>>,
    guests: Vec<Launch>,
}

fn completed(chosen: Option<&str>) -> AttemptOutcome {
    AttemptOutcome::Completed {
        output: Value::Inline { json: "{}".into() },
        step_key: Digest::of("key"),
        artifacts: Vec::new(),
        shared: BTreeMap::new(),
        chosen: chosen.map(str::to_owned),
    }
}

fn outcome(rng: &mut StdRng, launch: &Launch, now: Timestamp) -> AttemptEnd {
    let key = Digest::of("key");
    let later = now.plus(std::time::Duration::from_millis(rng.random_range(0..500)));
    let broken = || Err(Failure::new(FailureKind::Failed, "broken"));
    let result = match (launch.definition().node().unwrap(), &launch.stage) {
        (Node::Phase(_), _) => match rng.random_range(0..10) {
            0 => Err(Failure::new(FailureKind::Retryable, "flaky")),
            1 => broken(),
            2 => Ok(AttemptOutcome::Skipped("nothing to do".into())),
            3 if launch.known.is_some() => Ok(AttemptOutcome::Unchanged),
            _ => Ok(completed(None)),
        },
        (Node::Condition(_), _) => Ok(completed([None, Some("x"), Some("y")][rng.random_range(0..3)])),
        (Node::Checkpoint(checkpoint), _) => Ok(AttemptOutcome::Suspended(Suspension::Approval {
            kind: ApprovalKind::Checkpoint,
            request: json!({ "default": checkpoint.default }),
            deadline: checkpoint.deadline_seconds.map(|_| later),
            call: None,
            key: Some(key),
        })),
        (Node::Wait(wait), _) if wait.event.is_some() => {
            let event = "key".to_owned();
            Ok(AttemptOutcome::Suspended(Suspension::Event { event, deadline: Some(later), key }))
        }
        (Node::Wait(_), _) => Ok(AttemptOutcome::Suspended(Suspension::Until { at: later, key })),
        (Node::Map(_) | Node::Loop(_) | Node::Workflow(_), _) if rng.random_bool(0.05) => broken(),
        (Node::Map(_), Stage::Open) => {
            let expansion = Value::Inline { json: "[1,2,3]".into() };
            Ok(AttemptOutcome::Expanded { expansion, count: rng.random_range(0..4) })
        }
        (Node::Loop(_) | Node::Workflow(_), Stage::Open) => {
            Ok(AttemptOutcome::Expanded { expansion: Value::Inline { json: "{}".into() }, count: 1 })
        }
        (Node::Loop(repeat), Stage::Close(rounds)) if rounds.len() < repeat.max_iterations as usize => {
            if rng.random_bool(0.5) { Ok(AttemptOutcome::Again) } else { Ok(completed(None)) }
        }
        _ => Ok(completed(None)),
    };
    AttemptEnd { result, usage: Usage::default(), log: None, blobs: Vec::new() }
}

fn new_run(plan: &Plan, host: HostId, now: Timestamp) -> RunRow {
    RunRow {
        id: RunId::new(),
        workflow: "w".into(),
        workflow_version: "1".into(),
        plan: plan.digest,
        state: RunState::Pending,
        input: Value::Inline { json: "{}".into() },
        files: Vec::new(),
        seed: Digest::of("seed"),
        as_of: now,
        owner: host,
        epoch: 1,
        rev: 0,
        event_seq: 0,
        failure: None,
        auto_run: true,
        priority: 0,
        start_at: None,
        schedule: None,
        forked_from: None,
        forked_at: None,
        created_at: now,
        started_at: None,
        finished_at: None,
    }
}

struct World {
    rng: StdRng,
    now: Timestamp,
    database: Database,
    plans: HashMap<RunId, Arc<Plan>>,
    /// Runs that the store refuses to create: their key of idempotency is in use.
    refused: BTreeSet<RunId>,
    host: Host,
    commands: i64,
    /// How often somebody still interferes: a run that is begun again for ever never ends.
    interferences: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let id = HostId::new();
        let core = Core::new(id, 3, BTreeSet::new());
        Self {
            rng: StdRng::seed_from_u64(seed),
            now: Timestamp::from_micros(1),
            database: Database::default(),
            plans: HashMap::new(),
            refused: BTreeSet::new(),
            host: Host { core, id, queue: VecDeque::new(), guests: Vec::new() },
            commands: 0,
            interferences: 12,
        }
    }

    fn input(&mut self, input: Input) {
        let actions = self.host.core.handle(input, self.now);
        self.host.queue.push_back(actions);
    }

    /// The oldest list of actions becomes durable, and what follows it is carried out.
    fn durable(&mut self) {
        let (mut lost, mut launches, mut stopped, mut loads) =
            (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
        for action in self.host.queue.pop_front().into_iter().flatten() {
            match action {
                Action::Commit(t) if self.refused.contains(&t.run.id) => {
                    lost.insert(t.run.id);
                }
                Action::Commit(t) => self.database.commit(*t, &self.plans),
                Action::Launch(launch) => launches.push(launch),
                Action::Stop(attempt) => {
                    stopped.extend(self.host.guests.extract_if(.., |guest| guest.attempt == attempt));
                }
                Action::Load { run, id, command } => loads.push((run, id, command)),
                Action::RefuseCommand { .. } => {}
            }
        }
        for launch in launches.into_iter().filter(|launch| !lost.contains(&launch.run.id)) {
            self.launch(*launch);
        }
        for run in lost {
            self.input(Input::Lost(run));
        }
        // A guest that is stopped ends like any other, and nobody wants what it brings.
        for guest in stopped {
            self.ended(&guest);
        }
        for (run, id, command) in loads {
            if self.database.runs[&run].run.finished_at.is_some() {
                let machine = Box::new(self.take_up(run));
                self.input(Input::Reopen { machine, id, command });
            } else {
                self.input(Input::NotLoaded { run, id, why: "it has not ended".into() });
            }
        }
    }

    fn ended(&mut self, guest: &Launch) {
        let end = Box::new(outcome(&mut self.rng, guest, self.now));
        self.input(Input::Ended { run: guest.run.id, step: guest.step, attempt: guest.attempt, end });
    }

    fn launch(&mut self, launch: Launch) {
        let (run, step, attempt) = (launch.run.id, launch.step, launch.attempt);
        let attempts = self.database.runs[&run].attempts.values().filter(|a| a.step == launch.name);
        let last = attempts.max_by_key(|a| a.number).unwrap();
        assert_eq!(last.id, attempt, "a guest runs under the identity that is durable");
        assert!(last.crashes < 3, "a poison step is not tried for ever");
        if self.host.core.is_running(attempt, run, step) {
            self.host.guests.push(launch);
        } else {
            self.ended(&launch);
        }
    }

    fn take_up(&mut self, run: RunId) -> Machine {
        let row = self.database.runs.get_mut(&run).unwrap();
        row.run.epoch += 1;
        row.run.owner = self.host.id;
        Machine::restore(self.database.snapshot(run))
    }

    fn crash(&mut self) {
        let id = HostId::new();
        self.host =
            Host { core: Core::new(id, 3, BTreeSet::new()), id, queue: VecDeque::new(), guests: Vec::new() };
        let open: Vec<RunId> = self
            .database
            .runs
            .iter()
            .filter(|(_, r)| r.run.finished_at.is_none())
            .map(|(id, _)| *id)
            .collect();
        for run in open {
            let machine = Box::new(self.take_up(run));
            self.input(Input::Recover(machine));
        }
    }

    fn step(&mut self) {
        self.now = self.now.plus(std::time::Duration::from_millis(self.rng.random_range(1..400)));
        match self.rng.random_range(0..100) {
            0..35 => self.durable(),
            35..75 if !self.host.guests.is_empty() => {
                let i = self.rng.random_range(0..self.host.guests.len());
                let guest = self.host.guests.swap_remove(i);
                self.ended(&guest);
            }
            75..90 => self.input(Input::Tick),
            90..96 => self.somebody_decides(),
            96 => self.crash(),
            97..99 => self.somebody_interferes(),
            _ => {}
        }
    }

    fn command(&mut self, run: RunId, command: Command) {
        self.commands += 1;
        self.input(Input::Command { id: self.commands, run, command: Box::new(command) });
    }

    /// What waits for people is decided sooner or later, and what is paused is resumed.
    fn somebody_decides(&mut self) {
        let mut wanted = Vec::new();
        for (id, row) in &self.database.runs {
            if row.run.state == RunState::Paused {
                wanted.push((*id, Command::Resume));
            }
            for approval in row.approvals.values().filter(|a| a.state == ApprovalState::Open) {
                let option = if self.rng.random_bool(0.8) { "approve" } else { "reject" }.to_owned();
                let decision =
                    Decision { option, feedback: None, modification: None, decided_by: DecidedBy::Person };
                let approval = approval.id.to_string();
                wanted.push((*id, Command::Decide { approval, decision, by: None }));
            }
            for step in row.steps.values().filter(|s| s.state == StepState::AwaitingReview) {
                wanted.push((*id, Command::Continue { step: step.name.clone() }));
            }
        }
        if !wanted.is_empty() {
            let (run, command) = wanted.swap_remove(self.rng.random_range(0..wanted.len()));
            self.command(run, command);
        }
    }

    fn somebody_interferes(&mut self) {
        let known: Vec<RunId> = self.database.runs.keys().copied().collect();
        if known.is_empty() || self.interferences == 0 {
            return;
        }
        self.interferences -= 1;
        let run = known[self.rng.random_range(0..known.len())];
        let row = self.database.runs.get_mut(&run).unwrap();
        let names: Vec<String> = row.steps.keys().cloned().collect();
        let step = names[self.rng.random_range(0..names.len())].clone();
        let earlier = row.attempts.values().rfind(|a| a.step == step && a.output.is_some() && !a.reused);
        let earlier = earlier.and_then(|a| {
            Some(Restored {
                attempt: a.number,
                output: a.output.clone()?,
                step_key: a.step_key,
                shared: BTreeMap::new(),
                overrides: None,
                artifacts: json!([]),
            })
        });
        let command = match self.rng.random_range(0..14) {
            10 => {
                row.again = true;
                Command::Trigger { step, overrides: Default::default() }
            }
            11 => Command::Change { auto_run: Some(self.rng.random_bool(0.7)), priority: Some(1) },
            12..14 if let Some(to) = earlier => {
                row.again = true;
                Command::Rollback { step, to: Box::new(to) }
            }
            0..2 => {
                row.cancelled = true;
                Command::Cancel
            }
            2..5 => Command::Pause,
            5..7 => {
                row.again = true;
                Command::Retry { step, overrides: Default::default() }
            }
            7 => Command::Skip { step, reason: "somebody said so".into() },
            8 => Command::Signal { step, signal: 1, data: "{}".into() },
            _ => Command::Continue { step },
        };
        self.command(run, command);
    }
}

/// One schedule from a seed. Returns what happened, for the test that compares two.
fn simulate(seed: u64) -> BTreeMap<String, usize> {
    let mut world = World::new(seed);
    for _ in 0..world.rng.random_range(1..6) {
        let plan = plan(&mut world.rng);
        let run = new_run(&plan, world.host.id, world.now);
        let mut run = run;
        run.auto_run = world.rng.random_bool(0.9);
        let creation = Creation { plan: plan.json.clone(), idempotency: None };
        if world.rng.random_bool(0.2) {
            world.refused.insert(run.id);
        }
        let plan = Arc::new(plan);
        world.plans.insert(run.id, Arc::clone(&plan));
        let machine = Machine::create(TenantId::default_tenant(), plan, run, creation, world.now);
        world.input(Input::Create(Box::new(machine)));
    }
    // All runs are durable before the first crash: a run that is not was never promised to anybody.
    while !world.host.queue.is_empty() {
        world.durable();
    }
    let mut steps = 0;
    while world.database.runs.values().any(|r| r.run.finished_at.is_none()) {
        world.step();
        steps += 1;
        if steps >= 50_000 {
            let open = world.database.runs.values().find(|r| r.run.finished_at.is_none()).unwrap();
            let states: Vec<_> = open.steps.values().map(|s| format!("{} {}", s.name, s.state)).collect();
            panic!("seed {seed}: a run is stuck, {}: {states:#?}", open.run.state);
        }
    }
    // What has been stopped, and what is on its way to the disk, comes to its end.
    while !(world.host.queue.is_empty() && world.host.guests.is_empty()) {
        world.durable();
        if let Some(guest) = world.host.guests.pop() {
            world.ended(&guest);
        }
    }
    if world.database.runs.values().all(|r| r.run.finished_at.is_some()) {
        assert_eq!(world.host.core.running(), 0, "seed {seed}: a place was lost");
    }
    assert!(world.refused.iter().all(|run| !world.database.runs.contains_key(run)));
    let mut census = BTreeMap::new();
    for row in world.database.runs.values().filter(|row| row.run.finished_at.is_some()) {
        assert!(row.run.state.is_terminal());
        assert!(
            row.again || row.completed.values().all(|&n| n == 1),
            "seed {seed}: a result was committed twice"
        );
        assert!(row.steps.values().all(|s| s.state.is_terminal()), "seed {seed}: a step was left behind");
        assert!(row.cancelled || row.run.state != RunState::Cancelled);
        assert!(
            row.approvals.values().all(|a| a.state != ApprovalState::Open),
            "seed {seed}: an approval is open"
        );
        let failed = row.steps.values().any(|s| {
            let definition = row.plan.layouts[0].steps.iter().find(|step| step.name == s.name);
            let fatal = definition.is_some_and(|d| !d.continue_on_failure && d.fallback.is_none());
            fatal && s.state == StepState::Failed
        });
        if row.run.state != RunState::Cancelled {
            assert_eq!(failed, row.run.state == RunState::Failed, "seed {seed}");
        }
        *census.entry(row.run.state.to_string()).or_default() += 1;
        for step in row.steps.values() {
            *census.entry(format!("step {}", step.state)).or_default() += 1;
            *census
                .entry(format!("{} {}", step.phase.split('/').next().unwrap_or_default(), step.state))
                .or_default() += 1;
        }
    }
    census
}

#[test]
fn no_schedule_loses_a_run_or_commits_a_result_twice() {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..3_000 {
        for (what, n) in simulate(seed) {
            *all.entry(what).or_default() += n;
        }
    }
    // The schedules reach every kind of end: a simulation that never fails a step proves nothing about failing.
    for what in [
        "completed",
        "failed",
        "cancelled",
        "step completed",
        "step failed",
        "step skipped",
        "step cancelled",
        "map completed",
        "map failed",
        "loop completed",
        "loop failed",
        "workflow completed",
        "workflow failed",
        "checkpoint completed",
        "checkpoint failed",
        "wait completed",
        "wait failed",
        "condition completed",
        "join completed",
        "join skipped",
    ] {
        assert!(all.get(what).is_some_and(|&n| n > 50), "{what}: {all:?}");
    }
}

#[test]
fn a_seed_replays_the_same_schedule() {
    assert_eq!(simulate(42), simulate(42));
}
