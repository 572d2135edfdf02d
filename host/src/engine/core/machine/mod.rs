//! One run as a state machine: what has happened goes in, a transition comes out. Pure: no clock, no input or output.
//!
//! The machine is the owner's memory of the run, a cache: what counts is the transition once it is committed. `course`
//! moves the run on, `attempts` begins and ends attempts.

mod attempts;
mod course;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use attempts::{AttemptEnd, AttemptOutcome, Launch};
use serde_json::json;

use crate::{
    engine::plan::Plan,
    model::{AttemptId, AttemptState, Event, EventKind, RunState, StepState, TenantId, Timestamp, Value},
    store::{ArtifactRow, AttemptRow, BlobRef, Creation, RunRow, StepRow, Transition},
};

/// One run.
#[derive(Debug)]
pub(crate) struct Machine {
    tenant: TenantId,
    plan: Arc<Plan>,
    run: RunRow,
    steps: Vec<StepRow>,
    /// The last attempt of each step.
    attempts: Vec<Option<AttemptRow>>,
    /// The latest version of each artifact.
    artifacts: BTreeMap<(String, String), ArtifactRow>,
    shared: BTreeMap<String, Value>,
    draft: Draft,
}

/// What has changed since the last transition was taken.
#[derive(Debug, Default)]
struct Draft {
    creation: Option<Creation>,
    steps: BTreeSet<usize>,
    attempts: BTreeSet<usize>,
    artifacts: Vec<ArtifactRow>,
    blobs: Vec<BlobRef>,
    shared: BTreeMap<String, (String, Value)>,
    events: Vec<Event>,
    commands_done: Vec<i64>,
    run: bool,
}

/// What recovery brings from the database.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) tenant: TenantId,
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: RunRow,
    pub(crate) steps: Vec<StepRow>,
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) artifacts: Vec<ArtifactRow>,
    pub(crate) shared: BTreeMap<String, Value>,
}

impl Machine {
    /// A new run. `run.rev` and `run.event_seq` are 0: its first transition creates it.
    pub(crate) fn create(
        tenant: TenantId,
        plan: Arc<Plan>,
        run: RunRow,
        creation: Creation,
        now: Timestamp,
    ) -> Self {
        let steps: Vec<StepRow> = plan
            .body
            .workflow
            .steps
            .iter()
            .enumerate()
            .map(|(i, step)| StepRow {
                name: step.name.clone(),
                ord: u32::try_from(i).unwrap_or(u32::MAX),
                phase: step.phase.clone(),
                state: StepState::Pending,
                attempt: 0,
                result_attempt: None,
                not_before: None,
                step_key: None,
                expansion: None,
                chosen: None,
                overrides: None,
                event_key: None,
                output: None,
                reason: None,
                failure: None,
                ready_at: None,
                started_at: None,
                finished_at: None,
            })
            .collect();
        let mut machine = Self {
            tenant,
            attempts: vec![None; steps.len()],
            draft: Draft { creation: Some(creation), steps: (0..steps.len()).collect(), ..Draft::default() },
            plan,
            run,
            steps,
            artifacts: BTreeMap::new(),
            shared: BTreeMap::new(),
        };
        let data =
            json!({ "workflow": machine.run.workflow, "workflow_version": machine.run.workflow_version });
        machine.event(EventKind::RunCreated, None, now, data);
        machine
    }

    /// A run as the database has it.
    pub(crate) fn restore(snapshot: Snapshot) -> Self {
        let mut attempts: Vec<Option<AttemptRow>> = vec![None; snapshot.steps.len()];
        for attempt in snapshot.attempts {
            if let Some(i) = snapshot.steps.iter().position(|s| s.name == attempt.step)
                && attempts[i].as_ref().is_none_or(|a| a.number < attempt.number)
            {
                attempts[i] = Some(attempt);
            }
        }
        let mut artifacts: BTreeMap<(String, String), ArtifactRow> = BTreeMap::new();
        for artifact in snapshot.artifacts {
            let key = (artifact.step.clone(), artifact.name.clone());
            if artifacts.get(&key).is_none_or(|a| a.version < artifact.version) {
                artifacts.insert(key, artifact);
            }
        }
        Self {
            tenant: snapshot.tenant,
            plan: snapshot.plan,
            run: snapshot.run,
            steps: snapshot.steps,
            attempts,
            artifacts,
            shared: snapshot.shared,
            draft: Draft::default(),
        }
    }

    pub(crate) fn run(&self) -> &RunRow {
        &self.run
    }

    /// Whether nothing will happen any more, and nothing waits to be committed.
    pub(crate) fn is_over(&self) -> bool {
        self.run.state.is_terminal()
    }

    /// Whether the step still waits for a place to run.
    pub(crate) fn is_ready(&self, i: usize) -> bool {
        self.steps[i].state == StepState::Ready
    }

    /// Whether this is the step's attempt under way.
    pub(crate) fn is_running(&self, i: usize, attempt: AttemptId) -> bool {
        self.attempts[i].as_ref().is_some_and(|a| a.id == attempt && a.state == AttemptState::Running)
    }

    /// Note that the run's input is this blob, which is durable already.
    pub(crate) fn name_blob(&mut self, blob: BlobRef) {
        self.draft.blobs.push(blob);
    }

    /// Note that a command is done with the transition under way.
    pub(crate) fn command_done(&mut self, id: i64) {
        self.draft.commands_done.push(id);
        self.draft.run = true;
    }

    /// Take what has changed as a transition; `None` if nothing has.
    pub(crate) fn take_transition(&mut self) -> Option<Transition> {
        let draft = std::mem::take(&mut self.draft);
        let nothing =
            !draft.run && draft.events.is_empty() && draft.steps.is_empty() && draft.attempts.is_empty();
        if nothing {
            return None;
        }
        self.run.rev += 1;
        let mut transition = Transition::of(self.tenant.clone(), self.run.clone());
        transition.creation = draft.creation;
        transition.steps = draft.steps.iter().map(|&i| self.steps[i].clone()).collect();
        transition.attempts = draft.attempts.iter().filter_map(|&i| self.attempts[i].clone()).collect();
        transition.artifacts = draft.artifacts;
        transition.blobs = draft.blobs;
        transition.shared = draft.shared;
        transition.events = draft.events;
        transition.commands_done = draft.commands_done;
        Some(transition)
    }

    fn set_run(&mut self, next: RunState) {
        debug_assert!(self.run.state.may_become(next), "run: {} → {next}", self.run.state);
        self.run.state = next;
        self.draft.run = true;
    }

    fn set_step(&mut self, i: usize, next: StepState) {
        let step = &mut self.steps[i];
        debug_assert!(step.state.may_become(next), "step {}: {} → {next}", step.name, step.state);
        step.state = next;
        self.draft.steps.insert(i);
    }

    fn event(&mut self, kind: EventKind, step: Option<usize>, at: Timestamp, data: serde_json::Value) {
        self.run.event_seq += 1;
        self.draft.events.push(Event {
            run_id: self.run.id,
            seq: self.run.event_seq,
            kind,
            step: step.map(|i| self.steps[i].name.clone()),
            at,
            data,
        });
    }
}
