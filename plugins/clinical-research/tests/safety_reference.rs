//! `safety_analysis` on the reference cases: every leaf of `safety` and `labs`, in the file and in the output.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use clinical_research::safety::SafetyAnalysis;
use common::{dump, shared, validate};
use heddle_sdk::testing::Harness;
use serde_json::Value;

/// Leaves that are equal, and those that are not.
#[derive(Default)]
struct Compared {
    equal: usize,
    absent_visits: usize,
    wrong: Vec<String>,
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(leaves).sum(),
        Value::Array(list) => list.iter().map(leaves).sum(),
        _ => 1,
    }
}

/// Counts are equal; other figures are within 1e-6, and p-values below 1e-8 within 1e-4, of the expected.
fn compare(path: &str, found: &Value, expected: &Value, to: &mut Compared) {
    match expected {
        // A visit that no record of the case has: the reference tells of none, we tell nothing.
        Value::Object(map) if map.get("n").is_some_and(|n| n == 0) && found.is_null() => {
            assert!(map["mean"].is_null() && map["sd"].is_null());
            to.absent_visits += leaves(expected);
        }
        Value::Object(map) => {
            map.iter().for_each(|(name, want)| compare(&format!("{path}.{name}"), &found[name], want, to));
        }
        Value::Array(list) => {
            for (at, want) in list.iter().enumerate() {
                compare(&format!("{path}[{at}]"), &found[at], want, to);
            }
        }
        Value::Number(want) => {
            let (want, got) = (want.as_f64().unwrap(), found.as_f64());
            let tolerance = if path.ends_with("_p") && want < 1e-8 { 1e-4 } else { 1e-6 };
            let count = expected.is_u64();
            // The reference is printed with ten digits.
            let near = got.is_some_and(|got| {
                if count && !path.contains("mean") {
                    got == want
                } else {
                    (got - want).abs() <= tolerance * want.abs() + 1e-12
                }
            });
            if near {
                to.equal += 1;
            } else {
                to.wrong.push(format!("{path}: {found} for {want}"));
            }
        }
        want if want == found => to.equal += 1,
        want => to.wrong.push(format!("{path}: {found} for {want}")),
    }
}

fn check(case: &str, least: usize) {
    let Some((input, expected)) = shared(case) else { return };
    let validated = validate(&input);
    let run =
        Harness::<SafetyAnalysis>::new().files_of(&validated).run(Value::Object(serde_json::Map::new()));
    dump(case, &run);
    let file = run.json("safety_summary.json");
    for (what, found) in [("file", &file), ("output", &run.output()["safety_metrics"])] {
        let mut compared = Compared::default();
        let mut wanted = 0;
        for section in ["safety", "labs"] {
            let Some(want) = expected.get(section) else { continue };
            wanted += leaves(want);
            compare(section, &found[section], want, &mut compared);
        }
        assert!(
            compared.wrong.is_empty(),
            "{case} {what}: {} wrong\n{}",
            compared.wrong.len(),
            compared.wrong.join("\n")
        );
        assert_eq!(compared.equal + compared.absent_visits, wanted, "{case} {what}: none is left out");
        assert!(compared.equal >= least, "{case} {what}: {} leaves", compared.equal);
        println!(
            "{case} {what}: {} leaves, {} of visits without records",
            compared.equal, compared.absent_visits
        );
    }
    for file in ["safety_summary.json", "ae_table.csv", "safety_profile.png", "safety_report.md"] {
        assert!(!run.bytes(file).is_empty(), "{case}: {file}");
    }
    // No original id is left anywhere.
    for (name, bytes) in &run.files {
        let text = String::from_utf8_lossy(bytes);
        for subject in input["study_data"]["subjects"].as_array().unwrap() {
            let id = subject["subject_id"].as_str().unwrap();
            assert!(id.len() < 6 || !text.contains(id), "{case}: {name} has {id}");
        }
    }
}

#[test]
fn cdisc_pilot_sites_a() {
    check("cdisc_pilot_sites_a", 3_500);
}

#[test]
fn cdisc_pilot_defects() {
    check("cdisc_pilot_defects", 1_600);
}

#[test]
fn cases_without_adverse_events_complete() {
    for case in ["veteran_lung", "strep_tb"] {
        check(case, 0);
    }
}
