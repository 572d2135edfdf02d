//! Solutions, replies, templates and gaps by value on small tickets, and what they look like on the real ones.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use heddle_sdk::{
    PhaseError,
    testing::{Harness, TestRun},
};
use serde_json::{Value, json};
use ticket_analysis::{
    categorization::Categorization,
    ingestion::TicketIngestion,
    priority::PriorityScoring,
    solutions::{Output, SolutionGeneration, TicketSolution},
    ticket::{Entities, Priority, Status, StructuredTickets, Ticket},
};

mod common;

fn ticket(id: &str, subject: &str, description: &str) -> Ticket {
    Ticket {
        id: id.to_owned(),
        subject: subject.to_owned(),
        description: description.to_owned(),
        created_at: Some("2024-06-01T00:00:00Z".to_owned()),
        status: Some(Status::Open),
        ..Ticket::default()
    }
}

fn resolved(ticket: Ticket, at: &str) -> Ticket {
    Ticket { status: Some(Status::Closed), resolved_at: Some(at.to_owned()), ..ticket }
}

fn data(tickets: Vec<Ticket>) -> StructuredTickets {
    StructuredTickets {
        source: "test".to_owned(),
        as_of: "2024-06-10T12:00:00Z".to_owned(),
        normalized_tickets: tickets,
        extracted_entities: Vec::new(),
    }
}

fn execute(data: &StructuredTickets, categories: &Value, input: Value) -> TestRun {
    let categories = json!({ "categorized_tickets": categories, "patterns": {} });
    let scored = Harness::<PriorityScoring>::new()
        .file("tickets_structured.json", common::json(data))
        .file("categorization_results.json", common::json(&categories))
        .run(json!({}));
    Harness::<SolutionGeneration>::new()
        .file("tickets_structured.json", common::json(data))
        .file("categorization_results.json", common::json(&categories))
        .files_of(&scored)
        .run(input)
}

#[allow(clippy::needless_pass_by_value, reason = "called with json!(…)")]
fn run(
    data: &StructuredTickets,
    categories: Value,
    knowledge_base: Value,
) -> (BTreeMap<String, TicketSolution>, Output, TestRun) {
    let run = execute(data, &categories, json!({ "knowledge_base": knowledge_base }));
    let output: Output = serde_json::from_value(run.output().clone()).unwrap();
    assert_eq!(run.json("solutions.json"), *run.output());
    assert_eq!(run.json("response_templates.json")["templates"], run.output()["templates"]);
    (output.ticket_solutions.iter().map(|s| (s.ticket_id.clone(), s.clone())).collect(), output, run)
}

fn knowledge_base() -> Value {
    json!([
        { "id": "reset", "title": "Reset your password", "tags": ["password", "login"], "url": "https://example.org/reset",
          "body": "If you forgot your password:\n1. Open the login page\n2. Click \"Forgot password\"\n3. Follow the link in the mail\n" },
        { "id": 7, "title": "Export a report", "body": "Open the report first. Choose export in the menu, then the format. Large reports take a while." },
        { "title": "Change the billing address", "content": "Invoices use the billing address of the account. Owners can change the billing address under settings." }
    ])
}

fn some_tickets() -> Vec<Ticket> {
    vec![
        ticket("T1", "Forgot my password", "The password reset mail does not arrive."),
        ticket("T2", "How to export the report as a spreadsheet", ""),
        ticket("T3", "Graph colours are hard to tell apart", ""),
        ticket("T4", "Export of a report crashes, production is down", "Nothing works."),
        resolved(
            ticket(
                "T5",
                "Graph colours cannot be told apart in the dark",
                "As a workaround we chose the high contrast palette.",
            ),
            "2024-06-02T06:00:00Z",
        ),
    ]
}

#[test]
fn articles_and_resolved_tickets_that_fit_are_found_and_quoted() {
    let (by_id, output, _) = run(&data(some_tickets()), json!([]), knowledge_base());
    let t1 = &by_id["T1"];
    assert_eq!(t1.articles[0].article_id, "reset");
    assert!(t1.articles[0].shared_words.contains(&"password".to_owned()));
    let steps: Vec<_> =
        t1.steps.iter().map(|s| (s.text.as_str(), s.source.kind.as_str(), s.source.id.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("Open the login page", "article", "reset"),
            ("Click \"Forgot password\"", "article", "reset"),
            ("Follow the link in the mail", "article", "reset"),
        ]
    );
    let t2 = &by_id["T2"];
    assert_eq!(t2.articles[0].article_id, "7");
    assert_eq!(t2.steps[1].text, "Choose export in the menu, then the format.");
    let t3 = &by_id["T3"];
    assert!(t3.articles.is_empty());
    assert_eq!(
        (t3.resolved_tickets[0].ticket_id.as_str(), t3.resolved_tickets[0].resolution_hours),
        ("T5", Some(30.0))
    );
    assert_eq!(t3.steps[0].text, "As a workaround we chose the high contrast palette.");
    assert_eq!(t3.steps[0].source.kind, "resolved_ticket");
    assert!(!by_id.contains_key("T5"), "resolved tickets need no solution");
    assert_eq!(
        (output.summary.n_waiting, output.summary.n_resolved, output.summary.n_with_article),
        (4, 1, 3)
    );
}

#[test]
fn p2_and_p3_get_a_draft_and_p0_and_p1_suggestions() {
    let mut data = data(some_tickets());
    data.extracted_entities = data
        .normalized_tickets
        .iter()
        .map(|t| Entities { ticket_id: t.id.clone(), ..Entities::default() })
        .collect();
    data.extracted_entities[0].versions = vec!["2.1".to_owned()];
    let categories =
        json!([{ "ticket_id": "T1", "category": "bug" }, { "ticket_id": "T4", "category": "bug" }]);
    let (by_id, output, _) = run(&data, categories, knowledge_base());
    let draft = by_id["T1"].draft_reply.as_ref().unwrap();
    assert!(by_id["T1"].suggestions.is_none());
    assert!(draft.body.starts_with(
        "Hello {{customer_name}},\n\nthank you for your message \"Forgot my password\" (T1).\n"
    ));
    assert!(draft.body.contains("article \"Reset your password\" (https://example.org/reset)"));
    assert!(draft.body.contains("1. \"Open the login page\"\n2. "));
    assert_eq!(
        by_id["T1"].missing_information,
        ["the steps that lead to the problem", "the exact error message, if there is one"]
    );
    assert!(draft.body.contains("- the steps that lead to the problem\n"));
    assert!(!draft.body.contains("the version in use"));
    let slots: Vec<_> = draft.slots.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(slots, ["customer_name", "next_step", "agent_name"]);

    let urgent = &by_id["T4"];
    assert!(urgent.draft_reply.is_none());
    let suggestions = urgent.suggestions.as_ref().unwrap();
    assert!(suggestions[0].starts_with("P0, score "));
    assert!(
        suggestions.iter().any(|s| s.starts_with("Read article 7 \"Export a report\"")),
        "{suggestions:?}"
    );
    assert_eq!(output.ticket_solutions[0].ticket_id, "T4", "by rank");
    assert_eq!(output.prose_by, "template");
}

#[test]
fn braces_in_a_subject_are_no_slots() {
    let (by_id, ..) = run(&data(vec![ticket("T", "Vue shows {{agent_name}} raw", "")]), json!([]), json!([]));
    let draft = by_id["T"].draft_reply.as_ref().unwrap();
    assert!(draft.body.contains("{ {agent_name} }"));
    assert_eq!(draft.body.matches("{{agent_name}}").count(), 1);
}

#[test]
fn matters_of_several_tickets_get_templates_and_gaps() {
    let mut tickets: Vec<Ticket> = (0..4)
        .map(|i| {
            ticket(
                &format!("P{i}"),
                &format!("Forgot password {}", ["again", "today", "abroad", "twice"][i]),
                "",
            )
        })
        .collect();
    tickets.extend(
        (0..3).map(|i| {
            ticket(&format!("W{i}"), &format!("Webhook {}", ["silent", "delayed", "retried"][i]), "")
        }),
    );
    tickets.extend((0..3).map(|i| ticket(&format!("C{i}"), ["Aa bb", "Cc dd", "Ee ff"][i], "")));
    let categories: Vec<Value> = tickets
        .iter()
        .map(|t| {
            json!({
                "ticket_id": t.id,
                "category": if t.id.starts_with('P') { "question" } else { "bug" },
                "cluster_id": if t.id.starts_with('C') { json!(9) } else { Value::Null }
            })
        })
        .collect();
    let (by_id, output, run) = run(&data(tickets), json!(categories), knowledge_base());
    let titles: Vec<_> = output.templates.iter().map(|t| (t.title.as_str(), t.n_tickets)).collect();
    // Within a size clusters come first.
    assert_eq!(
        titles,
        [("question: forgot, password", 4), ("bug: 9", 3), ("bug: webhook", 3), ("bug", 6), ("question", 4)]
    );
    let template = &output.templates[0];
    assert_eq!(template.article_id.as_deref(), Some("reset"));
    assert!(template.body.contains("Open the login page") && template.body.contains("{{ticket_subject}}"));
    let slots: Vec<_> = template.slots.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        slots,
        ["customer_name", "ticket_subject", "ticket_id", "solution", "next_step", "agent_name"]
    );
    assert_eq!(by_id["P0"].template_id.as_deref(), Some("T1"));
    assert_eq!(by_id["W1"].template_id.as_deref(), Some("T3"));

    let gaps: Vec<_> =
        output.gaps.iter().map(|g| (g.matter.as_str(), g.n_tickets, g.n_without_article)).collect();
    assert_eq!(gaps, [("bug: 9", 3, 3), ("bug: webhook", 3, 3)], "passwords are documented");
    assert!(
        run.text("kb_gaps.md")
            .contains("| bug: webhook | 3 | 3 | 3 | W0 Webhook silent; W1 Webhook delayed |")
    );
}

/// The group's article fits two of its three tickets; the third must not be answered with it.
#[test]
fn a_template_with_an_article_is_for_tickets_that_it_fits() {
    let tickets = vec![
        ticket("P0", "Forgot password again", "The login asks for it."),
        ticket("P1", "Forgot password today", "The login asks for it."),
        ticket("P2", "Forgot umbrella abroad", "It is blue."),
    ];
    let categories: Vec<Value> = tickets
        .iter()
        .map(|t| json!({ "ticket_id": t.id, "category": "question", "cluster_id": 1 }))
        .collect();
    let (by_id, output, _) = run(&data(tickets), json!(categories), knowledge_base());
    let cluster = output.templates.iter().find(|t| t.n_tickets == 3 && t.article_id.is_some()).unwrap();
    assert!(by_id["P2"].articles.is_empty(), "{:?}", by_id["P2"].articles);
    for solution in by_id.values() {
        let id = solution.template_id.as_ref();
        let template = output.templates.iter().find(|t| Some(&t.id) == id);
        let quoted = template.and_then(|t| t.article_id.as_ref());
        assert!(
            quoted.is_none_or(|a| solution.articles.iter().any(|fit| fit.article_id == *a)),
            "{solution:#?}"
        );
    }
    assert_eq!(by_id["P0"].template_id.as_ref(), Some(&cluster.id));
    assert_ne!(by_id["P2"].template_id.as_ref(), Some(&cluster.id));
}

/// No file says of a ticket that no article fits it, and that one deals with it.
#[test]
fn the_samples_solutions_do_not_contradict_their_templates() {
    let all = common::analyse("sample", &common::sample());
    let solutions = all.json("solutions.json");
    let templates = all.json("response_templates.json");
    for solution in solutions["ticket_solutions"].as_array().unwrap() {
        let template =
            templates["templates"].as_array().unwrap().iter().find(|t| t["id"] == solution["template_id"]);
        let Some(article) = template.and_then(|t| t["article_id"].as_str()) else { continue };
        let fits = solution["articles"].as_array().unwrap().iter().any(|a| a["article_id"] == article);
        assert!(fits, "{}: {article} of {} does not fit", solution["ticket_id"], solution["template_id"]);
    }
}

#[test]
fn without_a_knowledge_base_that_is_said() {
    let (_, output, run) = run(&data(some_tickets()), json!([]), Value::Null);
    assert!(output.summary.not_computable.iter().any(|s| s.contains("knowledge_base")));
    assert!(output.summary.article_thresholds.is_empty());
    assert!(run.text("kb_gaps.md").contains("is not computable"));
}

#[test]
fn wrong_articles_are_reported_with_their_place() {
    let run = execute(
        &data(Vec::new()),
        &json!([]),
        json!({ "knowledge_base": [
        { "id": 1, "title": "A", "body": "b" }, { "id": "1", "title": "B", "body": "b" }, { "id": 2 }
    ] }),
    );
    let PhaseError::InvalidInput(problems) = run.error() else { panic!("{:?}", run.error()) };
    let places: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(places, ["/knowledge_base/1/id", "/knowledge_base/2"]);
}

#[test]
fn no_tickets_give_empty_results() {
    let (by_id, output, _) = run(&data(Vec::new()), json!([]), knowledge_base());
    assert!(by_id.is_empty() && output.templates.is_empty() && output.gaps.is_empty());
}

/// Our own words, on subjects of a test runner.
fn testing_articles() -> Value {
    json!([
        { "id": "esm", "title": "Native ES modules", "tags": ["esm", "import", "modules"],
          "body": "Start node with experimental vm modules to import native ECMAScript modules (ESM) in tests.\n- Set type to module\n- Start node with the flag" },
        { "id": "snapshots", "title": "Snapshot testing", "tags": ["snapshot", "inline"],
          "body": "Snapshots are written on the first run. Inline snapshots need prettier. Update a snapshot with the update flag." },
        { "id": "coverage", "title": "Coverage reports", "tags": ["coverage", "collectCoverage", "threshold"],
          "body": "Coverage is collected by babel or by v8. Set a coverage threshold to fail the run. The report is written to a folder." },
        { "id": "timers", "title": "Fake timers", "tags": ["timers", "fake", "advanceTimersByTime"],
          "body": "Modern fake timers replace the clock, Date and setTimeout. Advance the timers by time." },
        { "id": "bread", "title": "Baking sourdough bread", "tags": ["bread", "flour"],
          "body": "Mix flour, water and salt, let the dough rest, and bake the loaf in a hot oven." }
    ])
}

#[test]
fn real_tickets_find_articles_on_their_subject() {
    let Some((input, _)) = common::case("jest_operations") else { return };
    let data = common::structured(&input);
    let (by_id, output, run) = run(&data, json!([]), testing_articles());
    println!("{:#?}", output.summary);
    for s in by_id.values() {
        let article =
            s.articles.first().map(|a| (a.article_id.as_str(), a.relevance, a.shared_words.join(" ")));
        println!("{}\n   {article:?}", s.subject);
        for r in &s.resolved_tickets {
            println!("   {} {} {:?}", r.relevance, r.subject, r.shared_words);
        }
    }
    let fits = || by_id.values().filter_map(|s| Some((s, s.articles.first()?)));
    assert!(fits().all(|(_, a)| a.article_id != "bread"), "nobody asked about bread");
    let on_subject =
        |s: &TicketSolution, words: &[&str]| words.iter().any(|w| s.subject.to_lowercase().contains(w));
    let (mut right, mut all) = (0, 0);
    for (solution, article) in fits() {
        let words: &[&str] = match article.article_id.as_str() {
            "esm" => &["esm", "import", "module", "mjs"],
            "snapshots" => &["snapshot"],
            "coverage" => &["coverage", "v8"],
            "timers" => &["timer", "date"],
            _ => &[],
        };
        all += 1;
        right += usize::from(on_subject(solution, words));
    }
    assert!(all >= 3 && right * 10 >= all * 8, "{right} of {all}");
    if let Ok(folder) = std::env::var("HEDDLE_DUMP") {
        for (file, bytes) in &run.files {
            std::fs::write(format!("{folder}/jest_operations-{file}"), bytes).unwrap();
        }
    }
}

/// The first four phases, one after the other: what scoring and solving left.
fn chain(input: &Value) -> (TestRun, TestRun) {
    let ingested = Harness::<TicketIngestion>::new().run(input.clone());
    let categorized = Harness::<Categorization>::new()
        .files_of(&ingested)
        .run(json!({ "categories": input["categories"] }));
    let scored = Harness::<PriorityScoring>::new()
        .files_of(&ingested)
        .files_of(&categorized)
        .run(json!({ "sla_policy": input["sla_policy"], "teams": input["teams"] }));
    let solved = Harness::<SolutionGeneration>::new()
        .files_of(&ingested)
        .files_of(&categorized)
        .files_of(&scored)
        .run(json!({ "knowledge_base": input["knowledge_base"] }));
    (scored, solved)
}

fn dump(name: &str, runs: [&TestRun; 2]) {
    let Ok(folder) = std::env::var("HEDDLE_DUMP") else { return };
    for (file, bytes) in runs.iter().flat_map(|run| &run.files) {
        std::fs::write(format!("{folder}/{name}-{file}"), bytes).unwrap();
    }
}

#[test]
fn the_real_tickets_go_through_all_phases() {
    for name in ["jest_operations", "react_vscode"] {
        let Some((input, _)) = common::case(name) else { return };
        let (scored, solved) = chain(&input);
        dump(name, [&scored, &solved]);
        let priorities: ticket_analysis::priority::Output =
            serde_json::from_value(scored.output().clone()).unwrap();
        let s = &priorities.summary;
        println!("{name}: {:?}, waiting {:?}", s.by_priority, s.waiting_by_priority);
        let share = |p: &str| s.by_priority[p] as f64 / s.n as f64;
        assert!(share("P0") < 0.05 && share("P0") + share("P1") < 0.25, "{:?}", s.by_priority);
        assert!(share("P2") > 0.1 && share("P3") > 0.3, "{:?}", s.by_priority);
        let solutions: Output = serde_json::from_value(solved.output().clone()).unwrap();
        assert_eq!(solutions.ticket_solutions.len(), s.states.open + s.states.unknown);
        assert_eq!(solutions.summary.states, s.states);
        assert!(!solutions.templates.is_empty() && !solutions.gaps.is_empty());
    }
}

/// The synthetic sample of the repository.
#[test]
fn the_sample_is_scored_routed_and_answered() {
    let input: Value = serde_json::from_str(include_str!("../sample/tickets.json")).unwrap();
    let (scored, solved) = chain(&input);
    dump("sample", [&scored, &solved]);
    let priorities: ticket_analysis::priority::Output =
        serde_json::from_value(scored.output().clone()).unwrap();
    let solutions: Output = serde_json::from_value(solved.output().clone()).unwrap();
    let s = &priorities.summary;
    assert_eq!(s.sla_hours.as_deref(), Some("business"));
    let share = |p: &str| s.by_priority[p] as f64 / s.n as f64;
    assert!(share("P0") < 0.1 && share("P0") + share("P1") < 0.4, "{:?}", s.by_priority);
    assert_eq!(priorities.routing.basis, "teams");
    assert!(priorities.routing.n_triage * 5 <= s.n_waiting, "{:?}", priorities.routing);
    assert!(s.n_waiting > 0 && solutions.ticket_solutions.len() == s.n_waiting);
    assert!(solutions.summary.n_with_article > 0);
    for solution in &solutions.ticket_solutions {
        assert_eq!(solution.draft_reply.is_some(), solution.priority >= Priority::P2);
        assert_eq!(solution.suggestions.is_some(), solution.priority <= Priority::P1);
        for step in solution.steps.iter().filter(|s| s.source.kind == "article" && !s.shortened) {
            let articles = input["knowledge_base"].as_array().unwrap();
            let article = articles.iter().find(|a| a["id"] == step.source.id.as_str()).unwrap();
            let body = article["body"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(body.contains(&step.text), "{:?} is not in {}", step.text, step.source.id);
        }
    }
}

#[test]
fn five_thousand_tickets_have_their_solutions() {
    let Some((input, _)) = common::case("react_vscode") else { return };
    let real = common::structured(&input);
    let tickets: Vec<Ticket> = (0..5000)
        .map(|i| {
            let ticket = real.normalized_tickets[i % real.normalized_tickets.len()].clone();
            Ticket {
                id: format!("{}-{i}", ticket.id),
                status: Some(if i % 2 == 0 { Status::Open } else { Status::Closed }),
                ..ticket
            }
        })
        .collect();
    let data = data(tickets);
    let (by_id, ..) = run(&data, json!([]), testing_articles());
    assert!(by_id.len() >= 2000, "{}", by_id.len());
}
