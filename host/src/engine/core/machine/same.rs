//! What a machine is, in a form that two can be compared by: the owner's memory must be what the rows say.

use super::{Machine, Rounds};
use crate::model::StepState;

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
        lines.push(format!("scope {} of {}: {} open, failed {}", at.index, at.layout, at.open, at.failed));
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
            let rounds = if row.state == StepState::Running { step.rounds } else { Rounds::default() };
            lines.push(format!("{}: {} scopes, {rounds:?}", row.name, step.children.len()));
            step.children.iter().for_each(|&inner| self.lines_of(inner, lines));
        }
    }
}
