//! What identifies people is in the key file and nowhere else.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;

use clinical_research::validation::KEY_FILE;
use heddle_sdk::testing::{Harness, TestRun};
use proptest::prelude::*;
use serde_json::{Value, json};

use common::{key, reconciles, sample, shared, validate};

/// Everything that a run leaves but the key file.
fn everything(run: &TestRun) -> String {
    let mut all = String::new();
    for (name, bytes) in run.files.iter().filter(|(name, _)| *name != KEY_FILE) {
        all.push_str(name);
        all.push_str(&String::from_utf8_lossy(bytes));
    }
    match &run.result {
        Ok(_) => all.push_str(&run.output().to_string()),
        Err(error) => all.push_str(&error.to_string()),
    }
    for (_, line) in &run.log {
        all.push_str(line);
    }
    for (_, line) in &run.progress {
        all.push_str(line);
    }
    all
}

fn original_ids(input: &Value) -> BTreeSet<String> {
    let subjects = input["study_data"]["subjects"].as_array().unwrap();
    subjects.iter().filter_map(|s| Some(s["subject_id"].as_str()?.to_owned())).collect()
}

#[test]
fn no_original_id_leaves_the_key_file() {
    let mut inputs = vec![("sample", sample())];
    for case in ["cdisc_pilot_sites_a", "cdisc_pilot_defects", "veteran_lung"] {
        inputs.extend(shared(case).map(|(input, _)| (case, input)));
    }
    for (name, input) in inputs {
        let run = validate(&input);
        let all = everything(&run);
        let key = key(&run);
        for id in original_ids(&input) {
            assert!(key.contains_key(&id), "{name}: {id}");
            assert!(!all.contains(&id), "{name}: {id}");
        }
    }
}

#[test]
fn sites_are_masked_and_the_key_has_them() {
    let run = validate(&sample());
    let all = everything(&run);
    for site in ["Northgate", "Elmfield", "Harbour View", "Stonebridge"] {
        assert!(!all.contains(site), "{site}");
        assert!(run.text(KEY_FILE).contains(site), "{site}");
    }
    for text in ["tova", "Quist", "555 010", "1961", "LUM-99-9999"] {
        assert!(!all.to_lowercase().contains(&text.to_lowercase()), "{text}");
    }
    assert!(run.text("validation_report.md").contains("study\\_data.subjects\\[\\].patient\\_name"));
    assert!(all.contains("[EMAIL]"), "the rest of the remark is kept");
}

#[test]
fn masks_depend_on_the_seed_and_not_on_the_order() {
    let input = sample();
    let mut turned = input.clone();
    // The second record of the repeated subject stays behind the first.
    let subjects = turned["study_data"]["subjects"].as_array_mut().unwrap();
    let last = subjects.pop().unwrap();
    subjects.reverse();
    subjects.push(last);
    let (one, two) = (validate(&input), validate(&turned));
    // But for the order of those whose event was at the same time.
    let subjects = |run: &TestRun| {
        let mut subjects = run.json("validated_data.json")["subjects"].clone();
        for events in subjects["events"].as_object_mut().unwrap().values_mut() {
            let tied: Vec<u64> =
                events["tied"].as_array().unwrap().iter().map(|order| order.as_u64().unwrap()).collect();
            assert!(tied.contains(&1) && tied.iter().all(|order| *order < 10), "{tied:?}");
            events.as_object_mut().unwrap().remove("tied");
        }
        subjects
    };
    assert_eq!(subjects(&one), subjects(&two));
    assert_eq!(key(&one), key(&two));
    let study = common::study(&one);
    assert!(study.subjects.id.is_sorted());
    let positions: Vec<usize> = {
        let key = key(&one);
        let subjects = input["study_data"]["subjects"].as_array().unwrap();
        let at =
            |s: &Value| study.subjects.id.binary_search(&key[s["subject_id"].as_str().unwrap()]).unwrap();
        subjects.iter().map(at).collect()
    };
    assert!(!positions.is_sorted() && !positions.iter().rev().is_sorted());
}

#[test]
fn the_key_file_is_restricted_and_no_other() {
    let manifest = clinical_research::plugin().manifest();
    let phase = manifest.phase("data_validation").unwrap();
    let restricted: Vec<&str> =
        phase.outputs.iter().filter(|o| o.restricted).map(|o| o.file.as_str()).collect();
    assert_eq!(restricted, [KEY_FILE]);
    for other in manifest.phases.iter().filter(|p| p.name != "data_validation") {
        assert!(!other.may_read(KEY_FILE) && !other.may_read("input/x.json"), "{}", other.name);
    }
}

#[test]
fn keys_that_are_people_are_not_told() {
    let mut input = sample();
    input["study_data"]["contacts"] =
        json!({ "Zelda Quimby": { "Dr. Orla Brandt": "x" }, "o.brandt@example.org": 1 });
    input["study_data"]["subjects"][0]["baseline"]["seen by Orla Brandt"] = json!(3);
    input["study_data"]["subjects"][1]["baseline"]["o.brandt@example.org"] = json!(3);
    input["protocol"]["title"] = json!("A trial by John Smith (j.smith@example.org)");
    input["protocol"]["subgroups"] = json!([{ "id": "x", "field": "baseline.seen by Orla Brandt" }]);
    let run = validate(&input);
    let all = everything(&run);
    for text in ["Brandt", "o.brandt", "Smith", "j.smith"] {
        assert!(!all.contains(text), "{text}");
    }
}

/// Invented identifiers of a kind: the key that may hold one, and the text.
fn identifier() -> impl Strategy<Value = (&'static str, String)> {
    let word = "[A-Z][a-z]{4,8}";
    prop_oneof![
        (word, word)
            .prop_map(|(a, b)| ("patient_name", format!("Q{} V{}", a.to_lowercase(), b.to_lowercase()))),
        "[a-z]{3,8}\\.[a-z]{3,8}@[a-z]{3,8}\\.(org|com|de)".prop_map(|t| ("email", t)),
        "\\+[1-9][0-9] [0-9]{2,3} [0-9]{6,7}".prop_map(|t| ("phone", t)),
        "[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}".prop_map(|t| ("home_phone", t)),
        "[1-9][0-9]{2}-[0-9]{2}-[0-9]{4}".prop_map(|t| ("ssn", t)),
        "MRN [A-Z][0-9]{6}".prop_map(|t| ("mrn", t)),
        "(19[3-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])".prop_map(|t| ("date_of_birth", t)),
        "[1-9][0-9]{0,2} [A-Z][a-z]{4,7} (Street|Road|Avenue)".prop_map(|t| ("address", t)),
        "10\\.[1-9][0-9]\\.[1-9][0-9]\\.[1-9][0-9]".prop_map(|t| ("ip_address", t)),
        "https://[a-z]{4,8}\\.example/[a-z]{4,8}".prop_map(|t| ("website", t)),
        "[a-z]{6,9}\\.jpg".prop_map(|t| ("photo", t)),
        "account [0-9]{8}".prop_map(|t| ("account_number", t)),
        "policy [A-Z]{2}[0-9]{7}".prop_map(|t| ("insurance_number", t)),
        "passport [A-Z][0-9]{8}".prop_map(|t| ("passport", t)),
        "plate [A-Z]{2}-[0-9]{4}".prop_map(|t| ("licence_plate", t)),
        "serial [A-Z]{3}[0-9]{6}".prop_map(|t| ("device_serial", t)),
    ]
}

/// Where one is planted: under its key, in a remark, or as a value where another belongs.
fn plant(input: &mut Value, at: usize, place: usize, key: &str, text: &str) {
    let study = &mut input["study_data"];
    let subject = at % 96;
    let other = study["subjects"][(at + 1) % 96]["subject_id"].as_str().unwrap().to_owned();
    let remark = format!("Stopped early; {text}, see {other}.");
    match place {
        0 => study["subjects"][subject][key] = json!(text),
        1 => study["subjects"][subject]["baseline"][key] = json!(text),
        2 => study["adverse_events"][at % 20][key] = json!(text),
        3 => study["adverse_events"][at % 20]["comment"] = json!(remark),
        4 => study["visits"][at % 50]["remarks"] = json!([remark, { "who": { key: text } }]),
        5 => study["contacts"] = json!([{ key: text, "notes": { "more": [remark] } }]),
        6 => study["subjects"][subject][key] = json!({ "value": [text], "again": { "x": text } }),
        // A bare name in a remark must be known from somewhere: it stands under its key in a list of its own.
        n => {
            let register = study.as_object_mut().unwrap().entry("register").or_insert_with(|| json!([]));
            register.as_array_mut().unwrap().push(json!({ key: text }));
            match n {
                7 => study["subjects"][subject]["discontinuation_reason"] = json!(remark),
                8 => study["subjects"][subject]["age"] = json!(text),
                9 => study["subjects"][subject]["race"] = json!(remark),
                10 => study["adverse_events"][at % 20]["pt"] = json!(format!("HEADACHE ({text})")),
                11 => study["labs"]["rows"][at % 50][4] = json!(text),
                12 => study["subjects"][subject]["baseline"]["comorbidities"] = json!([remark]),
                13 => study["subjects"][subject]["arm"] = json!(remark),
                14 => study["subjects"][subject]["treatment_end"] = json!(remark),
                15 => study["subjects"][subject]["completed"] = json!(remark),
                16 => study["adverse_events"][at % 20]["subject_id"] = json!(text),
                17 => study["visits"][at % 50]["visit"] = json!(remark),
                18 => study["lab_tests"]["ALT"] = json!(remark),
                _ => study["study_id"] = json!(remark),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Identifiers of every kind in any place are found, counted, and in no file, output, message or log but the key file.
    #[test]
    fn no_identifier_leaves(planted in prop::collection::vec((identifier(), 0usize..500, 0usize..20), 1..8), upload in any::<bool>()) {
        let mut input = sample();
        for ((key, text), at, place) in &planted {
            plant(&mut input, *at, *place, key, text);
        }
        let run = match upload {
            true => Harness::<clinical_research::validation::DataValidation>::new().file("input/t.json", input.to_string()).run(json!({})),
            false => Harness::<clinical_research::validation::DataValidation>::new().run(input.clone()),
        };
        let all = everything(&run);
        for ((key, text), at, place) in &planted {
            // Under a title the number alone identifies as well.
            let bare = text.rsplit(' ').next().filter(|bare| bare.bytes().filter(u8::is_ascii_digit).count() > 5);
            for text in [Some(text.as_str()), bare].into_iter().flatten() {
                prop_assert!(!all.contains(text), "{key} {text:?} planted at {at}, place {place}");
            }
        }
        for id in original_ids(&input) {
            prop_assert!(!all.contains(&id), "{}", id);
        }
        let found = run.output()["quality_metrics"]["identifiers"].as_array().unwrap().len();
        prop_assert!(found > 0);
        reconciles(&run);
    }
}
