//! Runs that are done again after something odd: what was left out comes after all, and what was removed comes back.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both};

both!(
    a_map_that_a_failure_halted_is_gone_through_when_that_is_mended,
    a_map_that_shrank_and_grows_again_counts_its_files_on,
    a_step_that_waits_for_its_review_has_no_time_to_keep,
    an_item_is_begun_by_its_map_alone,
    steps_that_failed_after_each_other_are_retried_together,
    what_cannot_be_written_is_told_and_the_run_stays_with_its_host,
);

async fn start(host: &Host, body: Value) -> Result<String> {
    let run = host.server().post("/runs", &body).await?;
    Ok(run["id"].as_str().context("an id")?.to_owned())
}

async fn a_map_that_a_failure_halted_is_gone_through_when_that_is_mended(mut host: Host) -> Result<()> {
    let work = json!({ "phase": "echo/spin", "input": { "iterations": "800000000" } });
    let definition = json!({ "name": "halted", "steps": [
        { "name": "first", "phase": "echo/spin", "input": { "iterations": "100000000" } },
        { "name": "breaks", "depends_on": ["first"], "phase": "echo/end", "input": { "how": "input.how", "message": "'no'" },
          "retry": { "max_attempts": 1 } },
        { "name": "fan", "map": { "over": "[1,2,3]", "max_parallel": 1, "body": work } },
        { "name": "join", "depends_on": ["breaks", "fan"], "transform": "steps.fan.output.results.map(r, r != null)" } ] });
    let id = start(&host, json!({ "definition": definition, "input": { "how": "failed" } })).await?;
    let run = host.finished(&id).await?;
    // It has no result: half of it would look like the whole.
    ensure!(run.states(&["breaks", "fan", "join"]) == ["failed", "skipped", "skipped"], "{run:?}");
    host.crash()?;
    host.steer(&id, "/steps/breaks/retry", json!({ "input": { "how": "completed" } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{run:?}");
    ensure!(host.step_output(&run, "join").await? == json!([true, true, true]), "{run:?}");
    Ok(())
}

async fn a_map_that_shrank_and_grows_again_counts_its_files_on(mut host: Host) -> Result<()> {
    let upload: Value = host
        .server()
        .request(Method::POST, "/uploads?filename=a.bin")
        .body("abc")
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let copy = json!({ "phase": "echo/copy", "input": { "from": "'input/a.bin'" } });
    let definition = json!({ "name": "shrinks", "files": {}, "steps": [
        { "name": "list", "phase": "echo/echo", "input": { "items": "input.items" } },
        { "name": "fan", "map": { "over": "steps.list.output.input.items", "body": copy } } ] });
    let files = json!([{ "upload": upload["id"] }]);
    let body = json!({ "definition": definition, "files": files, "input": { "items": [1, 2, 3] } });
    let id = start(&host, body).await?;
    host.finished(&id).await?;
    host.steer(&id, "/steps/list/retry", json!({ "input": { "items": [1] } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.has_step("fan[0]") && !run.has_step("fan[2]"), "{run:?}");
    host.crash()?;
    host.steer(&id, "/steps/list/retry", json!({ "input": { "items": [1, 2, 3] } })).await?;
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{run:?}");
    ensure!(run.attempts(&["fan[0]", "fan[2]"])[1] == 2, "the attempts count on: {run:?}");
    let list = host.server().get(&format!("/runs/{id}/artifacts")).await?;
    let items = list["items"].as_array().or_else(|| list.as_array()).context("a list")?;
    let of_last = items.iter().filter(|file| file["step"] == "fan[2]");
    let versions: Vec<&Value> = of_last.map(|file| &file["version"]).collect();
    ensure!(versions == [1, 2], "{list:#}");
    Ok(())
}

async fn a_step_that_waits_for_its_review_has_no_time_to_keep(host: Host) -> Result<()> {
    let definition = json!({ "name": "review", "steps": [
        { "name": "quick", "phase": "echo/echo", "step_timeout_ms": 4000 } ] });
    let id = start(&host, json!({ "definition": definition, "auto_run": false })).await?;
    host.until(&id, |run| run.step("quick")["state"] == "awaiting_review").await?;
    tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
    let run = host.steer(&id, "/steps/quick/continue", json!({})).await?;
    ensure!(run.step("quick")["state"] == "completed", "{run:?}");
    Ok(())
}

async fn an_item_is_begun_by_its_map_alone(host: Host) -> Result<()> {
    let work = json!({ "phase": "echo/spin", "input": { "iterations": "2000000000" } });
    let definition = json!({ "name": "turns", "steps": [
        { "name": "fan", "map": { "over": "[1,2,3,4]", "max_parallel": 1, "body": work } } ] });
    let id = start(&host, json!({ "definition": definition })).await?;
    host.until(&id, |run| run.has_step("fan[3]") && run.step("fan[0]")["state"] == "running").await?;
    let path = format!("/runs/{id}/steps/fan%5B3%5D/trigger");
    let said = host.refused(Method::POST, &path, json!({}), 409).await?;
    ensure!(said.contains("fan begins it"), "{said}");
    // One that is skipped before its turn is passed over, and the others come after each other all the same.
    host.steer(&id, "/steps/fan%5B2%5D/skip", json!({})).await?;
    let run = host.until(&id, |run| run.step("fan[1]")["state"] == "running").await?;
    ensure!(run.states(&["fan[0]", "fan[2]", "fan[3]"]) == ["completed", "skipped", "pending"], "{run:?}");
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{run:?}");
    ensure!(host.step_output(&run, "fan").await?["results"][2].is_null());
    Ok(())
}

async fn steps_that_failed_after_each_other_are_retried_together(host: Host) -> Result<()> {
    let breaks = json!({ "how": "'failed'", "message": "'no'" });
    let definition = json!({ "name": "both", "steps": [
        { "name": "one", "phase": "echo/end", "input": breaks, "retry": { "max_attempts": 1 }, "continue_on_failure": true },
        { "name": "two", "depends_on": ["one"], "phase": "echo/end", "input": breaks, "retry": { "max_attempts": 1 } } ] });
    let id = start(&host, json!({ "definition": definition })).await?;
    host.finished(&id).await?;
    host.steer(&id, "/retry", json!({})).await?;
    let run = host.finished(&id).await?;
    ensure!(run.attempts(&["one", "two"]) == [2, 2], "{run:?}");
    Ok(())
}

async fn what_cannot_be_written_is_told_and_the_run_stays_with_its_host(mut host: Host) -> Result<()> {
    let definition =
        json!({ "name": "asks", "steps": [{ "name": "ask", "checkpoint": { "title": "Go on?" } }] });
    let id = start(&host, json!({ "definition": definition })).await?;
    host.until(&id, |run| run.state() == "waiting_approval").await?;
    // What the decision would write is there already: the database refuses it each time.
    let forged = "INSERT INTO events (run_id, last_seq, first_seq, tenant_id, body)
                  SELECT id, event_seq + more, event_seq + more, tenant_id, '[]'
                  FROM runs, (SELECT 3 AS more UNION SELECT 4 UNION SELECT 5) AS forged";
    host.forge(forged).await?;
    let open = host.server().get("/approvals").await?;
    let path = format!("/approvals/{}/decide", open["items"][0]["id"].as_str().context("an id")?);
    let said = host.refused(Method::POST, &path, json!({ "option": "approve" }), 409).await?;
    ensure!(said.contains("3 times"), "{said}");
    // It is as it was, and its host goes on with it.
    let run = host.until(&id, |run| run.state() == "waiting_approval").await?;
    ensure!(run.step("ask")["state"] == "waiting_approval", "{run:?}");
    let run = host.steer(&id, "/cancel", json!({})).await?;
    ensure!(run.state() == "cancelled", "{run:?}");
    Ok(())
}
