//! Documents as data, and what they are written as: Markdown, DOCX and PDF.
//!
//! A [`Document`] is a title and blocks: headings, paragraphs, lists, tables, figures. Text is data throughout: nothing in
//! it becomes markup, in any of the formats. What a person must still write is a placeholder ([`Text::placeholder`]), which
//! every format shows marked. Tables and figures are numbered in their order.
//!
//! The same document gives the same bytes: the time of making is the caller's, and no identifier is random. `docx-rs` is
//! not used, because it can neither repeat a table's header rows nor describe a figure for those who cannot see it, nor
//! set the language; nor is `rust_xlsxwriter` (for [`crate::workbook`]), because it asks the clock as soon as a workbook is
//! made, which ends a plugin that has none.

mod docx;
mod docx_styles;
mod docx_table;
mod markdown;
mod model;
mod office;
mod pdf;
mod table;
mod text;

use std::fmt;

pub use model::{Block, Document, Meta, Picture};
pub(crate) use office::{Part, package};
pub use table::{Cell, Column, Row, Table};
pub use text::{Span, SpanStyle, Text};

use crate::archive::ArchiveError;

/// Why a document cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// The package around the parts.
    Archive(ArchiveError),
    /// A figure that is not a picture; its caption, and what is wrong.
    Picture(String, String),
    /// The PDF's writer refused; its own words.
    Pdf(String),
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentError::Archive(why) => why.fmt(f),
            DocumentError::Picture(caption, why) => {
                write!(f, "the figure \"{caption}\" cannot be used: {why}")
            }
            DocumentError::Pdf(why) => write!(f, "the PDF could not be written: {why}"),
        }
    }
}

impl std::error::Error for DocumentError {}

impl From<ArchiveError> for DocumentError {
    fn from(why: ArchiveError) -> DocumentError {
        DocumentError::Archive(why)
    }
}
