//! What a phase does not need of the study it does not read; the file must be whole all the same.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use clinical_research::{cohort::CohortAnalysis, efficacy::EfficacyAnalysis, safety::SafetyAnalysis, study};
use common::{sample, validate};
use heddle_sdk::{
    Phase,
    testing::{Harness, TestRun},
};
use serde_json::{Value, json};

fn run<P: Phase>(file: impl Into<Vec<u8>>) -> TestRun {
    Harness::<P>::new().file(study::FILE, file).run(json!({}))
}

fn error<P: Phase>(file: impl Into<Vec<u8>>) -> String {
    run::<P>(file).error().to_string()
}

#[test]
fn tables_that_a_phase_does_not_read_change_nothing() {
    let validated = validate(&sample());
    let whole = validated.bytes(study::FILE);
    let mut other: Value = serde_json::from_slice(whole).unwrap();
    for table in ["visits", "adverse_events", "labs"] {
        other[table] = json!({ "subject": "of another form" });
    }
    let other = other.to_string();
    assert_eq!(run::<CohortAnalysis>(other.clone()).output(), run::<CohortAnalysis>(whole).output());
    assert_eq!(run::<EfficacyAnalysis>(other.clone()).output(), run::<EfficacyAnalysis>(whole).output());
    assert!(error::<SafetyAnalysis>(other).contains("cannot be read"), "safety reads events and values");
}

#[test]
fn a_study_that_is_not_whole_is_refused() {
    let validated = validate(&sample());
    let whole = validated.bytes(study::FILE);
    assert!(error::<CohortAnalysis>(&whole[..whole.len() - 30]).contains("cannot be read"));
    let mut study: Value = serde_json::from_slice(whole).unwrap();
    study["format"] = json!("another/1");
    assert!(error::<EfficacyAnalysis>(study.to_string()).contains("run data_validation again"));
    study.as_object_mut().unwrap().remove("labs");
    assert!(error::<CohortAnalysis>(study.to_string()).contains("labs"));
}
