//! Exports of GitHub, Jira and Zendesk, alone and together.

use heddle_sdk::testing::Harness;
use serde_json::{Value, json};
use ticket_analysis::{
    ingestion::TicketIngestion,
    ticket::{Priority, Status},
};

use crate::{at, ingest, sample, structured};

#[test]
fn github_cli_export() {
    let run = ingest(&[("github.json", &sample("github.json"))], json!({}));
    let structured = structured(&run);
    assert_eq!(structured.source, "github.json: GitHub (gh issue list --json)");
    assert_eq!(structured.as_of, "2026-01-01T00:00:00Z");
    let tickets = structured.normalized_tickets;
    assert_eq!(tickets.len(), 12);
    let ticket = &tickets[1];
    assert_eq!(ticket.id, "102");
    assert_eq!(ticket.product.as_deref(), Some("tidewell-example/app"));
    assert_eq!(ticket.created_at, at("2026-08-27T07:58:06Z"));
    assert_eq!(ticket.resolved_at, at("2026-09-25T09:04:48Z"));
    assert_eq!(ticket.first_response_at, at("2026-08-27T09:42:49Z"));
    assert_eq!((ticket.status, ticket.priority), (Some(Status::Closed), Some(Priority::P2)));
    assert_eq!(ticket.source_priority.as_deref(), Some("priority: medium"));
    assert_eq!(ticket.assignee.as_deref(), Some("sofia"));
    assert_eq!(ticket.customer.as_deref(), Some("kacper-salon-mirabelle"));
    assert_eq!((ticket.comments, ticket.votes), (Some(1), Some(0)));
    assert_eq!(ticket.labels, ["api", "priority: medium"]);
    assert!(!ticket.description.contains('\r'));
    assert_eq!(tickets[8].votes, Some(8));
    assert_eq!(tickets[7].priority, None);
    let entities = &structured.extracted_entities[1];
    assert_eq!(entities.ticket_id, "102");
    assert_eq!(entities.error_messages, Vec::<String>::new());
}

#[test]
fn a_subset_of_the_cli_fields_is_enough() {
    let run = ingest(
        &[(
            "issues.json",
            br#"[{"title":"It crashes","url":"https://github.com/acme/app/issues/7","state":"OPEN"}]"#,
        )],
        json!({}),
    );
    let structured = structured(&run);
    let ticket = &structured.normalized_tickets[0];
    assert_eq!((ticket.id.as_str(), ticket.product.as_deref()), ("7", Some("acme/app")));
    assert_eq!((ticket.status, &ticket.created_at, ticket.comments), (Some(Status::Open), &None, None));
    let notes = run.output()["data_quality_report"]["notes"].to_string();
    assert!(notes.contains("createdAt") && notes.contains("body"), "{notes}");
}

#[test]
fn github_rest_pull_requests_are_listed_as_left_out() {
    let issue = |number: u32, more: Value| {
        let mut issue = json!({
            "number": number, "title": format!("Issue {number}"), "body": null, "state": "closed", "comments": 3,
            "created_at": "2024-03-01T10:00:00Z", "closed_at": "2024-03-02T10:00:00Z",
            "html_url": format!("https://github.com/acme/app/issues/{number}"), "user": { "login": "ada" },
            "author_association": "CONTRIBUTOR", "reactions": { "+1": 4 }, "labels": [{ "name": "P1" }],
        });
        issue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        issue
    };
    let pages = json!([
        [issue(1, json!({})), issue(2, json!({ "pull_request": { "url": "…" } }))],
        [issue(3, json!({ "state": "open", "closed_at": null }))],
    ]);
    let run = ingest(&[("rest.json", pages.to_string().as_bytes())], json!({}));
    let tickets = structured(&run).normalized_tickets;
    let ids: Vec<&str> = tickets.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["1", "3"]);
    assert_eq!(tickets[0].customer_tier.as_deref(), Some("contributor"));
    assert_eq!(
        (tickets[0].votes, tickets[0].comments, tickets[0].priority),
        (Some(4), Some(3), Some(Priority::P1))
    );
    let report = &run.output()["data_quality_report"];
    assert_eq!(
        (&report["n_records"], &report["n_tickets"], &report["n_excluded"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(
        report["excluded"],
        json!([{ "position": "rest.json#/0/1", "id": "2", "reason": "it is a pull request, not an issue" }])
    );
}

#[test]
fn two_repositories_keep_their_numbers_apart() {
    let export = |repository: &str| {
        json!([{ "number": 5, "title": "x", "createdAt": "2024-01-01T00:00:00Z",
                 "url": format!("https://github.com/{repository}/issues/5") }])
        .to_string()
    };
    let (a, b) = (export("acme/app"), export("acme/site"));
    let run = ingest(&[("a.json", a.as_bytes()), ("b.json", b.as_bytes())], json!({}));
    let ids: Vec<String> = structured(&run).normalized_tickets.into_iter().map(|t| t.id).collect();
    assert_eq!(ids, ["acme/app#5", "acme/site#5"]);
}

#[test]
fn jira_csv_export() {
    let file = sample("jira.csv");
    let run = ingest(&[("jira.csv", &file)], json!({ "utc_offset": "+02:00" }));
    let tickets = structured(&run).normalized_tickets;
    assert_eq!(tickets.len(), 12);
    let ticket = &tickets[0];
    assert_eq!(ticket.id, "TIDE-31");
    assert_eq!(ticket.subject, "Resource planning for rooms");
    assert_eq!(ticket.created_at, at("2026-04-27T17:36:00Z"));
    assert_eq!(ticket.resolved_at, at("2026-05-08T11:17:00Z"));
    assert_eq!((ticket.status, ticket.priority), (Some(Status::Closed), Some(Priority::P2)));
    assert_eq!((ticket.comments, ticket.votes), (Some(2), Some(3)));
    assert_eq!(ticket.labels, ["import-2026", "component:calendar"]);
    assert_eq!(ticket.category.as_deref(), Some("New Feature"));
    assert_eq!(ticket.customer.as_deref(), Some("a***@augenblick-optik.example"));
    assert_eq!(ticket.customer_tier.as_deref(), Some("professional"));
    assert_eq!(ticket.product.as_deref(), Some("Tidewell"));
    assert!(ticket.description.ends_with("\n\nPlease let me know if you need more details."));
    assert_eq!(tickets[10].priority, None);
    let report = &run.output()["data_quality_report"];
    // Twelve created and twelve resolved; without the option they count as UTC, and the report says how many.
    assert_eq!(report["times_without_zone"], 24);
    assert_eq!(report["utc_offset"], "+02");
    let utc = ingest(&[("jira.csv", &file)], json!({}));
    assert_eq!(structured(&utc).normalized_tickets[0].created_at, at("2026-04-27T19:36:00Z"));
}

#[test]
fn a_jira_row_of_another_length_is_listed() {
    let csv = "Summary,Issue key,Created\nGood,A-1,12/Mar/24 3:04 PM\nCut,A-2\n,,\n";
    let run = ingest(&[("j.csv", csv.as_bytes())], json!({}));
    let report = &run.output()["data_quality_report"];
    assert_eq!(
        (&report["n_tickets"], &report["n_excluded"], &report["n_records"]),
        (&json!(1), &json!(2), &json!(3))
    );
    assert_eq!(report["excluded"][0]["position"], "j.csv line 3");
    assert!(
        report["excluded"][0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("the row has 2 cells, and the header 3")
    );
    assert_eq!(report["excluded"][1]["position"], "j.csv line 4");
}

#[test]
fn jira_json_export() {
    let run = ingest(&[("jira.json", &sample("jira.json"))], json!({}));
    let structured = structured(&run);
    let tickets = structured.normalized_tickets;
    assert_eq!(tickets.len(), 12);
    let ticket = &tickets[4];
    assert_eq!(ticket.id, "DESK-65");
    assert_eq!(ticket.created_at, at("2026-09-23T06:42:35Z"));
    assert_eq!(ticket.resolved_at, at("2026-09-23T09:01:36Z"));
    assert_eq!(ticket.first_response_at, at("2026-09-23T08:26:35Z"));
    assert_eq!((ticket.status, ticket.priority), (Some(Status::Resolved), Some(Priority::P1)));
    assert_eq!(ticket.satisfaction, Some(5.0));
    assert_eq!(ticket.customer.as_deref(), Some("o***@lindenhof-therapie.example"));
    assert_eq!(ticket.product.as_deref(), Some("Tidewell Service Desk"));
    assert_eq!(ticket.labels, ["component:sign-in"]);
    assert!(ticket.description.starts_with("Hi,\n\nI mistyped my password"));
    assert_eq!(tickets[5].votes, Some(14));
    assert_eq!(structured.extracted_entities[6].severity_signs[0], "crash");
    // The bare array of issues reads the same.
    let whole: Value = serde_json::from_slice(&sample("jira.json")).unwrap();
    let bare = ingest(&[("bare.json", whole["issues"].to_string().as_bytes())], json!({}));
    assert_eq!(self::structured(&bare).normalized_tickets, tickets);
    let inside = Harness::<TicketIngestion>::new().run(json!({ "ticket_data": whole }));
    assert_eq!(self::structured(&inside).normalized_tickets, tickets);
}

#[test]
fn zendesk_export() {
    let file = sample("zendesk.json");
    let run = ingest(&[("zendesk.json", &file)], json!({}));
    let tickets = structured(&run).normalized_tickets;
    assert_eq!(tickets.len(), 12);
    let ticket = &tickets[0];
    assert_eq!(ticket.id, "9001");
    assert_eq!(ticket.created_at, at("2026-08-19T12:56:00Z"));
    assert_eq!(ticket.first_response_at, at("2026-08-19T15:18:00Z"));
    assert_eq!(ticket.resolved_at, at("2026-08-27T10:13:44Z"));
    assert_eq!((ticket.status, ticket.priority), (Some(Status::Closed), None));
    assert_eq!(ticket.satisfaction, Some(0.0));
    assert_eq!(ticket.customer.as_deref(), Some("h***@salon-mirabelle.example"));
    assert_eq!(ticket.labels, ["exports"]);
    assert_eq!((tickets[4].priority, tickets[4].satisfaction), (Some(Priority::P2), None));
    // As an array and one a line; without the users the requesters are numbers.
    let whole: Value = serde_json::from_slice(&file).unwrap();
    let lines: Vec<String> = whole["tickets"].as_array().unwrap().iter().map(Value::to_string).collect();
    for (name, text) in [("a.json", whole["tickets"].to_string()), ("b.jsonl", lines.join("\n"))] {
        let again = structured(&ingest(&[(name, text.as_bytes())], json!({}))).normalized_tickets;
        assert_eq!(again.len(), 12);
        assert_eq!(again[0].customer.as_deref(), Some("requester 500"));
        assert_eq!(again[0].first_response_at, ticket.first_response_at);
    }
}

#[test]
fn several_sources_at_once() {
    let run = ingest(
        &[
            ("github.json", &sample("github.json")),
            ("jira.csv", &sample("jira.csv")),
            ("zendesk.json", &sample("zendesk.json")),
        ],
        json!({ "source": "all of them", "ticket_data": [{ "id": 1, "subject": "own", "created_at": 1_710_255_845 }] }),
    );
    let report = &run.output()["data_quality_report"];
    assert_eq!(report["n_tickets"], 37);
    let names: Vec<&str> =
        report["sources"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ticket_data", "github.json", "jira.csv", "zendesk.json"]);
    let structured = structured(&run);
    assert_eq!(structured.source, "all of them");
    assert_eq!(structured.normalized_tickets[0].id, "1");
    assert_eq!(structured.normalized_tickets[0].created_at, at("2024-03-12T15:04:05Z"));
}

#[test]
fn a_byte_order_mark_and_our_csv() {
    let csv =
        "\u{feff}id;created_at;subject;labels;priority\n7;2024-01-02;Größe fehlt;a, b;0\n8;2024-01-03;x;;1\n";
    let tickets = structured(&ingest(&[("own.csv", csv.as_bytes())], json!({}))).normalized_tickets;
    assert_eq!(tickets[0].id, "7");
    assert_eq!(tickets[0].subject, "Größe fehlt");
    assert_eq!(tickets[0].labels, ["a", "b"]);
    // One of the numbers is 0: they count from zero.
    assert_eq!((tickets[0].priority, tickets[1].priority), (Some(Priority::P0), Some(Priority::P1)));
}

/// The bytes of a text in the encodings that are read: UTF-8 with its mark, and UTF-16 of either byte order.
fn encodings(text: &str) -> [(&'static str, Vec<u8>); 4] {
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
    };
    [
        ("UTF-8", text.as_bytes().to_vec()),
        ("UTF-8 with its mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16LE", utf16([0xFF, 0xFE], u16::to_le_bytes)),
        ("UTF-16BE", utf16([0xFE, 0xFF], u16::to_be_bytes)),
    ]
}

#[test]
fn byte_order_marks_and_utf16_are_read_in_every_form() {
    let issues = json!([{ "number": 1, "title": "Größe fehlt 🧶", "state": "OPEN", "createdAt": "2024-01-01T00:00:00Z" }]);
    let lines = format!(
        "{}\n{}\n",
        json!({ "id": 1, "subject": "Größe fehlt 🧶" }),
        json!({ "id": 2, "subject": "x" })
    );
    let texts = [
        ("issues.json", issues.to_string()),
        ("lines.jsonl", lines),
        ("own.csv", "id;created_at;subject\r\n1;2024-01-02;Größe fehlt 🧶\r\n".to_owned()),
        ("jira.csv", "Summary,Issue key,Created\nGröße fehlt 🧶,A-1,12/Mar/24 3:04 PM\n".to_owned()),
    ];
    for (name, text) in texts {
        for (encoding, bytes) in encodings(&text) {
            let tickets = structured(&ingest(&[(name, &bytes)], json!({}))).normalized_tickets;
            assert_eq!(tickets[0].subject, "Größe fehlt 🧶", "{name} in {encoding}");
        }
    }
}
