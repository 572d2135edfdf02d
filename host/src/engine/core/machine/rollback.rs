//! An earlier attempt's result counts again, the whole of it: with what was inside the step then.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::{Effects, Machine};
use crate::{
    model::{EventKind, Restored, RestoredStep, StepState, Timestamp, Value},
    store::ArtifactRow,
};

/// The steps inside that are to be as they were, by name, with the files of their results.
type Back<'a> = HashMap<&'a str, (&'a RestoredStep, Vec<ArtifactRow>)>;

impl Machine {
    /// The whole of an earlier attempt's result counts again: output, files and shared state, and all that was inside.
    pub(super) fn roll_back(
        &mut self,
        i: usize,
        to: &Restored,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), String> {
        let files = files_of(&to.artifacts)?;
        let inside = self.fitting(i, to)?;
        self.reopen(now);
        let mut free = self.reset_after(i, now);
        self.add_artifacts(i, to.attempt, files, now);
        let name = self.steps[i].row.name.clone();
        self.steps[i].shared.clone_from(&to.shared);
        for (key, value) in &to.shared {
            self.draft.shared.insert(key.clone(), (name.clone(), value.clone()));
            self.shared.insert(key.clone(), value.clone());
        }
        // It goes the way to its end without an attempt, whether the run is paused or not.
        if self.steps[i].row.state.is_terminal() && self.steps[i].row.state != StepState::Completed {
            self.reset_step(i);
            self.steps[i].row.ready_at = Some(now);
            self.set_step(i, StepState::Ready);
            self.set_step(i, StepState::Running);
        }
        if self.steps[i].row.state != StepState::Completed {
            self.set_step(i, StepState::Completed);
        }
        let chosen = self.case_of(i, &to.output);
        let step = &mut self.steps[i].row;
        step.output = Some(to.output.clone());
        step.step_key = to.step_key;
        step.chosen = chosen;
        // The edits of later attempts are rolled back as well.
        step.overrides.clone_from(&to.overrides);
        step.result_attempt = Some(to.attempt);
        step.failure = None;
        step.finished_at = Some(now);
        self.set_expansion(i, to.expansion.clone());
        self.made_otherwise(i, true);
        self.draft.steps.insert(i);
        self.event(EventKind::RunRolledBack, Some(i), now, json!({ "attempt": to.attempt }));
        if let Some((scopes, mut back)) = inside {
            self.put_inside(i, scopes, &mut back, &name, now);
            self.share_again(i);
        }
        free.push(i);
        self.move_on(free, now, effects);
        Ok(())
    }

    /// What is to be brought back inside a step, if it contains others; or why it cannot be.
    fn fitting<'a>(&self, i: usize, to: &'a Restored) -> Result<Option<(usize, Back<'a>)>, String> {
        if self.inner_layout(i).is_none() {
            return Ok(None);
        }
        let name = &self.steps[i].row.name;
        // What was found out before the step was gone through again, or by an earlier version, is no longer so.
        let inside = to.inside.as_ref().filter(|inside| inside.seen == self.seen(i));
        let inside = inside.ok_or_else(|| format!("step {name} has changed meanwhile; ask for it again"))?;
        let there = self.steps.iter().filter(|step| !step.gone).map(|step| step.row.name.as_str());
        let there: HashSet<&str> = there.collect();
        let more = inside.steps.iter().filter(|step| !there.contains(step.step.as_str())).count();
        let all = self.steps.len() + more;
        if all > self.max_steps {
            let most = self.max_steps;
            return Err(format!(
                "with what was inside step {name} the run has {all} steps; run_steps is {most}"
            ));
        }
        let mut back = HashMap::with_capacity(inside.steps.len());
        for step in &inside.steps {
            let files = step.result.as_ref().map(|result| files_of(&result.artifacts));
            back.insert(step.step.as_str(), (step, files.transpose()?.unwrap_or_default()));
        }
        Ok(Some((inside.scopes, back)))
    }

    /// Let there be so many scopes inside a step, with steps that are as they were.
    fn put_inside(&mut self, i: usize, scopes: usize, back: &mut Back<'_>, outer: &str, now: Timestamp) {
        let Some(layout) = self.inner_layout(i) else { return };
        self.remove_children(i, scopes);
        for k in self.steps[i].children.len()..scopes {
            self.open_scope(layout, Some(i), k);
        }
        for scope in self.steps[i].children.clone() {
            let (first, count) = (self.scopes[scope].first, self.layout(scope).steps.len());
            for j in first..first + count {
                let known = back.remove(self.steps[j].row.name.as_str());
                let scopes = known.as_ref().map_or(self.steps[j].children.len(), |(then, _)| then.scopes);
                if let Some((then, files)) = known {
                    self.put_back(j, then, files, outer, now);
                }
                self.put_inside(j, scopes, back, outer, now);
            }
            self.settle_scope(scope);
        }
        self.restore_rounds(i);
    }

    /// Let a step be as it was. It has ended, or was not there.
    fn put_back(
        &mut self,
        j: usize,
        then: &RestoredStep,
        files: Vec<ArtifactRow>,
        outer: &str,
        now: Timestamp,
    ) {
        match (then.attempt, &then.result) {
            (Some(number), Some(result)) => {
                self.add_artifacts(j, number, files, now);
                let step = &mut self.steps[j];
                step.shared.clone_from(&result.shared);
                step.row.output = Some(result.output.clone());
            }
            (None, _) => {
                let step = &mut self.steps[j];
                step.files.clear();
                step.shared.clear();
                step.row.output = None;
            }
            // The result that counts is the one that did.
            (Some(_), None) => {}
        }
        if self.steps[j].row.state != then.state {
            self.reset_step(j);
            let way: &[StepState] = match then.state {
                StepState::Completed => &[StepState::Ready, StepState::Running],
                StepState::Failed => &[StepState::Ready],
                _ => &[],
            };
            for &state in way {
                self.set_step(j, state);
            }
            self.set_step(j, then.state);
        }
        let completed = then.state == StepState::Completed;
        let output = self.steps[j].row.output.as_ref().filter(|_| completed);
        let chosen = output.and_then(|output| self.case_of(j, output));
        let row = &mut self.steps[j].row;
        row.result_attempt = then.attempt;
        row.step_key = then.step_key;
        row.overrides.clone_from(&then.overrides);
        row.reason.clone_from(&then.reason);
        row.bypassed = then.bypassed;
        row.failure.clone_from(&then.failure);
        row.chosen = chosen;
        row.retried_from = row.attempt;
        row.started_at = then.started_at;
        row.finished_at = then.finished_at.or(Some(now));
        self.set_for_failure(j, then.for_failure);
        self.set_expansion(j, then.expansion.clone());
        self.made_otherwise(j, true);
        self.draft.steps.insert(j);
        let mut data = json!({ "state": then.state, "with": outer });
        if let Some(number) = then.attempt.filter(|_| completed) {
            data["attempt"] = json!(number);
        }
        self.event(EventKind::RunRolledBack, Some(j), now, data);
    }

    /// All steps of a scope have ended: find out whether it failed.
    fn settle_scope(&mut self, scope: usize) {
        let (first, count) = (self.scopes[scope].first, self.layout(scope).steps.len());
        self.steps[first..first + count].iter_mut().for_each(|step| step.open = 0);
        let failed = self.fatal(scope);
        self.set_failed(scope, failed);
    }

    /// The shared state that is set inside a step is set again, in the order of the steps.
    fn share_again(&mut self, i: usize) {
        let mut set = BTreeMap::new();
        self.shared_inside(i, &mut set);
        for (key, (j, value)) in set {
            if self.shared.get(&key) != Some(&value) {
                let step = self.steps[j].row.name.clone();
                self.draft.shared.insert(key.clone(), (step, value.clone()));
                self.shared.insert(key, value);
            }
        }
    }

    /// The keys that steps inside a step set, each with the last one that does.
    fn shared_inside(&self, i: usize, set: &mut BTreeMap<String, (usize, Value)>) {
        for &scope in &self.steps[i].children {
            for &local in &self.layout(scope).graph.order {
                let j = self.scopes[scope].first + local;
                self.shared_inside(j, set);
                if self.steps[j].row.state == StepState::Completed && self.is_counted(j) {
                    set.extend(self.steps[j].shared.iter().map(|(key, v)| (key.clone(), (j, v.clone()))));
                }
            }
        }
    }
}

/// Files as a command has them.
fn files_of(artifacts: &serde_json::Value) -> Result<Vec<ArtifactRow>, String> {
    serde_json::from_value(artifacts.clone())
        .map_err(|error| format!("the earlier result's files cannot be read: {error}"))
}
