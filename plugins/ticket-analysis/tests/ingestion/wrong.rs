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
    assert_says(&run("a.json", b"\xff\xfe[\0{\0"), &["UTF-16", "iconv"]);
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
