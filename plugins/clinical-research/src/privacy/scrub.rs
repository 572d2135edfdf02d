//! Takes identifiers out of texts.

use std::collections::{BTreeSet, HashMap};

use super::{Identifier, names, patterns::PATTERNS};

/// The longest identifier that is compared, in words.
const MOST_WORDS: usize = 8;

/// What is known to identify, and what looks as if it did.
#[derive(Debug, Default)]
pub struct Scrubber {
    /// Words of a known value, in small letters and joined by a blank.
    known: HashMap<String, Identifier>,
    lengths: BTreeSet<usize>,
    /// Names of one word: only in running text, where they begin with a capital.
    single: HashMap<String, Identifier>,
}

/// Runs of letters and digits: where they are and what, in small letters.
fn runs(text: &str) -> Vec<(usize, usize, String)> {
    let mut runs: Vec<(usize, usize, String)> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        if !open {
            runs.push((at, at, String::new()));
        }
        open = true;
        if let Some((_, end, word)) = runs.last_mut() {
            *end = at + c.len_utf8();
            word.extend(c.to_lowercase());
        }
    }
    runs
}

impl Scrubber {
    /// Remember a value that identifies. Short numbers and single short words are not searched for: they occur everywhere.
    pub fn learn(&mut self, value: &str, kind: Identifier) {
        let words: Vec<String> = runs(value).into_iter().map(|(_, _, word)| word).collect();
        let length: usize = words.iter().map(|w| w.chars().count()).sum();
        let has_digit = value.bytes().any(|b| b.is_ascii_digit());
        let has_letter = value.chars().any(char::is_alphabetic);
        if words.is_empty() || words.len() > MOST_WORDS || length < 4 {
            return;
        }
        let is_plain_word = words.len() == 1 && !has_digit;
        if is_plain_word {
            if kind == Identifier::Name || kind == Identifier::Place {
                self.single.insert(words.concat(), kind);
            }
            return;
        }
        if words.len() == 1 && !has_letter && length < 6 {
            return;
        }
        self.lengths.insert(words.len());
        if kind == Identifier::Name {
            for word in words.iter().filter(|w| w.chars().count() >= 4) {
                self.single.insert(word.clone(), kind);
            }
        }
        self.known.insert(words.join(" "), kind);
    }

    /// The text without identifiers, and what they were; None where there is none. In `prose` names are looked for as well:
    /// not in coded terms, where `CHARLES BONNET SYNDROME` is an illness.
    pub fn scrub(&self, text: &str, prose: bool) -> Option<(String, Vec<Identifier>)> {
        let mut found = self.known_spans(text, prose);
        let suspicious = |b: u8| b.is_ascii_digit() || matches!(b, b'@' | b':' | b'.');
        if text.bytes().any(suspicious) {
            for pattern in PATTERNS.iter() {
                let hits = pattern.regex.find_iter(text).filter(|hit| (pattern.holds)(hit.as_str()));
                found.extend(hits.map(|hit| (hit.start(), hit.end(), pattern.kind)));
            }
        }
        if prose {
            found.extend(names::spans(text).into_iter().map(|(start, end)| (start, end, Identifier::Name)));
        }
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

    fn known_spans(&self, text: &str, prose: bool) -> Vec<(usize, usize, Identifier)> {
        if self.known.is_empty() && (self.single.is_empty() || !prose) {
            return Vec::new();
        }
        let runs = runs(text);
        let mut found = Vec::new();
        let mut joined = String::new();
        for (at, (start, end, word)) in runs.iter().enumerate() {
            if prose && runs.len() > 1 {
                let is_capital =
                    text.get(*start..).and_then(|t| t.chars().next()).is_some_and(char::is_uppercase);
                if let Some(kind) = self.single.get(word).filter(|_| is_capital) {
                    found.push((*start, *end, *kind));
                }
            }
            joined.clear();
            let mut n = 0;
            for (_, end, word) in runs.iter().skip(at).take(self.lengths.last().copied().unwrap_or(0)) {
                if n > 0 {
                    joined.push(' ');
                }
                joined.push_str(word);
                n += 1;
                if let Some(kind) = self.lengths.get(&n).and_then(|_| self.known.get(&joined)) {
                    found.push((*start, *end, *kind));
                }
            }
        }
        found
    }
}

/// An unreadable value as it may be shown: figures and short words as they are, anything else by its length only.
pub fn shown(text: &str) -> String {
    let trimmed = text.trim();
    let is_figure = trimmed.len() <= 12
        && trimmed.bytes().filter(u8::is_ascii_digit).count() <= 4
        && trimmed
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b" <>=.,%/+-".contains(&b));
    let is_word = trimmed.len() <= 8 && trimmed.bytes().all(|b| b.is_ascii_lowercase());
    match is_figure || is_word {
        true => format!("{trimmed:?}"),
        false => format!("a text of {} characters", text.chars().count()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scrubbed(text: &str) -> String {
        Scrubber::default().scrub(text, true).map_or_else(|| text.to_owned(), |(text, _)| text)
    }

    #[test]
    fn identifiers_are_replaced() {
        for (text, want) in [
            ("write to a.b@example.org now", "write to [EMAIL] now"),
            ("ring +49 30 1234567", "ring [PHONE]"),
            ("(555) 123-4567", "[PHONE]"),
            ("SSN 123-45-6789", "[NATIONAL-ID]"),
            ("MRN: A12345, stable", "[RECORD-NUMBER], stable"),
            ("from 10.0.0.17", "from [IP]"),
            ("see https://example.org/x?y=1", "see [URL]"),
            ("lives at 12 Old Mill Road", "lives at [PLACE]"),
            ("died on 2014-03-05", "died on [DATE]"),
            ("died on 5 March 2014", "died on [DATE]"),
            ("card 4111 1111 1111 1111", "card [ACCOUNT]"),
            ("Dr. Miller saw him", "[NAME] saw him"),
            ("same as subject 01-222", "same as [ID]"),
            ("scan.jpg", "[PHOTO]"),
        ] {
            assert_eq!(scrubbed(text), want);
        }
    }

    #[test]
    fn clinical_texts_stay_as_they_are() {
        for text in [
            "3_100-100.9F/37.8-38.2C",
            "2_11-20",
            "1_<=98.9F/37.2C",
            "BLOOD CREATINE PHOSPHOKINASE INCREASED",
            "Week 24",
            "Lost to Follow-up",
            "CHARLES BONNET SYNDROME",
            "Xanomeline High Dose 54 mg",
            "NOT RECOVERED/NOT RESOLVED",
            "Grade 3.5",
            "ECOG 0-1",
        ] {
            assert_eq!(scrubbed(text), text);
        }
    }

    #[test]
    fn what_is_known_is_found_in_other_writing() {
        let mut scrubber = Scrubber::default();
        scrubber.learn("01-701-1015", Identifier::Other);
        scrubber.learn("Tove Lindqvist", Identifier::Name);
        scrubber.learn("17", Identifier::Other);
        let (text, kinds) =
            scrubber.scrub("as 01/701/1015 (TOVE LINDQVIST) at 17, says Lindqvist", true).unwrap();
        assert_eq!(text, "as [ID] ([NAME]) at 17, says [NAME]");
        assert_eq!(kinds.len(), 3);
        assert_eq!(scrubber.scrub("Lindqvist", true), None, "one word alone is a term");
    }

    #[test]
    fn unreadable_values_are_shown_only_where_they_tell_nothing() {
        assert_eq!(shown("abc"), "\"abc\"");
        assert_eq!(shown("63 years"), "\"63 years\"");
        assert_eq!(shown("<5"), "\"<5\"");
        assert_eq!(shown("Smith"), "a text of 5 characters");
        assert_eq!(shown("84739201x"), "a text of 9 characters");
    }
}
