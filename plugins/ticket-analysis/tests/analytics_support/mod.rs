//! Runs of the analytics phase, alone and behind the phases before it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "each test binary uses a part, with json!(…)"
)]

use heddle_sdk::testing::{Harness, TestRun};
use serde_json::{Value, json};
use ticket_analysis::{
    analytics::AnalyticsDashboard, categorization::Categorization, ingestion::TicketIngestion,
    priority::PriorityScoring,
};

/// A normalised ticket with further fields.
pub(crate) fn ticket(id: &str, created: &str, resolved: Option<&str>, status: &str, more: Value) -> Value {
    let mut ticket = json!({
        "id": id, "subject": format!("Subject of {id}"), "description": "", "created_at": created, "resolved_at": resolved, "status": status,
    });
    ticket.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ticket
}

/// The phase with these normalised tickets, and empty files of the phases before.
pub(crate) fn harness(tickets: &Value, as_of: &str) -> Harness<AnalyticsDashboard> {
    let structured =
        json!({ "source": "test", "as_of": as_of, "normalized_tickets": tickets, "extracted_entities": [] });
    Harness::new()
        .file("tickets_structured.json", structured.to_string())
        .file("categorization_results.json", "{}")
        .file("priority_scores.json", "{}")
}

/// [`harness`], run.
pub(crate) fn run(tickets: &Value, as_of: &str, input: Value) -> TestRun {
    harness(tickets, as_of).run(input)
}

/// Ingestion, categorisation, priorities, analytics on a run's input.
pub(crate) fn chain(input: &Value) -> TestRun {
    let ingested = Harness::<TicketIngestion>::new().run(input.clone());
    ingested.output();
    let part = |keys: &[&str]| {
        let present = keys.iter().filter_map(|k| Some(((*k).to_owned(), input.get(*k)?.clone())));
        Value::Object(present.collect())
    };
    let categorized = Harness::<Categorization>::new().files_of(&ingested).run(part(&["categories"]));
    categorized.output();
    let scored = Harness::<PriorityScoring>::new()
        .files_of(&ingested)
        .files_of(&categorized)
        .run(part(&["sla_policy", "teams"]));
    scored.output();
    Harness::<AnalyticsDashboard>::new()
        .files_of(&ingested)
        .files_of(&categorized)
        .files_of(&scored)
        .run(part(&["sla_policy", "teams", "forecast"]))
}

/// The JSON inside the page.
pub(crate) fn dashboard_data(page: &str) -> Value {
    let start = page.find("<script type=\"application/json\" id=\"data\">").unwrap();
    let body = &page[start..];
    let body = &body[body.find('>').unwrap() + 1..];
    serde_json::from_str(&body[..body.find("</script>").unwrap()]).unwrap()
}
