//! Starting, listing, waiting for and cancelling runs.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{echo_server, get, problem};

#[tokio::test]
async fn a_run_is_started_waited_for_and_told() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let body = json!({ "workflow": "echo_chain", "input": { "first": "x", "n": 3 }, "seed": 7, "as_of": "2026-01-02T03:04:05Z" });
    let response = server.request(Method::POST, "/runs?wait=30s").json(&body).send().await?;
    ensure!(response.status() == StatusCode::OK);
    let location = response.headers()["location"].to_str()?.to_owned();
    let run: Value = response.json().await?;
    ensure!(location == format!("/api/v1/runs/{}", run["id"].as_str().unwrap()));
    ensure!(run["state"] == "completed" && run["progress"] == 100.0, "{run:#}");
    ensure!(run["as_of"] == "2026-01-02T03:04:05.000000Z");
    ensure!(run["waiting"] == json!([]));
    let names: Vec<&str> =
        run["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    ensure!(names == ["first", "second", "third"]);
    for step in run["steps"].as_array().unwrap() {
        ensure!(step["state"] == "completed" && step["attempt"] == 1, "{step:#}");
        ensure!(step["usage"]["wall_us"].as_u64().unwrap() > 0);
        ensure!(step["attempts"].as_array().unwrap().len() == 1);
    }
    let plugin = server.get("/plugins/echo").await?;
    ensure!(run["pins"]["echo"] == plugin["digest"]);

    let id = run["id"].as_str().unwrap();
    let output = server.get(&format!("/runs/{id}/steps/first/output")).await?;
    ensure!(output["input"] == json!({ "first": "x", "n": 3 }), "{output}");
    ensure!(output["now_ms"] == 1_767_323_045_000_i64, "{output}");
    let output = server.get(&format!("/runs/{id}/steps/third/output")).await?;
    ensure!(output["input"]["first"] == json!({ "first": "x", "n": 3 }), "{output}");
    let log = server.get(&format!("/runs/{id}/steps/first/log")).await?;
    ensure!(log["lines"][0]["message"] == "echo" && log["lines"][0]["level"] == "info", "{log}");

    // The same again, with the same seed, clock and input: the same step keys and bytes.
    let again = server.post("/runs?wait=30s", &body).await?;
    for (one, other) in run["steps"].as_array().unwrap().iter().zip(again["steps"].as_array().unwrap()) {
        ensure!(one["step_key"] == other["step_key"] && one["output_digest"] == other["output_digest"]);
    }
    Ok(())
}

/// Who waits is told from memory, and who asks later from the database.
#[tokio::test]
async fn who_waits_for_a_run_is_told_what_the_database_has() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let chain = json!([
        { "name": "b", "phase": "echo/echo", "input": { "x": "input.x" } },
        { "name": "a", "phase": "echo/echo", "input": { "y": "steps.b.output" }, "depends_on": ["b"] },
        { "name": "sum", "transform": { "all": "[steps.a.output, input.x]" }, "depends_on": ["a"] },
    ]);
    let ways = json!([
        { "name": "large", "condition": { "cases": [{ "name": "true", "when": "input.x > 10" }], "otherwise": "false" } },
        { "name": "yes", "phase": "echo/noop", "depends_on": ["large.true"], "input": {} },
        { "name": "no", "phase": "echo/noop", "depends_on": ["large.false"], "input": {} },
        { "name": "either", "join": { "mode": "any" }, "depends_on": ["yes", "no"] },
    ]);
    let inside = json!([
        { "name": "fan", "map": { "over": "[3, 1, 2]", "body": { "phase": "echo/noop" } } },
        { "name": "twice", "loop": { "until": "index >= 2", "max_iterations": 5, "body": { "phase": "echo/echo" } } },
    ]);
    let fails = json!([
        { "name": "bad", "phase": "echo/end", "input": { "how": "'retryable'", "message": "'no'" }, "retry": { "max_attempts": 3, "initial_delay_ms": 10 } },
        { "name": "after", "phase": "echo/noop", "depends_on": ["bad"], "input": {} },
    ]);
    for (name, steps) in [("chain", chain), ("ways", ways), ("inside", inside), ("fails", fails)] {
        let definition = json!({ "name": name, "steps": steps });
        let body = json!({ "definition": definition, "input": { "x": 5 } });
        let told = server.post("/runs?wait=60s", &body).await?;
        let state = if name == "fails" { "failed" } else { "completed" };
        ensure!(told["state"] == state, "{name}: {told:#}");
        let has = server.get(&format!("/runs/{}", told["id"].as_str().unwrap())).await?;
        ensure!(told == has, "{name}: told\n{told:#}\nhas\n{has:#}");
    }
    Ok(())
}

#[tokio::test]
async fn one_key_starts_one_run_however_often_and_fast_it_is_sent() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let body = json!({ "workflow": "echo_diamond", "input": { "iterations": 1000 } });
    let send = async || {
        let request = server.request(Method::POST, "/runs").header("idempotency-key", "k-1").json(&body);
        let response = request.send().await?;
        let replayed = response.headers().contains_key("idempotency-replayed");
        let status = response.status();
        ensure!(status == if replayed { StatusCode::OK } else { StatusCode::CREATED }, "{status}");
        let run: Value = response.json().await?;
        Ok((run["id"].as_str().unwrap().to_owned(), replayed))
    };
    let answers = try_join_all((0..32).map(|_| send())).await?;
    ensure!(answers.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len() == 1, "{answers:?}");
    ensure!(answers.iter().filter(|(_, replayed)| !replayed).count() == 1, "{answers:?}");
    ensure!(server.get("/runs").await?["items"].as_array().unwrap().len() == 1);

    let other = json!({ "workflow": "echo_diamond", "input": { "iterations": 1001 } });
    let response =
        server.request(Method::POST, "/runs").header("idempotency-key", "k-1").json(&other).send().await?;
    problem(response, StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch").await?;
    let response = server
        .request(Method::POST, "/runs")
        .header("idempotency-key", "not visible")
        .json(&body)
        .send()
        .await?;
    problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
    Ok(())
}

#[tokio::test]
async fn pages_hold_every_run_once_and_a_cursor_keeps_to_its_filter() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let mut started = Vec::new();
    for i in 0..7 {
        let workflow = if i % 2 == 0 { "echo_chain" } else { "echo_diamond" };
        started.push(server.start_run(workflow, json!({})).await?);
    }
    started.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/runs?limit=3{cursor}")).await?;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ensure!(seen == started, "{seen:?}");
    let chains = server.get("/runs?workflow=echo_chain&limit=2").await?;
    ensure!(chains["items"].as_array().unwrap().iter().all(|run| run["workflow"] == "echo_chain"));
    let next = chains["next_cursor"].as_str().unwrap();
    ensure!(
        server.get(&format!("/runs?workflow=echo_chain&cursor={next}")).await?["items"]
            .as_array()
            .unwrap()
            .len()
            == 2
    );
    let response = get(&server, &format!("/runs?workflow=echo_diamond&cursor={next}"), &[]).await?;
    problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
    Ok(())
}

#[tokio::test]
async fn a_run_is_cancelled_once() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    // Minutes, if nobody stops it.
    let id = server.start_run("echo_diamond", json!({ "iterations": 1_000_000_000_000_u64 })).await?;
    let waited = server.request(Method::POST, "/runs?wait=100ms");
    let waited =
        waited.json(&json!({ "workflow": "echo_diamond", "input": { "iterations": 1_000_000_000_000_u64 } }));
    let waited = waited.send().await?;
    ensure!(waited.status() == StatusCode::CREATED, "it has not ended in time");
    let other: Value = waited.json().await?;
    for id in [id.as_str(), other["id"].as_str().unwrap()] {
        let response = server.request(Method::POST, &format!("/runs/{id}/cancel")).send().await?;
        ensure!(response.status() == StatusCode::OK);
        let run: Value = response.json().await?;
        ensure!(run["state"] == "cancelled", "{run:#}");
        let again = server.request(Method::POST, &format!("/runs/{id}/cancel")).send().await?;
        problem(again, StatusCode::CONFLICT, "conflict").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_reads_what_was_uploaded() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(i) >> 5) as u8).collect();
    let request = server.request(Method::POST, "/uploads?filename=a%20b.bin").header("content-type", "x/y");
    let response = request.body(bytes.clone()).send().await?;
    ensure!(response.status() == StatusCode::CREATED);
    let upload: Value = response.json().await?;
    ensure!(upload["filename"] == "a b.bin" && upload["size"] == 3_000_000 && upload["media_type"] == "x/y");
    ensure!(upload["digest"] == heddle::model::Digest::of(&bytes).to_string());
    let body = json!({ "workflow": "echo_chain", "files": [
        { "upload": upload["id"] }, { "upload": upload["id"], "name": "c.bin" } ] });
    let run = server.post("/runs?wait=30s", &body).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    let output = server.get(&format!("/runs/{}/steps/first/output", run["id"].as_str().unwrap())).await?;
    ensure!(output["files"] == json!([["input/a b.bin", 3_000_000], ["input/c.bin", 3_000_000]]), "{output}");
    Ok(())
}

#[tokio::test]
async fn only_what_completed_or_was_skipped_is_progress() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    for (input, state, progress) in [
        (json!({ "how": "completed" }), "completed", 100.0),
        (json!({ "how": "skipped", "message": "nothing to do" }), "completed", 100.0),
        (json!({ "how": "failed", "message": "no" }), "failed", 0.0),
    ] {
        let run = server.post("/runs?wait=30s", &json!({ "workflow": "echo_end", "input": input })).await?;
        ensure!(run["state"] == state && run["progress"] == progress, "{run:#}");
    }
    // Of four steps one has completed and two are stopped.
    let id = server.start_run("echo_diamond", json!({ "iterations": 1_000_000_000_000_u64 })).await?;
    while server.get(&format!("/runs/{id}")).await?["progress"] != 25.0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.post(&format!("/runs/{id}/cancel"), &json!({})).await?;
    let run = server.finished(&id).await?;
    ensure!(run["state"] == "cancelled" && run["progress"] == 25.0, "{run:#}");
    Ok(())
}

#[tokio::test]
async fn without_files_the_first_phases_look_at_the_input_before_the_start() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let start = async |body: &Value| server.request(Method::POST, "/runs").json(body).send().await;
    // By the phase's own word, though the workflow takes files, which could stand in for the input.
    let bad = json!({ "how": "invalid-input", "path": "/what", "message": "it is not there" });
    let mut body = json!({ "workflow": "echo_end", "input": bad });
    let refused = problem(start(&body).await?, StatusCode::BAD_REQUEST, "invalid").await?;
    ensure!(refused["problems"] == json!([{ "path": "/what", "message": "it is not there" }]), "{refused}");
    // By the phase's schema.
    for input in [json!({}), json!({ "how": "failed" }), json!({ "how": "skipped", "message": 3 })] {
        let response = start(&json!({ "workflow": "echo_end", "input": input })).await?;
        let refused = problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
        ensure!(refused["problems"].as_array().is_some_and(|problems| !problems.is_empty()), "{refused}");
    }
    ensure!(server.get("/runs").await? == json!({ "items": [] }), "nothing was started");
    // With files the input may be incomplete.
    let upload = server.request(Method::POST, "/uploads?filename=a.bin").body("x").send().await?;
    let upload: Value = upload.json().await?;
    body["files"] = json!([{ "upload": upload["id"] }]);
    ensure!(start(&body).await?.status() == StatusCode::CREATED);
    Ok(())
}
