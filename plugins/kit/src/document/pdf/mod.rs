//! Documents as PDF: laid out here, written by `krilla`, with Noto Sans embedded.
//!
//! Every word is text that can be selected, in figures too, which are drawn as vectors. The file is tagged (headings,
//! paragraphs, lists, tables with their header cells, figures with their descriptions), has an outline of its headings,
//! and its title, author and language. Noto Sans has Latin, Greek and Cyrillic letters; others are drawn as empty boxes, and
//! are still what is copied out.

mod blocks;
mod draw;
mod face;
mod lines;
mod page;
mod svg;
mod table;

use super::{Document, DocumentError};

impl Document {
    /// The document as PDF: A4, headings kept with what follows, tables that go on over pages with their header rows
    /// repeated, figures as vectors.
    ///
    /// # Errors
    /// A figure whose SVG cannot be read, or what the writer refuses.
    pub fn pdf(&self) -> Result<Vec<u8>, DocumentError> {
        let faces = face::Faces::load()?;
        let layout = blocks::lay_out(self, &faces)?;
        draw::write(&self.meta, &layout, &faces)
    }
}
