//! Each rule of `data_validation`, on the sample and on small inputs.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::needless_pass_by_value,
    reason = "a test; json!(…) is given by value"
)]

mod common;

use clinical_research::study::{Analysis, Column, EndpointKind};
use heddle_sdk::testing::TestRun;
use serde_json::{Value, json};

use common::{key, reconciles, sample, study, validate};

/// A subject with more fields.
fn subject(id: &str, arm: &str, more: Value) -> Value {
    let mut subject = json!({ "subject_id": id, "arm": arm, "age": 50, "sex": "F" });
    subject.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    subject
}

/// A study with a protocol of two arms; `more` is added to the protocol.
fn input(subjects: Vec<Value>, more: Value) -> Value {
    let mut protocol = json!({
        "arms": ["A", "B"], "reference_arm": "A", "populations": {},
        "endpoints": { "primary": { "id": "score", "type": "continuous" } },
    });
    protocol.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "study_data": { "subjects": subjects }, "protocol": protocol })
}

fn quality(run: &TestRun) -> &Value {
    &run.output()["quality_metrics"]
}

fn problems(run: &TestRun) -> Vec<String> {
    let list = quality(run)["protocol_problems"].as_array().unwrap();
    list.iter()
        .map(|p| format!("{}: {}", p["path"].as_str().unwrap(), p["message"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_defects_of_the_sample_are_found() {
    let run = validate(&sample());
    let q = quality(&run);
    for (name, want) in [
        ("n_subject_records", 97),
        ("n_subjects", 96),
        ("ae_end_before_start", 1),
        ("ae_missing_start_day", 1),
        ("duplicate_adverse_events", 1),
        ("orphan_adverse_events", 1),
        ("duplicate_labs", 1),
        ("lab_out_of_range", 1),
        ("lab_missing_value", 1),
        ("n_unreadable_values", 0),
        ("ages_over_89", 1),
    ] {
        assert_eq!(q[name], want, "{name}");
    }
    for (name, want) in [
        ("duplicate_subject_ids", 1),
        ("unknown_arm", 1),
        ("date_order_violations", 1),
        ("out_of_range", 2),
        ("visits_out_of_window", 1),
    ] {
        assert_eq!(q[name].as_array().unwrap().len(), want, "{name}: {}", q[name]);
    }
    assert_eq!(q["missing"]["age"], 1);
    let kinds: Vec<&str> =
        q["identifiers"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect();
    for kind in ["name", "date", "email", "phone"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    reconciles(&run);
    common::dump("sample", &run);
    let study = study(&run);
    assert_eq!(study.subjects.field("completed").unwrap().n_missing(), 0, "Y is yes");
    assert_eq!(study.subjects.field("sex").unwrap().categories().levels, ["F", "M"], "female is F");
    let bmi = study.subjects.field("baseline.bmi").unwrap().numbers().unwrap().into_owned();
    assert!(bmi.contains(&Some(27.4)), "27,4 is a number");
    assert!(matches!(study.subjects.field("baseline.comorbidities[Asthma]"), Some(Column::Boolean(_))));
    let Some(Column::Day(days)) = study.subjects.field("treatment_start") else { panic!("a day") };
    assert!(days.iter().all(|day| *day == Some(1.0)));
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (one, two) = (validate(&sample()), validate(&sample()));
    assert_eq!(one.files, two.files);
    assert_eq!(one.output(), two.output());
}

#[test]
fn inline_and_uploaded_input_give_the_same_study() {
    let inline = validate(&sample());
    let upload = |files: Vec<(&str, Value)>| {
        let harness = heddle_sdk::testing::Harness::<clinical_research::validation::DataValidation>::new();
        files
            .into_iter()
            .fold(harness, |h, (name, v)| h.file(name, v.to_string()))
            .run(json!({ "study_data": null }))
    };
    let whole = upload(vec![("input/trial.json", sample())]);
    let parts = upload(vec![
        ("input/a.json", json!({ "protocol": sample()["protocol"] })),
        ("input/b.json", sample()["study_data"].clone()),
    ]);
    assert_eq!(inline.files, whole.files);
    assert_eq!(inline.files, parts.files);
}

#[test]
fn values_of_the_wrong_kind_are_listed_and_missing() {
    let run = validate(&input(
        vec![
            subject("P-001", "A", json!({ "age": "abc", "death": "perhaps", "endpoints": { "score": 4 } })),
            subject("P-002", "B", json!({ "age": " 61 ", "death": "n", "endpoints": { "score": "4,5" } })),
            subject("P-003", "B", json!({ "age": [1], "death": 2, "endpoints": { "score": "n/a" } })),
        ],
        json!({ "required_fields": ["age"] }),
    ));
    let q = quality(&run);
    assert_eq!(q["n_unreadable_values"], 4);
    let told: Vec<String> = q["unreadable_values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{}: {}", f["field"].as_str().unwrap(), f["value"].as_str().unwrap()))
        .collect();
    assert!(told.contains(&"study_data.subjects[].age: \"abc\" is not a number".to_owned()), "{told:?}");
    assert!(told.contains(&"study_data.subjects[].death: 2 is not yes or no".to_owned()), "{told:?}");
    assert_eq!(q["missing"]["age"], 0, "what cannot be read is there");
    let study = study(&run);
    assert_eq!(study.subjects.field("age").unwrap().n_missing(), 2);
    assert_eq!(study.subjects.endpoint("score").unwrap().n_missing(), 1);
    reconciles(&run);
}

#[test]
fn the_first_record_of_an_id_counts_and_others_are_listed() {
    let run = validate(&input(
        vec![
            subject("7", "A", json!({ "age": 40 })),
            subject("7", "B", json!({ "age": 41 })),
            json!({ "subject_id": 7, "arm": "A", "age": 42 }),
            json!({ "arm": "A", "age": 43 }),
            json!({ "arm": "B", "age": 44 }),
            json!("not a record"),
        ],
        json!({}),
    ));
    let study = study(&run);
    assert_eq!((study.flow.subject_records, study.flow.repeated_records, study.flow.subjects), (6, 2, 3));
    assert_eq!(study.flow.unreadable_records, 1);
    let mut ages: Vec<_> =
        study.subjects.field("age").unwrap().numbers().unwrap().iter().flatten().copied().collect();
    ages.sort_by(f64::total_cmp);
    assert_eq!(ages, [40.0, 43.0, 44.0]);
    assert_eq!(quality(&run)["other_rules"]["record_without_subject_id"], 2);
    reconciles(&run);
}

#[test]
fn arms_are_those_of_the_protocol() {
    let run = validate(&input(
        vec![
            subject("P-1", "a ", json!({})),
            subject("P-2", "B", json!({ "actual_arm": "A" })),
            subject("P-3", "C", json!({})),
            json!({ "subject_id": "P-4", "arm": null }),
        ],
        json!({}),
    ));
    let study = study(&run);
    assert_eq!((study.flow.unknown_arm, study.flow.without_arm), (1, 1));
    assert_eq!(study.flow.arms.iter().map(|arm| arm.subjects).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(quality(&run)["other_rules"]["treated_other_than_assigned"], 1);
    assert_eq!(study.population(Analysis::Safety).len(), 2);
    reconciles(&run);
}

#[test]
fn a_population_needs_its_flag() {
    let flags = |itt: Value| json!({ "populations": { "itt": itt } });
    let subjects = vec![
        subject("P-1", "A", flags(json!(true))),
        subject("P-2", "A", flags(json!("Y"))),
        subject("P-3", "B", flags(json!(false))),
        subject("P-4", "B", flags(json!(null))),
    ];
    let run = validate(&input(subjects, json!({ "populations": { "efficacy": "itt", "safety": "saf" } })));
    let study = study(&run);
    assert_eq!(study.population(Analysis::Efficacy).len(), 2);
    let safety = study.population(Analysis::Safety);
    assert_eq!((safety.len(), safety.stands_in), (4, true));
    let problem = study.problems.iter().find(|p| p.path == "protocol.populations.safety").unwrap();
    assert_eq!(problem.message, "no subject has a flag populations.saf");
    assert_eq!(problem.consequence, "all subjects of a known arm are analysed");
    assert!(
        quality(&run)["notes"].to_string().contains("1 subject of a known arm has no flag populations.itt")
    );
    assert_eq!(study.population(Analysis::Baseline).len(), 4);
    reconciles(&run);
}

#[test]
fn dates_are_read_in_several_forms_and_become_days() {
    let run = validate(&input(
        vec![
            subject("P-1", "A", json!({ "reference_start": "2024-01-10", "end_of_study": "20JAN2024" })),
            subject("P-2", "B", json!({ "reference_start": "2024-02-30", "end_of_study": "09.01.2024" })),
            subject("P-3", "B", json!({ "reference_start": "10 January 2024", "end_of_study": "20240109" })),
        ],
        json!({ "date_order": [["reference_start", "end_of_study"]] }),
    ));
    let study = study(&run);
    let Some(Column::Day(days)) = study.subjects.field("end_of_study") else { panic!("a day") };
    let key = key(&run);
    let of = |id: &str| days[study.subjects.id.iter().position(|mask| *mask == key[id]).unwrap()];
    assert_eq!((of("P-1"), of("P-2"), of("P-3")), (Some(11.0), Some(1.0), Some(-1.0)));
    assert_eq!(quality(&run)["date_order_violations"].as_array().unwrap().len(), 1);
    assert_eq!(quality(&run)["n_unreadable_values"], 1, "there is no 30 February");
    assert!(!run.text("validated_data.json").contains("2024"));
}

#[test]
fn tables_keep_repetitions_and_leave_out_orphans() {
    let mut given = input(vec![subject("P-1", "A", json!({})), subject("P-2", "B", json!({}))], json!({}));
    let event = json!({ "subject_id": "P-2", "soc": "S", "pt": "T", "start_day": 3, "end_day": 5 });
    given["study_data"]["adverse_events"] = json!([
        event, event, { "subject_id": "P-1", "pt": "t" }, { "subject_id": "P-9", "pt": "U" }, { "pt": "V" }, 17,
    ]);
    given["study_data"]["labs"] = json!({ "rows": [["P-2", "X", 1], ["P-1", "X", "<3"], ["P-1", "X"]], "columns": ["subject_id", "test", "value"] });
    let run = validate(&given);
    let study = study(&run);
    let events = &study.adverse_events;
    assert_eq!(events.subject.len(), 3);
    assert_eq!(events.repeated.len(), 1);
    assert!(events.subject.is_sorted());
    assert_eq!(quality(&run)["orphan_adverse_events"], 2);
    assert_eq!(study.flow.tables["adverse_events"].unreadable, 1);
    assert_eq!((study.labs.subject.len(), quality(&run)["lab_missing_value"].as_u64()), (3, Some(1)));
    assert_eq!(quality(&run)["n_unreadable_values"], 1);
    reconciles(&run);
}

#[test]
fn problems_of_the_protocol_are_told_with_what_is_done() {
    let run = validate(&input(
        vec![subject("P-1", "A", json!({})), subject("P-2", "placebo", json!({}))],
        json!({
            "arms": ["A", "placebo", "Z"], "reference_arm": "none of them", "alpha": 5, "confidence_level": 0.9,
            "endpoints": {
                "primary": { "id": "score", "type": "odd", "baseline_field": "baseline.none", "baseline": "baseline.x" },
                "secondary": [{ "id": "score", "type": "binary" }, { "type": "binary" }],
                "time_to_event": [{ "id": "death", "times": [30, -1], "covariates": ["x"], "direction": "up" }],
                "secondry": [{ "id": "s" }],
            },
            "endpoint": 1, "sample_size": 40, "sponsor": "x", "stratification_factors": ["sex"],
            "subgroups": [{ "id": "s", "field": "none", "cut_points": [3, 1], "cutpoints": [2] }, 4],
            "visit_windows": [{ "visit": "W1", "low": 1, "high": 9 }, { "visit": "W2", "low": 5, "high": 2 }],
            "ranges": { "age": [90, 10], "weight": "x" },
            "date_order": [["a"]],
            "populations": { "safety": "saf" },
        }),
    ));
    let told = problems(&run).join("\n");
    for part in [
        "protocol.arms: no subject is in the arm \"Z\"",
        "protocol.reference_arm: the reference arm \"none of them\"",
        "protocol.alpha: 5 is not between",
        "protocol.confidence_level: ",
        "the type \"odd\"",
        "baseline.none",
        "the id score is taken",
        "has no id",
        "-1 is negative",
        "events.death",
        "no subject has a field none",
        "cut points must ascend",
        "protocol.subgroups[1]: an object is expected, and a number",
        "overlap",
        "the first day 5 is after",
        "the lowest value 90",
        "protocol.ranges.weight: a list",
        "protocol.date_order[0]",
        "populations.saf",
        "protocol: the key \"endpoint\" is not known; perhaps endpoints is meant",
        "protocol.endpoints: the key \"secondry\" is not known; perhaps secondary is meant",
        "protocol.endpoints.primary: the key \"baseline\" is not known; perhaps baseline_field is meant",
        "protocol.subgroups[0]: the key \"cutpoints\" is not known; perhaps cut_points is meant",
        "protocol.endpoints.time_to_event[0]: the direction \"up\" is not known",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    for free in ["sample_size", "sponsor", "stratification_factors"] {
        assert!(!told.contains(free), "{free} is told of in\n{told}");
    }
    let study = study(&run);
    assert_eq!(study.protocol.reference_arm(), Some("placebo"));
    assert_eq!(study.protocol.reference_first(), [1, 0, 2]);
    assert_eq!(study.protocol.endpoints.primary.unwrap().kind, EndpointKind::Continuous);
    assert_eq!((study.protocol.alpha, study.protocol.confidence_level), (0.05, 0.9));
}

#[test]
fn without_arms_and_endpoints_the_data_decide() {
    let run = validate(&json!({
        "study_data": { "subjects": [subject("P-1", "Y", json!({})), subject("P-2", "X", json!({}))] }, "protocol": {},
    }));
    let study = study(&run);
    assert_eq!(study.protocol.arms, ["X", "Y"]);
    assert!(problems(&run).iter().any(|p| p.contains("no endpoint")));
    reconciles(&run);
}

#[test]
fn outputs_of_large_studies_are_bounded_and_files_are_whole() {
    let subjects = (0..12_000)
        .map(|k| subject(&format!("P-{k:05}"), "A", json!({ "age": k, "death": "perhaps" })))
        .collect();
    let run = validate(&input(subjects, json!({ "ranges": { "age": [0, 120] } })));
    let output = run.output();
    assert!(output.to_string().len() < 4 << 20);
    assert_eq!(output["validated_data"]["is_complete"], false);
    assert_eq!(output["quality_metrics"]["out_of_range"].as_array().unwrap().len(), 500);
    assert_eq!(output["quality_metrics"]["n_unreadable_values"], 12_000);
    let file = run.json("validated_data.json");
    assert_eq!(file["quality_metrics"]["out_of_range"].as_array().unwrap().len(), 11_879);
    assert_eq!(file["subjects"]["id"].as_array().unwrap().len(), 12_000);
}

#[test]
fn one_is_not_told_in_the_plural() {
    let mut given = input(
        vec![subject("a1", "A", json!({}))],
        json!({ "table1": { "continuous": ["age"] }, "subgroups": [{ "id": "sex", "field": "sex" }] }),
    );
    given["study_data"]["labs"] = json!([{ "subject_id": "a1", "test": "ALT", "value": 3 }]);
    let run = validate(&given);
    let texts = ["validation_report.md", "compliance_checklist.md"].map(|file| run.text(file)).join(" ");
    assert!(texts.contains("1 record, 1 subject,"), "{texts}");
    for noun in ["records", "subjects", "values", "fields", "subgroups", "problems", "places", "exclusions"] {
        let plural = format!(" 1 {noun}");
        assert!(!texts.contains(&plural), "{plural}: {texts}");
    }
}
