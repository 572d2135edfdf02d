//! A client of the API that takes as little of the processor as can be: one kept connection, HTTP/1.1, no parsing of what
//! nobody looks at. What it uses is time that the server on the same cores does not have.

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
    authorization: String,
}

impl Connection {
    /// Connect to a server: `127.0.0.1:PORT`.
    pub(crate) async fn open(address: &str, token: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped.
        tokio::spawn(connection);
        let authorization = token.map(|token| format!("Bearer {token}")).unwrap_or_default();
        Ok(Self { sender, address: address.to_owned(), authorization })
    }

    /// Send a request, and read the whole answer.
    pub(crate) async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.address)
            .header("content-type", "application/json");
        if !self.authorization.is_empty() {
            request = request.header("authorization", &self.authorization);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// POST a JSON document, and read one.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) = self.request(Method::POST, path, body.to_string().into()).await?;
        if !status.is_success() {
            bail!("POST {path}: {status}: {}", String::from_utf8_lossy(&answer));
        }
        serde_json::from_slice(&answer).with_context(|| format!("POST {path}"))
    }

    /// Start a run and wait for its end; the request as bytes, so that nothing is made anew for each.
    pub(crate) async fn run_to_end(&mut self, request: &Bytes) -> Result<()> {
        let (status, answer) = self.request(Method::POST, "/api/v1/runs?wait=300s", request.clone()).await?;
        if status != StatusCode::OK || !contains(&answer, br#""state":"completed""#) {
            bail!("a run did not complete: {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
