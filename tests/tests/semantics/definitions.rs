//! Definitions: saved in versions, read as JSON and YAML, and told everything that is wrong with them.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Host, both, library};

both!(
    every_definition_of_the_library_can_run,
    versions_stay_and_the_newest_is_taken,
    everything_that_is_wrong_is_told_with_its_place,
    a_definition_for_one_run_alone,
    what_a_plugin_ships_stays_its_own,
);

async fn every_definition_of_the_library_can_run(host: Host) -> Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(library("part").parent().unwrap())? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        ensure!(text.starts_with("# "), "{}: it says what it shows", path.display());
        let request = host.server().request(Method::POST, "/workflows/validate").body(text);
        let check: Value = request.send().await?.error_for_status()?.json().await?;
        ensure!(check == json!({ "valid": true, "problems": [] }), "{}: {check:#}", path.display());
        names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
    }
    ensure!(names.len() > 25, "{names:?}");
    Ok(())
}

async fn versions_stay_and_the_newest_is_taken(mut host: Host) -> Result<()> {
    let definition = |version: &str, text: &str| json!({ "name": "greet", "version": version, "steps": [{ "name": "say", "transform": text }] });
    let server = host.server();
    server.post("/workflows", &definition("1.0.0", "'one'")).await?;
    server.post("/workflows", &definition("1.1.0", "'two'")).await?;
    server.post("/workflows", &definition("1.0.0", "'one'")).await?;
    let said = host.refused(Method::POST, "/workflows", definition("1.0.0", "'other'"), 409).await?;
    ensure!(said.contains("version 1.0.0 of workflow greet is saved with another definition"), "{said}");
    host.crash()?;
    let server = host.server();
    let newest = server.post("/runs?wait=30s", &json!({ "workflow": "greet" })).await?;
    let older = server.post("/runs?wait=30s", &json!({ "workflow": "greet", "version": "1.0.0" })).await?;
    for (run, text) in [(&newest, "two"), (&older, "one")] {
        let output = server.get(&format!("/runs/{}/output", run["id"].as_str().unwrap())).await?;
        ensure!(output == json!({ "say": text }), "{output}");
    }
    let versions = server.get("/workflows/greet/versions").await?;
    let versions: Vec<&str> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["workflow"]["version"].as_str().unwrap())
        .collect();
    ensure!(versions == ["1.1.0", "1.0.0"], "{versions:?}");
    server.request(Method::DELETE, "/workflows/greet?version=1.1.0").send().await?.error_for_status()?;
    ensure!(server.get("/workflows/greet").await?["workflow"]["version"] == "1.0.0");
    server.request(Method::DELETE, "/workflows/greet").send().await?.error_for_status()?;
    let said = host.refused(Method::POST, "/runs", json!({ "workflow": "greet" }), 404).await?;
    ensure!(said.contains("there is no workflow \"greet\""), "{said}");
    let rerun =
        host.server().post(&format!("/runs/{}/fork", newest["id"].as_str().unwrap()), &json!({})).await?;
    ensure!(
        host.finished(rerun["id"].as_str().unwrap()).await?.0["state"] == "completed",
        "runs keep their copy"
    );
    Ok(())
}

async fn everything_that_is_wrong_is_told_with_its_place(host: Host) -> Result<()> {
    let definition = json!({
        "name": "wrong",
        "input_schema": { "type": "object", "properties": { "n": {} }, "additionalProperties": false },
        "steps": [
            { "name": "a", "transform": "input.m + 1", "depends_on": ["c"] },
            { "name": "b", "transform": "steps.nobody.output" },
            { "name": "c", "phase": "echo/sing", "depends_on": ["a"] },
            { "name": "d", "phase": "echo/share" },
            { "name": "e", "phase": "echo/share" },
            { "name": "f", "transform": "1 +" },
            { "name": "g" },
            { "name": "h", "workflow": { "name": "nowhere" } },
            { "name": "i", "condition": "item > 3" },
        ],
    });
    let said = host.refused(Method::POST, "/workflows", definition.clone(), 400).await?;
    for (path, message) in [
        ("/steps/0/transform", "no \"m\""),
        ("/steps/1", "nobody"),
        ("/steps/2/phase", "no phase \"sing\""),
        ("/steps/5/transform", "character"),
        ("/steps/6", "does nothing"),
        ("/steps/8/condition", "inside a map"),
    ] {
        let told = said.lines().any(|line| line.starts_with(path) && line.contains(message));
        ensure!(told, "{path}: {message}\n{said}");
    }
    ensure!(said.contains("→") || said.contains("circle") || said.contains("cycle"), "{said}");
    let check = host.server().post("/workflows/validate", &definition).await?;
    ensure!(check["valid"] == false && check["problems"].as_array().unwrap().len() >= 7, "{check:#}");
    // What a step makes is known as far as its schema says.
    let places = json!({ "name": "wrong", "steps": [
        { "name": "spin", "phase": "echo/spin" },
        { "name": "made", "transform": { "total": "1" } },
        { "name": "asked", "checkpoint": { "title": "Shall it?" } },
        { "name": "each", "map": { "over": "input.items", "body": { "phase": "echo/spin" } } },
        { "name": "a", "transform": "steps.spin.output.checksum.first" },
        { "name": "b", "transform": "1 + steps.made.output.totl" },
        { "name": "c", "transform": "steps.asked.output.opinion" },
        { "name": "d", "transform": "steps.each.output.results.checksum" } ] });
    let said = host.refused(Method::POST, "/workflows", places, 400).await?;
    for (path, message) in [
        ("/steps/4/transform", "at character 28: `steps.spin.output.checksum` is of type string"),
        (
            "/steps/5/transform",
            r#"at character 23: `steps.made.output` has no "totl"; did you mean "total"?"#,
        ),
        ("/steps/6/transform", "has no"),
        ("/steps/7/transform", "is a list and has no key"),
    ] {
        let told = said.lines().any(|line| line.starts_with(path) && line.contains(message));
        ensure!(told, "{path}: {message}\n{said}");
    }
    // What can be seen only when the rest is right.
    let parallel = json!({ "name": "wrong", "steps": [
        { "name": "d", "phase": "echo/share" }, { "name": "e", "phase": "echo/share" },
        { "name": "h", "workflow": { "name": "nowhere" } } ] });
    let said = host.refused(Method::POST, "/workflows", parallel, 400).await?;
    ensure!(
        said.contains("both write the shared key \"note\"") && said.contains("no workflow \"nowhere\""),
        "{said}"
    );
    let sharing = json!({ "name": "sharing", "steps": [{ "name": "s", "phase": "echo/share" }] });
    host.server().post("/workflows", &sharing).await?;
    let parallel = json!({ "name": "wrong", "steps": [
        { "name": "a", "workflow": { "name": "sharing" } }, { "name": "b", "phase": "echo/share" } ] });
    let said = host.refused(Method::POST, "/workflows", parallel, 400).await?;
    ensure!(said.contains("steps a and b both write the shared key"), "also inside a part: {said}");
    let inside = json!({ "name": "inside", "steps": [{ "name": "s", "workflow": { "name": "inside" } }] });
    let said = host.refused(Method::POST, "/workflows", inside, 400).await?;
    ensure!(said.contains("inside"), "{said}");
    let response = host.server().request(Method::POST, "/workflows").body("name: [").send().await?;
    ensure!(response.status() == 400 && response.text().await?.contains("no YAML"));
    Ok(())
}

async fn a_definition_for_one_run_alone(host: Host) -> Result<()> {
    let definition = json!({ "name": "once", "steps": [{ "name": "say", "transform": "input.x" }] });
    let run = host
        .server()
        .post("/runs?wait=30s", &json!({ "definition": definition, "input": { "x": 5 } }))
        .await?;
    let output = host.server().get(&format!("/runs/{}/output", run["id"].as_str().unwrap())).await?;
    ensure!(output == json!({ "say": 5 }) && run["workflow"] == "once", "{output}");
    host.refused(Method::GET, "/workflows/once", json!(null), 404).await?;
    let both = json!({ "definition": definition, "workflow": "part" });
    host.refused(Method::POST, "/runs", both, 400).await?;
    let wrong = json!({ "definition": { "name": "once", "steps": [{ "name": "say", "transfrom": "1" }] } });
    let said = host.refused(Method::POST, "/runs", wrong, 400).await?;
    ensure!(said.contains("/steps/0") && said.contains("transfrom"), "{said}");
    Ok(())
}

async fn what_a_plugin_ships_stays_its_own(host: Host) -> Result<()> {
    let theirs = json!({ "name": "echo_chain", "steps": [{ "name": "say", "transform": "1" }] });
    let said = host.refused(Method::POST, "/workflows", theirs, 409).await?;
    ensure!(said.contains("shipped by plugin echo"), "{said}");
    let said = host.refused(Method::DELETE, "/workflows/echo_chain", json!(null), 409).await?;
    ensure!(said.contains("remove the plugin"), "{said}");
    let named = host.server().get("/workflows").await?;
    let own = named["items"].as_array().unwrap().iter().find(|w| w["workflow"]["name"] == "part").unwrap();
    ensure!(own.get("plugin").is_none() && own["digest"].is_string(), "{own:#}");
    Ok(())
}
