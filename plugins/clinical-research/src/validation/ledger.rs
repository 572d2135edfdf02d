//! What is noted on the way from the raw data to the study.

use std::collections::BTreeMap;

use crate::{
    privacy::{Identifier, Scrubber, shown},
    raw::{Kind, RawColumn},
};

use super::{
    category::Changes,
    convert::{Reader, Reading},
    frame::Frame,
    quality::{Finding, IdentifierFinding, NotPassedOn, QualityMetrics, Standardised},
};

/// From here on a number in a wrong place may be one of a person.
const LONG_NUMBER: f64 = 100_000.0;

/// The notes.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    identifiers: BTreeMap<(String, Identifier, &'static str, &'static str), usize>,
    standardised: BTreeMap<(String, &'static str), usize>,
    not_passed_on: BTreeMap<(String, &'static str), usize>,
    pub(super) unreadable: Vec<Finding>,
    pub(super) findings: Vec<Finding>,
    pub(super) rules: BTreeMap<String, usize>,
}

impl Ledger {
    pub(super) fn identifier(
        &mut self,
        place: &str,
        kind: Identifier,
        by: &'static str,
        action: &'static str,
        n: usize,
    ) {
        if n > 0 {
            *self.identifiers.entry((place.to_owned(), kind, by, action)).or_default() += n;
        }
    }

    pub(super) fn standardised(&mut self, place: &str, change: &'static str, n: usize) {
        if n > 0 {
            *self.standardised.entry((place.to_owned(), change)).or_default() += n;
        }
    }

    pub(super) fn not_passed_on(&mut self, place: &str, reason: &'static str, n: usize) {
        *self.not_passed_on.entry((place.to_owned(), reason)).or_default() += n;
    }

    /// What reading the categories of a column changed.
    pub(super) fn changes(&mut self, place: &str, changes: &Changes) {
        self.standardised(place, "spelling", changes.respelt);
        for (kind, n) in &changes.masked {
            self.identifier(place, *kind, "value", "masked", *n);
        }
    }

    /// A finding that breaks a rule.
    pub(super) fn find(&mut self, rule: &str, subject: Option<&str>, field: &str, value: impl Into<String>) {
        self.findings.push(Finding {
            rule: rule.to_owned(),
            subject_id: subject.filter(|s| !s.is_empty()).map(str::to_owned),
            field: field.to_owned(),
            value: value.into(),
        });
    }

    /// The same, counted among the other rules.
    pub(super) fn rule(&mut self, rule: &str, subject: Option<&str>, field: &str, value: impl Into<String>) {
        *self.rules.entry(rule.to_owned()).or_default() += 1;
        self.find(rule, subject, field, value);
    }

    /// Read every record of a column, noting what is written otherwise and what cannot be read. `mask_of` names a record's subject.
    pub(super) fn read<T: Copy>(
        &mut self,
        place: &str,
        wanted: &'static str,
        (column, rows): (&RawColumn, usize),
        reader: &Reader<'_, T>,
        scrubber: &Scrubber,
        mask_of: impl Fn(usize) -> Option<String>,
    ) -> Vec<Option<T>> {
        let (mut rewritten, mut said) = (0, 0);
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            let reading = reader.at(row);
            match reading {
                Reading::Standardised(_) => rewritten += 1,
                Reading::SaidMissing => said += 1,
                Reading::Bad => self.unreadable.push(Finding {
                    rule: "unreadable_value".to_owned(),
                    subject_id: mask_of(row),
                    field: place.to_owned(),
                    value: format!("{} is not {wanted}", told(column, row, scrubber)),
                }),
                Reading::Missing | Reading::Is(_) => {}
            }
            values.push(reading.value());
        }
        self.standardised(place, "another form of the same value", rewritten);
        self.standardised(place, "a word for a missing value", said);
        values
    }

    /// Put the notes where the metrics have them.
    pub(super) fn into_metrics(self, quality: &mut QualityMetrics) {
        quality.n_unreadable_values = self.unreadable.len();
        quality.unreadable_values = self.unreadable;
        quality.findings = self.findings;
        quality.other_rules = self.rules;
        let identifiers = self.identifiers.into_iter().map(|((place, kind, by, action), n)| {
            IdentifierFinding { place, kind, found_by: by.to_owned(), n, action: action.to_owned() }
        });
        quality.identifiers = identifiers.collect();
        let standardised = self.standardised.into_iter();
        quality.standardised = standardised
            .map(|((place, change), n)| Standardised { place, change: change.to_owned(), n })
            .collect();
        let gone = self.not_passed_on.into_iter();
        quality.not_passed_on =
            gone.map(|((place, reason), n)| NotPassedOn { place, reason: reason.to_owned(), n }).collect();
    }
}

/// What a cell holds, as it may be told.
pub(super) fn told(column: &RawColumn, row: usize, scrubber: &Scrubber) -> String {
    match column.cell(row) {
        Kind::Absent | Kind::Null => "nothing".to_owned(),
        Kind::Boolean(value) => value.to_string(),
        Kind::Number(value) if value.abs() >= LONG_NUMBER => "a long number".to_owned(),
        Kind::Number(value) => value.to_string(),
        Kind::List(_) => "a list".to_owned(),
        Kind::Text(place) => {
            let text = column.texts.get(place);
            match scrubber.scrub(text, true) {
                Some(_) => "an identifier".to_owned(),
                None => shown(text),
            }
        }
    }
}

/// A list's own name for its records.
pub(super) fn place(table: &str, path: &str, scrubber: &Scrubber) -> String {
    let path = scrubber.scrub_key(path).unwrap_or_else(|| path.to_owned());
    format!("study_data.{table}[].{path}")
}

/// The mask of a subject row's record.
pub(super) fn masked(frame: &Frame) -> impl Fn(usize) -> Option<String> {
    |row| Some(frame.mask_of_row(row).to_owned()).filter(|mask| !mask.is_empty())
}
