//! Tokens: made, listed, revoked; and the one in the file.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use heddle::model::Timestamp;
use heddle_tests::{Server, data_dir};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    echo_server, problem,
    streams::{open, until_closed},
};

async fn status(server: &Server, token: &str, path: &str) -> Result<StatusCode> {
    let url = format!("{}/api/v1{path}", server.url());
    Ok(reqwest::Client::new().get(url).bearer_auth(token).send().await?.status())
}

#[tokio::test]
async fn a_token_opens_what_its_role_says_until_it_is_revoked() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let request = server.request(Method::POST, "/tokens").json(&json!({ "name": "nightly", "role": "user" }));
    let response = request.send().await?;
    ensure!(response.status() == StatusCode::CREATED && response.headers()["cache-control"] == "no-store");
    let made: Value = response.json().await?;
    let (id, secret) = (made["id"].as_str().context("id")?, made["secret"].as_str().context("secret")?);
    ensure!(id.starts_with("tok_") && secret.starts_with("heddle_") && secret.len() > 64, "{made}");

    ensure!(status(&server, secret, "/runs").await? == StatusCode::OK);
    ensure!(status(&server, secret, "/tokens").await? == StatusCode::FORBIDDEN, "only admins see tokens");
    let listed = server.get("/tokens").await?;
    let names: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    ensure!(names == ["admin", "nightly"], "{listed}");
    ensure!(!listed.to_string().contains(secret), "a secret is shown once");

    let run = server.start_run("echo_diamond", json!({ "iterations": 1_000_000_000_000_u64 })).await?;
    let watching = open(&server, &format!("/runs/{run}/ws"), secret).await?;
    let revoked = server.request(Method::DELETE, &format!("/tokens/{id}")).send().await?;
    ensure!(revoked.status() == StatusCode::NO_CONTENT);
    ensure!(status(&server, secret, "/runs").await? == StatusCode::UNAUTHORIZED);
    let (_, frame) = until_closed(watching).await?;
    ensure!(u16::from(frame.code) == 1001 && frame.reason.contains("revoked"), "{frame:?}");
    let again = server.request(Method::DELETE, &format!("/tokens/{id}")).send().await?;
    problem(again, StatusCode::NOT_FOUND, "not_found").await?;
    Ok(())
}

#[tokio::test]
async fn a_token_expires_and_what_is_no_token_is_refused() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    for (body, says) in [
        (json!({ "name": " ", "role": "user" }), "1 to 100 characters"),
        (json!({ "name": "x".repeat(101), "role": "user" }), "1 to 100 characters"),
        (json!({ "name": "admin", "role": "user" }), "data directory's file"),
        (json!({ "name": "x", "role": "root" }), "unknown variant `root`"),
        (json!({ "name": "x" }), "missing field `role`"),
        (json!({ "name": "x", "role": "user", "expires_at": "2020-01-01T00:00:00Z" }), "would have expired"),
    ] {
        let response = server.request(Method::POST, "/tokens").json(&body).send().await?;
        let refused = problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
        ensure!(refused["detail"].as_str().unwrap().contains(says), "{body}: {refused}");
    }
    let soon = Timestamp::now().plus(Duration::from_secs(6)).to_string();
    let made = server.post("/tokens", &json!({ "name": "x", "role": "viewer", "expires_at": soon })).await?;
    let secret = made["secret"].as_str().context("secret")?;
    ensure!(status(&server, secret, "/runs").await? == StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(6_100)).await;
    ensure!(status(&server, secret, "/runs").await? == StatusCode::UNAUTHORIZED);
    Ok(())
}

#[tokio::test]
async fn a_token_file_that_was_deleted_takes_its_token_with_it() -> Result<()> {
    let directory = data_dir();
    let server = Server::start(directory.path())?;
    let old = server.token().to_owned();
    server.stop()?;
    let server = Server::start(directory.path())?;
    ensure!(server.token() == old, "it is kept");
    server.stop()?;
    std::fs::remove_file(directory.path().join("admin-token"))?;
    let server = Server::start(directory.path())?;
    ensure!(server.token() != old);
    ensure!(status(&server, &old, "/runs").await? == StatusCode::UNAUTHORIZED, "the old one is revoked");
    ensure!(status(&server, server.token(), "/runs").await? == StatusCode::OK);
    ensure!(server.get("/tokens").await?["items"].as_array().unwrap().len() == 1);
    Ok(())
}
