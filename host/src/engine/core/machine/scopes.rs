//! Scopes inside a step: the items of a map, the rounds of a loop, the steps of a sub-workflow.

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::json;

use super::{Effects, Machine, Rounds, Scope, Step, seen::Kept};
use crate::{
    model::{EventKind, Failure, FailureKind, Node, StepState, Timestamp, Value},
    store::StepRow,
};

impl Machine {
    /// Add a scope with its steps, none of which has begun. Returns its place.
    pub(super) fn open_scope(&mut self, layout: usize, parent: Option<usize>, index: usize) -> usize {
        let place = self.scopes.len();
        let first = self.steps.len();
        let names = self.names(layout, parent, index);
        let count = names.len();
        for (local, name) in names.into_iter().enumerate() {
            let definition = &self.plan.layouts[layout].steps[local];
            let known = self.numbers.remove(&name).unwrap_or(0);
            let row = StepRow {
                name,
                ord: u32::try_from(first + local).unwrap_or(u32::MAX),
                phase: definition
                    .node()
                    .map_or("", |node| match node {
                        Node::Phase(phase) => phase,
                        other => other.kind(),
                    })
                    .to_owned(),
                state: StepState::Pending,
                attempt: known,
                retried_from: known,
                not_before: None,
                step_key: None,
                output: None,
                reason: None,
                for_failure: false,
                bypassed: false,
                failure: None,
                ready_at: None,
                started_at: None,
                finished_at: None,
                expansion: None,
                chosen: None,
                overrides: None,
                event_key: None,
                result_attempt: None,
            };
            self.draft.steps.insert(first + local);
            self.add_step(place, local, layout, row);
        }
        self.add_scope(layout, first, parent, index, count);
        if let Some(parent) = parent {
            self.steps[parent].children.push(place);
        }
        place
    }

    pub(super) fn add_scope(
        &mut self,
        layout: usize,
        first: usize,
        parent: Option<usize>,
        index: usize,
        open: usize,
    ) {
        self.scopes.push(Scope {
            layout,
            first,
            parent,
            index,
            open,
            told: false,
            failed: None,
            since_failed: Vec::new(),
            for_failure: 0,
            rounds_before: OnceLock::new(),
        });
    }

    pub(super) fn add_step(&mut self, scope: usize, local: usize, layout: usize, row: StepRow) {
        let open = self.plan.layouts[layout].graph.predecessors[local].len();
        self.steps.push(Step {
            row,
            scope,
            local,
            attempt: None,
            shared: BTreeMap::new(),
            files: Vec::new(),
            kept: Kept::default(),
            approval: None,
            open,
            children: Vec::new(),
            rounds: Rounds::default(),
            expanded: false,
            closing: false,
            halted: false,
            gone: false,
        });
    }

    /// The names that the steps of a scope have in the run.
    pub(super) fn names(&self, layout: usize, parent: Option<usize>, index: usize) -> Vec<String> {
        match parent {
            Some(parent) => self.names_inside(layout, &self.steps[parent].row.name, index),
            None => self.plan.layouts[layout].steps.iter().map(|step| step.name.clone()).collect(),
        }
    }

    /// The same for a scope inside a step of that name.
    pub(super) fn names_inside(&self, layout: usize, parent: &str, index: usize) -> Vec<String> {
        let layout = &self.plan.layouts[layout];
        if layout.is_workflow() {
            layout.steps.iter().map(|step| format!("{parent}/{}", step.name)).collect()
        } else {
            vec![format!("{parent}[{index}]")]
        }
    }

    /// Why a step cannot be done inside that often: maps inside maps multiply (law 5).
    pub(super) fn too_many_steps(&self, i: usize, count: usize) -> Option<Failure> {
        let inside = self.inner_layout(i).map_or(0, |layout| self.plan.layouts[layout].steps.len());
        let known = self.steps[i].children.len();
        let all = self.steps.len() + inside * count.saturating_sub(known);
        (all > self.max_steps).then(|| {
            let message = "with what this step would do inside it, the run has too many steps";
            Failure::limit("run_steps", self.max_steps as u64, all as u64, message)
        })
    }

    /// The layout of what is inside a step, if it contains others.
    pub(super) fn inner_layout(&self, i: usize) -> Option<usize> {
        let step = &self.steps[i];
        self.layout(step.scope).inner[step.local]
    }

    /// A step has said what is to be done inside it: `count` times, on `expansion`.
    pub(super) fn expand(
        &mut self,
        i: usize,
        expansion: Value,
        count: usize,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if self.steps[i].halted {
            return self.skip_halted(i, now, effects);
        }
        self.set_expansion(i, Some(expansion));
        self.draft.steps.insert(i);
        self.set_expanded(i, true);
        // A loop's later rounds stay as they are: they are gone through again if the loop comes to them.
        if self.definition(i).repeat.is_none() {
            self.remove_children(i, count);
        }
        let kept = self.steps[i].children.clone();
        for &scope in &kept {
            self.reset_scope(scope);
        }
        if let Some(layout) = self.inner_layout(i) {
            for k in kept.len()..count {
                self.open_scope(layout, Some(i), k);
            }
        }
        self.steps[i].rounds = Rounds::default();
        self.event(EventKind::StepExpanded, Some(i), now, json!({ "count": count }));
        if count == 0 {
            effects.ready.push(i);
        } else {
            self.begin_children(i, now, effects);
        }
    }

    /// Another round of a loop.
    pub(super) fn again(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        if self.steps[i].halted {
            return self.skip_halted(i, now, effects);
        }
        let round = self.steps[i].rounds.begun;
        match (self.steps[i].children.get(round).copied(), self.inner_layout(i)) {
            (Some(known), _) => self.reset_scope(known),
            (None, Some(layout)) => drop(self.open_scope(layout, Some(i), round)),
            (None, None) => return,
        }
        self.set_expanded(i, true);
        self.begin_children(i, now, effects);
    }

    /// Begin as many items as may run at once; of a loop, one round.
    pub(super) fn begin_children(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        let (most, allowed) = match self.definition(i).node() {
            Some(Node::Map(map)) => {
                (map.max_parallel.map_or(usize::MAX, |n| n as usize), map.max_failures as usize)
            }
            Some(Node::Loop(_)) => (1, 0),
            _ => (usize::MAX, 0),
        };
        let is_loop = self.definition(i).repeat.is_some();
        while let Some(&scope) = self.steps[i].children.get(self.steps[i].rounds.begun) {
            let rounds = self.steps[i].rounds;
            // Somebody may have skipped all of it before its turn.
            let over = self.scopes[scope].open == 0;
            if over || rounds.failed > allowed || self.steps[i].halted {
                self.steps[i].rounds.begun += 1;
                self.steps[i].rounds.ended += 1;
                self.steps[i].rounds.left_out += usize::from(!over);
                for j in self.steps_of(scope) {
                    if !self.steps[j].row.state.is_terminal() {
                        self.skip_for_failure(j, "too much before it failed".to_owned(), now);
                    }
                }
                continue;
            }
            if rounds.begun - rounds.ended >= most {
                break;
            }
            self.steps[i].rounds.begun += 1;
            self.start_scope(scope, now, effects);
            if is_loop {
                break;
            }
        }
    }

    /// A scope inside a step has come to its end.
    pub(super) fn child_ended(&mut self, scope: usize, now: Timestamp, effects: &mut Effects) {
        let Some(i) = self.scopes[scope].parent else { return };
        if self.scopes[scope].index >= self.steps[i].rounds.begun {
            // Its turn has not come: it is counted then.
            return;
        }
        self.steps[i].rounds.ended += 1;
        self.steps[i].rounds.failed += usize::from(self.scopes[scope].failed.is_some());
        if self.steps[i].row.state != StepState::Running || !self.steps[i].expanded {
            return;
        }
        if self.definition(i).repeat.is_none() {
            self.begin_children(i, now, effects);
        }
        self.close_if_over(i, now, effects);
    }

    /// Once everything inside a step has ended, put its result together, or fail it.
    pub(super) fn close_if_over(&mut self, i: usize, now: Timestamp, effects: &mut Effects) {
        if !self.wants_closing(i) {
            return;
        }
        match self.inner_failure(i) {
            Some(failure) => self.fail(i, failure, now, effects),
            None if self.steps[i].rounds.left_out > 0 => self.skip_halted(i, now, effects),
            None => effects.ready.push(i),
        }
    }

    /// Whether everything inside the step has ended, so that it is to be closed.
    pub(super) fn wants_closing(&self, i: usize) -> bool {
        let step = &self.steps[i];
        let all = if self.definition(i).repeat.is_some() { step.rounds.begun } else { step.children.len() };
        step.row.state == StepState::Running && step.expanded && !step.closing && step.rounds.ended == all
    }

    /// The failure of what is inside a step, if it is more than the step allows.
    pub(super) fn inner_failure(&self, i: usize) -> Option<Failure> {
        let mut begun = &self.steps[i].children[..self.steps[i].rounds.begun];
        if self.definition(i).repeat.is_some() {
            // Of a loop's rounds only the last can have failed: there is none after one that has.
            begun = &begun[begun.len().saturating_sub(1)..];
        }
        let failed: Vec<usize> = begun.iter().filter_map(|&scope| self.scopes[scope].failed).collect();
        let allowed = match self.definition(i).node() {
            Some(Node::Map(map)) => map.max_failures as usize,
            _ => 0,
        };
        if failed.len() <= allowed {
            return None;
        }
        let mut failure = self.first_failure(failed[0]);
        failure.kind = FailureKind::Failed;
        if allowed > 0 {
            let (n, all) = (failed.len(), self.steps[i].children.len());
            failure.message = format!("{n} of {all} items failed, {allowed} may; {}", failure.message);
        }
        Some(failure)
    }

    /// Let a scope be gone through again. What its steps made stays with them, for the attempts that find nothing new.
    fn reset_scope(&mut self, scope: usize) {
        let first = self.scopes[scope].first;
        for i in self.steps_of(scope) {
            self.reset_step(i);
        }
        self.set_failed(scope, None);
        let layout = &self.plan.layouts[self.scopes[scope].layout];
        for (local, edges) in layout.graph.predecessors.iter().enumerate() {
            self.steps[first + local].open = edges.len();
        }
    }

    /// Let a step that has ended be gone through again.
    pub(super) fn reset_step(&mut self, i: usize) {
        self.steps[i].halted = false;
        if self.steps[i].row.state.is_terminal() {
            self.set_step(i, StepState::Pending);
        }
        self.set_for_failure(i, false);
        self.set_expansion(i, None);
        let row = &mut self.steps[i].row;
        row.retried_from = row.attempt;
        row.reason = None;
        row.bypassed = false;
        row.failure = None;
        row.chosen = None;
        row.ready_at = None;
        row.started_at = None;
        row.finished_at = None;
    }

    pub(super) fn remove_children(&mut self, i: usize, from: usize) {
        let children = &mut self.steps[i].children;
        let gone = children.split_off(from.min(children.len()));
        if !gone.is_empty() {
            self.made_otherwise(i, true);
        }
        for scope in gone {
            for j in self.steps_of(scope) {
                self.remove_children(j, 0);
                self.weigh(j, false);
                self.set_closing(j, false);
                self.lets_go(j);
                let step = &mut self.steps[j];
                step.gone = true;
                step.files.clear();
                self.numbers.insert(step.row.name.clone(), step.row.attempt);
                self.draft.removed_steps.push(step.row.name.clone());
            }
        }
    }
}
