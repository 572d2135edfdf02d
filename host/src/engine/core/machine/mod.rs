//! One run as a state machine: what has happened goes in, a transition comes out. Pure: no clock, no input or output.
//!
//! The machine is the owner's memory of the run, a cache: what counts is the transition once it is committed.
//!
//! A run is a tree of scopes. A scope is a list of steps that is run as a whole: the run's own, a sub-workflow's, or one
//! round of a map's or a loop's body. `course` moves a scope on, `scopes` opens and closes those inside a step, `attempts`
//! begins and ends attempts, `control` does what people ask for, `rollback` brings earlier results back, with what `inside`
//! has kept of the steps in them, `restore` builds the machine from its rows.

mod again;
mod attempts;
mod backoff;
mod changes;
mod control;
mod course;
mod decide;
mod documents;
mod ended;
mod fork;
mod inside;
mod restore;
mod rollback;
#[cfg(test)]
mod same;
mod scopes;
mod seen;
mod timers;
mod verify;
mod visited;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use seen::{Kept, Layer};
use visited::Visited;

#[cfg(test)]
pub(crate) use attempts::chosen_by;
pub(crate) use attempts::{AttemptEnd, AttemptOutcome, Suspension};
pub(crate) use documents::{Child, Document, Known, Launch, Stage};
pub(crate) use inside::latest_files;
pub(crate) use restore::Snapshot;
use serde_json::json;
pub(crate) use timers::times;
pub(crate) use verify::Recorded;

use crate::{
    engine::{
        TenantBounds,
        plan::{Layout, Plan},
    },
    model::{
        ApprovalId, AttemptId, AttemptState, Event, EventKind, RunState, StepDefinition, StepState, TenantId,
        Timestamp, Value,
    },
    store::{ApprovalRow, ArtifactRow, AttemptRow, BlobRef, Creation, HostCallRow, RunRow, StepRow},
};

/// One run.
#[derive(Debug)]
pub(crate) struct Machine {
    tenant: TenantId,
    plan: Arc<Plan>,
    run: RunRow,
    steps: Visited<Step>,
    scopes: Visited<Scope>,
    /// The number of the latest version of each file, by step and name. Those of steps that are gone go on counting.
    versions: HashMap<(String, String), u32>,
    /// The number of the last attempt at each step that is gone: one of the same name counts on.
    numbers: HashMap<String, u32>,
    /// Each key that was ever set, with its last value. What a step sees is made of the results that it comes after.
    shared: BTreeMap<String, Value>,
    /// The journals of attempts that have called the host and not ended.
    journals: BTreeMap<AttemptId, Vec<HostCallRow>>,
    /// The open approvals.
    approvals: BTreeMap<ApprovalId, ApprovalRow>,
    /// Steps that run, are about to, or wait for a time.
    active: usize,
    /// Of these, those that do not merely wait for a time or an event.
    busy: usize,
    /// Steps that wait for somebody to decide.
    deciding: usize,
    /// Steps whose inside is being put together.
    closing: usize,
    /// Since when it has only waited, as the core counts; 0 if it does not, or something has changed since.
    resting: u64,
    /// So many steps it may have, those inside others counted.
    max_steps: usize,
    /// Who gave the command that is being done.
    by: Option<String>,
    /// Steps that have let go of the key of their concurrency, or do not want it any more.
    let_go: Vec<usize>,
    draft: Draft,
}

/// A step with what its row does not say.
#[derive(Debug)]
struct Step {
    row: StepRow,
    scope: usize,
    /// Place in the scope's layout.
    local: usize,
    /// The last attempt.
    attempt: Option<AttemptRow>,
    /// The shared state that its result set.
    shared: BTreeMap<String, Value>,
    /// The files of its result, by name.
    files: Vec<Arc<ArtifactRow>>,
    /// What is put together of the results before it.
    kept: Kept,
    /// What somebody is to decide on it.
    approval: Option<ApprovalId>,
    /// Predecessors that have not ended.
    open: usize,
    /// The scopes inside it, by index.
    children: Vec<usize>,
    rounds: Rounds,
    /// Whether its steps inside decide what happens next, not an attempt.
    expanded: bool,
    /// Whether what is inside has ended and its result is being put together.
    closing: bool,
    /// Nothing more is to begin inside it, because its own scope has failed.
    halted: bool,
    /// It was removed: an earlier round had more items.
    gone: bool,
}

/// How far the scopes inside a step are. They begin in their order.
#[derive(Debug, Default, Clone, Copy)]
struct Rounds {
    begun: usize,
    ended: usize,
    failed: usize,
    /// Those that were not begun, because something had failed.
    left_out: usize,
}

/// A list of steps that is run as a whole.
#[derive(Debug)]
struct Scope {
    layout: usize,
    /// Its steps are these and as many more as the layout has.
    first: usize,
    /// The step that it is inside of.
    parent: Option<usize>,
    /// Which item of a map, or which time of a loop, from 0.
    index: usize,
    /// Steps that have not ended.
    open: usize,
    /// Whether it has been told that all have: of several that end at once each would.
    told: bool,
    /// The first step of it that has failed in a way that it cannot go on from.
    failed: Option<usize>,
    /// Steps of it that have come to wait since.
    since_failed: Vec<usize>,
    /// Steps of it that were skipped because something had failed.
    for_failure: usize,
    /// What the rounds before it have set.
    rounds_before: OnceLock<Arc<Layer<Value>>>,
}

/// What has changed since the last transition was taken.
#[derive(Debug, Default)]
struct Draft {
    creation: Option<Creation>,
    steps: BTreeSet<usize>,
    attempts: BTreeMap<AttemptId, AttemptRow>,
    artifacts: Vec<ArtifactRow>,
    blobs: Vec<BlobRef>,
    shared: BTreeMap<String, (String, Value)>,
    events: Vec<Event>,
    commands_done: Vec<i64>,
    host_calls: Vec<HostCallRow>,
    approvals: BTreeMap<ApprovalId, ApprovalRow>,
    signals_taken: Vec<(i64, String)>,
    removed_steps: Vec<String>,
    run: bool,
}

/// What the core is to do after the machine has moved.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Steps that want a place to run.
    pub(crate) ready: Vec<usize>,
    /// Whether these are all of the run's that do, and those that wait for places already are to wait anew.
    pub(crate) requeue: bool,
    /// Attempts whose guests are to be stopped.
    pub(crate) stop: Vec<AttemptId>,
    /// When to ask [`Machine::timer`] for which step.
    pub(crate) timers: Vec<(Timestamp, usize)>,
}

/// The place of a timer that is the run's own.
pub(crate) const RUN_TIMER: usize = usize::MAX;

impl Machine {
    /// A new run. `run.rev` and `run.event_seq` are 0: its first transition creates it.
    pub(crate) fn create(
        tenant: TenantId,
        plan: Arc<Plan>,
        run: RunRow,
        creation: Creation,
        by: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let mut machine = Self::empty(tenant, plan, run);
        machine.draft.creation = Some(creation);
        machine.open_scope(0, None, 0);
        machine.created(json!({}), by, now);
        machine
    }

    /// The run's first event: of what, and who asked for it.
    fn created(&mut self, mut data: serde_json::Value, by: Option<&str>, now: Timestamp) {
        data["workflow"] = json!(self.run.workflow);
        data["workflow_version"] = json!(self.run.workflow_version);
        if let Some(schedule) = &self.run.schedule {
            data["schedule"] = json!(schedule);
        }
        self.by = by.map(str::to_owned);
        self.event(EventKind::RunCreated, None, now, data);
        self.by = None;
    }

    fn empty(tenant: TenantId, plan: Arc<Plan>, run: RunRow) -> Self {
        Self {
            tenant,
            plan,
            run,
            steps: Visited::default(),
            scopes: Visited::default(),
            versions: HashMap::new(),
            numbers: HashMap::new(),
            shared: BTreeMap::new(),
            journals: BTreeMap::new(),
            approvals: BTreeMap::new(),
            active: 0,
            busy: 0,
            deciding: 0,
            closing: 0,
            resting: 0,
            max_steps: TenantBounds::default().run_steps,
            by: None,
            let_go: Vec::new(),
            draft: Draft::default(),
        }
    }

    /// Bound the steps that the run may come to have. Those that it has stay.
    pub(crate) fn set_max_steps(&mut self, most: usize) {
        self.max_steps = most;
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Use another copy of the run's plan.
    pub(crate) fn set_plan(&mut self, plan: Arc<Plan>) {
        debug_assert_eq!(plan.digest, self.plan.digest);
        self.plan = plan;
    }

    pub(crate) fn run(&self) -> &RunRow {
        &self.run
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether nothing will happen any more unless somebody reopens the run.
    pub(crate) fn is_over(&self) -> bool {
        self.run.state.is_terminal()
    }

    /// Whether nothing of it is under way: it waits for somebody, for something from outside, or for a time. Steps whose
    /// inside is to be put together want a place.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.is_over() && self.busy == 0 && self.closing == 0
    }

    /// How many steps are in memory.
    pub(crate) fn size(&self) -> usize {
        self.steps.len()
    }

    /// Since when it has only waited and nothing has changed.
    pub(crate) fn resting(&self) -> u64 {
        self.resting
    }

    /// From now on it only waits.
    pub(crate) fn set_resting(&mut self, since: u64) {
        self.resting = since;
    }

    /// Whether the step wants a place to run: for an attempt, or to close what is inside it.
    pub(crate) fn wants_place(&self, i: usize) -> bool {
        self.steps.get(i).is_some_and(|step| {
            !step.gone
                && !matches!(self.run.state, RunState::Paused)
                && (step.row.state == StepState::Ready || self.wants_closing(i))
        })
    }

    /// Whether this is the step's attempt under way.
    pub(crate) fn is_running(&self, i: usize, attempt: AttemptId) -> bool {
        let last = self.steps.get(i).and_then(|step| step.attempt.as_ref());
        last.is_some_and(|a| a.id == attempt && a.state == AttemptState::Running)
    }

    /// Whether the step runs code that is not the host's own, and so needs one of the places for guests.
    pub(crate) fn runs_guest(&self, i: usize) -> bool {
        self.definition(i).phase.is_some()
    }

    /// The key and the bound of its concurrency, while it wants or has a place.
    pub(crate) fn concurrency(&self, i: usize) -> Option<&crate::model::Concurrency> {
        self.definition(i).concurrency.as_ref()
    }

    /// Whether the step has begun and not ended.
    pub(crate) fn is_under_way(&self, i: usize) -> bool {
        self.steps.get(i).is_some_and(|step| !step.gone && step.row.state.is_under_way())
    }

    /// The steps that hold the key of their concurrency.
    pub(crate) fn holders(&self) -> impl Iterator<Item = usize> {
        (0..self.steps.len()).filter(|&i| self.is_under_way(i) && self.concurrency(i).is_some())
    }

    /// Of the steps that have, or wanted, the key of their concurrency: those that do not any more, since this was asked last.
    pub(crate) fn take_let_go(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.let_go)
    }

    #[cfg(test)]
    pub(crate) fn step_row(&self, i: usize) -> &StepRow {
        &self.steps[i].row
    }

    /// The steps that want a place.
    pub(crate) fn wanting(&self) -> impl Iterator<Item = usize> {
        (0..self.steps.len()).filter(|&i| self.wants_place(i))
    }

    /// The run's priority and the step's.
    pub(crate) fn priority(&self, i: usize) -> (i32, i32) {
        (self.run.priority, self.definition(i).priority)
    }

    /// The places of a scope's steps.
    fn steps_of(&self, scope: usize) -> std::ops::Range<usize> {
        let first = self.scopes[scope].first;
        first..first + self.layout(scope).steps.len()
    }

    fn layout(&self, scope: usize) -> &Layout {
        &self.plan.layouts[self.scopes[scope].layout]
    }

    fn definition(&self, i: usize) -> &StepDefinition {
        let step = &self.steps[i];
        &self.layout(step.scope).steps[step.local]
    }

    /// The step of that name, if it is there.
    fn find(&self, name: &str) -> Option<usize> {
        let (mut scope, mut rest) = (0, name);
        loop {
            let end = rest.find(['[', '/']).unwrap_or(rest.len());
            let mut i = self.scopes[scope].first + self.layout(scope).place(&rest[..end])?;
            rest = &rest[end..];
            while let Some(inside) = rest.strip_prefix('[') {
                let (index, behind) = inside.split_once(']')?;
                let round = *self.steps[i].children.get(index.parse::<usize>().ok()?)?;
                (i, rest) = (self.scopes[round].first, behind);
            }
            if rest.is_empty() {
                return Some(i).filter(|&i| self.steps[i].row.name == name);
            }
            scope = *self.steps[i].children.first()?;
            rest = rest.strip_prefix('/')?;
        }
    }
}
