//! What people ask for: pause, resume, cancel, decide, review, do again, skip, roll back.

use std::sync::Arc;

use serde_json::json;

use super::{Effects, Machine};
use crate::{
    model::{
        ApprovalId, AttemptState, Command, Decision, EventKind, Failure, FailureKind, Node, Restored,
        RunState, StepState, Then, Timestamp, Value,
    },
    store::{ApprovalState, ArtifactRow},
};

impl Machine {
    /// Do what a command asks for. Returns nothing if it does not fit where the run stands: it has come too late.
    pub(crate) fn command(&mut self, command: &Command, now: Timestamp) -> Option<Effects> {
        let mut effects = Effects::default();
        match command {
            Command::Cancel if !self.is_over() => self.cancel(now, &mut effects),
            Command::Pause if self.run.state.may_become(RunState::Paused) => self.pause(now),
            Command::Resume if self.run.state == RunState::Paused => self.resume(now, &mut effects),
            Command::Decide { approval, decision, by } => {
                let id = approval.parse().ok().filter(|id| self.approvals.contains_key(id))?;
                self.decided(id, decision, by.as_deref(), now, &mut effects);
            }
            Command::Continue { step } => {
                let i = self.find(step).filter(|&i| self.steps[i].row.state == StepState::AwaitingReview)?;
                self.steps[i].row.finished_at = Some(now);
                self.set_step(i, StepState::Completed);
                self.event(EventKind::StepCompleted, Some(i), now, json!({ "reviewed": true }));
                self.move_on(vec![i], now, &mut effects);
            }
            Command::Retry { step, overrides } => {
                let i = self.find(step).filter(|&i| self.may_be_done_again(i).is_ok())?;
                self.steps[i].row.overrides =
                    (!overrides.is_empty()).then(|| serde_json::to_value(overrides).unwrap_or_default());
                self.do_again(i, now, &mut effects);
            }
            Command::Skip { step, reason } => {
                let i = self.find(step).filter(|&i| !self.steps[i].row.state.is_terminal())?;
                self.stop(i, now, &mut effects);
                self.skip(i, reason.clone(), now);
                self.move_on(vec![i], now, &mut effects);
            }
            Command::Rollback { step, to } => {
                let i = self.find(step).filter(|&i| self.may_be_done_again(i).is_ok())?;
                self.roll_back(i, to, now, &mut effects)?;
            }
            Command::Signal { step, signal, data } => {
                let waits = |i: &usize| {
                    self.steps[*i].row.state == StepState::Waiting && self.steps[*i].row.event_key.is_some()
                };
                let i = self.find(step).filter(waits)?;
                self.draft.signals_taken.push((*signal, step.clone()));
                self.woken(i, "event", data, now, &mut effects);
            }
            _ => return None,
        }
        Some(effects)
    }

    /// Whether a step can be done again, or why not.
    pub(crate) fn may_be_done_again(&self, i: usize) -> Result<(), String> {
        let step = &self.steps[i];
        if self.run.state == RunState::Cancelled {
            return Err("the run was cancelled".to_owned());
        }
        if self.scopes[step.scope].parent.is_some() {
            return Err("it is inside another step; do that one again".to_owned());
        }
        if !step.row.state.is_terminal() && step.row.state != StepState::AwaitingReview {
            return Err(format!("it is {}", step.row.state));
        }
        let scope = &self.scopes[step.scope];
        let after = self.layout(step.scope).graph.descendants(step.local);
        let busy = after.into_iter().map(|j| &self.steps[scope.first + j].row).find(|row| {
            !row.state.is_terminal() && !matches!(row.state, StepState::Pending | StepState::Ready)
        });
        match busy {
            Some(row) => Err(format!("step {}, which comes after it, is {}", row.name, row.state)),
            None => Ok(()),
        }
    }

    fn cancel(&mut self, now: Timestamp, effects: &mut Effects) {
        for i in 0..self.steps.len() {
            if self.steps[i].gone || self.steps[i].row.state.is_terminal() {
                continue;
            }
            self.stop(i, now, effects);
            self.set_step(i, StepState::Cancelled);
            self.steps[i].row.finished_at = Some(now);
            self.steps[i].row.not_before = None;
            self.event(EventKind::StepCancelled, Some(i), now, json!(null));
        }
        self.set_run(RunState::Cancelled);
        self.run.finished_at = Some(now);
        self.event(EventKind::RunCancelled, None, now, json!(null));
    }

    /// Stop what a step does, with what is inside it, without saying what becomes of it.
    pub(super) fn stop(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        self.withdraw(i, now, effects);
        if let Some(attempt) = self.steps[i].attempt.as_ref().filter(|a| a.state == AttemptState::Running) {
            effects.stop.push(attempt.id);
            let failure = Failure::new(FailureKind::Cancelled, "it was stopped");
            self.end_attempt(i, AttemptState::Cancelled, Some(failure), now);
        }
        for scope in self.steps[i].children.clone() {
            let (first, count) = (self.scopes[scope].first, self.layout(scope).steps.len());
            for j in first..first + count {
                if !self.steps[j].row.state.is_terminal() {
                    self.stop(j, now, effects);
                    self.set_step(j, StepState::Cancelled);
                    self.steps[j].row.finished_at = Some(now);
                    self.event(EventKind::StepCancelled, Some(j), now, json!(null));
                }
            }
        }
    }

    /// Nobody is to decide on the step any more, and nothing from outside to wake it.
    pub(super) fn withdraw(&mut self, i: usize, now: Timestamp, _effects: &mut Effects) {
        self.steps[i].row.event_key = None;
        let name = self.steps[i].row.name.clone();
        let open: Vec<ApprovalId> =
            self.approvals.values().filter(|approval| approval.step == name).map(|a| a.id).collect();
        for id in open {
            self.close_approval(id, ApprovalState::Withdrawn, None, None, now);
        }
    }

    fn pause(&mut self, now: Timestamp) {
        for i in 0..self.steps.len() {
            if !self.steps[i].gone
                && matches!(self.steps[i].row.state, StepState::Ready | StepState::Retrying)
            {
                self.set_step(i, StepState::Paused);
                self.steps[i].row.not_before = None;
                self.event(EventKind::StepPaused, Some(i), now, json!(null));
            }
        }
        self.set_run(RunState::Paused);
        self.event(EventKind::RunPaused, None, now, json!(null));
    }

    fn resume(&mut self, now: Timestamp, effects: &mut Effects) {
        self.event(EventKind::RunResumed, None, now, json!(null));
        if self.run.started_at.is_none() {
            self.set_run(RunState::Pending);
            let started = self.start(now);
            effects.ready.extend(started.ready);
            effects.timers.extend(started.timers);
            return;
        }
        self.set_run(RunState::Running);
        for i in 0..self.steps.len() {
            if !self.steps[i].gone && self.steps[i].row.state == StepState::Paused {
                self.make_ready(i, now, effects);
            } else if !self.steps[i].gone && self.wants_closing(i) {
                effects.ready.push(i);
            }
        }
        self.move_on(Vec::new(), now, effects);
    }

    pub(super) fn close_approval(
        &mut self,
        id: ApprovalId,
        state: ApprovalState,
        decision: Option<&Decision>,
        by: Option<&str>,
        now: Timestamp,
    ) {
        let Some(mut approval) = self.approvals.remove(&id) else { return };
        approval.state = state;
        approval.decision = decision.and_then(|decision| serde_json::to_value(decision).ok());
        approval.decided_by = by.map(str::to_owned);
        approval.decided_at = Some(now);
        self.draft.approvals.insert(id, approval);
    }

    /// What a step waits for is decided.
    pub(super) fn decided(
        &mut self,
        id: ApprovalId,
        decision: &Decision,
        by: Option<&str>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(step) = self.approvals.get(&id).map(|approval| approval.step.clone()) else { return };
        let Some(i) = self.find(&step).filter(|&i| self.steps[i].row.state == StepState::WaitingApproval)
        else {
            return;
        };
        self.close_approval(id, ApprovalState::Decided, Some(decision), by, now);
        let data = json!({ "approval": id, "option": decision.option, "feedback": decision.feedback,
                           "decided_by": decision.decided_by, "by": by });
        self.event(EventKind::ApprovalDecided, Some(i), now, data);
        self.steps[i].row.not_before = None;
        let answer = serde_json::to_string(decision).unwrap_or_default();
        let Some(Node::Checkpoint(checkpoint)) = self.definition(i).node() else {
            return self.answer(i, &Ok(answer), now, effects);
        };
        let then =
            checkpoint.options.iter().find(|o| o.name == decision.option).map_or(Then::Fail, |o| o.then);
        match then {
            Then::Continue => {
                let key = self.steps[i].row.step_key;
                self.complete(i, Value::Inline { json: answer }, key, [].into(), now, effects);
            }
            Then::Skip => {
                self.end_attempt(i, AttemptState::Skipped, None, now);
                self.skip(i, format!("{} was chosen", decision.option), now);
                self.move_on(vec![i], now, effects);
            }
            Then::Fail => {
                let why = decision.feedback.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                let failure =
                    Failure::new(FailureKind::Rejected, format!("{} was chosen{why}", decision.option));
                self.fail(i, failure, now, effects);
            }
        }
    }

    /// The guest's call is answered: the attempt goes on, by replaying what it did before.
    pub(super) fn answer(
        &mut self,
        i: usize,
        answer: &Result<String, String>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let attempt = self.steps[i].attempt.as_ref().map(|a| a.id);
        let journal = attempt.and_then(|id| self.journals.get_mut(&id));
        if let Some(call) = journal.and_then(|journal| journal.last_mut()) {
            let json = serde_json::to_string(answer).unwrap_or_default();
            call.answer = Some(Value::Inline { json });
            call.answered_at = Some(now);
            self.draft.host_calls.push(call.clone());
        }
        self.make_ready(i, now, effects);
        self.move_on(Vec::new(), now, effects);
    }

    /// Let a step that has ended be gone through again, and then what comes after it.
    fn do_again(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        self.reopen(now);
        let free = self.reset_after(i);
        if self.steps[i].row.state == StepState::AwaitingReview {
            self.steps[i].before = self.steps[i].row.attempt;
        } else {
            self.reset_step(i);
        }
        // What was asked for by hand is done, whatever the result was before.
        self.steps[i].row.step_key = None;
        self.make_ready(i, now, effects);
        self.move_on(free, now, effects);
    }

    /// The whole of an earlier attempt's result counts again: output, files and shared state.
    fn roll_back(&mut self, i: usize, to: &Restored, now: Timestamp, effects: &mut Effects) -> Option<()> {
        let files: Vec<ArtifactRow> = serde_json::from_value(to.artifacts.clone()).ok()?;
        self.reopen(now);
        let mut free = self.reset_after(i);
        for file in files {
            self.add_artifact(i, to.attempt, file, now);
        }
        let name = self.steps[i].row.name.clone();
        for (key, value) in &to.shared {
            self.draft.shared.insert(key.clone(), (name.clone(), value.clone()));
            self.shared.insert(key.clone(), value.clone());
        }
        if self.steps[i].row.state != StepState::Completed {
            self.reset_step(i);
            self.make_ready(i, now, &mut Effects::default());
            self.set_step(i, StepState::Running);
            self.set_step(i, StepState::Completed);
        }
        let step = &mut self.steps[i].row;
        step.output = Some(to.output.clone());
        step.step_key = to.step_key;
        step.result_attempt = Some(to.attempt);
        step.failure = None;
        step.finished_at = Some(now);
        self.draft.steps.insert(i);
        self.event(EventKind::RunRolledBack, Some(i), now, json!({ "attempt": to.attempt }));
        free.push(i);
        self.move_on(free, now, effects);
        Some(())
    }

    /// Go on with a run that has ended.
    fn reopen(&mut self, now: Timestamp) {
        if self.is_over() {
            self.set_run(RunState::Running);
            self.run.finished_at = None;
            self.run.failure = None;
            self.event(EventKind::RunResumed, None, now, json!({ "reopened": true }));
        }
    }

    /// Let everything that comes after a step be gone through again, and what was skipped because something had failed.
    /// Returns those that nothing keeps from starting.
    fn reset_after(&mut self, i: usize) -> Vec<usize> {
        let (scope, local) = (self.steps[i].scope, self.steps[i].local);
        let first = self.scopes[scope].first;
        let plan = Arc::clone(&self.plan);
        let graph = &plan.layouts[self.scopes[scope].layout].graph;
        let mut again = graph.descendants(local);
        for j in 0..graph.order.len() {
            let row = &self.steps[first + j].row;
            let for_failure = row.reason.as_deref().is_some_and(|reason| reason.ends_with(" failed"));
            if j != local && row.state == StepState::Skipped && for_failure {
                again.insert(j);
                again.extend(graph.descendants(j));
            }
        }
        again.remove(&local);
        // Of those, some may have begun by themselves: they are not what failed.
        again.retain(|&j| {
            let state = self.steps[first + j].row.state;
            state.is_terminal() || matches!(state, StepState::Pending | StepState::Ready)
        });
        for &j in &again {
            if self.steps[first + j].row.state == StepState::Ready {
                // It has not begun: it becomes ready anew.
                self.set_step(first + j, StepState::Paused);
                self.set_step(first + j, StepState::Pending);
            }
            self.reset_step(first + j);
        }
        let fatal = (first..first + graph.order.len()).any(|j| j != i && self.is_fatal(j));
        self.scopes[scope].failed = fatal;
        let mut free = Vec::new();
        for &j in &again {
            let waits = |from: usize| from == local || !self.steps[first + from].row.state.is_terminal();
            let open = graph.predecessors[j].iter().filter(|edge| waits(edge.from)).count();
            self.steps[first + j].open = open;
            free.extend((open == 0).then_some(first + j));
        }
        free
    }
}
