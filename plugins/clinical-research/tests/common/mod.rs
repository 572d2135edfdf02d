//! What the tests share.
#![allow(dead_code, clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use clinical_research::{
    study::Study,
    validation::{DataValidation, KEY_FILE},
};
use heddle_sdk::testing::{Harness, TestRun};
use serde_json::Value;

/// A file of the reference cases; None, with a word why, where the folder is not there. In CI its absence is a failure.
pub(crate) fn shared_file(path: &str) -> Option<Value> {
    let root = std::env::var_os("HEDDLE_SHARED_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    if !root.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} is absent; it must be there in CI", root.display());
        println!("SKIPPED: {} is absent (HEDDLE_SHARED_DATA says where the data are)", root.display());
        return None;
    }
    Some(serde_json::from_slice(&fs::read(root.join("clinical_research").join(path)).unwrap()).unwrap())
}

/// A case's input and what is expected of it.
pub(crate) fn shared(case: &str) -> Option<(Value, Value)> {
    Some((shared_file(&format!("{case}/input.json"))?, shared_file(&format!("{case}/expected.json"))?))
}

/// The sample that the repository ships.
pub(crate) fn sample() -> Value {
    serde_json::from_str(include_str!("../../sample/study.json")).unwrap()
}

/// Run `data_validation`.
pub(crate) fn validate(input: &Value) -> TestRun {
    Harness::<DataValidation>::new().run(input.clone())
}

/// The study that it left.
pub(crate) fn study(run: &TestRun) -> Study {
    serde_json::from_slice(run.bytes("validated_data.json")).unwrap()
}

/// Masks by original id.
pub(crate) fn key(run: &TestRun) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in run.text(KEY_FILE).lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        rows.insert(cells[2].trim_matches('"').to_owned(), cells[1].to_owned());
    }
    rows
}

/// The sums of the flow hold, and every record that is not passed on is listed.
pub(crate) fn reconciles(run: &TestRun) {
    let study = study(run);
    let flow = &study.flow;
    assert_eq!(flow.subject_records, flow.unreadable_records + flow.repeated_records + flow.subjects);
    let in_arms: usize = flow.arms.iter().map(|arm| arm.subjects).sum();
    assert_eq!(flow.subjects, flow.without_arm + flow.unknown_arm + in_arms);
    assert_eq!(flow.subjects, study.subjects.len());
    let listed =
        |what: &str, from: &str| flow.exclusions.iter().filter(|e| e.what == what && e.from == from).count();
    assert_eq!(listed("subject_record", "study"), flow.unreadable_records + flow.repeated_records);
    assert_eq!(listed("subject", "analyses"), flow.without_arm + flow.unknown_arm);
    for analysis in clinical_research::study::Analysis::ALL {
        let of = |arm: &clinical_research::study::ArmFlow| arm.populations[analysis.name()].clone();
        for (at, arm) in flow.arms.iter().enumerate() {
            assert_eq!(arm.subjects, of(arm).analysed + of(arm).not_in_population);
            assert_eq!(of(arm).analysed, study.population(analysis).in_arm(at).len());
        }
        let left: usize = flow.arms.iter().map(|arm| of(arm).not_in_population).sum();
        assert_eq!(listed("subject", analysis.name()), left, "{analysis:?}");
    }
    for (list, what, n) in [
        ("visits", "visit", study.visits.subject.len()),
        ("adverse_events", "adverse_event", study.adverse_events.subject.len()),
        ("labs", "lab", study.labs.subject.len()),
    ] {
        let table = &flow.tables[list];
        assert_eq!(table.records, table.unreadable + table.orphans + table.passed_on, "{list}");
        assert_eq!(table.passed_on, n, "{list}");
        assert_eq!(listed(what, "study"), table.unreadable + table.orphans, "{list}");
    }
    for column in study.subjects.fields.values() {
        assert_eq!(column.len(), study.subjects.len());
    }
    for events in study.subjects.events.values() {
        assert_eq!((events.time.len(), events.event.len()), (study.subjects.len(), study.subjects.len()));
    }
}

/// With `HEDDLE_DUMP` the files are written below that folder.
pub(crate) fn dump(name: &str, run: &TestRun) {
    let Some(folder) = std::env::var_os("HEDDLE_DUMP") else { return };
    let folder = PathBuf::from(folder).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (file, bytes) in &run.files {
        fs::write(folder.join(file), bytes).unwrap();
    }
    fs::write(folder.join("output.json"), serde_json::to_vec_pretty(run.output()).unwrap()).unwrap();
}
