//! What is quoted as evidence stands in the ticket; what a ticket denies is no evidence.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

mod common;

/// Each ticket's signs.
fn signs(scores: &Value) -> BTreeMap<String, Vec<Value>> {
    let tickets = scores["prioritized_tickets"].as_array().unwrap();
    let of =
        |t: &Value| (t["ticket_id"].as_str().unwrap().to_owned(), t["signs"].as_array().unwrap().clone());
    tickets.iter().map(of).collect()
}

#[test]
fn every_quotation_stands_in_its_ticket() {
    let real = ["react_vscode", "jest_operations"]
        .into_iter()
        .filter_map(|name| Some((name, common::case(name)?.0)));
    for (name, input) in real.chain([("sample", common::sample())]) {
        let all = common::analyse(name, &input);
        // What the reader can look at: the tickets as the run wrote them down.
        let structured = all.json("tickets_structured.json");
        let signs = signs(&all.json("priority_scores.json"));
        let mut n = 0;
        for ticket in structured["normalized_tickets"].as_array().unwrap() {
            let id = ticket["id"].as_str().unwrap();
            for sign in &signs[id] {
                let field = if sign["in_subject"] == true { "subject" } else { "description" };
                let words = sign["words"].as_str().unwrap();
                assert!(
                    !words.is_empty() && ticket[field].as_str().unwrap().contains(words),
                    "{name} {id}: {sign}"
                );
                n += 1;
            }
        }
        println!("{name}: {n} quotations");
        assert!(n > 50, "{name}: {n}");
        for entities in structured["extracted_entities"].as_array().unwrap() {
            let names = entities["severity_signs"].as_array().unwrap();
            for quote in entities["severity_quotes"].as_array().unwrap() {
                assert!(names.contains(&quote["sign"]), "{entities}");
            }
        }
    }
}

#[test]
fn what_the_sample_denies_is_no_evidence() {
    let all = common::analyse("sample", &common::sample());
    let signs = signs(&all.json("priority_scores.json"));
    let kinds =
        |id: &str| signs[id].iter().map(|s| s["sign"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    // "Online payments stuck in status pending" is no hang, "deleted drafts" are no lost data, and "This is not urgent."
    assert!(
        kinds("TW-2230").contains(&"payment".to_owned()) && !kinds("TW-2230").contains(&"hang".to_owned())
    );
    assert!(
        !kinds("TW-2072").contains(&"data_loss".to_owned())
            && !kinds("TW-2072").contains(&"urgent".to_owned())
    );
    assert_eq!(kinds("TW-2229"), Vec::<String>::new(), "a cancellation is neither urgent nor blocked");
    // An app that closes itself has crashed, in its reporter's own words.
    let crash = signs["TW-2165"].iter().find(|s| s["sign"] == "crash").unwrap();
    assert_eq!(
        (crash["words"].as_str(), crash["in_subject"].as_bool()),
        (Some("app closes itself"), Some(true))
    );
    let scores = all.json("priority_scores.json");
    let denied = scores["prioritized_tickets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["ticket_id"] == "TW-2072")
        .unwrap();
    assert!(denied["priority"] != "P0", "{denied:#}");
}

#[test]
fn denials_are_read_in_every_phase() {
    let texts = [
        "This is not urgent.",
        "There was no data loss.",
        "It isn\u{2019}t blocking us.",
        "It never crashes.",
        "The site was not down.",
        "It does not hang.",
        "Nobody is locked out? No, not urgent at all.",
    ];
    let ids: Vec<String> = (0..texts.len()).map(|at| format!("D{at}")).collect();
    let tickets = common::tickets(ids.iter().zip(texts).map(|(id, text)| {
        (
            id.as_str(),
            "2024-03-01T00:00:00Z",
            json!({ "status": "open", "subject": "Layout", "description": text }),
        )
    }));
    let all = common::analyse("denials", &json!({ "ticket_data": tickets, "as_of": "2024-03-02T00:00:00Z" }));
    let signs = signs(&all.json("priority_scores.json"));
    for (id, text) in ids.iter().zip(&texts[..6]) {
        assert!(signs[id].is_empty(), "{text}: {:?}", signs[id]);
    }
    assert!(signs["D6"].iter().all(|s| s["sign"] != "urgent"), "{:?}", signs["D6"]);
}
