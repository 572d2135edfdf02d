//! Looks through everything in the study's data for identifiers, before anything of it is used.

use std::collections::{BTreeMap, HashSet};

use crate::{
    privacy::{Identifier, Scrubber, kind_of_path},
    raw::{Kind, RawColumn, RawStudy, Table, Texts},
};

use super::{
    convert::number_text,
    frame::id_column,
    ledger::{Ledger, place},
};

/// Columns of sites, whose names are masked.
pub(super) fn is_site(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path).to_lowercase();
    matches!(
        key.as_str(),
        "site"
            | "site_id"
            | "siteid"
            | "site_group"
            | "site_name"
            | "site_number"
            | "center"
            | "centre"
            | "center_id"
            | "centre_id"
            | "clinic"
            | "hospital"
            | "institution"
    )
}

/// The lists of the study but the subjects, with their names.
pub(super) fn lists(study: &RawStudy) -> [(&'static str, &Table); 3] {
    [("visits", &study.visits), ("adverse_events", &study.adverse_events), ("labs", &study.labs)]
}

/// What is known to identify: all subjects' ids, names of sites, and what stands under keys that say so.
pub(super) fn learn(study: &RawStudy) -> Scrubber {
    let mut scrubber = Scrubber::default();
    // The same ids are in all lists.
    let mut ids: HashSet<&str> = HashSet::new();
    for table in study.subjects.iter().chain(lists(study).map(|(_, table)| table)) {
        let id = id_column(table).map(|column| column.path.as_str());
        for column in &table.columns {
            let kind = if Some(column.path.as_str()) == id {
                Some(Identifier::Other)
            } else if is_site(&column.path) {
                Some(Identifier::Place)
            } else {
                kind_of_path(&column.path)
            };
            let Some(kind) = kind else { continue };
            let is_id = Some(column.path.as_str()) == id;
            for text in column.texts.iter().filter(|text| !is_id || ids.insert(text)) {
                scrubber.learn(text, kind);
            }
            // Short numbers occur everywhere; `learn` leaves them.
            for cell in column.cells(table.rows) {
                if let Kind::Number(value) = cell {
                    scrubber.learn(&number_text(value), kind);
                }
            }
        }
        learn_nested(&mut scrubber, &table.nested);
    }
    learn_nested(&mut scrubber, &study.unknown);
    scrubber
}

fn learn_nested(scrubber: &mut Scrubber, nested: &BTreeMap<String, Texts>) {
    for (path, texts) in nested {
        if let Some(kind) = kind_of_path(&path.replace("[]", "")) {
            texts.iter().for_each(|text| scrubber.learn(text, kind));
        }
    }
}

/// Note the identifiers of a list's columns that are not passed on, and that they are not.
pub(super) fn report(
    name: &str,
    table: &Table,
    scrubber: &Scrubber,
    ledger: &mut Ledger,
    is_used: &dyn Fn(&RawColumn) -> bool,
) {
    for column in table.columns.iter().filter(|column| !is_used(column)) {
        let at = place(name, &column.path, scrubber);
        let n = column.cells(table.rows).filter(|c| !matches!(c, Kind::Absent | Kind::Null)).count();
        match kind_of_path(&column.path) {
            Some(kind) => {
                ledger.identifier(&at, kind, "key", "removed", n);
                ledger.not_passed_on(&at, "a direct identifier by its name", n);
            }
            None => {
                for (kind, n) in hits(column, table.rows, scrubber) {
                    ledger.identifier(&at, kind, "value", "removed", n);
                }
                ledger.not_passed_on(&at, "not known, and not named in the protocol", n);
            }
        }
    }
    for (path, texts) in &table.nested {
        nested(&place(name, path, scrubber), path, texts, scrubber, ledger);
    }
    for (path, n) in &table.repeated_keys {
        let at = place(name, path, scrubber);
        ledger.not_passed_on(&at, "the key occurs twice in a record: its first value counts", *n);
    }
    if table.surplus_values > 0 {
        let at = format!("study_data.{name}.rows");
        ledger.not_passed_on(&at, "values behind the last column", table.surplus_values);
    }
}

/// The same of what stands beside the lists.
pub(super) fn report_unknown(study: &RawStudy, scrubber: &Scrubber, ledger: &mut Ledger) {
    for (path, texts) in &study.unknown {
        let clean = scrubber.scrub_key(path).unwrap_or_else(|| path.clone());
        nested(&format!("study_data.{clean}"), path, texts, scrubber, ledger);
    }
}

fn nested(at: &str, path: &str, texts: &Texts, scrubber: &Scrubber, ledger: &mut Ledger) {
    ledger.not_passed_on(at, "nested or not known", texts.len());
    if let Some(kind) = kind_of_path(&path.replace("[]", "")) {
        ledger.identifier(at, kind, "key", "removed", texts.len());
        return;
    }
    for kind in texts.iter().filter_map(|text| scrubber.scrub(text, true)).flat_map(|(_, kinds)| kinds) {
        ledger.identifier(at, kind, "value", "removed", 1);
    }
}

/// How many values of a column hold identifiers, by kind.
fn hits(column: &RawColumn, rows: usize, scrubber: &Scrubber) -> BTreeMap<Identifier, usize> {
    let kinds: Vec<Vec<Identifier>> = column
        .texts
        .iter()
        .map(|text| scrubber.scrub(text, true).map_or_else(Vec::new, |(_, kinds)| kinds))
        .collect();
    let mut counts = BTreeMap::new();
    for cell in column.cells(rows) {
        let places = match cell {
            Kind::Text(place) => vec![place],
            Kind::List(list) => column.lists.get(list as usize).cloned().unwrap_or_default(),
            _ => continue,
        };
        for kind in places.iter().filter_map(|place| kinds.get(*place as usize)).flatten() {
            *counts.entry(*kind).or_default() += 1;
        }
    }
    counts
}
