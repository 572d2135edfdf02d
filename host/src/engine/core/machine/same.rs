//! What a machine is, in a form that two can be compared by: the owner's memory must be what the rows say.

use std::collections::BTreeMap;

use super::{Machine, Rounds};
use crate::{
    model::{StepState, Value},
    store::ArtifactRow,
};

impl Machine {
    /// All that it is, line by line. What matters only while a step is under way is left out of those that are not, and so
    /// is what every owner finds out anew.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{:?}", self.run)];
        self.lines_of(0, &mut lines);
        let mut versions: Vec<_> = self.versions.iter().map(|of| format!("{of:?}")).collect();
        versions.sort();
        lines.extend(versions);
        lines.push(format!("{:?} {:?}", self.shared, self.approvals));
        lines.push(format!("{} active, {} deciding", self.active, self.deciding));
        lines
    }

    fn lines_of(&self, scope: usize, lines: &mut Vec<String>) {
        let (at, layout) = (&self.scopes[scope], self.layout(scope));
        let failed = at.failed.map(|i| &self.steps[i].row.name);
        lines.push(format!("scope {} of {}: {} open, failed {:?}", at.index, at.layout, at.open, failed));
        for step in &self.steps[at.first..at.first + layout.steps.len()] {
            assert!(!step.gone, "a step that is gone is in its scope");
            let (row, ended) = (&step.row, step.row.state.is_terminal());
            let open = if row.state == StepState::Pending { step.open } else { 0 };
            lines.push(format!("{row:?}: {open} open"));
            lines.push(format!("{}: made {:?} {:?}", row.name, step.files, step.shared));
            if !ended && row.state != StepState::Pending {
                let attempt = step.attempt.as_ref().map(|attempt| (attempt.id, attempt.state));
                lines.push(format!("{}: {attempt:?}, expanded {}", row.name, step.expanded));
            }
            // Before it has said what it goes through, they are those of an earlier course.
            let rounds = if step.expanded { step.rounds } else { Rounds::default() };
            lines.push(format!("{}: {} scopes, {rounds:?}", row.name, step.children.len()));
            step.children.iter().for_each(|&inner| self.lines_of(inner, lines));
        }
    }

    /// What is kept so that it need not be found out again is what is found out by looking at everything.
    pub(crate) fn check(&self) {
        for scope in 0..self.scopes.len() {
            if self.steps_of(scope).any(|i| self.steps[i].gone) {
                continue;
            }
            let at = &self.scopes[scope];
            assert_eq!(at.failed, self.fatal(scope), "scope {scope} of {}", self.run.id);
            let skipped = self.steps_of(scope).filter(|&i| self.steps[i].row.for_failure).count();
            assert_eq!(at.for_failure, skipped, "scope {scope} of {}", self.run.id);
        }
        for i in (0..self.steps.len()).filter(|&i| !self.steps[i].gone) {
            let name = &self.steps[i].row.name;
            assert_eq!(self.find(name), Some(i));
            let (mut files, mut shared) = (BTreeMap::new(), BTreeMap::new());
            for layer in self.seen_files(i) {
                files.extend(layer.values().map(|(_, file)| (file.name.clone(), (**file).clone())));
            }
            for layer in self.seen_shared(i).into_iter().rev() {
                shared.extend(layer.iter().map(|(key, (_, value))| (key.to_string(), (**value).clone())));
            }
            assert_eq!(files, self.all_files_before(i), "{name}");
            assert_eq!(shared, self.all_shared_before(i), "{name}");
        }
    }

    fn all_files_before(&self, i: usize) -> BTreeMap<String, ArtifactRow> {
        let (mut found, mut at) = (BTreeMap::new(), Some(i));
        while let Some(i) = at {
            let step = &self.steps[i];
            for local in self.layout(step.scope).graph.ancestors(step.local) {
                self.files_of(self.scopes[step.scope].first + local, &mut |file| {
                    if !file.restricted {
                        found.insert(file.name.clone(), (**file).clone());
                    }
                });
            }
            at = self.scopes[step.scope].parent;
        }
        found
    }

    fn all_shared_before(&self, i: usize) -> BTreeMap<String, Value> {
        let (mut shared, mut around) = (BTreeMap::new(), vec![i]);
        let mut set = |key: &str, value: &Value| drop(shared.insert(key.to_owned(), value.clone()));
        while let Some(parent) = around.last().and_then(|&i| self.scopes[self.steps[i].scope].parent) {
            around.push(parent);
        }
        for i in around.into_iter().rev() {
            let (step, scope) = (&self.steps[i], &self.scopes[self.steps[i].scope]);
            if let Some(parent) = scope.parent {
                for &earlier in self.steps[parent].children.iter().take(scope.index) {
                    self.set_in(earlier, &mut set);
                }
            }
            let graph = &self.layout(step.scope).graph;
            let before = graph.ancestors(step.local);
            for local in graph.order.iter().filter(|local| before.contains(local)) {
                self.set_by(scope.first + local, &mut set);
            }
        }
        shared
    }
}
