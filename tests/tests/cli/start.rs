//! `heddle runs start`: what a start may say.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{Desk, library};

#[test]
fn a_run_is_started_at_a_server() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let start = ["runs", "start", "echo_diamond"];
    let server = desk.serve()?;
    let run = desk.json(&[&start[..], &["--wait", "--priority", "-3", "--json"]].concat())?;
    ensure!(run["state"] == "completed" && run["priority"] == -3, "{run}");
    let later = ["--start-at", "2999-01-01T00:00:00Z", "--no-auto-run"];
    let (said, _) = desk.ends(0, &[&start[..], &later[..]].concat())?;
    ensure!(said.contains("is pending and starts at 2999-01-01T00:00:00Z"), "{said}");
    for (more, said) in [
        (&["--input", "{"][..], "no JSON"),
        (&["--input", "[]"], "does not fit"),
        (&["--seed", "many"], "--seed"),
        (&["--as-of", "yesterday"], "--as-of"),
        (&["--file", "nowhere.txt"], "nowhere.txt cannot be read"),
        (&["--file", "."], "cannot be read"),
        (&["--idempotency-key", ""], "Idempotency-Key: give 1 to 255"),
    ] {
        let err = desk.refused(&[&start[..], more].concat())?;
        ensure!(err.contains(said), "{more:?}: {err}");
    }
    let (_, err) = desk.ends(2, &["runs", "start", "echo_dimond"])?;
    ensure!(err.contains("there is no workflow \"echo_dimond\"") && err.contains("echo_diamond"), "{err}");
    // A run that fails is told by the exit code of whoever waits for it.
    let input = r#"{"how": "failed"}"#;
    let (text, _) = desk.ends(1, &["runs", "start", &library("mend"), "--input", input, "--wait"])?;
    ensure!(text.contains("failed: step breaks: broken"), "{text}");
    server.stop()?;
    // Nobody would run it.
    let (_, err) = desk.ends(1, &start)?;
    ensure!(err.contains("heddle serve") && err.lines().count() == 1, "{err}");
    Ok(())
}

#[test]
fn a_start_names_definition_seed_time_and_key() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let server = desk.serve()?;
    let file = library("chain");
    let start = ["runs", "start", &file, "--input", r#"{"x": 1}"#, "--wait", "--json"];
    let more = ["--seed", "7", "--as-of", "2026-01-01T00:00:00Z"];
    let first = desk.json(&[&start[..], &more].concat())?;
    ensure!(first["workflow"] == "chain" && first["as_of"] == "2026-01-01T00:00:00.000000Z", "{first:#}");
    let second = desk.json(&[&start[..], &more].concat())?;
    let output = |run: &serde_json::Value| desk.json(&["runs", "output", run["id"].as_str().unwrap()]);
    ensure!(second["seed"] == first["seed"] && output(&first)? == output(&second)?);
    let third = desk.json(&[&start[..], &["--seed", "8", "--as-of", "2026-01-01T00:00:00Z"]].concat())?;
    ensure!(output(&third)? != output(&first)?, "another seed, another output");
    let err = desk.refused(&["workflow", "show", "chain"])?;
    ensure!(err.contains("there is no workflow"), "it was for these runs alone: {err}");
    let err = desk.refused(&["runs", "start", &file, "--version", "1.0.0"])?;
    ensure!(err.contains("either workflow") && err.contains("or definition"), "{err}");
    let err = desk.refused(&["runs", "start", "nowhere.yaml"])?;
    ensure!(err.contains("the definition nowhere.yaml cannot be read"), "{err}");

    let key = ["--idempotency-key", "order-7"];
    let once = desk.json(&[&start[..], &key].concat())?;
    let again = desk.json(&[&start[..], &key].concat())?;
    ensure!(once["id"] == again["id"], "{again:#}");
    let err = desk.refused(&["runs", "start", &file, "--input", r#"{"x": 2}"#, key[0], key[1]])?;
    ensure!(err.contains("was used for another request"), "{err}");
    server.stop()
}

#[test]
fn files_are_uploaded_for_the_run() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.write("notes.txt", "three words here");
    let server = desk.serve()?;
    let start = ["runs", "start", "echo_copy", "--input", r#"{"from": "input/notes.txt"}"#];
    let run = desk.json(&[&start[..], &["--file", "notes.txt", "--wait", "--json"]].concat())?;
    ensure!(run["files"][0]["name"] == "notes.txt" && run["files"][0]["size"] == 16, "{run:#}");
    ensure!(run["files"][0]["media_type"] == "text/plain" && run["state"] == "completed", "{run:#}");
    let id = run["id"].as_str().context("an id")?;
    ensure!(desk.json(&["runs", "output", id])?["copy"] == json!({ "bytes": 16 }));
    let err = desk.refused(&["runs", "start", &library("chain"), "--file", "notes.txt"])?;
    ensure!(err.contains("takes no files"), "{err}");
    server.stop()
}
