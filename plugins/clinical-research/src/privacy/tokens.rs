//! A text as the runs of letters and of digits in it.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// Where scripts beside the Latin one have their digit nought (Arabic, Persian, Devanagari, Bengali, Thai).
const NOUGHTS: [u32; 5] = [0x660, 0x6F0, 0x966, 0x9E6, 0xE50];

/// The text with its letters composed (NFC) and without signs that nobody sees.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let is_unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}');
    if is_nfc_quick(text.chars()) == IsNormalized::Yes && !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !is_unseen(*c)).nfc().collect())
}

/// A run of letters, or of digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// Where it is in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where it is in [`Tokens::folded`].
    from: usize,
    to: usize,
    pub(super) is_digits: bool,
}

/// The tokens of a text. `S001` is two: who writes an id may part its letters from its digits.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// All letters and digits in small letters and in their plain forms, nothing between them.
    folded: String,
    pub(super) all: Vec<Token>,
}

impl Tokens {
    pub(super) fn of(text: &str) -> Self {
        let mut tokens = Self { folded: String::with_capacity(text.len()), all: Vec::new() };
        let mut open = None;
        for (at, c) in text.char_indices() {
            let is_digit = c.is_numeric();
            if !is_digit && !c.is_alphabetic() {
                open = None;
                continue;
            }
            if open != Some(is_digit) {
                let from = tokens.folded.len();
                tokens.all.push(Token { start: at, end: at, from, to: from, is_digits: is_digit });
            }
            open = Some(is_digit);
            if c.is_ascii() {
                tokens.folded.push(c.to_ascii_lowercase());
            } else if let Some(digit) = digit(c) {
                tokens.folded.push(digit);
            } else {
                let plain = std::iter::once(c).nfkc().flat_map(char::to_lowercase);
                tokens.folded.extend(plain.filter(|c| c.is_alphanumeric()));
            }
            if let Some(last) = tokens.all.last_mut() {
                last.end = at + c.len_utf8();
                last.to = tokens.folded.len();
            }
        }
        tokens
    }

    /// The letters and digits of the tokens `first..=last`, folded.
    pub(super) fn folded(&self, first: usize, last: usize) -> &str {
        let of = self.all.get(first).zip(self.all.get(last));
        of.and_then(|(first, last)| self.folded.get(first.from..last.to)).unwrap_or_default()
    }

    /// All letters and digits, folded.
    pub(super) fn whole(&self) -> &str {
        &self.folded
    }

    /// What stands in a text between a token and the next one.
    pub(super) fn gap<'t>(&self, text: &'t str, after: usize) -> &'t str {
        let of = self.all.get(after).zip(self.all.get(after + 1));
        of.and_then(|(one, two)| text.get(one.end..two.start)).unwrap_or_default()
    }

    /// The lengths of the tokens `first..=last`, folded.
    pub(super) fn lengths(&self, first: usize, last: usize) -> impl Iterator<Item = usize> {
        self.all.iter().skip(first).take((last + 1).saturating_sub(first)).map(|token| token.to - token.from)
    }
}

/// The digit that a digit of another script is.
fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let value = NOUGHTS.iter().find_map(|nought| code.checked_sub(*nought).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// The letters and digits of a text and nothing else, folded: what two ways to write an id have in common.
pub fn bare(text: &str) -> String {
    Tokens::of(&composed(text)).folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_id_fold_to_one() {
        for text in ["S-001", "s001", "S 001", "Ｓ００１", "s\u{200b}_001"] {
            assert_eq!(bare(text), "s001", "{text}");
        }
        assert_eq!(bare("٠١-٧٠١"), "01701");
        assert_eq!(bare("Zoe\u{308}"), bare("Zo\u{eb}"));
        let tokens = Tokens::of("x01-701");
        assert_eq!(tokens.all.len(), 3);
        assert_eq!(tokens.folded(1, 2), "01701");
        assert_eq!(tokens.gap("x01-701", 1), "-");
    }
}
