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
}

impl Events {
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
