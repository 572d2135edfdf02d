//! Streams end when there is nothing more to tell, and nobody keeps them from others.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use heddle_tests::{PATIENCE, Server, data_dir};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue, protocol::CloseFrame},
};

use crate::{echo_server, problem};

/// Iterations that nobody waits for.
const ENDLESS: u64 = 1_000_000_000_000;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn open(server: &Server, path: &str, token: &str) -> Result<Socket> {
    let url = format!("{}/api/v1{path}", server.url().replacen("http", "ws", 1));
    let mut request = url.into_client_request()?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"))?;
    request.headers_mut().insert("authorization", bearer);
    Ok(connect_async(request).await?.0)
}

/// The texts of a socket until the server closes it.
pub(crate) async fn until_closed(mut socket: Socket) -> Result<(Vec<Value>, CloseFrame)> {
    let mut texts = Vec::new();
    let read = async {
        while let Some(message) = socket.next().await {
            match message? {
                Message::Text(text) => texts.push(serde_json::from_str(&text)?),
                Message::Close(frame) => return frame.context("it was closed without a word"),
                _ => {}
            }
        }
        bail!("it broke off")
    };
    let frame = timeout(PATIENCE, read).await.context("it is not closed")??;
    Ok((texts, frame))
}

async fn token(server: &Server, name: &str) -> Result<String> {
    let made = server.post("/tokens", &json!({ "name": name, "role": "viewer" })).await?;
    Ok(made["secret"].as_str().context("no secret")?.to_owned())
}

async fn get_as(server: &Server, path: &str, token: &str, accept: &str) -> Result<Response> {
    let url = format!("{}/api/v1{path}", server.url());
    let client = reqwest::Client::new();
    Ok(client.get(url).bearer_auth(token).header("accept", accept).send().await?)
}

#[tokio::test]
async fn a_socket_resumed_at_the_end_of_an_ended_run_is_closed_at_once() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let id = server.start_run("echo_chain", json!({})).await?;
    let last = server.finished(&id).await?["last_event"].as_u64().context("no number")?;
    for (after, expected) in [(last - 1, 1), (last, 0), (last + 1000, 0)] {
        let socket = open(&server, &format!("/runs/{id}/ws?after={after}"), server.token()).await?;
        let (texts, frame) = until_closed(socket).await?;
        ensure!(texts.len() == expected, "after {after}: {texts:?}");
        ensure!(u16::from(frame.code) == 1000 && frame.reason.contains("the run has ended"), "{frame:?}");
    }
    // None of them is left: they would fill all places for streams.
    for _ in 0..300 {
        let socket = open(&server, &format!("/runs/{id}/ws?after={last}"), server.token()).await?;
        until_closed(socket).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_keeps_streams_open_takes_them_from_itself_alone() -> Result<()> {
    let directory = data_dir();
    let bounds = ["--bound", "streams=4", "--bound", "streams-per-token=3"];
    let server = Server::start_with(directory.path(), &bounds)?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": ENDLESS })).await?;
    let (events, ws) = (format!("/runs/{id}/events"), format!("/runs/{id}/ws"));
    let other = token(&server, "other").await?;

    let mut held = vec![
        open(&server, &ws, server.token()).await?,
        open(&server, &ws, server.token()).await?,
        open(&server, &ws, server.token()).await?,
    ];
    let refused = open(&server, &ws, server.token()).await;
    ensure!(format!("{:#}", refused.err().context("a fourth one")?).contains("429"));
    for (path, accept) in
        [(&events, "text/event-stream"), (&format!("/runs/{id}/outputs?format=download"), "*/*")]
    {
        let refused = get_as(&server, path, server.token(), accept).await?;
        ensure!(refused.headers().contains_key("retry-after"));
        let refused = problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_streams").await?;
        ensure!(
            refused["detail"].as_str().unwrap().contains("3 streams are open with this token"),
            "{refused}"
        );
    }
    // What is no stream is not refused.
    ensure!(!server.events(&id).await?.is_empty());
    let stream = get_as(&server, &events, &other, "text/event-stream").await?;
    ensure!(stream.status() == StatusCode::OK, "another token has its share");
    let busy = get_as(&server, &events, &other, "text/event-stream").await?;
    problem(busy, StatusCode::SERVICE_UNAVAILABLE, "busy").await?;

    held.pop().unwrap().close(None).await?;
    let start = Instant::now();
    while get_as(&server, &events, &other, "text/event-stream").await?.status() != StatusCode::OK {
        ensure!(start.elapsed() < PATIENCE, "the place of a closed socket is not free");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Bytes that cannot be compressed: splitmix64.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// Ask for a path and read nothing of the answer.
async fn ask(server: &Server, path: &str) -> Result<TcpStream> {
    let address = server.url().strip_prefix("http://").context("http")?;
    let socket = TcpSocket::new_v4()?;
    // Of what is sent, little can wait on this side.
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(address.parse()?).await?;
    let token = server.token();
    let head =
        format!("GET /api/v1{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() -> Result<()> {
    const LENGTH: usize = 32 << 20;
    let directory = data_dir();
    let bounds = ["--bound", "write-pause=3000", "--bound", "streams-per-token=1"];
    let server = Server::start_with(directory.path(), &bounds)?;
    server.load_plugin("examples/echo").await?;
    let upload = server.request(Method::POST, "/uploads?filename=noise.bin").body(noise(LENGTH));
    let upload: Value = upload.send().await?.json().await?;
    let body = json!({
        "workflow": "echo_copy", "input": { "from": "input/noise.bin" }, "files": [{ "upload": upload["id"] }],
    });
    let run = server.post("/runs?wait=60s", &body).await?;
    ensure!(run["state"] == "completed", "{run:#}");
    let id = run["id"].as_str().context("no id")?;

    let archive = format!("/runs/{id}/outputs?format=download");
    let (mut zip, mut content) =
        (ask(&server, &archive).await?, ask(&server, &format!("/runs/{id}/artifacts/copy/copy.bin")).await?);
    // Its answer has begun.
    zip.readable().await?;
    let refused = get_as(&server, &archive, server.token(), "*/*").await?;
    problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_streams").await?;
    let start = Instant::now();
    // The place is free again although the client still holds its end of the connection.
    let whole = loop {
        let response = get_as(&server, &archive, server.token(), "*/*").await?;
        if response.status() == StatusCode::OK {
            break response.bytes().await?;
        }
        ensure!(start.elapsed() < PATIENCE, "the archive is not given up");
        sleep(Duration::from_millis(100)).await;
    };
    ensure!(whole.len() > LENGTH, "one who reads has it whole: {}", whole.len());
    for stream in [&mut zip, &mut content] {
        let mut read = Vec::new();
        // The rest that was under way, then a reset or an end.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut read)).await.context("it is not cut")?;
        ensure!(read.starts_with(b"HTTP/1.1 200") && read.len() < LENGTH, "{}", read.len());
    }
    Ok(())
}

#[tokio::test]
async fn a_socket_whose_peer_answers_no_pings_is_cut_off_and_one_that_answers_is_not() -> Result<()> {
    let directory = data_dir();
    let server = Server::start_with(directory.path(), &["--bound", "heartbeat=1500"])?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": ENDLESS })).await?;
    let all = server.events(&id).await?.len();
    let path = format!("/runs/{id}/ws?after={all}");
    // The client answers pings whenever it reads.
    let mut answering = open(&server, &path, server.token()).await?;
    let reading = async {
        while let Some(message) = answering.next().await {
            ensure!(!matches!(message?, Message::Close(_)), "it is closed");
        }
        bail!("it broke off")
    };

    let address = server.url().strip_prefix("http://").context("http")?;
    let mut silent = TcpStream::connect(address).await?;
    let head = format!(
        "GET /api/v1{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.token()
    );
    silent.write_all(head.as_bytes()).await?;
    let mut read = Vec::new();
    tokio::select! {
        ended = reading => ended?,
        ended = timeout(PATIENCE, silent.read_to_end(&mut read)) => drop(ended.context("it is not cut")??),
    }
    ensure!(read.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&read));
    let pings = read.windows(2).filter(|frame| frame == b"\x89\x00").count();
    ensure!(pings == 2, "{pings} pings");
    let next = timeout(PATIENCE, async {
        while let Some(Ok(message)) = answering.next().await {
            if message.is_ping() {
                return true;
            }
        }
        false
    });
    ensure!(next.await?, "the one that answers is still served");
    Ok(())
}
