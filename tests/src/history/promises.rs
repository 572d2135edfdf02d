//! Whether what was acknowledged is so.

use std::collections::{BTreeMap, BTreeSet};

use heddle::model::Digest;
use serde_json::Value;

use super::{Ack, Found, Results, Row, Rule, Snapshot};

pub(super) fn check(acks: &[Ack], snapshot: &Snapshot, found: &mut Found) {
    let events = snapshot.events();
    let mut runs: BTreeMap<&str, &str> = BTreeMap::new();
    let mut signals: BTreeMap<&str, usize> = BTreeMap::new();
    for ack in acks {
        match ack {
            Ack::Listening { token } => found.require(
                snapshot.row("tokens", "hash", token).is_some() && snapshot.token.as_ref() == Some(token),
                Rule::Token,
                || "the admin's token that was told opens no more".to_owned(),
            ),
            Ack::Loaded { digest } => {
                found.require(snapshot.row("plugins", "digest", digest).is_some(), Rule::Kept, || {
                    format!("plugin {digest}")
                });
            }
            Ack::Granted { plugin, capability } => {
                let mut rows = snapshot.rows("grants").iter();
                let granted =
                    rows.any(|row| row.text("plugin") == plugin && row.text("capability") == capability);
                found.require(granted, Rule::Kept, || format!("{capability} for plugin {plugin}"));
            }
            Ack::Saved { workflow, version } => {
                let mut rows = snapshot.rows("workflows").iter();
                let saved = rows.any(|row| row.text("name") == workflow && row.text("version") == version);
                found.require(saved, Rule::Kept, || format!("workflow {workflow} {version}"));
            }
            Ack::Uploaded { id, digest } => {
                let row = snapshot.row("uploads", "id", id);
                let kept = row.is_some_and(|row| row.text("digest") == digest);
                found.require(kept, Rule::Kept, || format!("upload {id}"));
            }
            Ack::Started { run, key } => {
                started(run, key, snapshot, found);
                let earlier = runs.insert(key, run).is_none_or(|earlier| earlier == run);
                found.require(earlier, Rule::Runs, || format!("key {key} gave two runs"));
            }
            Ack::Told { event } => {
                let run = event["run_id"].as_str().unwrap_or_default();
                told(event, events.get(run).map_or(&[], Vec::as_slice), found);
            }
            Ack::Decided { approval, option } => {
                let row = snapshot.row("approvals", "id", approval);
                let state = row.map_or("not there", |row| row.text("state"));
                let chosen = row.map(|row| row.json("decision")["option"].clone()).unwrap_or_default();
                found.require(state == "decided" && chosen == **option, Rule::Decisions, || {
                    format!("approval {approval} was decided as {option}, and is {state}, as {chosen}")
                });
            }
            Ack::Signalled { key } => *signals.entry(key).or_default() += 1,
            Ack::Ended { run, results } | Ack::Over { run, results } => {
                ended(run, results, snapshot, found);
            }
            // See `effects`.
            Ack::Shown { .. } | Ack::Asked { .. } | Ack::Read { .. } => {}
        }
    }
    for (key, sent) in signals {
        let kept = snapshot.rows("signals").iter().filter(|row| row.text("key") == key).count();
        found.require(kept >= sent, Rule::Signals, || {
            format!("{sent} events {key} were sent, {kept} are there")
        });
    }
}

fn started(run: &str, key: &str, snapshot: &Snapshot, found: &mut Found) {
    found.require(snapshot.row("runs", "id", run).is_some(), Rule::Runs, || format!("run {run} is lost"));
    let given = snapshot.row("idempotency_keys", "key", key).map_or("no run", |row| row.text("run_id"));
    found.require(given == run, Rule::Runs, || format!("key {key} gave run {run}, and now gives {given}"));
}

fn told(event: &Value, events: &[&Row], found: &mut Found) {
    let run = &event["run_id"];
    let number = event["seq"].as_i64().unwrap_or_default();
    let row = usize::try_from(number - 1).ok().and_then(|at| events.get(at));
    match row {
        None => found.add(Rule::Events, format!("run {run}: event {number} was told and is lost")),
        Some(row) => {
            let same = event["type"] == row.text("kind")
                && event["step"].as_str().unwrap_or_default() == row.text("step")
                && event["data"] == row.json("data");
            found.require(same, Rule::Events, || {
                let kind = row.text("kind");
                format!("run {run}: event {number} was told as {}, and is {kind} now", event["type"])
            });
        }
    }
}

fn ended(run: &str, results: &Results, snapshot: &Snapshot, found: &mut Found) {
    let state = snapshot.row("runs", "id", run).map_or("lost", |row| row.text("state"));
    found.require(state == results.state, Rule::Results, || {
        format!("run {run} was seen {}, and is {state}", results.state)
    });
    let of_run = |table| snapshot.rows(table).iter().filter(move |row| row.text("run_id") == run);
    let outputs: BTreeMap<&str, String> =
        of_run("steps").map(|step| (step.text("name"), digest(&step.json("output")))).collect();
    for (step, seen) in &results.outputs {
        let kept = outputs.get(step.as_str());
        found.require(kept == Some(seen), Rule::Results, || {
            format!("run {run}: the output of step {step} was seen as {seen}, and is {kept:?}")
        });
    }
    let files: BTreeSet<(String, &str)> =
        of_run("artifacts").map(|row| (file_name(row), row.text("digest"))).collect();
    for (name, seen) in &results.files {
        found.require(files.contains(&(name.clone(), seen)), Rule::Results, || {
            format!("run {run}: file {name} was seen as {seen}, and is not so")
        });
    }
}

fn file_name(row: &Row) -> String {
    format!("{}/{}@{}", row.text("step"), row.text("name"), row.number("version"))
}

/// Of a value: a large one is named by it.
pub(super) fn digest(value: &Value) -> String {
    match (value["blob"].as_str(), value["json"].as_str()) {
        (Some(digest), _) => digest.to_owned(),
        (_, Some(text)) => Digest::of(text).to_string(),
        _ => "none".to_owned(),
    }
}
