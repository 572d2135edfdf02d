//! Categories: one spelling for each, no identifiers.

use std::collections::{BTreeMap, HashMap};

use crate::{
    privacy::{Identifier, Scrubber},
    raw::{Kind, RawColumn},
    study::Coded,
};

use super::convert::number_text;

/// How spellings are brought together.
pub(super) enum Spelling<'s> {
    /// Those that differ in capitals and blanks: the most frequent one is used.
    Fold,
    /// As `Fold`, and `male`, `m` … `female`, `f` … are one each.
    Sex,
    /// As `Fold`, and where one of these is meant, it is used.
    To(&'s [String]),
    /// Each is replaced by what the map has for it.
    Map(&'s BTreeMap<String, String>),
}

/// What was changed on the way.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Values with another spelling than the one used.
    pub(super) respelt: usize,
    /// Values in which identifiers were masked, by kind.
    pub(super) masked: BTreeMap<Identifier, usize>,
}

/// A column's categories.
pub(super) struct Categories<'c> {
    column: &'c RawColumn,
    texts: Vec<Option<String>>,
    map: Option<&'c BTreeMap<String, String>>,
    pub(super) changes: Changes,
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn sex(folded: String) -> String {
    match folded.as_str() {
        "m" | "male" | "man" | "boy" => "m".to_owned(),
        "f" | "female" | "woman" | "girl" | "w" => "f".to_owned(),
        _ => folded,
    }
}

impl<'c> Categories<'c> {
    /// Read a column of so many records. `prose`: names are looked for as well.
    pub(super) fn new(
        column: &'c RawColumn,
        rows: usize,
        scrubber: &Scrubber,
        prose: bool,
        spelling: &Spelling<'c>,
    ) -> Self {
        let mut counts = vec![0usize; column.texts.len()];
        for cell in column.cells(rows) {
            if let Kind::Text(place) = cell
                && let Some(count) = counts.get_mut(place as usize)
            {
                *count += 1;
            }
        }
        let mut changes = Changes::default();
        if let Spelling::Map(map) = spelling {
            let texts = column.texts.iter().map(|text| map.get(text.trim()).cloned()).collect();
            return Self { column, texts, map: Some(*map), changes };
        }
        let key = |text: &str| match spelling {
            Spelling::Sex => sex(folded(text)),
            _ => folded(text),
        };
        let is_missing = |text: &str| {
            let text = text.trim();
            text.is_empty() || ["nan", "null", "n/a", "."].iter().any(|w| text.eq_ignore_ascii_case(w))
        };
        // Identifiers go first, so that no spelling of one is kept.
        let clean: Vec<Option<String>> = column
            .texts
            .iter()
            .zip(&counts)
            .map(|(text, count)| {
                if is_missing(text) {
                    return None;
                }
                let named = matches!(spelling, Spelling::To(names) if names.iter().any(|n| n == text));
                match (!named).then(|| scrubber.scrub(text, prose)).flatten() {
                    None => Some(text.to_owned()),
                    Some((masked, kinds)) => {
                        for kind in kinds {
                            *changes.masked.entry(kind).or_default() += count;
                        }
                        Some(masked)
                    }
                }
            })
            .collect();
        let mut spellings: HashMap<String, BTreeMap<&str, usize>> = HashMap::new();
        for (text, count) in clean.iter().zip(&counts) {
            if let Some(text) = text {
                *spellings.entry(key(text)).or_default().entry(text.trim()).or_default() += count;
            }
        }
        let named: HashMap<String, &str> = match spelling {
            Spelling::To(names) => names.iter().map(|name| (key(name), name.as_str())).collect(),
            _ => HashMap::new(),
        };
        let used = |text: &str| {
            let key = key(text);
            if let Some(name) = named.get(&key) {
                return (*name).to_owned();
            }
            let most =
                spellings.get(&key).and_then(|s| s.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))));
            most.map_or_else(
                || text.trim().to_owned(),
                |(text, _)| text.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        };
        let texts: Vec<Option<String>> = clean.iter().map(|text| text.as_deref().map(used)).collect();
        for ((before, after), count) in clean.iter().zip(&texts).zip(&counts) {
            if before != after {
                changes.respelt += count;
            }
        }
        Self { column, texts, map: None, changes }
    }

    /// The category of a record.
    pub(super) fn at(&self, row: usize) -> Option<String> {
        match self.column.cell(row) {
            Kind::Text(place) => self.texts.get(place as usize).cloned().flatten(),
            Kind::Number(value) => match self.map {
                Some(map) => map.get(&number_text(value)).cloned(),
                None => Some(number_text(value)),
            },
            Kind::Boolean(value) => Some(value.to_string()),
            Kind::Absent | Kind::Null | Kind::List(_) => None,
        }
    }

    /// The categories of these records.
    pub(super) fn coded(&self, rows: &[u32]) -> Coded {
        let mut levels: Vec<&str> = self.texts.iter().flatten().map(String::as_str).collect();
        let is_plain = rows.iter().all(|row| {
            matches!(
                self.column.cell(*row as usize),
                Kind::Text(_) | Kind::Absent | Kind::Null | Kind::List(_)
            )
        });
        if !is_plain {
            let texts: Vec<Option<String>> = rows.iter().map(|row| self.at(*row as usize)).collect();
            return Coded::of(texts.iter().map(Option::as_deref));
        }
        levels.sort_unstable();
        levels.dedup();
        let code = |text: &Option<String>| {
            let place = levels.binary_search(&text.as_deref()?).ok()?;
            u32::try_from(place).ok()
        };
        let code_of_text: Vec<Option<u32>> = self.texts.iter().map(code).collect();
        let mut used = vec![false; levels.len()];
        let codes: Vec<Option<u32>> = rows
            .iter()
            .map(|row| match self.column.cell(*row as usize) {
                Kind::Text(place) => code_of_text.get(place as usize).copied().flatten(),
                _ => None,
            })
            .inspect(|code| {
                if let Some(slot) = code.and_then(|code| used.get_mut(code as usize)) {
                    *slot = true;
                }
            })
            .collect();
        // Levels that only left-out records have are not passed on.
        let mut next = 0;
        let renumbered: Vec<u32> = used
            .iter()
            .map(|used| {
                let place = next;
                next += u32::from(*used);
                place
            })
            .collect();
        Coded {
            levels: levels
                .iter()
                .zip(&used)
                .filter(|(_, used)| **used)
                .map(|(l, _)| (*l).to_owned())
                .collect(),
            codes: codes.into_iter().map(|code| renumbered.get(code? as usize).copied()).collect(),
        }
    }
}
