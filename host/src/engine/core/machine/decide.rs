//! What people decide: checkpoints, and what a phase asks from inside.

use serde_json::json;

use super::{Effects, Machine};
use crate::{
    model::{
        ApprovalId, AttemptState, Decision, EventKind, Failure, FailureKind, Node, StepState, Then,
        Timestamp, Value,
    },
    store::ApprovalState,
};

impl Machine {
    /// Nobody is to decide on the step any more, and nothing from outside to wake it.
    pub(super) fn withdraw(&mut self, i: usize, now: Timestamp, _effects: &mut Effects) {
        self.steps[i].row.event_key = None;
        if let Some(id) = self.steps[i].approval {
            self.close_approval(id, ApprovalState::Withdrawn, None, now);
        }
    }

    pub(super) fn close_approval(
        &mut self,
        id: ApprovalId,
        state: ApprovalState,
        decision: Option<&Decision>,
        now: Timestamp,
    ) {
        let Some(mut approval) = self.approvals.remove(&id) else { return };
        if let Some(i) = self.find(&approval.step).filter(|&i| self.steps[i].approval == Some(id)) {
            self.steps[i].approval = None;
        }
        approval.state = state;
        approval.decision = decision.and_then(|decision| serde_json::to_value(decision).ok());
        approval.decided_by = decision.and_then(|_| self.by.clone());
        approval.decided_at = Some(now);
        self.draft.approvals.insert(id, approval);
    }

    /// What a step waits for is decided.
    pub(super) fn decided(
        &mut self,
        id: ApprovalId,
        decision: &Decision,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(step) = self.approvals.get(&id).map(|approval| approval.step.clone()) else { return };
        let Some(i) = self.find(&step).filter(|&i| self.steps[i].row.state == StepState::WaitingApproval)
        else {
            return;
        };
        self.close_approval(id, ApprovalState::Decided, Some(decision), now);
        let data = json!({ "approval": id, "option": decision.option, "feedback": decision.feedback,
                           "decided_by": decision.decided_by });
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
}
