//! Every leaf of `table1` and of `tableone_smd_3dp` in the reference cases.

use clinical_research::cohort::CohortAnalysis;
use heddle_sdk::testing::{Harness, TestRun};
use serde_json::{Value, json};

use crate::common::{dump, shared, validate};

/// How far a figure may be off: counts not at all, order statistics 1e-9, the rest 1e-6, relatively; p-values below 1e-8 1e-4. What
/// is written with ten digits cannot be closer than half of the last one.
fn tolerance(path: &str, want: f64) -> f64 {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "n" | "missing" | "chi2_df" => 0.0,
        _ if path.contains("/counts/") || path.starts_with("/n/") => 0.0,
        "median" | "q1" | "q3" | "min" | "max" => 1e-9 * want.abs().max(1.0),
        _ if name.ends_with("_p") && want < 1e-8 => 1e-4 * want,
        _ => 1e-6 * want.abs(),
    }
}

/// Compares all leaves and counts them.
fn compare(found: &Value, want: &Value, path: &str, leaves: &mut usize) {
    match want {
        Value::Object(map) => {
            for (key, want) in map {
                let found = found.get(key).unwrap_or_else(|| panic!("{path}/{key} is not there"));
                compare(found, want, &format!("{path}/{key}"), leaves);
            }
        }
        Value::Number(_) => {
            *leaves += 1;
            let want = want.as_f64().unwrap();
            let value = found.as_f64().unwrap_or_else(|| panic!("{path}: {found}, not {want}"));
            assert!((value - want).abs() <= tolerance(path, want), "{path}: {value}, not {want}");
        }
        other => panic!("{path}: a leaf that is no number: {other}"),
    }
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(leaves).sum(),
        _ => 1,
    }
}

pub(crate) fn analysed(case: &str) -> Option<(TestRun, Value)> {
    let (input, expected) = shared(case)?;
    let run = Harness::<CohortAnalysis>::new().files_of(&validate(&input)).run(json!({}));
    dump(&format!("cohort_{case}"), &run);
    Some((run, expected))
}

/// `n_leaves` is how many leaves the case's sections have: it catches both a comparison that leaves some out and new data.
fn check(case: &str, n_leaves: usize) {
    let Some((run, expected)) = analysed(case) else { return };
    let file = run.json("cohort_characteristics.json");
    let statistics = &run.output()["statistics"];
    let (mut compared, mut again) = (0, 0);
    compare(&file["table1"], &expected["table1"], "", &mut compared);
    compare(&statistics["table1"], &expected["table1"], "", &mut again);
    assert_eq!((compared, again), (leaves(&expected["table1"]), compared));
    let smds = &expected["tableone_smd_3dp"];
    if smds.get("error").is_some() {
        // The package refuses the name of an arm; we do not.
        assert!(file["tableone_smd_3dp"].as_object().unwrap().values().all(|arm| arm["Test"].is_number()));
    } else {
        for (field, arms) in smds.as_object().unwrap() {
            for (arm, want) in arms.as_object().unwrap() {
                let found = file["tableone_smd_3dp"][field][arm].as_f64().unwrap();
                // The sign depends on the package's order of the arms.
                assert!(
                    (found.abs() - want.as_f64().unwrap().abs()).abs() < 1e-9,
                    "{case} {field} {arm}: {found}, {want}"
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, n_leaves, "{case}");
    assert_eq!(file["table1"], statistics["table1"]);
}

#[test]
fn cdisc_pilot() {
    check("cdisc_pilot_sites_a", 384);
}

#[test]
fn cdisc_pilot_with_defects() {
    check("cdisc_pilot_defects", 378);
}

#[test]
fn veteran_lung() {
    check("veteran_lung", 123);
}

#[test]
fn strep_tb() {
    check("strep_tb", 103);
}

/// Randomised by its design: nothing is matched. Not stated: unknown, and matched.
#[test]
fn randomisation_is_read_from_the_protocol() {
    let Some((run, _)) = analysed("cdisc_pilot_sites_a") else { return };
    let statistics = &run.output()["statistics"];
    assert_eq!(statistics["randomisation"]["randomised"], json!(true));
    assert_eq!(statistics["propensity"]["performed"], json!(false));
    assert!(run.text("statistical_report.md").contains("treated as randomised"));
    let (run, _) = analysed("veteran_lung").unwrap();
    let statistics = &run.output()["statistics"];
    assert_eq!(statistics["randomisation"]["randomised"], Value::Null);
    let matched = &statistics["propensity"]["by_arm"]["Test"];
    let pairs = matched["pairs"].as_u64().unwrap();
    assert!(pairs > 30, "{matched}");
    assert_eq!(pairs + matched["unmatched_arm"].as_u64().unwrap(), 68);
    assert_eq!(pairs + matched["unmatched_reference"].as_u64().unwrap(), 69);
    assert!(run.text("statistical_report.md").contains("randomised is not known"));
}
