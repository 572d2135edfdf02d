//! The workflow `clinical_research`: its steps, and the schema of a run's input.

use heddle_sdk::prelude::*;
use serde_json::{Value, json};

/// The workflows that the plugin ships. A later phase adds its step behind those that it reads.
pub(crate) fn all() -> Vec<Workflow> {
    let phase = |name: &str| format!("clinical-research/{name}");
    vec![Workflow {
        display_name: "Clinical research".to_owned(),
        description: "Checks a trial's data, makes them private, analyses them as the protocol says, and prepares the publication."
            .to_owned(),
        input_schema: input_schema(),
        files: Some(FilesSpec {
            accept: vec![".json".to_owned()],
            description:
                "A JSON file {\"study_data\": …, \"protocol\": …}, or one file for each. Up to 96 MiB."
                    .to_owned(),
        }),
        steps: vec![
            Step::phase("data_validation", phase("data_validation"))
                .map("study_data", "input.study_data")
                .map("protocol", "input.protocol"),
            Step::phase("cohort_analysis", phase("cohort_analysis")).after("data_validation"),
            Step::phase("efficacy_analysis", phase("efficacy_analysis")).after("data_validation"),
            Step::phase("safety_analysis", phase("safety_analysis")).after("data_validation"),
            Step::phase("publication_package", phase("publication_package"))
                .after("data_validation")
                .after("cohort_analysis")
                .after("efficacy_analysis")
                .after("safety_analysis"),
        ],
        ..Workflow::new("clinical_research")
    }]
}

/// The schema of a run's input. Neither part is required, because an uploaded file may stand in for it. Records are not described
/// value by value: a wrong value is a finding about the data, and must not stop the run.
fn input_schema() -> Value {
    let list = |what: &str, keys: &str| {
        json!({
            "description": format!("{what} A list of objects with {keys}; or {{\"columns\": […], \"rows\": [[…]]}}."),
            "type": ["array", "object", "null"],
        })
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Clinical research",
        "type": "object",
        "properties": {
            "study_data": {
                "description": "The trial's data. May be absent where a file is uploaded.",
                "type": ["object", "null"],
                "properties": {
                    "study_id": { "description": "The data's own id.", "type": ["string", "number", "null"] },
                    "subjects": list(
                        "The subjects.",
                        "subject_id, site, arm, age, sex, race, ethnicity, dates (ISO 8601), completed, death, discontinuation_reason, \
                         populations {itt, safety, efficacy}, baseline {…}, endpoints {ID: number, boolean or null}, events {ID: {time, \
                         event}} (event false: censored)",
                    ),
                    "visits": list("Assessments.", "subject_id, assessment, visit, date, day, value"),
                    "adverse_events": list(
                        "Adverse events.",
                        "subject_id, soc, pt (MedDRA), severity, serious, related, start_day, end_day, treatment_emergent, fatal, \
                         outcome, action",
                    ),
                    "labs": list(
                        "Laboratory values.",
                        "subject_id, test, visit, day, value, low, high, grade_low, grade_high (CTCAE, 0 to 4)",
                    ),
                    "lab_tests": { "description": "Names of the tests by code.", "type": ["object", "null"] },
                },
            },
            "protocol": protocol(),
        },
    })
}

/// Types are wide: what is wrong in a protocol is told with what is done about it, unless nothing can be computed.
fn protocol() -> Value {
    let part = |kind: &str, description: &str| json!({ "description": description, "type": [kind, "null"] });
    json!({
        "description": "What the trial set out to do. Fields are named by dotted paths: baseline.bmi. May be absent where a file is uploaded.",
        "type": ["object", "null"],
        "properties": {
            "study_id": { "type": ["string", "number", "null"] },
            "title": part("string", "The trial's title."),
            "phase": { "type": ["string", "number", "null"] },
            "design": part("string", "The design in words: randomised, double-blind …"),
            "indication": part("string", "What is treated."),
            "arms": { "description": "The arms, as subjects name theirs.", "type": ["array", "null"], "maxItems": 100 },
            "reference_arm": part("string", "The arm that the others are compared with."),
            "alpha": part("number", "Two-sided significance level. Absent, 0.05."),
            "confidence_level": part("number", "Level of intervals. Absent, 1 - alpha."),
            "populations": part("object", "Which flag of subjects' populations each analysis uses: baseline, efficacy, time_to_event, safety. null: all."),
            "table1": part("object", "Fields of the baseline table: continuous and categorical."),
            "endpoints": part("object", "primary {id, type: continuous | ordinal | binary, label, direction: lower_is_better | higher_is_better, \
                baseline_field}; secondary and exploratory: lists of the same; time_to_event: list of {id, label, unit, times, rmst_tau, covariates, direction}, \
                whose direction is of the time: higher_is_better where a longer one is good."),
            "subgroups": part("array", "Pre-specified subgroups: {id, field, cut_points}."),
            "required_fields": part("array", "Fields that every subject should have."),
            "ranges": part("object", "Plausible values by field: [low, high]."),
            "lab_ranges": part("object", "Plausible laboratory values by test: [low, high]."),
            "visit_windows": part("array", "When visits should be: {visit, target_day, low, high}, in study days."),
            "date_order": part("array", "Pairs of date fields, the earlier one first."),
            "ae": part("object", "analysis_set: all | treatment_emergent; signal: {prr_min, chi2_min, min_reports}."),
        },
    })
}
