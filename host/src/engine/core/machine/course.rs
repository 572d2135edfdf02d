//! The course of a scope: what becomes ready, what is skipped, how the run ends.

use serde_json::json;

use super::{Effects, Machine, RUN_TIMER};
use crate::{
    engine::graph::EdgeKind,
    model::{AttemptState, EventKind, Failure, FailureKind, JoinMode, Node, RunState, StepState, Timestamp},
};

/// What the way to a step says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Reached,
    Bypassed,
    /// It says nothing.
    Neutral,
}

/// Whether a step does nothing just now, so that a failure elsewhere can keep it from going on.
pub(super) fn may_be_skipped(state: StepState) -> bool {
    !state.is_terminal() && state != StepState::Running
}

impl Machine {
    /// Start a new run, or at its time.
    pub(crate) fn start(&mut self, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if let Some(at) = self.run.start_at.filter(|at| *at > now) {
            effects.timers.push((at, RUN_TIMER));
            return effects;
        }
        self.set_run(RunState::Running);
        self.run.started_at = Some(now);
        self.event(EventKind::RunStarted, None, now, json!(null));
        self.start_scope(0, now, &mut effects);
        effects
    }

    /// Let the steps that come after nothing begin.
    pub(super) fn start_scope(&mut self, scope: usize, now: Timestamp, effects: &mut Effects) {
        let open: Vec<usize> = self
            .steps_of(scope)
            .filter(|&i| self.steps[i].open == 0 && self.steps[i].row.state == StepState::Pending)
            .collect();
        self.move_on(open, now, effects);
    }

    /// Steps have ended, or none of their predecessors is open any more: see to what follows.
    pub(super) fn move_on(&mut self, mut open: Vec<usize>, now: Timestamp, effects: &mut Effects) {
        while let Some(i) = open.pop() {
            if self.steps[i].row.state.is_terminal() {
                self.ended(i, now, effects, &mut open);
            } else if self.steps[i].row.state == StepState::Pending && self.steps[i].open == 0 {
                if let Some(failed) = self.scopes[self.steps[i].scope].failed {
                    self.skip_for_failure(i, self.failed_reason(failed), now);
                    open.push(i);
                } else if self.is_reached(i) {
                    self.make_ready(i, now, effects);
                } else {
                    self.steps[i].row.bypassed = true;
                    self.skip(i, "the run took another way".to_owned(), now);
                    open.push(i);
                }
            }
        }
        self.settle(now);
    }

    /// A step has ended: count it off at its successors, and at its scope.
    fn ended(&mut self, i: usize, now: Timestamp, effects: &mut Effects, open: &mut Vec<usize>) {
        let scope = self.steps[i].scope;
        let (first, local) = (self.scopes[scope].first, self.steps[i].local);
        if self.definition(i).repeat.is_some() {
            // Rounds that an earlier course of the run went through, and this one did not come to.
            self.remove_children(i, self.steps[i].rounds.begun);
        }
        if self.is_fatal(i) {
            self.skip_rest(i, now, effects);
        }
        if self.steps[i].row.bypassed
            && let Some(failed) = self.unmended(i)
        {
            self.skip_rest(failed, now, effects);
        }
        let successors = self.layout(scope).graph.successors[local].clone();
        for j in successors.into_iter().map(|j| first + j) {
            self.steps[j].open = self.steps[j].open.saturating_sub(1);
            if self.steps[j].open == 0 && self.steps[j].row.state == StepState::Pending {
                open.push(j);
            }
        }
        let at = &mut self.scopes[scope];
        if at.open > 0 || at.told {
            return;
        }
        match at.parent {
            // Somebody paused it, and expects it to wait.
            None if self.run.state == RunState::Paused => {}
            parent => {
                at.told = true;
                match parent {
                    Some(_) => self.child_ended(scope, now, effects),
                    None => self.finish(now),
                }
            }
        }
    }

    /// A step that failed, and for which this one was to stand in but cannot: the run's way does not lead to it.
    fn unmended(&self, fallback: usize) -> Option<usize> {
        let step = &self.steps[fallback];
        let first = self.scopes[step.scope].first;
        let edges = self.layout(step.scope).graph.predecessors[step.local].iter();
        let mut of = edges.filter(|edge| edge.kind == EdgeKind::Fallback).map(|edge| first + edge.from);
        of.find(|&i| self.is_fatal(i))
    }

    pub(super) fn make_ready(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        self.steps[i].row.ready_at = Some(now);
        if self.run.state == RunState::Paused {
            self.set_step(i, StepState::Paused);
            return self.event(EventKind::StepPaused, Some(i), now, json!(null));
        }
        self.set_step(i, StepState::Ready);
        self.event(EventKind::StepReady, Some(i), now, json!(null));
        effects.ready.push(i);
    }

    /// Whether the way that the run took leads to the step.
    pub(super) fn is_reached(&self, i: usize) -> bool {
        let step = &self.steps[i];
        let (scope, edges) =
            (&self.scopes[step.scope], &self.layout(step.scope).graph.predecessors[step.local]);
        let any = matches!(self.definition(i).node(), Some(Node::Join(join)) if join.mode == JoinMode::Any);
        let (mut reached, mut bypassed) = (false, false);
        // Of the steps that it is the fallback of, one that failed is enough.
        let (mut wanted, mut is_fallback) = (false, false);
        for edge in edges {
            let failed = edge.kind == EdgeKind::Fallback;
            is_fallback |= failed;
            match self.verdict(scope.first + edge.from, &edge.kind) {
                Verdict::Reached if failed => wanted = true,
                Verdict::Reached => reached = true,
                Verdict::Bypassed => bypassed |= !failed,
                Verdict::Neutral => {}
            }
        }
        (wanted || !is_fallback) && if any { reached || !bypassed } else { !bypassed }
    }

    fn verdict(&self, from: usize, kind: &EdgeKind) -> Verdict {
        let step = &self.steps[from];
        let reached = match kind {
            EdgeKind::StandIn => return Verdict::Neutral,
            EdgeKind::Fallback => step.row.state == StepState::Failed,
            EdgeKind::After => !step.row.bypassed,
            EdgeKind::Cases(cases) => {
                !step.row.bypassed && self.chosen(from).is_some_and(|chosen| cases.contains(chosen))
            }
        };
        if reached { Verdict::Reached } else { Verdict::Bypassed }
    }

    /// The case that a condition took; of one that failed, that of its fallback.
    fn chosen(&self, i: usize) -> Option<&String> {
        match self.steps[i].row.state {
            StepState::Failed => self.chosen(self.fallback(i)?),
            _ => self.steps[i].row.chosen.as_ref(),
        }
    }

    /// Whether the run cannot go on from this step's failure: nothing stands in for it.
    pub(super) fn is_fatal(&self, i: usize) -> bool {
        self.steps[i].row.state == StepState::Failed
            && !self.definition(i).continue_on_failure
            // Somebody who skips it lets the failure be; the run's taking another way does not.
            && self.fallback(i).is_none_or(|spare| self.steps[spare].row.bypassed)
    }

    /// The step that is to stand in for another if that fails.
    pub(super) fn fallback(&self, i: usize) -> Option<usize> {
        let step = &self.steps[i];
        let local = self.layout(step.scope).fallbacks[step.local]?;
        Some(self.scopes[step.scope].first + local)
    }

    /// The first step of a scope from whose failure it cannot go on, found by looking at all of them.
    pub(super) fn fatal(&self, scope: usize) -> Option<usize> {
        self.steps_of(scope).find(|&i| self.is_fatal(i))
    }

    /// A scope has failed by that step, or by none, whatever was known of it.
    pub(super) fn set_failed(&mut self, scope: usize, failed: Option<usize>) {
        let waits = |&i: &usize| may_be_skipped(self.steps[i].row.state);
        let since = if failed.is_some() { self.steps_of(scope).filter(waits).collect() } else { Vec::new() };
        self.scopes[scope].failed = failed;
        self.scopes[scope].since_failed = since;
    }

    /// From a step's failure its scope cannot go on.
    fn fails_scope(&mut self, i: usize) {
        let scope = &mut self.scopes[self.steps[i].scope];
        scope.failed = Some(scope.failed.map_or(i, |first| first.min(i)));
    }

    pub(super) fn failed_reason(&self, failed: usize) -> String {
        format!("step {} failed", self.steps[failed].row.name)
    }

    /// After a failure that the scope cannot go on from, nothing new starts in it; what runs may finish, its result is
    /// kept.
    fn skip_rest(&mut self, failed: usize, now: Timestamp, effects: &mut Effects) {
        let scope = self.steps[failed].scope;
        let rest: Vec<usize> = match self.scopes[scope].failed {
            None => self.steps_of(scope).collect(),
            // All that had not ended by then is over, or was told to begin nothing more.
            Some(_) => std::mem::take(&mut self.scopes[scope].since_failed),
        };
        self.fails_scope(failed);
        let reason = self.failed_reason(failed);
        for i in rest {
            match self.steps[i].row.state {
                StepState::Pending | StepState::Ready | StepState::Paused => {
                    self.skip_for_failure(i, reason.clone(), now);
                }
                StepState::Retrying => {
                    self.set_step(i, StepState::Failed);
                    let step = &mut self.steps[i].row;
                    step.finished_at = Some(now);
                    step.not_before = None;
                    let data = json!({ "failure": step.failure, "not_retried_because": reason });
                    self.event(EventKind::StepFailed, Some(i), now, data);
                    if self.is_fatal(i) {
                        self.fails_scope(i);
                    }
                }
                StepState::Waiting | StepState::WaitingApproval | StepState::AwaitingReview => {
                    self.withdraw(i, now, effects);
                    self.skip_for_failure(i, reason.clone(), now);
                }
                StepState::Running => {
                    self.steps[i].halted = true;
                    if self.steps[i].expanded && self.definition(i).repeat.is_none() {
                        self.begin_children(i, now, effects);
                        self.close_if_over(i, now, effects);
                    }
                }
                _ => {}
            }
        }
    }

    /// The same, because something else failed: when that is done again, so is this.
    pub(super) fn skip_for_failure(&mut self, i: usize, reason: String, now: Timestamp) {
        self.skip(i, reason, now);
        self.set_for_failure(i, true);
    }

    /// What was to be done inside a step was left out, because its scope has failed: it has no result.
    pub(super) fn skip_halted(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        let scope = self.steps[i].scope;
        let reason = self.scopes[scope].failed.map(|failed| self.failed_reason(failed));
        let goes_on = reason.is_none();
        self.skip_for_failure(i, reason.unwrap_or_else(|| "another step failed".to_owned()), now);
        if goes_on {
            // What failed is being done again by now.
            self.reset_step(i);
            self.make_ready(i, now, effects);
            return self.move_on(Vec::new(), now, effects);
        }
        self.move_on(vec![i], now, effects);
    }

    /// Let a step count as skipped, with its attempt if one is open.
    pub(super) fn skip(&mut self, i: usize, reason: String, now: Timestamp) {
        // As the databases have it.
        let reason = if reason.contains('\0') { reason.replace('\0', "\u{fffd}") } else { reason };
        let failure = Failure::new(FailureKind::Cancelled, format!("its step was skipped: {reason}"));
        self.end_attempt(i, AttemptState::Cancelled, Some(failure), now);
        self.set_step(i, StepState::Skipped);
        let data = json!({ "reason": reason });
        let step = &mut self.steps[i].row;
        step.reason = Some(reason);
        step.not_before = None;
        step.finished_at = Some(now);
        self.event(EventKind::StepSkipped, Some(i), now, data);
    }

    pub(super) fn finish(&mut self, now: Timestamp) {
        self.run.finished_at = Some(now);
        // It may have been waiting or paused when the last step ended.
        if !matches!(self.run.state, RunState::Running) {
            self.run.state = RunState::Running;
        }
        if let Some(i) = self.scopes[0].failed {
            let failure = self.first_failure(i);
            self.event(EventKind::RunFailed, None, now, json!({ "failure": failure }));
            self.run.failure = Some(failure);
            self.set_run(RunState::Failed);
        } else {
            self.set_run(RunState::Completed);
            self.event(EventKind::RunCompleted, None, now, json!(null));
        }
    }

    /// A step's failure, with the step's name.
    pub(super) fn first_failure(&self, i: usize) -> Failure {
        let step = &self.steps[i].row;
        let mut failure =
            step.failure.clone().unwrap_or_else(|| Failure::new(FailureKind::Failed, "no reason was given"));
        if !failure.message.starts_with("step ") {
            failure.message = format!("step {}: {}", step.name, failure.message);
        }
        failure
    }

    /// Whether the run waits for a decision alone, or goes on.
    fn settle(&mut self, now: Timestamp) {
        let waits = self.active == 0 && self.deciding > 0;
        match (self.run.state, waits) {
            (RunState::Running, true) => {
                self.set_run(RunState::WaitingApproval);
                self.event(EventKind::RunWaitingApproval, None, now, json!(null));
            }
            (RunState::WaitingApproval, false) => {
                self.set_run(RunState::Running);
                self.event(EventKind::RunResumed, None, now, json!({ "decided": true }));
            }
            _ => {}
        }
    }
}
