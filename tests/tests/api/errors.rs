//! Every error is problem details, whoever made it; and bad input is refused with its place.

use anyhow::{Result, ensure};
use heddle_tests::{PATIENCE, Server};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{echo_server, get, problem};

#[tokio::test]
async fn every_error_is_problem_details() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let missing = "run_00000000000000000000000000";
    let json_type = [("content-type", "application/json")];

    problem(get(&server, "/nothing/here", &[]).await?, StatusCode::NOT_FOUND, "no_route").await?;
    for path in [
        format!("/runs/{missing}"),
        format!("/runs/{missing}/events"),
        format!("/runs/{missing}/artifacts"),
        format!("/runs/{missing}/outputs"),
        format!("/runs/{missing}/steps/a/output"),
        format!("/runs/{missing}/steps/a/log"),
        format!("/runs/{missing}/artifacts/a/b"),
        "/plugins/nobody".to_owned(),
        "/workflows/nothing".to_owned(),
        "/phases/echo/nothing".to_owned(),
    ] {
        problem(get(&server, &path, &[]).await?, StatusCode::NOT_FOUND, "not_found").await?;
    }
    for path in [
        "/runs/xyz",
        "/runs?limit=0",
        "/runs?limit=201",
        "/runs?limit=x",
        "/runs?state=done",
        "/runs?colour=red",
        "/runs?cursor=zzz",
        &format!("/runs/{missing}/events?after=-1"),
        &format!("/runs/{missing}/outputs?format=tar"),
    ] {
        problem(get(&server, path, &[]).await?, StatusCode::BAD_REQUEST, "invalid").await?;
    }
    let put = server.request(Method::PUT, "/runs").send().await?;
    ensure!(put.headers()["allow"].to_str()?.contains("POST"));
    problem(put, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await?;
    let text =
        server.request(Method::POST, "/runs").header("content-type", "text/plain").body("{}").send().await?;
    problem(text, StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type").await?;
    let post = |body: String| {
        let mut request = server.request(Method::POST, "/runs").body(body);
        for (name, value) in json_type {
            request = request.header(name, value);
        }
        request.send()
    };
    let broken = problem(post("{\"workflow\": ".into()).await?, StatusCode::BAD_REQUEST, "invalid").await?;
    ensure!(broken["detail"].as_str().unwrap().contains("line 1 column"), "{broken}");
    problem(post(r#"{"workflow": 3}"#.into()).await?, StatusCode::BAD_REQUEST, "invalid").await?;
    problem(
        post(r#"{"workflow": "echo_chain", "colour": 1}"#.into()).await?,
        StatusCode::BAD_REQUEST,
        "invalid",
    )
    .await?;
    problem(
        post(r#"{"workflow": "echo_chain", "input": []}"#.into()).await?,
        StatusCode::BAD_REQUEST,
        "invalid",
    )
    .await?;
    problem(post(r#"{"workflow": "nothing"}"#.into()).await?, StatusCode::NOT_FOUND, "not_found").await?;
    // A bomb of brackets, in the input and beside it.
    let bomb = "[".repeat(200_000);
    let deep = format!(r#"{{"workflow": "echo_chain", "input": {{"x": {bomb}{}}}}}"#, "]".repeat(200_000));
    problem(post(deep).await?, StatusCode::BAD_REQUEST, "invalid").await?;
    problem(post(bomb).await?, StatusCode::BAD_REQUEST, "invalid").await?;

    let upgrade = get(&server, &format!("/runs/{missing}/ws"), &[]).await?;
    problem(upgrade, StatusCode::UPGRADE_REQUIRED, "upgrade_required").await?;
    let upload = server.request(Method::POST, "/uploads?filename=a%2Fb").body("x").send().await?;
    problem(upload, StatusCode::BAD_REQUEST, "invalid").await?;
    let upload = server.request(Method::POST, "/uploads").body("x").send().await?;
    problem(upload, StatusCode::BAD_REQUEST, "invalid").await?;
    for media_type in ["not a media type", "text", "text/", "text/html\"><script>"] {
        let upload = server.request(Method::POST, "/uploads?filename=a").header("content-type", media_type);
        let refused = problem(upload.body("x").send().await?, StatusCode::BAD_REQUEST, "invalid").await?;
        ensure!(refused["detail"].as_str().unwrap().contains("is no media type"), "{refused}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_token_nothing_but_health_and_the_document_is_told() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let client = reqwest::Client::new();
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        ensure!(
            client.get(format!("{}{path}", server.url())).send().await?.status() == StatusCode::OK,
            "{path}"
        );
    }
    let document: serde_json::Value =
        client.get(format!("{}/openapi.json", server.url())).send().await?.json().await?;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1") {
            continue;
        }
        let url = format!("{}{}", server.url(), path.replace(['{', '}'], ""));
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse()?;
            for secret in [None, Some("heddle_wrong")] {
                let mut request = client.request(method.clone(), &url);
                if let Some(secret) = secret {
                    request = request.bearer_auth(secret);
                }
                let refused = request.send().await?;
                ensure!(refused.headers()["www-authenticate"] == "Bearer");
                problem(refused, StatusCode::UNAUTHORIZED, "unauthenticated").await?;
            }
            // In the URL, where logs and histories see it, a token is worth nothing.
            let refused = client.request(method, format!("{url}?token={}", server.token())).send().await?;
            problem(refused, StatusCode::UNAUTHORIZED, "unauthenticated").await?;
        }
    }
    Ok(())
}

/// A token of a role.
async fn token(server: &Server, role: &str) -> Result<String> {
    let made = server.post("/tokens", &json!({ "name": role, "role": role })).await?;
    Ok(made["secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_role_allows_what_it_includes() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let client = reqwest::Client::new();
    let url = |path: &str| format!("{}/api/v1{path}", server.url());
    let start = json!({ "workflow": "echo_chain" });
    for (role, may_start) in [("viewer", false), ("user", true)] {
        let secret = token(&server, role).await?;
        let get = client.get(url("/runs")).bearer_auth(&secret).send().await?;
        ensure!(get.status() == StatusCode::OK, "{role} looks");
        let post = client.post(url("/runs")).json(&start).bearer_auth(&secret).send().await?;
        match may_start {
            true => ensure!(post.status() == StatusCode::CREATED, "{role} starts"),
            false => drop(problem(post, StatusCode::FORBIDDEN, "forbidden").await?),
        }
        let load = client.post(url("/plugins")).body("x").bearer_auth(&secret).send().await?;
        problem(load, StatusCode::FORBIDDEN, "forbidden").await?;
        let remove = client.delete(url("/plugins/echo")).bearer_auth(&secret).send().await?;
        problem(remove, StatusCode::FORBIDDEN, "forbidden").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_id_that_fits_is_kept_and_any_other_replaced() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let kept = get(&server, "/nothing", &[("x-request-id", "my-id.1")]).await?;
    ensure!(kept.headers()["x-request-id"] == "my-id.1");
    let replaced = get(&server, "/plugins", &[("x-request-id", "no \"good\"")]).await?;
    ensure!(replaced.headers()["x-request-id"].to_str()?.starts_with("req_"));
    Ok(())
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_with_what_it_is() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let before = server.get("/plugins").await?;
    // The preambles of a component and of a core module with nothing in them.
    let other_world = b"\0asm\x0d\0\x01\0".to_vec();
    let core_module = b"\0asm\x01\0\0\0".to_vec();
    for (bytes, says) in [
        (b"not wasm at all".to_vec(), "no WebAssembly component"),
        (Vec::new(), "no WebAssembly component"),
        (core_module, "core module"),
        (other_world, "another world"),
    ] {
        let response = server.request(Method::POST, "/plugins").body(bytes).send().await?;
        let refused = problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
        ensure!(refused["detail"].as_str().unwrap().contains(says), "{refused}");
    }
    let garbage = vec![0xa5; 65 << 20];
    let response = server.request(Method::POST, "/plugins").body(garbage).send().await?;
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await?;
    ensure!(server.get("/plugins").await? == before, "nothing of it is left");
    Ok(())
}

#[tokio::test]
async fn a_hundred_megabytes_of_garbage_do_not_hurt() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let garbage = vec![b'x'; 100_000_000];
    let response = server
        .request(Method::POST, "/runs")
        .header("content-type", "application/json")
        .body(garbage)
        .send()
        .await?;
    problem(response, StatusCode::BAD_REQUEST, "invalid").await?;
    let too_much = format!(r#"{{"workflow": "echo_chain", "input": {{"x": "{}"}}}}"#, "x".repeat(140 << 20));
    let response = server
        .request(Method::POST, "/runs")
        .header("content-type", "application/json")
        .body(too_much)
        .send()
        .await?;
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await?;
    ensure!(server.get("/runs").await?["items"].as_array().unwrap().is_empty());
    Ok(())
}

/// A file larger than the limit is refused by what its length says, before it is read.
#[tokio::test]
async fn an_upload_announced_too_large_is_refused_at_once() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let address = server.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /api/v1/uploads?filename=a.bin HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        server.token(),
        (1_u64 << 30) + 1
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = vec![0; 16];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await??;
    ensure!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    // Half an upload leaves nothing that a run could take.
    ensure!(server.get("/runs").await? == json!({ "items": [] }));
    Ok(())
}
