//! What values may cost (law 5): documents are counted before they are read and while they are made, and what is too
//! large ends its step alone.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, Run, both};

both!(
    what_a_host_node_makes_is_bounded,
    what_a_checkpoint_shows_is_bounded,
    an_input_of_many_small_values_is_refused,
    large_outputs_are_sent_as_they_are_stored,
);

/// So many steps whose outputs are of 8 MiB each.
fn large(n: usize) -> Vec<Value> {
    (0..n).map(|i| json!({ "name": format!("t{i}"), "transform": "input.x" })).collect()
}

fn breach(run: &Run, step: &str, limit: &str) -> Result<()> {
    let failure = &run.step(step)["failure"];
    ensure!(failure["kind"] == "limit_exceeded", "{step}: {failure:#}");
    let breach = &failure["breach"];
    let (value, used) = (breach["value"].as_u64().unwrap(), breach["used"].as_u64().unwrap());
    ensure!(breach["limit"] == limit && used > value, "{step}: {failure:#}");
    let said = failure["message"].as_str().unwrap();
    ensure!(said.contains("too large") && said.contains(limit), "{step}: {said}");
    Ok(())
}

async fn what_a_host_node_makes_is_bounded(host: Host) -> Result<()> {
    // Outputs of 8 MiB: 34 of them are more than a step may read, 17 are more than one may make.
    let sources: Vec<String> = (0..34).map(|i| format!("t{i}")).collect();
    let names = |n: usize| sources[..n].iter().map(|name| (name.clone(), format!("steps.{name}.output")));
    let twice = |n: usize| -> serde_json::Map<String, Value> {
        names(n).map(|(name, text)| (name, json!(text))).collect()
    };
    let may_fail = |mut step: Value| {
        step["continue_on_failure"] = json!(true);
        step
    };
    let mut steps = large(34);
    steps.extend([
        may_fail(json!({ "name": "selects", "transform": (0..17).map(|i| (format!("k{i}"), json!("input.x"))).collect::<serde_json::Map<_, _>>() })),
        may_fail(json!({ "name": "gathers", "transform": twice(17) })),
        may_fail(json!({ "name": "reads", "transform": twice(34) })),
        may_fail(json!({ "name": "joins", "join": { "mode": "all" }, "depends_on": &sources[..17] })),
        may_fail(json!({ "name": "maps", "map": { "over": "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "body": { "transform": "input.x" } } })),
        may_fail(json!({ "name": "given", "phase": "echo/noop", "input": twice(17) })),
        json!({ "name": "small", "transform": "size(input.y)", "depends_on": ["selects", "gathers", "reads", "joins", "maps", "given"] }),
    ]);
    let last: Vec<&str> = sources.iter().map(String::as_str).collect();
    let body = json!({ "definition": { "name": "large", "steps": steps },
                       "input": { "x": "x".repeat(8 << 20), "y": "yy" } });
    let run = host.server().post("/runs", &body).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    ensure!(run.state() == "completed", "the others go on: {:#}", run.0["failure"]);
    ensure!(run.states(&last).iter().all(|state| *state == "completed"));
    for (step, limit) in [
        ("selects", "value_bytes"),
        ("gathers", "value_bytes"),
        ("reads", "documents_bytes"),
        ("joins", "value_bytes"),
        ("maps", "value_bytes"),
        ("given", "value_bytes"),
    ] {
        breach(&run, step, limit)?;
    }
    ensure!(host.step_output(&run, "small").await? == json!(2));
    Ok(())
}

async fn what_a_checkpoint_shows_is_bounded(host: Host) -> Result<()> {
    let step = json!({ "name": "ask", "checkpoint": { "title": "Well?", "show": "input.x" } });
    let body =
        json!({ "definition": { "name": "shows", "steps": [step] }, "input": { "x": "x".repeat(600_000) } });
    let run = host.server().post("/runs", &body).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    breach(&run, "ask", "show_bytes")?;
    ensure!(host.server().get("/approvals").await?["items"] == json!([]), "nobody is asked");
    Ok(())
}

async fn an_input_of_many_small_values_is_refused(host: Host) -> Result<()> {
    host.create("chain").await?;
    let body = json!({ "workflow": "chain", "input": { "x": vec![0; 2_000_001] } });
    let said = host.refused(Method::POST, "/runs", body, 400).await?;
    ensure!(said.contains("more than 2000000 values"), "{said}");
    Ok(())
}

async fn large_outputs_are_sent_as_they_are_stored(host: Host) -> Result<()> {
    let body = |n: usize| json!({ "definition": { "name": "large", "steps": large(n) }, "input": { "x": "x".repeat(8 << 20) } });
    let run = host.server().post("/runs?wait=60s", &body(1)).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    let path = format!("/runs/{}/steps/t0/output", run.id());
    let response = host.server().request(Method::GET, &path).send().await?;
    ensure!(response.headers()["content-length"] == ((8 << 20) + 2).to_string().as_str());
    let tag = response.headers()["etag"].clone();
    ensure!(tag == format!("\"{}\"", run.step("t0")["output_digest"].as_str().unwrap()).as_str(), "{tag:?}");
    ensure!(response.bytes().await?.len() == (8 << 20) + 2);
    let known = host.server().request(Method::GET, &path).header("if-none-match", &tag).send().await?;
    ensure!(known.status().as_u16() == 304);
    let whole = host.server().get(&format!("/runs/{}/output", run.id())).await?;
    ensure!(whole["t0"].as_str().is_some_and(|text| text.len() == 8 << 20));
    // A run's output is bounded as a node's is.
    let run = host.server().post("/runs?wait=60s", &body(17)).await?;
    let run = host.finished(run["id"].as_str().context("an id")?).await?;
    let said = host.refused(Method::GET, &format!("/runs/{}/output", run.id()), json!(null), 413).await?;
    ensure!(said.contains("value_bytes is 134217728"), "{said}");
    Ok(())
}
