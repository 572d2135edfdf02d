//! Made studies of two arms, for the tests of `safety_analysis`.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

use clinical_research::{
    safety::{Output, SafetyAnalysis, figures},
    study::{AdverseEvents, Coded, Column, FORMAT, Study},
};
use heddle_sdk::testing::{Harness, TestRun};
use serde_json::json;

/// A report: subject, class, term, severity.
pub(crate) type Report = (u32, &'static str, &'static str, &'static str);

/// A study of two arms, A the reference, with so many subjects each and these reports.
pub(crate) fn study(a: usize, b: usize, reports: &[Report]) -> Study {
    let mut reports = reports.to_vec();
    reports.sort_by_key(|r| r.0);
    let n = a + b;
    let mut study = Study { format: FORMAT.to_owned(), ..Study::default() };
    study.protocol.arms = vec!["A".to_owned(), "B".to_owned()];
    study.protocol.alpha = 0.05;
    study.protocol.confidence_level = 0.95;
    study.protocol.randomised = Some(true);
    study.subjects.id = (0..n).map(|i| format!("S{i:06}")).collect();
    study.subjects.arm = (0..n).map(|i| Some(u32::from(i >= a))).collect();
    let day = |d: f64| Column::Day(vec![Some(d); n]);
    study.subjects.fields.insert("treatment_start".to_owned(), day(1.0));
    study.subjects.fields.insert("treatment_end".to_owned(), day(100.0));
    study.subjects.fields.insert("death".to_owned(), Column::Boolean(vec![Some(false); n]));
    study.subjects.fields.insert("completed".to_owned(), Column::Boolean(vec![Some(true); n]));
    let m = reports.len();
    study.adverse_events = AdverseEvents {
        subject: reports.iter().map(|r| r.0).collect(),
        soc: Coded::of(reports.iter().map(|r| Some(r.1))),
        pt: Coded::of(reports.iter().map(|r| Some(r.2))),
        severity: Coded::of(reports.iter().map(|r| Some(r.3))),
        grade: vec![None; m],
        serious: vec![Some(false); m],
        related: vec![Some(true); m],
        relationship: Coded::missing(m),
        start_day: vec![Some(5.0); m],
        end_day: vec![None; m],
        treatment_emergent: vec![Some(true); m],
        fatal: vec![Some(false); m],
        outcome: Coded::missing(m),
        action: Coded::missing(m),
        repeated: Vec::new(),
    };
    study
}

pub(crate) fn run(study: &Study) -> TestRun {
    Harness::<SafetyAnalysis>::new()
        .file("validated_data.json", serde_json::to_vec(study).unwrap())
        .run(json!({}))
}

/// All figures; none of them is NaN or infinite.
pub(crate) fn all(study: &Study) -> Output {
    let found = figures(study);
    let text = format!("{found:?}");
    for wrong in ["NaN", "Some(inf)", "Some(-inf)", "(inf,", "(-inf,", ", inf)", ": inf,", ": -inf,"] {
        assert!(!text.contains(wrong), "{wrong} in {text}");
    }
    let json = serde_json::to_string(&found).unwrap();
    serde_json::from_str::<Output>(&json).unwrap();
    found
}

pub(crate) const SEVERITIES: [&str; 3] = ["MILD", "MODERATE", "SEVERE"];

pub(crate) fn complete(run: &TestRun) {
    for file in ["safety_summary.json", "ae_table.csv", "safety_report.md", "safety_profile.png"] {
        assert!(!run.bytes(file).is_empty(), "{file}");
    }
    assert!(run.bytes("safety_profile.png").starts_with(b"\x89PNG"));
    assert!(!run.text("safety_report.md").contains("NaN"));
}
