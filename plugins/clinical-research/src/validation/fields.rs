//! The subjects' fields: what each is, and its values in the order of the subjects.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    privacy::{Identifier, Scrubber},
    raw::{Kind, RawColumn, Table},
    study::{Coded, Column, Events, Protocol},
};

use super::{
    category::{Categories, Spelling},
    convert::{Reading, booleans, days, numbers},
    frame::Frame,
    ledger::{Ledger, masked, place},
    reference::{references, study_days},
    role::{Role, Wanted},
    undeclared,
};

/// Lists of more different texts are not taken apart.
const MOST_ITEMS: usize = 200;

/// What is read of the subjects.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) fields: BTreeMap<String, Column>,
    pub(super) events: BTreeMap<String, Events>,
    /// Of each raw row, the reference date, in days since 1970.
    pub(super) reference: Vec<Option<i32>>,
    /// How many subjects by the field of their reference date.
    pub(super) reference_fields: BTreeMap<String, usize>,
    /// Dates by field, for each raw row.
    pub(super) dates: BTreeMap<String, Vec<Option<i32>>>,
    /// Numbers by field, for each raw row.
    pub(super) numbers: BTreeMap<String, Vec<Option<f64>>>,
    /// Ids of endpoints and masks of the subjects whose time is negative.
    pub(super) negative_times: BTreeSet<(String, String)>,
}

/// What the reading needs.
pub(super) struct Context<'c> {
    pub(super) table: &'c Table,
    pub(super) frame: &'c Frame,
    pub(super) wanted: &'c Wanted,
    pub(super) scrubber: &'c Scrubber,
    pub(super) sites: &'c BTreeMap<String, String>,
}

/// Read the fields.
pub(super) fn read(c: &Context<'_>, ledger: &mut Ledger) -> Fields {
    let mut out = Fields::default();
    for column in &c.table.columns {
        if is_identifying_path(c.wanted, c.scrubber, &column.path) {
            continue;
        }
        let at = place("subjects", &column.path, c.scrubber);
        match c.wanted.role(c.table, &column.path) {
            Role::Key | Role::Unused => {}
            Role::Site => {
                let read = Categories::new(column, c.table.rows, c.scrubber, false, &Spelling::Map(c.sites));
                put(&mut out, column, Column::Categorical(read.coded(&c.frame.rows)));
            }
            Role::Date if has_text(column, c.table.rows) => {
                let values = ledger.read(
                    &at,
                    "a date",
                    (column, c.table.rows),
                    &days(column),
                    c.scrubber,
                    masked(c.frame),
                );
                out.dates.insert(column.path.clone(), values);
            }
            Role::Date | Role::Number => number(c, ledger, &mut out, column, &at),
            Role::Boolean => boolean(c, ledger, &mut out, column, &at),
            Role::Sex => category(c, ledger, &mut out, column, &at, &Spelling::Sex),
            Role::Category => category(c, ledger, &mut out, column, &at, &Spelling::Fold),
            Role::Values => as_its_values(c, ledger, &mut out, column, &at),
        }
    }
    for events in out.events.values_mut() {
        events.time.resize(c.frame.len(), None);
        events.event.resize(c.frame.len(), None);
        events.order_ties(&c.frame.rows);
    }
    references(c, &mut out);
    study_days(c, ledger, &mut out);
    out
}

/// A path that names a person, as where people are keys. What the protocol names may have words with capitals.
pub(super) fn is_identifying_path(wanted: &Wanted, scrubber: &Scrubber, path: &str) -> bool {
    match wanted.names(path) {
        true => scrubber.scrub(path, true).is_some(),
        false => scrubber.scrub_key(path).is_some(),
    }
}

/// Put a column where it belongs: `events.ID.time` and `events.ID.event` among the events.
fn put(out: &mut Fields, column: &RawColumn, values: Column) {
    let event = column.path.strip_prefix("events.").and_then(|rest| rest.rsplit_once('.'));
    match (event, values) {
        (Some((id, "time")), Column::Numeric(time)) => {
            out.events.entry(id.to_owned()).or_default().time = time;
        }
        (Some((id, "event")), Column::Boolean(event)) => {
            out.events.entry(id.to_owned()).or_default().event = event;
        }
        (_, values) => {
            out.fields.entry(column.path.clone()).or_insert(values);
        }
    }
}

fn has_text(column: &RawColumn, rows: usize) -> bool {
    column.cells(rows).any(|cell| matches!(cell, Kind::Text(_)))
}

/// The values of the subjects of those of all records.
fn of_subjects<T: Copy>(c: &Context<'_>, values: &[Option<T>]) -> Vec<Option<T>> {
    c.frame.rows.iter().map(|row| values.get(*row as usize).copied().flatten()).collect()
}

fn number(c: &Context<'_>, ledger: &mut Ledger, out: &mut Fields, column: &RawColumn, at: &str) {
    let mut values =
        ledger.read(at, "a number", (column, c.table.rows), &numbers(column), c.scrubber, masked(c.frame));
    if let Some(path) = column.path.strip_prefix("events.") {
        let id = path.strip_suffix(".time").unwrap_or(path);
        for (row, value) in values.iter_mut().enumerate() {
            if let Some(time) = value.filter(|time| *time < 0.0) {
                let mask = c.frame.mask_of_row(row);
                let told = format!(
                    "{time}: taken as missing, so that the subject is out of this endpoint's analysis"
                );
                ledger.rule("negative_event_time", Some(mask), at, told);
                // Another record of the same subject does not speak for it.
                if u32::try_from(row).is_ok_and(|row| c.frame.repeated.binary_search(&row).is_err()) {
                    out.negative_times.insert((id.to_owned(), mask.to_owned()));
                }
                *value = None;
            }
        }
    }
    put(out, column, Column::Numeric(of_subjects(c, &values)));
    out.numbers.insert(column.path.clone(), values);
}

fn boolean(c: &Context<'_>, ledger: &mut Ledger, out: &mut Fields, column: &RawColumn, at: &str) {
    let values =
        ledger.read(at, "yes or no", (column, c.table.rows), &booleans(column), c.scrubber, masked(c.frame));
    put(out, column, Column::Boolean(of_subjects(c, &values)));
}

fn category(
    c: &Context<'_>,
    ledger: &mut Ledger,
    out: &mut Fields,
    column: &RawColumn,
    at: &str,
    spelling: &Spelling<'_>,
) {
    let read = Categories::new(column, c.table.rows, c.scrubber, true, spelling);
    let mut coded = read.coded(&c.frame.rows);
    if matches!(spelling, Spelling::Sex) {
        undeclared::unknown_sexes(&coded, at, ledger);
    }
    if c.wanted.is_undeclared(&column.path) {
        if let Some(reason) = undeclared::identifies(&coded) {
            let values = coded.codes.iter().flatten().count();
            ledger.identifier(at, Identifier::Other, "value", "removed", values);
            ledger.not_passed_on(at, reason, values);
            ledger.rule("undeclared_text_withheld", None, at, reason);
            return;
        }
        let n = undeclared::withhold_remarks(&mut coded);
        if n > 0 {
            ledger.identifier(at, Identifier::Other, "value", "masked", n);
            let told = format!(
                "{} and masked, of a field that nobody declared",
                heddle_kit::report::counted(
                    n,
                    "value looks like a remark or name",
                    "values look like remarks or names"
                )
            );
            ledger.rule("undeclared_text_masked", None, at, told);
        }
    }
    let is_named = c.wanted.names_category(&column.path);
    let values = coded.codes.iter().flatten().count();
    // Nearly as many texts as subjects are remarks, and nobody asked for them.
    if !is_named && coded.levels.len() > 50 && 2 * coded.levels.len() > values {
        for (kind, n) in &read.changes.masked {
            ledger.identifier(at, *kind, "value", "removed", *n);
        }
        ledger.not_passed_on(at, "free text: nearly as many texts as subjects", values);
        return;
    }
    ledger.changes(at, &read.changes);
    put(out, column, Column::Categorical(coded));
}

/// A field of which the protocol does not say what it is: numbers where at least half of the values are, yes or no, dates, else
/// categories.
fn as_its_values(c: &Context<'_>, ledger: &mut Ledger, out: &mut Fields, column: &RawColumn, at: &str) {
    let rows = c.table.rows;
    let (mut lists, mut numbers_, mut booleans_, mut texts) = (0usize, 0usize, 0usize, 0usize);
    for cell in column.cells(rows) {
        match cell {
            Kind::List(_) => lists += 1,
            Kind::Number(_) => numbers_ += 1,
            Kind::Boolean(_) => booleans_ += 1,
            Kind::Text(_) => texts += 1,
            Kind::Absent | Kind::Null => {}
        }
    }
    if lists > 0 {
        list(c, ledger, out, column, at);
        return;
    }
    if texts > 0 && numbers_ + booleans_ == 0 {
        let reader = days(column);
        let is = |row| matches!(reader.at(row), Reading::Is(_));
        if (0..rows).filter(|row| is(*row)).count() * 2 > texts {
            let values = ledger.read(at, "a date", (column, rows), &reader, c.scrubber, masked(c.frame));
            out.dates.insert(column.path.clone(), values);
            return;
        }
    }
    let reader = numbers(column);
    let readable = (0..rows).filter(|row| reader.at(*row).value().is_some()).count();
    // Codes such as "1" and "2" that are texts throughout stay categories.
    if numbers_ > 0 && 2 * readable >= numbers_ + texts + booleans_ {
        if undeclared::are_long_numbers((0..rows).filter_map(|row| reader.at(row).value())) {
            ledger.identifier(at, Identifier::Other, "value", "removed", readable);
            ledger.not_passed_on(at, undeclared::LONG_NUMBERS, readable);
            ledger.rule("undeclared_numbers_withheld", None, at, undeclared::LONG_NUMBERS);
            return;
        }
        number(c, ledger, out, column, at);
    } else if booleans_ > 0 && booleans_ >= texts + numbers_ {
        boolean(c, ledger, out, column, at);
    } else {
        category(c, ledger, out, column, at, &Spelling::Fold);
    }
}

/// A list of texts: a column for each text, of who has it.
fn list(c: &Context<'_>, ledger: &mut Ledger, out: &mut Fields, column: &RawColumn, at: &str) {
    let mut items: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut remarks = 0;
    for (place, text) in (0u32..).zip(column.texts.iter()) {
        let text = match c.scrubber.scrub(text, true) {
            None => text.trim().to_owned(),
            Some((clean, kinds)) => {
                kinds.iter().for_each(|kind| ledger.identifier(at, *kind, "value", "masked", 1));
                clean
            }
        };
        if text.is_empty() {
            continue;
        }
        if c.wanted.is_undeclared(&column.path) && !is_history(&column.path) && undeclared::is_remark(&text) {
            remarks += 1;
            continue;
        }
        items.entry(text).or_default().push(place);
    }
    if remarks > 0 {
        ledger.identifier(at, Identifier::Other, "value", "removed", remarks);
        ledger.not_passed_on(
            at,
            "texts in a list that nobody declared, which look like remarks or names",
            remarks,
        );
    }
    if items.len() > MOST_ITEMS {
        ledger.not_passed_on(at, "a list of more than 200 different texts", items.len());
        return;
    }
    for (item, places) in items {
        let has = |row: &u32| match column.cell(*row as usize) {
            Kind::List(list) => Some(
                column.lists.get(list as usize).is_some_and(|list| list.iter().any(|p| places.contains(p))),
            ),
            Kind::Text(place) => Some(places.contains(&place)),
            _ => None,
        };
        let values = c.frame.rows.iter().map(has).collect();
        out.fields.entry(format!("{}[{item}]", column.path)).or_insert(Column::Boolean(values));
    }
}

/// Lists of illnesses and medicines, whose names have several words.
fn is_history(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path);
    ["comorbid", "history", "medication", "diagnos", "condition", "allerg", "symptom"]
        .iter()
        .any(|stem| key.contains(stem))
}

/// The arms of the records, in the protocol's spelling.
pub(super) fn arms(c: &Context<'_>, protocol: &Protocol, ledger: &mut Ledger) -> Coded {
    let Some(column) = c.table.column("arm") else { return Coded::missing(c.frame.len()) };
    let read = Categories::new(column, c.table.rows, c.scrubber, true, &Spelling::To(&protocol.arms));
    ledger.changes(&place("subjects", "arm", c.scrubber), &read.changes);
    read.coded(&c.frame.rows)
}
