//! The core under a simulated store, clock and sandbox: many schedules from seeds, with crashes between any two
//! commits. A failure is replayed by its seed.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use super::*;
use crate::{
    engine::{
        graph::Graph,
        plan::{Plan, PlanBody},
    },
    model::{
        Digest, EventKind, Failure, FailureKind, RunState, StepDefinition, StepState, TenantId, Usage, Value,
        Workflow,
    },
    store::{ArtifactRow, AttemptRow, Creation, RunRow, StepRow},
};

fn plan(rng: &mut StdRng) -> Plan {
    let n = rng.random_range(1..9);
    let steps: Vec<StepDefinition> = (0..n)
        .map(|i| {
            let mut step = StepDefinition::new(format!("s{i}"), "p/x");
            step.depends_on = (0..i).filter(|_| rng.random_bool(0.4)).map(|j| format!("s{j}")).collect();
            step.continue_on_failure = rng.random_bool(0.2);
            step.retry.max_attempts = rng.random_range(1..4);
            step
        })
        .collect();
    let workflow: Workflow = serde_json::from_value(json!({ "name": "w", "steps": steps })).unwrap();
    let graph = Graph::of(&workflow).unwrap();
    let body = PlanBody { workflow, plugins: BTreeMap::new() };
    let json = serde_json::to_string(&body).unwrap();
    Plan { digest: Digest::of(&json), body, json, graph }
}

/// The database: what has been committed, checked as it comes in.
#[derive(Default)]
struct Database {
    runs: BTreeMap<RunId, Row>,
}

struct Row {
    plan: Arc<Plan>,
    run: RunRow,
    steps: BTreeMap<String, StepRow>,
    attempts: BTreeMap<(String, u32), AttemptRow>,
    artifacts: Vec<ArtifactRow>,
    completed: BTreeMap<String, u32>,
    cancelled: bool,
}

impl Database {
    fn commit(&mut self, t: Transition, plans: &HashMap<RunId, Arc<Plan>>) {
        let row = self.runs.entry(t.run.id).or_insert_with(|| {
            assert_eq!(t.run.rev, 1, "the first transition creates the run");
            assert!(t.creation.is_some());
            Row {
                plan: Arc::clone(&plans[&t.run.id]),
                run: RunRow { rev: 0, event_seq: 0, ..t.run.clone() },
                steps: BTreeMap::new(),
                attempts: BTreeMap::new(),
                artifacts: Vec::new(),
                completed: BTreeMap::new(),
                cancelled: false,
            }
        });
        assert_eq!(t.run.epoch, row.run.epoch, "only the owner's epoch writes");
        assert_eq!(t.run.rev, row.run.rev + 1, "transitions follow each other");
        for (event, seq) in t.events.iter().zip(row.run.event_seq + 1..) {
            assert_eq!(event.seq, seq, "event numbers have no gaps");
            if event.kind == EventKind::StepCompleted {
                *row.completed.entry(event.step.clone().unwrap()).or_default() += 1;
            }
        }
        assert_eq!(t.run.event_seq, row.run.event_seq + t.events.len() as u64);
        for step in t.steps {
            let i = step.ord as usize;
            let before = row.steps.get(&step.name).map_or(StepState::Pending, |s| s.state);
            assert!(!before.is_terminal(), "{} had ended", step.name);
            if step.state == StepState::Running {
                for &p in &row.plan.graph.predecessors[i] {
                    let p = &row.plan.step(p).name;
                    assert!(row.steps[p].state.is_terminal(), "{} runs before {p} has ended", step.name);
                }
            }
            row.steps.insert(step.name.clone(), step);
        }
        for attempt in t.attempts {
            row.attempts.insert((attempt.step.clone(), attempt.number), attempt);
        }
        row.artifacts.extend(t.artifacts);
        row.run = t.run;
    }

    fn snapshot(&self, id: RunId) -> Snapshot {
        let row = &self.runs[&id];
        let mut steps: Vec<StepRow> = row.steps.values().cloned().collect();
        steps.sort_by_key(|s| s.ord);
        Snapshot {
            tenant: TenantId::default_tenant(),
            plan: Arc::clone(&row.plan),
            run: row.run.clone(),
            steps,
            attempts: row.attempts.values().cloned().collect(),
            artifacts: row.artifacts.clone(),
            shared: BTreeMap::new(),
        }
    }
}

/// What the driver would hold in memory: lost in a crash.
struct Host {
    core: Core,
    id: HostId,
    /// Lists of actions whose commits are on their way, in order.
    queue: VecDeque<Vec<Action>>,
    guests: Vec<(RunId, usize, AttemptId)>,
}

fn outcome(rng: &mut StdRng, step: &str) -> AttemptEnd {
    let result = match rng.random_range(0..10) {
        0 => Err(Failure::new(FailureKind::Retryable, "flaky")),
        1 => Err(Failure::new(FailureKind::Failed, "broken")),
        2 => Ok(AttemptOutcome::Skipped("nothing to do".into())),
        _ => Ok(AttemptOutcome::Completed {
            output: Value::Inline { json: format!("{step:?}") },
            step_key: Digest::of(step),
            artifacts: Vec::new(),
            shared: BTreeMap::new(),
        }),
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
        }
    }

    fn input(&mut self, input: Input) {
        let actions = self.host.core.handle(input, self.now);
        self.host.queue.push_back(actions);
    }

    /// The oldest list of actions becomes durable, and what follows it is carried out.
    fn durable(&mut self) {
        let (mut lost, mut launches, mut stopped) = (BTreeSet::new(), Vec::new(), Vec::new());
        for action in self.host.queue.pop_front().into_iter().flatten() {
            match action {
                Action::Commit(t) if self.refused.contains(&t.run.id) => {
                    lost.insert(t.run.id);
                }
                Action::Commit(t) => self.database.commit(*t, &self.plans),
                Action::Launch(launch) => launches.push(launch),
                Action::Stop(attempt) => {
                    stopped.extend(self.host.guests.extract_if(.., |(.., running)| *running == attempt));
                }
                Action::DropCommand(_) => {}
            }
        }
        for launch in launches.into_iter().filter(|launch| !lost.contains(&launch.run.id)) {
            self.launch(&launch);
        }
        for run in lost {
            self.input(Input::Lost(run));
        }
        // A guest that is stopped ends like any other, and nobody wants what it brings.
        for (run, step, attempt) in stopped {
            let end = Box::new(outcome(&mut self.rng, "s"));
            self.input(Input::Ended { run, step, attempt, end });
        }
    }

    fn launch(&mut self, launch: &Launch) {
        let (run, step, attempt) = (launch.run.id, launch.step, launch.attempt);
        let name = &launch.plan.step(step).name;
        let attempts = self.database.runs[&run].attempts.values().filter(|a| a.step == *name);
        let last = attempts.max_by_key(|a| a.number).unwrap();
        assert_eq!(last.id, attempt, "a guest runs under the identity that is durable");
        assert!(last.crashes < 3, "a poison step is not tried for ever");
        if self.host.core.is_running(attempt, run, step) {
            self.host.guests.push((run, step, attempt));
        } else {
            let end = Box::new(outcome(&mut self.rng, name));
            self.input(Input::Ended { run, step, attempt, end });
        }
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
            let row = self.database.runs.get_mut(&run).unwrap();
            row.run.epoch += 1;
            row.run.owner = id;
            let machine = Box::new(Machine::restore(self.database.snapshot(run)));
            self.input(Input::Recover(machine));
        }
    }

    fn step(&mut self) {
        self.now = self.now.plus(std::time::Duration::from_millis(self.rng.random_range(1..400)));
        match self.rng.random_range(0..100) {
            0..35 => self.durable(),
            35..75 if !self.host.guests.is_empty() => {
                let i = self.rng.random_range(0..self.host.guests.len());
                let (run, step, attempt) = self.host.guests.swap_remove(i);
                let end = Box::new(outcome(&mut self.rng, "s"));
                self.input(Input::Ended { run, step, attempt, end });
            }
            75..97 => self.input(Input::Tick),
            97 => self.crash(),
            98 => {
                let known: Vec<RunId> = self.database.runs.keys().copied().collect();
                if !known.is_empty() && self.rng.random_bool(0.3) {
                    let run = known[self.rng.random_range(0..known.len())];
                    self.commands += 1;
                    self.database.runs.get_mut(&run).unwrap().cancelled = true;
                    self.input(Input::Command(CommandRow {
                        id: self.commands,
                        run,
                        kind: CommandKind::Cancel,
                        data: serde_json::Value::Null,
                    }));
                }
            }
            _ => {}
        }
    }
}

/// One schedule from a seed. Returns what happened, for the test that compares two.
fn simulate(seed: u64) -> BTreeMap<String, usize> {
    let mut world = World::new(seed);
    for _ in 0..world.rng.random_range(1..6) {
        let plan = plan(&mut world.rng);
        let run = new_run(&plan, world.host.id, world.now);
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
        assert!(steps < 20_000, "seed {seed}: a run is stuck");
    }
    while !world.host.queue.is_empty() {
        world.durable();
    }
    assert_eq!(world.host.core.running(), 0, "seed {seed}: a place was lost");
    assert!(world.refused.iter().all(|run| !world.database.runs.contains_key(run)));
    let mut census = BTreeMap::new();
    for row in world.database.runs.values() {
        assert!(row.run.state.is_terminal());
        assert!(row.completed.values().all(|&n| n == 1), "seed {seed}: a result was committed twice");
        assert!(row.steps.values().all(|s| s.state.is_terminal()), "seed {seed}: a step was left behind");
        assert!(row.cancelled || row.run.state != RunState::Cancelled);
        let failed = row
            .steps
            .values()
            .any(|s| s.state == StepState::Failed && !row.plan.step(s.ord as usize).continue_on_failure);
        if row.run.state != RunState::Cancelled {
            assert_eq!(failed, row.run.state == RunState::Failed, "seed {seed}");
        }
        *census.entry(row.run.state.to_string()).or_default() += 1;
        for step in row.steps.values() {
            *census.entry(format!("step {}", step.state)).or_default() += 1;
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
    ] {
        assert!(all.get(what).is_some_and(|&n| n > 50), "{what}: {all:?}");
    }
}

#[test]
fn a_seed_replays_the_same_schedule() {
    assert_eq!(simulate(42), simulate(42));
}
