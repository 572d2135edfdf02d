//! Values that are known to identify, found however they are written.
//!
//! A value is remembered by its letters and digits alone, so that capitals, separators and forms of Unicode do not hide it. How sure
//! a find is depends on the value: `01-701-1015` is an id wherever it stands, `12` only behind a word such as "patient".

use std::collections::{BTreeMap, HashMap};

use super::{
    Identifier,
    tokens::{Tokens, composed},
    vocabulary::{begins_with_unit, is_code, is_word},
};

/// The longest value that is compared, in bytes of letters and digits.
const LONGEST: usize = 120;
/// From so many letters and digits on, a value with both is an id in any writing.
const SURE: usize = 6;
/// From so many digits on, a number is an id even where its groups are parted otherwise.
const SURE_DIGITS: usize = 8;
/// In a text of fewer words a bare number is a code.
const SENTENCE: usize = 3;

/// Words behind which an id stands.
const PEOPLE: &[&str] = &[
    "subject",
    "subjects",
    "subj",
    "subjid",
    "usubjid",
    "patient",
    "patients",
    "pat",
    "pt",
    "pts",
    "participant",
    "participants",
    "volunteer",
    "volunteers",
    "proband",
    "probanden",
    "chart",
    "mrn",
    "patientin",
    "patienten",
    "paciente",
    "sujet",
    "sujeto",
    "teilnehmer",
    "teilnehmerin",
    "case",
    "пациент",
    "пациентка",
    "患者",
];
/// The same, where a word such as "number" comes between: "Screening 1" is a visit.
const ACTS: &[&str] =
    &["screening", "randomisation", "randomization", "enrolment", "enrollment", "record", "file"];
/// Words between those and the id.
const FILLERS: &[&str] =
    &["no", "nos", "nr", "num", "number", "numbers", "id", "ids", "code", "called", "named"];
/// Words between ids of a list.
const JOINTS: &[&str] = &["and", "or", "und", "oder", "et", "y", "to"];

#[derive(Debug)]
struct Value {
    kind: Identifier,
    /// As they were written.
    writings: Vec<Box<str>>,
}

/// The values.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By their letters and digits.
    values: HashMap<Box<str>, Value>,
    /// Which lengths there are.
    lengths: Vec<bool>,
}

/// A place in a text: of the first token, of the last one, and what is there.
type Find = (usize, usize, Identifier);

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Remember a value; `tokens` are its own.
    pub(super) fn learn(&mut self, value: &str, tokens: &Tokens, kind: Identifier) {
        let bare = tokens.whole();
        if bare.is_empty() || bare.len() > LONGEST {
            return;
        }
        if self.lengths.len() <= bare.len() {
            self.lengths.resize(bare.len() + 1, false);
        }
        if let Some(length) = self.lengths.get_mut(bare.len()) {
            *length = true;
        }
        match self.values.get_mut(bare) {
            Some(known) if known.writings.iter().any(|w| **w == *value) => {}
            Some(known) => known.writings.push(value.into()),
            None => {
                self.values.insert(bare.into(), Value { kind, writings: vec![value.into()] });
            }
        }
    }

    /// Ids with several writings that group their letters and digits alike, or of which one has no groups and is long enough.
    pub(super) fn alike(&self) -> Vec<Vec<&str>> {
        let groups = |writing: &str| {
            let tokens = Tokens::of(writing);
            let last = tokens.all.len().saturating_sub(1);
            tokens.lengths(0, last).collect::<Vec<usize>>()
        };
        let mut alike = Vec::new();
        for (bare, value) in
            self.values.iter().filter(|(_, v)| v.kind == Identifier::Other && v.writings.len() > 1)
        {
            let mut by_groups: BTreeMap<Vec<usize>, Vec<&str>> = BTreeMap::new();
            let is_whole = |w: &str| w.chars().all(char::is_alphanumeric);
            let is_sure = bare.len() >= SURE && value.writings.iter().any(|w| is_whole(w));
            for writing in &value.writings {
                let key = if is_sure { Vec::new() } else { groups(writing) };
                by_groups.entry(key).or_default().push(writing);
            }
            alike.extend(by_groups.into_values().filter(|list| list.len() > 1));
        }
        alike.iter_mut().for_each(|list| list.sort_unstable());
        alike.sort_unstable();
        alike
    }

    /// Where known values are, in bytes of the text.
    pub(super) fn spans(&self, text: &str, tokens: &Tokens) -> Vec<(usize, usize, Identifier)> {
        let mut found = Vec::new();
        for first in 0..tokens.all.len() {
            found.extend(self.longest(text, tokens, first, false));
        }
        self.introduced(text, tokens, &mut found);
        let place =
            |(first, last, kind): Find| Some((tokens.all.get(first)?.start, tokens.all.get(last)?.end, kind));
        found.into_iter().filter_map(place).collect()
    }

    /// The longest value that begins with a token.
    fn longest(&self, text: &str, tokens: &Tokens, first: usize, introduced: bool) -> Option<Find> {
        let mut found = None;
        for last in first..tokens.all.len() {
            let bare = tokens.folded(first, last);
            if bare.len() >= self.lengths.len() {
                break;
            }
            if !self.lengths.get(bare.len()).copied().unwrap_or(false) {
                continue;
            }
            let Some(value) = self.values.get(bare) else { continue };
            let here = Here { text, tokens, first, last, bare };
            let is_it = match introduced {
                true => here.is_introduced(value),
                false => value.writings.iter().any(|writing| here.is(writing, value.kind)),
            };
            if is_it {
                found = Some((first, last, value.kind));
            }
        }
        found
    }

    /// Ids of any length behind a word that says whose they are, and those listed behind them.
    fn introduced(&self, text: &str, tokens: &Tokens, found: &mut Vec<Find>) {
        let word = |at: usize| tokens.folded(at, at);
        for at in 0..tokens.all.len() {
            let is_act = ACTS.contains(&word(at));
            if !is_act && !PEOPLE.contains(&word(at)) {
                continue;
            }
            let fillers = (at + 1..).take(3).take_while(|next| FILLERS.contains(&word(*next))).count();
            if is_act && fillers == 0 && !tokens.gap(text, at).contains(['#', ':']) {
                continue;
            }
            let mut next = at + 1 + fillers;
            while let Some(find) = self.longest(text, tokens, next, true) {
                next = find.1 + 1;
                found.push(find);
                let is_listed = tokens.gap(text, find.1).contains([',', ';', '/', '&', '+']);
                let is_joined = JOINTS.contains(&word(next));
                if !is_listed && !is_joined {
                    break;
                }
                next += usize::from(is_joined);
            }
        }
    }
}

/// A part of a text that has the letters and digits of a known value.
struct Here<'t> {
    text: &'t str,
    tokens: &'t Tokens,
    first: usize,
    last: usize,
    bare: &'t str,
}

impl Here<'_> {
    fn start(&self) -> usize {
        self.tokens.all.get(self.first).map_or(0, |token| token.start)
    }

    fn end(&self) -> usize {
        self.tokens.all.get(self.last).map_or(0, |token| token.end)
    }

    fn written(&self) -> &str {
        self.text.get(self.start()..self.end()).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.end()..).unwrap_or_default()
    }

    fn gaps(&self) -> impl Iterator<Item = &str> {
        (self.first..self.last).map(|at| self.tokens.gap(self.text, at))
    }

    /// Whether nothing but one separator stands between its parts.
    fn is_one(&self) -> bool {
        let is_sign = |gap: &str| {
            let sign = gap.trim();
            sign.chars().count() == 1 || matches!(sign, "--" | "__" | "//" | "..")
        };
        self.gaps().all(|gap| gap.chars().count() <= 1 || is_sign(gap) && gap.len() <= 5)
    }

    /// Whether a letter or a digit touches it: then it is part of a longer word.
    fn is_whole(&self) -> bool {
        let touches = |token: Option<usize>, at: usize, is_before: bool| {
            token.and_then(|token| self.tokens.all.get(token)).is_some_and(|token| match is_before {
                true => token.end == at,
                false => token.start == at,
            })
        };
        !touches(self.first.checked_sub(1), self.start(), true)
            && !touches(Some(self.last + 1), self.end(), false)
    }

    /// Whether it is a quantity: before a unit, or part of a decimal number, a comparison or a range.
    fn is_quantity(&self) -> bool {
        let before = self.text.get(..self.start()).unwrap_or_default();
        let (mut behind, mut ahead) = (before.chars().rev(), self.after().chars());
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let is_cut = match behind.next() {
            Some('<' | '>' | '=' | '≤' | '≥' | '±' | '~') => true,
            Some('.' | ',' | '-' | '–') => is_digit(behind.next()),
            _ => false,
        };
        is_cut
            || begins_with_unit(self.after())
            || matches!(ahead.next(), Some('.' | ',' | '-' | '–' | '/')) && is_digit(ahead.next())
    }

    /// Whether its letters and digits are grouped as in `writing`.
    fn is_grouped_as(&self, writing: &Tokens) -> bool {
        let groups = writing.all.len();
        groups > 0
            && self.last + 1 - self.first == groups
            && self.tokens.lengths(self.first, self.last).eq(writing.lengths(0, groups - 1))
    }

    /// Behind a word that introduces it.
    fn is_introduced(&self, value: &Value) -> bool {
        let is_number = self.bare.bytes().all(|b| b.is_ascii_digit());
        let has_digit = self.bare.bytes().any(|b| b.is_ascii_digit());
        let is_exact = value.writings.iter().any(|writing| **writing == *self.written());
        if is_number {
            return !begins_with_unit(self.after()) && self.is_one();
        }
        // "patient a few days later"
        self.is_one()
            && self.is_whole()
            && (has_digit || is_exact || self.bare.len() >= 3 && !is_word(self.bare))
    }

    /// Whether it is the value that was written so, wherever it stands.
    fn is(&self, writing: &str, kind: Identifier) -> bool {
        let digits = self.bare.bytes().filter(u8::is_ascii_digit).count();
        let length = self.bare.chars().count();
        let is_exact = self.written() == writing;
        let tokens = Tokens::of(writing);
        let is_parted = writing.chars().any(|c| !c.is_alphanumeric());
        let is_grouped = self.is_grouped_as(&tokens);
        if digits == 0 {
            return match (kind, is_parted) {
                // One word: names and places are looked for elsewhere.
                (Identifier::Other, false) => {
                    let is_small = self.written().chars().all(char::is_lowercase);
                    let is_sure = is_exact && !is_small || length >= 8;
                    is_sure
                        && length >= 3
                        && self.is_whole()
                        && self.tokens.all.len() > 1
                        && !is_word(self.bare)
                }
                (_, false) => false,
                (_, true) => self.is_whole() && length >= 4 && (is_grouped || length >= 8),
            };
        }
        if digits == length {
            return self.is_number(writing, is_exact, is_grouped);
        }
        if is_code(self.bare) || !self.is_one() || !self.is_whole() && length < SURE_DIGITS {
            return false;
        }
        match length {
            SURE.. => true,
            4.. => {
                let is_filled = is_grouped && self.has_filled_number();
                is_exact || is_filled || self.gaps().all(|gap| !gap.contains(char::is_whitespace))
            }
            _ => is_exact && self.tokens.all.len() > 2 && (length == 3 || is_parted),
        }
    }

    /// Whether a number in it is filled up with noughts, as quantities are not.
    fn has_filled_number(&self) -> bool {
        (self.first..=self.last).any(|at| self.tokens.folded(at, at).starts_with('0'))
    }

    /// The same of a number.
    fn is_number(&self, writing: &str, is_exact: bool, is_grouped: bool) -> bool {
        let digits = self.bare.len();
        let is_bare = self.first == self.last;
        let is_filled = self.bare.starts_with('0');
        if !self.is_one() {
            return false;
        }
        if digits >= SURE_DIGITS {
            return true;
        }
        if self.is_quantity() || !self.is_whole() && digits < SURE {
            return false;
        }
        let is_sentence = self.tokens.all.len() >= SENTENCE;
        let is_year = digits == 4 && (self.bare.starts_with("19") || self.bare.starts_with("20"));
        if digits >= SURE {
            return is_bare
                || is_exact
                || is_grouped && self.gaps().all(|gap| !gap.contains(char::is_whitespace));
        }
        let is_parted = writing.bytes().any(|b| !b.is_ascii_digit());
        match (is_parted, digits) {
            (true, _) if is_exact => digits == 5 || is_filled && digits == 4,
            (true, 4 | 5) => is_bare && is_filled && is_sentence,
            (false, 4 | 5) => is_bare && is_sentence && (is_filled || !is_year),
            (false, 3) => is_bare && is_sentence && is_filled,
            _ => false,
        }
    }
}

/// A value as it is remembered, trimmed and composed, with its tokens.
pub(super) fn prepared(value: &str) -> (String, Tokens) {
    let value = composed(value.trim()).into_owned();
    let tokens = Tokens::of(&value);
    (value, tokens)
}
