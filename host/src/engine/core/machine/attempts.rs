//! Attempts: what beginning one takes, and what its end brings.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;

use super::Machine;
use crate::{
    engine::plan::Plan,
    model::{
        AttemptId, AttemptState, Digest, EventKind, Failure, HostId, RetryPolicy, StepState, TenantId,
        Timestamp, Usage, Value,
    },
    store::{ArtifactRow, AttemptRow, BlobRef, RunRow},
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

impl Machine {
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
            reused: false,
            step_key: None,
            output: None,
            shared: None,
            failure: None,
            usage: None,
            log: None,
            ready_at: step.ready_at,
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

    pub(super) fn launch(&self, i: usize, attempt: &AttemptRow) -> Launch {
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

    pub(super) fn add_artifact(&mut self, i: usize, attempt: u32, mut artifact: ArtifactRow, now: Timestamp) {
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
    pub(super) fn failed(
        &mut self,
        i: usize,
        number: u32,
        failure: Failure,
        now: Timestamp,
    ) -> Option<Timestamp> {
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
}

/// The delay before the attempt after number `number` (from 1): exponential, bounded, with a jitter that is drawn from
/// the run's seed, so that a simulation with the same seed sees the same delays.
fn backoff(policy: &RetryPolicy, number: u32, seed: &Digest, step: &str) -> Duration {
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
