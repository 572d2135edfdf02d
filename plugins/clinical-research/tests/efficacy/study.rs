//! Studies for tests: from the shared reference data, or made up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use clinical_research::{
    efficacy::EfficacyAnalysis,
    study::{
        AeRules, Coded, Column, Direction, Endpoint, EndpointKind, Endpoints, Events, FILE, FORMAT,
        Populations, Protocol, Study, Subgroup, Subjects, TimeToEventEndpoint,
    },
};
use heddle_sdk::testing::{Harness, TestRun};
use serde_json::{Value, json};

/// Input and expected values of a case; `None`, and a line that says so, where the data are absent.
pub(crate) fn case(name: &str) -> Option<(Value, Value)> {
    let root = std::env::var_os("HEDDLE_SHARED_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let folder = root.join("clinical_research").join(name);
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} is absent; it must be there in CI", folder.display());
        println!("SKIPPED: {} is absent (HEDDLE_SHARED_DATA says where the data are)", folder.display());
        return None;
    }
    let read = |file: &str| serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
    Some((read("input.json"), read("expected.json")))
}

fn leaves(prefix: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                leaves(&path, value, found);
            }
        }
        other => drop(found.insert(prefix.to_owned(), other.clone())),
    }
}

fn column(values: &[Option<&Value>]) -> Column {
    let some = || values.iter().flatten();
    if some().next().is_some() && some().all(|v| v.is_boolean()) {
        Column::Boolean(values.iter().map(|v| v.and_then(Value::as_bool)).collect())
    } else if some().next().is_some() && some().all(|v| v.is_number()) {
        Column::Numeric(values.iter().map(|v| v.and_then(Value::as_f64)).collect())
    } else {
        Column::Categorical(Coded::of(values.iter().map(|v| v.and_then(Value::as_str))))
    }
}

/// The plain part of what `data_validation` does: one row for each id, columns by dotted path.
pub(crate) fn study(input: &Value) -> Study {
    let protocol = protocol(&input["protocol"]);
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    for record in input["study_data"]["subjects"].as_array().unwrap() {
        if seen.insert(record["subject_id"].as_str()) {
            let mut fields = BTreeMap::new();
            leaves("", record, &mut fields);
            fields.retain(|_, v| !v.is_null());
            records.push((record, fields));
        }
    }
    let mut paths: Vec<&String> = records.iter().flat_map(|r| r.1.keys()).collect();
    paths.sort();
    paths.dedup();
    let mut subjects = Subjects {
        id: (0..records.len()).map(|at| format!("S{at:05}")).collect(),
        arm: records
            .iter()
            .map(|r| protocol.arms.iter().position(|a| r.0["arm"] == a.as_str()).map(|a| a as u32))
            .collect(),
        ..Subjects::default()
    };
    for path in paths.into_iter().filter(|p| !p.starts_with("events.")) {
        let values: Vec<Option<&Value>> = records.iter().map(|r| r.1.get(path)).collect();
        subjects.fields.insert(path.clone(), column(&values));
    }
    for endpoint in &protocol.endpoints.time_to_event {
        let of =
            |key: &str| records.iter().map(|r| r.0["events"][&endpoint.id][key].clone()).collect::<Vec<_>>();
        let time: Vec<Option<f64>> = of("time").iter().map(Value::as_f64).collect();
        let event = of("event").iter().map(Value::as_bool).collect();
        if time.iter().any(Option::is_some) {
            subjects.events.insert(endpoint.id.clone(), Events { time, event, tied: Vec::new() });
        }
    }
    Study { format: FORMAT.to_owned(), protocol, subjects, ..Study::default() }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn direction(value: &Value) -> Option<Direction> {
    match value.as_str() {
        Some("lower_is_better") => Some(Direction::LowerIsBetter),
        Some("higher_is_better") => Some(Direction::HigherIsBetter),
        _ => None,
    }
}

fn endpoint(value: &Value) -> Endpoint {
    Endpoint {
        id: text(&value["id"]).unwrap(),
        label: text(&value["label"]).or(text(&value["id"])).unwrap(),
        kind: match value["type"].as_str().unwrap() {
            "continuous" => EndpointKind::Continuous,
            "ordinal" => EndpointKind::Ordinal,
            _ => EndpointKind::Binary,
        },
        direction: direction(&value["direction"]),
        baseline_field: text(&value["baseline_field"]),
        unit: text(&value["unit"]),
    }
}

pub(crate) fn protocol(value: &Value) -> Protocol {
    let arms: Vec<String> = list(&value["arms"]).iter().filter_map(text).collect();
    let texts = |value: &Value| list(value).iter().filter_map(text).collect::<Vec<_>>();
    let times = |value: &Value| list(value).iter().filter_map(Value::as_f64).collect::<Vec<_>>();
    let endpoints = &value["endpoints"];
    let event = |value: &Value| TimeToEventEndpoint {
        id: text(&value["id"]).unwrap(),
        label: text(&value["label"]).or(text(&value["id"])).unwrap(),
        unit: text(&value["unit"]),
        times: times(&value["times"]),
        rmst_tau: value["rmst_tau"].as_f64(),
        covariates: texts(&value["covariates"]),
        direction: direction(&value["direction"]),
    };
    let subgroup = |value: &Value| Subgroup {
        id: text(&value["id"]).unwrap(),
        label: text(&value["label"]).or(text(&value["id"])).unwrap(),
        field: text(&value["field"]).unwrap(),
        cut_points: times(&value["cut_points"]),
    };
    let all = |value: &Value| list(value).iter().map(endpoint).collect();
    Protocol {
        study_id: text(&value["study_id"]),
        title: text(&value["title"]),
        reference: arms.iter().position(|a| value["reference_arm"] == a.as_str()).unwrap_or(0),
        arms,
        alpha: value["alpha"].as_f64().unwrap_or(0.05),
        confidence_level: value["confidence_level"].as_f64().unwrap_or(0.95),
        populations: Populations {
            baseline: text(&value["populations"]["baseline"]),
            efficacy: text(&value["populations"]["efficacy"]),
            time_to_event: text(&value["populations"]["time_to_event"]),
            safety: text(&value["populations"]["safety"]),
        },
        endpoints: Endpoints {
            primary: Some(&endpoints["primary"]).filter(|p| p.is_object()).map(endpoint),
            secondary: all(&endpoints["secondary"]),
            exploratory: all(&endpoints["exploratory"]),
            primary_is_time: false,
            time_to_event: list(&endpoints["time_to_event"]).iter().map(event).collect(),
        },
        subgroups: list(&value["subgroups"]).iter().map(subgroup).collect(),
        ae: AeRules::default(),
        ..Protocol::default()
    }
}

/// What the phase leaves of a study. With HEDDLE_DUMP its files are written below that folder.
pub(crate) fn run(study: &Study) -> TestRun {
    let run =
        Harness::<EfficacyAnalysis>::new().file(FILE, serde_json::to_vec(study).unwrap()).run(json!({}));
    run.output();
    if let Some(folder) = std::env::var_os("HEDDLE_DUMP") {
        let folder = PathBuf::from(folder).join(study.protocol.study_id.as_deref().unwrap_or("made_up"));
        fs::create_dir_all(&folder).unwrap();
        run.files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
    }
    run
}

/// The results file of a study.
pub(crate) fn results(study: &Study) -> Value {
    run(study).json("efficacy_results.json")
}

/// Two arms with what every kind of endpoint needs: `size` subjects, drawn from a small generator.
pub(crate) fn made_up(size: usize, seed: u64) -> Study {
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let subjects: Vec<Value> = (0..size)
        .map(|at| {
            let arm = if at % 2 == 0 { "Control" } else { "Active" };
            let stages = ["I", "II", "III"];
            let better = f64::from(u8::from(arm == "Active"));
            let baseline = 20.0 + 10.0 * draw();
            let time = (-(1.0 - draw()).ln() * (100.0 + 60.0 * better)).ceil();
            json!({
                "subject_id": format!("{at}"), "arm": arm,
                "age": (40.0 + 40.0 * draw()).floor(),
                "sex": if draw() < 0.5 { "F" } else { "M" },
                "baseline": {"score": baseline, "weight": 50.0 + 50.0 * draw(), "stage": stages[(draw() * 3.0) as usize % 3]},
                "endpoints": {
                    "change": (baseline / 5.0 + 8.0 * draw() - 2.0 * better) * 10.0,
                    "grade": (1.0 + 5.0 * draw() + better).floor(),
                    "response": draw() < 0.3 + 0.2 * better,
                    "extra": draw() * 100.0,
                },
                "events": {"death": {"time": time.min(150.0), "event": time <= 150.0}},
            })
        })
        .collect();
    study(&json!({"study_data": {"subjects": subjects}, "protocol": made_up_protocol()}))
}

pub(crate) fn made_up_protocol() -> Value {
    json!({
        "arms": ["Control", "Active"], "reference_arm": "Control",
        "endpoints": {
            "primary": {"id": "change", "label": "Change in score", "type": "continuous", "direction": "lower_is_better", "baseline_field": "baseline.score", "unit": "points"},
            "secondary": [
                {"id": "grade", "type": "ordinal", "direction": "higher_is_better"},
                {"id": "response", "type": "binary", "direction": "higher_is_better"},
            ],
            "exploratory": [{"id": "extra", "type": "continuous"}],
            "time_to_event": [{"id": "death", "label": "Death", "unit": "days", "times": [30, 90], "rmst_tau": 120,
                "covariates": ["age", "sex", "baseline.score", "baseline.weight", "baseline.stage"]}],
        },
        "subgroups": [{"id": "sex", "field": "sex"}, {"id": "age", "field": "age", "cut_points": [50, 65]}],
    })
}
