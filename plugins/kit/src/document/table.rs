//! Tables as data.

use super::text::Text;
use crate::report::Align;

/// A cell: its text, and how many columns it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub(super) text: Text,
    pub(super) span: usize,
}

impl Cell {
    /// A cell of one column.
    pub fn new(text: impl Into<Text>) -> Cell {
        Cell { text: text.into(), span: 1 }
    }

    /// A cell over several columns; 0 is taken as 1.
    #[must_use]
    pub fn across(mut self, columns: usize) -> Cell {
        self.span = columns.max(1);
        self
    }
}

impl<T: Into<Text>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::new(text)
    }
}

/// A column: its heading and how it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub(super) heading: Text,
    pub(super) align: Align,
}

impl Column {
    /// A column of words.
    pub fn left(heading: impl Into<Text>) -> Column {
        Column { heading: heading.into(), align: Align::Left }
    }

    /// A column of numbers.
    pub fn right(heading: impl Into<Text>) -> Column {
        Column { heading: heading.into(), align: Align::Right }
    }

    /// A column of marks, or of numbers with their intervals.
    pub fn centre(heading: impl Into<Text>) -> Column {
        Column { heading: heading.into(), align: Align::Centre }
    }
}

/// A row of a table's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Cells from left to right; short rows are filled up, what is too long is cut off at the last column.
    Cells {
        /// The cells.
        cells: Vec<Cell>,
        /// How far the first cell is indented: 0, or more below a heading.
        indent: u8,
    },
    /// A heading over the rows that follow, across all columns.
    Heading(Text),
}

/// A table with a caption above and footnotes below.
///
/// ```
/// use heddle_kit::document::{Column, Table};
/// let table = Table::new("Baseline characteristics")
///     .columns([Column::left("Characteristic"), Column::right("Drug (N = 120)")])
///     .heading("Age, years")
///     .indented(["Mean (SD)", "61.2 (9.8)"])
///     .footnote("SD: standard deviation.");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub(super) caption: Text,
    pub(super) columns: Vec<Column>,
    pub(super) groups: Vec<Cell>,
    pub(super) rows: Vec<Row>,
    pub(super) footnotes: Vec<Text>,
}

impl Table {
    /// A table without columns; the number before the caption is set by the document.
    pub fn new(caption: impl Into<Text>) -> Table {
        Table { caption: caption.into(), ..Table::default() }
    }

    /// The columns from left to right.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Table {
        self.columns = columns.into_iter().collect();
        self
    }

    /// A row above the columns' headings, whose cells cover groups of columns.
    #[must_use]
    pub fn groups(mut self, groups: impl IntoIterator<Item = Cell>) -> Table {
        self.groups = groups.into_iter().collect();
        self
    }

    /// Adds a row below the others.
    #[must_use]
    pub fn row<C: Into<Cell>>(mut self, cells: impl IntoIterator<Item = C>) -> Table {
        self.rows.push(Row::Cells { cells: cells.into_iter().map(Into::into).collect(), indent: 0 });
        self
    }

    /// Adds a row whose first cell is indented, below a heading.
    #[must_use]
    pub fn indented<C: Into<Cell>>(mut self, cells: impl IntoIterator<Item = C>) -> Table {
        self.rows.push(Row::Cells { cells: cells.into_iter().map(Into::into).collect(), indent: 1 });
        self
    }

    /// Adds a heading over the rows that follow.
    #[must_use]
    pub fn heading(mut self, heading: impl Into<Text>) -> Table {
        self.rows.push(Row::Heading(heading.into()));
        self
    }

    /// Adds a footnote.
    #[must_use]
    pub fn footnote(mut self, note: impl Into<Text>) -> Table {
        self.footnotes.push(note.into());
        self
    }

    /// The rows of the body; a table without any says so in one.
    pub(super) fn body(&self) -> Vec<Row> {
        if self.rows.is_empty() {
            let cell = Cell::new(Text::new().italic("None.")).across(self.width());
            return vec![Row::Cells { cells: vec![cell], indent: 0 }];
        }
        self.rows.clone()
    }

    /// All that can be read in it, from the caption to the last footnote.
    pub(super) fn texts(&self) -> Vec<&Text> {
        let mut texts = vec![&self.caption];
        texts.extend(self.groups.iter().map(|c| &c.text));
        texts.extend(self.columns.iter().map(|c| &c.heading));
        for row in &self.rows {
            match row {
                Row::Cells { cells, .. } => texts.extend(cells.iter().map(|c| &c.text)),
                Row::Heading(text) => texts.push(text),
            }
        }
        texts.extend(&self.footnotes);
        texts
    }

    /// The number of columns, at least one.
    pub(super) fn width(&self) -> usize {
        self.columns.len().max(1)
    }

    /// Cells fitted to the table's columns: filled up, and cut off at the last.
    pub(super) fn fitted(&self, cells: &[Cell]) -> Vec<Cell> {
        let mut room = self.width();
        let mut fitted = Vec::with_capacity(room);
        for cell in cells {
            if room == 0 {
                break;
            }
            let span = cell.span.clamp(1, room);
            room -= span;
            fitted.push(Cell { text: cell.text.clone(), span });
        }
        fitted.extend((0..room).map(|_| Cell::new("")));
        fitted
    }

    /// How the column at `at` is set.
    pub(super) fn align(&self, at: usize) -> Align {
        self.columns.get(at).map_or(Align::Left, |c| c.align)
    }

    /// The header rows: the groups if there are any, then the columns' headings.
    pub(super) fn header(&self) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        if !self.groups.is_empty() {
            rows.push(self.fitted(&self.groups));
        }
        if !self.columns.is_empty() {
            rows.push(self.columns.iter().map(|c| Cell::new(c.heading.clone())).collect());
        }
        rows
    }
}

/// Widths of columns that would like `natural`, need `least` for their longest word, and have `room` together: what is
/// left over goes to all alike; what is missing is taken from the widest, whose words wrap; only then are words broken.
pub(super) fn shared_out(natural: &[f32], least: &[f32], room: f32) -> Vec<f32> {
    let (wide, narrow): (f32, f32) = (natural.iter().sum(), least.iter().sum());
    if wide <= room {
        let more = (room - wide) / natural.len().max(1) as f32;
        return natural.iter().map(|w| w + more).collect();
    }
    if narrow >= room {
        return least.iter().map(|w| w * room / narrow).collect();
    }
    // The greatest width under which all columns fit; the sum grows with it, so that halving finds it.
    let capped =
        |cap: f32| -> Vec<f32> { natural.iter().zip(least).map(|(n, l)| n.min(cap).max(*l)).collect() };
    let (mut low, mut high) = (0.0, room);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if capped(middle).iter().sum::<f32>() <= room { low = middle } else { high = middle }
    }
    capped(low)
}
