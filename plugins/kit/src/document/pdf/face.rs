//! The embedded fonts: their measures and their glyphs.

use krilla::Data;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _};

use crate::document::{DocumentError, SpanStyle};

/// Which of the fonts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
    Italic,
}

impl Weight {
    pub(super) fn of(style: SpanStyle) -> Weight {
        match style {
            SpanStyle::Bold | SpanStyle::Placeholder => Weight::Bold,
            SpanStyle::Italic => Weight::Italic,
            SpanStyle::Plain | SpanStyle::Superscript | SpanStyle::Subscript => Weight::Regular,
        }
    }
}

/// One font.
pub(super) struct Face {
    pub(super) font: Font,
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units: f32,
}

impl Face {
    fn load(bytes: &'static [u8]) -> Result<Face, DocumentError> {
        let broken = || DocumentError::Pdf("the embedded font cannot be read".to_owned());
        let font = Font::new(Data::from(bytes), 0).ok_or_else(broken)?;
        let read = FontRef::new(bytes).map_err(|_| broken())?;
        let units = font.units_per_em();
        let metrics = read.glyph_metrics(Size::unscaled(), LocationRef::default());
        Ok(Face { font, charmap: read.charmap(), metrics, units })
    }

    /// The advance of a character, in ems.
    fn advance(&self, c: char) -> f32 {
        let glyph = self.charmap.map(c).unwrap_or_default();
        self.metrics.advance_width(glyph).unwrap_or(self.units * 0.6) / self.units
    }

    /// The width of text at a size, in points.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c)).sum::<f32>() * size
    }

    /// The glyphs of text, one for each character.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, c)| {
                let glyph = self.charmap.map(c).unwrap_or_default();
                let range = at..at + c.len_utf8();
                KrillaGlyph::new(GlyphId::new(glyph.to_u32()), self.advance(c), 0.0, 0.0, 0.0, range, None)
            })
            .collect()
    }
}

/// The fonts of a document.
pub(super) struct Faces {
    regular: Face,
    bold: Face,
    italic: Face,
}

impl Faces {
    pub(super) fn load() -> Result<Faces, DocumentError> {
        Ok(Faces {
            regular: Face::load(notosans::REGULAR_TTF)?,
            bold: Face::load(notosans::BOLD_TTF)?,
            italic: Face::load(notosans::ITALIC_TTF)?,
        })
    }

    pub(super) fn get(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
            Weight::Italic => &self.italic,
        }
    }
}
