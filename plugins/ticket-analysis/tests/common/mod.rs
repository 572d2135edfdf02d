//! Where the real tickets are.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::{fs, path::PathBuf};

use serde_json::Value;
use ticket_analysis::ticket::{Status, StructuredTickets, Ticket};

/// Input and expected values of a case of the shared test data; `None`, and a line that says so, where it is absent.
///
/// # Panics
/// If it is absent and the environment variable `CI` is set.
pub(crate) fn case(name: &str) -> Option<(Value, Value)> {
    let root = std::env::var_os("HEDDLE_SHARED_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let folder = root.join("ticket_analysis").join(name);
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} is absent; it must be there in CI", folder.display());
        println!("SKIPPED: {} is absent (HEDDLE_SHARED_DATA says where the data are)", folder.display());
        return None;
    }
    let read = |file: &str| serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
    Some((read("input.json"), read("expected.json")))
}

/// Tickets of the shared form as `tickets_structured.json` has them, without entities.
pub(crate) fn structured(input: &Value) -> StructuredTickets {
    let tickets = input["ticket_data"].as_array().unwrap().iter().map(|t| {
        let text = |key: &str| t[key].as_str().map(str::to_owned);
        Ticket {
            id: text("id").unwrap(),
            created_at: text("created_at"),
            resolved_at: text("resolved_at"),
            status: match t["status"].as_str() {
                Some("open") => Some(Status::Open),
                Some("closed") => Some(Status::Closed),
                _ => None,
            },
            customer_tier: text("customer_tier"),
            product: text("product"),
            subject: text("subject").unwrap_or_default(),
            description: text("description").unwrap_or_default(),
            comments: t["comments"].as_u64(),
            votes: t["votes"].as_u64(),
            ..Ticket::default()
        }
    });
    StructuredTickets {
        source: input["source"].as_str().unwrap().to_owned(),
        as_of: input["as_of"].as_str().unwrap_or("2026-01-01T00:00:00Z").to_owned(),
        normalized_tickets: tickets.collect(),
        extracted_entities: Vec::new(),
    }
}

/// Bytes of a JSON file.
pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}
