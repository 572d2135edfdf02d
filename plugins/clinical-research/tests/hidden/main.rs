//! A study by an adversary: identifiers in every place that it has. None leaves the key file, in any of the five phases.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::needless_pass_by_value,
    reason = "a test; json!(…) is given by value"
)]

#[path = "../common/mod.rs"]
mod common;
mod flags;

use std::io::Read as _;

use clinical_research::{
    cohort::CohortAnalysis,
    efficacy::EfficacyAnalysis,
    publication::PublicationPackage,
    safety::SafetyAnalysis,
    validation::{DataValidation, KEY_FILE},
};
use heddle_sdk::{
    Phase,
    testing::{Harness, TestRun},
};
use serde_json::{Value, json};

use common::{study, validate};

/// Sixty subjects without anything to hide but their ids.
fn trial() -> Value {
    let subjects: Vec<Value> = (0..60)
        .map(|k| {
            json!({
                "subject_id": format!("HID-{:02}-{:04}", k % 3, 4001 + k), "site": (["Osterfeld", "Kvikmyndir"][k % 2]),
                "arm": (["Placebo", "Drug"][k % 2]), "age": 30 + k % 50, "sex": (["F", "M"][(k + k / 7) % 2]),
                "race": "WHITE", "treatment_start": format!("2024-03-{:02}", 1 + k % 28), "treatment_end": format!("2024-09-{:02}", 1 + k % 28),
                "completed": k % 9 > 0, "death": false, "discontinuation_reason": "Adverse event",
                "populations": { "itt": true, "safety": true },
                "baseline": { "score": 10 + (k * 7) % 13, "stage": (["I", "II", "III"][k % 3]) },
                "endpoints": { "change": (k * 5) as f64 % 11.0 - 4.0 },
                "events": { "relapse": { "time": 20 + (k * 11) % 150, "event": k % 3 == 0 } },
            })
        })
        .collect();
    let events: Vec<Value> = (0..60)
        .map(|k| {
            json!({ "subject_id": format!("HID-{:02}-{:04}", k % 3, 4001 + k), "soc": "NERVOUS SYSTEM DISORDERS", "pt": "HEADACHE",
                "severity": "MILD", "serious": false, "related": true, "start_day": 3, "end_day": 5, "treatment_emergent": true,
                "fatal": false, "outcome": "RECOVERED", "action": "NONE" })
        })
        .collect();
    let labs: Vec<Value> = (0..60)
        .map(|k| json!({ "subject_id": format!("HID-{:02}-{:04}", k % 3, 4001 + k), "test": "ALT", "visit": "Week 4", "day": 28,
            "value": 20 + k % 30, "low": 7, "high": 45 }))
        .collect();
    let visits: Vec<Value> = (0..60)
        .map(|k| json!({ "subject_id": format!("HID-{:02}-{:04}", k % 3, 4001 + k), "assessment": "SCORE", "visit": "Week 4", "day": 28, "value": 9 }))
        .collect();
    json!({
        "study_data": { "study_id": "HID", "subjects": subjects, "adverse_events": events, "labs": labs, "visits": visits,
            "lab_tests": { "ALT": "Alanine aminotransferase (U/L)" } },
        "protocol": {
            "study_id": "HID", "title": "A trial", "design": "randomised, double-blind", "arms": ["Placebo", "Drug"], "reference_arm": "Placebo",
            "populations": { "baseline": "itt", "efficacy": "itt", "time_to_event": "itt", "safety": "safety" },
            "table1": { "continuous": ["age", "baseline.score"], "categorical": ["sex", "baseline.stage"] },
            "endpoints": { "primary": { "id": "change", "type": "continuous", "baseline_field": "baseline.score" },
                "time_to_event": [{ "id": "relapse", "unit": "days", "times": [30, 90] }] },
            "subgroups": [{ "id": "sex", "field": "sex" }], "required_fields": ["age"],
            "ranges": { "age": [18, 80] }, "lab_ranges": { "ALT": [1, 2000] },
            "visit_windows": [{ "visit": "Week 4", "low": 20, "high": 35 }],
        },
    })
}

/// Identifiers, and in which text they stand. What is hidden is the first one; a bare name is known from a register of contacts.
const HIDDEN: &[(&str, &str)] = &[
    ("HID014002", "the same as HID014002 had"),
    ("HID 01 4002", "as HID 01 4002 has it"),
    ("hid_01/4002", "like hid_01/4002 before"),
    ("ＨＩＤ－０１－４００２", "wie ＨＩＤ－０１－４００２ zuvor"),
    ("4711000", "chart 4711000 was seen"),
    ("subject 7", "subject 7 said so"),
    ("Zorblaxa", "told by Zorblaxa on the ward"),
    ("Quimbyson", "wife of Mr. Quimbyson called"),
    ("John Smithers", "patient John Smithers asked to stop"),
    ("Müllerhuber", "Frau Müllerhuber rief an"),
    ("Петров", "пациент Иван Петров упал"),
    ("山田太郎", "患者：山田太郎 転倒"),
    ("Mu\u{308}nzberger", "Dr. Mu\u{308}nzberger saw it"),
    ("12/03/56", "born 12/03/56 at home"),
    ("12MAR56", "born 12MAR56 at home"),
    ("19560312", "born 19560312 at home"),
    ("Mar 1956", "born in Mar 1956 at home"),
    ("03/1956", "born 03/1956 at home"),
    ("12. März 1956", "geboren am 12. März 1956"),
    ("1956年3月12日", "1956年3月12日 生まれ"),
    ("+44 20 7946 0958", "ring +44 20 7946 0958 first"),
    ("0151 23456789", "Handy 0151 23456789 bitte"),
    ("07700900123", "on 07700900123 only"),
    ("z.quimby@example.org", "mail z.quimby@example.org please"),
    ("z.quimby [at] example [dot] org", "mail z.quimby [at] example [dot] org please"),
    ("943 476 5919", "NHS 943 476 5919 known"),
    ("123-45-6789", "SSN 123-45-6789 known"),
    ("12 Elmfield Road", "lives at 12 Elmfield Road now"),
    ("10.11.12.13", "from 10.11.12.13 by web"),
    ("Kvikmyndir", "sent over from Kvikmyndir again"),
];

fn runs(input: &Value) -> Vec<TestRun> {
    let validated = validate(input);
    let mut files: Vec<(String, Vec<u8>)> = validated
        .files
        .iter()
        .filter(|(name, _)| *name != KEY_FILE)
        .map(|(n, b)| (n.to_string(), b.clone()))
        .collect();
    let mut all = vec![validated];
    fn next<P: Phase>(files: &mut Vec<(String, Vec<u8>)>) -> TestRun {
        let harness = files.iter().fold(Harness::<P>::new(), |h, (name, bytes)| h.file(name, bytes.clone()));
        let run = harness.run(json!({}));
        run.output();
        files.extend(run.files.iter().map(|(name, bytes)| (name.to_string(), bytes.clone())));
        run
    }
    all.push(next::<CohortAnalysis>(&mut files));
    all.push(next::<EfficacyAnalysis>(&mut files));
    all.push(next::<SafetyAnalysis>(&mut files));
    all.push(next::<PublicationPackage>(&mut files));
    all
}

/// All that the phases leave but the key file, with what is packed in it.
fn everything(runs: &[TestRun]) -> String {
    let mut all = String::new();
    let mut add = |bytes: &[u8]| {
        all.push_str(&String::from_utf8_lossy(bytes));
        all.push('\n');
    };
    for run in runs {
        for (name, bytes) in run.files.iter().filter(|(name, _)| *name != KEY_FILE) {
            add(name.as_bytes());
            add(bytes);
            unpack(bytes, &mut add);
        }
        add(run.output().to_string().as_bytes());
        run.log.iter().for_each(|(_, line)| add(line.as_bytes()));
        run.progress.iter().for_each(|(_, line)| add(line.as_bytes()));
    }
    all
}

fn unpack(bytes: &[u8], add: &mut impl FnMut(&[u8])) {
    if !bytes.starts_with(b"PK") {
        return;
    }
    let mut archive = zip8::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    for at in 0..archive.len() {
        let mut inner = Vec::new();
        archive.by_index(at).unwrap().read_to_end(&mut inner).unwrap();
        add(&inner);
        unpack(&inner, add);
    }
}

/// Put a text where a place is.
fn hide(input: &mut Value, place: usize, at: usize, text: &str) {
    let study = &mut input["study_data"];
    match place {
        0 => study["subjects"][at]["discontinuation_reason"] = json!(text),
        1 => study["subjects"][at]["race"] = json!(text),
        2 => study["subjects"][at]["arm"] = json!(text),
        3 => study["subjects"][at]["actual_arm"] = json!(text),
        4 => study["subjects"][at]["baseline"]["remark"] = json!(text),
        5 => study["subjects"][at]["baseline"]["stage"] = json!(text),
        6 => study["subjects"][at]["baseline"]["comorbidities"] = json!([text, "Asthma"]),
        7 => study["subjects"][at]["baseline"][text] = json!(3),
        8 => study["subjects"][at]["age"] = json!(text),
        9 => study["subjects"][at]["completed"] = json!(text),
        10 => study["subjects"][at]["endpoints"]["change"] = json!(text),
        11 => study["subjects"][at]["events"]["relapse"]["time"] = json!(text),
        12 => study["subjects"][at]["treatment_end"] = json!(text),
        13 => study["subjects"][at]["more"] = json!({ "deep": [{ text: [text] }] }),
        14 => study["adverse_events"][at]["pt"] = json!(format!("HEADACHE, {text}")),
        15 => study["adverse_events"][at]["soc"] = json!(text),
        16 => study["adverse_events"][at]["severity"] = json!(text),
        17 => study["adverse_events"][at]["outcome"] = json!(text),
        18 => study["adverse_events"][at]["action"] = json!(text),
        19 => study["adverse_events"][at]["comment"] = json!(text),
        20 => study["visits"][at]["visit"] = json!(text),
        21 => study["visits"][at]["assessment"] = json!(text),
        22 => study["labs"][at]["test"] = json!(text),
        23 => study["labs"][at]["visit"] = json!(text),
        24 => study["labs"][at]["value"] = json!(text),
        25 => study["lab_tests"]["ALT"] = json!(text),
        26 => study["lab_tests"][text] = json!("A test"),
        27 => study["study_id"] = json!(text),
        28 => study["notes"] = json!([{ "by": text, text: { "x": [text] } }]),
        29 => study["subjects"][at]["sex"] = json!(text),
        30 => input["protocol"]["title"] = json!(text),
        31 => input["protocol"]["design"] = json!(format!("randomised; {text}")),
        32 => input["protocol"]["indication"] = json!(text),
        33 => input["protocol"]["arms"][1] = json!(text),
        34 => input["protocol"]["endpoints"]["primary"]["label"] = json!(text),
        35 => input["protocol"]["endpoints"]["primary"]["unit"] = json!(text),
        36 => input["protocol"]["endpoints"]["primary"]["id"] = json!(text),
        37 => input["protocol"]["endpoints"]["time_to_event"][0]["unit"] = json!(text),
        38 => input["protocol"]["subgroups"][0]["id"] = json!(text),
        39 => input["protocol"]["subgroups"][0]["label"] = json!(text),
        40 => input["protocol"]["visit_windows"][0]["visit"] = json!(text),
        41 => input["protocol"]["lab_ranges"][text] = json!([1, 2]),
        42 => input["protocol"]["ranges"][text] = json!([1, 2]),
        43 => input["protocol"]["amendment"] = json!({ text: [text, { "x": text }] }),
        44 => input["protocol"][text] = json!(text),
        45 => input["protocol"]["required_fields"] = json!(["age", text]),
        46 => input["protocol"]["populations"]["safety"] = json!(text),
        47 => input["protocol"]["date_order"] = json!([["treatment_start", text]]),
        48 => input["protocol"]["ae"] = json!({ "analysis_set": text }),
        _ => input["protocol"]["reference_arm"] = json!(text),
    }
}
const PLACES: usize = 50;

/// The register that makes bare names known.
fn with_register(mut input: Value) -> Value {
    input["study_data"]["contacts"] = json!([{ "patient_name": "Zorblaxa Quimbyson" }]);
    input
}

/// How each hidden text, and its parts that tell as much, may be written in what is left.
fn leaks(hidden: &str, all: &str) -> bool {
    let escaped = serde_json::to_string(hidden).unwrap();
    all.contains(hidden)
        || all.contains(escaped.trim_matches('"'))
        || all.contains(&hidden.replace("u\u{308}", "\u{fc}"))
}

/// Every text in every place, in the phase that reads the raw data.
#[test]
fn nothing_hidden_leaves_the_validation() {
    for place in 0..PLACES {
        let mut input = with_register(trial());
        for (at, (_, text)) in HIDDEN.iter().enumerate() {
            hide(&mut input, place, at, text);
        }
        let all = everything(&[Harness::<DataValidation>::new().run(input)]);
        for (hidden, text) in HIDDEN {
            assert!(!leaks(hidden, &all), "{hidden:?} of {text:?} in place {place}");
        }
        for id in ["HID-00-4001", "HID-01-4002", "Osterfeld"] {
            assert!(!all.contains(id), "{id} in place {place}");
        }
    }
}

/// Different texts in different places at once, through all five phases.
#[test]
fn nothing_hidden_leaves_the_five_phases() {
    for turn in [0, 7, 19] {
        let mut input = with_register(trial());
        for place in 0..PLACES {
            // The phases have something to analyse: the arms and the endpoints stay.
            if [2, 33, 36, 49].contains(&place) {
                continue;
            }
            let at = (place * 3 + turn) % HIDDEN.len();
            hide(&mut input, place, (place + turn) % 60, HIDDEN[at].1);
        }
        let all = everything(&runs(&input));
        for (hidden, text) in HIDDEN {
            assert!(!leaks(hidden, &all), "{hidden:?} of {text:?}");
        }
        assert!(!all.contains("HID-01-4002"));
    }
}

/// Fields with names that nobody thought of.
#[test]
fn what_nobody_declared_is_withheld_where_it_identifies() {
    let mut input = trial();
    for k in 0..60 {
        let subject = &mut input["study_data"]["subjects"][k];
        let baseline = &mut subject["baseline"];
        baseline["zz"] = json!(format!("Vorname{k} Nachname{k}"));
        baseline["number"] = json!(700_000_000_u64 + 7919 * k as u64);
        baseline["nhsnumber"] = json!(format!("Q{k}X"));
        baseline["emailaddr"] = json!(format!("who{k}"));
        baseline["phoneno"] = json!(5_000 + k);
        baseline["spouse"] = json!("Gudrunella");
        baseline["hometown"] = json!("Kirkjubaejar");
        baseline["note"] = json!(if k == 5 { "lives with Oddnyja in the old house" } else { "none" });
        baseline["84739201"] = json!(1);
        baseline["group"] = json!(["low", "middle", "high"][k % 3]);
        subject["endpoints"]["other"] = json!(format!("Person{k}"));
    }
    let run = validate(&input);
    let all = everything(std::slice::from_ref(&run));
    for text in [
        "Vorname7",
        "Person7",
        "Q7X",
        "who7",
        "Gudrunella",
        "Kirkjubaejar",
        "Oddnyja",
        "84739201",
        "700055433",
    ] {
        assert!(!all.contains(text), "{text}");
    }
    let study = study(&run);
    assert!(study.subjects.field("baseline.group").is_some(), "a plausible category stays");
    for field in ["zz", "number", "nhsnumber", "phoneno", "spouse"] {
        assert!(study.subjects.field(&format!("baseline.{field}")).is_none(), "{field}");
    }
    let rules = &run.output()["quality_metrics"]["other_rules"];
    assert_eq!(rules["undeclared_text_withheld"], 2, "{rules}");
    assert_eq!(rules["undeclared_numbers_withheld"], 1);
    assert_eq!(rules["undeclared_text_masked"], 1);
}

/// Names of people under keys of the protocol, and what the data say of them.
#[test]
fn people_of_the_protocol_are_masked() {
    let mut input = trial();
    input["protocol"]["investigator"] = json!({ "name": "Bryndisa Hallgrimsen", "phone": 3_545_551_234_u64 });
    input["study_data"]["adverse_events"][3]["pt"] = json!("HEADACHE, told to Hallgrimsen");
    let all = everything(&[validate(&input)]);
    assert!(!all.contains("Hallgrimsen") && !all.contains("3545551234"));
}

#[test]
fn names_of_unlisted_arms_are_told_only_where_they_are_arms() {
    let mut input = trial();
    input["study_data"]["subjects"][3]["arm"] = json!("Zelda Oddnyja");
    input["study_data"]["subjects"][4]["arm"] = json!("Drug, low dose");
    input["study_data"]["subjects"][5]["actual_arm"] = json!("Zelda Oddnyja");
    let run = validate(&input);
    let all = everything(std::slice::from_ref(&run));
    assert!(!all.contains("Oddnyja") && all.contains("Drug, low dose"));
    assert_eq!(run.output()["quality_metrics"]["unknown_arm"].as_array().unwrap().len(), 2);
}

/// Arms and visits with identifiers are cleaned alike in protocol and data, so that they are still the same.
#[test]
fn cleaned_names_still_meet() {
    let mut input = trial();
    let arm = "Drug (Dr. Oddnyja Brandt)";
    input["protocol"]["arms"][1] = json!(arm);
    for k in (1..60).step_by(2) {
        input["study_data"]["subjects"][k]["arm"] = json!(arm);
    }
    let visit = "Week 4 by Dr. Oddnyja Brandt";
    input["protocol"]["visit_windows"][0] = json!({ "visit": visit, "low": 1, "high": 2 });
    for k in 0..60 {
        input["study_data"]["visits"][k]["visit"] = json!(visit);
    }
    let run = validate(&input);
    assert!(!everything(std::slice::from_ref(&run)).contains("Brandt"));
    let quality = &run.output()["quality_metrics"];
    assert_eq!(quality["unknown_arm"], json!([]));
    assert_eq!(quality["visits_out_of_window"].as_array().unwrap().len(), 60);
}

#[test]
fn ages_over_89_are_told_as_such() {
    let mut input = trial();
    input["protocol"]["ranges"]["age"] = json!([18, 89]);
    input["study_data"]["subjects"][3]["age"] = json!(97);
    input["study_data"]["subjects"][4]["age"] = json!(93);
    let runs = runs(&input);
    let report = runs[0].text("validation_report.md");
    assert!(
        report.contains("over 89") && !report.contains("| 97 |") && !report.contains("| 93 |"),
        "{report}"
    );
    let listed = runs[0].output()["validated_data"]["subjects"].as_array().unwrap();
    let old = |age: &Value| age.as_f64().is_some_and(|age| age > 89.0);
    assert!(!listed.iter().any(|subject| old(&subject["age"])));
    assert_eq!(listed.iter().filter(|subject| subject["age"] == "over 89").count(), 2);
    for (run, file) in [(1, "table1.csv"), (1, "statistical_report.md")] {
        let text = runs[run].text(file);
        assert!(text.contains("to over 89"), "{file}: {text}");
        assert!(!text.contains("to 97") && !text.contains("to 93"), "{file}");
    }
    let age = &runs[1].json("cohort_characteristics.json")["table1"]["continuous"]["age"];
    assert_eq!((&age["overall"]["max"], &age["overall"]["max_told"]), (&json!(97.0), &json!("over 89")));
    assert_eq!(age["by_arm"]["Drug"]["max_told"], "over 89");
    assert_eq!(age["overall"].get("min_told"), None);
    let ages: Vec<f64> = (0..60)
        .map(|k| match k {
            3 => 97.0,
            4 => 93.0,
            k => f64::from(30 + k % 50),
        })
        .collect();
    let mean = ages.iter().sum::<f64>() / 60.0;
    assert!(
        (age["overall"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9,
        "the mean is of the ages themselves"
    );
}
