//! Definitions and schemas that would stall or kill the host: refused by every way in, and the host goes on.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both};

both!(
    definitions_are_bounded_by_every_way_in,
    what_can_be_told_together_is,
    workflows_inside_workflows_are_bounded,
    schemas_of_tenants_cannot_stop_the_host,
    keys_of_events_are_as_long_on_both_sides,
);

/// Steps that each name the one before.
fn chain(count: usize) -> Value {
    let step = |i: usize| match i {
        0 => json!({ "name": "s0", "transform": "1" }),
        _ => json!({ "name": format!("s{i}"), "transform": format!("steps.s{}.output", i - 1) }),
    };
    json!({ "name": "chain", "steps": (0..count).map(step).collect::<Vec<_>>() })
}

async fn definitions_are_bounded_by_every_way_in(host: Host) -> Result<()> {
    let check = host.server().post("/workflows/validate", &chain(10_000)).await?;
    ensure!(check == json!({ "valid": true, "problems": [] }), "{check:#}");
    let many = chain(10_001);
    let check = host.server().post("/workflows/validate", &many).await?;
    ensure!(check["problems"][0]["message"].as_str().unwrap().contains("at most 10000"), "{check:#}");
    let said = host.refused(Method::POST, "/workflows", many.clone(), 400).await?;
    ensure!(said.contains("10001 steps"), "{said}");
    let said = host.refused(Method::POST, "/runs", json!({ "definition": many }), 400).await?;
    ensure!(said.contains("10001 steps"), "{said}");
    // In bytes, and in values.
    let large = |description: String| json!({ "name": "large", "description": description, "steps": [{ "name": "a", "transform": "1" }] });
    let definition = large("d".repeat(4 << 20));
    let said = host.refused(Method::POST, "/runs", json!({ "definition": definition }), 413).await?;
    ensure!(said.contains("at most 4194304 are allowed"), "{said}");
    host.refused(Method::POST, "/workflows", definition, 413).await?;
    let mut definition = large(String::new());
    definition["input_schema"] = json!({ "examples": vec![1; 500_001] });
    for (path, body) in [("/workflows", definition.clone()), ("/runs", json!({ "definition": definition }))] {
        let said = host.refused(Method::POST, path, body, 400).await?;
        ensure!(said.contains("more than 500000 values"), "{path}: {said}");
    }
    // What is wrong is told as far as somebody can read it.
    let steps: Vec<Value> =
        (0..5_000).map(|i| json!({ "name": format!("S{i}"), "transform": "x +" })).collect();
    let check =
        host.server().post("/workflows/validate", &json!({ "name": "wrong", "steps": steps })).await?;
    let problems = check["problems"].as_array().unwrap();
    ensure!(problems.len() == 101, "{}", problems.len());
    ensure!(problems[100]["message"] == "and 9900 more problems", "{}", problems[100]);
    Ok(())
}

async fn what_can_be_told_together_is(host: Host) -> Result<()> {
    let definition = json!({ "name": "wrong", "prioriti": 1, "steps": [
        { "name": "a", "transfrom": "1" },
        { "name": "b", "transform": "steps.nobody.output", "retry": { "max_attempts": 500 } },
        { "name": "c", "condition": { "cases": [{ "nam": "x", "when": "true" }] } },
        { "name": "d", "phase": "echo/sing", "depends_on": ["c.x", "a"] },
        { "name": "e", "map": { "over": "input.x", "body": { "phase": 7 } } },
        { "name": "f", "transform": "steps.a.output.x + steps.e.output.results[0]" } ] });
    let check = host.server().post("/workflows/validate", &definition).await?;
    let problems: Vec<(&str, &str)> = check["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["path"].as_str().unwrap(), problem["message"].as_str().unwrap()))
        .collect();
    for (path, message) in [
        ("", "prioriti"),
        ("/steps/0", "transfrom"),
        ("/steps/1/transform", "nobody"),
        ("/steps/1/retry/max_attempts", "from 1 to 100"),
        ("/steps/2/condition/cases/0", "'nam' was unexpected"),
        ("/steps/3/phase", "sing"),
        ("/steps/4/map/body/phase", "7 is not"),
    ] {
        let told = problems.iter().any(|(at, said)| *at == path && said.contains(message));
        ensure!(told, "{path}: {message}\n{problems:#?}");
    }
    // Nothing is said of what was left out.
    let more =
        problems.iter().find(|(at, _)| ["/steps/3/depends_on", "/steps/5"].iter().any(|p| at.starts_with(p)));
    ensure!(more.is_none() && check["valid"] == false, "{more:?}");
    Ok(())
}

async fn workflows_inside_workflows_are_bounded(host: Host) -> Result<()> {
    let level = |i: usize, version: &str| match i {
        0 => json!({ "name": "w0", "version": version, "steps": [{ "name": "s", "transform": "1" }] }),
        _ => json!({ "name": format!("w{i}"), "version": version, "steps": [
            { "name": "s", "workflow": { "name": format!("w{}", i - 1) } },
            { "name": "t", "workflow": { "name": format!("w{}", i - 1) } } ] }),
    };
    for i in 0..8 {
        host.server().post("/workflows", &level(i, "1.0.0")).await?;
    }
    let said = host.refused(Method::POST, "/workflows", level(8, "1.0.0"), 400).await?;
    ensure!(said.contains("more than 8 deep: w8 → w7 → w6"), "{said}");
    // By a version that is saved later.
    let circle =
        json!({ "name": "w0", "version": "2.0.0", "steps": [{ "name": "s", "workflow": { "name": "w1" } }] });
    let said = host.refused(Method::POST, "/workflows", circle, 400).await?;
    ensure!(said.contains("would contain itself: w0 → w1 → w0"), "{said}");
    let run = host.server().post("/runs?wait=60s", &json!({ "workflow": "w4" })).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    Ok(())
}

async fn schemas_of_tenants_cannot_stop_the_host(host: Host) -> Result<()> {
    let server = host.server();
    let next = |i: usize| json!({ "$ref": format!("#/$defs/d{}", i + 1) });
    let mut defs: serde_json::Map<String, Value> =
        (0..40).map(|i| (format!("d{i}"), json!({ "allOf": [next(i), next(i)] }))).collect();
    defs.insert("d40".to_owned(), json!({}));
    let doubling = json!({ "$ref": "#/$defs/d0", "$defs": defs });
    let definition = |schema: &Value| {
        json!({ "name": "asks", "input_schema": schema, "steps": [
            { "name": "ask", "checkpoint": { "title": "t", "input_schema": schema } } ] })
    };
    let said = host.refused(Method::POST, "/workflows", definition(&doubling), 400).await?;
    for path in ["/input_schema", "/steps/0/checkpoint/input_schema"] {
        let told =
            |line: &str| line.starts_with(path) && line.contains("more than 10000 schemas on one value");
        ensure!(said.lines().any(told), "{said}");
    }
    let itself = json!({ "anyOf": [{ "$ref": "#" }] });
    let said = host.refused(Method::POST, "/workflows", definition(&itself), 400).await?;
    ensure!(said.contains("refers to itself"), "{said}");
    // What goes through all that is inside twice, and so doubles with each level of the document.
    let twice = json!({ "allOf": [{ "additionalProperties": { "$ref": "#" } }, { "additionalProperties": { "$ref": "#" } }], "type": "object" });
    server.post("/workflows", &definition(&twice)).await?;
    let deep = (0..90).fold(json!(1), |inner, _| json!({ "a": inner }));
    let said = host.refused(Method::POST, "/runs", json!({ "workflow": "asks", "input": deep }), 400).await?;
    ensure!(said.contains("/a/a/a"), "{said}");
    let id = server.post("/runs", &json!({ "workflow": "asks" })).await?["id"].as_str().unwrap().to_owned();
    host.until(&id, |run| run.state() == "waiting_approval").await?;
    let open = server.get("/approvals").await?;
    let path = format!("/approvals/{}/decide", open["items"][0]["id"].as_str().unwrap());
    let answer = json!({ "option": "approve", "modification": deep });
    let said = host.refused(Method::POST, &path, answer, 400).await?;
    ensure!(said.contains("/modification"), "{said}");
    server.post(&path, &json!({ "option": "approve", "modification": { "a": {} } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{:#}", run.0);
    Ok(())
}

async fn keys_of_events_are_as_long_on_both_sides(host: Host) -> Result<()> {
    let server = host.server();
    let waits = |length: usize| {
        json!({ "definition": { "name": "waits", "steps": [
            { "name": "w", "wait": { "event": "input.key", "deadline_seconds": 3_000_000_000_u64 } } ] },
            "input": { "key": "k".repeat(length) } })
    };
    let id = server.post("/runs", &waits(512)).await?["id"].as_str().unwrap().to_owned();
    host.until(&id, |run| run.step("w")["state"] == "waiting").await?;
    let sent = server.post("/signals", &json!({ "key": "k".repeat(512) })).await?;
    ensure!(sent["waiting"] == 1, "{sent}");
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{:#}", run.0);
    let said = host.refused(Method::POST, "/signals", json!({ "key": "k".repeat(513) }), 400).await?;
    ensure!(said.contains("1 to 512"), "{said}");
    let id = server.post("/runs", &waits(513)).await?["id"].as_str().unwrap().to_owned();
    let run = host.finished(&id).await?;
    ensure!(run.step("w")["failure"].to_string().contains("1 to 512 bytes"), "{:#}", run.0);
    Ok(())
}
