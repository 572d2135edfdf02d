//! `heddle token`, on a data directory and on a server.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use heddle_tests::Server;
use serde_json::Value;

use crate::Desk;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect()
}

async fn opens(server: &Server, secret: &str) -> Result<bool> {
    let request = reqwest::Client::new().get(format!("{}/api/v1/runs", server.url())).bearer_auth(secret);
    Ok(request.send().await?.status().is_success())
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() -> Result<()> {
    let desk = Desk::new();
    // Before there was a server.
    let (secret, said) =
        desk.ends(0, &["token", "create", "nightly", "--role", "viewer", "--expires-in-days", "30"])?;
    let secret = secret.trim();
    ensure!(secret.starts_with("heddle_") && secret.lines().count() == 1, "{secret}");
    ensure!(said.contains("shown this once") && !said.contains(secret), "{said}");

    let server = Server::start(desk.data.path())?;
    ensure!(opens(&server, secret).await?);
    let (table, _) = desk.ends(0, &["token", "list"])?;
    ensure!(table.contains("nightly") && table.contains("viewer") && !table.contains(secret), "{table}");
    let made: Value = desk.json(&["token", "create", "ci", "--role", "admin", "--json"])?;
    let by_server = desk.json(&["token", "list", "--json"])?;
    ensure!(names(&by_server) == ["nightly", "admin", "ci"], "{by_server}");
    ensure!(by_server[0]["expires_at"].is_string() && by_server[2]["expires_at"].is_null());

    let file = desk.write("ci-token", made["secret"].as_str().context("secret")?);
    let (url, file) = (server.url().to_owned(), file.to_str().unwrap().to_owned());
    let nightly = by_server[0]["id"].as_str().unwrap();
    desk.ends(0, &["token", "revoke", nightly, "--server", &url, "--token-file", &file])?;
    ensure!(!opens(&server, secret).await?);
    let (_, err) = desk.ends(2, &["token", "revoke", nightly])?;
    ensure!(err.contains("there is no token"), "{err}");
    server.stop()?;

    desk.ends(0, &["token", "revoke", made["id"].as_str().unwrap()])?;
    ensure!(names(&desk.json(&["token", "list", "--json"])?) == ["admin"]);
    let (_, err) = desk.ends(2, &["token", "create", "x", "--role", "root"])?;
    ensure!(err.contains("viewer, user and admin"), "{err}");
    let (_, err) = desk.ends(2, &["token", "create", "admin", "--role", "user"])?;
    ensure!(err.contains("take another one"), "{err}");
    ensure!(
        !fs::read_to_string(desk.data.path().join("heddle.db-wal")).is_ok_and(|text| text.contains(secret))
    );
    Ok(())
}
