//! The HTTP API, by the real server with real components.
#![allow(clippy::unwrap_used)]

mod content;
mod deadlines;
mod document;
mod errors;
mod events;
mod plugins;
mod runs;
mod streams;
mod tokens;

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{Server, data_dir};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server with the plugin `echo`. The directory lives as long as the server.
async fn echo_server() -> Result<(Server, TempDir)> {
    let directory = data_dir();
    let server = Server::start(directory.path())?;
    server.load_plugin("examples/echo").await?;
    Ok((server, directory))
}

/// A completed run of the ticket analysis on the synthetic sample: one that has files of many kinds.
async fn analysed(server: &Server) -> Result<Value> {
    server.load_plugin("ticket-analysis").await?;
    let input: Value = serde_json::from_slice(&heddle_tests::sample("tickets.json"))?;
    let body = json!({ "workflow": "ticket_analysis", "input": input, "as_of": "2026-01-01T00:00:00Z" });
    let run = server.post("/runs?wait=120s", &body).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    Ok(run)
}

/// Check that a response is an error of the kind expected, told as every error is. Returns its problem details.
async fn problem(response: Response, status: StatusCode, code: &str) -> Result<Value> {
    let url = response.url().clone();
    ensure!(response.status() == status, "{url}: {} instead of {status}", response.status());
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    ensure!(header("content-type").as_deref() == Some("application/problem+json"), "{url}: {response:?}");
    let request_id = header("x-request-id").context("no x-request-id")?;
    let problem: Value = response.json().await?;
    ensure!(problem["status"] == status.as_u16(), "{url}: {problem}");
    ensure!(problem["code"] == code, "{url}: {problem}");
    ensure!(problem["type"] == format!("urn:heddle:problem:{code}"), "{url}: {problem}");
    ensure!(problem["request_id"] == request_id.as_str(), "{url}: {problem}");
    for member in ["title", "detail"] {
        ensure!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{url}: {problem}");
    }
    Ok(problem)
}

/// GET with headers.
async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
    let mut request = server.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.send().await?)
}
