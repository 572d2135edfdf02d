//! A measurement: `cargo test --release … -- --ignored --nocapture measure`.

use std::{fmt::Write as _, time::Instant};

use clinical_research::{
    cohort::CohortAnalysis, efficacy::EfficacyAnalysis, publication::PublicationPackage,
    safety::SafetyAnalysis, validation::DataValidation,
};
use heddle_sdk::testing::Harness;
use serde_json::json;

#[test]
#[ignore = "a measurement"]
fn measure_100_000_subjects() {
    let n = 100_000;
    let mut text = String::from("{\"study_data\":{\"subjects\":[");
    for k in 0..n {
        let x = (k * 7919) % 10_007;
        let _ = write!(
            text,
            "{}{{\"subject_id\":\"N{k:06}\",\"arm\":\"{}\",\"age\":{},\"sex\":\"{}\",\"completed\":{},\"discontinuation_reason\":\"R{}\",\
             \"populations\":{{\"itt\":{}}},\"treatment_start\":\"2020-01-01\",\"treatment_end\":\"2021-01-01\",\"baseline\":{{\"x1\":{},\
             \"x2\":{},\"x3\":{}}},\"endpoints\":{{\"y\":{},\"z\":{}}},\"events\":{{\"death\":{{\"time\":{},\"event\":{}}}}}}}",
            if k == 0 { "" } else { "," },
            ["A", "B"][k % 2],
            20 + x % 60,
            ["F", "M"][x % 2],
            x % 9 != 0,
            x % 40,
            x % 3 != 0,
            x % 17,
            x % 97,
            x % 31,
            x % 50,
            x % 3 == 0,
            1 + x % 700,
            x % 4 == 0
        );
    }
    text.push_str("],\"adverse_events\":[");
    for k in 0..n {
        let comma = if k == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"subject_id\":\"N{k:06}\",\"soc\":\"S{}\",\"pt\":\"TERM {}\",\"severity\":\"MILD\",\"serious\":{},\"start_day\":{}}}",
            k % 20,
            k % 3000,
            k % 50 == 0,
            1 + k % 90
        );
    }
    text.push_str(
        "]},\"protocol\":{\"design\":\"randomised\",\"arms\":[\"A\",\"B\"],\"populations\":{\"efficacy\":\"itt\"},\"table1\":{\"continuous\":[\"age\"],\
         \"categorical\":[\"sex\"]},\"endpoints\":{\"primary\":{\"id\":\"y\",\"type\":\"continuous\"},\"secondary\":[{\"id\":\"z\",\"type\":\
         \"binary\"}],\"time_to_event\":[{\"id\":\"death\",\"covariates\":[\"age\",\"baseline.x1\",\"baseline.x2\",\"baseline.x3\"]}]}}}",
    );
    let validation = Harness::<DataValidation>::new().file("input/x.json", text.into_bytes()).run(json!({}));
    let cohort = Harness::<CohortAnalysis>::new().files_of(&validation).run(json!({}));
    let efficacy = Harness::<EfficacyAnalysis>::new().files_of(&validation).run(json!({}));
    let safety = Harness::<SafetyAnalysis>::new().files_of(&validation).run(json!({}));
    let harness = Harness::<PublicationPackage>::new()
        .files_of(&validation)
        .files_of(&cohort)
        .files_of(&efficacy)
        .files_of(&safety);
    let start = Instant::now();
    let run = harness.run(json!({}));
    println!("publication_package of {n} subjects: {:?}", start.elapsed());
    for (name, bytes) in &run.files {
        println!("{name}: {} KB", bytes.len() / 1000);
    }
    println!("output: {} KB", run.output().to_string().len() / 1000);
    assert_eq!(run.output()["manuscript"]["flow_reconciles"], true);
}
