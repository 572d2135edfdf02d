//! What `quality_metrics` holds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{privacy::Identifier, study::ProtocolProblem};

/// What is missing, doubled, impossible, unreadable or identifying in the data. Counts are of all records of the source, with
/// repeated ones and those of unknown arms; subjects are named by their masked ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QualityMetrics {
    /// Records of subjects.
    pub n_subject_records: usize,
    /// Distinct subjects; a record without an id is one of its own.
    pub n_subjects: usize,
    /// Records of visits.
    pub n_visits: usize,
    /// Records of adverse events.
    pub n_adverse_events: usize,
    /// Records of laboratory values.
    pub n_labs: usize,
    /// Of the protocol's required fields, how many records have none. A value that could not be read is there.
    pub missing: BTreeMap<String, usize>,
    /// Share of required fields that are there, in per cent; None where none is required.
    pub completeness_pct: Option<f64>,
    /// Values outside the protocol's `ranges`. They stay in the data.
    pub out_of_range: Vec<OutOfRange>,
    /// Masked ids with more than one record.
    pub duplicate_subject_ids: Vec<String>,
    /// Subjects whose records say different things of their arm, outcomes or populations. The first record counts.
    #[serde(default)]
    pub conflicting_duplicates: Vec<ConflictingDuplicate>,
    /// Adverse events that repeat an earlier one in everything.
    pub duplicate_adverse_events: usize,
    /// Laboratory values that repeat an earlier one in everything.
    pub duplicate_labs: usize,
    /// Visits that repeat an earlier one in everything.
    pub duplicate_visits: usize,
    /// Pairs of dates that contradict the protocol's `date_order`.
    pub date_order_violations: Vec<DateOrder>,
    /// Adverse events that end before they start.
    pub ae_end_before_start: usize,
    /// Adverse events without a start day.
    pub ae_missing_start_day: usize,
    /// Adverse events of subjects that are not in the study.
    pub orphan_adverse_events: usize,
    /// Laboratory values of subjects that are not in the study.
    pub orphan_labs: usize,
    /// Visits of subjects that are not in the study.
    pub orphan_visits: usize,
    /// Subjects whose arm is not among the protocol's.
    pub unknown_arm: Vec<String>,
    /// Subjects without an arm.
    pub missing_arm: Vec<String>,
    /// Laboratory values outside the protocol's `lab_ranges`.
    pub lab_out_of_range: usize,
    /// Laboratory records without a value.
    pub lab_missing_value: usize,
    /// Visits outside their window.
    pub visits_out_of_window: Vec<OutOfWindow>,
    /// Values that are not of the kind of their field: missing in the analyses.
    pub n_unreadable_values: usize,
    /// The same, one by one.
    pub unreadable_values: Vec<Finding>,
    /// What else is impossible or contradicts itself, by rule.
    pub other_rules: BTreeMap<String, usize>,
    /// Single findings of adverse events, laboratory values and of `other_rules`.
    pub findings: Vec<Finding>,
    /// Subjects older than 89 (Safe Harbor, (C)): flagged; the value stays for the statistics and is not told of single subjects in
    /// the reports.
    pub ages_over_89: usize,
    /// Direct identifiers found, by place and never by value.
    pub identifiers: Vec<IdentifierFinding>,
    /// Values that were written in another form or spelling than the one used here.
    pub standardised: Vec<Standardised>,
    /// Fields that later phases do not have, and why.
    pub not_passed_on: Vec<NotPassedOn>,
    /// By which date the study days of subjects are counted: how many subjects by field.
    pub reference_dates: BTreeMap<String, usize>,
    /// What is wrong with the protocol.
    pub protocol_problems: Vec<ProtocolProblem>,
    /// How the input was read, where that matters.
    pub notes: Vec<String>,
}

/// A value outside its plausible range.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutOfRange {
    /// Masked id.
    pub subject_id: String,
    /// Dotted path.
    pub field: String,
    /// The value.
    pub value: f64,
    /// Lowest plausible value.
    pub low: f64,
    /// Highest plausible value.
    pub high: f64,
}

/// A subject whose records contradict each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictingDuplicate {
    /// Masked id.
    pub subject_id: String,
    /// The fields of which they say different things, by dotted path, sorted.
    pub fields: Vec<String>,
}

/// Two dates in the wrong order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DateOrder {
    /// Masked id.
    pub subject_id: String,
    /// The field that should be earlier, and the one that should be later.
    pub fields: [String; 2],
}

/// A visit outside its window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutOfWindow {
    /// Masked id.
    pub subject_id: String,
    /// The visit.
    pub visit: String,
    /// Study day.
    pub day: f64,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: String,
    /// Masked id; None where the record has none.
    pub subject_id: Option<String>,
    /// Where: `study_data.labs[].value`.
    pub field: String,
    /// What is there, free of identifiers.
    pub value: String,
}

/// Identifiers at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentifierFinding {
    /// Where: `study_data.subjects[].patient_name`.
    pub place: String,
    /// What.
    pub kind: Identifier,
    /// `key`: the field's name says so; `value`: the value looks so.
    pub found_by: String,
    /// How many values; where the place holds nested data, how many different ones.
    pub n: usize,
    /// `removed` (the field is not passed on) or `masked` (within a text).
    pub action: String,
}

/// Values that were rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standardised {
    /// Where.
    pub place: String,
    /// How.
    pub change: String,
    /// How many values.
    pub n: usize,
}

/// A field that later phases do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotPassedOn {
    /// Where.
    pub place: String,
    /// Why.
    pub reason: String,
    /// Values in it.
    pub n: usize,
}

/// The most entries of a list in an output.
pub(super) const MOST_LISTED: usize = 500;

impl QualityMetrics {
    /// Cut every list to what an output may hold; the counts beside them stay. Whether anything was cut.
    pub(super) fn shorten(&mut self) -> bool {
        fn cut<T>(list: &mut Vec<T>) -> bool {
            let is_long = list.len() > MOST_LISTED;
            list.truncate(MOST_LISTED);
            is_long
        }
        let cuts = [
            cut(&mut self.out_of_range),
            cut(&mut self.duplicate_subject_ids),
            cut(&mut self.conflicting_duplicates),
            cut(&mut self.date_order_violations),
            cut(&mut self.unknown_arm),
            cut(&mut self.missing_arm),
            cut(&mut self.visits_out_of_window),
            cut(&mut self.unreadable_values),
            cut(&mut self.findings),
            cut(&mut self.identifiers),
            cut(&mut self.standardised),
            cut(&mut self.not_passed_on),
            cut(&mut self.protocol_problems),
            cut(&mut self.notes),
        ];
        cuts.contains(&true)
    }
}
