//! What people ask for: pause, resume, cancel, review, trigger, skip. `decide` and `again` hold the longer answers.

use serde_json::json;

use super::{Effects, Machine, Step};
use crate::model::{
    AttemptState, Command, EventKind, Failure, FailureKind, Order, Overrides, RunState, StepState, Timestamp,
};

/// Why a command cannot be done where the run stands, for the one who asked.
type Refused = String;

impl Machine {
    /// Do what a command asks for. The events of it say who gave it.
    ///
    /// # Errors
    /// Why it does not fit where the run stands. Nothing has changed then.
    pub(crate) fn command(&mut self, order: &Order, now: Timestamp) -> Result<Effects, Refused> {
        self.by.clone_from(&order.by);
        let done = self.obey(&order.command, now);
        self.by = None;
        done
    }

    fn obey(&mut self, command: &Command, now: Timestamp) -> Result<Effects, Refused> {
        let mut effects = Effects::default();
        match command {
            Command::Cancel => {
                self.refuse_if(self.is_over(), "cannot be cancelled any more")?;
                self.cancel(now, &mut effects);
            }
            Command::Pause => {
                self.refuse_if(!self.run.state.may_become(RunState::Paused), "cannot be paused")?;
                self.pause(now);
            }
            Command::Resume => {
                self.refuse_if(self.run.state != RunState::Paused, "cannot be resumed")?;
                self.resume(now, &mut effects);
            }
            Command::Change { auto_run, priority } => {
                self.refuse_if(self.is_over(), "has ended: there is nothing to change")?;
                self.change(*auto_run, *priority, now, &mut effects);
            }
            Command::Decide { approval, decision } => {
                let id = approval.parse().ok().filter(|id| self.approvals.contains_key(id));
                let id = id.ok_or_else(|| format!("approval {approval} is not open any more"))?;
                self.decided(id, decision, now, &mut effects);
            }
            Command::Continue { step } => {
                let i = self.step_in(step, StepState::AwaitingReview)?;
                self.reviewed(i, now);
                self.move_on(vec![i], now, &mut effects);
            }
            Command::Retry { step, overrides } => {
                let i = self.named(step)?;
                // What is inside another step is done again with it, as far as it must: this one must.
                let inner = self.steps[i].row.state != StepState::AwaitingReview;
                let outer = if inner { self.outermost(i) } else { i };
                self.may_be_done_again(outer)
                    .map_err(|why| format!("step {step} cannot be done again: {why}"))?;
                self.set_overrides(i, overrides);
                if outer != i {
                    self.steps[i].row.step_key = None;
                    self.do_again_inside(outer, now, &mut effects);
                } else {
                    self.do_again(i, now, &mut effects);
                }
            }
            Command::Trigger { step, overrides } => self.trigger(step, overrides, now, &mut effects)?,
            Command::Skip { step, reason } => {
                let i = self.named(step)?;
                let state = self.steps[i].row.state;
                if state.is_terminal() {
                    return Err(format!("step {step} is {state}: it cannot be skipped any more"));
                }
                self.stop(i, now, &mut effects);
                self.skip(i, reason.clone(), now);
                self.move_on(vec![i], now, &mut effects);
            }
            Command::Rollback { step, to } => {
                let i = self.named(step)?;
                self.may_be_done_again(i)
                    .map_err(|why| format!("step {step} cannot be rolled back: {why}"))?;
                self.roll_back(i, to, now, &mut effects)?;
            }
            Command::Signal { step, signal, data } => {
                let i = self.step_in(step, StepState::Waiting)?;
                if self.steps[i].row.event_key.is_none() {
                    return Err(format!("step {step} waits for a time, not for an event"));
                }
                self.draft.signals_taken.push((*signal, step.clone()));
                self.woken(i, "event", data, now, &mut effects);
            }
        }
        Ok(effects)
    }

    fn refuse_if(&self, refused: bool, why: &str) -> Result<(), Refused> {
        if refused { Err(format!("the run is {}: it {why}", self.run.state)) } else { Ok(()) }
    }

    fn named(&self, step: &str) -> Result<usize, Refused> {
        self.find(step).ok_or_else(|| format!("the run has no step {step:?}"))
    }

    fn step_in(&self, step: &str, wanted: StepState) -> Result<usize, Refused> {
        let i = self.named(step)?;
        let state = self.steps[i].row.state;
        if state == wanted { Ok(i) } else { Err(format!("step {step} is {state}, not {wanted}")) }
    }

    fn set_overrides(&mut self, i: usize, overrides: &Overrides) {
        self.steps[i].row.overrides =
            (!overrides.is_empty()).then(|| serde_json::to_value(overrides).unwrap_or_default());
        self.draft.steps.insert(i);
    }

    /// Somebody looked at a step's result and lets it count.
    fn reviewed(&mut self, i: usize, now: Timestamp) {
        self.steps[i].row.finished_at = Some(now);
        self.set_step(i, StepState::Completed);
        self.event(EventKind::StepCompleted, Some(i), now, json!({ "reviewed": true }));
    }

    /// Run a step now, by hand: one that has ended again; one that only waits for reviews, by letting them be good.
    fn trigger(
        &mut self,
        step: &str,
        overrides: &Overrides,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), Refused> {
        let i = self.named(step)?;
        let state = self.steps[i].row.state;
        if state.is_terminal() || state == StepState::AwaitingReview {
            self.may_be_done_again(i).map_err(|why| format!("step {step} cannot be done again: {why}"))?;
            self.set_overrides(i, overrides);
            self.do_again(i, now, effects);
            return Ok(());
        }
        if state != StepState::Pending {
            let why = match state {
                StepState::WaitingApproval => "somebody has to decide first",
                StepState::Waiting => "it goes on at its time, or when its event comes",
                _ => "it runs, or is about to, without being triggered",
            };
            return Err(format!("step {step} is {state}: {why}"));
        }
        self.refuse_if(self.run.state == RunState::Paused, "cannot run a step before it is resumed")?;
        self.refuse_if(self.run.state == RunState::Pending, "cannot run a step before it has started")?;
        let scope = &self.scopes[self.steps[i].scope];
        if let Some(parent) = scope.parent.map(|parent| &self.steps[parent])
            && (!parent.expanded || scope.index >= parent.rounds.begun)
        {
            let around = &parent.row.name;
            return Err(format!("step {step} is {state}: step {around} begins it when its turn comes"));
        }
        let first = self.scopes[self.steps[i].scope].first;
        let edges = &self.layout(self.steps[i].scope).graph.predecessors[self.steps[i].local];
        let before: Vec<usize> = edges.iter().map(|edge| first + edge.from).collect();
        for &j in &before {
            let row = &self.steps[j].row;
            if !row.state.is_terminal() && row.state != StepState::AwaitingReview {
                return Err(format!("step {step} needs step {}, which is {}", row.name, row.state));
            }
        }
        self.set_overrides(i, overrides);
        let mut ended = Vec::new();
        for j in before {
            if self.steps[j].row.state == StepState::AwaitingReview {
                self.reviewed(j, now);
                ended.push(j);
            }
        }
        self.move_on(ended, now, effects);
        Ok(())
    }

    /// Go on without reviews, or with them from now on; go earlier or later than other runs.
    fn change(
        &mut self,
        auto_run: Option<bool>,
        priority: Option<i32>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.run.auto_run = auto_run.unwrap_or(self.run.auto_run);
        self.run.priority = priority.unwrap_or(self.run.priority);
        let data = json!({ "auto_run": self.run.auto_run, "priority": self.run.priority });
        self.event(EventKind::RunChanged, None, now, data);
        self.draft.run = true;
        // What waits for a place does so with the new priority.
        effects.requeue = true;
        effects.ready.extend(self.wanting());
        if self.run.state != RunState::Paused {
            let reviewed = self.review_all(now);
            self.move_on(reviewed, now, effects);
        }
    }

    /// In a run that goes by itself no result waits for a review. Returns those that did.
    fn review_all(&mut self, now: Timestamp) -> Vec<usize> {
        let waits =
            |step: &Step| self.run.auto_run && !step.gone && step.row.state == StepState::AwaitingReview;
        let waiting: Vec<usize> = (0..self.steps.len()).filter(|&i| waits(&self.steps[i])).collect();
        for &i in &waiting {
            self.reviewed(i, now);
        }
        waiting
    }

    fn cancel(&mut self, now: Timestamp, effects: &mut Effects) {
        self.cancel_steps(now, effects);
        self.set_run(RunState::Cancelled);
        self.run.finished_at = Some(now);
        self.event(EventKind::RunCancelled, None, now, json!(null));
    }

    fn cancel_steps(&mut self, now: Timestamp, effects: &mut Effects) {
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
    }

    /// Let the run end as failed, wherever it stands: its host cannot go on with it.
    pub(crate) fn give_up(&mut self, failure: Failure, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.is_over() {
            return effects;
        }
        self.cancel_steps(now, &mut effects);
        self.set_run(RunState::Failed);
        self.run.finished_at = Some(now);
        self.event(EventKind::RunFailed, None, now, json!({ "failure": failure }));
        self.run.failure = Some(failure);
        effects
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
        // Everything may have ended meanwhile.
        if self.scopes[0].open == 0 {
            return self.finish(now);
        }
        for i in 0..self.steps.len() {
            if !self.steps[i].gone && self.steps[i].row.state == StepState::Paused {
                // The time that it stood still is not its own: all of its allowance begins anew.
                self.steps[i].row.started_at = None;
                self.make_ready(i, now, effects);
            } else if !self.steps[i].gone && self.wants_closing(i) {
                effects.ready.push(i);
            }
        }
        // Somebody may have let it go by itself meanwhile.
        let reviewed = self.review_all(now);
        self.move_on(reviewed, now, effects);
    }
}
