//! Events: the same numbers by page, by server-sent events and by WebSocket, from any number on.

use std::{cell::Cell, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use heddle_tests::Server;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::{echo_server, get, problem};

/// One server-sent event.
#[derive(Debug, Default, PartialEq)]
struct Sent {
    id: Option<u64>,
    event: String,
    data: Value,
}

/// Read a stream until it ends, or until `enough` says so of what was read.
async fn server_sent(
    server: &Server,
    path: &str,
    last_event_id: Option<u64>,
    enough: impl Fn(&[Sent]) -> bool,
) -> Result<Vec<Sent>> {
    let mut request = server.request(Method::GET, path).header("accept", "text/event-stream");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await?;
    ensure!(response.status() == StatusCode::OK, "{}", response.status());
    ensure!(response.headers()["content-type"] == "text/event-stream");
    let (mut bytes, mut text, mut all) = (response.bytes_stream(), String::new(), Vec::new());
    while !enough(&all) {
        let Some(chunk) = bytes.next().await else { break };
        text.push_str(std::str::from_utf8(&chunk?)?);
        while let Some((block, rest)) = text.split_once("\n\n") {
            let mut sent = Sent::default();
            for line in block.lines().filter(|line| !line.starts_with(':')) {
                let (field, value) = line.split_once(": ").context("a field")?;
                match field {
                    "id" => sent.id = Some(value.parse()?),
                    "event" => sent.event = value.to_owned(),
                    "data" => sent.data = serde_json::from_str(value)?,
                    other => bail!("the field {other:?}"),
                }
            }
            let rest = rest.to_owned();
            text = rest;
            if !sent.event.is_empty() {
                all.push(sent);
            }
        }
    }
    Ok(all)
}

async fn socket(
    server: &Server,
    path: &str,
    protocols: Option<&str>,
    enough: impl Fn(&[Value]) -> bool,
) -> Result<(Vec<Value>, Option<u16>)> {
    let url = format!("{}/api/v1{path}", server.url().replacen("http", "ws", 1));
    let mut request = url.into_client_request()?;
    match protocols {
        Some(protocols) => {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_str(protocols)?);
        }
        None => {
            let bearer = format!("Bearer {}", server.token());
            request.headers_mut().insert("authorization", HeaderValue::from_str(&bearer)?);
        }
    }
    let (mut socket, response) = connect_async(request).await?;
    if protocols.is_some() {
        ensure!(response.headers()["sec-websocket-protocol"] == "heddle");
    }
    let mut all = Vec::new();
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => all.push(serde_json::from_str(&text)?),
            Message::Close(frame) => return Ok((all, frame.map(|frame| frame.code.into()))),
            _ => {}
        }
        if enough(&all) {
            socket.send(Message::Close(None)).await?;
            return Ok((all, None));
        }
    }
    Ok((all, None))
}

const ITERATIONS: u64 = 30_000_000;

#[tokio::test]
async fn streams_resume_from_any_number_without_loss_or_doubles() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": ITERATIONS })).await?;
    let path = format!("/runs/{id}/events");
    // Watched from its start, broken off after three, resumed by the number of the last.
    let begun =
        server_sent(&server, &path, None, |all| all.iter().filter(|sent| sent.id.is_some()).count() >= 3)
            .await?;
    let begun: Vec<Sent> = begun.into_iter().filter(|sent| sent.id.is_some()).collect();
    let last = begun.last().and_then(|sent| sent.id);
    let rest = server_sent(&server, &path, last, |_| false).await?;
    let numbered: Vec<&Sent> = begun.iter().chain(&rest).filter(|sent| sent.id.is_some()).collect();

    let all = server.events(&id).await?;
    ensure!(all.len() >= 14, "{all:#?}");
    ensure!(all.last().is_some_and(|event| event["type"] == "run.completed"));
    let seqs: Vec<u64> = all.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    ensure!(seqs == (1..=all.len() as u64).collect::<Vec<_>>());
    ensure!(numbered.len() == all.len(), "{} instead of {}", numbered.len(), all.len());
    for (sent, event) in numbered.iter().zip(&all) {
        ensure!(
            sent.data == *event && sent.id == event["seq"].as_u64() && event["type"] == sent.event.as_str()
        );
    }
    // What is live only has no number, and so nothing resumes from it.
    let live: Vec<&Sent> = rest.iter().filter(|sent| sent.id.is_none()).collect();
    ensure!(live.iter().all(|sent| sent.event == "step.progress" && sent.data["step"] == "end"), "{live:?}");

    for after in [0, 1, 7, all.len() as u64 - 1] {
        let expected: Vec<Value> = all.iter().skip(after as usize).cloned().collect();
        let by_stream = server_sent(&server, &format!("{path}?after={after}"), None, |_| false).await?;
        let by_stream: Vec<Value> = by_stream.into_iter().map(|sent| sent.data).collect();
        ensure!(by_stream == expected, "after {after}");
        let (by_socket, code) =
            socket(&server, &format!("/runs/{id}/ws?after={after}"), None, |_| false).await?;
        ensure!(by_socket == expected && code == Some(1000), "after {after}: {code:?}");
        let page = server.get(&format!("{path}?after={after}&limit=2")).await?;
        let by_page = page["items"].as_array().unwrap();
        ensure!(by_page.as_slice() == &expected[..by_page.len()] && !by_page.is_empty());
        ensure!(page["next_after"] == by_page.last().unwrap()["seq"]);
    }
    // When all is told, a browser is told to ask no more.
    let done =
        get(&server, &path, &[("accept", "text/event-stream"), ("last-event-id", &all.len().to_string())])
            .await?;
    ensure!(done.status() == StatusCode::NO_CONTENT);
    Ok(())
}

#[tokio::test]
async fn a_socket_follows_a_run_live_and_a_browser_opens_it_by_subprotocol() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": ITERATIONS })).await?;
    let protocols = format!("heddle, bearer.{}", server.token());
    let path = format!("/runs/{id}/ws");
    let (begun, _) = socket(&server, &path, Some(&protocols), |all| all.len() >= 2).await?;
    let begun: Vec<Value> = begun.into_iter().filter(|message| message["seq"].is_u64()).collect();
    let after = begun.last().unwrap()["seq"].as_u64().unwrap();
    let (rest, code) = socket(&server, &format!("{path}?after={after}"), Some(&protocols), |_| false).await?;
    ensure!(code == Some(1000));
    let numbered: Vec<Value> =
        begun.into_iter().chain(rest).filter(|message| message["seq"].is_u64()).collect();
    ensure!(numbered == server.events(&id).await?);

    let refused = socket(&server, &path, Some("heddle, bearer.heddle_wrong"), |_| false).await;
    ensure!(format!("{:#}", refused.unwrap_err()).contains("401"));
    Ok(())
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams_and_a_restarted_one_resumes_them() -> Result<()> {
    let (server, directory) = echo_server().await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": 4_000_000_000_u64 })).await?;
    let path = format!("/runs/{id}/events");
    let seen_yet = Cell::new(false);
    let watching = server_sent(&server, &path, None, |seen| {
        seen_yet.set(seen.iter().any(|sent| sent.id.is_some()));
        false
    });
    let pid = server.pid().to_string();
    let stopping = async {
        while !seen_yet.get() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await?;
        Ok(())
    };
    let (seen, _) = futures::future::try_join(watching, stopping).await?;
    let last = seen.iter().filter_map(|sent| sent.id).next_back().context("nothing was seen")?;
    ensure!(seen.iter().all(|sent| sent.event != "run.completed"), "it was stopped while the run went on");
    server.stop()?;
    let server = Server::start(directory.path())?;
    let rest = server_sent(&server, &path, Some(last), |_| false).await?;
    let ids: Vec<u64> = seen.iter().chain(&rest).filter_map(|sent| sent.id).collect();
    let all = server.events(&id).await?;
    ensure!(ids == (1..=all.len() as u64).collect::<Vec<_>>(), "{ids:?}");
    ensure!(all.last().is_some_and(|event| event["type"] == "run.completed"), "{all:#?}");
    Ok(())
}

#[tokio::test]
async fn a_number_that_is_none_is_refused() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let id = server.start_run("echo_chain", json!({})).await?;
    let headers = [("accept", "text/event-stream"), ("last-event-id", "x")];
    let response = get(&server, &format!("/runs/{id}/events"), &headers).await?;
    problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
    Ok(())
}
