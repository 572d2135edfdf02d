//! Where every record went: the figures of a CONSORT diagram, and each exclusion with its reason.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way of all records from the source to the analyses. These hold always:
/// `subject_records = unreadable_records + repeated_records + subjects`;
/// `subjects = without_arm + unknown_arm + Σ arms.subjects`;
/// for each arm and analysis `subjects = analysed + not_in_population`;
/// for each table `records = unreadable + orphans + passed_on`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// Records of subjects in the source.
    pub subject_records: usize,
    /// Those that are no objects and hold nothing that could be read.
    pub unreadable_records: usize,
    /// Those whose id an earlier record has: the first record counts.
    pub repeated_records: usize,
    /// Rows of the study's subjects.
    pub subjects: usize,
    /// Subjects without an arm: in no analysis.
    pub without_arm: usize,
    /// Subjects whose arm is not among the protocol's: in no analysis.
    pub unknown_arm: usize,
    /// The protocol's arms, in its order.
    pub arms: Vec<ArmFlow>,
    /// Visits, adverse events and laboratory values.
    pub tables: BTreeMap<String, TableFlow>,
    /// Every record that an analysis leaves out, with its reason. In the file all of them, in an output the first ones.
    pub exclusions: Vec<Exclusion>,
}

/// An arm's way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmFlow {
    /// The arm.
    pub arm: String,
    /// Subjects assigned to it.
    pub subjects: usize,
    /// Those that completed the study; None where the source does not say it of anybody.
    pub completed: Option<usize>,
    /// Those that did not complete it.
    pub discontinued: Option<usize>,
    /// Those of whom it is not said.
    pub completion_unknown: Option<usize>,
    /// Reasons of those who did not complete it.
    pub discontinuation_reasons: BTreeMap<String, usize>,
    /// Deaths; None where the source does not say it of anybody.
    pub deaths: Option<usize>,
    /// By analysis (`baseline`, `efficacy`, `time_to_event`, `safety`).
    pub populations: BTreeMap<String, PopulationFlow>,
}

/// How many of an arm are in a population.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PopulationFlow {
    /// The flag that decides; None: everybody, or those who stand in where the data flag nobody.
    pub flag: Option<String>,
    /// In it.
    pub analysed: usize,
    /// Not in it: the flag is false or missing, or the treatment is.
    pub not_in_population: usize,
}

/// A table's way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableFlow {
    /// Records in the source.
    pub records: usize,
    /// Those that hold nothing that could be read.
    pub unreadable: usize,
    /// Those of subjects that are not in the study.
    pub orphans: usize,
    /// Those that later phases have; with exact repetitions.
    pub passed_on: usize,
    /// Exact repetitions among all records.
    pub repeated: usize,
}

/// A record that is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// `subject`, `subject_record`, `visit`, `adverse_event` or `lab`.
    pub what: String,
    /// Masked id; None where the record has none.
    pub subject: Option<String>,
    /// Place in the source's list, from 0, where the record has no subject in the study.
    pub position: Option<usize>,
    /// From what it is left out: `study` (all), `analyses`, or an analysis' name.
    pub from: String,
    /// Why.
    pub reason: String,
}
