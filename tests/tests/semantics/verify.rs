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
    what_was_made_of_something_else_is_not_compared,
    a_fork_onto_another_component_does_anew_what_the_old_one_made,
);

async fn what_was_made_of_something_else_is_not_compared(host: Host) -> Result<()> {
    let definition = json!({ "name": "back", "steps": [
        { "name": "a", "phase": "echo/echo", "input": { "x": "input.x" } },
        { "name": "b", "phase": "echo/echo", "input": { "y": "10 / int(steps.a.output.input.x)" } },
        { "name": "z", "transform": "steps.b.output.input.y" } ] });
    let run = host.server().post("/runs", &json!({ "definition": definition, "input": { "x": 1 } })).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    host.finished(&id).await?;
    host.steer(&id, "/steps/a/retry", json!({ "input": { "x": 2 } })).await?;
    host.finished(&id).await?;
    host.steer(&id, "/steps/b/rollback", json!({ "attempt": 1 })).await?;
    let run = host.finished(&id).await?;
    ensure!(host.step_output(&run, "z").await? == json!(10), "{run:?}");
    ensure!(run.step("b")["result_attempt"] == 1 && run.step("b")["attempt"] == 2, "{run:?}");
    let found = verified(&host, &id).await?;
    let outcomes: Vec<&Value> = found["steps"].as_array().unwrap().iter().map(|s| &s["outcome"]).collect();
    ensure!(found["verified"] == true && outcomes == ["same", "made_of_other", "same"], "{found:#}");
    Ok(())
}

async fn a_fork_onto_another_component_does_anew_what_the_old_one_made(host: Host) -> Result<()> {
    let definition = json!({ "name": "upgraded", "steps": [
        { "name": "a", "phase": "echo/echo", "input": { "what": "'a'" } },
        { "name": "t", "transform": "1" },
        { "name": "b", "phase": "echo/echo", "input": { "what": "'b'" }, "depends_on": ["a", "t"] } ] });
    let run = host.server().post("/runs", &json!({ "definition": definition })).await?;
    let id = run["id"].as_str().context("an id")?.to_owned();
    host.finished(&id).await?;
    let echo = std::path::Path::new(&std::env::var("HEDDLE_PLUGINS_DIR")?).join("examples/echo.wasm");
    let mut bytes = std::fs::read(echo)?;
    let template = b"Say {{ what }}";
    let found: Vec<usize> =
        bytes.windows(template.len()).enumerate().filter(|(_, w)| w == template).map(|(i, _)| i).collect();
    ensure!(!found.is_empty());
    found.iter().for_each(|i| bytes[i + 2] = b'x');
    let upload = host.server().request(Method::POST, "/plugins").header("content-type", "application/wasm");
    upload.body(bytes).send().await?.error_for_status()?;
    for (upgrade, prompt, attempts) in [(false, "Say ", [1, 1, 2]), (true, "Sax ", [2, 1, 2])] {
        let body = json!({ "step": "b", "upgrade": upgrade });
        let fork = host.server().post(&format!("/runs/{id}/fork"), &body).await?;
        let fork = host.finished(fork["id"].as_str().context("an id")?).await?;
        ensure!(fork.attempts(&["a", "t", "b"]) == attempts, "{fork:?}");
        let output = host.step_output(&fork, "a").await?;
        ensure!(output["prompt"].as_str().is_some_and(|said| said.starts_with(prompt)), "{output:#}");
        let found = verified(&host, fork.id()).await?;
        ensure!(found["verified"] == true, "{upgrade}: {found:#}");
    }
    Ok(())
}

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
