//! What is gone through again: retries, and what comes after them.

use std::sync::Arc;

use serde_json::json;

use super::{Effects, Machine};
use crate::{
    model::{AttemptState, EventKind, Failure, FailureKind, RunState, StepState, Timestamp},
    store::StepRow,
};

impl Machine {
    /// Whether a step can be done again, or why not.
    pub(crate) fn may_be_done_again(&self, i: usize) -> Result<(), String> {
        let step = &self.steps[i];
        if self.run.state == RunState::Cancelled {
            return Err("the run was cancelled".to_owned());
        }
        // What waits for its review inside another step can be: that one is under way.
        if self.scopes[step.scope].parent.is_some() && step.row.state != StepState::AwaitingReview {
            let outer = &self.steps[self.outermost(i)].row.name;
            return Err(format!("it is inside step {outer}; ask for that one"));
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

    /// Let a step that has ended be gone through again, and then what comes after it.
    pub(super) fn do_again(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        // Of what came to its end, all inside is done; of what did not, what had not ended well or what somebody has edited.
        if self.steps[i].row.state == StepState::Completed {
            self.forget_keys(i);
        }
        self.do_again_inside(i, now, effects);
    }

    /// The same, as far as results inside it do not stand.
    pub(super) fn do_again_inside(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        self.reopen(now);
        let free = self.reset_after(i, now);
        if self.steps[i].row.state == StepState::AwaitingReview {
            let row = &mut self.steps[i].row;
            row.retried_from = row.attempt;
            row.started_at = None;
        } else {
            self.reset_step(i);
        }
        // What was asked for by hand is done, whatever the result was before.
        self.steps[i].row.step_key = None;
        self.make_ready(i, now, effects);
        self.move_on(free, now, effects);
    }

    /// Let no earlier result inside a step stand.
    fn forget_keys(&mut self, i: usize) {
        for scope in self.steps[i].children.clone() {
            for j in self.steps_of(scope) {
                self.steps[j].row.step_key = None;
                self.draft.steps.insert(j);
                self.forget_keys(j);
            }
        }
    }

    /// The step of the run's own that a step is, or is inside of.
    pub(super) fn outermost(&self, i: usize) -> usize {
        let mut at = i;
        while let Some(parent) = self.scopes[self.steps[at].scope].parent {
            at = parent;
        }
        at
    }

    /// Go on with a run that has ended.
    pub(super) fn reopen(&mut self, now: Timestamp) {
        if self.is_over() {
            self.set_run(RunState::Running);
            self.run.finished_at = None;
            self.run.failure = None;
            self.scopes[0].told = false;
            self.event(EventKind::RunResumed, None, now, json!({ "reopened": true }));
        }
    }

    /// Let everything that comes after a step be gone through again, and what was skipped because something had failed.
    /// Returns those that nothing keeps from starting.
    pub(super) fn reset_after(&mut self, i: usize, now: Timestamp) -> Vec<usize> {
        let (scope, local) = (self.steps[i].scope, self.steps[i].local);
        let first = self.scopes[scope].first;
        let plan = Arc::clone(&self.plan);
        let graph = &plan.layouts[self.scopes[scope].layout].graph;
        let mut skipped = Vec::new();
        if self.scopes[scope].for_failure > 0 {
            let was_skipped = |row: &StepRow| row.state == StepState::Skipped && row.for_failure;
            skipped.extend((0..graph.order.len()).filter(|&j| was_skipped(&self.steps[first + j].row)));
        }
        let mut again = graph.descendants_of(skipped.iter().copied().chain([local]));
        again.extend(skipped);
        again.remove(&local);
        // Of those, some may have begun by themselves: they are not what failed.
        again.retain(|&j| {
            let state = self.steps[first + j].row.state;
            state.is_terminal() || matches!(state, StepState::Pending | StepState::Ready)
        });
        for &j in &again {
            // A decision may have let it go on, and it has not yet.
            let failure = Failure::new(FailureKind::Cancelled, "what it comes after is done again");
            self.end_attempt(first + j, AttemptState::Cancelled, Some(failure), now);
            if self.steps[first + j].row.state == StepState::Ready {
                // It has not begun: it becomes ready anew.
                self.set_step(first + j, StepState::Paused);
                self.set_step(first + j, StepState::Pending);
            }
            self.reset_step(first + j);
        }
        // Done by hand, it stands in for what failed although the run's way did not lead to it.
        if self.scopes[scope].failed.is_some() {
            let is_fatal = |&j: &usize| j != i && self.is_fatal(j) && self.fallback(j) != Some(i);
            let fatal = self.steps_of(scope).find(is_fatal);
            self.set_failed(scope, fatal);
            if fatal.is_none() {
                self.steps_of(scope).for_each(|j| self.steps[j].halted = false);
            }
        }
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
