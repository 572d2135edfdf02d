//! `heddle runs pause|resume|change|cancel|delete|retry|continue|skip|trigger|rollback|fork|execute|verify`, at a server.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Desk, library, step};

/// What a phase does for so long that nobody waits for it.
const LONG: u64 = 500_000_000_000;

fn echoing() -> Result<(Desk, heddle_tests::Server)> {
    let desk = Desk::new();
    desk.load_echo()?;
    let server = desk.serve()?;
    Ok((desk, server))
}

fn states<'a>(run: &'a Value, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| step(run, name)["state"].as_str().unwrap()).collect()
}

#[test]
fn a_run_is_paused_changed_resumed_skipped_and_deleted() -> Result<()> {
    let (desk, server) = echoing()?;
    let id = desk.start(&library("long"), &json!({ "iterations": LONG }), &[])?;
    desk.until_it(&id, |run| step(run, "first")["state"] == "running")?;
    ensure!(desk.refused(&["runs", "delete", &id])?.contains("is running: cancel it first"));
    ensure!(desk.refused(&["runs", "resume", &id])?.contains("is running: it cannot be resumed"));
    let (said, _) = desk.ends(0, &["runs", "pause", &id])?;
    ensure!(said.trim() == format!("run {id} is paused"), "{said}");
    ensure!(desk.refused(&["runs", "pause", &id])?.contains("is paused: it cannot be paused"));
    let (shown, _) = desk.ends(0, &["runs", "show", &id])?;
    ensure!(shown.contains("it is paused until somebody resumes it"), "{shown}");
    let (shown, _) = desk.ends(0, &["runs", "change", &id, "--priority", "-7", "--auto-run", "false"])?;
    ensure!(shown.contains("of long 0.1.0: paused"), "{shown}");
    let run = desk.json(&["runs", "change", &id, "--priority", "3", "--json"])?;
    ensure!(run["priority"] == 3 && run["auto_run"] == false, "{run:#}");
    let said = desk.refused(&["runs", "change", &id])?;
    ensure!(said.contains("--auto-run") && said.contains("--priority"), "{said}");
    ensure!(desk.refused(&["runs", "change", &id, "--auto-run", "maybe"])?.contains("true, false"));
    let run = desk.json(&["runs", "resume", &id, "--json"])?;
    ensure!(run["state"] == "running", "{run:#}");
    let said = desk.refused(&["runs", "skip", &id, "thrid"])?;
    ensure!(said.contains("there is no step thrid") && said.contains("it has: first, second"), "{said}");
    let (shown, _) = desk.ends(0, &["runs", "skip", &id, "first", "--reason", "it takes too long"])?;
    ensure!(shown.contains("it takes too long"), "{shown}");
    desk.ends(0, &["runs", "skip", &id, "second"])?;
    desk.until(&id, "completed")?;
    ensure!(desk.refused(&["runs", "pause", &id])?.contains("is completed: it has ended"));
    ensure!(desk.refused(&["runs", "cancel", &id])?.contains("is completed: it has ended"));
    let deleted = desk.json(&["runs", "delete", &id, "--json"])?;
    ensure!(deleted == json!({ "deleted": id }), "{deleted}");
    for gone in [&["runs", "show", &id][..], &["runs", "delete", &id], &["runs", "pause", &id]] {
        ensure!(desk.refused(gone)?.contains("there is no run"), "{gone:?}");
    }
    ensure!(desk.refused(&["runs", "show", "run_1"])?.contains("run_1"));
    let id = desk.start(&library("long"), &json!({ "iterations": LONG }), &[])?;
    let run = desk.json(&["runs", "cancel", &id, "--json"])?;
    ensure!(run["state"] == "cancelled", "{run:#}");
    let (said, _) = desk.ends(0, &["runs", "delete", &id])?;
    ensure!(said.trim() == format!("run {id} is deleted"), "{said}");
    server.stop()
}

#[test]
fn what_failed_is_retried_with_another_input() -> Result<()> {
    let (desk, server) = echoing()?;
    let id = desk.start(&library("mend"), &json!({ "how": "failed" }), &[])?;
    desk.until(&id, "failed")?;
    let (shown, _) = desk.ends(0, &["runs", "show", &id])?;
    ensure!(shown.contains("failed: step breaks: broken") && shown.contains("step breaks failed"), "{shown}");
    let (shown, _) = desk.ends(0, &["runs", "retry", &id])?;
    ensure!(shown.contains("of mend 0.1.0: "), "{shown}");
    let run = desk.until(&id, "failed")?;
    ensure!(step(&run, "breaks")["attempt"] == 2, "{run:#}");
    let said = desk.refused(&["runs", "retry", &id, "--input", "{}"])?;
    ensure!(said.contains("name the step"), "{said}");
    let said = desk.refused(&["runs", "retry", &id, "breaks", "--input", "{"])?;
    ensure!(said.contains("no JSON"), "{said}");
    let said = desk.refused(&["runs", "retry", &id, "breaks", "--input", "@nowhere.json"])?;
    ensure!(said.contains("nowhere.json cannot be read"), "{said}");
    let said = desk.refused(&["runs", "retry", &id, "breaks", "--input", r#"{"how": "so-so"}"#])?;
    ensure!(said.contains("does not fit phase echo/end") && said.contains("so-so"), "{said}");
    desk.write("well.json", r#"{"how": "completed"}"#);
    let run = desk.json(&["runs", "retry", &id, "breaks", "--input", "@well.json", "--json"])?;
    ensure!(run["id"] == id.as_str(), "{run:#}");
    let run = desk.until(&id, "completed")?;
    ensure!(states(&run, &["before", "breaks", "after"]) == ["completed"; 3], "{run:#}");
    let said = desk.refused(&["runs", "retry", &id])?;
    ensure!(said.contains("no step of it failed; name the step"), "{said}");
    server.stop()
}

#[test]
fn results_wait_for_reviews_and_steps_are_triggered() -> Result<()> {
    let (desk, server) = echoing()?;
    let id = desk.start(&library("chain"), &json!({ "x": 3 }), &["--no-auto-run"])?;
    let run = desk.until(&id, "waiting_approval")?;
    ensure!(states(&run, &["first", "second"]) == ["awaiting_review", "pending"], "{run:#}");
    let said = desk.refused(&["runs", "continue", &id, "second"])?;
    ensure!(said.contains("second is pending, not awaiting_review"), "{said}");
    desk.write("prompt.md", "Sing.");
    desk.ends(0, &["runs", "retry", &id, "first", "--prompt-file", "prompt.md"])?;
    desk.until_it(&id, |run| {
        step(run, "first")["attempt"] == 2 && step(run, "first")["state"] == "awaiting_review"
    })?;
    ensure!(desk.json(&["runs", "output", &id, "first"])?["prompt"] == "Sing.");
    let said = desk.refused(&["runs", "retry", &id, "first", "--prompt", "a", "--prompt-file", "b"])?;
    ensure!(said.contains("cannot be used with"), "{said}");
    let said = desk.refused(&["runs", "trigger", &id, "third"])?;
    ensure!(said.contains("step third needs step second, which is pending"), "{said}");
    let (shown, _) = desk.ends(0, &["runs", "continue", &id, "first"])?;
    ensure!(shown.contains("of chain 0.1.0"), "{shown}");
    desk.until_it(&id, |run| step(run, "second")["state"] == "awaiting_review")?;
    let input = r#"{"big": "by hand"}"#;
    let run = desk.json(&["runs", "trigger", &id, "second", "--input", input, "--json"])?;
    ensure!(step(&run, "second")["attempt"] == 2, "{run:#}");
    desk.until_it(&id, |run| step(run, "second")["state"] == "awaiting_review")?;
    ensure!(desk.json(&["runs", "output", &id, "second"])?["input"]["big"] == "by hand");
    desk.ends(0, &["runs", "change", &id, "--auto-run", "true"])?;
    desk.until(&id, "completed")?;
    server.stop()
}

#[test]
fn an_earlier_result_counts_again() -> Result<()> {
    let (desk, server) = echoing()?;
    let id = desk.start(&library("chain"), &json!({ "x": 3 }), &["--wait"])?;
    desk.ends(0, &["runs", "retry", &id, "first", "--input", r#"{"x": 40}"#])?;
    desk.until(&id, "completed")?;
    ensure!(desk.json(&["runs", "output", &id])?["third"]["input"]["big"] == true);
    for (more, said) in [
        (&["first"][..], "--attempt"),
        (&["first", "--attempt", "9"], "there is no attempt 9 at step first"),
        (&["fisrt", "--attempt", "1"], "it has: first, second, third, apart"),
        (&["first", "--artifact", "report.md"], "report.md@1"),
        (&["first", "--artifact", "report.md@3"], "there is no artifact first/report.md"),
    ] {
        let err = desk.refused(&[&["runs", "rollback", &id], more].concat())?;
        ensure!(err.contains(said), "{more:?}: {err}");
    }
    let (shown, _) = desk.ends(0, &["runs", "rollback", &id, "first", "--attempt", "1"])?;
    ensure!(shown.contains("of chain 0.1.0"), "{shown}");
    desk.until(&id, "completed")?;
    ensure!(desk.json(&["runs", "output", &id])?["third"]["input"]["big"] == false);
    // By the version of a file that the result has.
    desk.write("a.txt", "three words here");
    desk.write("b.txt", "two words");
    let files = ["--file", "a.txt", "--file", "b.txt", "--wait"];
    let id = desk.start("echo_copy", &json!({ "from": "input/a.txt" }), &files)?;
    desk.ends(0, &["runs", "retry", &id, "copy", "--input", r#"{"from": "input/b.txt"}"#])?;
    desk.until(&id, "completed")?;
    ensure!(desk.json(&["runs", "output", &id, "copy"])?["bytes"] == 9);
    let run = desk.json(&["runs", "rollback", &id, "copy", "--artifact", "copy.bin@1", "--json"])?;
    ensure!(run["id"] == id.as_str(), "{run:#}");
    desk.until(&id, "completed")?;
    ensure!(desk.json(&["runs", "output", &id, "copy"])?["bytes"] == 16);
    server.stop()
}

#[test]
fn runs_are_forked_phases_run_alone_and_results_verified() -> Result<()> {
    let (desk, server) = echoing()?;
    let id = desk.start(&library("chain"), &json!({ "x": 3 }), &["--wait"])?;
    let (shown, _) = desk.ends(0, &["runs", "fork", &id, "--step", "second"])?;
    ensure!(shown.contains(&format!("forked from {id} at second")), "{shown}");
    let fork = desk.json(&["runs", "fork", &id, "--step", "first", "--input", r#"{"x": 50}"#, "--json"])?;
    ensure!(fork["forked_from"] == id.as_str() && fork["forked_at"] == "first", "{fork:#}");
    let fork = fork["id"].as_str().context("an id")?;
    desk.until(fork, "completed")?;
    ensure!(desk.json(&["runs", "output", fork])?["third"]["input"]["big"] == true);
    let forks = desk.json(&["runs", "list", "--forked-from", &id, "--json"])?;
    ensure!(forks.as_array().is_some_and(|forks| forks.len() == 2), "{forks:#}");
    for (more, said) in [
        (&["--step", "fourth"][..], "it has: first, second, third, apart"),
        (&["--input", "{}"], "name the step"),
    ] {
        let err = desk.refused(&[&["runs", "fork", &id], more].concat())?;
        ensure!(err.contains(said), "{more:?}: {err}");
    }

    let alone = desk.json(&["runs", "execute", &id, "second", "--input", r#"{"big": 1}"#, "--json"])?;
    let alone = alone["id"].as_str().context("an id")?;
    desk.until(alone, "completed")?;
    ensure!(desk.json(&["runs", "output", alone])?["second"]["input"] == json!({ "big": 1 }));
    let (shown, _) = desk.ends(0, &["runs", "execute", &id, "echo/noop", "--input", "{}"])?;
    ensure!(shown.contains("forked from") && shown.contains("noop"), "{shown}");
    for (more, said) in [
        (&["echo/echo"][..], "input: the phase needs one"),
        (&["echo/sing", "--input", "{}"], "there is no phase echo/sing"),
        (&["choir/sing", "--input", "{}"], "there is no plugin choir"),
        (&["second", "--config", "{"], "it is no JSON"),
    ] {
        let err = desk.refused(&[&["runs", "execute", &id], more].concat())?;
        ensure!(err.contains(said), "{more:?}: {err}");
    }

    let (shown, _) = desk.ends(0, &["runs", "verify", &id])?;
    ensure!(shown.contains("verified: everything") && shown.contains("apart"), "{shown}");
    let found = desk.json(&["runs", "verify", &id, "--json"])?;
    ensure!(found["verified"] == true && found["steps"].as_array().unwrap().len() == 4, "{found:#}");
    let running = desk.start(&library("long"), &json!({ "iterations": LONG }), &[])?;
    ensure!(desk.refused(&["runs", "verify", &running])?.contains("only one that has ended can be verified"));
    desk.ends(0, &["runs", "cancel", &running])?;
    server.stop()
}
