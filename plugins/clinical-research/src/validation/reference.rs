//! The reference date of each record, and the study days counted from it.

use std::collections::BTreeMap;

use crate::study::Column;

use super::{
    dates::study_day,
    fields::{Context, Fields},
    ledger::{Ledger, place},
};

/// Where the study days are counted from, the first that a subject has.
const REFERENCES: [&str; 8] = [
    "reference_start",
    "treatment_start",
    "randomisation_date",
    "randomization_date",
    "randomisation",
    "randomization",
    "enrolment_date",
    "consent_date",
];

/// Find each record's reference date.
pub(super) fn references(c: &Context<'_>, out: &mut Fields) {
    let mut names: Vec<&str> =
        REFERENCES.iter().copied().filter(|name| out.dates.contains_key(*name)).collect();
    // Without any of these the earliest of a subject's dates.
    let earliest = "the earliest date";
    let rest: Vec<&String> = out.dates.keys().collect();
    let mut reference = Vec::with_capacity(c.table.rows);
    let mut by = Vec::with_capacity(c.table.rows);
    names.dedup();
    for row in 0..c.table.rows {
        let of = |name: &str| out.dates.get(name).and_then(|days| days.get(row).copied().flatten());
        let found = names.iter().find_map(|name| Some((of(name)?, *name)));
        let found = found.or_else(|| Some((rest.iter().filter_map(|name| of(name)).min()?, earliest)));
        reference.push(found.map(|(day, _)| day));
        by.push(found.map(|(_, name)| name));
    }
    let mut fields: BTreeMap<String, usize> = BTreeMap::new();
    for name in c.frame.rows.iter().filter_map(|row| by.get(*row as usize).copied().flatten()) {
        *fields.entry(name.to_owned()).or_default() += 1;
    }
    out.reference = reference;
    out.reference_fields = fields;
}

/// Dates become study days.
pub(super) fn study_days(c: &Context<'_>, ledger: &mut Ledger, out: &mut Fields) {
    for (path, values) in &out.dates {
        let day = |row: &u32| {
            let date = values.get(*row as usize).copied().flatten()?;
            Some(study_day(date, out.reference.get(*row as usize).copied().flatten()?))
        };
        let days: Vec<Option<f64>> = c.frame.rows.iter().map(day).collect();
        let n = days.iter().flatten().count();
        ledger.standardised(&place("subjects", path, c.scrubber), "a calendar date to a study day", n);
        out.fields.entry(path.clone()).or_insert(Column::Day(days));
    }
}
