//! What time does: retries, waits, deadlines of decisions and of steps, the start of a run that was to start later.

use std::time::Duration;

use serde_json::json;

use super::{Effects, Machine, RUN_TIMER};
use crate::model::{
    AttemptState, DecidedBy, Decision, EventKind, Failure, FailureKind, Node, OnDeadline, RunState,
    StepDefinition, StepState, Timestamp, Value,
};
use crate::store::{ApprovalKind, ApprovalState};

/// When a step that stands so is to be looked at: when its time has come, and when all of its time is over.
pub(crate) fn times(
    state: StepState,
    not_before: Option<Timestamp>,
    started_at: Option<Timestamp>,
    definition: &StepDefinition,
) -> impl Iterator<Item = Timestamp> {
    let waits = matches!(state, StepState::Retrying | StepState::Waiting | StepState::WaitingApproval);
    let limit = definition.step_timeout_ms.map(Duration::from_millis).filter(|_| may_run_out(state));
    let end = started_at.zip(limit).map(|(start, limit)| start.plus(limit));
    not_before.filter(|_| waits).into_iter().chain(end)
}

/// Whether the time of a step runs. What waits for its review has done its work; what is paused begins with all of its time
/// when it goes on.
fn may_run_out(state: StepState) -> bool {
    !state.is_terminal()
        && !matches!(state, StepState::Pending | StepState::AwaitingReview | StepState::Paused)
}

impl Machine {
    /// Every time at which something is to be looked at, by what the rows say.
    pub(crate) fn timers(&self) -> Vec<(Timestamp, usize)> {
        let start = self.run.start_at.filter(|_| self.run.state == RunState::Pending);
        let mut timers: Vec<_> = start.into_iter().map(|at| (at, RUN_TIMER)).collect();
        for i in (0..self.steps.len()).filter(|&i| !self.steps[i].gone) {
            let row = &self.steps[i].row;
            let times = times(row.state, row.not_before, row.started_at, self.definition(i));
            timers.extend(times.map(|at| (at, i)));
        }
        timers
    }

    /// The time of a timer has come. It may be for something that has long been over.
    pub(crate) fn timer(&mut self, i: usize, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if i == RUN_TIMER {
            return if self.run.state == RunState::Pending { self.start(now) } else { effects };
        }
        if self.steps.get(i).is_none_or(|step| step.gone) {
            return effects;
        }
        let row = &self.steps[i].row;
        let due = row.not_before.is_some_and(|at| at <= now);
        match row.state {
            StepState::Retrying if due => {
                self.steps[i].row.not_before = None;
                self.make_ready(i, now, &mut effects);
                self.move_on(Vec::new(), now, &mut effects);
            }
            StepState::Waiting if due => self.waited(i, now, &mut effects),
            StepState::WaitingApproval if due => self.undecided(i, now, &mut effects),
            _ => {}
        }
        self.step_timeout(i, now, &mut effects);
        effects
    }

    fn waited(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        let Some(Node::Wait(wait)) = self.definition(i).node() else { return };
        if wait.event.is_some() && wait.on_deadline == OnDeadline::Fail {
            let key = self.steps[i].row.event_key.take().unwrap_or_default();
            let failure =
                Failure::new(FailureKind::Deadline, format!("no event with the key {key:?} came in time"));
            return self.fail(i, failure, now, effects);
        }
        let woken_by = if wait.event.is_some() { "deadline" } else { "time" };
        self.woken(i, woken_by, "null", now, effects);
    }

    /// A step that waited goes on.
    pub(super) fn woken(&mut self, i: usize, by: &str, data: &str, now: Timestamp, effects: &mut Effects) {
        let row = &mut self.steps[i].row;
        row.not_before = None;
        row.event_key = None;
        let json = format!(r#"{{"woken_by":{},"data":{data}}}"#, json!(by));
        self.complete(i, Value::Inline { json }, self.steps[i].row.step_key, [].into(), now, effects);
    }

    /// Nobody decided in time.
    fn undecided(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        let Some(approval) = self.steps[i].approval.and_then(|id| self.approvals.get(&id)) else { return };
        let default = approval.request.get("default").and_then(|d| d.as_str()).map(str::to_owned);
        let (id, kind) = (approval.id, approval.kind);
        if let Some(option) = default {
            let decision =
                Decision { option, feedback: None, modification: None, decided_by: DecidedBy::Deadline };
            return self.decided(id, &decision, now, effects);
        }
        self.close_approval(id, ApprovalState::Expired, None, now);
        let message = "nobody decided before the deadline";
        if kind == ApprovalKind::Guest {
            self.steps[i].row.not_before = None;
            return self.answer(i, &Err(message.to_owned()), now, effects);
        }
        self.fail(i, Failure::new(FailureKind::Deadline, message), now, effects);
    }

    fn step_timeout(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        let Some(limit) = self.definition(i).step_timeout_ms else { return };
        let row = &self.steps[i].row;
        let started = row.started_at.filter(|_| may_run_out(row.state));
        if started.is_none_or(|at| now.since(at).as_millis() < u128::from(limit)) {
            return;
        }
        self.stop(i, now, effects);
        let failure = Failure::limit("step_timeout_ms", limit, limit, "all attempts together took too long");
        let failure = Failure { kind: FailureKind::TimedOut, ..failure };
        let data = json!({ "failure": failure });
        self.end_attempt(i, AttemptState::Failed, Some(failure.clone()), now);
        let row = &mut self.steps[i].row;
        row.failure = Some(failure);
        row.finished_at = Some(now);
        row.not_before = None;
        self.set_step(i, StepState::Failed);
        self.event(EventKind::StepFailed, Some(i), now, data);
        self.move_on(vec![i], now, effects);
    }
}
