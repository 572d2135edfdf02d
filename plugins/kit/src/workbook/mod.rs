//! Workbooks (XLSX, SpreadsheetML of ECMA-376 part 1) of typed tables: numbers are numbers, text is text.
//!
//! Text never becomes a formula: this writer has no formulas, so that a cell that begins with `=`, `+`, `-` or `@` is
//! shown as it is. The same workbook gives the same bytes; why no crate is used is said in [`crate::document`].

mod names;
mod sheet;
mod styles;
mod write;

use std::fmt;

use crate::archive::ArchiveError;
use crate::document::Meta;

pub use sheet::{Sheet, SheetColumn, Value};

/// Most rows of a sheet, the header among them, as Excel has it.
pub const MOST_ROWS: usize = 1_048_576;
/// Most columns of a sheet.
pub const MOST_COLUMNS: usize = 16_384;

/// Why a workbook cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkbookError {
    /// More rows or columns than a sheet can have; the sheet's title.
    TooLarge(String),
    /// The package around the parts.
    Archive(ArchiveError),
}

impl fmt::Display for WorkbookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkbookError::TooLarge(title) => write!(
                f,
                "the sheet \"{title}\" has more than {MOST_ROWS} rows or {MOST_COLUMNS} columns: divide it"
            ),
            WorkbookError::Archive(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for WorkbookError {}

/// A workbook: a sheet of contents, and a sheet for each table.
///
/// ```
/// use heddle_kit::document::Meta;
/// use heddle_kit::workbook::{Sheet, SheetColumn, Value, Workbook};
/// let sheet = Sheet::new("Table 1", "Baseline characteristics")
///     .columns([SheetColumn::new("Characteristic"), SheetColumn::new("Drug").format("0.0")])
///     .row([Value::from("=not a formula"), Value::from(61.2)]);
/// let bytes = Workbook::new(Meta::new("Tables", jiff::Timestamp::UNIX_EPOCH)).sheet(sheet).finish()?;
/// assert!(bytes.starts_with(b"PK"));
/// # Ok::<(), heddle_kit::workbook::WorkbookError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Workbook {
    meta: Meta,
    sheets: Vec<Sheet>,
}

impl Workbook {
    /// A workbook without tables.
    pub fn new(meta: Meta) -> Workbook {
        Workbook { meta, sheets: Vec::new() }
    }

    /// Adds a sheet after the others.
    #[must_use]
    pub fn sheet(mut self, sheet: Sheet) -> Workbook {
        self.sheets.push(sheet);
        self
    }

    /// The names under which the sheets are found, in order: those asked for, with what Excel forbids replaced, cut to
    /// its 31 characters, and numbered where two would be alike.
    pub fn sheet_names(&self) -> Vec<String> {
        let mut names = names::unique(std::iter::once(CONTENTS).chain(self.sheets.iter().map(Sheet::name)));
        names.remove(0);
        names
    }

    /// The workbook's bytes.
    ///
    /// # Errors
    /// A sheet larger than Excel's largest.
    pub fn finish(&self) -> Result<Vec<u8>, WorkbookError> {
        if let Some(sheet) = self.sheets.iter().find(|s| s.is_too_large()) {
            return Err(WorkbookError::TooLarge(sheet.title().to_owned()));
        }
        write::workbook(&self.meta, &self.sheets, &self.sheet_names()).map_err(WorkbookError::Archive)
    }
}

/// The name of the first sheet.
const CONTENTS: &str = "Contents";
