//! Visits, adverse events and laboratory values: read, checked, in the order of the subjects.

use std::collections::BTreeMap;

use crate::{
    raw::Table,
    study::{AdverseEvents, Labs, Protocol, Visits},
};

use super::{
    frame::{Frame, id_column},
    ledger::Ledger,
    plausible,
    quality::{OutOfWindow, QualityMetrics},
    rows::Rows,
};

/// The columns that are read of a list.
pub(super) fn is_read(list: &str, table: &Table, path: &str) -> bool {
    let names: &[&str] = match list {
        "visits" => &["assessment", "visit", "date", "day", "value"],
        "adverse_events" => &[
            "soc",
            "pt",
            "severity",
            "grade",
            "ctcae_grade",
            "toxicity_grade",
            "serious",
            "related",
            "relationship",
            "start_day",
            "end_day",
            "start_date",
            "end_date",
            "treatment_emergent",
            "fatal",
            "outcome",
            "action",
        ],
        _ => &["test", "visit", "date", "day", "value", "low", "high", "grade_low", "grade_high"],
    };
    names.contains(&path) || id_column(table).is_some_and(|column| column.path == path)
}

/// What every table's reading needs.
pub(super) struct Around<'c> {
    pub(super) frame: &'c Frame,
    pub(super) protocol: &'c Protocol,
    /// Of each raw row of the subjects, the reference date.
    pub(super) reference: &'c [Option<i32>],
}

pub(super) fn visits(
    rows: &Rows<'_>,
    c: &Around<'_>,
    quality: &mut QualityMetrics,
    ledger: &mut Ledger,
) -> Visits {
    let day = rows.days(("day", "date"), c.frame, c.reference, ledger);
    let value = rows.numbers("value", c.frame, ledger);
    quality.n_visits = rows.flow.records;
    quality.duplicate_visits = rows.flow.repeated;
    quality.orphan_visits = rows.flow.orphans;
    if let Some(column) = rows.table.column("visit") {
        let windows: Vec<Option<usize>> = column
            .texts
            .iter()
            .map(|name| {
                let name = rows.cleaned(name.trim());
                c.protocol.visit_windows.iter().position(|window| window.visit == name)
            })
            .collect();
        for (row, day) in day.iter().enumerate() {
            let (Some(day), crate::raw::Kind::Text(name)) = (*day, column.cell(row)) else { continue };
            let at = windows.get(name as usize).copied().flatten();
            let Some(window) = at.and_then(|at| c.protocol.visit_windows.get(at)) else { continue };
            if day < window.low || day > window.high {
                quality.visits_out_of_window.push(OutOfWindow {
                    subject_id: rows.mask(c.frame, row).unwrap_or_default(),
                    visit: window.visit.clone(),
                    day,
                });
            }
        }
    }
    Visits {
        subject: rows.subjects.clone(),
        assessment: rows.categories("assessment", false, ledger),
        visit: rows.categories("visit", false, ledger),
        day: rows.pick(&day),
        value: rows.pick(&value),
    }
}

pub(super) fn adverse_events(
    rows: &Rows<'_>,
    c: &Around<'_>,
    quality: &mut QualityMetrics,
    ledger: &mut Ledger,
) -> AdverseEvents {
    quality.n_adverse_events = rows.flow.records;
    quality.duplicate_adverse_events = rows.flow.repeated;
    quality.orphan_adverse_events = rows.flow.orphans;
    let start = rows.days(("start_day", "start_date"), c.frame, c.reference, ledger);
    let end = rows.days(("end_day", "end_date"), c.frame, c.reference, ledger);
    for (row, (start, end)) in start.iter().zip(&end).enumerate() {
        match (start, end) {
            (None, _) => {
                quality.ae_missing_start_day += 1;
                let mask = rows.mask(c.frame, row);
                ledger.find("ae_missing_start_day", mask.as_deref(), &rows.place("start_day"), "nothing");
            }
            (Some(start), Some(end)) if end < start => {
                quality.ae_end_before_start += 1;
                let mask = rows.mask(c.frame, row);
                let told = format!("from day {start} to day {end}");
                ledger.find("ae_end_before_start", mask.as_deref(), &rows.place("end_day"), told);
            }
            _ => {}
        }
    }
    let grade =
        ["grade", "ctcae_grade", "toxicity_grade"].into_iter().find(|name| rows.table.column(name).is_some());
    let possible = ("ae_grade_impossible", [1.0, 2.0, 3.0, 4.0, 5.0].as_slice());
    let mut grade = rows.grades(grade.unwrap_or("grade"), possible, c.frame, ledger);
    grade.iter_mut().for_each(|grade| *grade = grade.filter(|grade| possible.1.contains(grade)));
    let severity = rows.categories("severity", false, ledger);
    plausible::unknown_severities(&severity, &rows.place("severity"), ledger);
    let start_day = rows.pick(&start);
    let treatment_emergent = rows.booleans("treatment_emergent", c.frame, ledger);
    for ((row, start), emergent) in rows.rows.iter().zip(&start_day).zip(&treatment_emergent) {
        if let Some(start) = start.filter(|start| *start < 1.0 && *emergent == Some(true)) {
            let mask = rows.mask(c.frame, *row as usize);
            let told =
                format!("true, and the event began on day {start}, before treatment; it counts as flagged");
            ledger.rule(
                "emergent_before_treatment",
                mask.as_deref(),
                &rows.place("treatment_emergent"),
                told,
            );
        }
    }
    AdverseEvents {
        subject: rows.subjects.clone(),
        soc: rows.categories("soc", false, ledger),
        pt: rows.categories("pt", false, ledger),
        severity,
        grade: rows.pick(&grade),
        serious: rows.booleans("serious", c.frame, ledger),
        related: rows.booleans("related", c.frame, ledger),
        relationship: rows.categories("relationship", true, ledger),
        start_day,
        end_day: rows.pick(&end),
        treatment_emergent,
        fatal: rows.booleans("fatal", c.frame, ledger),
        outcome: rows.categories("outcome", true, ledger),
        action: rows.categories("action", true, ledger),
        repeated: rows.repeated_places(),
    }
}

pub(super) fn labs(
    rows: &Rows<'_>,
    tests: &BTreeMap<String, String>,
    c: &Around<'_>,
    quality: &mut QualityMetrics,
    ledger: &mut Ledger,
) -> Labs {
    quality.n_labs = rows.flow.records;
    quality.duplicate_labs = rows.flow.repeated;
    quality.orphan_labs = rows.flow.orphans;
    let value = rows.numbers("value", c.frame, ledger);
    let ranges: Vec<Option<[f64; 2]>> = rows.table.column("test").map_or_else(Vec::new, |column| {
        column
            .texts
            .iter()
            .map(|test| c.protocol.lab_ranges.get(&*rows.cleaned(test.trim())).copied())
            .collect()
    });
    let (raw, tests_read) = (rows.table.column("value"), rows.table.column("test"));
    for (row, value) in value.iter().enumerate() {
        let test = tests_read.map(|column| column.cell(row));
        let Some(value) = *value else {
            if raw.is_none_or(|column| !super::convert::is_present(column, row)) {
                quality.lab_missing_value += 1;
            }
            continue;
        };
        let Some(crate::raw::Kind::Text(test)) = test else { continue };
        let Some([low, high]) = ranges.get(test as usize).copied().flatten() else { continue };
        if value < low || value > high {
            quality.lab_out_of_range += 1;
            let told = format!("{value} is outside {low} to {high}");
            ledger.find("lab_out_of_range", rows.mask(c.frame, row).as_deref(), &rows.place("value"), told);
        }
    }
    let day = rows.days(("day", "date"), c.frame, c.reference, ledger);
    let mut number = |path: &str| rows.pick(&rows.numbers(path, c.frame, ledger));
    let (low, high) = (number("low"), number("high"));
    // Grade 0 is a value within its limits. An impossible one is passed on, and counted where grades are used.
    let possible = ("lab_grade_impossible", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].as_slice());
    let mut grade = |path: &str| rows.pick(&rows.grades(path, possible, c.frame, ledger));
    let (grade_low, grade_high) = (grade("grade_low"), grade("grade_high"));
    Labs {
        tests: tests.clone(),
        subject: rows.subjects.clone(),
        test: rows.categories("test", false, ledger),
        visit: rows.categories("visit", false, ledger),
        day: rows.pick(&day),
        value: rows.pick(&value),
        low,
        high,
        grade_low,
        grade_high,
        repeated: rows.repeated_places(),
    }
}
