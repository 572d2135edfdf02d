//! Verification: what comes out again is what was recorded, and what is not is found.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both};

both!(
    a_finished_run_is_verified,
    a_result_that_does_not_come_out_again_is_found,
    a_guests_output_that_was_changed_is_found,
    a_file_that_was_changed_is_found,
    shared_state_that_was_changed_is_found,
    a_run_without_results_is_not_verified,
);

async fn a_finished_run_is_verified(host: Host) -> Result<()> {
    for (name, input) in [
        ("chain", json!({ "x": 3 })),
        ("map_of_workflows", json!({ "numbers": [1, 2, 3] })),
        ("loop", json!({ "limit": 5 })),
        ("shared_state", json!({ "note": [1] })),
        ("condition", json!({ "amount": 5 })),
        ("wait_time", json!({})),
    ] {
        let run = host.run(name, input).await?;
        let found = host.server().post(&format!("/runs/{}/verify", run.id()), &json!({})).await?;
        ensure!(found["verified"] == true, "{name}: {found:#}");
        let completed =
            run.0["steps"].as_array().unwrap().iter().filter(|step| step["state"] == "completed").count();
        ensure!(found["steps"].as_array().unwrap().len() == completed, "{name}: {found:#}");
        ensure!(host.until(run.id(), |_| true).await?.0 == run.0, "{name}: nothing of the run has changed");
    }
    Ok(())
}

async fn a_result_that_does_not_come_out_again_is_found(mut host: Host) -> Result<()> {
    let run = host.run("transform", json!({ "price": 2.5, "quantity": 4 })).await?;
    let id = run.id().to_owned();
    host.forge("UPDATE steps SET output = replace(output, '10.0', '11.0') WHERE name = 'bill'").await?;
    let found = host.server().post(&format!("/runs/{id}/verify"), &json!({})).await?;
    ensure!(found["verified"] == false, "{found:#}");
    let bill = found["steps"].as_array().unwrap().iter().find(|step| step["step"] == "bill").unwrap();
    ensure!(bill["outcome"] == "differs" && bill["problems"][0]["path"] == "/output", "{found:#}");
    Ok(())
}

async fn verified(host: &Host, id: &str) -> Result<Value> {
    host.server().post(&format!("/runs/{id}/verify"), &json!({})).await
}

/// The one step that differs, and where.
fn differs(found: &Value) -> Result<(&str, Vec<&str>)> {
    ensure!(found["verified"] == false, "{found:#}");
    let steps = found["steps"].as_array().unwrap();
    let differing: Vec<&Value> = steps.iter().filter(|step| step["outcome"] == "differs").collect();
    ensure!(differing.len() == 1, "{found:#}");
    let problems = differing[0]["problems"].as_array().unwrap();
    let said = |problem: &Value| problem["message"].as_str().unwrap().contains("it was ");
    ensure!(problems.iter().all(said), "{found:#}");
    let paths = problems.iter().map(|problem| problem["path"].as_str().unwrap());
    Ok((differing[0]["step"].as_str().unwrap(), paths.collect()))
}

async fn a_guests_output_that_was_changed_is_found(mut host: Host) -> Result<()> {
    let run = host.run("chain", json!({ "x": 3 })).await?;
    ensure!(verified(&host, run.id()).await?["verified"] == true);
    host.forge("UPDATE steps SET output = replace(output, 'Say ', 'Sing ') WHERE name = 'apart'").await?;
    let found = verified(&host, run.id()).await?;
    ensure!(differs(&found)? == ("apart", vec!["/output"]), "{found:#}");
    Ok(())
}

async fn a_file_that_was_changed_is_found(mut host: Host) -> Result<()> {
    let upload = host.server().request(Method::POST, "/uploads?filename=a.txt").body("hello").send().await?;
    let upload: Value = upload.error_for_status()?.json().await?;
    let copy = json!({ "name": "copy", "phase": "echo/copy", "input": { "from": "'input/a.txt'" } });
    let definition = json!({ "name": "copies", "files": { "accept": [] }, "steps": [copy] });
    let body = json!({ "definition": definition, "files": [{ "upload": upload["id"] }] });
    let run = host.server().post("/runs", &body).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    ensure!(host.finished(&id).await?.state() == "completed");
    ensure!(verified(&host, &id).await?["verified"] == true);
    host.forge(
        "UPDATE artifacts SET digest = '00000000000000000000000000000000000000000000000000000000000000ff'
         WHERE name = 'copy.bin'",
    )
    .await?;
    let found = verified(&host, &id).await?;
    ensure!(differs(&found)? == ("copy", vec!["/artifacts/copy.bin"]), "{found:#}");
    Ok(())
}

async fn shared_state_that_was_changed_is_found(mut host: Host) -> Result<()> {
    let run = host.run("shared_state", json!({ "note": "first" })).await?;
    ensure!(verified(&host, run.id()).await?["verified"] == true);
    // What the last step finds is what the one before has set: so that one alone is changed which nobody reads after.
    let other = json!({ "name": "last", "steps": [
        { "name": "one", "phase": "echo/share", "input": { "set": "'first'" } },
        { "name": "two", "phase": "echo/share", "input": { "set": "'second'" }, "depends_on": ["one"] } ] });
    let run = host.server().post("/runs?wait=30s", &json!({ "definition": other })).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    ensure!(verified(&host, &id).await?["verified"] == true);
    host.forge("UPDATE attempts SET shared = replace(shared, 'second', 'third') WHERE step = 'two'").await?;
    let found = verified(&host, &id).await?;
    ensure!(differs(&found)? == ("two", vec!["/shared/note"]), "{found:#}");
    Ok(())
}

async fn a_run_without_results_is_not_verified(host: Host) -> Result<()> {
    let broken =
        json!({ "name": "s", "phase": "echo/end", "input": { "how": "'failed'", "message": "'no'" } });
    let run = host
        .server()
        .post("/runs?wait=30s", &json!({ "definition": { "name": "b", "steps": [broken] } }))
        .await?;
    let id = run["id"].as_str().context("an id")?;
    ensure!(run["state"] == "failed", "{run:#}");
    let found = verified(&host, id).await?;
    ensure!(found["verified"] == false && found["steps"] == json!([]), "{found:#}");
    Ok(())
}
