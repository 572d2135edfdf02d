//! The database goes away under a host that goes on, with everything under way that a run can wait for; a host that starts
//! without one; and a scheduler that has a defect.
#![allow(clippy::unwrap_used)]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{Kept, PATIENCE, Postgres, Server, Stop, heddle_bin};
use reqwest::Method;
use serde_json::{Value, json};

/// Runs that wait in each way that there is, some of them while others compute.
fn definitions() -> Vec<Value> {
    let spin = json!({ "phase": "echo/spin", "input": { "iterations": "40000000" } });
    let flaky = json!({ "how": "'retryable'", "message": "'not yet'" });
    let after = |step: &str| json!({ "name": "after", "phase": "echo/noop", "depends_on": [step] });
    let definition = |name: &str, mut steps: Vec<Value>| {
        let last = steps.last().unwrap()["name"].as_str().unwrap().to_owned();
        steps.push(after(&last));
        json!({ "name": name, "steps": steps })
    };
    vec![
        definition("waits", vec![json!({ "name": "w", "wait": { "seconds": 2 } })]),
        definition("events", vec![json!({ "name": "w", "wait": { "event": "'key'" } })]),
        definition("asks", vec![json!({ "name": "w", "checkpoint": { "title": "Well?" } })]),
        definition(
            "decides_itself",
            vec![
                json!({ "name": "w", "checkpoint": { "title": "Well?", "deadline_seconds": 2, "default": "approve" } }),
            ],
        ),
        definition(
            "maps",
            vec![json!({ "name": "w", "map": { "over": "[1,2,3,4,5,6]", "max_parallel": 2, "body": spin } })],
        ),
        definition(
            "retries",
            vec![json!({ "name": "w", "phase": "echo/end", "input": flaky, "continue_on_failure": true,
                         "retry": { "max_attempts": 3, "initial_delay_ms": 700, "factor": 1.0, "jitter": 0.0 } })],
        ),
    ]
}

async fn start(server: &Server, definition: &Value) -> Result<String> {
    let run = server.post("/runs", &json!({ "definition": definition })).await?;
    Ok(run["id"].as_str().context("an id")?.to_owned())
}

/// While the database is away, whoever asks is told so, and when to come again.
async fn is_away(server: &Server, method: Method, path: &str, body: Value) -> Result<()> {
    let response = server.request(method, path).json(&body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let problem: Value = response.json().await?;
    ensure!(status.as_u16() == 503 && problem["code"] == "unavailable", "{path}: {status}: {problem:#}");
    ensure!(
        headers["content-type"] == "application/problem+json" && headers.contains_key("retry-after"),
        "{path}: {headers:?}"
    );
    ensure!(problem["detail"].as_str().is_some_and(|said| said.contains("database")), "{path}: {problem:#}");
    Ok(())
}

/// Every event once and in order, and every step that completed did so once.
async fn is_whole(server: &Server, id: &str) -> Result<()> {
    let run = server.finished(id).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    let events = server.events(id).await?;
    let mut completed = Vec::new();
    for (event, seq) in events.iter().zip(1_u64..) {
        ensure!(event["seq"] == seq, "run {id}: event {} where {seq} belongs", event["seq"]);
        if event["type"] == "step.completed" {
            completed.push(event["step"].as_str().unwrap());
        }
    }
    let all = completed.len();
    completed.sort_unstable();
    completed.dedup();
    ensure!(completed.len() == all && completed.contains(&"after"), "run {id}: {completed:?} of {all}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_waits_goes_on_when_the_database_is_back() -> Result<()> {
    let Some(mut postgres) = Postgres::for_test()? else { return Ok(()) };
    let kept = Kept::on(&postgres).await?;
    let server = kept.start()?;
    server.load_plugin("examples/echo").await?;
    let mut runs: Vec<(String, String)> = Vec::new();
    for round in 0..2_u64 {
        for definition in definitions() {
            runs.push((definition["name"].as_str().unwrap().to_owned(), start(&server, &definition).await?));
        }
        // One is paused, and is to be resumed while the database is away.
        let paused = start(&server, &definitions()[4]).await?;
        server.post(&format!("/runs/{paused}/pause"), &json!({})).await?;
        tokio::time::sleep(Duration::from_millis(150 + 500 * round)).await;
        tokio::task::block_in_place(|| postgres.stop(Stop::Immediate))?;
        is_away(&server, Method::GET, "/runs", json!(null)).await?;
        is_away(&server, Method::POST, &format!("/runs/{paused}/resume"), json!({})).await?;
        is_away(&server, Method::POST, "/signals", json!({ "key": "key" })).await?;
        is_away(&server, Method::POST, "/runs", json!({ "workflow": "echo_chain" })).await?;
        let ready = reqwest::get(format!("{}/readyz", server.url())).await?;
        ensure!(ready.status().as_u16() == 503, "{}", ready.text().await?);
        tokio::task::block_in_place(|| postgres.start_again())?;
        server.post(&format!("/runs/{paused}/resume"), &json!({})).await?;
        runs.push(("resumed".to_owned(), paused));
    }
    for (name, id) in &runs {
        if name == "events" {
            server.post("/signals", &json!({ "key": "key", "data": 1 })).await?;
        }
        if name == "asks" {
            let start = Instant::now();
            let open = loop {
                let all = server.get(&format!("/runs/{id}/approvals")).await?;
                match all[0]["id"].as_str() {
                    Some(id) => break id.to_owned(),
                    None => ensure!(start.elapsed() < PATIENCE, "nobody is asked"),
                }
            };
            server.post(&format!("/approvals/{open}/decide"), &json!({ "option": "approve" })).await?;
        }
    }
    for (_, id) in &runs {
        is_whole(&server, id).await?;
    }
    server.stop()
}

/// Run a host that is expected to end by itself; returns what it says.
async fn ends(kept: &Kept, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("timeout");
    command.args(["--signal", "KILL", "300"]).arg(heddle_bin());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(kept.path()).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(!output.status.success() && output.status.code() != Some(137), "it went on: {}", output.status);
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_starts_without_its_database_says_so() -> Result<()> {
    let Some(mut postgres) = Postgres::for_test()? else { return Ok(()) };
    let kept = Kept::on(&postgres).await?;
    kept.start()?.stop()?;
    let url = kept.database_url().context("a database")?.to_owned();
    tokio::task::block_in_place(|| postgres.stop(Stop::Immediate))?;
    let said = ends(&kept, &["--database", &url]).await?;
    ensure!(said.contains("the database postgres://") && said.contains("cannot be opened"), "{said}");
    tokio::task::block_in_place(|| postgres.start_again())?;
    kept.start()?.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduler_that_panics_ends_its_process_and_the_next_one_goes_on() -> Result<()> {
    if !cfg!(debug_assertions) {
        // What is forged below overflows a number, which only such builds find out by a panic.
        println!("SKIPPED: built without checks of overflow");
        return Ok(());
    }
    let kept = Kept::on_sqlite()?;
    let server = kept.start()?;
    server.load_plugin("examples/echo").await?;
    let retry = json!({ "max_attempts": 2, "initial_delay_ms": 5000, "jitter": 0.0 });
    let input = json!({ "how": "'retryable'", "message": "'not yet'" });
    let step = json!({ "name": "s", "phase": "echo/end", "input": input, "retry": retry, "continue_on_failure": true });
    let id = start(&server, &json!({ "name": "late", "steps": [step] })).await?;
    let begin = Instant::now();
    while server.get(&format!("/runs/{id}")).await?["steps"][0]["state"] != "retrying" {
        ensure!(begin.elapsed() < PATIENCE, "it does not come to a second attempt");
    }
    server.stop()?;
    kept.forge("UPDATE steps SET attempt = 4294967295").await?;
    let said = ends(&kept, &[]).await?;
    ensure!(said.contains("the scheduler has a defect (see the panic above); the process ends"), "{said}");
    ensure!(said.contains("panicked at"), "{said}");
    kept.forge("UPDATE steps SET attempt = 1").await?;
    let server = kept.start()?;
    let run = server.finished(&id).await?;
    ensure!(run["state"] == "completed" && run["steps"][0]["attempt"] == 2, "{run:#}");
    server.stop()
}
