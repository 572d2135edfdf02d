//! The run's course: what becomes ready, what is skipped, how the run ends, how it is cancelled and taken up again.

use std::collections::BTreeSet;

use serde_json::json;

use super::{AttemptEnd, Launch, Machine};
use crate::{
    model::{
        AttemptId, AttemptState, EventKind, Failure, FailureKind, HostId, RunState, StepState, Timestamp,
        Usage,
    },
    store::StepRow,
};

/// An attempt that has seen so many hosts die is not tried on another one: it may be what kills them.
const MAX_CRASHES: u32 = 3;

impl Machine {
    /// Start a new run. Returns the steps that are ready.
    pub(crate) fn start(&mut self, now: Timestamp) -> Vec<usize> {
        self.set_run(RunState::Running);
        self.run.started_at = Some(now);
        self.event(EventKind::RunStarted, None, now, json!(null));
        self.advance(now)
    }

    /// Make ready what can be, and end the run if nothing is left. Returns the steps that became ready.
    pub(super) fn advance(&mut self, now: Timestamp) -> Vec<usize> {
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

    pub(super) fn may_go_on_without(&self, step: &StepRow) -> bool {
        self.plan.step(step.ord as usize).continue_on_failure
    }

    /// After a failure that the run cannot go on from, nothing new starts; what runs may finish, its result is kept.
    pub(super) fn skip_rest(&mut self, failed: usize, now: Timestamp) {
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

    pub(super) fn skip(&mut self, i: usize, reason: String, now: Timestamp) {
        self.set_step(i, StepState::Skipped);
        let data = json!({ "reason": reason });
        self.steps[i].reason = Some(reason);
        self.steps[i].finished_at = Some(now);
        self.event(EventKind::StepSkipped, Some(i), now, data);
    }

    pub(super) fn finish(&mut self, failed: Option<usize>, now: Timestamp) {
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
}
