//! What was recorded of subjects more than once: visits, adverse events, laboratory values.
//!
//! Rows of subjects that are not in the study (orphans) are not here; they are counted in the flow. Rows are in the order
//! of `subject`, and those of one subject in the order of the source. Exact repetitions of a row stay (the reference
//! analyses count them) and are marked in `repeated`. Spellings that differ in capitals or blanks only are one, the most frequent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Coded, column::numbers};

/// Assessments at visits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Visits {
    /// Row of the subject in [`super::Subjects`], ascending.
    pub subject: Vec<u32>,
    /// What was assessed.
    pub assessment: Coded,
    /// The visit's name.
    pub visit: Coded,
    /// Study day.
    #[serde(with = "numbers")]
    pub day: Vec<Option<f64>>,
    /// The value, in the unit of the source.
    #[serde(with = "numbers")]
    pub value: Vec<Option<f64>>,
}

/// Adverse events, one row for each report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AdverseEvents {
    /// Row of the subject in [`super::Subjects`], ascending.
    pub subject: Vec<u32>,
    /// MedDRA system organ class, as in the source.
    pub soc: Coded,
    /// MedDRA preferred term, as in the source.
    pub pt: Coded,
    /// `MILD`, `MODERATE`, `SEVERE`, … as in the source.
    pub severity: Coded,
    /// CTCAE grade 1 to 5, where the source has one.
    #[serde(with = "numbers")]
    pub grade: Vec<Option<f64>>,
    /// Serious (ICH E2A).
    pub serious: Vec<Option<bool>>,
    /// Related to the treatment, in the investigator's view.
    pub related: Vec<Option<bool>>,
    /// The same in words: `PROBABLE`, `POSSIBLE` …
    pub relationship: Coded,
    /// Study day of the start.
    #[serde(with = "numbers")]
    pub start_day: Vec<Option<f64>>,
    /// Study day of the end; None while it lasts or where it is not known.
    #[serde(with = "numbers")]
    pub end_day: Vec<Option<f64>>,
    /// Began or worsened under treatment.
    pub treatment_emergent: Vec<Option<bool>>,
    /// Led to death.
    pub fatal: Vec<Option<bool>>,
    /// Outcome.
    pub outcome: Coded,
    /// What was done with the treatment.
    pub action: Coded,
    /// Rows that repeat an earlier row of the source in everything, ascending.
    pub repeated: Vec<u32>,
}

/// Laboratory values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Labs {
    /// Names of the tests for people, by their code.
    pub tests: BTreeMap<String, String>,
    /// Row of the subject in [`super::Subjects`], ascending.
    pub subject: Vec<u32>,
    /// The test's code.
    pub test: Coded,
    /// The visit's name.
    pub visit: Coded,
    /// Study day.
    #[serde(with = "numbers")]
    pub day: Vec<Option<f64>>,
    /// The value, in the unit of the source.
    #[serde(with = "numbers")]
    pub value: Vec<Option<f64>>,
    /// Lower limit of normal.
    #[serde(with = "numbers")]
    pub low: Vec<Option<f64>>,
    /// Upper limit of normal.
    #[serde(with = "numbers")]
    pub high: Vec<Option<f64>>,
    /// CTCAE grade of the low direction, 0 to 4.
    #[serde(with = "numbers")]
    pub grade_low: Vec<Option<f64>>,
    /// CTCAE grade of the high direction, 0 to 4.
    #[serde(with = "numbers")]
    pub grade_high: Vec<Option<f64>>,
    /// Rows that repeat an earlier row of the source in everything, ascending.
    pub repeated: Vec<u32>,
}

/// The rows of each subject in a table whose `subject` is ascending: `rows[starts[s]..starts[s + 1]]` for `n` subjects.
pub fn starts(subject: &[u32], n: usize) -> Vec<usize> {
    (0..=n).map(|s| subject.partition_point(|row| (*row as usize) < s)).collect()
}
