//! One run as a state machine: what has happened goes in, a transition comes out. Pure: no clock, no input or output.
//!
//! The machine is the owner's memory of the run, a cache: what counts is the transition once it is committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::json;

use crate::{
    engine::plan::Plan,
    model::{
        AttemptId, AttemptState, Digest, Event, EventKind, Failure, FailureKind, HostId, RunState, StepState,
        TenantId, Timestamp, Usage, Value,
    },
    store::{ArtifactRow, AttemptRow, BlobRef, Creation, RunRow, StepRow, Transition},
};

/// An attempt that has seen so many hosts die is not tried on another one: it may be what kills them.
const MAX_CRASHES: u32 = 3;

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

/// How an attempt ended, as the engine brings it from the sandbox.
#[derive(Debug)]
pub(crate) struct AttemptEnd {
    pub(crate) result: Result<AttemptOutcome, Failure>,
    pub(crate) usage: Usage,
    pub(crate) log: Option<Value>,
    /// Durable blobs that output, log and artifacts name.
    pub(crate) blobs: Vec<BlobRef>,
}

/// How an attempt ended well.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// With an output.
    Completed {
        output: Value,
        step_key: Digest,
        /// Their versions and times are given here, not by who brings them.
        artifacts: Vec<ArtifactRow>,
        shared: BTreeMap<String, Value>,
    },
    /// Without, and why.
    Skipped(String),
}

/// Everything that starting an attempt takes, copied out of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) tenant: TenantId,
    pub(crate) run: RunRow,
    pub(crate) plan: Arc<Plan>,
    pub(crate) step: usize,
    pub(crate) attempt: AttemptId,
    /// Outputs of the steps that it comes after directly.
    pub(crate) outputs: BTreeMap<String, Value>,
    /// Latest artifacts of all steps that it comes after, in the definition's order.
    pub(crate) artifacts: Vec<ArtifactRow>,
    pub(crate) shared: BTreeMap<String, Value>,
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
                not_before: None,
                step_key: None,
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

    /// Start a new run. Returns the steps that are ready.
    pub(crate) fn start(&mut self, now: Timestamp) -> Vec<usize> {
        self.set_run(RunState::Running);
        self.run.started_at = Some(now);
        self.event(EventKind::RunStarted, None, now, json!(null));
        self.advance(now)
    }

    /// Make ready what can be, and end the run if nothing is left. Returns the steps that became ready.
    fn advance(&mut self, now: Timestamp) -> Vec<usize> {
        let failed =
            self.steps.iter().position(|s| s.state == StepState::Failed && !self.may_go_on_without(s));
        if let Some(failed) = failed {
            self.skip_rest(failed, now);
        }
        let mut ready = Vec::new();
        if failed.is_none() {
            for i in 0..self.steps.len() {
                if self.steps[i].state == StepState::Pending
                    && self.plan.graph.predecessors[i].iter().all(|&p| self.steps[p].state.is_terminal())
                {
                    self.set_step(i, StepState::Ready);
                    self.steps[i].ready_at = Some(now);
                    self.event(EventKind::StepReady, Some(i), now, json!(null));
                    ready.push(i);
                }
            }
        }
        if self.steps.iter().all(|s| s.state.is_terminal()) {
            self.finish(failed, now);
        }
        ready
    }

    fn may_go_on_without(&self, step: &StepRow) -> bool {
        self.plan.step(step.ord as usize).continue_on_failure
    }

    /// After a failure that the run cannot go on from, nothing new starts; what runs may finish, its result is kept.
    fn skip_rest(&mut self, failed: usize, now: Timestamp) {
        let reason = format!("step {} failed", self.steps[failed].name);
        for i in 0..self.steps.len() {
            match self.steps[i].state {
                StepState::Pending | StepState::Ready => self.skip(i, reason.clone(), now),
                StepState::Retrying => {
                    self.set_step(i, StepState::Failed);
                    self.steps[i].finished_at = Some(now);
                    self.steps[i].not_before = None;
                    let data = json!({ "failure": self.steps[i].failure, "not_retried_because": reason });
                    self.event(EventKind::StepFailed, Some(i), now, data);
                }
                _ => {}
            }
        }
    }

    fn skip(&mut self, i: usize, reason: String, now: Timestamp) {
        self.set_step(i, StepState::Skipped);
        let data = json!({ "reason": reason });
        self.steps[i].reason = Some(reason);
        self.steps[i].finished_at = Some(now);
        self.event(EventKind::StepSkipped, Some(i), now, data);
    }

    fn finish(&mut self, failed: Option<usize>, now: Timestamp) {
        self.run.finished_at = Some(now);
        if let Some(i) = failed {
            let step = &self.steps[i];
            let failure = step.failure.clone().map(|mut failure| {
                failure.message = format!("step {}: {}", step.name, failure.message);
                failure
            });
            self.run.failure = failure;
            self.set_run(RunState::Failed);
            self.event(EventKind::RunFailed, None, now, json!({ "failure": self.run.failure }));
        } else {
            self.set_run(RunState::Completed);
            self.event(EventKind::RunCompleted, None, now, json!(null));
        }
    }

    /// Whether the step still waits for a place to run.
    pub(crate) fn is_ready(&self, i: usize) -> bool {
        self.steps[i].state == StepState::Ready
    }

    /// Begin an attempt at a ready step.
    pub(crate) fn begin(&mut self, i: usize, host: HostId, now: Timestamp) -> Launch {
        self.set_step(i, StepState::Running);
        let step = &mut self.steps[i];
        step.attempt += 1;
        step.started_at.get_or_insert(now);
        step.not_before = None;
        let attempt = AttemptRow {
            id: AttemptId::new(),
            step: step.name.clone(),
            number: step.attempt,
            state: AttemptState::Running,
            host,
            crashes: 0,
            failure: None,
            usage: None,
            log: None,
            started_at: now,
            finished_at: None,
        };
        let launch = self.launch(i, &attempt);
        let data = json!({ "attempt": attempt.number });
        self.attempts[i] = Some(attempt);
        self.draft.attempts.insert(i);
        self.event(EventKind::StepStarted, Some(i), now, data);
        launch
    }

    fn launch(&self, i: usize, attempt: &AttemptRow) -> Launch {
        let graph = &self.plan.graph;
        let outputs = graph.predecessors[i]
            .iter()
            .filter_map(|&p| Some((self.steps[p].name.clone(), self.steps[p].output.clone()?)))
            .collect();
        let artifacts = graph.ancestors[i]
            .iter()
            .flat_map(|&p| {
                let step = &self.steps[p].name;
                self.artifacts.range((step.clone(), String::new())..).take_while(move |((s, _), _)| s == step)
            })
            .map(|(_, artifact)| artifact.clone())
            .collect();
        Launch {
            tenant: self.tenant.clone(),
            run: self.run.clone(),
            plan: Arc::clone(&self.plan),
            step: i,
            attempt: attempt.id,
            outputs,
            artifacts,
            shared: self.shared.clone(),
        }
    }

    /// An attempt ended. Returns the steps that became ready, and when this step's next attempt may start if it is
    /// to be retried. What an attempt brings that is not the step's running one is dropped: it was cancelled.
    pub(crate) fn end(
        &mut self,
        i: usize,
        attempt: AttemptId,
        end: AttemptEnd,
        now: Timestamp,
    ) -> (Vec<usize>, Option<Timestamp>) {
        let current =
            self.attempts[i].as_mut().filter(|a| a.id == attempt && a.state == AttemptState::Running);
        let Some(row) = current else { return (Vec::new(), None) };
        row.usage = Some(end.usage);
        row.log = end.log;
        row.finished_at = Some(now);
        let number = row.number;
        self.draft.attempts.insert(i);
        self.draft.blobs.extend(end.blobs);
        let usage = json!({ "wall_us": end.usage.wall_us, "cpu_us": end.usage.cpu_us,
                            "peak_memory_bytes": end.usage.peak_memory_bytes });
        match end.result {
            Ok(AttemptOutcome::Completed { output, step_key, artifacts, shared }) => {
                row.state = AttemptState::Completed;
                for artifact in artifacts {
                    self.add_artifact(i, number, artifact, now);
                }
                for (key, value) in shared {
                    self.draft.shared.insert(key.clone(), (self.steps[i].name.clone(), value.clone()));
                    self.shared.insert(key, value);
                }
                self.set_step(i, StepState::Completed);
                let step = &mut self.steps[i];
                step.output = Some(output);
                step.step_key = Some(step_key);
                step.failure = None;
                step.finished_at = Some(now);
                self.event(
                    EventKind::StepCompleted,
                    Some(i),
                    now,
                    json!({ "attempt": number, "usage": usage }),
                );
            }
            Ok(AttemptOutcome::Skipped(reason)) => {
                row.state = AttemptState::Skipped;
                self.steps[i].failure = None;
                self.skip(i, reason, now);
            }
            Err(failure) => {
                row.state = AttemptState::Failed;
                row.failure = Some(failure.clone());
                if let Some(at) = self.failed(i, number, failure, now) {
                    return (Vec::new(), Some(at));
                }
            }
        }
        (self.advance(now), None)
    }

    fn add_artifact(&mut self, i: usize, attempt: u32, mut artifact: ArtifactRow, now: Timestamp) {
        let key = (self.steps[i].name.clone(), artifact.name.clone());
        artifact.version = self.artifacts.get(&key).map_or(0, |a| a.version) + 1;
        artifact.attempt = attempt;
        artifact.created_at = now;
        let data = json!({ "name": artifact.name, "version": artifact.version, "digest": artifact.digest,
                           "size": artifact.size, "media_type": artifact.media_type });
        self.event(EventKind::ArtifactCreated, Some(i), now, data);
        self.draft.artifacts.push(artifact.clone());
        self.artifacts.insert(key, artifact);
    }

    /// Retry or fail. Returns when the next attempt may start.
    fn failed(&mut self, i: usize, number: u32, failure: Failure, now: Timestamp) -> Option<Timestamp> {
        let policy = self.plan.step(i).retry;
        let data = json!({ "attempt": number, "failure": failure });
        let retry = failure.kind.is_retryable() && number < policy.max_attempts;
        self.steps[i].failure = Some(failure);
        // A run that is about to fail for another step's sake starts nothing more.
        let doomed = self.steps.iter().any(|s| s.state == StepState::Failed && !self.may_go_on_without(s));
        if retry && !doomed {
            let delay = backoff(&policy, number, &self.run.seed, &self.steps[i].name);
            let at = now.plus(delay);
            self.set_step(i, StepState::Retrying);
            self.steps[i].not_before = Some(at);
            self.event(EventKind::StepRetrying, Some(i), now, data);
            return Some(at);
        }
        self.set_step(i, StepState::Failed);
        self.steps[i].finished_at = Some(now);
        self.event(EventKind::StepFailed, Some(i), now, data);
        None
    }

    /// The delay of a retry is over. Returns whether the step is ready now.
    pub(crate) fn retry(&mut self, i: usize, now: Timestamp) -> bool {
        if self.steps[i].state != StepState::Retrying {
            return false;
        }
        self.set_step(i, StepState::Ready);
        self.steps[i].ready_at = Some(now);
        self.event(EventKind::StepReady, Some(i), now, json!(null));
        true
    }

    /// Cancel the run. Returns the attempts that are to be stopped.
    pub(crate) fn cancel(&mut self, now: Timestamp) -> Vec<AttemptId> {
        let mut stop = Vec::new();
        for i in 0..self.steps.len() {
            if self.steps[i].state.is_terminal() {
                continue;
            }
            if let Some(attempt) = self.attempts[i].as_mut().filter(|a| a.state == AttemptState::Running) {
                attempt.state = AttemptState::Cancelled;
                attempt.finished_at = Some(now);
                attempt.failure = Some(Failure::new(FailureKind::Cancelled, "the run was cancelled"));
                stop.push(attempt.id);
                self.draft.attempts.insert(i);
            }
            self.set_step(i, StepState::Cancelled);
            self.steps[i].finished_at = Some(now);
            self.steps[i].not_before = None;
            self.event(EventKind::StepCancelled, Some(i), now, json!(null));
        }
        self.set_run(RunState::Cancelled);
        self.run.finished_at = Some(now);
        self.event(EventKind::RunCancelled, None, now, json!(null));
        stop
    }

    /// Take up a run after a restart. Attempts that were under way are launched again under their old identity; those
    /// whose host crashed count it. Returns them, the steps that are ready, and those that wait for their retry.
    pub(crate) fn recover(
        &mut self,
        host: HostId,
        stopped: &BTreeSet<HostId>,
        now: Timestamp,
    ) -> (Vec<Launch>, Vec<usize>, Vec<(Timestamp, usize)>) {
        self.run.owner = host;
        self.draft.run = true;
        let (mut launches, mut ready, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        if self.run.state == RunState::Pending {
            ready = self.start(now);
        }
        for i in 0..self.steps.len() {
            match self.steps[i].state {
                StepState::Ready if !ready.contains(&i) => ready.push(i),
                StepState::Retrying => waiting.push((self.steps[i].not_before.unwrap_or(now), i)),
                StepState::Running => {
                    let Some(attempt) = self.attempts[i].as_mut() else { continue };
                    if !stopped.contains(&attempt.host) {
                        attempt.crashes += 1;
                    }
                    attempt.host = host;
                    self.draft.attempts.insert(i);
                    let (id, crashes) = (attempt.id, attempt.crashes);
                    if crashes < MAX_CRASHES {
                        if let Some(attempt) = self.attempts[i].clone() {
                            launches.push(self.launch(i, &attempt));
                        }
                        continue;
                    }
                    let failure = Failure::new(
                        FailureKind::HostCrashed,
                        format!("{crashes} hosts died while this attempt ran; it is not tried again"),
                    );
                    let end = AttemptEnd {
                        result: Err(failure),
                        usage: Usage::default(),
                        log: None,
                        blobs: Vec::new(),
                    };
                    ready.extend(self.end(i, id, end, now).0);
                }
                _ => {}
            }
        }
        (launches, ready, waiting)
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

/// The delay before the attempt after number `number` (from 1): exponential, bounded, with a jitter that is drawn from
/// the run's seed, so that a simulation with the same seed sees the same delays.
fn backoff(policy: &crate::model::RetryPolicy, number: u32, seed: &Digest, step: &str) -> Duration {
    let exponent = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
    let base = policy.initial_delay_ms as f64 * policy.factor.powi(exponent);
    let base = base.min(policy.max_delay_ms as f64);
    let draw = Digest::of([seed.as_bytes().as_slice(), step.as_bytes(), &number.to_le_bytes()].concat());
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&draw.as_bytes()[..4]);
    let unit = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
    let factor = 1.0 + policy.jitter * (2.0 * unit - 1.0);
    Duration::from_micros((base * factor * 1000.0) as u64)
}
