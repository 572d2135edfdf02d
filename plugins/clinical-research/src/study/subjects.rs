//! The subjects, column by column.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Column, column::numbers};

/// One row for each subject, in every column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subjects {
    /// Masked ids, ascending and unique.
    pub id: Vec<String>,
    /// Place of the subject's arm in the protocol's arms; None: missing or unknown there, and in no analysis.
    pub arm: Vec<Option<u32>>,
    /// The other fields by dotted path: `age`, `sex`, `site` (masked), `baseline.bmi`, `endpoints.ID`, `populations.itt`,
    /// `treatment_start` (a study day). A list of texts such as `baseline.comorbidities` has a boolean column for each
    /// text: `baseline.comorbidities[Diabetes]`.
    pub fields: BTreeMap<String, Column>,
    /// Times to events by id.
    pub events: BTreeMap<String, Events>,
}

/// Times to one event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Time of the event or of the end of observation, in the protocol's unit. Finite; negative times are missing here.
    #[serde(with = "numbers")]
    pub time: Vec<Option<f64>>,
    /// Whether the event took place then (false: censored).
    pub event: Vec<Option<bool>>,
    /// Among events of the same time, in which order the source has them: 0 for the first. Empty where this is the order of the rows.
    /// Some figures rank tied events in this order; that of the rows is of the masks, and tells nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tied: Vec<u32>,
}

impl Events {
    /// Note the order of tied events, from where the source has each subject.
    pub(crate) fn order_ties(&mut self, source: &[u32]) {
        let mut events: Vec<(f64, u32, usize)> = (0..self.time.len())
            .filter_map(|row| match self.get(row)? {
                (time, true) => Some((time + 0.0, *source.get(row)?, row)),
                (_, false) => None,
            })
            .collect();
        events.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut tied = vec![0; self.time.len()];
        for run in events.chunk_by(|a, b| a.0 == b.0) {
            for (order, (_, _, row)) in (0..).zip(run) {
                if let Some(place) = tied.get_mut(*row) {
                    *place = order;
                }
            }
        }
        if tied.iter().any(|order| *order > 0) {
            self.tied = tied;
        }
    }

    /// By what events of the same time are to be ordered: the source's order.
    pub(crate) fn order(&self, row: u32) -> (u32, u32) {
        (self.tied.get(row as usize).copied().unwrap_or(0), row)
    }

    /// A subject's time and event, where both are known.
    pub fn get(&self, row: usize) -> Option<(f64, bool)> {
        Some(((*self.time.get(row)?)?, (*self.event.get(row)?)?))
    }
}

impl Subjects {
    /// Rows.
    pub fn len(&self) -> usize {
        self.id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.id.is_empty()
    }

    /// A field by its dotted path; None where no subject has it. (The arm is [`Subjects::arm`].)
    pub fn field(&self, path: &str) -> Option<&Column> {
        self.fields.get(path)
    }

    /// The values of an endpoint: numbers for continuous and ordinal ones, booleans for binary ones.
    pub fn endpoint(&self, id: &str) -> Option<&Column> {
        self.fields.get(&format!("endpoints.{id}"))
    }

    /// The times to an event.
    pub fn event(&self, id: &str) -> Option<&Events> {
        self.events.get(id)
    }

    /// The fields below a path, by what follows it: `under("baseline")` has `bmi`, `mmse` …
    pub fn under<'s>(&'s self, path: &str) -> impl Iterator<Item = (&'s str, &'s Column)> + use<'s> {
        let prefix = format!("{path}.");
        self.fields.iter().filter_map(move |(name, column)| Some((name.strip_prefix(&prefix)?, column)))
    }
}
