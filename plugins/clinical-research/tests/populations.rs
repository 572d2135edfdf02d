//! All phases have the same rule of who counts.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use clinical_research::{cohort::CohortAnalysis, efficacy::EfficacyAnalysis, safety::SafetyAnalysis, study};
use common::{reconciles, sample, validate};
use heddle_sdk::{
    Phase,
    testing::{Harness, TestRun},
};
use serde_json::{Value, json};

fn run<P: Phase>(validated: &TestRun) -> TestRun {
    Harness::<P>::new().file(study::FILE, validated.bytes(study::FILE)).run(json!({}))
}

fn texts(run: &TestRun, file: &str) -> String {
    run.text(file).replace('\\', "")
}

/// The sample, its flags changed subject by subject.
fn sample_with(flags: impl Fn(usize, &mut Value)) -> Value {
    let mut input = sample();
    for (at, subject) in input["study_data"]["subjects"].as_array_mut().unwrap().iter_mut().enumerate() {
        flags(at, subject);
    }
    input
}

#[test]
fn where_nobody_is_flagged_all_stand_in_everywhere() {
    let validated = validate(&sample_with(|_, subject| subject["populations"] = json!({})));
    reconciles(&validated);
    let in_arms: u64 = common::study(&validated).flow.arms.iter().map(|arm| arm.subjects as u64).sum();
    let report = texts(&validated, "validation_report.md");
    assert!(
        report.contains("no subject has a flag populations.itt")
            && report.contains("no subject has a flag populations.safety")
    );

    let cohort = run::<CohortAnalysis>(&validated);
    let population = &cohort.output()["cohorts"]["population"];
    assert!(population["finding"].as_str().unwrap().contains("populations.itt"), "{population}");
    assert_eq!(cohort.output()["cohorts"]["n_subjects"], in_arms);
    assert!(
        texts(&cohort, "statistical_report.md")
            .contains("no subject has a flag populations.itt: all subjects")
    );

    let efficacy = run::<EfficacyAnalysis>(&validated);
    let found = efficacy.json("efficacy_results.json");
    for analysis in ["efficacy", "time_to_event"] {
        let population = &found["populations"][analysis];
        assert!(population["finding"].as_str().unwrap().contains("populations.itt"), "{population}");
        let n: u64 = population["n"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(n, in_arms);
    }
    assert!(
        texts(&efficacy, "statistical_analysis_plan_report.md")
            .contains("Finding: no subject has a flag populations.itt")
    );

    let safety = run::<SafetyAnalysis>(&validated);
    let population = &safety.output()["safety_metrics"]["population"];
    assert!(population["finding"].as_str().unwrap().contains("populations.safety"), "{population}");
    assert_eq!(population["n"], in_arms, "all of the sample were treated");
    assert!(texts(&safety, "safety_report.md").contains("no subject has a flag populations.safety"));
}

#[test]
fn who_has_no_flag_while_others_have_is_left_out_everywhere_and_counted() {
    let whole = validate(&sample());
    let validated = validate(&sample_with(|at, subject| {
        if (10..13).contains(&at) {
            subject["populations"] = json!({});
        }
    }));
    reconciles(&validated);
    let n = |run: &TestRun| run.output()["cohorts"]["n_subjects"].as_u64().unwrap();
    let (all, fewer) = (run::<CohortAnalysis>(&whole), run::<CohortAnalysis>(&validated));
    assert_eq!(n(&fewer) + 3, n(&all));
    let said = "3 subjects of a known arm have no flag populations.";
    assert!(
        !texts(&all, "statistical_report.md").contains(said)
            && texts(&fewer, "statistical_report.md").contains(said)
    );
    assert!(texts(&validated, "validation_report.md").contains(said));
    assert!(
        texts(&run::<EfficacyAnalysis>(&validated), "statistical_analysis_plan_report.md").contains(said)
    );
    let (all, fewer) = (run::<SafetyAnalysis>(&whole), run::<SafetyAnalysis>(&validated));
    assert!(texts(&fewer, "safety_report.md").contains(said));
    let n = |run: &TestRun| run.output()["safety_metrics"]["population"]["n"].as_u64().unwrap();
    assert_eq!(n(&fewer) + 3, n(&all));
}
