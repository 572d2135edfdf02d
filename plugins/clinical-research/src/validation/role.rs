//! What each field of the subjects is, by its name and by what the protocol asks of it.

use std::collections::BTreeSet;

use crate::{
    privacy::kind_of_path,
    raw::Table,
    study::{EndpointKind, Protocol},
};

use super::{frame::id_column, survey::is_site};

/// Fields at the top of a record that are passed on besides those that the protocol names.
const TOP: [&str; 15] = [
    "age",
    "sex",
    "gender",
    "race",
    "ethnicity",
    "actual_arm",
    "disposition",
    "discontinuation_reason",
    "completed",
    "death",
    "country",
    "region",
    "comorbidities",
    "medical_history",
    "concomitant_medications",
];
/// Objects whose fields are all passed on.
const OBJECTS: [&str; 4] = ["populations.", "baseline.", "endpoints.", "events."];
/// Names of dates.
const DATES: [&str; 6] =
    ["reference_start", "treatment_start", "treatment_end", "end_of_study", "randomisation", "randomization"];

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The id or the arm: not among the fields.
    Key,
    Site,
    Date,
    Number,
    Boolean,
    Sex,
    Category,
    /// As its values are.
    Values,
    /// Not passed on.
    Unused,
}

/// What the protocol asks of fields.
pub(super) struct Wanted {
    numbers: BTreeSet<String>,
    booleans: BTreeSet<String>,
    categories: BTreeSet<String>,
    any: BTreeSet<String>,
    dates: BTreeSet<String>,
}

impl Wanted {
    pub(super) fn new(protocol: &Protocol) -> Self {
        let mut wanted = Self {
            numbers: protocol.table1.continuous.iter().chain(protocol.ranges.keys()).cloned().collect(),
            booleans: BTreeSet::new(),
            categories: protocol.table1.categorical.iter().cloned().collect(),
            any: protocol.required_fields.iter().cloned().collect(),
            dates: protocol.date_order.iter().flatten().cloned().collect(),
        };
        let endpoints = &protocol.endpoints;
        for endpoint in endpoints.primary.iter().chain(&endpoints.secondary).chain(&endpoints.exploratory) {
            let path = format!("endpoints.{}", endpoint.id);
            match endpoint.kind {
                EndpointKind::Binary => wanted.booleans.insert(path),
                EndpointKind::Continuous | EndpointKind::Ordinal => wanted.numbers.insert(path),
            };
            wanted.numbers.extend(endpoint.baseline_field.clone());
        }
        wanted.any.extend(endpoints.time_to_event.iter().flat_map(|e| e.covariates.iter().cloned()));
        for subgroup in &protocol.subgroups {
            match subgroup.cut_points.is_empty() {
                true => wanted.any.insert(subgroup.field.clone()),
                false => wanted.numbers.insert(subgroup.field.clone()),
            };
        }
        // Where Table 1 shows categories of a field that is also asked for as a number, the number holds.
        let numbers = &wanted.numbers;
        wanted.categories.retain(|field| !numbers.contains(field));
        wanted
    }

    /// Whether the protocol names the field, as a category or as whatever it is.
    pub(super) fn names_category(&self, path: &str) -> bool {
        self.categories.contains(path) || self.any.contains(path)
    }

    /// Whether the protocol names the field.
    pub(super) fn names(&self, path: &str) -> bool {
        [&self.numbers, &self.booleans, &self.categories, &self.any, &self.dates]
            .iter()
            .any(|set| set.contains(path))
    }

    /// Whether nobody said what the field is: neither the protocol nor its name.
    pub(super) fn is_undeclared(&self, path: &str) -> bool {
        !self.names(path) && !TOP.contains(&path)
    }

    /// What a field is.
    pub(super) fn role(&self, table: &Table, path: &str) -> Role {
        let key = path.rsplit('.').next().unwrap_or(path);
        if id_column(table).is_some_and(|column| column.path == path) || path == "arm" {
            Role::Key
        } else if is_site(path) {
            Role::Site
        } else if kind_of_path(path).is_some() {
            Role::Unused
        } else if self.booleans.contains(path)
            || path.starts_with("populations.")
            || matches!(path, "completed" | "death")
        {
            Role::Boolean
        } else if self.dates.contains(path)
            || DATES.contains(&path)
            || key.ends_with("_date")
            || key.starts_with("date_of_")
        {
            Role::Date
        } else if path.starts_with("events.") && key == "time" || self.numbers.contains(path) || path == "age"
        {
            Role::Number
        } else if path.starts_with("events.") && key == "event" {
            Role::Boolean
        } else if matches!(path, "sex" | "gender") {
            Role::Sex
        } else if self.categories.contains(path) {
            Role::Category
        } else if self.any.contains(path)
            || TOP.contains(&path)
            || OBJECTS.iter().any(|o| path.starts_with(o))
        {
            Role::Values
        } else {
            Role::Unused
        }
    }
}
