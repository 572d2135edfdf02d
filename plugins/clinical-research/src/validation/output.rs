//! The phase's output: the study's contents, its first records, and what was found. The file holds everything.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::quality::{MOST_LISTED, QualityMetrics};
use crate::{
    privacy::told_age,
    study::{Column, FILE, Flow, Study},
};

/// Values of subjects in the output.
const MOST_VALUES: usize = 50_000;

/// What the phase found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The study under masked ids.
    pub validated_data: ValidatedData,
    /// What is missing, doubled, impossible, unreadable or identifying. Long lists are cut; the counts beside them are of all.
    pub quality_metrics: QualityMetrics,
}

/// The study as far as an output may list it.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ValidatedData {
    /// The file that holds all of it.
    pub file: String,
    /// The file's format.
    pub format: String,
    /// The data's own id.
    pub study_id: Option<String>,
    /// The protocol's title.
    pub title: Option<String>,
    /// The arms in the protocol's order.
    pub arms: Vec<String>,
    /// The arm that the others are compared with.
    pub reference_arm: Option<String>,
    /// Distinct subjects.
    pub n_subjects: usize,
    /// Subjects in `subjects`; where it is less than `n_subjects`, the first ones.
    pub n_listed: usize,
    /// Whether every list of `quality_metrics` and `flow` is whole.
    pub is_complete: bool,
    /// The subjects' fields.
    pub fields: Vec<FieldSummary>,
    /// Where every record went.
    pub flow: Flow,
    /// The subjects: id, arm, and their fields by dotted path; an age over 89 as `over 89`.
    pub subjects: Vec<Map<String, Value>>,
}

/// A field of the subjects.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct FieldSummary {
    /// Dotted path.
    pub field: String,
    /// `numeric`, `boolean`, `categorical`, `day` or `event`.
    pub kind: String,
    /// Subjects without a value.
    pub n_missing: usize,
}

impl Output {
    pub(super) fn of(study: Study, mut quality: QualityMetrics) -> Self {
        let fields: Vec<FieldSummary> = summaries(&study);
        let n_subjects = study.subjects.len();
        let n_listed = n_subjects.min(MOST_VALUES / (fields.len() + 2));
        let subjects = (0..n_listed).map(|row| record(&study, row)).collect();
        let mut flow = study.flow;
        let mut is_complete =
            !quality.shorten() && flow.exclusions.len() <= MOST_LISTED && fields.len() <= MOST_LISTED;
        flow.exclusions.truncate(MOST_LISTED);
        for arm in &mut flow.arms {
            is_complete &= arm.discontinuation_reasons.len() <= MOST_LISTED;
            shorten(&mut arm.discontinuation_reasons);
        }
        let validated_data = ValidatedData {
            file: FILE.to_owned(),
            format: study.format,
            study_id: study.study_id,
            title: study.protocol.title.clone(),
            reference_arm: study.protocol.reference_arm().map(str::to_owned),
            arms: study.protocol.arms,
            n_subjects,
            n_listed,
            is_complete,
            fields: fields.into_iter().take(MOST_LISTED).collect(),
            flow,
            subjects,
        };
        Self { validated_data, quality_metrics: quality }
    }
}

fn shorten(reasons: &mut BTreeMap<String, usize>) {
    let mut sizes: Vec<(usize, String)> = reasons.iter().map(|(name, n)| (*n, name.clone())).collect();
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (_, name) in sizes.iter().skip(MOST_LISTED) {
        reasons.remove(name);
    }
}

fn summaries(study: &Study) -> Vec<FieldSummary> {
    let kind = |column: &Column| match column {
        Column::Numeric(_) => "numeric",
        Column::Boolean(_) => "boolean",
        Column::Categorical(_) => "categorical",
        Column::Day(_) => "day",
    };
    let fields = study.subjects.fields.iter().map(|(field, column)| FieldSummary {
        field: field.clone(),
        kind: kind(column).to_owned(),
        n_missing: column.n_missing(),
    });
    let events = study.subjects.events.iter().map(|(id, events)| FieldSummary {
        field: format!("events.{id}"),
        kind: "event".to_owned(),
        n_missing: (0..study.subjects.len()).filter(|row| events.get(*row).is_none()).count(),
    });
    fields.chain(events).collect()
}

fn record(study: &Study, row: usize) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("subject_id".to_owned(), json!(study.subjects.id.get(row)));
    let arm = study.subjects.arm.get(row).copied().flatten();
    record.insert("arm".to_owned(), json!(arm.and_then(|arm| study.protocol.arms.get(arm as usize))));
    for (field, column) in study.subjects.fields.iter().take(MOST_LISTED) {
        let value = match column {
            Column::Numeric(values) | Column::Day(values) => {
                let value = values.get(row).copied().flatten();
                value.and_then(|age| told_age(field, age)).map_or_else(|| json!(value), |told| json!(told))
            }
            Column::Boolean(values) => json!(values.get(row).copied().flatten()),
            Column::Categorical(coded) => json!(coded.get(row)),
        };
        record.insert(field.clone(), value);
    }
    for (id, events) in study.subjects.events.iter().take(MOST_LISTED) {
        let value = events.get(row).map(|(time, event)| json!({ "time": time, "event": event }));
        record.insert(format!("events.{id}"), json!(value));
    }
    record
}
