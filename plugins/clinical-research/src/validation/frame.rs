//! Who the subjects are: ids, repetitions, masks.

use std::collections::{BTreeMap, HashMap};

use crate::{
    privacy::Masker,
    raw::{RawColumn, Table},
};

use super::convert::id_at;

/// Columns that hold the subject's id, the first that is there.
const ID_COLUMNS: [&str; 8] =
    ["subject_id", "usubjid", "USUBJID", "subjid", "SUBJID", "participant_id", "patient_id", "id"];

/// The column of the subjects' ids.
pub(super) fn id_column(table: &Table) -> Option<&RawColumn> {
    ID_COLUMNS.iter().find_map(|name| table.column(name))
}

/// The subjects among the records.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Of each subject, the raw row of its first record. Subjects are in the order of their masks.
    pub(super) rows: Vec<u32>,
    /// Of each subject, its masked id.
    pub(super) masks: Vec<String>,
    /// Of each subject, its id; None where the record has none.
    pub(super) originals: Vec<Option<String>>,
    /// Of each raw row, its subject.
    pub(super) subject_of: Vec<u32>,
    /// Raw rows that repeat an id.
    pub(super) repeated: Vec<u32>,
    /// Subjects by id.
    by_id: HashMap<String, u32>,
}

impl Frame {
    pub(super) fn new(table: &Table, masker: &Masker) -> Self {
        let column = id_column(table);
        let ids: Vec<Option<String>> =
            (0..table.rows).map(|row| column.and_then(|column| id_at(column, row))).collect();
        let mut first: HashMap<&str, u32> = HashMap::with_capacity(ids.len());
        let mut repeated = Vec::new();
        // A record without an id is a subject of its own, named by its place for the mask only.
        let mut people: Vec<(String, u32)> = Vec::new();
        for (row, id) in (0u32..).zip(&ids) {
            match id {
                None => people.push((format!("\u{0}record {row}"), row)),
                Some(id) => {
                    if let std::collections::hash_map::Entry::Vacant(free) = first.entry(id) {
                        free.insert(row);
                        people.push((id.clone(), row));
                    } else {
                        repeated.push(row);
                    }
                }
            }
        }
        let masks = masker.masks("S", people.iter().map(|(id, _)| id.as_str()));
        let mut order: Vec<(&str, u32)> =
            people.iter().map(|(id, row)| (masks.get(id).map_or("", String::as_str), *row)).collect();
        order.sort_unstable();
        let mut subject_of = vec![0; ids.len()];
        for (subject, (_, row)) in (0u32..).zip(&order) {
            if let Some(slot) = subject_of.get_mut(*row as usize) {
                *slot = subject;
            }
        }
        let by_id: HashMap<String, u32> = first
            .iter()
            .filter_map(|(id, row)| Some(((*id).to_owned(), *subject_of.get(*row as usize)?)))
            .collect();
        for row in &repeated {
            let subject = ids.get(*row as usize).and_then(|id| by_id.get(id.as_ref()?)).copied();
            if let (Some(slot), Some(subject)) = (subject_of.get_mut(*row as usize), subject) {
                *slot = subject;
            }
        }
        Self {
            rows: order.iter().map(|(_, row)| *row).collect(),
            masks: order.iter().map(|(mask, _)| (*mask).to_owned()).collect(),
            originals: order.iter().map(|(_, row)| ids.get(*row as usize).cloned().flatten()).collect(),
            subject_of,
            repeated,
            by_id,
        }
    }

    /// How many subjects there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The subject with an id.
    pub(super) fn subject(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// The mask of a raw row's subject.
    pub(super) fn mask_of_row(&self, row: usize) -> &str {
        let subject = self.subject_of.get(row).copied().unwrap_or(u32::MAX);
        self.mask(subject)
    }

    /// The mask of a subject.
    pub(super) fn mask(&self, subject: u32) -> &str {
        self.masks.get(subject as usize).map_or("", String::as_str)
    }
}

/// The masked names of sites: `SITE-` and digits.
pub(super) fn site_masks<'c>(
    columns: impl Iterator<Item = (&'c RawColumn, usize)>,
    masker: &Masker,
) -> BTreeMap<String, String> {
    let mut originals: Vec<String> = Vec::new();
    for (column, rows) in columns {
        originals.extend(column.texts.iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()));
        if column.cells(rows).any(|cell| matches!(cell, crate::raw::Kind::Number(_))) {
            originals.extend((0..rows).filter_map(|row| id_at(column, row)));
        }
    }
    originals.sort_unstable();
    originals.dedup();
    masker.masks("SITE", originals.iter().map(String::as_str))
}
