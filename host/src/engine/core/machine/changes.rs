//! What changes of a run, gathered into its next transition.

use serde_json::json;

use super::Machine;
use crate::{
    model::{Event, EventKind, Node, RunState, StepState, Timestamp},
    store::{BlobRef, Transition},
};

impl Machine {
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
        let changed = draft.steps.iter().map(|&i| &self.steps[i]).filter(|step| !step.gone);
        transition.steps = changed.map(|step| step.row.clone()).collect();
        transition.attempts = draft.attempts.into_values().collect();
        transition.artifacts = draft.artifacts;
        transition.blobs = draft.blobs;
        transition.shared = draft.shared;
        transition.events = draft.events;
        transition.commands_done = draft.commands_done;
        transition.host_calls = draft.host_calls;
        transition.approvals = draft.approvals.into_values().collect();
        transition.signals_taken = draft.signals_taken;
        transition.removed_steps = draft.removed_steps;
        Some(transition)
    }

    pub(super) fn set_run(&mut self, next: RunState) {
        debug_assert!(self.run.state.may_become(next), "run: {} → {next}", self.run.state);
        self.run.state = next;
        self.draft.run = true;
    }

    pub(super) fn set_step(&mut self, i: usize, next: StepState) {
        self.weigh(i, false);
        let asks = matches!(self.definition(i).node(), Some(Node::Checkpoint(_) | Node::Wait(_)));
        let step = &mut self.steps[i];
        let now = step.row.state;
        debug_assert!(now.may_become(next), "step {}: {now} → {next}", step.row.name);
        step.row.state = next;
        let waited = matches!(now, StepState::Waiting | StepState::WaitingApproval | StepState::Paused);
        let undecided = matches!(
            next,
            StepState::Failed | StepState::Skipped | StepState::Cancelled | StepState::Pending
        );
        if asks && waited && undecided {
            // It is that of the question which is not answered now; the output that there may be answered another one.
            step.row.step_key = None;
        }
        if next != StepState::Running {
            step.expanded = false;
            step.closing = false;
        }
        match (now.is_terminal(), next.is_terminal()) {
            (false, true) => self.scopes[step.scope].open -= 1,
            (true, false) => self.scopes[step.scope].open += 1,
            _ => {}
        }
        self.weigh(i, true);
        self.draft.steps.insert(i);
    }

    pub(super) fn set_expanded(&mut self, i: usize, expanded: bool) {
        self.weigh(i, false);
        self.steps[i].expanded = expanded;
        self.weigh(i, true);
    }

    /// Count a step in, or out of, those that are active and those that wait for a decision.
    pub(super) fn weigh(&mut self, i: usize, counted: bool) {
        let step = &self.steps[i];
        let count = match step.row.state {
            StepState::Running if step.expanded => return,
            StepState::Ready | StepState::Running | StepState::Retrying | StepState::Waiting => {
                &mut self.active
            }
            StepState::WaitingApproval | StepState::AwaitingReview => &mut self.deciding,
            _ => return,
        };
        if counted { *count += 1 } else { *count -= 1 }
    }

    pub(super) fn save_attempt(&mut self, i: usize) {
        if let Some(attempt) = &self.steps[i].attempt {
            self.draft.attempts.insert(attempt.id, attempt.clone());
        }
    }

    pub(super) fn event(
        &mut self,
        kind: EventKind,
        step: Option<usize>,
        at: Timestamp,
        mut data: serde_json::Value,
    ) {
        if let Some(by) = &self.by {
            data["by"] = json!(by);
        }
        self.run.event_seq += 1;
        self.draft.events.push(Event {
            run_id: self.run.id,
            seq: self.run.event_seq,
            kind,
            step: step.map(|i| self.steps[i].row.name.clone()),
            at,
            data,
        });
    }
}
