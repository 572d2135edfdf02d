//! Attempts: what beginning one takes, and what its end brings.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;

use super::{Effects, Launch, Machine, Stage};
use crate::{
    model::{
        ApprovalId, AttemptId, AttemptState, Digest, EventKind, Failure, FailureKind, HostId, StepState,
        Timestamp, Usage, Value,
    },
    store::{ApprovalKind, ApprovalRow, ApprovalState, ArtifactRow, AttemptRow, BlobRef, HostCallRow},
};

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
        /// The case that a condition took.
        chosen: Option<String>,
    },
    /// All that it could observe is as it was for the step's last result, so that result stands.
    Unchanged,
    /// What it could observe is not that of the result which is being verified. Of a run under way this is never said.
    Changed,
    /// Without an output, and why.
    Skipped(String),
    /// What is to be done inside the step: so often, on this.
    Expanded { expansion: Value, count: usize },
    /// Another round of a loop.
    Again,
    /// It waits, and nothing of it is left in memory.
    Suspended(Suspension),
}

/// What an attempt waits for.
#[derive(Debug)]
pub(crate) enum Suspension {
    /// Somebody's decision.
    Approval {
        kind: ApprovalKind,
        request: serde_json::Value,
        deadline: Option<Timestamp>,
        /// The call of the guest that asks, if it is one.
        call: Option<Box<HostCallRow>>,
        /// The step key, of a node of the host's own.
        key: Option<Digest>,
    },
    /// A time.
    Until { at: Timestamp, key: Digest },
    /// An outside event with this correlation key, and no longer than until then.
    Event { event: String, deadline: Option<Timestamp>, key: Digest },
}

impl Machine {
    /// Begin what the step wants: an attempt, or the closing of what is inside it. `None` if there is nothing to begin.
    pub(crate) fn begin(
        &mut self,
        i: usize,
        host: HostId,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<Launch> {
        if self.steps[i].row.state == StepState::Running {
            return self.close(i);
        }
        let timeout = self.definition(i).step_timeout_ms;
        let row = &mut self.steps[i].row;
        if row.started_at.is_none() {
            row.started_at = Some(now);
            effects.timers.extend(timeout.map(|ms| (now.plus(Duration::from_millis(ms)), i)));
        }
        // What a decision let go on is the same attempt.
        if let Some(attempt) = self.steps[i].attempt.clone().filter(|a| a.state == AttemptState::Running) {
            self.set_step(i, StepState::Running);
            return Some(self.launch(i, &attempt, Stage::Open));
        }
        self.set_step(i, StepState::Running);
        // What an earlier attempt went through, this one has not said yet.
        self.set_expansion(i, None);
        let step = &mut self.steps[i];
        step.row.attempt += 1;
        step.row.not_before = None;
        let attempt = AttemptRow {
            id: AttemptId::new(),
            step: step.row.name.clone(),
            number: step.row.attempt,
            state: AttemptState::Running,
            host,
            crashes: 0,
            reused: false,
            overrides: step.row.overrides.clone(),
            step_key: None,
            output: None,
            shared: None,
            expansion: None,
            inside: None,
            failure: None,
            usage: None,
            log: None,
            ready_at: step.row.ready_at,
            started_at: now,
            finished_at: None,
        };
        step.attempt = Some(attempt.clone());
        self.save_attempt(i);
        self.event(EventKind::StepStarted, Some(i), now, json!({ "attempt": attempt.number }));
        Some(self.launch(i, &attempt, Stage::Open))
    }

    fn close(&mut self, i: usize) -> Option<Launch> {
        let attempt = self.steps[i].attempt.clone()?;
        self.set_closing(i, true);
        // A launch follows a transition; it may be that the place came only now.
        self.draft.run = true;
        let stage = self.close_stage(i);
        Some(self.launch(i, &attempt, stage))
    }

    /// An attempt ended. What it brings that is not the step's running one is dropped: it was cancelled.
    pub(crate) fn end(&mut self, i: usize, attempt: AttemptId, end: AttemptEnd, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        let Some(step) = self.steps.get_mut(i) else { return effects };
        let running = step.row.state == StepState::Running && !step.gone;
        let current =
            step.attempt.as_mut().filter(|a| running && a.id == attempt && a.state == AttemptState::Running);
        let Some(row) = current else { return effects };
        row.usage = Some(row.usage.map_or(end.usage, |before| before.and(end.usage)));
        if end.log.is_some() {
            row.log = end.log;
        }
        self.draft.blobs.extend(end.blobs);
        self.set_closing(i, false);
        match end.result {
            Ok(AttemptOutcome::Suspended(suspension)) => self.suspend(i, suspension, now, &mut effects),
            Ok(AttemptOutcome::Expanded { expansion, count }) => match self.too_many_steps(i, count) {
                Some(failure) => self.fail(i, failure, now, &mut effects),
                None => self.expand(i, expansion, count, now, &mut effects),
            },
            Ok(AttemptOutcome::Again) => self.again(i, now, &mut effects),
            Ok(AttemptOutcome::Completed { output, step_key, artifacts, shared, chosen }) => {
                let number = self.steps[i].row.attempt;
                self.add_artifacts(i, number, artifacts, now);
                self.steps[i].row.chosen = chosen;
                self.complete(i, output, Some(step_key), shared, now, &mut effects);
            }
            Ok(AttemptOutcome::Unchanged) => {
                let step = &self.steps[i].row;
                if let (Some(output), key) = (step.output.clone(), step.step_key) {
                    self.steps[i].row.chosen = self.case_of(i, &output);
                    if let Some(row) = &mut self.steps[i].attempt {
                        row.reused = true;
                    }
                    self.complete(i, output, key, BTreeMap::new(), now, &mut effects);
                }
            }
            Ok(AttemptOutcome::Changed) => {
                let message = "it was run as if its result were to be verified";
                self.fail(i, Failure::new(FailureKind::Host, message), now, &mut effects);
            }
            Ok(AttemptOutcome::Skipped(reason)) => {
                self.end_attempt(i, AttemptState::Skipped, None, now);
                self.steps[i].row.failure = None;
                self.skip(i, reason, now);
                self.move_on(vec![i], now, &mut effects);
            }
            Err(failure) => self.fail(i, failure, now, &mut effects),
        }
        // One that has ended is saved already.
        if self.steps[i].attempt.as_ref().is_some_and(|a| a.state == AttemptState::Running) {
            self.save_attempt(i);
        }
        effects
    }

    pub(super) fn end_attempt(
        &mut self,
        i: usize,
        state: AttemptState,
        failure: Option<Failure>,
        now: Timestamp,
    ) {
        let step = &mut self.steps[i];
        if let Some(row) = step.attempt.as_mut().filter(|a| a.state == AttemptState::Running) {
            row.expansion.clone_from(&step.row.expansion);
            row.state = state;
            row.failure = failure;
            row.finished_at = Some(now);
            self.journals.remove(&row.id);
            self.save_attempt(i);
            // What it made is in the database, and in its step if it counts: a copy for each attempt would fill the memory.
            self.steps[i].attempt.iter_mut().for_each(slim);
        }
    }

    /// The step has its result.
    pub(super) fn complete(
        &mut self,
        i: usize,
        output: Value,
        step_key: Option<Digest>,
        shared: BTreeMap<String, Value>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let mut reused = false;
        let mut usage = None;
        let inside = self.inside(i);
        if let Some(row) = &mut self.steps[i].attempt {
            row.output = Some(output.clone());
            row.inside = inside;
            row.step_key = step_key;
            row.shared = Some(shared.clone()).filter(|shared| !shared.is_empty());
            (reused, usage) = (row.reused, row.usage);
        }
        self.end_attempt(i, AttemptState::Completed, None, now);
        // A result that stands keeps what it set.
        if !reused {
            self.steps[i].shared.clone_from(&shared);
        }
        for (key, value) in shared {
            self.draft.shared.insert(key.clone(), (self.steps[i].row.name.clone(), value.clone()));
            self.shared.insert(key, value);
        }
        let review = !self.run.auto_run && !reused && self.runs_guest(i);
        let step = &mut self.steps[i].row;
        step.output = Some(output);
        step.step_key = step_key;
        step.failure = None;
        if !reused {
            step.result_attempt = Some(step.attempt);
        }
        let attempt = step.attempt;
        if review {
            self.set_step(i, StepState::AwaitingReview);
            self.event(EventKind::StepAwaitingReview, Some(i), now, json!({ "attempt": attempt }));
            return self.move_on(Vec::new(), now, effects);
        }
        step.finished_at = Some(now);
        self.set_step(i, StepState::Completed);
        let mut data = json!({ "attempt": attempt });
        if let Some(usage) = usage {
            data["usage"] = json!({ "wall_us": usage.wall_us, "cpu_us": usage.cpu_us,
                                    "peak_memory_bytes": usage.peak_memory_bytes });
        }
        if let Some(chosen) = &self.steps[i].row.chosen {
            data["case"] = json!(chosen);
        }
        if reused {
            data["reused"] = json!(true);
        }
        self.event(EventKind::StepCompleted, Some(i), now, data);
        self.move_on(vec![i], now, effects);
    }

    fn suspend(&mut self, i: usize, suspension: Suspension, now: Timestamp, effects: &mut Effects) {
        let (at, key) = match suspension {
            Suspension::Approval { kind, request, deadline, call, key } => {
                let attempt = self.steps[i].attempt.as_ref().map(|a| a.id);
                if let (Some(call), Some(attempt)) = (call, attempt) {
                    self.journals.entry(attempt).or_default().push((*call).clone());
                    self.draft.host_calls.push(*call);
                }
                let approval = ApprovalRow {
                    id: ApprovalId::new(),
                    run: self.run.id,
                    step: self.steps[i].row.name.clone(),
                    kind,
                    request,
                    state: ApprovalState::Open,
                    deadline,
                    decision: None,
                    decided_by: None,
                    decided_at: None,
                    created_at: now,
                };
                self.set_step(i, StepState::WaitingApproval);
                let title = approval.request.get("title").cloned().unwrap_or_default();
                let data = json!({ "approval": approval.id, "title": title, "deadline": deadline });
                self.event(EventKind::ApprovalRequested, Some(i), now, data);
                self.steps[i].approval = Some(approval.id);
                self.draft.approvals.insert(approval.id, approval.clone());
                self.approvals.insert(approval.id, approval);
                (deadline, key)
            }
            Suspension::Until { at, key } => {
                self.set_step(i, StepState::Waiting);
                self.event(EventKind::StepWaiting, Some(i), now, json!({ "until": at }));
                (Some(at), Some(key))
            }
            Suspension::Event { event, deadline, key } => {
                self.set_step(i, StepState::Waiting);
                let data = json!({ "key": event, "deadline": deadline });
                self.steps[i].row.event_key = Some(event);
                self.event(EventKind::StepWaiting, Some(i), now, data);
                (deadline, Some(key))
            }
        };
        self.steps[i].row.step_key = key;
        self.steps[i].row.not_before = at;
        effects.timers.extend(at.map(|at| (at, i)));
        self.move_on(Vec::new(), now, effects);
    }

    /// These files, and no others, are part of the step's result.
    pub(super) fn add_artifacts(
        &mut self,
        i: usize,
        attempt: u32,
        mut artifacts: Vec<ArtifactRow>,
        now: Timestamp,
    ) {
        for artifact in &mut artifacts {
            artifact.step.clone_from(&self.steps[i].row.name);
            let version = self.versions.entry((artifact.step.clone(), artifact.name.clone())).or_default();
            *version += 1;
            artifact.version = *version;
            artifact.attempt = attempt;
            artifact.created_at = now;
            let data = json!({ "name": artifact.name, "version": artifact.version, "digest": artifact.digest,
                               "size": artifact.size, "media_type": artifact.media_type });
            self.event(EventKind::ArtifactCreated, Some(i), now, data);
            self.draft.artifacts.push(artifact.clone());
        }
        artifacts.sort_by(|a, b| a.name.cmp(&b.name));
        self.steps[i].files = artifacts.into_iter().map(Arc::new).collect();
    }

    /// The case that a step took with that output, if it is a condition.
    pub(super) fn case_of(&self, i: usize, output: &Value) -> Option<String> {
        self.definition(i).condition.as_ref().and_then(|_| chosen_by(output))
    }
}

/// The case that a condition's output says.
pub(crate) fn chosen_by(output: &Value) -> Option<String> {
    let Value::Inline { json } = output else { return None };
    let document: serde_json::Value = serde_json::from_str(json).ok()?;
    document["case"].as_str().map(str::to_owned)
}

/// Forget what an attempt that has ended made.
pub(super) fn slim(attempt: &mut AttemptRow) {
    (attempt.output, attempt.shared, attempt.log, attempt.overrides) = (None, None, None, None);
    (attempt.expansion, attempt.inside) = (None, None);
}
