//! What does not come in time is given up, and a server that is told to stop stops in time.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{PATIENCE, Server, data_dir};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

fn start(bounds: &[&str]) -> Result<(Server, TempDir)> {
    let directory = data_dir();
    let arguments: Vec<&str> = bounds.iter().flat_map(|bound| ["--bound", bound]).collect();
    Ok((Server::start_with(directory.path(), &arguments)?, directory))
}

async fn connect(server: &Server) -> Result<TcpStream> {
    Ok(TcpStream::connect(server.url().strip_prefix("http://").context("http")?).await?)
}

/// What the server says until it closes the connection.
async fn until_closed(stream: &mut TcpStream) -> Result<String> {
    let mut read = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut read)).await.context("it is not closed")??;
    Ok(String::from_utf8(read)?)
}

#[tokio::test]
async fn a_head_that_does_not_come_and_a_connection_that_idles_are_given_up() -> Result<()> {
    let (server, _directory) = start(&["head=1500"])?;
    let mut half = connect(&server).await?;
    half.write_all(b"GET /healthz HTTP/1.1\r\nho").await?;
    let mut idle = connect(&server).await?;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let begin = Instant::now();
    ensure!(!until_closed(&mut half).await?.contains("200 OK"));
    ensure!(until_closed(&mut idle).await?.starts_with("HTTP/1.1 200 OK"), "it was served, then closed");
    ensure!(begin.elapsed() >= Duration::from_millis(1000), "not before its time");
    Ok(())
}

fn head(server: &Server, path: &str, length: usize) -> String {
    format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n",
        server.token()
    )
}

fn is_timeout(answer: &str, says: &str) -> Result<()> {
    ensure!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let body = answer.split_once("\r\n\r\n").context("no body")?.1;
    let problem: Value = serde_json::from_str(body).with_context(|| answer.to_owned())?;
    ensure!(
        problem["code"] == "timeout" && problem["detail"].as_str().is_some_and(|d| d.contains(says)),
        "{problem}"
    );
    Ok(())
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() -> Result<()> {
    let (server, _directory) = start(&["body-pause=400"])?;
    for path in ["/runs", "/uploads?filename=a.json", "/tokens", "/plugins"] {
        let mut stream = connect(&server).await?;
        stream.write_all(head(&server, path, 1000).as_bytes()).await?;
        stream.write_all(b"{\"workflow\":").await?;
        is_timeout(&until_closed(&mut stream).await?, "stopped coming").with_context(|| path.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_comes_by_drops_is_given_up() -> Result<()> {
    let (server, _directory) = start(&["body=900", "body-pause=60000"])?;
    let (mut read, mut write) = connect(&server).await?.into_split();
    write.write_all(head(&server, "/runs", 1_000_000).as_bytes()).await?;
    let dripping = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = vec![0; 2000];
    let n = timeout(PATIENCE, read.read(&mut answer)).await.context("no answer")??;
    dripping.abort();
    is_timeout(std::str::from_utf8(&answer[..n])?, "was not there after 900ms")
}

#[tokio::test]
async fn a_run_that_a_stop_interrupts_goes_on_at_the_next_start_and_counts_no_crash() -> Result<()> {
    let directory = data_dir();
    let mut server = Server::start_with(directory.path(), &["--drain-seconds", "0"])?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": 4_000_000_000_u64 })).await?;
    // As often as would be too often for crashes.
    for _ in 0..4 {
        sleep(Duration::from_millis(300)).await;
        let run = server.get(&format!("/runs/{id}")).await?;
        ensure!(run["state"] == "running", "it is to be interrupted: {}", run["state"]);
        let begin = Instant::now();
        server.stop()?;
        ensure!(begin.elapsed() < PATIENCE, "it took {:?} to stop", begin.elapsed());
        server = Server::start_with(directory.path(), &["--drain-seconds", "0"])?;
    }
    let run = server.finished(&id).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    for step in run["steps"].as_array().context("steps")? {
        ensure!(step["attempts"].as_array().is_some_and(|attempts| attempts.len() == 1), "{step:#}");
    }
    Ok(())
}
