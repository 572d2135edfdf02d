//! Cells of arm and level without subjects, where no interaction can be estimated.

use heddle_kit::stats::NotComputable;

use super::{
    frame::Frame,
    object::Object,
    words::{listed, reason},
};

/// The most cells that are named.
const MOST_NAMED: usize = 6;

/// The cells that nobody is in, as "arm/level".
#[derive(Debug, Clone)]
pub(super) struct EmptyCells(Vec<String>);

impl EmptyCells {
    /// Of subjects by their (arm, level).
    pub(super) fn of(
        frame: &Frame<'_>,
        levels: &[String],
        subjects: impl Iterator<Item = (usize, usize)>,
    ) -> Self {
        let width = levels.len();
        let mut counts = vec![0_usize; frame.n_arms() * width];
        for (arm, level) in subjects.filter(|(_, level)| *level < width) {
            if let Some(count) = counts.get_mut(arm * width + level) {
                *count += 1;
            }
        }
        let names = (0..frame.n_arms())
            .flat_map(|arm| levels.iter().map(move |level| format!("{}/{level}", frame.arm(arm))));
        Self(names.zip(counts).filter(|(_, n)| *n == 0).map(|(name, _)| name).collect())
    }

    fn named(&self) -> String {
        let mut names: Vec<String> = self.0.iter().take(MOST_NAMED).cloned().collect();
        if self.0.len() > MOST_NAMED {
            names.push(format!("{} more", self.0.len() - MOST_NAMED));
        }
        listed(&names)
    }

    /// Why an interaction is not computable: its terms follow from the others where cells are empty.
    pub(super) fn why(&self, why: NotComputable) -> String {
        match why {
            NotComputable::NotNested | NotComputable::Collinear { .. } if !self.0.is_empty() => {
                format!(
                    "no interaction can be estimated: {} {} empty",
                    self.named(),
                    if self.0.len() == 1 { "is" } else { "are" }
                )
            }
            other => reason(other, &[], &[]),
        }
    }

    /// Says beside a test that is computed which cells it says nothing of.
    pub(super) fn told(&self, made: &mut Object) {
        if !self.0.is_empty() {
            made.set("without_cells", self.named());
        }
    }
}
