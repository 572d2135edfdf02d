//! Priorities, routes and expected times by value on small tickets, and what they look like on the real ones.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use heddle_sdk::{
    PhaseError,
    testing::{Harness, TestRun},
};
use serde_json::{Value, json};
use ticket_analysis::{
    priority::{Output, PrioritizedTicket, PriorityScoring, Standing},
    ticket::{Priority, Status, StructuredTickets, Ticket},
};

mod common;

const AS_OF: &str = "2024-06-10T12:00:00Z";

fn ticket(id: &str, subject: &str) -> Ticket {
    Ticket {
        id: id.to_owned(),
        subject: subject.to_owned(),
        created_at: Some("2024-06-10T00:00:00Z".to_owned()),
        status: Some(Status::Open),
        ..Ticket::default()
    }
}

fn execute(data: &StructuredTickets, categories: &Value, input: Value) -> TestRun {
    Harness::<PriorityScoring>::new()
        .file("tickets_structured.json", common::json(data))
        .file("categorization_results.json", common::json(categories))
        .run(input)
}

/// Run the phase on tickets: its results by ticket, and its output.
#[allow(clippy::needless_pass_by_value, reason = "called with json!(…)")]
fn run(
    tickets: Vec<Ticket>,
    categories: Value,
    input: Value,
) -> (BTreeMap<String, PrioritizedTicket>, Output) {
    let data = StructuredTickets {
        source: "test".to_owned(),
        as_of: AS_OF.to_owned(),
        normalized_tickets: tickets,
        extracted_entities: Vec::new(),
    };
    let run = execute(&data, &json!({ "categorized_tickets": categories, "patterns": {} }), input);
    let output: Output = serde_json::from_value(run.output().clone()).unwrap();
    assert_eq!(run.json("priority_scores.json"), *run.output());
    for ticket in &output.prioritized_tickets {
        let sum: f64 = ticket.contributions.iter().map(|c| c.points).sum();
        assert!((sum - ticket.score).abs() < 1e-6, "{}: {sum} is not {}", ticket.ticket_id, ticket.score);
        assert!((ticket.impact + ticket.urgency - ticket.score).abs() < 1e-6);
    }
    (output.prioritized_tickets.iter().map(|t| (t.ticket_id.clone(), t.clone())).collect(), output)
}

fn points(ticket: &PrioritizedTicket, factor: &str) -> Option<f64> {
    ticket.contributions.iter().find(|c| c.factor == factor).map(|c| c.points)
}

#[test]
fn criticality_decides_the_priority_of_fresh_tickets() {
    let (by_id, output) = run(
        vec![
            ticket("outage", "Production is down for all customers"),
            ticket("crash", "App crashes on start"),
            ticket("regression", "Filter no longer works"),
            ticket("wish", "Please add a dark theme"),
            Ticket { votes: Some(2), ..ticket("crash2", "Segmentation fault in the parser") },
        ],
        json!([]),
        json!({}),
    );
    let priority = |id: &str| by_id[id].priority;
    assert_eq!(priority("outage"), Priority::P0);
    assert_eq!(priority("crash"), Priority::P2, "nothing says that more than one user is concerned");
    assert_eq!(priority("crash2"), Priority::P1);
    assert_eq!(priority("regression"), Priority::P2);
    assert_eq!(priority("wish"), Priority::P3);
    assert_eq!(by_id["outage"].score, 45.0);
    assert_eq!(by_id["wish"].score, 0.0);
    let order: Vec<_> = output.prioritized_tickets.iter().map(|t| t.ticket_id.as_str()).collect();
    assert_eq!(order, ["outage", "crash2", "crash", "regression", "wish"]);
    assert_eq!(by_id["crash2"].rank, Some(2));
    // What is unknown is said.
    assert!(by_id["wish"].unknown.contains(&"votes: not in the source".to_owned()));
    assert!(by_id["wish"].unknown.contains(&"sla: no SLA policy".to_owned()));
    assert_eq!(output.summary.unknown["votes: not in the source"], 4);
}

#[test]
fn a_wish_or_a_question_about_crashes_is_no_crash() {
    let category = |id: &str, name: &str, confidence: f64| json!({ "ticket_id": id, "category": name, "categories": [{ "name": name, "confidence": confidence }] });
    let subject = "Report when a worker crashes";
    let (by_id, _) = run(
        vec![
            ticket("bug", subject),
            ticket("wish", subject),
            ticket("question", subject),
            ticket("unsure", subject),
        ],
        json!([
            category("bug", "bug", 0.9),
            category("wish", "feature request", 1.0),
            category("question", "question", 1.0),
            category("unsure", "feature", 0.5)
        ]),
        json!({}),
    );
    assert_eq!(points(&by_id["bug"], "criticality"), Some(28.0));
    assert_eq!(points(&by_id["wish"], "criticality"), Some(7.0));
    assert_eq!(points(&by_id["question"], "criticality"), Some(14.0));
    assert_eq!(points(&by_id["unsure"], "criticality"), Some(17.5), "28 × (1 - 0.75 × 0.5)");
}

#[test]
fn impact_is_logarithmic_up_to_the_scale_of_the_data() {
    let counted = |id: &str, votes: u64, comments: u64| Ticket {
        votes: Some(votes),
        comments: Some(comments),
        ..ticket(id, "Layout")
    };
    let clusters: Vec<Value> =
        ["a", "b", "c"].iter().map(|id| json!({ "ticket_id": id, "cluster_id": 4 })).collect();
    let (by_id, output) =
        run(vec![counted("a", 100, 0), counted("b", 9, 10), counted("c", 0, 1)], json!(clusters), json!({}));
    assert_eq!((output.summary.scales.votes, output.summary.scales.comments), (100.0, 10.0));
    assert_eq!(points(&by_id["a"], "votes"), Some(9.0));
    assert_eq!(points(&by_id["b"], "votes"), Some(4.5), "9 ln(10) / ln(101), to a tenth");
    assert_eq!(points(&by_id["c"], "votes"), None);
    assert_eq!(points(&by_id["b"], "comments"), Some(6.0));
    // Two others in the cluster; the scale's floor is 5: 8 ln(3) / ln(6).
    assert_eq!(points(&by_id["a"], "similar_tickets"), Some(4.9));
}

#[test]
fn sla_urgency_grows_as_time_runs_out() {
    let policy = json!({ "gold": { "resolution_hours": 16 }, "basic": { "resolution_hours": 100 } });
    let aged = |id: &str, created: &str, tier: &str| Ticket {
        created_at: Some(created.to_owned()),
        customer_tier: Some(tier.to_owned()),
        ..ticket(id, "Layout")
    };
    let (by_id, output) = run(
        vec![
            aged("fresh", "2024-06-10T11:00:00Z", "gold"),
            aged("half", "2024-06-10T03:00:00Z", "gold"),
            aged("late", "2024-06-09T23:00:00Z", "gold"),
            aged("over", "2024-06-09T12:00:00Z", "gold"),
            aged("basic", "2024-06-09T12:00:00Z", "basic"),
            aged("else", "2024-06-09T12:00:00Z", "unheard"),
            Ticket {
                status: Some(Status::Closed),
                resolved_at: Some("2024-06-10T00:00:00Z".to_owned()),
                ..aged("done", "2024-06-01T00:00:00Z", "gold")
            },
        ],
        json!([]),
        json!({ "sla_policy": policy }),
    );
    let sla = |id: &str| points(&by_id[id], "sla");
    assert_eq!(
        (sla("fresh"), sla("half"), sla("late"), sla("over")),
        (None, Some(3.0), Some(7.0), Some(10.0))
    );
    assert_eq!((sla("basic"), sla("done"), sla("else")), (None, None, None));
    assert_eq!(points(&by_id["fresh"], "customer_tier"), Some(7.0));
    assert_eq!(points(&by_id["basic"], "customer_tier"), None);
    assert!(
        by_id["else"].unknown.iter().any(|u| u.starts_with("customer_tier: the SLA policy does not have"))
    );
    assert_eq!(by_id["over"].sla.as_ref().unwrap().remaining_hours, -8.0);
    assert_eq!(by_id["done"].standing, Standing::Resolved);
    assert_eq!(by_id["done"].rank, None);
    assert_eq!(output.prioritized_tickets.last().unwrap().ticket_id, "done");
    assert_eq!(output.summary.sla_hours.as_deref(), Some("wall_clock"));
}

#[test]
fn the_sources_priority_is_one_factor_and_disagreement_is_reported() {
    let with = |id: &str, subject: &str, priority| Ticket {
        priority: Some(priority),
        source_priority: Some(format!("{priority:?}")),
        ..ticket(id, subject)
    };
    let (by_id, output) = run(
        vec![
            with("trifle", "Typo in the footer", Priority::P0),
            with("crash", "App crashes on save", Priority::P0),
            with("down", "Production is down", Priority::P3),
            with("agreed", "Filter fails", Priority::P3),
        ],
        json!([]),
        json!({}),
    );
    assert_eq!((by_id["trifle"].priority, by_id["trifle"].levels_above_source), (Priority::P2, Some(-2)));
    assert_eq!(by_id["crash"].priority, Priority::P1);
    assert_eq!((by_id["down"].priority, by_id["down"].levels_above_source), (Priority::P1, Some(2)));
    assert_eq!(by_id["agreed"].levels_above_source, Some(0));
    assert_eq!((output.summary.n_source_priority, output.summary.n_disagree_with_source), (4, 3));
}

#[test]
fn teams_are_matched_by_their_matter() {
    let own = |id: &str, area: &str, component: &str| json!({ "ticket_id": id, "category": "bug", "product_area": area, "component": component });
    let teams = json!([
        { "name": "Web", "areas": ["frontend"], "components": ["editor"] },
        { "name": "Money", "product_areas": ["billing"], "members": ["Ann"] },
        "Search Team",
        { "name": "Idle", "products": ["nothing"] }
    ]);
    let (by_id, output) = run(
        vec![
            ticket("a", "Layout"),
            ticket("b", "Invoice"),
            ticket("c", "Query"),
            Ticket { assignee: Some("ann".to_owned()), ..ticket("d", "Layout") },
            ticket("e", "Else"),
        ],
        json!([
            own("a", "frontend", "editor"),
            own("b", "billing", "pdf"),
            own("c", "search index", "ranking"),
            own("d", "frontend", "canvas"),
            own("e", "unheard", "of")
        ]),
        json!({ "teams": teams }),
    );
    let team = |id: &str| by_id[id].route.team.as_str();
    assert_eq!(
        (team("a"), team("b"), team("c"), team("d"), team("e")),
        ("Web", "Money", "Search Team", "Money", "triage")
    );
    assert_eq!(by_id["a"].route.because, "component editor, product area frontend");
    assert_eq!(by_id["c"].route.because, "product area search index in the team's name");
    assert_eq!(output.routing.without_tickets, ["Idle"]);
    assert_eq!((output.routing.n_triage, output.routing.basis.as_str()), (1, "teams"));
    let money = output.routing.queues.iter().find(|q| q.team == "Money").unwrap();
    assert_eq!(
        (money.n, money.by_priority["P3"], &money.first_tickets),
        (2, 2, &vec!["b".to_owned(), "d".to_owned()])
    );
}

#[test]
fn without_teams_the_area_names_the_queue() {
    let (by_id, output) = run(
        vec![
            ticket("a", "Security issue in the editor"),
            Ticket { product: Some("shop".to_owned()), ..ticket("b", "x") },
            ticket("c", "x"),
        ],
        json!([{ "ticket_id": "a", "product_area": "frontend", "component": null }]),
        json!({}),
    );
    assert_eq!(by_id["a"].route.team, "frontend");
    assert_eq!(by_id["a"].route.expertise, ["frontend", "security"]);
    assert_eq!((by_id["b"].route.team.as_str(), by_id["c"].route.team.as_str()), ("shop", "triage"));
    assert_eq!(output.routing.basis, "areas");
}

#[test]
fn resolution_times_come_from_similar_tickets_and_open_ones_are_censored() {
    // Ten bugs resolved after 10, 20 … 100 hours, five questions after one hour.
    let mut tickets: Vec<Ticket> = (1..=10)
        .map(|i| Ticket {
            created_at: Some("2024-05-01T00:00:00Z".to_owned()),
            resolved_at: Some(format!("2024-05-{:02}T{:02}:00:00Z", 1 + i * 10 / 24, i * 10 % 24)),
            status: Some(Status::Closed),
            ..ticket(&format!("bug{i}"), "Layout")
        })
        .collect();
    tickets.extend((0..5).map(|i| Ticket {
        created_at: Some("2024-05-01T00:00:00Z".to_owned()),
        resolved_at: Some("2024-05-01T01:00:00Z".to_owned()),
        status: Some(Status::Closed),
        ..ticket(&format!("question{i}"), "How")
    }));
    tickets.push(Ticket { created_at: Some(AS_OF.to_owned()), ..ticket("new bug", "Layout") });
    tickets.push(Ticket { created_at: Some(AS_OF.to_owned()), ..ticket("new question", "How") });
    tickets
        .push(Ticket { created_at: Some("2024-05-01T00:00:00Z".to_owned()), ..ticket("old bug", "Layout") });
    tickets.push(Ticket { created_at: None, ..ticket("undated", "Layout") });
    let categories: Vec<Value> = tickets
        .iter()
        .map(|t| json!({ "ticket_id": t.id, "category": if t.id.contains("question") { "question" } else { "bug" } }))
        .collect();
    let (by_id, _) = run(tickets, json!(categories), json!({}));
    let bug = &by_id["new bug"].expected_resolution;
    assert_eq!((bug.basis.as_deref(), bug.n_resolved, bug.n_open), (Some("category bug"), Some(10), Some(2)));
    // Eleven at risk beyond age 0: the median is the sixth, since the old one is still open.
    assert_eq!((bug.n_at_risk, bug.median_hours), (Some(11), Some(60.0)));
    assert_eq!((bug.low_hours, bug.high_hours), (Some(20.0), Some(100.0)));
    // Five resolved questions are too few: all tickets are the basis.
    assert_eq!(by_id["new question"].expected_resolution.basis.as_deref(), Some("all tickets"));
    let old = &by_id["old bug"].expected_resolution;
    assert_eq!(old.median_hours, None);
    assert!(old.not_computable.as_ref().unwrap().contains("were open as long as this one"));
    let undated = by_id["undated"].expected_resolution.not_computable.as_deref();
    assert_eq!(undated, Some("the time of creation is unknown"));
    assert_eq!(by_id["bug1"].expected_resolution.not_computable.as_deref(), Some("resolved"));
}

#[test]
fn wrong_input_says_what_and_where() {
    let data = StructuredTickets { as_of: AS_OF.to_owned(), ..StructuredTickets::default() };
    let input = json!({
        "sla_policy": { "time_zone": "Nowhere/Else", "gold": { "resolution_hours": 1 } },
        "teams": ["A", "A", { "members": ["x"] }]
    });
    let run = execute(&data, &json!({ "categorized_tickets": [], "patterns": {} }), input);
    let PhaseError::InvalidInput(problems) = run.error() else { panic!("{:?}", run.error()) };
    let places: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(places, ["/sla_policy/time_zone", "/teams/1", "/teams/2"]);
    assert!(run.files.is_empty());
}

#[test]
fn no_tickets_give_an_empty_plan() {
    let (by_id, output) = run(Vec::new(), json!([]), json!({}));
    assert!(by_id.is_empty() && output.routing.queues.is_empty());
}

#[test]
fn the_real_tickets_get_a_sensible_mix() {
    for name in ["jest_operations", "react_vscode"] {
        let Some((input, expected)) = common::case(name) else { return };
        let data = common::structured(&input);
        // The true labels stand in for the classifier's categories.
        let categories: Vec<Value> = expected["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, label)| json!({ "ticket_id": id, "category": label, "categories": [{ "name": label, "confidence": 1.0 }] }))
            .collect();
        let categories = json!({ "categorized_tickets": categories, "patterns": {} });
        let run = execute(&data, &categories, json!({ "sla_policy": input["sla_policy"] }));
        let output: Output = serde_json::from_value(run.output().clone()).unwrap();
        let share = |p: &str| output.summary.by_priority[p] as f64 / output.summary.n as f64;
        println!(
            "{name}: {:?}, waiting {:?}",
            output.summary.by_priority, output.summary.waiting_by_priority
        );
        for t in output.prioritized_tickets.iter().filter(|t| t.standing.may_wait()).take(25) {
            let signs: Vec<_> = t.signs.iter().map(|s| (s.sign, s.words.as_str(), s.in_subject)).collect();
            println!(
                "{:?} {:5.1} {} {:?} {:?}",
                t.priority,
                t.score,
                t.subject,
                signs.first(),
                t.expected_resolution.median_hours
            );
        }
        assert!(share("P0") < 0.05, "P0 is the exception");
        assert!(share("P0") + share("P1") < 0.25);
        assert!(share("P2") > 0.1 && share("P3") > 0.3, "{name}: {:?}", output.summary.by_priority);
        if let Ok(folder) = std::env::var("HEDDLE_DUMP") {
            for (file, bytes) in &run.files {
                std::fs::write(format!("{folder}/{name}-{file}"), bytes).unwrap();
            }
        }
    }
}
