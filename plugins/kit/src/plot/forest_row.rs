//! The rows of a forest plot.

use super::interval::Effect;

/// One row of a forest plot.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestRow {
    pub(super) label: String,
    pub(super) cells: Vec<String>,
    pub(super) effect: Option<Effect>,
    pub(super) interaction: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Heading,
    Entry,
    Summary,
}

impl ForestRow {
    /// A heading over the rows that follow ("Age").
    pub fn heading(label: impl Into<String>) -> ForestRow {
        ForestRow {
            label: label.into(),
            cells: Vec::new(),
            effect: None,
            interaction: String::new(),
            kind: Kind::Heading,
        }
    }

    /// A row with its effect and the texts of the table's own columns.
    pub fn entry<C: Into<String>>(
        label: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
        effect: Effect,
    ) -> ForestRow {
        let cells = cells.into_iter().map(Into::into).collect();
        ForestRow { cells, effect: Some(effect), kind: Kind::Entry, ..ForestRow::heading(label) }
    }

    /// A row for all subjects or for a pooled estimate, drawn as a diamond from limit to limit.
    pub fn summary<C: Into<String>>(
        label: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
        effect: Effect,
    ) -> ForestRow {
        ForestRow { kind: Kind::Summary, ..ForestRow::entry(label, cells, effect) }
    }

    /// The test for interaction, written in the last column ("0.21", or why there is none).
    #[must_use]
    pub fn interaction(mut self, p: impl Into<String>) -> ForestRow {
        self.interaction = p.into();
        self
    }
}
