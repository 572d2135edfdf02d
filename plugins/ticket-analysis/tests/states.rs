//! One meaning of open, resolved and unknown, one rule for what is dated after as_of, and one denominator, in all files.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

mod common;

/// The lines of a text that have all of the words.
fn lines<'t>(text: &'t str, words: &[&str]) -> Vec<&'t str> {
    text.lines().filter(|line| words.iter().all(|word| line.contains(word))).collect()
}

/// Half of the tickets of one product state nothing of themselves, as in exports without state.
#[test]
fn what_is_unknown_counts_neither_as_open_nor_as_resolved() {
    let Some((input, _)) = common::case("react_vscode") else { return };
    let all = common::analyse("react_vscode", &input);
    let scores = all.json("priority_scores.json");
    let states = json!({ "open": 0, "resolved": 100, "unknown": 500, "after_as_of": 0 });
    assert_eq!(scores["summary"]["states"], states);
    assert_eq!(all.json("solutions.json")["summary"]["states"], states);
    let metrics = &all.json("analytics_summary.json")["metrics"];
    assert_eq!(metrics["states"], states);
    assert_eq!(scores["summary"]["n_waiting"], 0);
    assert!(scores["prioritized_tickets"].as_array().unwrap().iter().all(|t| t["sla"].is_null()));
    // They are worked through all the same, and marked.
    assert_eq!(all.json("solutions.json")["ticket_solutions"].as_array().unwrap().len(), 500);

    let plan = all.text("routing_plan.md");
    assert!(plan.contains("0 of the 100 whose state is known wait"), "{plan}");
    assert!(!plan.contains("500 of 600 tickets wait"), "{plan}");
    let report = all.text("executive_report.md");
    let glance = "Of the 100 tickets whose state is known, 0 are open and 100 are resolved (100.0 %); of 500 the state is not known.";
    assert!(report.contains(glance), "{report}");
    assert!(lines(report, &["backlog went"]).is_empty(), "{report}");
    assert!(
        report.contains("Backlog: 500 of 600 dated tickets state neither a status nor a resolution date"),
        "{report}"
    );
    assert_eq!(lines(report, &["Products"]).len(), 1);
    assert!(lines(report, &["Products"])[0].contains("0 open of"), "{report}");
    for file in ["routing_plan.md", "executive_report.md", "dashboard.html"] {
        assert!(
            all.text(file).contains("500 of 600 tickets have neither a status nor a resolution date"),
            "{file}"
        );
    }
}

#[test]
fn where_no_state_is_known_nothing_is_said_of_open_tickets() {
    let tickets =
        common::tickets([("A", "2024-03-01T00:00:00Z", json!({})), ("B", "2024-03-02T00:00:00Z", json!({}))]);
    let input = json!({ "ticket_data": tickets, "as_of": "2024-03-20T00:00:00Z", "sla_policy": { "default": { "resolution_hours": 1 } } });
    let all = common::analyse("stateless", &input);
    let report = all.text("executive_report.md");
    assert!(report.contains("How many tickets are open is not computable"), "{report}");
    assert!(lines(report, &["% are resolved"]).is_empty(), "{report}");
    assert!(all.text("routing_plan.md").contains("which of them wait is not known"));
    // Nobody knows whether the hour was kept.
    let metrics = &all.json("analytics_summary.json")["metrics"];
    assert!(metrics["sla"]["not_computable"].is_string(), "{metrics:#}");
}

/// TW-2266 of the sample is dated four days after as_of.
#[test]
fn a_ticket_dated_after_as_of_is_in_no_figure_by_time_or_state() {
    let input = common::sample();
    let all = common::analyse("sample", &input);
    let scores = all.json("priority_scores.json");
    let states = &scores["summary"]["states"];
    assert_eq!(states, &json!({ "open": 15, "resolved": 250, "unknown": 0, "after_as_of": 1 }));
    assert_eq!(states, &all.json("analytics_summary.json")["metrics"]["states"]);
    let late = scores["prioritized_tickets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["ticket_id"] == "TW-2266")
        .unwrap();
    assert_eq!(
        (&late["standing"], &late["rank"], &late["sla"]),
        (&json!("not_yet"), &Value::Null, &Value::Null)
    );
    let ranked =
        scores["prioritized_tickets"].as_array().unwrap().iter().filter(|t| t["rank"].is_number()).count();
    assert_eq!(ranked, 15);
    let queued: u64 =
        scores["routing"]["queues"].as_array().unwrap().iter().map(|q| q["n"].as_u64().unwrap()).sum();
    assert_eq!(queued, 15);
    assert_eq!(all.json("solutions.json")["ticket_solutions"].as_array().unwrap().len(), 15);
    assert!(!all.text("routing_plan.md").contains("TW-2266"));
    assert!(all.text("routing_plan.md").contains("266 tickets: 15 wait to be worked on."));
    assert!(all.text("executive_report.md").contains("15 tickets open; 94.3 % are resolved."));
    // The recent time ends with as_of, and 265 tickets are tested.
    let emerging = &all.json("categorization_results.json")["patterns"]["emerging"];
    let until = emerging["recent_until"].as_str().unwrap();
    assert!(until < "2026-09-28T06:00:01Z", "{until}");
    assert_eq!(emerging["n_recent"].as_u64().unwrap() + emerging["n_earlier"].as_u64().unwrap(), 265);
    // 64 of 265 arrived on a Monday; 56 on a Wednesday, 27 at the weekend; the ticket of 2 October is no arrival.
    let report = all.text("executive_report.md");
    assert!(report.contains("64, 56 and 27 of 265;"), "{report}");
    assert_eq!(lines(report, &["1 of 266 tickets is dated after 2026-09-28T06:00:00Z"]).len(), 1);
}

#[test]
fn shares_are_of_all_tickets_in_every_file() {
    let input = common::sample();
    let all = common::analyse("sample", &input);
    let web = &all.json("analytics_summary.json")["metrics"]["by_product"]["Tidewell Web"];
    assert_eq!(web["n"], 179);
    assert!((web["pct"].as_f64().unwrap() - 100.0 * 179.0 / 266.0).abs() < 1e-9);
    assert!(all.text("ingestion_report.md").contains("| Tidewell Web | 179 | 67.3 % |"));
    let report = all.text("executive_report.md");
    assert!(
        report.contains("Products (% of all 266 tickets): Tidewell Web 179 (67.3 %, 5 open)"),
        "{report}"
    );
    assert!(!report.contains("68.8 %"));
}

/// The last 28 days of loads are 28 times 24 hours up to as_of, as in the dashboard.
#[test]
fn windows_are_equally_long_and_end_at_as_of() {
    let more = |team: &str| json!({ "status": "open", "assignee": team });
    let tickets = common::tickets([
        ("at as_of", "2024-03-29T06:00:00Z", more("ann")),
        ("first of the window", "2024-03-01T06:00:01Z", more("ann")),
        ("last before it", "2024-03-01T06:00:00Z", more("ann")),
        ("after as_of", "2024-03-29T06:00:01Z", more("ann")),
    ]);
    let all = common::analyse("windows", &json!({ "ticket_data": tickets, "as_of": "2024-03-29T06:00:00Z" }));
    let load = &all.json("analytics_summary.json")["metrics"]["assignee_load"]["ann"];
    assert_eq!(
        (&load["n"], &load["open"], &load["created_last_28_days"]),
        (&json!(4), &json!(3), &json!(2)),
        "{load:#}"
    );
}

/// Values of a JSON document, as the host counts them.
fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(items) => items.values().map(values).sum(),
        _ => 0,
    }
}

/// Outputs list the first tickets and say where all are; files have all.
#[test]
fn outputs_of_many_tickets_are_bounded_and_files_are_whole() {
    let n = 5_200;
    let tickets: Vec<Value> = (0..n)
        .map(|k| {
            json!({ "id": format!("T{k}"), "created_at": format!("2024-{:02}-{:02}T00:00:00Z", k % 9 + 1, k % 28 + 1),
                "status": "open", "subject": format!("Printer {} crashes in room {}", k % 97, k), "product": format!("P{k}"),
                "description": "It fails with an error. I restarted it.", "assignee": format!("A{k}") })
        })
        .collect();
    let all = common::analyse("many", &json!({ "ticket_data": tickets, "as_of": "2024-12-01T00:00:00Z" }));
    for (phase, key, file) in [
        ("ticket_ingestion", "normalized_tickets", "tickets_structured.json"),
        ("categorization", "categorized_tickets", "categorization_results.json"),
        ("priority_scoring", "prioritized_tickets", "priority_scores.json"),
        ("solution_generation", "ticket_solutions", "solutions.json"),
    ] {
        let output = &all.outputs[phase];
        assert_eq!(output["listed"], json!({ "n_tickets": n, "n_listed": 5_000, "all_in": file }), "{phase}");
        assert_eq!(output[key].as_array().unwrap().len(), 5_000, "{phase}");
        let whole = all.json(file);
        assert_eq!(whole[key].as_array().unwrap().len(), n, "{file}");
        assert_eq!(whole[key][0], output[key][0]);
        assert!(whole["listed"].is_null());
    }
    for (phase, output) in &all.outputs {
        // The host refuses 2,000,000, and the output does not grow beyond this many tickets.
        assert!(values(output) < 1_000_000, "{phase}: {}", values(output));
    }
    let metrics = &all.outputs["analytics_dashboard"]["metrics"];
    assert_eq!(metrics["by_product"].as_object().unwrap().len(), 500);
    assert_eq!(all.json("analytics_summary.json")["metrics"]["by_product"].as_object().unwrap().len(), n);
}
