//! A core with everything around it at its fastest: commits are durable at once, attempts end in the order of their launches.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    engine::{
        TenantBounds,
        core::{
            Action, AttemptEnd, AttemptOutcome, Core, Input, Launch, Machine, Stage, Suspension,
            simulation::{database::Database, new_run, outcomes::file},
        },
        plan::Plan,
    },
    model::{
        ApprovalId, Command, Digest, Failure, FailureKind, HostId, Node, Order, RunId, TenantId, Timestamp,
        Usage, Value,
    },
    store::{ApprovalKind, ApprovalState, Creation},
};

fn failure() -> Failure {
    Failure::new(FailureKind::Failed, "broken")
}

pub(super) struct Drive {
    pub(super) core: Core,
    host: HostId,
    pub(super) now: Timestamp,
    launched: VecDeque<Launch>,
    /// Attempts that have ended.
    pub(super) ended: usize,
    /// What a map goes over, and how often a loop goes round.
    pub(super) width: usize,
    /// Whether each phase makes a file, and sets a shared key.
    pub(super) makes: bool,
    /// The step whose attempts fail.
    pub(super) fails: Option<&'static str>,
    pub(super) created: Vec<RunId>,
    /// What was committed, if that is kept, with the plans of the runs.
    pub(super) database: Option<(Database, HashMap<RunId, Arc<Plan>>)>,
    /// What is open for decisions.
    pub(super) asked: Vec<(RunId, ApprovalId)>,
    commands: i64,
}

impl Drive {
    pub(super) fn new(slots: usize) -> Self {
        let host = HostId::new();
        let bounds = TenantBounds { open_runs: usize::MAX, ..TenantBounds::default() };
        let mut drive = Self {
            core: Core::new(host, slots, bounds, BTreeSet::new()),
            host,
            now: Timestamp::from_micros(1),
            launched: VecDeque::new(),
            ended: 0,
            width: 0,
            makes: false,
            fails: None,
            created: Vec::new(),
            database: None,
            asked: Vec::new(),
            commands: 0,
        };
        drive.input(Input::TakenUp);
        drive
    }

    pub(super) fn create(&mut self, plan: &Arc<Plan>) -> RunId {
        self.create_at(plan, None)
    }

    pub(super) fn create_at(&mut self, plan: &Arc<Plan>, start_at: Option<Timestamp>) -> RunId {
        let mut run = new_run(plan, self.host, self.now);
        run.start_at = start_at;
        let id = run.id;
        self.created.push(id);
        if let Some((_, plans)) = &mut self.database {
            plans.insert(id, Arc::clone(plan));
        }
        let creation = Creation { plan: String::new(), idempotency: None };
        let tenant = TenantId::default_tenant();
        let machine = Machine::create(tenant, Arc::clone(plan), run, creation, None, self.now);
        self.input(Input::Create(Box::new(machine)));
        id
    }

    pub(super) fn command(&mut self, run: RunId, command: Command) {
        self.commands += 1;
        let order = Box::new(Order { command, by: None });
        self.input(Input::Command { id: self.commands, run, order });
    }

    pub(super) fn input(&mut self, input: Input) {
        for action in self.core.handle(input, self.now) {
            match action {
                Action::Commit(transition) => {
                    let open = transition.approvals.iter().filter(|a| a.state == ApprovalState::Open);
                    self.asked.extend(open.map(|approval| (approval.run, approval.id)));
                    if let Some((database, plans)) = &mut self.database {
                        database.commit(*transition, plans);
                    }
                }
                Action::Launch(launch) => self.launched.push_back(*launch),
                Action::Stop(attempt) => self.launched.retain(|launch| launch.attempt != attempt),
                Action::RefuseCommand { why, .. } => panic!("{why}"),
                Action::Over(_) => {}
                Action::Load { run, id, order } => {
                    let (database, _) = self.database.as_mut().unwrap();
                    let row = database.runs.get_mut(&run).unwrap();
                    (row.run.epoch, row.again) = (row.run.epoch + 1, true);
                    let machine = Box::new(Machine::restore(database.snapshot(run)));
                    self.input(Input::Reopen { machine, id, order });
                }
                Action::Reload(_) | Action::Wake { .. } => {
                    panic!("nothing is refused, and nothing rests here")
                }
            }
        }
    }

    /// Let so many attempts end, or all until none is under way.
    pub(super) fn run(&mut self, most: usize) {
        for _ in 0..most {
            let Some(launch) = self.launched.pop_front() else { return };
            self.end(&launch);
        }
    }

    fn end(&mut self, launch: &Launch) {
        self.ended += 1;
        let result = match (launch.definition().node().unwrap(), &launch.stage) {
            (Node::Map(_), Stage::Open) => {
                AttemptOutcome::Expanded { expansion: Value::Inline { json: "[]".into() }, count: self.width }
            }
            (Node::Loop(_), Stage::Open) => {
                AttemptOutcome::Expanded { expansion: Value::Inline { json: "null".into() }, count: 1 }
            }
            (Node::Loop(_), &Stage::Round(rounds)) if rounds < self.width => AttemptOutcome::Again,
            _ if self.fails == Some(&launch.name) => return self.report(launch, Err(failure())),
            (Node::Checkpoint(_), _) => AttemptOutcome::Suspended(Suspension::Approval {
                kind: ApprovalKind::Checkpoint,
                request: serde_json::Value::Null,
                deadline: None,
                call: None,
                key: Some(Digest::of("key")),
            }),
            (Node::Wait(_), _) => {
                let at = self.now.plus(std::time::Duration::from_secs(60));
                AttemptOutcome::Suspended(Suspension::Until { at, key: Digest::of("key") })
            }
            (node, _) => self.completed(matches!(node, Node::Phase(_))),
        };
        self.report(launch, Ok(result));
    }

    fn report(&mut self, launch: &Launch, result: Result<AttemptOutcome, Failure>) {
        let end = AttemptEnd { result, usage: Usage::default(), log: None, blobs: Vec::new() };
        self.input(Input::Ended {
            run: launch.run.id,
            epoch: launch.run.epoch,
            step: launch.step,
            attempt: launch.attempt,
            end: Box::new(end),
        });
    }

    fn completed(&self, phase: bool) -> AttemptOutcome {
        let makes = self.makes && phase;
        let value = Value::Inline { json: "1".into() };
        AttemptOutcome::Completed {
            output: value.clone(),
            step_key: Digest::of("key"),
            artifacts: makes.then(|| file("report.json".into(), self.now)).into_iter().collect(),
            shared: makes.then(|| ("seen".to_owned(), value)).into_iter().collect(),
            chosen: None,
        }
    }
}
