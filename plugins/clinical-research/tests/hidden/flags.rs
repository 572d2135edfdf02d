//! What cannot be, or cannot be true together, is flagged: ids that are nearly the same, records, times, deaths and grades.

use serde_json::json;

use crate::{
    common::{key, study, validate},
    trial,
};

#[test]
fn ids_that_differ_in_writing_only_are_flagged_and_kept_apart() {
    let mut input = trial();
    input["study_data"]["subjects"][1]["subject_id"] = json!("HID-00-4001".to_lowercase());
    input["study_data"]["adverse_events"][2]["subject_id"] = json!("hid024003");
    let run = validate(&input);
    let quality = &run.output()["quality_metrics"];
    assert_eq!(
        (quality["n_subjects"].clone(), quality["duplicate_subject_ids"].clone()),
        (json!(60), json!([]))
    );
    assert_eq!(quality["other_rules"]["subject_ids_alike"], 1);
    assert_eq!(quality["other_rules"]["orphan_id_like_a_subjects"], 1);
    let key = key(&run);
    let of = |rule: &str| {
        quality["findings"].as_array().unwrap().iter().find(|f| f["rule"] == rule).unwrap().clone()
    };
    assert!(of("subject_ids_alike")["value"].as_str().unwrap().contains(&key["hid-00-4001"]));
    assert_eq!(of("orphan_id_like_a_subjects")["subject_id"], json!(key["HID-02-4003"]));
}

#[test]
fn records_that_contradict_each_other_name_the_fields() {
    let mut input = trial();
    let subjects = input["study_data"]["subjects"].as_array_mut().unwrap();
    let mut other = subjects[3].clone();
    other["arm"] = json!("Placebo");
    other["endpoints"]["change"] = json!(99);
    other["populations"]["itt"] = json!("Y");
    other["completed"] = json!(null);
    let same = subjects[4].clone();
    subjects.extend([other, same]);
    let run = validate(&input);
    let quality = &run.output()["quality_metrics"];
    let mask = &key(&run)["HID-00-4004"];
    assert_eq!(quality["duplicate_subject_ids"].as_array().unwrap().len(), 2);
    assert_eq!(
        quality["conflicting_duplicates"],
        json!([{ "subject_id": mask, "fields": ["arm", "endpoints.change"] }])
    );
    assert_eq!(quality["other_rules"]["duplicate_records_conflict"], 1);
    assert_eq!(
        run.json("validated_data.json")["quality_metrics"]["conflicting_duplicates"],
        quality["conflicting_duplicates"]
    );
}

#[test]
fn what_cannot_be_is_flagged() {
    let mut input = trial();
    let subjects = &mut input["study_data"]["subjects"];
    subjects[1]["death"] = json!(true);
    subjects[1]["completed"] = json!(true);
    subjects[2]["death"] = json!(true);
    subjects[2]["completed"] = json!(false);
    subjects[2]["disposition"] = json!("COMPLETED");
    subjects[3]["death"] = json!(true);
    subjects[3]["completed"] = json!(false);
    subjects[4]["events"]["relapse"]["time"] = json!(-4);
    subjects[25]["events"]["relapse"]["time"] = json!(null);
    subjects[5]["events"]["relapse"]["time"] = json!(99_999);
    subjects[6]["events"]["relapse"]["time"] = json!(4_000);
    subjects[7]["events"]["relapse"]["time"] = json!(400);
    for k in 8..20 {
        subjects[k]["sex"] = json!(1 + k % 2);
    }
    subjects[20]["sex"] = json!("unknown");
    let run = validate(&input);
    let rules = &run.output()["quality_metrics"]["other_rules"];
    for (rule, n) in [
        ("death_and_completed", 2),
        ("negative_event_time", 1),
        ("incomplete_event", 1),
        ("event_time_impossible", 1),
        ("event_time_beyond_study", 1),
        ("sex_not_understood", 2),
    ] {
        assert_eq!(rules[rule], n, "{rule}: {rules}");
    }
    let report = run.text("validation_report.md");
    assert!(
        report.contains("-4: taken as missing") && report.contains("negative times of events"),
        "{report}"
    );
    assert!(!report.contains("or of an analysis"), "{report}");
    // A unit of its own: 1201 months are more than 100 years, and 1201 days are not.
    let mut input = trial();
    input["protocol"]["endpoints"]["time_to_event"][0]["unit"] = json!("months");
    input["study_data"]["subjects"][6]["events"]["relapse"]["time"] = json!(1_201);
    let run = validate(&input);
    assert_eq!(run.output()["quality_metrics"]["other_rules"]["event_time_impossible"], 1);
}

#[test]
fn deaths_severities_and_grades_that_disagree_are_flagged() {
    let mut input = trial();
    input["protocol"]["endpoints"]["time_to_event"] = json!([{ "id": "os", "label": "Overall survival" }, { "id": "pfs", "label": "Progression or death" }]);
    for k in 0..60 {
        let events = json!({ "time": 40 + k, "event": k < 7 });
        input["study_data"]["subjects"][k]["events"] = json!({ "os": events, "pfs": events });
        input["study_data"]["subjects"][k]["death"] = json!(k < 5);
    }
    let events = &mut input["study_data"]["adverse_events"];
    for k in 0..3 {
        events[k]["fatal"] = json!(true);
    }
    events[9]["fatal"] = json!(true);
    for k in 20..30 {
        events[k]["severity"] = json!("schwer");
    }
    events[30]["severity"] = json!("Grade 3");
    events[31]["start_day"] = json!(-20);
    events[32]["grade"] = json!("Grade 3");
    events[33]["grade"] = json!(7);
    let labs = &mut input["study_data"]["labs"];
    labs[0]["grade_high"] = json!(9);
    labs[1]["grade_low"] = json!(-1);
    labs[2]["grade_high"] = json!("Grade 3");
    labs[3]["grade_high"] = json!(0);
    let run = validate(&input);
    let quality = &run.output()["quality_metrics"];
    let rules = &quality["other_rules"];
    for (rule, n) in [
        ("death_endpoint_of_a_living_subject", 2),
        ("death_without_fatal_event", 2),
        ("fatal_event_of_a_living_subject", 1),
        ("severity_not_understood", 1),
        ("emergent_before_treatment", 1),
        ("ae_grade_impossible", 1),
        ("lab_grade_impossible", 2),
    ] {
        assert_eq!(rules[rule], n, "{rule}: {rules}");
    }
    assert_eq!(quality["n_unreadable_values"], 0, "{}", quality["unreadable_values"]);
    let of = |rule: &str| {
        let found = quality["findings"].as_array().unwrap().iter().find(|f| f["rule"] == rule).unwrap();
        found["value"].as_str().unwrap().to_owned()
    };
    assert!(of("severity_not_understood").contains("schwer in 10 reports"));
    assert!(of("emergent_before_treatment").contains("day -20"));
    let study = study(&run);
    let mut high: Vec<f64> = study.labs.grade_high.iter().flatten().copied().collect();
    high.sort_unstable_by(f64::total_cmp);
    assert_eq!(high, [0.0, 3.0, 9.0]);
    assert_eq!(study.labs.grade_low.iter().flatten().count(), 1);
    assert_eq!(study.adverse_events.grade.iter().flatten().copied().collect::<Vec<_>>(), [3.0]);
    assert_eq!(study.adverse_events.treatment_emergent.iter().filter(|e| **e == Some(true)).count(), 60);
}
