//! `heddle run FILE.yaml` for every definition of `tests/workflows`.

use std::{
    collections::BTreeSet,
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::PATIENCE;
use serde_json::{Value, json};

use crate::{Desk, library};

/// A definition, its input, what else the command line says, and the output (JSON) of one of its steps.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str, &'static str);

/// Those that complete.
const COMPLETE: &[Case] = &[
    ("ask", "{}", &["--decide", "ask=approve"], "after", r#"["approve"]"#),
    ("cases", r#"{"n": 50}"#, &[], "not_small", r#""m or l: medium""#),
    ("chain", r#"{"x": 3}"#, &["--seed", "1"], "second", "*"),
    ("checkpoint", r#"{"name": "Ann"}"#, &["--decide", "review=send"], "sent", r#"{"text":"Dear Ann"}"#),
    ("concurrency", r#"{"items": [0, 1]}"#, &["--slots", "2"], "each", "*"),
    ("condition", r#"{"amount": 1000}"#, &[], "either", r#"{"by_hand":"a person looks at it"}"#),
    ("continue_on_failure", "{}", &[], "after", r#""without it""#),
    ("deadline", "{}", &[], "after", r#"{"decided_by":"deadline","without":"failed"}"#),
    ("fallback", r#"{"how": "failed"}"#, &[], "after", "false"),
    ("join", r#"{"both": true}"#, &[], "all", r#"{"always":1,"sometimes":2}"#),
    ("long", r#"{"iterations": 10}"#, &[], "first", "*"),
    ("loop", r#"{"limit": 50}"#, &[], "grow", r#"{"result":64,"iterations":7}"#),
    ("loop_limit", "{}", &[], "after", r#"{"strict":"failed","lenient":{"result":2,"iterations":3}}"#),
    ("map", r#"{"items": ["a", "b"]}"#, &[], "indices", "[0,1]"),
    (
        "map_failures",
        r#"{"ends": [{"how": "failed", "message": "no"}, {"how": "completed"}]}"#,
        &[],
        "failed",
        "[0]",
    ),
    ("map_of_workflows", r#"{"numbers": [1, 2]}"#, &[], "each", "*"),
    ("mapping", r#"{"wanted": {"name": "x"}}"#, &[], "keys", "*"),
    ("mend", r#"{"how": "completed"}"#, &[], "after", "{}"),
    ("part", r#"{"n": 4}"#, &[], "double", "8"),
    ("priority", r#"{"iterations": 10}"#, &["--slots", "1"], "high", "*"),
    ("resting", r#"{"kind": "person", "id": "7"}"#, &["--decide", "decided=approve"], "after", "*"),
    ("retry", "{}", &[], "", ""),
    ("shared_state", r#"{"note": "n"}"#, &[], "two", "*"),
    ("skip", r#"{"cheap": true}"#, &[], "after", r#""skipped""#),
    ("sub_workflow", r#"{"n": 3}"#, &[], "four_times", "12"),
    ("timeout", "{}", &[], "", ""),
    (
        "transform",
        r#"{"price": 2.5, "quantity": 4}"#,
        &["--as-of", "2026-01-01T00:00:00Z"],
        "text",
        r#""total 10""#,
    ),
    ("triage", r#"{"text": "short"}"#, &[], "analyse", "*"),
    ("wait_deadline", r#"{"id": "a"}"#, &[], "after", r#"{"strict":"failed","lenient":"deadline"}"#),
    (
        "wait_event",
        r#"{"order": "7"}"#,
        &["--signal", r#"order-7-paid={"amount": 3}"#],
        "ship",
        r#"{"order":"7","amount":3}"#,
    ),
    ("wait_time", "{}", &[], "after", r#"{"woken_by":["time","time"]}"#),
];

/// One whose steps take longer than anybody waits.
const ENDLESS: &str = "long_map";

#[test]
fn every_definition_is_run_here() -> Result<()> {
    let here: BTreeSet<String> =
        COMPLETE.iter().map(|case| case.0.to_owned()).chain([ENDLESS.to_owned()]).collect();
    let there: BTreeSet<String> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/workflows"))?
        .map(|entry| Ok(entry?.path().file_stem().context("a name")?.to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    ensure!(here == there, "{:?}", here.symmetric_difference(&there));
    Ok(())
}

/// What all of them need: the plugin, what it may do, and the part that others are made of.
fn desk() -> Result<Desk> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.ends(0, &["plugin", "grant", "echo", "approvals"])?;
    desk.ends(0, &["workflow", "create", &library("part")])?;
    Ok(desk)
}

/// Run each of these, first for people and then for programs.
fn complete(cases: impl Iterator<Item = &'static Case>) -> Result<()> {
    let desk = desk()?;
    for (name, input, more, step, output) in cases {
        desk.write("input.json", input);
        let (file, out) = (library(name), format!("out/{name}"));
        let run = [&["run", &file, "--input", "input.json", "--out", &out], *more].concat();
        let (text, err) = desk.ends(0, &run).with_context(|| *name)?;
        ensure!(text.contains(&format!("completed; results in {out}")), "{name}: {text}");
        ensure!(
            err.contains(&format!(" of {name}\n")) && err.trim_end().ends_with("run.completed"),
            "{name}: {err}"
        );
        let result = desk.json(&[&run[..], &["--force", "--json"]].concat()).with_context(|| *name)?;
        ensure!(result["run"]["state"] == "completed" && result["out"] == out.as_str(), "{result:#}");
        ensure!(result["run"]["workflow"] == *name, "{result:#}");
        let provenance: Value = serde_json::from_slice(&fs::read(desk.path(&format!("{out}/run.json")))?)?;
        ensure!(provenance["run"] == result["run"]["id"], "{provenance:#}");
        if !step.is_empty() {
            let saved: Value =
                serde_json::from_slice(&fs::read(desk.path(&format!("{out}/{step}/output.json")))?)?;
            ensure!(*output == "*" || saved == serde_json::from_str::<Value>(output)?, "{name}: {saved}");
        }
    }
    Ok(())
}

#[test]
fn the_first_of_the_library_complete() -> Result<()> {
    complete(COMPLETE.iter().step_by(3))
}

#[test]
fn the_second_of_the_library_complete() -> Result<()> {
    complete(COMPLETE.iter().skip(1).step_by(3))
}

#[test]
fn the_third_of_the_library_complete() -> Result<()> {
    complete(COMPLETE.iter().skip(2).step_by(3))
}

#[test]
fn what_a_run_asks_is_decided_by_the_command_line_or_from_another_terminal() -> Result<()> {
    let desk = desk()?;
    desk.write("long.json", json!({ "text": "long ".repeat(300) }).to_string());
    let triage = library("triage");
    let run = ["run", &triage, "--input", "long.json", "--out", "out"];
    let result = desk.json(&[&run[..], &["--decide", "approve=approve", "--json"]].concat())?;
    ensure!(crate::step(&result["run"], "approve")["state"] == "completed", "{result:#}");
    for (decision, said) in [
        ("aprove=approve", "did you mean \"approve\"?"),
        ("approve=perhaps", "there is no option \"perhaps\""),
        ("approve", "NAME=VALUE"),
    ] {
        let err = desk.refused(&[&run[..], &["--force", "--decide", decision]].concat())?;
        ensure!(err.contains(said), "{decision}: {err}");
    }
    let err = desk.refused(&[&run[..], &["--force", "--signal", "key={"]].concat())?;
    ensure!(err.contains("no JSON"), "{err}");
    // An option that fails its step, and a failure that is told.
    desk.write("ann.json", r#"{"name": "Ann"}"#);
    let checkpoint = library("checkpoint");
    let never = ["run", &checkpoint, "--input", "ann.json", "--out", "never", "--decide", "review=never"];
    let (text, _) = desk.ends(1, &never)?;
    ensure!(text.contains("review failed (rejected)") && !desk.path("never").exists(), "{text}");
    let (text, _) = desk.ends(1, &["run", &library("mend"), "--input", "ann.json", "--out", "never"])?;
    ensure!(text.contains("failed (") && text.contains("no results were saved"), "{text}");
    Ok(())
}

/// Begin a run, and wait until its step is as wanted. Returns the process and the run's id.
fn begin(desk: &Desk, arguments: &[&str], step: &str, state: &str) -> Result<(std::process::Child, String)> {
    let child = desk.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    desk.until_served()?;
    let begin = Instant::now();
    loop {
        ensure!(begin.elapsed() < PATIENCE, "it does not begin");
        std::thread::sleep(Duration::from_millis(50));
        let runs = desk.json(&["runs", "list", "--json"])?;
        let Some(id) = runs[0]["id"].as_str().filter(|_| runs[0]["state"] != "completed") else { continue };
        let run = desk.run(id)?;
        if run["steps"].as_array().unwrap().iter().any(|s| s["name"] == step && s["state"] == state) {
            return Ok((child, id.to_owned()));
        }
    }
}

#[test]
fn a_run_is_reviewed_from_another_terminal() -> Result<()> {
    let desk = desk()?;
    desk.write("input.json", r#"{"x": 3}"#);
    let file = library("chain");
    let run = ["run", &file, "--input", "input.json", "--out", "out", "--review", "--json"];
    let (child, id) = begin(&desk, &run, "first", "awaiting_review")?;
    desk.ends(0, &["runs", "retry", &id, "first", "--input", r#"{"x": 30}"#])?;
    desk.until_it(&id, |run| {
        crate::step(run, "first")["attempt"] == 2 && crate::step(run, "first")["state"] == "awaiting_review"
    })?;
    desk.ends(0, &["runs", "continue", &id, "first"])?;
    desk.ends(0, &["runs", "skip", &id, "apart"])?;
    desk.ends(0, &["runs", "change", &id, "--auto-run", "true"])?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr)?;
    ensure!(said.contains(&format!("heddle runs continue {id} STEP")), "{said}");
    let second: Value = serde_json::from_slice(&fs::read(desk.path("out/second/output.json"))?)?;
    ensure!(second["input"]["big"] == true, "{second}");
    Ok(())
}

#[test]
fn an_endless_run_is_cancelled_from_another_terminal() -> Result<()> {
    let desk = desk()?;
    desk.write("input.json", r#"{"items": [0, 1, 2]}"#);
    let file = library(ENDLESS);
    let run = ["run", &file, "--input", "input.json", "--out", "out"];
    let (child, id) = begin(&desk, &run, "each[0]", "running")?;
    let (text, _) = desk.ends(0, &["runs", "cancel", &id])?;
    ensure!(text.trim() == format!("run {id} is cancelled"), "{text}");
    let output = child.wait_with_output()?;
    ensure!(output.status.code() == Some(1) && !desk.path("out").exists(), "{output:?}");
    Ok(())
}
