//! Files and input that cannot be read or used: what the error says.

use heddle_sdk::{PhaseError, testing::Harness};
use proptest::prelude::*;
use serde_json::{Value, json};
use ticket_analysis::ingestion::TicketIngestion;

use crate::{assert_says, ingest, one_problem, problems, structured};

#[test]
fn files_that_cannot_be_read() {
    let run = |name: &str, bytes: &[u8]| ingest(&[(name, bytes)], json!({}));
    assert_says(&run("a.json", b"[{\"id\": 1,\n  \"subj"), &["a.json", "ends too early", "line 2", "column"]);
    assert_says(&run("a.json", b"[{\"id\": 1,\n  subject}]"), &["not JSON", "line 2, column 3"]);
    assert_says(&run("a.json", b"\xff\xfe[\0{\0"), &["ends too early"]);
    assert_says(&run("a.json", b"\xff\xfe[\0{"), &["UTF-16", "middle of a character"]);
    assert_says(&run("a.json", b"\xff\xfe[\0\n\0\0\xd8[\0"), &["half a character at line 2, character 1"]);
    assert_says(&run("a.json", b"[\0{\0"), &["zero byte at offset 1", "UTF-16 with its mark"]);
    assert_says(&run("a.csv", b"id,subject\n1,Gr\xf6\xdfe\n"), &["0xF6", "line 2, byte 5", "WINDOWS-1252"]);
    assert_says(&run("a.csv", b"PK\x03\x04rest"), &["zip archive"]);
    assert_says(&run("a.json", b"  \n"), &["a.json is empty"]);
    assert_says(&run("a.json", b"[]"), &["a.json", "no ticket", "at least one"]);
    assert_says(&run("a.json", b"{\"issues\": []}"), &["no ticket"]);
    assert_says(&run("a.json", b"42"), &["a number", "Accepted"]);
    assert_says(&run("a.csv", b"name,colour\nx,red\n"), &["\"name\", \"colour\"", "Jira CSV"]);
    assert_says(&run("a.json", br#"{"rows": [1], "page": 2}"#), &["the keys page, rows", "gh issue list"]);
    assert_says(&run("a.csv", b"Summary,Issue key,Created\n"), &["no row"]);
    let garbage: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_says(&run("a.json", &garbage), &["a.json"]);
}

#[test]
fn input_that_cannot_be_used() {
    let run = |input: Value| Harness::<TicketIngestion>::new().run(input);
    assert_says(&run(json!({})), &["no tickets", "ticket_data", "upload"]);
    let (path, message) = one_problem(&run(json!({ "ticket_data": [] })));
    assert_eq!(path, "/ticket_data");
    assert!(message.contains("the array is empty"), "{message}");
    let (path, message) =
        one_problem(&run(json!({ "ticket_data": [{ "id": "a", "subject": "x" }, "text"] })));
    assert_eq!(path, "/ticket_data/1");
    assert!(message.contains("must be an object, and this is a text"), "{message}");
    let (path, message) = one_problem(&run(json!({ "ticket_data": [{ "id": "a", "subject": ["x"] }] })));
    assert_eq!(path, "/ticket_data/0/subject");
    assert!(message.contains("an array"), "{message}");
    let (path, _) =
        one_problem(&run(json!({ "ticket_data": [{ "id": "a", "subject": "x" }], "as_of": "soon" })));
    assert_eq!(path, "/as_of");
    let (path, _) =
        one_problem(&run(json!({ "ticket_data": [{ "id": "a", "subject": "x" }], "utc_offset": "CET" })));
    assert_eq!(path, "/utc_offset");
    let found =
        problems(&run(json!({ "ticket_data": [{ "subject": "no id", "status": "open", "title": "x" }] })));
    assert!(found[0].1.contains("no usable ticket"), "{found:?}");
    assert_eq!(found[1].0, "/ticket_data/0");
    let many: Vec<Value> = (0..30).map(|i| json!({ "id": i, "subject": false })).collect();
    let found = problems(&run(json!({ "ticket_data": many })));
    assert_eq!(found.len(), 21);
    assert_eq!(found[20].1, "and 10 more problems");
}

#[test]
fn duplicate_ids() {
    let ticket =
        |id: &str, subject: &str| json!({ "id": id, "subject": subject, "created_at": "2024-01-01" });
    let tickets = json!([ticket("a", "1"), ticket("b", "2"), ticket("a", "3"), ticket("a", "1")]);
    let run = Harness::<TicketIngestion>::new().run(json!({ "ticket_data": tickets }));
    let (path, message) = one_problem(&run);
    assert_eq!(path, "/ticket_data");
    assert!(
        message.starts_with(
            "1 id occurs more than once: \"a\" at /ticket_data/0, /ticket_data/2, /ticket_data/3. Give each ticket"
        ),
        "{message}"
    );
    let run = Harness::<TicketIngestion>::new()
        .run(json!({ "ticket_data": tickets, "on_duplicate": "keep_first" }));
    let kept = structured(&run).normalized_tickets;
    let subjects: Vec<&str> = kept.iter().map(|t| t.subject.as_str()).collect();
    assert_eq!(subjects, ["1", "2"]);
    let report = &run.output()["data_quality_report"];
    assert_eq!(report["duplicate_ids"], 2);
    assert_eq!(
        report["duplicates"],
        json!([{ "id": "a", "kept": "/ticket_data/0", "dropped": ["/ticket_data/2", "/ticket_data/3"] }])
    );
    assert_eq!(
        (&report["n_records"], &report["n_tickets"], &report["n_excluded"]),
        (&json!(4), &json!(2), &json!(2))
    );
    let doubled: Vec<Value> = (0..50).map(|i| ticket(&format!("t{}", i % 25), "x")).collect();
    let (_, message) = one_problem(&Harness::<TicketIngestion>::new().run(json!({ "ticket_data": doubled })));
    assert!(message.starts_with("25 ids occur") && message.contains("; and 5 more. "), "{message}");
    assert_eq!(message.matches(" at /ticket_data").count(), 20);
}

#[test]
fn validation_sees_shape_emptiness_and_duplicates() {
    let validate = |input: Value| {
        let found = ticket_analysis::plugin().validate("ticket_ingestion", &input.to_string());
        found.into_iter().map(|p| (p.path, p.message)).collect::<Vec<_>>()
    };
    assert_eq!(validate(json!({})), []);
    assert_eq!(validate(json!({ "ticket_data": [{ "id": 1, "subject": "x" }] })), []);
    assert_eq!(validate(json!({ "ticket_data": [] }))[0].0, "/ticket_data");
    assert_eq!(validate(json!({ "ticket_data": [3] }))[0].0, "/ticket_data/0");
    let twice = json!([{ "id": 1, "subject": "x" }, { "id": 1, "subject": "y" }]);
    assert!(validate(json!({ "ticket_data": twice }))[0].1.contains("1 id occurs more than once"));
    assert_eq!(validate(json!({ "ticket_data": twice, "on_duplicate": "keep_first" })), []);
}

/// What the workflow's schema says to an input: the places, in order.
fn schema_problems(input: &Value) -> Vec<(String, String)> {
    let workflows = ticket_analysis::plugin().manifest().workflows;
    let schema = jsonschema::validator_for(&workflows[0].input_schema).unwrap();
    let mut found: Vec<_> =
        schema.iter_errors(input).map(|e| (e.instance_path().to_string(), e.to_string())).collect();
    found.sort();
    found
}

fn validate(input: &Value) -> Vec<String> {
    let found = ticket_analysis::plugin().validate("ticket_ingestion", &input.to_string());
    found.into_iter().map(|p| p.path).collect()
}

/// All that is wrong is told together and before the run: by the schema, which also sees runs with files, and again by the
/// first phase's quick look.
#[test]
fn mistakes_in_what_later_phases_use_are_told_at_the_start_and_together() {
    let wrong = json!({
        "forecast": { "weeks_ahead": 1_000_000_000, "days_ahead": 0 },
        "utc_offset": "CET",
        "teams": [{ "name": "web", "capacity": 0 }],
        "sla_policy": {
            "time_zone": "Mars/Base",
            "business_hours": { "mon": ["25:00", "26:00"], "tue": [["09:00", "17:60"]] },
            "holidays": ["Christmas"],
            "gold": { "resolution_hours": -1 },
            "targets": { "basic": { "first_response_hours": -2 } },
        },
    });
    let places: Vec<_> = schema_problems(&wrong).into_iter().map(|p| p.0).collect();
    assert_eq!(
        places,
        [
            "/forecast/days_ahead",
            "/forecast/weeks_ahead",
            "/sla_policy/business_hours/mon/0",
            "/sla_policy/business_hours/mon/1",
            "/sla_policy/business_hours/tue/0/1",
            "/sla_policy/gold/resolution_hours",
            "/sla_policy/holidays/0",
            "/sla_policy/targets/basic/first_response_hours",
            "/sla_policy/time_zone",
            "/teams/0/capacity",
            "/utc_offset",
        ]
    );
    // A guest may be asked without the workflow's schema, and finds the same.
    let seen = validate(&wrong);
    for place in [
        "/utc_offset",
        "/sla_policy/time_zone",
        "/sla_policy/business_hours/mon",
        "/sla_policy/business_hours/tue",
        "/sla_policy/holidays/0",
        "/sla_policy/gold/resolution_hours",
        "/sla_policy/targets/basic/first_response_hours",
        "/forecast/weeks_ahead",
        "/forecast/days_ahead",
        "/teams/0/capacity",
    ] {
        assert!(seen.iter().any(|path| path == place), "{place} is not among {seen:?}");
    }
    let doubled = json!({
        "knowledge_base": [{ "id": "a", "title": "A", "body": "x" }, { "id": "a", "title": "B", "body": "y" }],
        "teams": ["web", "web"],
        "categories": ["bug", " "],
        "sla_policy": { "business_hours": { "mon": [["09:00", "12:00"], ["11:00", "13:00"]] } },
    });
    let seen = validate(&doubled);
    for place in ["/knowledge_base/1/id", "/teams/1", "/categories/1", "/sla_policy/business_hours"] {
        assert!(seen.iter().any(|path| path == place), "{place} is not among {seen:?}");
    }
}

#[test]
fn what_is_right_passes_the_schema_and_the_quick_look() {
    let sample: Value = serde_json::from_slice(&crate::sample("tickets.json")).unwrap();
    let mut others = vec![sample];
    for hours in [
        json!({ "mon-fri": ["9:00", "17:30"], "sat": [] }),
        json!({ "days": ["mon", "Tuesday"], "start": "00:00", "end": "24:00" }),
        json!({ "mon": [["09:00", "12:00"], ["13:00", "17:00"]] }),
    ] {
        let policy = json!({ "time_zone": "Europe/Berlin", "business_hours": hours, "holidays": ["12-25", "2024-05-01"],
            "default": { "resolution_hours": 0 } });
        others.push(json!({ "sla_policy": policy, "utc_offset": "-0530", "forecast": { "weeks_ahead": 52, "days_ahead": 90 } }));
    }
    for input in others {
        assert_eq!(schema_problems(&input), []);
        assert_eq!(validate(&input), Vec::<String>::new());
    }
}

#[test]
fn too_many_tickets_are_refused_with_the_greatest_number() {
    let ticket = |n: usize| json!({ "id": n, "subject": "x", "created_at": "2024-01-01" });
    let many: Vec<Value> = (0..50_001).map(ticket).collect();
    let said = "there are 50001 tickets, and at most 50000 are analysed in one run";
    let inside = json!({ "ticket_data": many });
    let found = ticket_analysis::plugin().validate("ticket_ingestion", &inside.to_string());
    assert_eq!(found.len(), 1);
    assert!(found[0].path == "/ticket_data" && found[0].message.starts_with(said), "{found:?}");
    assert!(one_problem(&Harness::<TicketIngestion>::new().run(inside)).1.starts_with(said));
    let file = serde_json::to_vec(&many).unwrap();
    assert!(one_problem(&ingest(&[("a.json", &file)], json!({}))).1.starts_with(said));
    // 40 MiB of text in few tickets.
    let large = json!({ "ticket_data": [{ "id": 1, "subject": "x", "description": "y".repeat(40 << 20) }] });
    let found = ticket_analysis::plugin().validate("ticket_ingestion", &large.to_string());
    let said = "the tickets have about 41 MiB of text, and at most 32 MiB are read from a run's input: upload them as a file";
    assert!(found[0].message.starts_with(said), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a file holds: it is refused as input, or every record of it is accounted for.
    #[test]
    fn any_text_is_refused_or_accounted_for(text in "(id|subject|,|;|\n|\"|\\{|\\[|\\]|\\}|:|1|é|\\PC){0,60}", json in any::<bool>()) {
        let name = if json { "x.json" } else { "x.csv" };
        let run = ingest(&[(name, text.as_bytes())], json!({}));
        match &run.result {
            Err(PhaseError::InvalidInput(problems)) => prop_assert!(!problems.is_empty()),
            Err(other) => prop_assert!(false, "{other:?}"),
            Ok(_) => {
                let report = &run.output()["data_quality_report"];
                let count = |key: &str| report[key].as_u64().unwrap();
                prop_assert_eq!(count("n_records"), count("n_tickets") + count("n_excluded"));
            }
        }
    }

    /// Subjects and descriptions of any kind are taken over and taken apart without a panic.
    #[test]
    fn any_ticket_text_is_taken_apart(subject in "\\PC{0,80}", description in "([`#*\\-<>|!@\\[\\]().0-9 \n]|Error: |v1|1\\. |I |\\PC){0,80}") {
        let run = Harness::<TicketIngestion>::new()
            .run(json!({ "ticket_data": [{ "id": "1", "subject": subject, "description": description }] }));
        let ticket = structured(&run).normalized_tickets.remove(0);
        prop_assert_eq!(ticket.subject, subject.split_whitespace().collect::<Vec<_>>().join(" "));
        prop_assert_eq!(ticket.description, description);
    }
}
