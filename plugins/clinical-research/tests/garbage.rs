//! Input that makes no sense: clear errors, no panic.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use clinical_research::validation::DataValidation;
use heddle_sdk::testing::{Harness, TestRun};
use proptest::prelude::*;
use serde_json::{Value, json};

use common::{reconciles, validate};

fn upload(text: &str) -> TestRun {
    Harness::<DataValidation>::new().file("input/study.json", text).run(json!({}))
}

fn error(run: &TestRun) -> String {
    run.error().to_string()
}

#[test]
fn errors_say_what_is_missing() {
    for (input, part) in [
        (json!({}), "there are no data"),
        (json!({ "study_data": {} }), "there are no subjects"),
        (json!({ "study_data": { "subjects": [] }, "protocol": {} }), "the list of subjects is empty"),
        (json!({ "study_data": { "subjects": [1, null] }, "protocol": {} }), "none of the 2 records"),
        (
            json!({ "study_data": [], "protocol": {} }),
            "an object with subjects is expected, and a list is there",
        ),
        (
            json!({ "study_data": "Jane Roe", "protocol": {} }),
            "an object with subjects is expected, and a text",
        ),
        (
            json!({ "study_data": { "subjects": "Jane Roe" }, "protocol": {} }),
            "/study_data/subjects: a list of objects",
        ),
        (json!({ "study_data": { "subjects": { "S1": {} } }, "protocol": {} }), "without a list of columns"),
        (
            json!({ "study_data": { "subjects": [{ "a": 1 }], "labs": 3 }, "protocol": {} }),
            "/study_data/labs: a list",
        ),
        (json!({ "study_data": { "subjects": [{ "a": 1 }] } }), "there is no protocol"),
        (
            json!({ "study_data": { "subjects": [{ "a": 1 }] }, "protocol": [1] }),
            "/protocol: an object is expected",
        ),
    ] {
        let told = error(&validate(&input));
        assert!(told.contains(part), "{part:?} is not in {told:?}");
        assert!(!told.contains("Jane"), "{told}");
    }
}

#[test]
fn broken_files_are_told_without_their_contents() {
    for (text, part) in [
        ("", "not JSON"),
        ("{\"study_data\": {\"subjects\": [{\"name\": \"Jane Roe\"", "not JSON"),
        ("{\"study_data\": {\"subjects\": [{\"age\": NaN}]}, \"protocol\": {}}", "write null"),
        ("[1]", "holds a list"),
        ("{\"study_data\": {\"subjects\": [{\"age\": 1e999}]}, \"protocol\": {}}", "number out of range"),
    ] {
        let told = error(&upload(text));
        assert!(told.contains(part), "{part:?} is not in {told:?}");
        assert!(!told.contains("Jane"), "{told}");
    }
    let deep = format!("{{\"study_data\": {{\"subjects\": {}1{}}}}}", "[".repeat(500), "]".repeat(500));
    assert!(error(&upload(&deep)).contains("recursion limit"));
    let twice = "{\"study_data\": {\"subjects\": [{\"subject_id\": 1}], \"subjects\": [{\"subject_id\": 2}]}, \"protocol\": {}}";
    assert!(error(&upload(twice)).contains("occurs twice"));
}

#[test]
fn odd_values_are_findings() {
    let long = "x".repeat(100_000);
    let run = upload(&format!(
        r#"{{"study_data": {{"subjects": [
            {{"subject_id": "ä-1", "arm": "Ärm \u0000 😀", "age": 1e308, "age": 7, "baseline": {{"x": -1e308, "": 1, "a.b": 2}}}},
            {{"subject_id": "ä-2", "arm": "Ärm \u0000 😀", "age": "NaN", "baseline": 5}},
            {{"subject_id": 99999999999999999999, "arm": true, "age": {{"years": 3}}, "baseline": [[[{{"y": "{long}"}}]]]}},
            {{}}, []
            ], "visits": null, "odd": [{{"deep": [1, {{"er": "x"}}]}}]}}, "protocol": {{"arms": ["Ärm \u0000 😀", "B"]}}}}"#
    ));
    let quality = &run.output()["quality_metrics"];
    assert_eq!(quality["n_subject_records"], 5);
    reconciles(&run);
    let gone = quality["not_passed_on"].to_string();
    assert!(gone.contains("occurs twice") && gone.contains("study_data.odd"), "{gone}");
    for text in ["NaN", "inf", "Infinity"] {
        assert!(!run.text("validated_data.json").contains(&format!(":{text}")), "{text}");
    }
}

#[test]
fn too_many_different_fields_are_refused() {
    let subjects: Vec<Value> = (0..5_000).map(|k| json!({ "subject_id": k, format!("k{k}"): 1 })).collect();
    let told = error(&validate(&json!({ "study_data": { "subjects": subjects }, "protocol": {} })));
    assert!(told.contains("more than 2000 different fields"), "{told}");
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["A", "B", "2024-01-05", "NaN", "Y", "male", "12,5", " ", "n/a", "1e400"])
            .prop_map(Value::from),
    ]
}

fn json_tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z.]{0,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn record() -> impl Strategy<Value = Value> {
    let names = vec![
        "subject_id",
        "arm",
        "age",
        "sex",
        "site",
        "death",
        "completed",
        "treatment_start",
        "baseline",
        "endpoints",
        "events",
        "populations",
        "x",
        "comorbidities",
        "soc",
        "pt",
        "start_day",
        "end_day",
        "start_date",
        "test",
        "value",
        "visit",
        "day",
    ];
    let key = prop::sample::select(names).prop_map(str::to_owned);
    let object = prop::collection::btree_map(key, json_tree(), 0..8).prop_map(|map| json!(map));
    prop_oneof![9 => object, 1 => json_tree()]
}

fn records() -> impl Strategy<Value = Value> {
    prop::collection::vec(record(), 1..12).prop_map(Value::from)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever records hold, they are all counted: in the study, or left out with a reason.
    #[test]
    fn no_record_vanishes(subjects in records(), events in records(), labs in records(), visits in records()) {
        let n = [&subjects, &events, &labs, &visits].map(|list| list.as_array().unwrap().len());
        let any_subject = subjects.as_array().unwrap().iter().any(Value::is_object);
        let run = validate(&json!({
            "study_data": { "subjects": subjects, "adverse_events": events, "labs": labs, "visits": visits },
            "protocol": { "arms": ["A", "B"], "populations": { "safety": "x" }, "ranges": { "age": [0, 99] },
                "date_order": [["treatment_start", "treatment_end"]], "required_fields": ["age", "baseline"] },
        }));
        match &run.result {
            Ok(_) => {
                let q = &run.output()["quality_metrics"];
                for (name, n) in ["n_subject_records", "n_adverse_events", "n_labs", "n_visits"].into_iter().zip(n) {
                    prop_assert_eq!(q[name].as_u64(), Some(n as u64), "{}", name);
                }
                reconciles(&run);
            }
            Err(error) => {
                prop_assert!(!any_subject, "{}", error);
                prop_assert!(error.to_string().contains("/study_data/subjects: "), "{}", error);
            }
        }
    }

    /// Whatever a protocol holds, there is no panic, and a study comes of it.
    #[test]
    fn any_protocol_gives_a_study(protocol in prop::collection::btree_map(
        prop::sample::select(vec!["arms", "reference_arm", "alpha", "confidence_level", "populations", "table1", "endpoints",
            "subgroups", "required_fields", "ranges", "lab_ranges", "visit_windows", "date_order", "ae", "title", "other"])
            .prop_map(str::to_owned), json_tree(), 0..10)) {
        let run = validate(&json!({ "study_data": { "subjects": [{ "subject_id": "P-1", "arm": "A", "age": 3 }] }, "protocol": protocol }));
        prop_assert!(run.result.is_ok(), "{:?}", run.result);
        reconciles(&run);
    }
}
