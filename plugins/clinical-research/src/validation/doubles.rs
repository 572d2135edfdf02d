//! Records of one subject that contradict each other, and ids that may be one.

use std::collections::{BTreeMap, BTreeSet};

use heddle_kit::report::counted;

use crate::{
    privacy::Scrubber,
    raw::{Kind, RawColumn, Table},
};

use super::{
    convert::{booleans, id_at, numbers, says_missing},
    frame::{Frame, id_column},
    ledger::Ledger,
    quality::{ConflictingDuplicate, QualityMetrics},
    rows::Rows,
};

/// What decides of a subject's place in the analyses, or is analysed.
fn decides(path: &str) -> bool {
    const FIELDS: [&str; 6] =
        ["arm", "actual_arm", "completed", "death", "disposition", "discontinuation_reason"];
    const OBJECTS: [&str; 3] = ["endpoints.", "events.", "populations."];
    FIELDS.contains(&path) || OBJECTS.iter().any(|object| path.starts_with(object))
}

/// Note the subjects whose records say different things of their arm, outcomes or populations.
pub(super) fn conflicts(
    table: &Table,
    frame: &Frame,
    scrubber: &Scrubber,
    quality: &mut QualityMetrics,
    ledger: &mut Ledger,
) {
    if frame.repeated.is_empty() {
        return;
    }
    let mut fields: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for column in table.columns.iter().filter(|column| decides(&column.path)) {
        let reading = Said { column, numbers: numbers(column), booleans: booleans(column) };
        for row in &frame.repeated {
            let row = *row as usize;
            let subject = frame.subject_of.get(row).copied().unwrap_or(u32::MAX);
            let Some(first) = frame.rows.get(subject as usize) else { continue };
            if reading.differ(*first as usize, row) {
                let path = scrubber.scrub_key(&column.path).unwrap_or_else(|| column.path.clone());
                fields.entry(frame.mask_of_row(row)).or_default().insert(path);
            }
        }
    }
    for (mask, fields) in fields {
        let fields: Vec<String> = fields.into_iter().collect();
        let told = format!("its records say different things of {}: the first one counts", fields.join(", "));
        ledger.rule("duplicate_records_conflict", Some(mask), "study_data.subjects[]", told);
        quality.conflicting_duplicates.push(ConflictingDuplicate { subject_id: mask.to_owned(), fields });
    }
}

/// What a column's cells say, in whatever form.
struct Said<'c> {
    column: &'c RawColumn,
    numbers: super::convert::Reader<'c, f64>,
    booleans: super::convert::Reader<'c, bool>,
}

impl Said<'_> {
    /// Whether two records both say something, and not the same.
    fn differ(&self, one: usize, two: usize) -> bool {
        let is_said = |row| match self.column.cell(row) {
            Kind::Absent | Kind::Null => false,
            Kind::Text(place) => {
                let text = self.column.texts.get(place).trim();
                !text.is_empty() && !says_missing(text)
            }
            Kind::Number(_) | Kind::Boolean(_) | Kind::List(_) => true,
        };
        if self.column.same(one, two) || !is_said(one) || !is_said(two) {
            return false;
        }
        let number = |row| self.numbers.at(row).value();
        let boolean = |row| self.booleans.at(row).value();
        let text = |row| match self.column.cell(row) {
            Kind::Text(place) => Some(folded(self.column.texts.get(place))),
            _ => None,
        };
        let same = number(one).is_some() && number(one) == number(two)
            || boolean(one).is_some() && boolean(one) == boolean(two)
            || text(one).is_some() && text(one) == text(two);
        !same
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Note the ids that differ in capitals or separators only: among the subjects, and between them and the lists.
pub(super) fn alike(scrubber: &Scrubber, frame: &Frame, lists: [&Rows<'_>; 3], ledger: &mut Ledger) {
    let groups = scrubber.ids_alike();
    if groups.is_empty() {
        return;
    }
    let mut records: BTreeMap<u32, usize> = BTreeMap::new();
    let alike: BTreeSet<u32> = groups.iter().flatten().filter_map(|id| frame.subject(id)).collect();
    for subject in frame.subject_of.iter().filter(|subject| alike.contains(subject)) {
        *records.entry(*subject).or_default() += 1;
    }
    let mut strangers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for rows in lists {
        let Some(column) = id_column(rows.table) else { continue };
        if rows.strangers.is_empty() {
            continue;
        }
        let ids: BTreeSet<&str> = groups.iter().flatten().copied().collect();
        for row in (0..rows.table.rows).filter(|row| rows.subject(*row).is_none()) {
            let id = id_at(column, row);
            if let Some(id) = id.as_deref().and_then(|id| ids.get(id)) {
                *strangers.entry((rows.name, id)).or_default() += 1;
            }
        }
    }
    for group in &groups {
        let subjects: Vec<u32> = group.iter().filter_map(|id| frame.subject(id)).collect();
        let Some(first) = subjects.first().map(|subject| frame.mask(*subject)) else { continue };
        if subjects.len() > 1 {
            let n: usize = subjects.iter().filter_map(|subject| records.get(subject)).sum();
            let masks: Vec<&str> = subjects.iter().map(|subject| frame.mask(*subject)).collect();
            let told = format!(
                "{} ids ({}) with {} differ in capitals or separators only: they stay subjects of their own",
                subjects.len(),
                masks.join(", "),
                counted(n, "record", "records")
            );
            ledger.rule("subject_ids_alike", Some(first), "study_data.subjects[].subject_id", told);
        }
        for ((list, _), n) in strangers.iter().filter(|((_, id), _)| group.contains(id)) {
            let told = format!(
                "{} of an id that differs from this subject's in capitals or separators only: not taken for it",
                counted(*n, "record", "records")
            );
            ledger.rule(
                "orphan_id_like_a_subjects",
                Some(first),
                &format!("study_data.{list}[].subject_id"),
                told,
            );
        }
    }
}
