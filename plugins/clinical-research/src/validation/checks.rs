//! Rules about the subjects' records.

use std::collections::BTreeSet;

use crate::{
    privacy::OLDEST,
    raw::{RawColumn, Table},
    study::{AdverseEvents, Coded, Column, Protocol, Subjects},
};

use super::{
    convert::is_present,
    fields::Fields,
    frame::Frame,
    ledger::Ledger,
    quality::{DateOrder, OutOfRange, QualityMetrics},
};

/// Check all records.
pub(super) fn records(
    table: &Table,
    frame: &Frame,
    fields: &Fields,
    protocol: &Protocol,
    quality: &mut QualityMetrics,
    ledger: &mut Ledger,
) {
    quality.n_subject_records = table.records();
    quality.n_subjects = frame.len();
    missing(table, protocol, quality);
    for (field, [low, high]) in &protocol.ranges {
        for (row, value) in fields.numbers.get(field).into_iter().flatten().enumerate() {
            if let Some(value) = value.filter(|v| v < low || v > high) {
                quality.out_of_range.push(OutOfRange {
                    subject_id: frame.mask_of_row(row).to_owned(),
                    field: field.clone(),
                    value,
                    low: *low,
                    high: *high,
                });
            }
        }
    }
    let empty = Vec::new();
    let ages = fields.numbers.get("age").unwrap_or(&empty);
    if !protocol.ranges.contains_key("age") {
        for (row, age) in ages.iter().enumerate() {
            if let Some(age) = age.filter(|age| *age < 0.0 || *age > OLDEST) {
                ledger.rule(
                    "age_impossible",
                    Some(frame.mask_of_row(row)),
                    "study_data.subjects[].age",
                    age.to_string(),
                );
            }
        }
    }
    let of_subject = |row: &&u32| {
        ages.get(**row as usize).copied().flatten().is_some_and(|age| age > 89.0 && age <= OLDEST)
    };
    quality.ages_over_89 = frame.rows.iter().filter(of_subject).count();
    for [first, second] in &protocol.date_order {
        for row in 0..table.rows {
            let at = |field: &str| {
                let date =
                    fields.dates.get(field).and_then(|days| days.get(row).copied().flatten()).map(f64::from);
                date.or_else(|| fields.numbers.get(field).and_then(|days| days.get(row).copied().flatten()))
            };
            if at(first).zip(at(second)).is_some_and(|(first, second)| first > second) {
                quality.date_order_violations.push(DateOrder {
                    subject_id: frame.mask_of_row(row).to_owned(),
                    fields: [first.clone(), second.clone()],
                });
            }
        }
    }
    let repeated: BTreeSet<&str> =
        frame.repeated.iter().map(|row| frame.mask_of_row(*row as usize)).collect();
    quality.duplicate_subject_ids = repeated.into_iter().map(str::to_owned).collect();
    let unnamed = frame.originals.iter().zip(&frame.masks).filter(|(id, _)| id.is_none());
    unnamed.for_each(|(_, mask)| {
        ledger.rule("record_without_subject_id", Some(mask), "study_data.subjects[].subject_id", "nothing");
    });
}

/// Count what required fields lack.
fn missing(table: &Table, protocol: &Protocol, quality: &mut QualityMetrics) {
    for field in &protocol.required_fields {
        let below = format!("{field}.");
        let columns: Vec<&RawColumn> =
            table.columns.iter().filter(|c| c.path == *field || c.path.starts_with(&below)).collect();
        let n = (0..table.rows).filter(|row| !columns.iter().any(|column| is_present(column, *row))).count();
        quality.missing.insert(field.clone(), n + table.unreadable.len());
    }
    let asked = quality.missing.len() * table.records();
    let lacking: usize = quality.missing.values().sum();
    quality.completeness_pct = (asked > 0).then(|| 100.0 * (1.0 - lacking as f64 / asked as f64));
}

/// The arm of each subject as its place in the protocol's; those that have none there are noted.
pub(super) fn arms(
    arms: &Coded,
    frame: &Frame,
    protocol: &Protocol,
    quality: &mut QualityMetrics,
) -> Vec<Option<u32>> {
    let places: Vec<Option<u32>> = arms
        .levels
        .iter()
        .map(|arm| protocol.arms.iter().position(|name| name == arm).and_then(|at| u32::try_from(at).ok()))
        .collect();
    let mut all = Vec::with_capacity(frame.len());
    for (code, mask) in arms.codes.iter().zip(&frame.masks) {
        let arm = code.and_then(|code| places.get(code as usize).copied().flatten());
        if arm.is_none() {
            let list = if code.is_some() { &mut quality.unknown_arm } else { &mut quality.missing_arm };
            list.push(mask.clone());
        }
        all.push(arm);
    }
    all
}

/// Whether the outcome of an event is death.
fn says_fatal(outcome: &str) -> bool {
    matches!(outcome.trim().to_lowercase().as_str(), "fatal" | "death" | "died" | "dead" | "5")
}

/// What contradicts itself between fields and tables.
pub(super) fn contradictions(
    subjects: &Subjects,
    events: &AdverseEvents,
    protocol: &Protocol,
    negative_times: &BTreeSet<(String, String)>,
    ledger: &mut Ledger,
) {
    if let Some(Column::Categorical(actual)) = subjects.field("actual_arm") {
        for ((arm, actual), mask) in subjects.arm.iter().zip(actual.iter()).zip(&subjects.id) {
            let assigned = arm.and_then(|arm| protocol.arms.get(arm as usize));
            if let (Some(assigned), Some(actual)) = (assigned, actual)
                && assigned != actual
            {
                let told = format!("assigned {assigned}, treated {actual}");
                ledger.rule(
                    "treated_other_than_assigned",
                    Some(mask),
                    "study_data.subjects[].actual_arm",
                    told,
                );
            }
        }
    }
    for (id, times) in &subjects.events {
        let field = format!("study_data.subjects[].events.{id}");
        for ((time, event), mask) in times.time.iter().zip(&times.event).zip(&subjects.id) {
            // A negative time is told as such and was never missing in the source.
            let is_told = || negative_times.contains(&(id.clone(), mask.clone()));
            if time.is_some() != event.is_some() && !is_told() {
                let told = if time.is_some() {
                    "a time without an event flag"
                } else {
                    "an event flag without a time"
                };
                ledger.rule("incomplete_event", Some(mask), &field, told);
            }
        }
    }
    if let Some(deaths) = subjects.field("death").and_then(Column::booleans) {
        let is_fatal: Vec<bool> = events.outcome.levels.iter().map(|outcome| says_fatal(outcome)).collect();
        let mut with_fatal = BTreeSet::new();
        for ((subject, fatal), outcome) in events.subject.iter().zip(&events.fatal).zip(&events.outcome.codes)
        {
            let of_outcome = outcome.and_then(|code| is_fatal.get(code as usize).copied());
            if fatal.or(of_outcome) == Some(true) {
                with_fatal.insert(*subject);
            }
        }
        let death = |subject: u32| deaths.get(subject as usize).copied().flatten();
        // Where no event says whether it was fatal, none can be missing.
        let is_told = events.fatal.iter().any(Option::is_some) || is_fatal.contains(&true);
        let dead = (0u32..).zip(&subjects.id).filter(|(subject, _)| death(*subject) == Some(true));
        for (_, mask) in dead.filter(|(subject, _)| is_told && !with_fatal.contains(subject)) {
            ledger.rule(
                "death_without_fatal_event",
                Some(mask),
                "study_data.subjects[].death",
                "death is true, and no adverse event of the subject is fatal",
            );
        }
        for subject in with_fatal.iter().filter(|subject| death(**subject) == Some(false)) {
            let mask = subjects.id.get(*subject as usize).map(String::as_str);
            ledger.rule(
                "fatal_event_of_a_living_subject",
                mask,
                "study_data.adverse_events[].fatal",
                "fatal, and death is false",
            );
        }
    }
}
