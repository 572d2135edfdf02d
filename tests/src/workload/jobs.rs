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
    /// Whether who asks for it waits for its end: an answer which the host gives from memory.
    pub(super) waits: bool,
}

impl Job {
    fn new(key: String, definition: Value, input: &Value) -> Self {
        let mut body = json!({ "input": input, "seed": 1, "as_of": "2026-01-01T00:00:00Z" });
        match definition {
            Value::String(workflow) => body["workflow"] = json!(workflow),
            definition => body["definition"] = definition,
        }
        Self { key, body, file: None, waits: false }
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

/// The jobs of a soak, one after the other without an end: runs of every kind, and of more kinds than [`jobs`] has.
pub fn endless(seed: u64) -> impl Iterator<Item = Job> + Send {
    let mut random = Random::new(seed);
    (0..).flat_map(move |round| {
        let mut all = round_of_jobs(&mut random, round);
        all.extend(more_jobs(&mut random, round));
        for job in &mut all {
            // The others wait for what is done when they are watched.
            let by_itself = ["chain", "large", "diamond", "map", "loop", "flaky", "shared", "part"];
            let kind = job.key.split('-').next().unwrap_or_default();
            job.waits = by_itself.contains(&kind) && random.below(2) == 0;
        }
        all
    })
}

fn more_jobs(random: &mut Random, round: usize) -> Vec<Job> {
    let token = json!({ "text": text(40, random) });
    let spin = json!({ "iterations": 100_000 * (1 + random.below(40)) });
    let length = 20_000 + random.below(100_000);
    let file = random.bytes(length as usize);
    let note = |name: &str, set: Value| json!({ "name": name, "phase": "echo/share", "input": set });
    let wanted = [
        ("question", json!({ "steps": asking() }), token.clone()),
        ("pieces", json!({ "steps": telling(), "files": {} }), json!({})),
        ("timer", then(json!({ "wait": { "seconds": 1 } })), json!({})),
        ("part", then(json!({ "workflow": { "name": "kept" } })), json!({})),
        (
            "licence",
            then(json!({ "phase": "echo/spin", "input": { "iterations": "input.iterations" },
                         "concurrency": { "key": "licence", "limit": 1 } })),
            spin,
        ),
        (
            "shared",
            json!({ "steps": [note("one", json!({ "set": "input.text" })),
                              { "name": "two", "phase": "echo/share", "depends_on": ["one"], "input": {} }] }),
            token,
        ),
    ];
    let job = |(name, mut definition, input): (&str, Value, Value)| {
        definition["name"] = json!(name);
        let job = Job::new(format!("{name}-{round}"), definition, &input);
        Job { file: (name == "pieces").then(|| file.clone()), ..job }
    };
    wanted.into_iter().map(job).collect()
}

/// A phase that shows how far it is some hundred times, from its first moment on, after another one.
fn telling() -> [Value; 3] {
    [
        json!({ "name": "before", "phase": "echo/noop" }),
        json!({ "name": "step", "phase": "echo/copy", "depends_on": ["before"],
                "input": { "from": "'input/f.bin'" }, "config": { "piece": 128 } }),
        json!({ "name": "after", "phase": "echo/noop", "depends_on": ["step"] }),
    ]
}

/// A phase that asks a person about the result of the step before it: what is asked carries that result.
fn asking() -> [Value; 3] {
    [
        json!({ "name": "before", "phase": "echo/echo", "input": { "text": "input.text" } }),
        json!({ "name": "step", "phase": "echo/ask", "input": { "told": "steps.before.output.input.text" } }),
        json!({ "name": "after", "phase": "echo/echo", "input": { "state": "string(steps.step.state)" } }),
    ]
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
