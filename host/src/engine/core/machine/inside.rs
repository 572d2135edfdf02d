//! What is inside one of the run's own steps when an attempt at it completes. It is kept with the attempt, and tells what a
//! rollback has to bring back.
//!
//! Of each step inside the numbers of its attempts are kept; what those made is in their rows. The steps are listed in the
//! order of their scopes and layouts, each followed by those inside of it, so that the plan gives their names.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Machine;
use crate::{
    model::{
        Failure, Node, RestoredInside, RestoredResult, RestoredStep, SeenStep, StepDefinition, StepState,
        Value,
    },
    store::{ArtifactRow, AttemptRow},
};

/// So many different reasons for skipping are kept of an attempt,
const REASONS: usize = 100;
/// each with so many characters.
const REASON_CHARS: usize = 1000;

/// What was inside a step.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Inside {
    /// How many items or rounds.
    scopes: usize,
    steps: Vec<Was>,
    /// Why steps were skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// How a step inside had ended. Most completed, and are a number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Was {
    /// It completed: the number of its last attempt, which made its result.
    Made(u32),
    /// It completed: the numbers of the attempt that made its result, and of its last one.
    Stood(u32, u32),
    /// The same, and how many items or rounds it had.
    Around(u32, u32, usize),
    Otherwise(Box<Otherwise>),
}

/// How a step had ended that did not complete.
#[derive(Debug, Serialize, Deserialize)]
struct Otherwise {
    state: StepState,
    /// Number of its last attempt; 0 if there was none.
    #[serde(default, skip_serializing_if = "is_none")]
    attempt: u32,
    /// Number of the attempt with its last result, which did not count; 0 if there was none.
    #[serde(default, skip_serializing_if = "is_none")]
    result: u32,
    /// Whether it had failed, as its last attempt says,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    /// or else so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Why it was skipped, by the place among the reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    for_failure: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bypassed: bool,
    /// Whether somebody had edited it: how, its last attempt says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    edited: bool,
    /// Whether it had said what it goes through: what, its last attempt says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    expanded: bool,
    #[serde(default, skip_serializing_if = "no_scopes")]
    scopes: usize,
}

fn is_none(number: &u32) -> bool {
    *number == 0
}

fn no_scopes(scopes: &usize) -> bool {
    *scopes == 0
}

impl Machine {
    /// What is inside one of the run's own steps now that it completes (JSON); `None` if it contains no others.
    pub(super) fn inside(&self, i: usize) -> Option<String> {
        self.inner_layout(i)?;
        if self.scopes[self.steps[i].scope].parent.is_some() {
            return None;
        }
        let step = &self.steps[i];
        // Later rounds of a loop are of an earlier course, and go with its end.
        let begun = self.definition(i).repeat.is_some().then_some(step.rounds.begun);
        let scopes = &step.children[..begun.unwrap_or(usize::MAX).min(step.children.len())];
        let mut inside = Inside { scopes: scopes.len(), ..Inside::default() };
        self.keep(scopes, &mut inside, &mut HashMap::new());
        serde_json::to_string(&inside).ok()
    }

    fn keep(&self, scopes: &[usize], inside: &mut Inside, reasons: &mut HashMap<String, usize>) {
        for &scope in scopes {
            let (first, count) = (self.scopes[scope].first, self.layout(scope).steps.len());
            for j in first..first + count {
                let was = self.was(j, inside, reasons);
                inside.steps.push(was);
                self.keep(&self.steps[j].children, inside, reasons);
            }
        }
    }

    fn was(&self, j: usize, inside: &mut Inside, reasons: &mut HashMap<String, usize>) -> Was {
        let step = &self.steps[j];
        let (row, scopes) = (&step.row, step.children.len());
        debug_assert!(row.state.is_terminal(), "{} is {}", row.name, row.state);
        match (row.state, row.result_attempt) {
            (StepState::Completed, Some(n)) if scopes > 0 => return Was::Around(n, row.attempt, scopes),
            (StepState::Completed, Some(n)) if n == row.attempt => return Was::Made(n),
            (StepState::Completed, Some(n)) => return Was::Stood(n, row.attempt),
            _ => {}
        }
        let reason = row.reason.as_ref().and_then(|reason| {
            let reason: String = reason.chars().take(REASON_CHARS).collect();
            if let Some(&known) = reasons.get(&reason) {
                return Some(known);
            }
            let place = inside.reasons.len();
            (place < REASONS).then(|| {
                inside.reasons.push(reason.clone());
                reasons.insert(reason, place);
                place
            })
        });
        let said = step.attempt.as_ref().filter(|attempt| attempt.number == row.attempt);
        let as_said = said.is_some_and(|attempt| attempt.failure == row.failure);
        Was::Otherwise(Box::new(Otherwise {
            state: row.state,
            attempt: row.attempt,
            result: row.result_attempt.unwrap_or(0),
            failed: row.failure.is_some(),
            failure: row.failure.clone().filter(|_| !as_said),
            reason,
            for_failure: row.for_failure,
            bypassed: row.bypassed,
            edited: row.overrides.is_some(),
            expanded: row.expansion.is_some(),
            scopes,
        }))
    }

    /// Where a step stands.
    pub(super) fn seen(&self, i: usize) -> SeenStep {
        let row = &self.steps[i].row;
        SeenStep { state: row.state, attempt: row.attempt, result: row.result_attempt }
    }

    /// What was inside a step when that attempt completed, as far as something else is there now. `attempts` and `files` are
    /// those of the whole run.
    ///
    /// # Errors
    /// Why it cannot be brought back.
    pub(crate) fn inside_then(
        &self,
        step: &str,
        number: u32,
        attempts: &[AttemptRow],
        files: &[ArtifactRow],
    ) -> Result<RestoredInside, String> {
        let i = self.find(step).ok_or_else(|| format!("the run has no step {step:?}"))?;
        let outer = self.outermost(i);
        if outer != i {
            let outer = &self.steps[outer].row.name;
            return Err(format!("step {step} is inside step {outer}; roll that one back"));
        }
        let attempts: HashMap<(&str, u32), &AttemptRow> =
            attempts.iter().map(|a| ((a.step.as_str(), a.number), a)).collect();
        let kept = attempts.get(&(step, number)).and_then(|attempt| attempt.inside.as_deref());
        let kept = kept.ok_or_else(|| {
            format!(
                "attempt {number} at step {step} is from before it was kept what is inside a step; retry the step"
            )
        })?;
        let kept: Inside = serde_json::from_str(kept)
            .map_err(|error| format!("what was inside step {step} cannot be read: {error}"))?;
        let latest = latest_files(files);
        let (steps, reasons) = (kept.steps.into_iter(), kept.reasons);
        let mut then = Then { machine: self, attempts, files: latest, steps, reasons, found: Vec::new() };
        then.scopes(self.inner_layout(i), step, Some(i), kept.scopes)?;
        match then.steps.next() {
            Some(_) => Err(unfit(step)),
            None => Ok(RestoredInside { seen: self.seen(i), scopes: kept.scopes, steps: then.found }),
        }
    }
}

/// The files of each attempt, by step and number, then by name. After a rollback a file has several versions of the same
/// attempt, with the same bytes: the last one is that of the attempt.
pub(crate) fn latest_files(files: &[ArtifactRow]) -> HashMap<(&str, u32), BTreeMap<&str, &ArtifactRow>> {
    let mut latest: HashMap<(&str, u32), BTreeMap<&str, &ArtifactRow>> = HashMap::new();
    for file in files {
        let of = latest.entry((&file.step, file.attempt)).or_default();
        if of.get(file.name.as_str()).is_none_or(|known| known.version < file.version) {
            of.insert(&file.name, file);
        }
    }
    latest
}

fn unfit(step: &str) -> String {
    format!("what was kept of the inside of step {step} does not fit the run's plan")
}

/// What was inside a step, beside what is there now.
struct Then<'a> {
    machine: &'a Machine,
    attempts: HashMap<(&'a str, u32), &'a AttemptRow>,
    /// The files of each attempt, by name.
    files: HashMap<(&'a str, u32), BTreeMap<&'a str, &'a ArtifactRow>>,
    /// The steps that have not been looked at.
    steps: std::vec::IntoIter<Was>,
    reasons: Vec<String>,
    found: Vec<RestoredStep>,
}

impl Then<'_> {
    /// Go through what was inside a step. `now` is its place, if it is there.
    fn scopes(
        &mut self,
        layout: Option<usize>,
        step: &str,
        now: Option<usize>,
        scopes: usize,
    ) -> Result<(), String> {
        if scopes == 0 {
            return Ok(());
        }
        let machine = self.machine;
        let layout = layout.ok_or_else(|| unfit(step))?;
        for k in 0..scopes {
            let scope = now.and_then(|i| machine.steps[i].children.get(k));
            for (local, name) in machine.names_inside(layout, step, k).into_iter().enumerate() {
                let was = self.steps.next().ok_or_else(|| unfit(step))?;
                let there = scope.map(|&scope| machine.scopes[scope].first + local);
                let place = &machine.plan.layouts[layout];
                let then = self.then(&name, was, &place.steps[local], there)?;
                let inside = then.scopes;
                if !there.is_some_and(|j| stands(machine, j, &then)) {
                    self.found.push(then);
                }
                self.scopes(place.inner[local], &name, there, inside)?;
            }
        }
        Ok(())
    }

    fn then(
        &self,
        name: &str,
        was: Was,
        definition: &StepDefinition,
        now: Option<usize>,
    ) -> Result<RestoredStep, String> {
        let (number, last, scopes) = match was {
            Was::Made(n) => (n, n, 0),
            Was::Stood(n, last) => (n, last, 0),
            Was::Around(n, last, scopes) => (n, last, scopes),
            Was::Otherwise(other) => return Ok(self.otherwise(name, *other, now)),
        };
        let made = self.attempts.get(&(name, number)).copied().filter(|made| made.output.is_some());
        let made = made.ok_or_else(|| format!("the result of attempt {number} at step {name} is gone"))?;
        // One that found its result standing may have been edited, to the same effect.
        let last = self.attempts.get(&(name, last)).copied().filter(|last| last.reused);
        let edited =
            if matches!(definition.node(), Some(Node::Phase(_))) { last.unwrap_or(made) } else { made };
        Ok(RestoredStep {
            step: name.to_owned(),
            state: StepState::Completed,
            attempt: Some(number),
            result: self.result(name, made, now),
            step_key: made.step_key,
            overrides: edited.overrides.clone(),
            reason: None,
            for_failure: false,
            bypassed: false,
            failure: None,
            expansion: made.expansion.clone(),
            scopes,
            started_at: Some(made.started_at),
            finished_at: made.finished_at,
        })
    }

    fn otherwise(&self, name: &str, was: Otherwise, now: Option<usize>) -> RestoredStep {
        let made = self.attempts.get(&(name, was.result)).copied().filter(|made| made.output.is_some());
        let last = self.attempts.get(&(name, was.attempt)).copied();
        let general = || match was.state {
            StepState::Failed => Some(Failure::new(crate::model::FailureKind::Failed, "it failed")),
            _ => None,
        };
        let said = || last.and_then(|last| last.failure.clone()).or_else(general);
        let failure = was.failure.or_else(|| was.failed.then(said).flatten());
        let skipped = was.state == StepState::Skipped;
        let reason = was.reason.and_then(|place| self.reasons.get(place)).cloned();
        RestoredStep {
            step: name.to_owned(),
            state: was.state,
            attempt: made.map(|made| made.number),
            result: made.and_then(|made| self.result(name, made, now)),
            step_key: made.and_then(|made| made.step_key),
            overrides: last.or(made).filter(|_| was.edited).and_then(|edited| edited.overrides.clone()),
            reason: reason.or_else(|| skipped.then(|| "it was skipped".to_owned())),
            for_failure: was.for_failure,
            bypassed: was.bypassed,
            failure,
            expansion: last.filter(|_| was.expanded).and_then(|last| last.expansion.clone()),
            scopes: was.scopes,
            started_at: last.filter(|_| !skipped).map(|last| last.started_at),
            finished_at: last.filter(|_| !skipped).and_then(|last| last.finished_at),
        }
    }

    /// What an attempt made, unless it is what counts now.
    fn result(&self, name: &str, made: &AttemptRow, now: Option<usize>) -> Option<RestoredResult> {
        if now.is_some_and(|j| self.machine.steps[j].row.result_attempt == Some(made.number)) {
            return None;
        }
        let mut files: Vec<&ArtifactRow> =
            self.files.get(&(name, made.number)).into_iter().flat_map(BTreeMap::values).copied().collect();
        files.sort_by_key(|file| file.order);
        Some(RestoredResult {
            output: made.output.clone().unwrap_or(Value::Inline { json: "null".to_owned() }),
            shared: made.shared.clone().unwrap_or_default(),
            artifacts: serde_json::to_value(files).unwrap_or_default(),
        })
    }
}

/// Whether a step is as it was.
fn stands(machine: &Machine, j: usize, then: &RestoredStep) -> bool {
    let (row, scopes) = (&machine.steps[j].row, machine.steps[j].children.len());
    row.state == then.state
        && row.result_attempt == then.attempt
        && row.step_key == then.step_key
        && row.overrides == then.overrides
        && row.reason == then.reason
        && row.for_failure == then.for_failure
        && row.bypassed == then.bypassed
        && row.failure == then.failure
        && row.expansion == then.expansion
        && scopes == then.scopes
}
