//! What the phases do that ask a person.

use std::hint::black_box;

use heddle_sdk::bindings::{
    Outcome, PhaseError,
    heddle::plugin::{approvals, artifacts},
};
use serde_json::json;

use super::{MIB, answers, done, shown};

fn ask(title: &str) -> Result<String, String> {
    approvals::request(&json!({ "title": title }).to_string())
}

pub(super) fn execute(phase: &str) -> Result<Outcome, PhaseError> {
    match phase {
        "ask_undeclared" => answers(&[shown(ask("May I?"))]),
        "ask_nonsense" => {
            let requests = [
                String::new(),
                "{".to_owned(),
                "[]".to_owned(),
                json!({ "message": "no title" }).to_string(),
                json!({ "title": "x".repeat(201) }).to_string(),
                json!({ "title": "t", "colour": "red" }).to_string(),
                json!({ "title": "t", "options": [] }).to_string(),
                json!({ "title": "t", "input_schema": { "$ref": "http://127.0.0.1:1/x" } }).to_string(),
                json!({ "title": "t", "message": "m".repeat(MIB) }).to_string(),
                format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
            ];
            answers(&requests.map(|request| shown(approvals::request(&request))))
        }
        "ask_many" => {
            for i in 0_u64.. {
                let _ = black_box(ask(&format!("Question {i}?")));
            }
            done("false")
        }
        "ask_huge" => answers(&[shown(ask(&"x".repeat(8 * MIB)))]),
        "ask_holding" => {
            let held = black_box(vec![1_u8; 64 * MIB]);
            let answer = shown(ask("Go on?"));
            done(json!([answer, held.len()]).to_string())
        }
        "ask_what_was_read" => {
            let read = artifacts::read("input/a.txt", 0, 10);
            let title = match &read {
                Ok(bytes) => format!("Is {} right?", String::from_utf8_lossy(bytes)),
                Err(_) => "Nothing could be read. Go on?".to_owned(),
            };
            answers(&[shown(ask(&title))])
        }
        other => Err(PhaseError::Failed(format!("no such crime: {other}"))),
    }
}
