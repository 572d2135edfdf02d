//! What a run that is over looks like from outside.

use super::Machine;
use crate::store::{AttemptRow, StepRow};

impl Machine {
    /// Its steps, in the definition's order, and all attempts at them, by step and number. `None` if there are more than
    /// `most` steps, or attempts that are not in memory any more.
    pub(crate) fn whole(&self, most: usize) -> Option<(Vec<StepRow>, Vec<AttemptRow>)> {
        let is_whole = self.steps.len() <= most
            && self.numbers.is_empty()
            && self.steps.iter().all(|step| step.row.attempt <= 1 && !step.gone);
        if !is_whole {
            return None;
        }
        let mut steps: Vec<StepRow> = self.steps.iter().map(|step| step.row.clone()).collect();
        steps.sort_by(|a, b| (a.ord, &a.name).cmp(&(b.ord, &b.name)));
        let mut attempts: Vec<AttemptRow> =
            self.steps.iter().filter_map(|step| step.attempt.clone()).collect();
        attempts.sort_by(|a, b| a.step.cmp(&b.step));
        // An attempt of a step that was taken from another run, or begun anew, may be known by its number alone.
        let known = steps.iter().filter(|step| step.attempt == 1).count();
        (known == attempts.len()).then_some((steps, attempts))
    }
}
