//! Commands on runs in a data directory that nobody serves: what is done there and then, and what waits for a host.

use anyhow::{Context as _, Result, ensure};
use heddle_tests::PATIENCE;
use serde_json::{Value, json};

use crate::{Desk, library, step};

/// A desk on which a definition of the library was run, and the run's id.
fn ran(name: &str, input: &Value, code: i32) -> Result<(Desk, String)> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.write("input.json", input.to_string());
    let (out, _) =
        desk.ends(code, &["run", &library(name), "--input", "input.json", "--out", "out", "--json"])?;
    let result: Value = serde_json::from_str(&out)?;
    Ok((desk, result["run"]["id"].as_str().context("an id")?.to_owned()))
}

#[test]
fn a_fork_and_a_phase_by_itself_are_run_there_and_then() -> Result<()> {
    let (desk, id) = ran("chain", &json!({ "x": 3 }), 0)?;
    let (text, err) = desk.ends(0, &["runs", "fork", &id, "--step", "first", "--input", r#"{"x": 40}"#])?;
    ensure!(
        text.contains("completed (100 %)") && text.contains(&format!("forked from {id} at first")),
        "{text}"
    );
    ensure!(err.contains("step.completed third"), "{err}");
    let fork = text.split_whitespace().next().context("an id")?;
    ensure!(desk.json(&["runs", "output", fork])?["third"]["input"]["big"] == true);
    let alone = desk.json(&["runs", "execute", &id, "echo/echo", "--input", r#"{"a": 1}"#, "--json"])?;
    ensure!(alone["state"] == "completed" && step(&alone, "echo")["state"] == "completed", "{alone:#}");
    let found = desk.json(&["runs", "verify", fork, "--json"])?;
    ensure!(found["verified"] == true, "{found:#}");
    let err = desk.refused(&["runs", "fork", &id, "--step", "fourth"])?;
    ensure!(err.contains("it has: first, second, third, apart") && err.lines().count() == 1, "{err}");
    ensure!(!desk.data.path().join("server.json").exists());
    let (text, _) = desk.ends(0, &["runs", "delete", &id])?;
    ensure!(text.contains("is deleted"), "{text}");
    Ok(())
}

#[test]
fn a_fork_that_fails_is_told_by_the_exit_code() -> Result<()> {
    let (desk, id) = ran("mend", &json!({ "how": "failed" }), 1)?;
    let (text, _) = desk.ends(1, &["runs", "fork", &id, "--step", "breaks"])?;
    ensure!(text.contains("failed: step breaks: broken"), "{text}");
    let input = r#"{"how": "completed"}"#;
    let (text, _) = desk.ends(0, &["runs", "fork", &id, "--step", "breaks", "--input", input])?;
    ensure!(text.contains("completed (100 %)"), "{text}");
    Ok(())
}

#[test]
fn a_fork_that_asks_is_answered_from_another_terminal() -> Result<()> {
    let desk = Desk::new();
    desk.write("input.json", r#"{"name": "Ann"}"#);
    let file = library("checkpoint");
    let first = ["run", &file, "--input", "input.json", "--out", "out", "--decide", "review=send", "--json"];
    let id = desk.json(&first)?["run"]["id"].as_str().context("an id")?.to_owned();
    let fork = ["runs", "fork", &id, "--step", "review", "--json"];
    let child = desk.command(&fork).stdout(std::process::Stdio::piped()).spawn()?;
    desk.until_served()?;
    let begin = std::time::Instant::now();
    let approval = loop {
        let open = desk.json(&["approvals", "list", "--json"])?;
        if let Some(approval) = open[0]["id"].as_str() {
            break approval.to_owned();
        }
        ensure!(begin.elapsed() < PATIENCE, "nobody is asked");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    desk.ends(0, &["approvals", "decide", &approval, "later"])?;
    let output = child.wait_with_output()?;
    let run: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(output.status.success() && step(&run, "review")["state"] == "skipped", "{run:#}");
    Ok(())
}

#[test]
fn what_steers_waits_for_a_host_and_says_so() -> Result<()> {
    let (desk, id) = ran("mend", &json!({ "how": "failed" }), 1)?;
    let retry = ["runs", "retry", &id, "breaks", "--input", r#"{"how": "completed"}"#];
    let (out, err) = desk.ends(1, &retry)?;
    ensure!(out.is_empty() && err.contains("it is queued") && err.contains("heddle serve"), "{err}");
    ensure!(err.lines().count() == 1, "said once: {err}");
    ensure!(desk.run(&id)?["state"] == "failed");
    // What cannot be done is refused at once.
    let err = desk.refused(&["runs", "pause", &id])?;
    ensure!(err.contains("is failed: it has ended"), "{err}");
    let server = desk.serve()?;
    desk.until(&id, "completed")?;
    server.stop()
}
