//! `ticket_ingestion` on the real cases, the sample, exports of other trackers, and input that is wrong.
#![allow(clippy::unwrap_used, missing_docs)]

mod exports;
mod wrong;

use std::path::PathBuf;

use heddle_sdk::{
    PhaseError,
    testing::{Harness, TestRun},
};
use serde_json::{Value, json};
use ticket_analysis::{
    ingestion::TicketIngestion,
    ticket::{Status, StructuredTickets},
};

/// A file of the real cases; None, with a word why, where the folder is not there. In CI its absence is a failure.
fn shared(path: &str) -> Option<Value> {
    let root = std::env::var_os("HEDDLE_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if !root.is_dir() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the real cases are needed in CI, and {} is absent",
            root.display()
        );
        println!("SKIPPED: no folder {}; set HEDDLE_SHARED_DATA", root.display());
        return None;
    }
    let text = std::fs::read(root.join("ticket_analysis").join(path)).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

fn structured(run: &TestRun) -> StructuredTickets {
    serde_json::from_value(run.json("tickets_structured.json")).unwrap()
}

#[track_caller]
fn check_case(case: &str) {
    let Some(input) = shared(&format!("{case}/input.json")) else { return };
    let Some(expected) = shared(&format!("{case}/expected.json")) else { return };
    let run = Harness::<TicketIngestion>::new().run(input.clone());
    let report = &run.output()["data_quality_report"];
    assert_eq!(report["n_tickets"], expected["n_tickets"]);
    let wanted = expected["ingestion"].as_object().unwrap();
    assert!(!wanted.is_empty());
    for (key, value) in wanted {
        if key == "missing" {
            for (field, n) in value.as_object().unwrap() {
                assert_eq!(&report["missing"][field], n, "missing {field}");
            }
        } else {
            assert_eq!(&report[key], value, "{key}");
        }
    }
    let structured = structured(&run);
    let given = input["ticket_data"].as_array().unwrap();
    assert_eq!(structured.normalized_tickets.len(), given.len());
    for ((ticket, entities), given) in
        structured.normalized_tickets.iter().zip(&structured.extracted_entities).zip(given)
    {
        assert_eq!(ticket.id, given["id"]);
        assert_eq!(entities.ticket_id, ticket.id);
        assert_eq!(ticket.created_at.as_deref(), given["created_at"].as_str(), "{}", ticket.id);
        assert_eq!(ticket.resolved_at.as_deref(), given["resolved_at"].as_str(), "{}", ticket.id);
        assert_eq!(ticket.comments, given["comments"].as_u64(), "{}", ticket.id);
        let status = match given["status"].as_str() {
            Some("open") => Some(Status::Open),
            Some("closed") => Some(Status::Closed),
            _ => None,
        };
        assert_eq!(ticket.status, status, "{}", ticket.id);
    }
    assert_eq!(report["excluded"], json!([]));
    assert_eq!(report["unparseable_dates"], json!([]));
    assert_eq!(report["unknown_words"], json!([]));
}

#[test]
fn react_vscode_as_expected() {
    check_case("react_vscode");
}

#[test]
fn jest_operations_as_expected() {
    check_case("jest_operations");
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample").join(name)).unwrap()
}

#[track_caller]
fn ingest(files: &[(&str, &[u8])], input: Value) -> TestRun {
    let harness = files.iter().fold(Harness::<TicketIngestion>::new(), |harness, (name, bytes)| {
        harness.file(format!("input/{name}"), *bytes)
    });
    harness.run(input)
}

/// The path and message of each problem.
#[track_caller]
fn problems(run: &TestRun) -> Vec<(String, String)> {
    assert!(run.files.is_empty(), "a failed run wrote {:?}", run.files.keys());
    match run.error() {
        PhaseError::InvalidInput(problems) => {
            problems.iter().map(|p| (p.path.clone(), p.message.clone())).collect()
        }
        other => panic!("not an input error: {other:?}"),
    }
}

#[track_caller]
fn one_problem(run: &TestRun) -> (String, String) {
    let mut problems = problems(run);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[track_caller]
fn assert_says(run: &TestRun, words: &[&str]) {
    let (_, message) = one_problem(run);
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

fn at(time: &str) -> Option<String> {
    Some(time.to_owned())
}

#[test]
fn the_synthetic_sample() {
    let input: Value = serde_json::from_slice(&sample("tickets.json")).unwrap();
    assert!(input["source"].as_str().unwrap().starts_with("SYNTHETIC"));
    let run = Harness::<TicketIngestion>::new().run(input.clone());
    let report = &run.output()["data_quality_report"];
    assert_eq!(report["n_tickets"], 266);
    assert_eq!(report["n_records"], 266);
    for (field, n) in
        [("customer_tier", 9), ("description", 5), ("product", 6), ("created_at", 0), ("status", 0)]
    {
        assert_eq!(report["missing"][field], n, "{field}");
    }
    assert_eq!(report["by_priority"], json!({ "P0": 12, "P1": 51, "P2": 97, "P3": 71 }));
    assert_eq!(report["missing"]["priority"], 35);
    assert_eq!(
        report["by_status"],
        json!({ "closed": 241, "resolved": 8, "in_progress": 8, "open": 6, "waiting": 2 })
    );
    assert_eq!(
        report["unparseable_dates"],
        json!([{ "id": "TW-2208", "field": "resolved_at", "text": "2026-06-31 25:00" }])
    );
    assert_eq!(report["unknown_words"], json!([{ "id": "TW-2190", "field": "status", "text": "parked" }]));
    assert_eq!(report["resolved_before_created"], 1);
    assert_eq!(report["created_in_future"], 1);
    assert_eq!(
        report["impossible_dates"],
        json!([
            { "id": "TW-2010", "problem": "resolved_before_created",
              "created_at": "2026-04-07T14:07:59Z", "other": "2026-04-06T12:07:59Z" },
            { "id": "TW-2266", "problem": "created_in_future",
              "created_at": "2026-10-02T08:12:44Z", "other": "2026-09-28T06:00:00Z" },
        ])
    );
    // One without a time, one whose time cannot be read.
    assert_eq!(report["closed_without_resolved_at"], 2);
    let structured = structured(&run);
    assert_eq!(structured.as_of, "2026-09-28T06:00:00Z");
    let text = run.text("tickets_structured.json");
    for ticket in input["ticket_data"].as_array().unwrap() {
        let customer = ticket["customer"].as_str().unwrap();
        assert!(!text.contains(customer), "{customer} is not masked");
    }
    let signs = |key: &str| {
        let with = structured.extracted_entities.iter().filter(|e| e.severity_signs.iter().any(|s| s == key));
        with.count()
    };
    assert!(signs("crash") >= 5 && signs("security") >= 2 && signs("hang") >= 5);
}

#[test]
fn addresses_of_customers_are_masked_in_texts_too() {
    let run = Harness::<TicketIngestion>::new().run(json!({ "ticket_data": [
        { "id": 1, "customer": "Ann.Lee@acme.example", "subject": "Mail to ann.lee@acme.example bounces",
          "description": "Ask support@vendor.example\r\nor ann.lee@acme.example" },
        { "id": 2, "customer": "abe@acme.example", "subject": "x" },
    ] }));
    let tickets = structured(&run).normalized_tickets;
    assert_eq!(tickets[0].customer.as_deref(), Some("a***@acme.example"));
    assert_eq!(tickets[1].customer.as_deref(), Some("a***2@acme.example"));
    assert_eq!(tickets[0].subject, "Mail to a***@acme.example bounces");
    assert_eq!(tickets[0].description, "Ask support@vendor.example\nor a***@acme.example");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let input: Value = serde_json::from_slice(&sample("tickets.json")).unwrap();
    let (a, b) =
        (Harness::<TicketIngestion>::new().run(input.clone()), Harness::<TicketIngestion>::new().run(input));
    assert_eq!(a.files, b.files);
}
