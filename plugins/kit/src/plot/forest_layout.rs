//! Where the columns of a forest plot stand.

use super::canvas::Theme;
use super::forest::ForestPlot;
use super::forest_row::{ForestRow, Kind};
use super::text;

/// Gap between columns.
const GAP: f64 = 18.0;
/// The least and the widest room for the intervals.
const PLOT: (f64, f64) = (300.0, 620.0);
/// The most that row labels may take.
const LABEL_MOST: f64 = 340.0;
/// The most that tests for interaction may take.
const INTERACTION_MOST: f64 = 360.0;

pub(super) const INTERACTION: &str = "p for\ninteraction";

/// Widths of the columns.
pub(super) struct Layout {
    pub(super) grouped: bool,
    pub(super) labels: f64,
    pub(super) columns: Vec<f64>,
    pub(super) plot: f64,
    pub(super) effect: f64,
    pub(super) interaction: f64,
    pub(super) least: f64,
    pub(super) used: f64,
}

impl Layout {
    /// The right edge and the width of each column between the labels and the plot.
    pub(super) fn column_ends(&self, left: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.columns.iter().scan(left + self.labels, |x, width| {
            *x += GAP + width;
            Some((*x, *width))
        })
    }

    /// How far right of the labels' left edge the plot begins.
    pub(super) fn plot_offset(&self) -> f64 {
        self.labels + self.columns.iter().sum::<f64>() + GAP * (self.columns.len() as f64 + 1.0)
    }

    pub(super) fn effect_at(&self, left: f64) -> f64 {
        left + self.plot_offset() + self.plot + GAP
    }

    pub(super) fn interaction_at(&self, left: f64) -> f64 {
        self.effect_at(left) + self.effect + GAP
    }
}

impl ForestPlot {
    pub(super) fn layout(&self, theme: Theme, width: f64) -> Layout {
        let size = theme.small;
        let grouped = self.rows.iter().any(|r| r.kind == Kind::Heading);
        let indent = |row: &ForestRow| if grouped && row.kind == Kind::Entry { size } else { 0.0 };
        let label =
            |r: &ForestRow| text::width(&text::clean(&r.label), size, r.kind != Kind::Entry) + indent(r);
        let heading = text::width(&text::clean(&self.label_heading), size, true);
        let labels = self.rows.iter().map(label).fold(heading, f64::max).min(LABEL_MOST);
        let widest = |at: usize, heading: &str| {
            let cells = self.rows.iter().filter_map(|r| r.cells.get(at));
            let cell = cells.map(|c| text::width(&text::clean(c), size, true)).fold(0.0, f64::max);
            heading_width(heading, size).max(cell)
        };
        let columns: Vec<f64> = self.columns.iter().enumerate().map(|(at, c)| widest(at, c)).collect();
        let written = |r: &ForestRow| {
            r.effect
                .as_ref()
                .map_or(0.0, |e| text::width(&self.measure.written(e), size, r.kind == Kind::Summary))
        };
        let effect = self.rows.iter().map(written).fold(heading_width(&self.measure.name, size), f64::max);
        let tests = self.rows.iter().any(|r| !r.interaction.is_empty());
        let test = |r: &ForestRow| text::width(&text::clean(&r.interaction), size, false);
        let interaction = if tests {
            self.rows.iter().map(test).fold(heading_width(INTERACTION, size), f64::max).min(INTERACTION_MOST)
        } else {
            0.0
        };
        let gaps = columns.len() as f64 + 2.0 + if tests { 1.0 } else { 0.0 };
        let fixed = labels + columns.iter().sum::<f64>() + effect + interaction + gaps * GAP;
        let plot = (width - fixed).clamp(PLOT.0, PLOT.1);
        Layout {
            grouped,
            labels,
            columns,
            plot,
            effect,
            interaction,
            least: fixed + PLOT.0,
            used: fixed + plot,
        }
    }
}

/// A heading in one line, or in two where it holds a line break or brackets with the rest.
pub(super) fn heading_lines(heading: &str) -> Vec<String> {
    let parts: Vec<String> = heading.split('\n').map(text::clean).filter(|l| !l.is_empty()).take(2).collect();
    if let [only] = parts.as_slice()
        && let Some(at) = only.find(" (")
        && only.len() > 12
    {
        let (head, tail) = only.split_at(at);
        return vec![head.to_owned(), tail.trim_start().to_owned()];
    }
    parts
}

fn heading_width(heading: &str, size: f64) -> f64 {
    heading_lines(heading).iter().map(|l| text::width(l, size, true)).fold(0.0, f64::max)
}
