//! A sheet as data.

use super::{MOST_COLUMNS, MOST_ROWS};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, shown as it is. Excel holds 32,767 characters; what is longer ends in "…".
    Text(String),
    /// A number; one that is not finite is written as the text "n/a".
    Number(f64),
    /// A number with a format of its own instead of the column's ("0.000").
    Formatted(f64, String),
    /// Text in bold: a heading over rows.
    Heading(String),
    /// Nothing.
    Empty,
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Value {
        // Beyond 2^53 a cell's number would lose digits.
        if count <= 1 << 53 { Value::Number(count as f64) } else { Value::Text(count.to_string()) }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Empty, Into::into)
    }
}

/// A column of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetColumn {
    pub(super) heading: String,
    pub(super) format: String,
    pub(super) width: Option<f64>,
}

impl SheetColumn {
    /// A column whose numbers are shown with as many digits as they need, as wide as its text.
    pub fn new(heading: impl Into<String>) -> SheetColumn {
        SheetColumn { heading: heading.into(), format: String::new(), width: None }
    }

    /// How the column's numbers are shown, in Excel's notation ("0.00", "0.0%", "#,##0").
    #[must_use]
    pub fn format(mut self, format: impl Into<String>) -> SheetColumn {
        self.format = format.into();
        self
    }

    /// A fixed width in characters, 1 to 255.
    #[must_use]
    pub fn width(mut self, characters: f64) -> SheetColumn {
        self.width = Some(characters);
        self
    }
}

/// A table on a sheet of its own: a header row that stays in sight, rows, and notes below them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    name: String,
    title: String,
    pub(super) columns: Vec<SheetColumn>,
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) notes: Vec<String>,
    pub(super) has_title_row: bool,
}

impl Sheet {
    /// An empty sheet: the name on its tab, and the title by which the contents call it.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Sheet {
        Sheet {
            name: name.into(),
            title: title.into(),
            columns: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
            has_title_row: false,
        }
    }

    /// Shows the title on the sheet too, above the header row; both stay in sight.
    #[must_use]
    pub fn title_row(mut self) -> Sheet {
        self.has_title_row = true;
        self
    }

    /// The columns from left to right.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = SheetColumn>) -> Sheet {
        self.columns = columns.into_iter().collect();
        self
    }

    /// Adds a row below the others.
    #[must_use]
    pub fn row<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Sheet {
        self.push(values);
        self
    }

    /// Adds a row below the others, in a loop.
    pub fn push<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) {
        self.rows.push(values.into_iter().map(Into::into).collect());
    }

    /// Adds a note below the rows.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Sheet {
        self.notes.push(note.into());
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn is_too_large(&self) -> bool {
        let widest = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(self.columns.len());
        // The title, the header, and the empty row before the notes.
        self.rows.len() + self.notes.len() + 3 > MOST_ROWS || widest > MOST_COLUMNS
    }
}
