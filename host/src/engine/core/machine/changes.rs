//! What changes of a run, gathered into its next transition.

use serde_json::json;

use super::{Machine, course::may_be_skipped};
use crate::{
    model::{Event, EventKind, Node, RunState, StepState, Timestamp, Value},
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
        self.resting = 0;
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
        if (now == StepState::Completed) != (next == StepState::Completed) {
            let (makes, sets) = (!step.files.is_empty(), !step.shared.is_empty());
            if makes || sets {
                self.made_otherwise(i, sets);
            }
        }
        if (now == StepState::Ready || now.is_under_way()) && !next.is_under_way() {
            self.lets_go(i);
        }
        let step = &mut self.steps[i];
        if next != StepState::Running {
            step.expanded = false;
            self.set_closing(i, false);
        }
        let step = &mut self.steps[i];
        match (now.is_terminal(), next.is_terminal()) {
            (false, true) => self.scopes[step.scope].open -= 1,
            (true, false) => self.scopes[step.scope].open += 1,
            _ => {}
        }
        let scope = &mut self.scopes[step.scope];
        // An earlier result counts again, or it is done again.
        scope.told &= !now.is_terminal();
        if scope.failed.is_some() && may_be_skipped(next) {
            scope.since_failed.push(i);
        }
        self.weigh(i, true);
        self.draft.steps.insert(i);
    }

    /// A step does not hold the key of its concurrency, or does not wait for it, any more.
    pub(super) fn lets_go(&mut self, i: usize) {
        if self.concurrency(i).is_some() {
            self.let_go.push(i);
        }
    }

    pub(super) fn set_for_failure(&mut self, i: usize, for_failure: bool) {
        let step = &mut self.steps[i];
        let scope = &mut self.scopes[step.scope];
        scope.for_failure -= usize::from(step.row.for_failure);
        scope.for_failure += usize::from(for_failure);
        step.row.for_failure = for_failure;
    }

    /// What a step goes through. As long as it has not said so, what is inside it from before does not count.
    pub(super) fn set_expansion(&mut self, i: usize, expansion: Option<Value>) {
        let step = &mut self.steps[i];
        let counts = step.row.expansion.is_some() != expansion.is_some();
        step.row.expansion = expansion;
        if counts && !step.children.is_empty() {
            self.made_otherwise(i, true);
        }
    }

    /// What is inside a step is being put together, or not any more.
    pub(super) fn set_closing(&mut self, i: usize, closing: bool) {
        self.closing -= usize::from(self.steps[i].closing);
        self.closing += usize::from(closing);
        self.steps[i].closing = closing;
    }

    pub(super) fn set_expanded(&mut self, i: usize, expanded: bool) {
        self.weigh(i, false);
        self.steps[i].expanded = expanded;
        self.weigh(i, true);
    }

    /// Count a step in, or out of, those that are active and those that wait for a decision.
    pub(super) fn weigh(&mut self, i: usize, counted: bool) {
        let step = &self.steps[i];
        if step.row.state == StepState::Ready || step.row.state == StepState::Running && !step.expanded {
            if counted { self.busy += 1 } else { self.busy -= 1 }
        }
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
