//! Statistics, what an attempt used, and lists that are searched: on the API and on the command line.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both};

both!(statistics_tell_how_often_how_well_and_how_fast, lists_are_searched_page_by_page);

async fn statistics_tell_how_often_how_well_and_how_fast(host: Host) -> Result<()> {
    for n in 0..3 {
        host.finished(&host.start_run("part", json!({ "n": n })).await?).await?;
    }
    let run = host.run("retry", json!({})).await?;
    ensure!(run.attempts(&["stubborn", "hopeless", "told_to"]) == [3, 1, 2], "{run:?}");
    // What the statistics are over is with each attempt.
    for attempt in run.step("stubborn")["attempts"].as_array().unwrap() {
        ensure!(attempt["ready_at"].is_string() && attempt["queued_us"].as_u64().is_some(), "{attempt}");
        let usage = &attempt["usage"];
        ensure!(usage["wall_us"].as_u64() > Some(0) && usage["cpu_us"].as_u64().is_some(), "{attempt}");
        ensure!(usage["peak_memory_bytes"].as_u64() > Some(0) && attempt["reused"] == false, "{attempt}");
    }

    let found = host.server().get("/statistics").await?;
    let overall = &found["overall"];
    ensure!(overall["count"] == 4 && overall["states"] == json!({ "completed": 4 }), "{overall:#}");
    // The third attempt of one step and the second ones of two followed a failure.
    ensure!(overall["success_rate"] == 1.0 && overall["retries"] == 3, "{overall:#}");
    ensure!(overall["duration_us"]["count"] == 4, "{overall:#}");
    ensure!(found["workflows"]["part"]["count"] == 3 && found["workflows"]["part"]["retries"] == 0);
    let duration = &found["workflows"]["part"]["duration_us"];
    let in_order: Vec<u64> = ["min", "p50", "p95", "max"].map(|name| duration[name].as_u64().unwrap()).into();
    ensure!(in_order.is_sorted() && in_order[0] > 0, "{duration}");
    let echo = &found["phases"]["echo/echo"];
    ensure!(echo["count"] == 3 && echo["success_rate"] == 1.0, "{found:#}");
    for measure in ["wall_us", "cpu_us", "peak_memory_bytes", "queued_us"] {
        ensure!(echo[measure]["count"] == 3, "{measure}: {echo:#}");
    }
    let retries: u64 =
        found["phases"].as_object().unwrap().values().map(|one| one["retries"].as_u64().unwrap()).sum();
    ensure!(retries == 3, "{found:#}");

    let one = host.server().get("/statistics?workflow=part").await?;
    ensure!(one["overall"]["count"] == 3 && one["workflows"].as_object().unwrap().len() == 1, "{one:#}");
    let later = host.server().get("/statistics?since=2100-01-01T00:00:00Z").await?;
    ensure!(later["overall"]["count"] == 0 && later["phases"] == json!({}), "{later:#}");
    ensure!(later["overall"].get("success_rate").is_none(), "{later:#}");
    let path = "/statistics?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z";
    let said = host.refused(Method::GET, path, json!(null), 400).await?;
    ensure!(said.contains("is not before until"), "{said}");

    let table = host.kept.heddle(&["stats", "--since", "7d"])?;
    ensure!(table.contains("echo/echo") && table.contains("part") && table.contains("100.0 %"), "{table}");
    let as_json: Value = serde_json::from_str(&host.kept.heddle(&["stats", "--json"])?)?;
    ensure!(as_json == host.server().get("/statistics").await?);
    let as_json: Value =
        serde_json::from_str(&host.kept.heddle(&["stats", "--workflow", "retry", "--json"])?)?;
    ensure!(as_json["overall"]["count"] == 1, "{as_json:#}");
    Ok(())
}

async fn lists_are_searched_page_by_page(host: Host) -> Result<()> {
    host.create("condition").await?;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(host.finished(&host.start_run("part", json!({ "n": n })).await?).await?.id().to_owned());
    }
    let body = json!({ "workflow": "condition", "input": { "amount": "much" } });
    let failed = host.server().post("/runs", &body).await?["id"].as_str().context("id")?.to_owned();
    ensure!(host.finished(&failed).await?.state() == "failed");
    let list = async |query: &str| -> Result<Vec<String>> {
        let page = host.server().get(&format!("/runs?{query}")).await?;
        let items = page["items"].as_array().context("items")?;
        Ok(items.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect())
    };
    ensure!(list("search=PAR").await?.len() == 3);
    ensure!(list(&format!("search={}", ids[1])).await? == [ids[1].clone()]);
    ensure!(list("state=failed,cancelled").await? == std::slice::from_ref(&failed));
    ensure!(list("state=failed,completed").await?.len() == 4);
    let at =
        host.server().get(&format!("/runs/{}", ids[1])).await?["created_at"].as_str().unwrap().to_owned();
    ensure!(list(&format!("since={at}&search=part")).await? == [ids[2].clone(), ids[1].clone()]);
    ensure!(list(&format!("until={at}")).await? == [ids[0].clone()]);
    let path = format!("/runs/{}/fork", ids[0]);
    let fork = host.server().post(&path, &json!({ "step": "double" })).await?;
    ensure!(list(&format!("forked_from={}", ids[0])).await? == [fork["id"].as_str().unwrap()]);
    let said = host.refused(Method::GET, "/runs?state=failed,lost", json!(null), 400).await?;
    ensure!(said.contains("\"lost\"") && said.contains("waiting_approval"), "{said}");

    // A page leads to the next one of its own search only.
    let page = host.server().get("/runs?search=part&until=2100-01-01T00:00:00Z&limit=1").await?;
    let cursor = page["next_cursor"].as_str().context("a cursor")?;
    let next = format!("search=part&until=2100-01-01T00:00:00Z&limit=10&cursor={cursor}");
    ensure!(list(&next).await?.len() == 3, "the fork came first");
    let other = format!("/runs?search=par&until=2100-01-01T00:00:00Z&cursor={cursor}");
    let said = host.refused(Method::GET, &other, json!(null), 400).await?;
    ensure!(said.contains("another filter"), "{said}");

    let runs =
        host.kept.heddle(&["runs", "list", "--state", "failed,cancelled", "--since", "1h", "--json"])?;
    let runs: Value = serde_json::from_str(&runs)?;
    ensure!(runs.as_array().unwrap().len() == 1 && runs[0]["id"] == failed, "{runs:#}");
    Ok(())
}
