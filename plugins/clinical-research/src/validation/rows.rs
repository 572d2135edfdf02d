//! The rows of a table: whose they are, and which repeat others.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    privacy::{Masker, Scrubber},
    raw::{RawColumn, Table, mixed},
    study::{Coded, Exclusion, TableFlow},
};

use super::{
    category::{Categories, Spelling},
    convert::{booleans, grades, id_at, numbers},
    dates::study_day,
    frame::{Frame, id_column},
    ledger::{Ledger, place},
};

/// A table's rows by subject.
pub(super) struct Rows<'t> {
    pub(super) name: &'static str,
    pub(super) table: &'t Table,
    pub(super) scrubber: &'t Scrubber,
    /// Raw rows in the order of their subjects.
    pub(super) rows: Vec<u32>,
    /// Their subjects, ascending.
    pub(super) subjects: Vec<u32>,
    /// Raw rows that repeat an earlier one, ascending.
    pub(super) repeated: Vec<u32>,
    /// Of each raw row, its subject.
    subject_of: Vec<Option<u32>>,
    pub(super) flow: TableFlow,
    pub(super) exclusions: Vec<Exclusion>,
    /// Masks of ids that are not in the study.
    pub(super) strangers: BTreeMap<String, String>,
}

impl<'t> Rows<'t> {
    /// `name` is the list's, `what` one of its records'.
    pub(super) fn new(
        (name, what): (&'static str, &str),
        table: &'t Table,
        frame: &Frame,
        masker: &Masker,
        scrubber: &'t Scrubber,
    ) -> Self {
        let column = id_column(table);
        let ids = column.map(|column| Ids::new(column, table.rows, frame));
        let subject_of: Vec<Option<u32>> =
            (0..table.rows).map(|row| ids.as_ref().and_then(|ids| ids.subject(row, frame))).collect();
        let stranger = |row: usize| column.and_then(|column| id_at(column, row));
        let orphans: Vec<usize> =
            subject_of.iter().enumerate().filter(|(_, s)| s.is_none()).map(|(row, _)| row).collect();
        let foreign: Vec<String> = orphans.iter().filter_map(|row| stranger(*row)).collect();
        let strangers = masker.masks("X", foreign.iter().map(String::as_str));
        let mut exclusions = Vec::new();
        for unreadable in &table.unreadable {
            exclusions.push(Exclusion {
                what: what.to_owned(),
                subject: None,
                position: Some(unreadable.position),
                from: "study".to_owned(),
                reason: format!("{} stands in place of a record", unreadable.what),
            });
        }
        for row in &orphans {
            let id = stranger(*row);
            let reason = match id {
                Some(_) => "its subject is not among the subjects",
                None => "it has no subject id",
            };
            exclusions.push(Exclusion {
                what: what.to_owned(),
                subject: id.and_then(|id| strangers.get(&id).cloned()),
                position: Some(table.position(*row)),
                from: "study".to_owned(),
                reason: reason.to_owned(),
            });
        }
        let mut order: Vec<(u32, u32)> =
            (0u32..).zip(&subject_of).filter_map(|(row, subject)| Some(((*subject)?, row))).collect();
        order.sort_unstable();
        let repeated = repeats(table);
        let flow = TableFlow {
            records: table.records(),
            unreadable: table.unreadable.len(),
            orphans: orphans.len(),
            passed_on: order.len(),
            repeated: repeated.len(),
        };
        let (subjects, rows) = order.into_iter().unzip();
        Self { name, table, scrubber, rows, subjects, repeated, subject_of, flow, exclusions, strangers }
    }

    /// The mask of a raw row's subject, in the study or not.
    pub(super) fn mask(&self, frame: &Frame, row: usize) -> Option<String> {
        match self.subject_of.get(row).copied().flatten() {
            Some(subject) => Some(frame.mask(subject).to_owned()),
            None => self.strangers.get(&id_at(id_column(self.table)?, row)?).cloned(),
        }
    }

    /// The subject of a raw row.
    pub(super) fn subject(&self, row: usize) -> Option<u32> {
        self.subject_of.get(row).copied().flatten()
    }

    /// A coded term as it is passed on, without identifiers.
    pub(super) fn cleaned<'x>(&self, term: &'x str) -> Cow<'x, str> {
        self.scrubber.scrub(term, false).map_or(Cow::Borrowed(term), |(clean, _)| Cow::Owned(clean))
    }

    /// Where a column is.
    pub(super) fn place(&self, path: &str) -> String {
        place(self.name, path, self.scrubber)
    }

    /// Numbers of all raw rows; all missing where there is no such column.
    pub(super) fn numbers(&self, path: &str, frame: &Frame, ledger: &mut Ledger) -> Vec<Option<f64>> {
        let Some(column) = self.table.column(path) else { return vec![None; self.table.rows] };
        let of = (column, self.table.rows);
        ledger.read(&self.place(path), "a number", of, &numbers(column), self.scrubber, |row| {
            self.mask(frame, row)
        })
    }

    /// Grades of all raw rows; one that is none of `possible` breaks the rule.
    pub(super) fn grades(
        &self,
        path: &str,
        (rule, possible): (&str, &[f64]),
        frame: &Frame,
        ledger: &mut Ledger,
    ) -> Vec<Option<f64>> {
        let Some(column) = self.table.column(path) else { return vec![None; self.table.rows] };
        let of = (column, self.table.rows);
        let place = self.place(path);
        let grades =
            ledger.read(&place, "a grade", of, &grades(column), self.scrubber, |row| self.mask(frame, row));
        for (row, grade) in grades.iter().enumerate() {
            if let Some(given) = grade.filter(|grade| !possible.contains(grade)) {
                ledger.rule(rule, self.mask(frame, row).as_deref(), &place, given.to_string());
            }
        }
        grades
    }

    /// Study days of all raw rows: those of the one column, else counted from the dates of the other.
    pub(super) fn days(
        &self,
        (day, dates): (&str, &str),
        frame: &Frame,
        reference: &[Option<i32>],
        ledger: &mut Ledger,
    ) -> Vec<Option<f64>> {
        let mut days = self.numbers(day, frame, ledger);
        let Some(column) = self.table.column(dates) else { return days };
        let of = (column, self.table.rows);
        let reader = super::convert::days(column);
        let read = ledger
            .read(&self.place(dates), "a date", of, &reader, self.scrubber, |row| self.mask(frame, row));
        let mut derived = 0;
        for (row, (day, date)) in days.iter_mut().zip(&read).enumerate() {
            let first = self.subject(row).and_then(|s| frame.rows.get(s as usize));
            let reference = first.and_then(|first| reference.get(*first as usize).copied().flatten());
            let Some(counted) = date.zip(reference).map(|(date, reference)| study_day(date, reference))
            else {
                continue;
            };
            match *day {
                None => {
                    *day = Some(counted);
                    derived += 1;
                }
                Some(given) if given != counted => {
                    let told = format!("day {given} is given, and the date is day {counted}");
                    let mask = self.mask(frame, row);
                    ledger.rule("day_disagrees_with_date", mask.as_deref(), &self.place(dates), told);
                }
                Some(_) => {}
            }
        }
        ledger.standardised(&self.place(dates), "a calendar date to a study day", derived);
        days
    }

    /// Yes and no of the rows that are passed on.
    pub(super) fn booleans(&self, path: &str, frame: &Frame, ledger: &mut Ledger) -> Vec<Option<bool>> {
        let Some(column) = self.table.column(path) else { return vec![None; self.rows.len()] };
        let of = (column, self.table.rows);
        let all = ledger.read(&self.place(path), "yes or no", of, &booleans(column), self.scrubber, |row| {
            self.mask(frame, row)
        });
        self.pick(&all)
    }

    /// Categories of the rows that are passed on.
    pub(super) fn categories(&self, path: &str, prose: bool, ledger: &mut Ledger) -> Coded {
        let Some(column) = self.table.column(path) else { return Coded::missing(self.rows.len()) };
        let read = Categories::new(column, self.table.rows, self.scrubber, prose, &Spelling::Fold);
        ledger.changes(&self.place(path), &read.changes);
        read.coded(&self.rows)
    }

    /// The values of the rows that are passed on, of those of all raw rows.
    pub(super) fn pick<T: Copy>(&self, all: &[Option<T>]) -> Vec<Option<T>> {
        self.rows.iter().map(|row| all.get(*row as usize).copied().flatten()).collect()
    }

    /// Places of repeated rows among those that are passed on.
    pub(super) fn repeated_places(&self) -> Vec<u32> {
        let is = |(_, row): &(u32, &u32)| self.repeated.binary_search(row).is_ok();
        (0u32..).zip(&self.rows).filter(is).map(|(place, _)| place).collect()
    }
}

/// Subjects by the text of an id, each looked up once.
struct Ids<'c> {
    column: &'c RawColumn,
    texts: Vec<Option<u32>>,
}

impl<'c> Ids<'c> {
    fn new(column: &'c RawColumn, _rows: usize, frame: &Frame) -> Self {
        Self { column, texts: column.texts.iter().map(|text| frame.subject(text.trim())).collect() }
    }

    fn subject(&self, row: usize, frame: &Frame) -> Option<u32> {
        match self.column.cell(row) {
            crate::raw::Kind::Text(place) => self.texts.get(place as usize).copied().flatten(),
            _ => frame.subject(&id_at(self.column, row)?),
        }
    }
}

/// Records that have the same in every field as an earlier one.
fn repeats(table: &Table) -> Vec<u32> {
    let mut hashes = vec![0u64; table.rows];
    for column in &table.columns {
        for (row, hash) in hashes.iter_mut().enumerate() {
            *hash = mixed(*hash ^ column.key(row));
        }
    }
    // A table of places with free ones between them: a record is looked for from where its hash says until a free place.
    const FREE: u32 = u32::MAX;
    let mask = (2 * table.rows).next_power_of_two() - 1;
    let mut places = vec![FREE; mask + 1];
    let mut repeated = Vec::new();
    for (row, hash) in hashes.iter().enumerate() {
        let is_same = |other: u32| {
            hashes.get(other as usize) == Some(hash)
                && table.columns.iter().all(|column| column.same(other as usize, row))
        };
        let mut at = *hash as usize & mask;
        while let Some(place) = places.get_mut(at) {
            if *place == FREE {
                *place = row as u32;
                break;
            }
            if is_same(*place) {
                repeated.push(row as u32);
                break;
            }
            at = (at + 1) & mask;
        }
    }
    repeated
}
