//! A hundred thousand subjects. Slow without optimisation, so only on request: `cargo test --release … -- --ignored`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fmt::Write as _, time::Instant};

use clinical_research::{study::Study, validation::DataValidation};
use heddle_sdk::testing::Harness;
use serde_json::json;

#[test]
#[ignore = "a measurement"]
fn a_hundred_thousand_subjects() {
    let n = 100_000;
    let mut text = String::from("{\"study_data\":{\"study_id\":\"X\",\"subjects\":[");
    for k in 0..n {
        let x = (k * 7919) % 10_007;
        let _ = write!(
            text,
            "{}{{\"subject_id\":\"{:03}-{k:06}\",\"site\":\"{}\",\"arm\":\"{}\",\"age\":{},\"sex\":\"{}\",\"race\":\"WHITE\",\
             \"treatment_start\":\"2020-{:02}-{:02}\",\"treatment_end\":\"2021-{:02}-01\",\"completed\":true,\"populations\":{{\"itt\":\
             true,\"safety\":true}},\"baseline\":{{\"bmi\":{}.{},\"x1\":{},\"x2\":{},\"x3\":{}}},\"endpoints\":{{\"y\":{}.5,\"z\":{}}},\
             \"events\":{{\"death\":{{\"time\":{},\"event\":{}}}}}}}",
            if k == 0 { "" } else { "," },
            k % 40,
            k % 40,
            ["A", "B"][k % 2],
            20 + x % 60,
            ["F", "M"][x % 2],
            1 + x % 12,
            1 + x % 28,
            1 + x % 12,
            18 + x % 20,
            x % 10,
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
            "{comma}{{\"subject_id\":\"{:03}-{k:06}\",\"soc\":\"S{}\",\"pt\":\"TERM {}\",\"severity\":\"MILD\",\"serious\":false,\
             \"related\":true,\"start_day\":{},\"end_day\":null,\"treatment_emergent\":true,\"fatal\":false}}",
            k % 40,
            k % 20,
            k % 300,
            1 + k % 90
        );
    }
    text.push_str(
        "]},\"protocol\":{\"arms\":[\"A\",\"B\"],\"reference_arm\":\"A\",\"table1\":{\"continuous\":[\"age\",\"baseline.bmi\"]},\
         \"ranges\":{\"age\":[18,100]},\"date_order\":[[\"treatment_start\",\"treatment_end\"]],\"required_fields\":[\"age\",\"sex\"]}}",
    );
    println!("{} MB of JSON", text.len() / 1_000_000);
    let start = Instant::now();
    let run = Harness::<DataValidation>::new().file("input/x.json", text.into_bytes()).run(json!({}));
    println!("data_validation: {:?}", start.elapsed());
    assert_eq!(run.output()["validated_data"]["n_subjects"], n);
    let file = run.bytes("validated_data.json");
    let start = Instant::now();
    let study: Study = serde_json::from_slice(file).unwrap();
    println!("{} MB of study, read in {:?}", file.len() / 1_000_000, start.elapsed());
    assert_eq!(study.subjects.len(), n);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no peak known"));
}
