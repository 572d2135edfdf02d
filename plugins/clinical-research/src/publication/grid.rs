//! Tables as typed data, from which the documents' tables and the workbook's sheets are both made.

use heddle_kit::{
    document::{Cell as DocumentCell, Column as DocumentColumn, Table},
    workbook::{Sheet, SheetColumn, Value},
};

use super::say::{count, decimal, figure, p_text, shortened};

/// The most rows of a table on a sheet.
pub(super) const MOST_IN_SHEET: usize = 20_000;
/// How much the columns of a table in a document may weigh together: what A4 holds legibly.
const MOST_WEIGHT: usize = 126;
/// The most characters of a cell in a document.
const LONGEST: usize = 400;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Count(u64),
    /// With so many decimals.
    Number(f64, usize),
    /// A figure with the digits that a reader can use.
    Figure(f64),
    /// A number of the source (a time): with as many digits as it has, at most two decimals.
    Plain(f64),
    P(f64),
    /// A count and its per cent.
    Share(u64, Option<f64>),
    /// An estimate and its interval.
    Estimate(f64, Option<(f64, f64)>),
    /// An estimate between -1 and 1 and its interval, with three decimals.
    Fraction(f64, Option<(f64, f64)>),
    Empty,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A p-value, or what stands for it.
    pub(super) fn p(p: Option<f64>) -> Self {
        p.map_or_else(Self::missing, Self::P)
    }

    /// A number, or what stands for it.
    pub(super) fn number(value: Option<f64>, decimals: usize) -> Self {
        value.map_or_else(Self::missing, |value| Self::Number(value, decimals))
    }

    pub(super) fn figure(value: Option<f64>) -> Self {
        value.map_or_else(Self::missing, Self::Figure)
    }

    pub(super) fn estimate(value: Option<f64>, ci: Option<(f64, f64)>) -> Self {
        value.map_or_else(Self::missing, |value| Self::Estimate(value, ci))
    }

    pub(super) fn fraction(value: Option<f64>, ci: Option<(f64, f64)>) -> Self {
        value.map_or_else(Self::missing, |value| Self::Fraction(value, ci))
    }

    pub(super) fn count(n: impl TryInto<u64>) -> Self {
        n.try_into().map_or_else(|_| Self::missing(), Self::Count)
    }

    /// A figure that is not there, for a reason that a footnote tells.
    pub(super) fn missing() -> Self {
        Self::text("n/a")
    }

    /// As a document shows it.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => shortened(text, LONGEST),
            Self::Count(n) => count(*n),
            Self::Number(value, decimals) => decimal(*value, *decimals),
            Self::Figure(value) => figure(*value),
            Self::Plain(value) => decimal(*value, if value.fract() == 0.0 { 0 } else { 2 }),
            Self::P(p) => p_text(*p),
            Self::Share(n, Some(pct)) => format!("{}\u{a0}({})", count(*n), decimal(*pct, 1)),
            Self::Share(n, None) => count(*n),
            Self::Estimate(value, Some((low, high))) => {
                format!("{} ({}\u{a0}to\u{a0}{})", figure(*value), figure(*low), figure(*high))
            }
            Self::Estimate(value, None) => figure(*value),
            Self::Fraction(value, Some((low, high))) => {
                let three = |v: f64| decimal(v, 3);
                format!("{} ({}\u{a0}to\u{a0}{})", three(*value), three(*low), three(*high))
            }
            Self::Fraction(value, None) => decimal(*value, 3),
            Self::Empty => String::new(),
        }
    }

    /// As cells of a sheet, so many as the column has there.
    fn values(&self, kind: Kind) -> Vec<Value> {
        let as_read = |value: f64| {
            let size = value.abs();
            let code = if value.fract() == 0.0 && size < 1e9 {
                "0"
            } else if (0.1..1e9).contains(&size) {
                "0.00"
            } else if (1e-3..0.1).contains(&size) {
                "0.0000"
            } else {
                "0.00E+00"
            };
            Value::Formatted(value, code.to_owned())
        };
        let formatted = |value: f64, decimals: usize| match decimals {
            0 => Value::Formatted(value, "0".to_owned()),
            n => Value::Formatted(value, format!("0.{}", "0".repeat(n))),
        };
        let mut values = match self {
            Self::Text(text) => vec![Value::Text(text.clone())],
            Self::Count(n) => vec![Value::from(*n)],
            Self::Number(value, decimals) => vec![formatted(*value, *decimals)],
            Self::Figure(value) | Self::Plain(value) => vec![as_read(*value)],
            Self::P(p) => vec![Value::Number(*p)],
            Self::Share(n, pct) => vec![Value::from(*n), pct.map_or(Value::Empty, |p| formatted(p, 1))],
            Self::Estimate(value, ci) | Self::Fraction(value, ci) => {
                let bound = |b: Option<f64>| b.map_or(Value::Empty, as_read);
                vec![as_read(*value), bound(ci.map(|c| c.0)), bound(ci.map(|c| c.1))]
            }
            Self::Empty => Vec::new(),
        };
        values.resize(kind.width(), Value::Empty);
        values
    }
}

/// What a column holds, which says how it is set and over how many columns of a sheet it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Words,
    /// A word or two.
    Label,
    Number,
    P,
    Share,
    Estimate,
}

impl Kind {
    /// How much of a page's width a column takes, in tenths of a column of counts.
    fn weight(self) -> usize {
        match self {
            Self::Words => 25,
            Self::Label => 13,
            Self::Number => 10,
            Self::P => 9,
            Self::Share => 14,
            Self::Estimate => 20,
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Words | Self::Label | Self::Number | Self::P => 1,
            Self::Share => 2,
            Self::Estimate => 3,
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Col {
    heading: String,
    kind: Kind,
}

/// A column of words.
pub(super) fn words(heading: impl Into<String>) -> Col {
    Col { heading: heading.into(), kind: Kind::Words }
}

/// A column of some kind.
pub(super) fn column(heading: impl Into<String>, kind: Kind) -> Col {
    Col { heading: heading.into(), kind }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
enum Line {
    Cells(Vec<Cell>, bool),
    Heading(String),
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) title: String,
    columns: Vec<Col>,
    lines: Vec<Line>,
    pub(super) notes: Vec<String>,
    /// Rows that were left out when it was made, and where they are.
    left_out: Option<String>,
}

impl Grid {
    pub(super) fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Col>) -> Self {
        Self {
            title: title.into(),
            columns: columns.into_iter().collect(),
            lines: Vec::new(),
            notes: Vec::new(),
            left_out: None,
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.lines.push(Line::Cells(cells.into_iter().collect(), false));
    }

    /// A row below a heading.
    pub(super) fn under(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.lines.push(Line::Cells(cells.into_iter().collect(), true));
    }

    pub(super) fn heading(&mut self, heading: impl Into<String>) {
        self.lines.push(Line::Heading(heading.into()));
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !note.trim().is_empty() && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Says that rows were left out when it was made.
    pub(super) fn leave_out(&mut self, words: impl Into<String>) {
        self.left_out = Some(words.into());
    }

    /// Rows with figures; headings do not count.
    pub(super) fn rows(&self) -> usize {
        self.lines.iter().filter(|l| matches!(l, Line::Cells(..))).count()
    }

    /// For a document: the first so many rows, and a footnote that says where all are.
    pub(super) fn table(&self, most: usize, sheet: &str) -> Table {
        let mut room = MOST_WEIGHT;
        let fits = self.columns.iter().take_while(|col| {
            let weight = col.kind.weight();
            let is_room = weight <= room;
            room -= weight.min(room);
            is_room
        });
        let shown = fits.count();
        let column = |col: &Col| match col.kind {
            Kind::Words | Kind::Label => DocumentColumn::left(col.heading.as_str()),
            Kind::Number | Kind::P | Kind::Share | Kind::Estimate => {
                DocumentColumn::right(col.heading.as_str())
            }
        };
        let mut table = Table::new(self.title.as_str()).columns(self.columns.iter().take(shown).map(column));
        let mut rows = 0;
        let mut heading: Option<&str> = None;
        for line in &self.lines {
            match line {
                Line::Heading(words) => heading = Some(words),
                Line::Cells(cells, is_under) => {
                    if rows == most {
                        break;
                    }
                    rows += 1;
                    if let Some(words) = heading.take() {
                        table = table.heading(shortened(words, LONGEST));
                    }
                    let cells = cells.iter().take(shown).map(|c| DocumentCell::new(c.shown()));
                    table = if *is_under { table.indented(cells) } else { table.row(cells) };
                }
            }
        }
        for note in &self.notes {
            table = table.footnote(note.as_str());
        }
        if let Some(words) = &self.left_out {
            table = table.footnote(words.as_str());
        }
        if rows < self.rows() {
            table = table.footnote(format!(
                "The first {} of {} rows; all of them are on the sheet \"{sheet}\" of tables_package.xlsx.",
                count(rows),
                count(self.rows())
            ));
        }
        if shown < self.columns.len() {
            table = table.footnote(format!(
                "{} more columns are on the sheet \"{sheet}\" of tables_package.xlsx.",
                self.columns.len() - shown
            ));
        }
        table
    }

    /// For the workbook: numbers as numbers, estimates and their bounds in columns of their own.
    pub(super) fn sheet(&self, name: &str, number: &str) -> Sheet {
        let columns = self.columns.iter().flat_map(|col| {
            let heading = |what: &str| {
                let lead = if col.heading.is_empty() { String::new() } else { format!("{}: ", col.heading) };
                SheetColumn::new(format!("{lead}{what}"))
            };
            match col.kind {
                Kind::Words | Kind::Label | Kind::Number => vec![SheetColumn::new(col.heading.as_str())],
                // Shown as a paper has it; the cell holds the whole number.
                Kind::P => vec![SheetColumn::new(col.heading.as_str()).format("[<0.001]\"<0.001\";0.000")],
                Kind::Share => vec![heading("n"), heading("%")],
                Kind::Estimate => vec![heading("estimate"), heading("lower limit"), heading("upper limit")],
            }
        });
        let mut sheet = Sheet::new(name, format!("{number}. {}", self.title)).title_row().columns(columns);
        for line in self.lines.iter().take(MOST_IN_SHEET) {
            match line {
                Line::Heading(words) => sheet.push([Value::Heading(words.clone())]),
                Line::Cells(cells, _) => {
                    let filled = cells.iter().chain(std::iter::repeat(&Cell::Empty));
                    sheet.push(filled.zip(&self.columns).flat_map(|(cell, col)| cell.values(col.kind)));
                }
            }
        }
        for note in &self.notes {
            sheet = sheet.note(note.as_str());
        }
        if let Some(words) = &self.left_out {
            sheet = sheet.note(words.as_str());
        }
        if self.lines.len() > MOST_IN_SHEET {
            let n = self.lines.len();
            sheet = sheet.note(format!("The first {MOST_IN_SHEET} of {n} rows are here."));
        }
        sheet
    }
}
