//! Text broken into lines with the fonts' own measures.

use super::face::{Faces, Weight};
use crate::document::{SpanStyle, Text};
use crate::xml::printable;

/// Height of a line over the size of its type.
pub(super) const LEADING: f32 = 1.36;
/// Raised and lowered text: its size, and how far its baseline moves up, over the size of the rest.
const SCRIPT: f32 = 0.66;
const RAISED: f32 = 0.36;
const LOWERED: f32 = -0.14;

/// A stretch of a line of one style, at its place from the line's left end.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) style: SpanStyle,
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) size: f32,
    /// How far above the baseline.
    pub(super) rise: f32,
}

/// A line of text.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) pieces: Vec<Piece>,
    pub(super) width: f32,
}

/// What may not be broken: pieces without a blank between them.
#[derive(Clone, Debug, Default)]
struct Word {
    parts: Vec<(String, SpanStyle)>,
    /// The style of the blank before it.
    blank: SpanStyle,
    /// Whether a new line is asked for before it.
    breaks: bool,
}

fn scaled(style: SpanStyle, size: f32) -> (f32, f32) {
    match style {
        SpanStyle::Superscript => (size * SCRIPT, size * RAISED),
        SpanStyle::Subscript => (size * SCRIPT, size * LOWERED),
        _ => (size, 0.0),
    }
}

fn width(faces: &Faces, text: &str, style: SpanStyle, size: f32) -> f32 {
    faces.get(Weight::of(style)).width(text, scaled(style, size).0)
}

/// The words of a text. No-break spaces hold words together.
fn words(text: &Text) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    for span in text.spans() {
        for c in printable(&span.text).chars() {
            let blank = c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}';
            if blank {
                if !word.parts.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                word.blank = span.style;
                word.breaks |= matches!(c, '\n' | '\u{2028}' | '\u{2029}');
                continue;
            }
            match word.parts.last_mut() {
                Some((part, style)) if *style == span.style => part.push(c),
                _ => word.parts.push((c.to_string(), span.style)),
            }
        }
    }
    if !word.parts.is_empty() {
        words.push(word);
    }
    words
}

impl Word {
    fn width(&self, faces: &Faces, size: f32) -> f32 {
        self.parts.iter().map(|(text, style)| width(faces, text, *style, size)).sum()
    }

    /// A word that is longer than a line in parts that each fit into `room` (of one character at least).
    fn divided(&self, faces: &Faces, size: f32, room: f32) -> Vec<Word> {
        let mut words = Vec::new();
        let mut word = Word { parts: Vec::new(), ..*self };
        let mut used = 0.0;
        for (text, style) in &self.parts {
            for c in text.chars() {
                let own = width(faces, c.encode_utf8(&mut [0; 4]), *style, size);
                if used + own > room && !word.parts.is_empty() {
                    words.push(std::mem::take(&mut word));
                    used = 0.0;
                }
                used += own;
                match word.parts.last_mut() {
                    Some((part, of)) if of == style => part.push(c),
                    _ => word.parts.push((c.to_string(), *style)),
                }
            }
        }
        words.push(word);
        words
    }
}

impl Line {
    fn push(&mut self, faces: &Faces, text: &str, style: SpanStyle, size: f32) {
        let width = width(faces, text, style, size);
        match self.pieces.last_mut() {
            Some(piece) if piece.style == style => {
                piece.text.push_str(text);
                piece.width += width;
            }
            _ => {
                let (own, rise) = scaled(style, size);
                self.pieces.push(Piece {
                    text: text.to_owned(),
                    style,
                    x: self.width,
                    width,
                    size: own,
                    rise,
                });
            }
        }
        self.width += width;
    }

    fn push_word(&mut self, faces: &Faces, word: &Word, size: f32) {
        if !self.pieces.is_empty() {
            // A blank between two placeholders is marked as they are, one after raised text is not raised.
            let blank = match word.blank {
                SpanStyle::Superscript | SpanStyle::Subscript => SpanStyle::Plain,
                style => style,
            };
            self.push(faces, " ", blank, size);
        }
        for (text, style) in &word.parts {
            self.push(faces, text, *style, size);
        }
    }
}

/// The text in lines of at most `room` points: broken between words, and inside a word only where it is longer than a
/// line. Empty text gives no line.
pub(super) fn broken(faces: &Faces, text: &Text, size: f32, room: f32) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    let blank = width(faces, " ", SpanStyle::Plain, size);
    for word in words(text) {
        if word.breaks && !line.pieces.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let needed = word.width(faces, size);
        if !line.pieces.is_empty() && line.width + blank + needed > room {
            lines.push(std::mem::take(&mut line));
        }
        if needed <= room {
            line.push_word(faces, &word, size);
            continue;
        }
        for part in word.divided(faces, size, room) {
            if !line.pieces.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push_word(faces, &part, size);
        }
    }
    if !line.pieces.is_empty() {
        lines.push(line);
    }
    lines
}

/// Widths of the text on one line, and of its longest word.
pub(super) fn extent(faces: &Faces, text: &Text, size: f32) -> (f32, f32) {
    let blank = width(faces, " ", SpanStyle::Plain, size);
    let mut longest: f32 = 0.0;
    let (mut widest, mut line): (f32, f32) = (0.0, 0.0);
    for word in words(text) {
        let own = word.width(faces, size);
        longest = longest.max(own);
        line = if word.breaks || line == 0.0 { own } else { line + blank + own };
        widest = widest.max(line);
    }
    (widest, longest)
}

/// Height of so many lines.
pub(super) fn height(lines: usize, size: f32) -> f32 {
    lines as f32 * size * LEADING
}
