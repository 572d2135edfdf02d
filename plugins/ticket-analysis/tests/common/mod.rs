//! Where the real tickets are, and all phases one after the other.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use heddle_sdk::{
    Phase,
    testing::{Harness, TestRun},
};
use serde_json::{Map, Value, json};
use ticket_analysis::{
    analytics::AnalyticsDashboard,
    categorization::Categorization,
    ingestion::TicketIngestion,
    priority::PriorityScoring,
    solutions::SolutionGeneration,
    ticket::{Status, StructuredTickets, Ticket},
};

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

/// What all phases left: their files by name, and their outputs by phase.
pub(crate) struct Analysis {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) outputs: BTreeMap<&'static str, Value>,
}

impl Analysis {
    pub(crate) fn text(&self, file: &str) -> &str {
        std::str::from_utf8(&self.files[file]).unwrap()
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&self.files[file]).unwrap()
    }

    fn step<P: Phase>(&mut self, input: Value) {
        let files =
            self.files.iter().fold(Harness::<P>::new(), |h, (name, bytes)| h.file(name, bytes.clone()));
        let run: TestRun = files.run(input);
        self.outputs.insert(P::NAME, run.output().clone());
        self.files.extend(run.files);
    }
}

/// Run the workflow's phases with its mappings. With `HEDDLE_DUMP` the files are written below that folder.
pub(crate) fn analyse(name: &str, input: &Value) -> Analysis {
    let part = |keys: &[&str]| {
        let given = keys.iter().filter_map(|key| Some(((*key).to_owned(), input.get(*key)?.clone())));
        Value::Object(given.collect::<Map<_, _>>())
    };
    let mut all = Analysis { files: BTreeMap::new(), outputs: BTreeMap::new() };
    all.step::<TicketIngestion>(input.clone());
    all.step::<Categorization>(part(&["categories"]));
    all.step::<PriorityScoring>(part(&["sla_policy", "teams"]));
    all.step::<SolutionGeneration>(part(&["knowledge_base"]));
    all.step::<AnalyticsDashboard>(part(&["sla_policy", "teams", "forecast"]));
    if let Some(folder) = std::env::var_os("HEDDLE_DUMP") {
        let folder = PathBuf::from(folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (file, bytes) in &all.files {
            fs::write(folder.join(file), bytes).unwrap();
        }
    }
    all
}

/// The sample that the repository ships.
pub(crate) fn sample() -> Value {
    serde_json::from_str(include_str!("../../sample/tickets.json")).unwrap()
}

/// Tickets as a run's input has them: one for each (id, created, resolved, status, more fields).
pub(crate) fn tickets<'a>(all: impl IntoIterator<Item = (&'a str, &'a str, Value)>) -> Vec<Value> {
    let ticket = |(id, created, more): (&str, &str, Value)| {
        let mut ticket =
            json!({ "id": id, "created_at": created, "subject": format!("Subject {id}"), "description": "" });
        ticket.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ticket
    };
    all.into_iter().map(ticket).collect()
}

/// Bytes of a JSON file.
pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}
