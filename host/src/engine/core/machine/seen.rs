//! What a step sees of the results that it comes after: their files, and the shared state that they set.
//!
//! What is before a step is made of what is before those that it comes after directly, and of what they made themselves; so
//! each of them is looked at once, not each of all that is before it. It is made when it is asked for and kept, and let go of
//! when something changes before it. Of a step of which it is kept, it is kept of all that it comes after: what is not kept
//! need not be looked behind.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::Machine;
use crate::{
    engine::work,
    model::{StepState, Value},
    store::ArtifactRow,
};

/// Things by name, each with the place of the step that it is of: of two of the same name, that of the later place counts.
pub(crate) type Layer<T> = BTreeMap<Arc<str>, (usize, Arc<T>)>;

/// What a step sees of its own scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    files: Arc<Layer<ArtifactRow>>,
    shared: Arc<Layer<Value>>,
}

/// What is kept with a step.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// What is before it, of its own scope.
    before: OnceLock<Seen>,
    /// The same with what it made itself.
    after: OnceLock<Seen>,
}

/// Add what another layer has.
fn merge<T>(into: &mut Arc<Layer<T>>, other: &Arc<Layer<T>>) {
    if Arc::ptr_eq(into, other) || other.is_empty() {
        return;
    }
    if into.is_empty() {
        return into.clone_from(other);
    }
    work::count(other.len() + if Arc::strong_count(into) > 1 { into.len() } else { 0 });
    let into = Arc::make_mut(into);
    for (name, (place, thing)) in other.iter() {
        set(into, name, *place, thing);
    }
}

fn set<T>(layer: &mut Layer<T>, name: &Arc<str>, place: usize, thing: &Arc<T>) {
    match layer.get_mut(name) {
        Some(known) if known.0 > place => {}
        Some(known) => *known = (place, Arc::clone(thing)),
        None => drop(layer.insert(Arc::clone(name), (place, Arc::clone(thing)))),
    }
}

impl Machine {
    /// The files that a step may see: those of its own scope, then those of what is around it.
    pub(super) fn seen_files(&self, i: usize) -> Vec<Arc<Layer<ArtifactRow>>> {
        let mut found = Vec::new();
        if self.versions.is_empty() {
            return found;
        }
        let mut at = Some(i);
        while let Some(i) = at {
            found.push(Arc::clone(&self.before(i).files));
            at = self.scopes[self.steps[i].scope].parent;
        }
        found.retain(|files| !files.is_empty());
        found
    }

    /// The shared state as a step may see it, what counts more first: what was set by the results that it comes after, in
    /// its own scope and in the rounds before, and so on around it. What later steps have set, before somebody had this one
    /// done again, is none of it.
    pub(super) fn seen_shared(&self, i: usize) -> Vec<Arc<Layer<Value>>> {
        let mut found = Vec::new();
        if self.shared.is_empty() {
            return found;
        }
        let mut at = Some(i);
        while let Some(i) = at {
            let scope = self.steps[i].scope;
            found.push(Arc::clone(&self.before(i).shared));
            found.push(Arc::clone(self.rounds_before(scope)));
            at = self.scopes[scope].parent;
        }
        found.retain(|shared| !shared.is_empty());
        found
    }

    /// What is before a step.
    fn before(&self, i: usize) -> &Seen {
        // A long chain would take recursion too deep.
        let mut open = vec![i];
        while let Some(&j) = open.last() {
            let missing = |from: &usize| self.steps[*from].kept.before.get().is_none();
            let known = open.len();
            if self.steps[j].kept.before.get().is_none() {
                open.extend(self.directly_before(j).filter(missing));
            }
            if open.len() == known {
                self.steps[j].kept.before.get_or_init(|| self.put_together(j));
                open.pop();
            }
        }
        self.steps[i].kept.before.get_or_init(Seen::default)
    }

    fn directly_before(&self, i: usize) -> impl Iterator<Item = usize> {
        let step = &self.steps[i];
        let first = self.scopes[step.scope].first;
        self.layout(step.scope).graph.predecessors[step.local].iter().map(move |edge| first + edge.from)
    }

    /// What is before a step, when what is before all that it comes after is known.
    fn put_together(&self, i: usize) -> Seen {
        let mut all = self.directly_before(i);
        let (Some(one), more) = (all.next(), all.next()) else { return Seen::default() };
        let Some(more) = more else { return self.after(one).clone() };
        let mut seen = Seen::default();
        let mut last: Option<&Seen> = None;
        for j in [one, more].into_iter().chain(all) {
            let step = &self.steps[j];
            // What many made beside each other is not put together with what is before them for each of them.
            let simple = step.children.is_empty() && step.kept.after.get().is_none();
            let Some(behind) = (if simple { step.kept.before.get() } else { Some(self.after(j)) }) else {
                continue;
            };
            if !last.is_some_and(|last| Arc::ptr_eq(&last.files, &behind.files)) {
                merge(&mut seen.files, &behind.files);
            }
            if !last.is_some_and(|last| Arc::ptr_eq(&last.shared, &behind.shared)) {
                merge(&mut seen.shared, &behind.shared);
            }
            if simple {
                self.add_own(j, &mut seen);
            }
            last = Some(behind);
        }
        seen
    }

    /// What is before a step, which is known, with what it made.
    fn after(&self, i: usize) -> &Seen {
        let kept = &self.steps[i].kept;
        kept.after.get_or_init(|| {
            let mut seen = kept.before.get().cloned().unwrap_or_default();
            self.add_own(i, &mut seen);
            seen
        })
    }

    /// Add what a step made, and what was made inside it.
    fn add_own(&self, i: usize, seen: &mut Seen) {
        let (scope, local) = (self.steps[i].scope, self.steps[i].local);
        let mut files = Layer::new();
        self.files_of(i, &mut |file| {
            // What points to people is for people: no other step is given it.
            if !file.restricted {
                files.insert(Arc::from(file.name.as_str()), (local, Arc::clone(file)));
            }
        });
        merge(&mut seen.files, &Arc::new(files));
        let turn = self.layout(scope).turns[local];
        let mut shared = Layer::new();
        self.set_by(i, &mut |key, value| {
            shared.insert(Arc::from(key), (turn, Arc::new(value.clone())));
        });
        merge(&mut seen.shared, &Arc::new(shared));
    }

    /// What the rounds before a scope have set: those of a loop, and the items of a map that takes one at a time, come after
    /// each other.
    fn rounds_before(&self, scope: usize) -> &Arc<Layer<Value>> {
        let at = &self.scopes[scope];
        let rounds = at.parent.map_or(&[][..], |parent| &self.steps[parent].children);
        let kept = |k: usize| &self.scopes[rounds[k]].rounds_before;
        let known = (0..at.index.min(rounds.len())).rev().find(|&k| kept(k).get().is_some());
        for k in known.map_or(0, |known| known + 1)..at.index.min(rounds.len()) {
            kept(k).get_or_init(|| self.rounds_until(rounds, k));
        }
        at.rounds_before.get_or_init(|| self.rounds_until(rounds, at.index))
    }

    /// What the rounds before that one have set, if that is known of the round before.
    fn rounds_until(&self, rounds: &[usize], round: usize) -> Arc<Layer<Value>> {
        let Some(&last) = round.checked_sub(1).and_then(|last| rounds.get(last)) else {
            return Arc::default();
        };
        let mut before = self.scopes[last].rounds_before.get().cloned().unwrap_or_default();
        let mut own = Layer::new();
        self.set_in(last, &mut |key, value| {
            own.insert(Arc::from(key), (round, Arc::new(value.clone())));
        });
        merge(&mut before, &Arc::new(own));
        before
    }

    pub(super) fn set_in(&self, scope: usize, set: &mut impl FnMut(&str, &Value)) {
        for &local in &self.layout(scope).graph.order {
            self.set_by(self.scopes[scope].first + local, set);
        }
    }

    /// What a step's result set, and before it what is inside it.
    pub(super) fn set_by(&self, i: usize, set: &mut impl FnMut(&str, &Value)) {
        let step = &self.steps[i];
        for &scope in self.counted(i) {
            self.set_in(scope, set);
        }
        if step.row.state == StepState::Completed {
            step.shared.iter().for_each(|(key, value)| set(key, value));
        }
    }

    /// The files of a step's result, and of the results inside it.
    pub(super) fn files_of(&self, i: usize, found: &mut impl FnMut(&Arc<ArtifactRow>)) {
        let step = &self.steps[i];
        if step.row.state == StepState::Completed {
            step.files.iter().for_each(&mut *found);
        }
        for &scope in self.counted(i) {
            let first = self.scopes[scope].first;
            (first..first + self.layout(scope).steps.len()).for_each(|j| self.files_of(j, found));
        }
    }

    /// The scopes inside a step whose results count: none if it did not come to going through them. They are then of an
    /// earlier course, and stay for a later one that may find nothing new.
    fn counted(&self, i: usize) -> &[usize] {
        let step = &self.steps[i];
        if step.row.expansion.is_some() { &step.children } else { &[] }
    }

    /// What a step made, or whether it counts, has changed: let go of what was put together with it. `sets` says whether it
    /// may be about shared state.
    pub(super) fn made_otherwise(&mut self, i: usize, sets: bool) {
        let sets = sets && !self.shared.is_empty();
        let mut at = Some(i);
        while let Some(i) = at {
            self.forget_after(i);
            let scope = self.steps[i].scope;
            at = self.scopes[scope].parent;
            if let Some(parent) = at.filter(|_| sets) {
                for k in self.scopes[scope].index + 1..self.steps[parent].children.len() {
                    let later = self.steps[parent].children[k];
                    if self.scopes[later].rounds_before.take().is_none() {
                        break;
                    }
                }
            }
        }
    }

    fn forget_after(&mut self, i: usize) {
        self.steps[i].kept.after.take();
        if self.steps[i].kept.before.get().is_none() {
            return;
        }
        let first = self.scopes[self.steps[i].scope].first;
        let mut open = vec![i];
        while let Some(j) = open.pop() {
            let (scope, local) = (self.steps[j].scope, self.steps[j].local);
            let layout = self.scopes[scope].layout;
            for k in 0..self.plan.layouts[layout].graph.successors[local].len() {
                let later = first + self.plan.layouts[layout].graph.successors[local][k];
                let kept = &mut self.steps[later].kept;
                if kept.before.take().is_some() {
                    kept.after.take();
                    open.push(later);
                }
            }
        }
    }
}
