//! `data_validation` on the reference cases: every figure of their `data_quality`.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use common::{key, shared, validate};

/// The expected findings with masked ids.
fn masked(expected: &Value, key: &BTreeMap<String, String>) -> Value {
    match expected {
        Value::String(text) => key.get(text).map_or_else(|| expected.clone(), |mask| json!(mask)),
        Value::Array(list) => list.iter().map(|v| masked(v, key)).collect(),
        Value::Object(map) => {
            let item = |(name, v): (&String, &Value)| {
                let v = if name == "value" || name == "day" { json!(v.as_f64()) } else { masked(v, key) };
                (name.clone(), v)
            };
            map.iter().map(item).collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A list as a set of its items, each with the expected keys only.
fn set(list: &Value, keys: Option<&[&str]>) -> BTreeSet<String> {
    let item = |v: &Value| match keys {
        None => v.to_string(),
        Some(keys) => keys.iter().map(|k| v[*k].to_string()).collect::<Vec<_>>().join("|"),
    };
    list.as_array().unwrap().iter().map(item).collect()
}

fn check(case: &str) {
    let Some((input, expected)) = shared(case) else { return };
    let run = validate(&input);
    let output = run.output();
    let quality = &output["quality_metrics"];
    let key = key(&run);
    let expected = &expected["data_quality"];
    for (name, want) in expected.as_object().unwrap() {
        let found = &quality[name];
        let lists: Option<Option<&[&str]>> = match name.as_str() {
            "out_of_range" => Some(Some(&["subject_id", "field", "value"])),
            "date_order_violations" => Some(Some(&["subject_id", "fields"])),
            "visits_out_of_window" => Some(Some(&["subject_id", "visit", "day"])),
            "unknown_arm" | "duplicate_subject_ids" => Some(None),
            _ => None,
        };
        if let Some(keys) = lists {
            assert_eq!(set(found, keys), set(&masked(want, &key), keys), "{case}: {name}");
            assert_eq!(found.as_array().unwrap().len(), want.as_array().unwrap().len(), "{case}: {name}");
        } else if name == "completeness_pct" {
            let (found, want) = (found.as_f64().unwrap(), want.as_f64().unwrap());
            assert!((found - want).abs() < 1e-7 * want, "{case}: {found} for {want}");
        } else {
            assert_eq!(found, want, "{case}: {name}");
        }
    }
    common::reconciles(&run);
    common::dump(case, &run);
}

#[test]
fn cdisc_pilot_sites_a() {
    check("cdisc_pilot_sites_a");
}

#[test]
fn cdisc_pilot_defects() {
    check("cdisc_pilot_defects");
}

#[test]
fn veteran_lung() {
    check("veteran_lung");
}

#[test]
fn strep_tb() {
    check("strep_tb");
}

/// Every injected defect is found at its subject.
#[test]
fn injected_defects_are_found() {
    let Some((input, _)) = shared("cdisc_pilot_defects") else { return };
    let Some(injected) = common::shared_file("cdisc_pilot_defects/injected.json") else { return };
    let run = validate(&input);
    let key = key(&run);
    let quality = &run.output()["quality_metrics"];
    let has = |list: &str, subject: &str, wanted: &[(&str, &Value)]| {
        quality[list].as_array().unwrap().iter().any(|f| {
            let id = f["subject_id"].as_str().or(f.as_str());
            id == Some(subject) && wanted.iter().all(|(k, v)| f[*k] == **v)
        })
    };
    let rule = |rule: &str, subject: &str| has("findings", subject, &[("rule", &json!(rule))]);
    for defect in injected.as_array().unwrap() {
        let subject = defect["subject_id"].as_str().unwrap();
        let mask = key.get(subject).map_or("", String::as_str);
        let found = match defect["type"].as_str().unwrap() {
            "out_of_range" => has("out_of_range", mask, &[("field", &defect["field"])]),
            "date_order" => has("date_order_violations", mask, &[("fields", &defect["fields"])]),
            "unknown_arm" => has("unknown_arm", mask, &[]),
            "duplicate_subject" => has("duplicate_subject_ids", mask, &[]),
            "visit_out_of_window" => has("visits_out_of_window", mask, &[("visit", &defect["visit"])]),
            "ae_end_before_start" => rule("ae_end_before_start", mask),
            "lab_out_of_range" => rule("lab_out_of_range", mask),
            "orphan_adverse_event" => run.output()["validated_data"]["flow"]["exclusions"]
                .as_array()
                .unwrap()
                .iter()
                .any(|e| e["what"] == "adverse_event" && e["subject"] == json!(mask)),
            // Counted, and compared with the expected figures.
            "missing" | "duplicate_adverse_event" | "duplicate_lab" => true,
            other => panic!("{other} is not known"),
        };
        assert!(found, "{defect}");
    }
}
