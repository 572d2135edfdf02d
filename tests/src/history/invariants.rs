//! What holds of what a host keeps at any moment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Found, Row, Rule, Snapshot};

pub(super) fn check(snapshot: &Snapshot, found: &mut Found) {
    let events = snapshot.events();
    for run in snapshot.rows("runs") {
        let id = run.text("id");
        let events = events.get(id).map_or(&[][..], Vec::as_slice);
        numbers(run, events, found);
        once(id, events, found);
        order(run, events, snapshot, found);
        end(run, events, snapshot, found);
    }
    for run in events.keys() {
        found.require(snapshot.row("runs", "id", run).is_some(), Rule::Runs, || {
            format!("there are events of run {run}, which is not there")
        });
    }
    results(snapshot, found);
    decisions(snapshot, &events, found);
    signals(snapshot, found);
    blobs(snapshot, found);
}

/// Events are numbered from 1 without gaps.
fn numbers(run: &Row, events: &[&Row], found: &mut Found) {
    let id = run.text("id");
    for (event, number) in events.iter().zip(1..) {
        if event.number("seq") != number {
            found
                .add(Rule::Events, format!("run {id}: event {} where {number} belongs", event.number("seq")));
            return;
        }
    }
    let (last, there) = (run.number("event_seq"), events.len());
    found.require(usize::try_from(last) == Ok(there), Rule::Events, || {
        format!("run {id}: its last event is {last}, and {there} are there")
    });
    for kind in ["run.created", "run.started"] {
        let n = events.iter().filter(|event| event.text("kind") == kind).count();
        found.require(n <= 1, Rule::Once, || format!("run {id} has {n} events {kind}"));
    }
    let first = events.first().map_or("none", |event| event.text("kind"));
    found.require(first == "run.created", Rule::Events, || format!("run {id}: its first event is {first}"));
}

/// No attempt has two results.
fn once(id: &str, events: &[&Row], found: &mut Found) {
    let mut ended = BTreeSet::new();
    for event in events.iter().filter(|event| matches!(event.text("kind"), "step.completed" | "step.failed"))
    {
        let Some(attempt) = event.json("data")["attempt"].as_i64() else { continue };
        let step = event.text("step");
        found.require(ended.insert((step, attempt)), Rule::Once, || {
            format!("run {id}: the result of attempt {attempt} of step {step} was committed twice")
        });
    }
}

/// No step begins before those that it comes after have ended, and nothing inside a step before the step itself.
fn order(run: &Row, events: &[&Row], snapshot: &Snapshot, found: &mut Found) {
    let id = run.text("id");
    let Some(plan) = snapshot.row("plans", "digest", run.text("plan")) else {
        found.add(Rule::Runs, format!("run {id}: its plan is not there"));
        return;
    };
    let needs = needs(&plan.json("body"));
    let mut ended: BTreeSet<&str> = BTreeSet::new();
    let mut begun: BTreeSet<&str> = BTreeSet::new();
    for event in events {
        let step = event.text("step");
        match event.text("kind") {
            "step.started" => {
                for need in needs.get(step).into_iter().flatten() {
                    found.require(ended.contains(need.as_str()), Rule::Order, || {
                        format!("run {id}: step {step} began before step {need} had ended")
                    });
                }
                let around = step.split(['[', '/']).next().unwrap_or_default();
                found.require(around == step || begun.contains(around), Rule::Order, || {
                    format!("run {id}: step {step} began before step {around}")
                });
                begun.insert(step);
                ended.remove(step);
            }
            "step.completed" | "step.failed" | "step.skipped" | "step.cancelled" => {
                ended.insert(step);
            }
            _ => {}
        }
    }
}

/// The steps that each step comes after: what it depends on, and whose results its expressions have. Those of joins are left
/// out: one that waits for some of them only does not wait for the others.
pub(super) fn needs(plan: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let steps = plan["workflow"]["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let names: BTreeSet<&str> = steps.iter().filter_map(|step| step["name"].as_str()).collect();
    let mut needs = BTreeMap::new();
    for step in steps.iter().filter(|step| step.get("join").is_none()) {
        let depends = step["depends_on"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // `q.true`: the case of a condition.
        let depends = depends.map(|name| name.split('.').next().unwrap_or_default().to_owned());
        let mut all: BTreeSet<String> = depends.collect();
        let text = step.to_string();
        for (at, part) in text.match_indices("steps.") {
            let name = text[at + part.len()..].split(|c: char| !c.is_alphanumeric() && c != '_').next();
            all.extend(name.filter(|name| names.contains(name)).map(str::to_owned));
        }
        needs.insert(step["name"].as_str().unwrap_or_default().to_owned(), all);
    }
    needs
}

/// A run that has completed has nothing left to do, and says so last.
fn end(run: &Row, events: &[&Row], snapshot: &Snapshot, found: &mut Found) {
    let (id, state) = (run.text("id"), run.text("state"));
    if !matches!(state, "completed" | "failed" | "cancelled") {
        return;
    }
    let last = events.last().map_or("none", |event| event.text("kind"));
    found.require(last == format!("run.{state}"), Rule::Events, || {
        format!("run {id} is {state}, and its last event is {last}")
    });
    for step in snapshot.rows("steps").iter().filter(|step| step.text("run_id") == id && state == "completed")
    {
        let there = step.text("state");
        found.require(matches!(there, "completed" | "skipped" | "failed"), Rule::Results, || {
            format!("run {id} is completed, and its step {} is {there}", step.text("name"))
        });
    }
}

/// The result of a step is that of the attempt that it names.
fn results(snapshot: &Snapshot, found: &mut Found) {
    let attempts: BTreeMap<(&str, &str, i64), &Row> = snapshot
        .rows("attempts")
        .iter()
        .map(|row| ((row.text("run_id"), row.text("step"), row.number("number")), row))
        .collect();
    for step in snapshot.rows("steps").iter().filter(|step| !step.is_null("result_attempt")) {
        let (run, name, number) = (step.text("run_id"), step.text("name"), step.number("result_attempt"));
        match attempts.get(&(run, name, number)) {
            None => {
                found.add(Rule::Results, format!("run {run}: attempt {number} of step {name} is not there"));
            }
            Some(attempt) => {
                found.require(attempt.text("output") == step.text("output"), Rule::Results, || {
                    format!("run {run}: the output of step {name} is not that of its attempt {number}")
                });
            }
        }
    }
}

/// Each approval was decided once, if it was.
fn decisions(snapshot: &Snapshot, events: &BTreeMap<&str, Vec<&Row>>, found: &mut Found) {
    let mut decided: BTreeMap<String, usize> = BTreeMap::new();
    for event in events.values().flatten().filter(|event| event.text("kind") == "approval.decided") {
        let approval = event.json("data")["approval"].as_str().unwrap_or_default().to_owned();
        *decided.entry(approval).or_default() += 1;
    }
    for approval in snapshot.rows("approvals") {
        let (id, state) = (approval.text("id"), approval.text("state"));
        let events = decided.remove(id).unwrap_or(0);
        let expected = usize::from(state == "decided");
        found.require(events == expected, Rule::Decisions, || {
            format!("approval {id} is {state}, and {events} events tell that it was decided")
        });
    }
    for (id, n) in decided {
        found.add(Rule::Decisions, format!("{n} events tell of approval {id}, which is not there"));
    }
}

/// An event from outside was taken by one step, if by any, and a step took one at the most.
fn signals(snapshot: &Snapshot, found: &mut Found) {
    let mut takers = BTreeSet::new();
    for signal in snapshot.rows("signals").iter().filter(|signal| !signal.is_null("taken_by")) {
        let taker = (signal.text("taken_by"), signal.text("taken_step"));
        found.require(takers.insert(taker), Rule::Signals, || {
            format!("{taker:?} took two events from outside")
        });
    }
}

/// Every blob that a row names is there, and every blob is what its name says, named or not: whoever writes the same bytes
/// again finds it and takes it for what it is called.
fn blobs(snapshot: &Snapshot, found: &mut Found) {
    let known: BTreeSet<(&str, &str)> =
        snapshot.rows("blobs").iter().map(|row| (row.text("tenant_id"), row.text("digest"))).collect();
    for (tenant, digest, size, who) in named(snapshot) {
        found.require(known.contains(&(&tenant, &digest)), Rule::Blobs, || {
            format!("blob {digest} has no row of its own, and is named by {who}")
        });
        match snapshot.blobs.get(&(tenant, digest.clone())) {
            None => found.add(Rule::Blobs, format!("blob {digest} is not there, and is named by {who}")),
            Some(blob) => found.require(blob.size == size, Rule::Blobs, || {
                format!("blob {digest} has {} bytes, and {who} says {size}", blob.size)
            }),
        }
    }
    for ((_, name), blob) in &snapshot.blobs {
        found.require(blob.digest == *name, Rule::Blobs, || {
            format!("what is called blob {name} is something else, of {} bytes", blob.size)
        });
    }
}

/// The columns that hold values: small ones themselves, large ones by their digests.
const VALUES: [(&str, &[&str]); 6] = [
    ("runs", &["input"]),
    ("steps", &["output", "expansion"]),
    ("attempts", &["output", "log", "shared", "expansion"]),
    ("host_calls", &["request", "answer"]),
    ("shared_state", &["value"]),
    ("signals", &["data"]),
];

/// Tenant, digest and size of every blob that is named, and who names it.
fn named(snapshot: &Snapshot) -> Vec<(String, String, u64, String)> {
    let mut all = Vec::new();
    for (table, columns) in VALUES {
        for row in snapshot.rows(table) {
            for column in columns {
                for (digest, size) in in_values(&row.json(column)) {
                    let run = ["run_id", "id"].map(|id| row.text(id)).join("");
                    let who = format!("{column} in {table} of {run} {}", row.text("name"));
                    all.push((row.text("tenant_id").to_owned(), digest, size, who));
                }
            }
        }
    }
    for table in ["artifacts", "uploads", "plugins"] {
        for row in snapshot.rows(table) {
            let who = format!("{table} {}{}", row.text("name"), row.text("filename"));
            let size = u64::try_from(row.number("size")).unwrap_or_default();
            all.push((row.text("tenant_id").to_owned(), row.text("digest").to_owned(), size, who));
        }
    }
    for run in snapshot.rows("runs") {
        for file in run.json("files").as_array().into_iter().flatten() {
            let (digest, size) = (file["digest"].as_str().unwrap_or_default(), file["size"].as_u64());
            let who = format!("a file of run {}", run.text("id"));
            all.push((run.text("tenant_id").to_owned(), digest.to_owned(), size.unwrap_or_default(), who));
        }
    }
    all
}

/// The blobs in a value, or in an object of values. A document itself is text there, and not looked into.
fn in_values(value: &Value) -> Vec<(String, u64)> {
    let Some(object) = value.as_object() else { return Vec::new() };
    match (object.get("blob").and_then(Value::as_str), object.get("size").and_then(Value::as_u64)) {
        (Some(digest), Some(size)) => vec![(digest.to_owned(), size)],
        _ => object.values().flat_map(in_values).collect(),
    }
}
