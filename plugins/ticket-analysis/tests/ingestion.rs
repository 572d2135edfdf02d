//! `ticket_ingestion` on the real cases and on input that is wrong.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;

use heddle_sdk::testing::Harness;
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

fn structured(run: &heddle_sdk::testing::TestRun) -> StructuredTickets {
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
    if let Ok(folder) = std::env::var("HEDDLE_TEST_OUT") {
        std::fs::write(format!("{folder}/{case}.json"), run.bytes("tickets_structured.json")).unwrap();
        std::fs::write(format!("{folder}/{case}.md"), run.bytes("ingestion_report.md")).unwrap();
    }
}

#[test]
fn react_vscode_as_expected() {
    check_case("react_vscode");
}

#[test]
fn jest_operations_as_expected() {
    check_case("jest_operations");
}
