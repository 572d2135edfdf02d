//! Whether what left the host rests on what is there, and all that is there was told.
//!
//! A phase's effects outside of the host are what it shows (progress), what it asks of people, and what is read of its result, or told of the run's end.
//! None of them may rest on a result that a crash undoes (output commit), or be there twice under two identities.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Ack, Found, Row, Rule, Snapshot, invariants::needs, promises::digest};

/// The run and the step.
type Place<'a> = (&'a str, &'a str);

fn place(row: &Row) -> Place<'_> {
    (row.text("run_id"), row.text("step"))
}

pub(super) fn check(acks: &[Ack], snapshot: &Snapshot, found: &mut Found) {
    let of_kind = |kind: &'static str| {
        snapshot.rows("events").iter().filter(move |event| event.text("kind") == kind).map(place)
    };
    let started: BTreeSet<Place<'_>> = of_kind("step.started").collect();
    let steps: BTreeMap<Place<'_>, &Row> =
        snapshot.rows("steps").iter().map(|row| ((row.text("run_id"), row.text("name")), row)).collect();
    for ack in acks {
        match ack {
            Ack::Shown { run, step } => {
                found.require(started.contains(&(run.as_str(), step.as_str())), Rule::Effects, || {
                    format!("run {run}: progress of step {step} was shown, and nothing tells that it began")
                });
            }
            Ack::Read { run, step, digest: seen } => {
                let kept = steps.get(&(run.as_str(), step.as_str())).map(|row| digest(&row.json("output")));
                found.require(kept.as_ref() == Some(seen), Rule::Effects, || {
                    format!("run {run}: the output of step {step} was read as {seen}, and is {kept:?}")
                });
            }
            Ack::Asked { run, step, approval, question } => {
                asked((run, step), approval, question, snapshot, &steps, found);
            }
            _ => {}
        }
    }
    let mut repeated: BTreeMap<Place<'_>, usize> = BTreeMap::new();
    of_kind("step.retrying").for_each(|place| *repeated.entry(place).or_default() += 1);
    asked_once(acks, snapshot, &repeated, found);
    attempted_once(snapshot, &repeated, found);
}

/// What was asked is kept as it was asked, and what it says of earlier results is so.
fn asked(
    (run, step): Place<'_>,
    approval: &str,
    question: &Value,
    snapshot: &Snapshot,
    steps: &BTreeMap<Place<'_>, &Row>,
    found: &mut Found,
) {
    let row = snapshot.row("approvals", "id", approval);
    let kept = row.is_some_and(|row| place(row) == (run, step) && row.json("request") == *question);
    found.require(kept, Rule::Effects, || {
        format!("run {run}: step {step} asked as {approval}: {question}; what is there: {row:?}")
    });
    let Some(told) = carried(question) else { return };
    let plan =
        snapshot.row("runs", "id", run).and_then(|run| snapshot.row("plans", "digest", run.text("plan")));
    let needs = plan.map(|plan| needs(&plan.json("body"))).unwrap_or_default();
    let mut before =
        needs.get(step).into_iter().flatten().filter_map(|name| steps.get(&(run, name.as_str())));
    found.require(before.any(|row| row.text("output").contains(&told)), Rule::Effects, || {
        format!("run {run}: step {step} asked about {told}, which is the result of no step before it")
    });
}

/// The earlier result that a question of `echo/ask` carries, if it does: its message is the phase's input.
fn carried(question: &Value) -> Option<String> {
    let message = question["message"].as_str()?;
    let input = message.strip_prefix("```json\n")?.split("\n```").next()?;
    let input: Value = serde_json::from_str(input).ok()?;
    Some(input["told"].as_str()?.to_owned())
}

/// A step asks under one identity, however often it is begun again, unless it is said to be repeated.
fn asked_once(acks: &[Ack], snapshot: &Snapshot, repeated: &BTreeMap<Place<'_>, usize>, found: &mut Found) {
    let mut identities: BTreeMap<Place<'_>, BTreeSet<&str>> = BTreeMap::new();
    for ack in acks {
        if let Ack::Asked { run, step, approval, .. } = ack {
            identities.entry((run, step)).or_default().insert(approval);
        }
    }
    for row in snapshot.rows("approvals") {
        identities.entry(place(row)).or_default().insert(row.text("id"));
    }
    for ((run, step), all) in identities {
        let most = 1 + repeated.get(&(run, step)).copied().unwrap_or_default();
        found.require(all.len() <= most, Rule::Effects, || {
            format!("run {run}: step {step} asked the same as {all:?}")
        });
    }
}

/// A step is begun under another identity only if it is said to be repeated.
fn attempted_once(snapshot: &Snapshot, repeated: &BTreeMap<Place<'_>, usize>, found: &mut Found) {
    let mut attempts: BTreeMap<Place<'_>, usize> = BTreeMap::new();
    for row in snapshot.rows("attempts") {
        *attempts.entry(place(row)).or_default() += 1;
    }
    for ((run, step), n) in attempts {
        let most = 1 + repeated.get(&(run, step)).copied().unwrap_or_default();
        found.require(n <= most, Rule::Effects, || {
            format!("run {run}: step {step} has {n} attempts, and {most} are accounted for")
        });
    }
}

/// All runs have ended, and everything that they did was told.
pub(super) fn check_at_the_end(acks: &[Ack], snapshot: &Snapshot, runs: usize, found: &mut Found) {
    let there = snapshot.rows("runs").len();
    found.require(there == runs, Rule::Runs, || format!("{runs} runs were asked for, {there} are there"));
    let mut told: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut ended, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for ack in acks {
        match ack {
            Ack::Told { event } => {
                *told.entry(event["run_id"].as_str().unwrap_or_default()).or_default() += 1;
            }
            Ack::Ended { run, .. } => _ = ended.insert(run.as_str()),
            Ack::Asked { approval, .. } => _ = asked.insert(approval.as_str()),
            _ => {}
        }
    }
    let worn: BTreeSet<&str> = snapshot
        .rows("attempts")
        .iter()
        .filter(|attempt| attempt.number("crashes") >= 3)
        .map(|attempt| attempt.text("run_id"))
        .collect();
    for run in snapshot.rows("runs") {
        let (id, state, last) = (run.text("id"), run.text("state"), run.number("event_seq"));
        // An attempt that has seen three hosts die is given up: it may be what kills them.
        found.require(state == "completed" || state == "failed" && worn.contains(id), Rule::Ends, || {
            format!("run {id} is {state}: {}", run.text("failure"))
        });
        found.require(ended.contains(id), Rule::Ends, || format!("nobody saw the end of run {id}"));
        let n = told.get(id).copied().unwrap_or_default();
        found.require(n == last, Rule::Effects, || format!("run {id}: of {last} events {n} were told"));
    }
    for row in snapshot.rows("approvals") {
        let id = row.text("id");
        found.require(asked.contains(id), Rule::Effects, || format!("nobody was asked approval {id}"));
    }
}
