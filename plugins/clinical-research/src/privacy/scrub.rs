//! Takes identifiers out of texts.

use std::{borrow::Cow, collections::HashMap};

use super::{
    Identifier,
    known::{Known, prepared},
    names,
    patterns::PATTERNS,
    residence,
    tokens::{Token, Tokens, composed},
    vocabulary::{begins_with_unit, is_eponym, is_word},
};

/// The longest identifier that is compared, in runs of letters or digits.
const MOST_WORDS: usize = 16;
/// From so many digits on, a number in a key is one of a person.
const LONG_NUMBER: usize = 6;

/// What is known to identify, and what looks as if it did.
#[derive(Debug, Default)]
pub struct Scrubber {
    known: Known,
    /// Names of one word, in small letters: only in running text, where they begin with a capital.
    single: HashMap<String, Identifier>,
}

impl Scrubber {
    /// Remember a value that identifies. Single words of names and places are searched for in running text only; short numbers
    /// that are no ids are not: they occur everywhere.
    pub fn learn(&mut self, value: &str, kind: Identifier) {
        let (value, tokens) = prepared(value);
        let bare = tokens.whole();
        if bare.is_empty() || tokens.all.len() > MOST_WORDS {
            return;
        }
        let length = bare.chars().count();
        let has_digit = tokens.all.iter().any(|token| token.is_digits);
        if kind == Identifier::Other {
            self.known.learn(&value, &tokens, kind);
            return;
        }
        let words: Vec<&str> = (0..tokens.all.len()).map(|at| tokens.folded(at, at)).collect();
        if words.len() == 1 && !has_digit {
            if length >= 4 && matches!(kind, Identifier::Name | Identifier::Place) {
                self.single.insert(bare.to_owned(), kind);
            }
            return;
        }
        let has_letter = tokens.all.iter().any(|token| !token.is_digits);
        if length < 4 || words.len() == 1 && !has_letter && length < 5 {
            return;
        }
        if kind == Identifier::Name {
            for word in words.iter().filter(|w| w.chars().count() >= 4) {
                self.single.insert((*word).to_owned(), kind);
            }
        }
        self.known.learn(&value, &tokens, kind);
    }

    /// The text without identifiers, and what they were; None where there is none. `prose`: running text, in which a role before a name
    /// may have a capital ("Patient Zelda Quimby"); in a coded term all words may have one.
    pub fn scrub(&self, text: &str, prose: bool) -> Option<(String, Vec<Identifier>)> {
        let text = composed(text);
        let mut found = self.known_spans(&text);
        let suspicious = |b: u8| b.is_ascii_digit() || matches!(b, b'@' | b':' | b'.' | b'[' | 0x80..);
        if text.bytes().any(suspicious) {
            for pattern in PATTERNS.iter() {
                let hits = pattern.hits(&text).filter(|hit| {
                    let around = (text.get(..hit.start()), text.get(hit.end()..));
                    (pattern.holds)(hit.as_str(), around.0.unwrap_or_default(), around.1.unwrap_or_default())
                });
                found.extend(hits.map(|hit| (hit.start(), hit.end(), pattern.kind)));
            }
        }
        let places = residence::spans(&text).into_iter();
        found.extend(places.map(|(start, end)| (start, end, Identifier::Place)));
        found.extend(
            names::spans(&text, prose).into_iter().map(|(start, end)| (start, end, Identifier::Name)),
        );
        if found.is_empty() {
            return None;
        }
        found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut out = String::with_capacity(text.len());
        let mut kinds = Vec::new();
        let mut done = 0;
        let mut after = None;
        for (start, end, kind) in found {
            if start >= done || after.is_none() {
                out.push_str(text.get(done..start).unwrap_or_default());
                out.push_str(kind.mask());
                kinds.push(kind);
            }
            // Overlapping finds are one: nothing between them is told.
            done = done.max(end);
            after = Some(end);
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Some((out, kinds))
    }

    /// The text of a key without identifiers; None where there is none. In keys long numbers are identifiers too, and two or three words with
    /// capitals that are no terms are a person's name.
    pub fn scrub_key(&self, key: &str) -> Option<String> {
        let clean = self.scrub(key, true).map_or(Cow::Borrowed(key), |(clean, _)| Cow::Owned(clean));
        let mut parts = Vec::new();
        for part in clean.split('.') {
            let is_masked = part.contains('[') && part != "[]";
            parts.push(match !is_masked && is_person(part) {
                true => Cow::Borrowed(Identifier::Name.mask()),
                false => without_long_numbers(part),
            });
        }
        let joined = parts.join(".");
        (joined != key).then_some(joined)
    }

    /// Ids that differ in capitals, separators and forms of Unicode only, each group in order.
    pub fn ids_alike(&self) -> Vec<Vec<&str>> {
        self.known.alike()
    }

    fn known_spans(&self, text: &str) -> Vec<(usize, usize, Identifier)> {
        if self.known.is_empty() && self.single.is_empty() {
            return Vec::new();
        }
        let tokens = Tokens::of(text);
        let mut found = self.known.spans(text, &tokens);
        if tokens.all.len() > 1 && !self.single.is_empty() {
            for (at, token) in tokens.all.iter().enumerate() {
                let word = tokens.folded(at, at);
                let is_capital =
                    text.get(token.start..).and_then(|t| t.chars().next()).is_some_and(|c| !c.is_lowercase());
                if let Some(kind) = self.single.get(word).filter(|_| is_capital && !is_word(word)) {
                    found.push((token.start, token.end, *kind));
                }
            }
        }
        found
    }
}

/// Two or three words of which each has a capital and small letters and none is a term.
fn is_person(key: &str) -> bool {
    let is_name = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && word.chars().count() > 1
            && letters.all(|c| c.is_lowercase() || matches!(c, '-' | '\'' | '’'))
    };
    let words: Vec<&str> = key.split_whitespace().collect();
    let is_term = |word: &&str| is_word(&word.to_lowercase()) || is_eponym(&word.to_lowercase());
    (2..=3).contains(&words.len()) && words.iter().all(|word| is_name(word)) && !words.iter().any(is_term)
}

fn without_long_numbers(text: &str) -> Cow<'_, str> {
    let is_long = |token: &&Token| token.is_digits && token.end - token.start >= LONG_NUMBER;
    let tokens = Tokens::of(text);
    let mut out = String::new();
    let mut done = 0;
    for token in tokens.all.iter().filter(is_long) {
        out.push_str(text.get(done..token.start).unwrap_or_default());
        out.push_str("[NUMBER]");
        done = token.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Words that stand where a value should be and tell nothing of anybody.
const SAID: [&str; 12] = [
    "about", "absent", "above", "below", "maybe", "pending", "perhaps", "possible", "possibly", "probably",
    "refused", "varies",
];

/// An unreadable value as it may be shown: figures and short words as they are, anything else by its length only.
pub fn shown(text: &str) -> String {
    let trimmed = text.trim();
    let is_figure = trimmed.len() <= 12
        && trimmed.bytes().filter(u8::is_ascii_digit).count() <= 4
        && trimmed
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b" <>=.,%/+-".contains(&b));
    let is_small = trimmed.bytes().all(|b| b.is_ascii_lowercase());
    let is_short = is_small && (trimmed.len() <= 3 || SAID.contains(&trimmed) || is_word(trimmed));
    let letters = |c: char| !c.is_ascii_lowercase();
    let is_figure = is_figure && trimmed.split(letters).all(|word| word.len() < 3 || begins_with_unit(word));
    match is_figure || is_short {
        true => format!("{trimmed:?}"),
        false => format!("a text of {} characters", text.chars().count()),
    }
}
