//! Runs of every kind: chains, large documents, files, maps, loops, retries, people, events from outside.

use std::ops::Range;

use heddle_test_disk::Random;
use serde_json::{Value, json};

/// A run that is wanted.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its idempotency key.
    pub key: String,
    /// What to start, but for the file.
    pub(super) body: Value,
    /// A file to upload first.
    pub(super) file: Option<Vec<u8>>,
}

impl Job {
    fn new(key: String, definition: Value, input: &Value) -> Self {
        let mut body = json!({ "input": input, "seed": 1, "as_of": "2026-01-01T00:00:00Z" });
        match definition {
            Value::String(workflow) => body["workflow"] = json!(workflow),
            definition => body["definition"] = definition,
        }
        Self { key, body, file: None }
    }
}

/// Runs of every kind, once for each of these numbers, by a seed.
pub fn jobs(random: &mut Random, rounds: Range<usize>) -> Vec<Job> {
    rounds.flat_map(|round| round_of_jobs(random, round)).collect()
}

fn round_of_jobs(random: &mut Random, round: usize) -> Vec<Job> {
    let short = text(200, random);
    // Beyond 64 KiB a document becomes a blob.
    let long = text(70_000 + random.below(18_000), random);
    let key = format!("order-{round}-{}", random.number());
    let spin = 100_000 * (1 + random.below(40));
    let length = 1 + random.below(200_000);
    let n = json!({ "n": round });
    let wanted = [
        ("chain", json!({ "steps": chain(6) }), json!({ "text": short })),
        ("large", json!({ "steps": chain(3) }), json!({ "text": long })),
        ("diamond", json!("echo_diamond"), json!({ "iterations": spin })),
        ("copy", then(json!({ "phase": "echo/copy", "input": { "from": "'input/f.bin'" } })), json!({})),
        ("map", then(json!({ "map": each() })), json!({ "items": [1, 2, 3, 4], "text": long })),
        ("ask", then(json!({ "phase": "echo/ask" })), n.clone()),
        ("checkpoint", then(json!({ "checkpoint": { "title": "Shall it go on?", "show": "input" } })), n),
        ("event", then(json!({ "wait": { "event": "input.key" } })), json!({ "key": key })),
        ("loop", then(json!({ "loop": doubling() })), json!({})),
        ("flaky", then(flaky()), json!({})),
    ];
    let job = |(name, mut definition, input): (&str, Value, Value)| {
        if definition.is_object() {
            definition["name"] = json!(name);
        }
        let mut job = Job::new(format!("{name}-{round}"), definition, &input);
        if name == "copy" {
            job.body["definition"]["files"] = json!({});
            job.file = Some(random.bytes(length as usize));
        }
        job
    };
    wanted.into_iter().map(job).collect()
}

fn text(length: u64, random: &mut Random) -> String {
    random.bytes(length as usize / 2).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Steps one after the other, each with the output of the one before.
fn chain(length: usize) -> Vec<Value> {
    let text = |n: usize| match n {
        0 => "input.text".to_owned(),
        n => format!("steps.s{}.output.input.text + '{n}'", n - 1),
    };
    (0..length)
        .map(|n| json!({ "name": format!("s{n}"), "phase": "echo/echo", "input": { "text": text(n) } }))
        .collect()
}

/// A step, and one after it.
fn then(mut step: Value) -> Value {
    step["name"] = json!("step");
    let after = json!({ "name": "after", "phase": "echo/echo", "depends_on": ["step"],
                        "input": { "state": "string(steps.step.state)" } });
    json!({ "steps": [step, after] })
}

fn each() -> Value {
    let body = json!({ "phase": "echo/echo", "input": { "item": "item", "text": "input.text" } });
    json!({ "over": "input.items", "max_parallel": 2, "body": body })
}

fn doubling() -> Value {
    let body = json!({ "transform": "previous == null ? 1 : previous * 2" });
    json!({ "max_iterations": 5, "until": "previous >= 4", "body": body })
}

fn flaky() -> Value {
    let retry = json!({ "max_attempts": 3, "initial_delay_ms": 40, "factor": 1.0, "jitter": 0.0 });
    let how = json!({ "how": "'retryable'", "message": "'not yet'" });
    json!({ "phase": "echo/end", "input": how, "continue_on_failure": true, "retry": retry })
}
