//! Plugins come and go while runs are started.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{echo_server, get, problem};

#[tokio::test]
async fn a_plugin_removed_is_taken_by_no_new_run() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let workflows = server.get("/workflows").await?;
    ensure!(workflows["items"].as_array().unwrap().iter().any(|w| w["workflow"]["name"] == "echo_chain"));
    let schema = get(&server, "/phases/echo/copy/config-schema", &[]).await?;
    ensure!(schema.headers()["content-type"] == "application/schema+json");
    ensure!(schema.json::<Value>().await?["properties"]["piece"]["minimum"] == 1);
    let plugin = get(&server, "/plugins/echo", &[]).await?;
    let tag = plugin.headers()["etag"].to_str()?.to_owned();
    ensure!(
        get(&server, "/plugins/echo", &[("if-none-match", &tag)]).await?.status() == StatusCode::NOT_MODIFIED
    );
    let removed = server.request(Method::DELETE, "/plugins/echo").send().await?;
    ensure!(removed.status() == StatusCode::NO_CONTENT);
    let start =
        server.request(Method::POST, "/runs").json(&json!({ "workflow": "echo_chain" })).send().await?;
    problem(start, StatusCode::NOT_FOUND, "not_found").await?;
    let again = server.request(Method::DELETE, "/plugins/echo").send().await?;
    problem(again, StatusCode::NOT_FOUND, "not_found").await?;
    Ok(())
}

#[tokio::test]
async fn while_a_plugin_comes_and_goes_its_workflow_is_there_or_not_and_nothing_between() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let start = async || {
        let request = server.request(Method::POST, "/runs").json(&json!({ "workflow": "echo_chain" }));
        anyhow::Ok(request.send().await?)
    };
    let (mut started, mut refused) = (0, 0);
    let starting = async {
        for _ in 0..150 {
            for response in futures::future::try_join_all((0..4).map(|_| start())).await? {
                match response.status() {
                    StatusCode::CREATED => started += 1,
                    _ => {
                        problem(response, StatusCode::NOT_FOUND, "not_found").await?;
                        refused += 1;
                    }
                }
            }
        }
        anyhow::Ok(())
    };
    let changing = async {
        loop {
            let removed = server.request(Method::DELETE, "/plugins/echo").send().await?;
            ensure!(removed.status() == StatusCode::NO_CONTENT);
            server.load_plugin("examples/echo").await?;
        }
        #[allow(unreachable_code, reason = "it says what the error is")]
        anyhow::Ok(())
    };
    tokio::select! {
        ended = starting => ended?,
        ended = changing => ended?,
    }
    ensure!(started > 0 && refused > 0, "{started} started, {refused} refused");
    Ok(())
}

#[tokio::test]
async fn what_the_host_brings_stays_removed_until_it_is_added_again() -> Result<()> {
    let (server, directory) = echo_server().await?;
    let name = heddle::plugins::bundled().first().context("cargo xtask build-plugins has not run")?.0;
    let path = format!("/plugins/{name}");
    ensure!(server.get(&path).await?["source"] == "bundled");
    ensure!(server.request(Method::DELETE, &path).send().await?.status() == StatusCode::NO_CONTENT);
    server.stop()?;
    let server = heddle_tests::Server::start(directory.path())?;
    problem(get(&server, &path, &[]).await?, StatusCode::NOT_FOUND, "not_found").await?;
    let add = async |query: &str, body: &'static str| {
        server.request(Method::POST, &format!("/plugins?bundled={query}")).body(body).send().await
    };
    problem(add("nobody", "").await?, StatusCode::NOT_FOUND, "not_found").await?;
    problem(add(name, "bytes").await?, StatusCode::BAD_REQUEST, "invalid").await?;
    let added = add(name, "").await?;
    ensure!(added.status() == StatusCode::CREATED);
    ensure!(added.json::<Value>().await?["source"] == "bundled");
    ensure!(server.get(&path).await?["active"] == true);
    Ok(())
}
