//! `heddle runs output|logs|events` and the filters of `runs list`, at a server and without one.

use anyhow::{Context as _, Result, ensure};
use heddle_tests::PATIENCE;
use serde_json::{Value, json};

use crate::{Desk, library};

#[test]
fn a_run_is_looked_at_from_all_sides_with_a_server_and_without() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let server = desk.serve()?;
    let id = desk.start(&library("chain"), &json!({ "x": 3 }), &["--wait"])?;
    let failed = desk.start(&library("mend"), &json!({ "how": "failed" }), &[])?;
    desk.until(&failed, "failed")?;
    let mut seen = Vec::new();
    for served in [true, false] {
        if !served {
            server_stops(&desk, &id)?;
        }
        let mut all = String::new();
        for arguments in [
            &["runs", "output", &id][..],
            &["runs", "output", &id, "first"],
            &["runs", "logs", &id],
            &["runs", "logs", &id, "first", "--attempt", "1", "--json"],
            &["runs", "events", &id],
            &["runs", "events", &id, "--json", "--after", "3", "--follow"],
            &["runs", "logs", &failed, "after"],
        ] {
            all.push_str(&desk.ends(0, arguments)?.0);
        }
        seen.push(all);
        let output = desk.json(&["runs", "output", &id])?;
        ensure!(output["third"]["input"] == json!({ "big": false }), "{output}");
        let logs = desk.json(&["runs", "logs", &id, "--json"])?;
        let of: Vec<&Value> = logs.as_array().unwrap().iter().map(|log| &log["step"]).collect();
        ensure!(of == ["first", "second", "third", "apart"], "{logs:#}");
        ensure!(logs[0]["attempt"] == 1 && logs[0]["lines"][0]["message"] == "echo", "{logs:#}");
        let (text, _) = desk.ends(0, &["runs", "logs", &id, "second"])?;
        ensure!(text.starts_with("second +") && text.trim_end().ends_with("info: echo"), "{text}");
        let (lines, _) = desk.ends(0, &["runs", "events", &id, "--json"])?;
        let events: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(events.iter().zip(1..).all(|(event, number)| event["seq"] == number), "{lines}");
        let kinds = (&events[0]["type"], &events.last().context("events")?["type"]);
        ensure!(kinds == (&json!("run.created"), &json!("run.completed")), "{lines}");
        let (text, _) = desk.ends(0, &["runs", "events", &id])?;
        ensure!(text.lines().count() == events.len() && text.contains("step.ready third"), "{text}");

        for (arguments, said) in [
            (&["runs", "output", &failed][..], "is failed"),
            (&["runs", "output", &failed, "breaks"], "there is no output of step breaks"),
            (&["runs", "output", &id, "fist"], "it has: first, second, third, apart"),
            (&["runs", "logs", &id, "fist"], "did you mean \"first\"?"),
            (&["runs", "logs", &id, "first", "--attempt", "7"], "there is no attempt"),
            (&["runs", "logs", &id, "--attempt", "7"], "<STEP>"),
            (&["runs", "events", "run_00000000000000000000000000"], "there is no run"),
        ] {
            let err = desk.refused(arguments)?;
            ensure!(err.contains(said), "{arguments:?}: {err}");
        }
    }
    ensure!(seen[0] == seen[1], "the same from the directory as from the server");
    drop(server);
    Ok(())
}

/// Stop the server on the desk's data directory, by the process that its file names.
fn server_stops(desk: &Desk, id: &str) -> Result<()> {
    let file = desk.data.path().join("server.json");
    let server: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    let pid = server["pid"].to_string();
    ensure!(std::process::Command::new("kill").args(["-TERM", &pid]).status()?.success());
    let begin = std::time::Instant::now();
    while file.exists() || desk.ends(0, &["runs", "show", id]).is_err() {
        ensure!(begin.elapsed() < PATIENCE, "it does not stop");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn what_happens_is_followed_to_its_end() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let server = desk.serve()?;
    let id = desk.start(&library("wait_event"), &json!({ "order": "7" }), &[])?;
    desk.until_it(&id, |run| crate::step(run, "paid")["state"] == "waiting")?;
    let follow = ["runs", "events", &id, "--follow"];
    let child = desk.command(&follow).stdout(std::process::Stdio::piped()).spawn()?;
    let (said, _) = desk.ends(0, &["signal", "order-7-paid", "--data", r#"{"amount": 3}"#])?;
    ensure!(said.trim() == "sent to the step that waits for it", "{said}");
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() && text.trim_end().ends_with("run.completed"), "{text}");
    // One that waits while nobody serves: it is said, and nobody waits for ever.
    let id = desk.start(&library("wait_event"), &json!({ "order": "8" }), &[])?;
    desk.until_it(&id, |run| crate::step(run, "paid")["state"] == "waiting")?;
    server.stop()?;
    let (_, err) = desk.ends(0, &["runs", "events", &id, "--follow"])?;
    ensure!(err.contains("no host runs it") && err.contains("heddle serve"), "{err}");
    Ok(())
}

#[test]
fn runs_are_found_by_what_is_known_of_them() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let server = desk.serve()?;
    let good = desk.start(&library("chain"), &json!({ "x": 3 }), &["--wait"])?;
    let bad = desk.start(&library("mend"), &json!({ "how": "failed" }), &[])?;
    desk.until(&bad, "failed")?;
    for (filter, expected) in [
        (&[][..], vec![&bad, &good]),
        (&["--limit", "1"], vec![&bad]),
        (&["--state", "failed"], vec![&bad]),
        (&["--state", "completed,cancelled"], vec![&good]),
        (&["--workflow", "chain"], vec![&good]),
        (&["--search", "MEN"], vec![&bad]),
        (&["--search", &good], vec![&good]),
        (&["--since", "1h"], vec![&bad, &good]),
        (&["--until", "2020-01-01T00:00:00Z"], vec![]),
    ] {
        let found = desk.json(&[&["runs", "list", "--json"], filter].concat())?;
        let ids: Vec<&str> =
            found.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
        ensure!(ids == expected, "{filter:?}: {ids:?}");
    }
    let (text, _) = desk.ends(0, &["runs", "list"])?;
    ensure!(text.contains("chain") && text.contains("failed") && text.lines().count() == 3, "{text}");
    let (text, _) = desk.ends(0, &["runs", "list", "--workflow", "nothing"])?;
    ensure!(text.trim() == "no runs", "{text}");
    let err = desk.refused(&["runs", "list", "--state", "foo"])?;
    ensure!(err.contains("waiting_approval, completed, failed, cancelled"), "{err}");
    let err = desk.refused(&["runs", "list", "--since", "soon"])?;
    ensure!(err.contains("such as 7d"), "{err}");
    server.stop()
}
