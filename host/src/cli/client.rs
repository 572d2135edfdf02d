//! A server's API, as the other commands need it.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::ProblemDetails;

/// A download may take so long.
const DOWNLOAD: Duration = Duration::from_secs(24 * 60 * 60);

/// A server, and the token that opens it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    secret: String,
}

impl Client {
    /// A server by its URL, with the token in a file.
    ///
    /// # Errors
    /// If the URL is none, or the file cannot be read.
    pub(super) fn new(url: &str, token_file: &Path) -> anyhow::Result<Self> {
        let url: Url =
            url.parse().with_context(|| format!("{url:?} is no URL such as http://127.0.0.1:7878"))?;
        if url.scheme() != "http" {
            bail!("{url}: this client speaks http only; a TLS proxy's plain side is what it can reach");
        }
        let secret = std::fs::read_to_string(token_file)
            .with_context(|| format!("the token file {} cannot be read", token_file.display()))?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(150))
            .build()?;
        Ok(Self { http, url, secret: secret.trim().to_owned() })
    }

    /// A request. `path` begins after `/api/v1`.
    fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = self.url.join(&format!("/api/v1{path}"))?;
        Ok(self.http.request(method, url).bearer_auth(&self.secret))
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response =
            request.send().await.with_context(|| format!("the server at {} does not answer", self.url))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        let Some((message, request)) = refusal(&body) else {
            bail!("{} answered {status}, and not as a heddle server does", self.url);
        };
        bail!("{message} ({} says {status}, request {request})", self.url);
    }

    /// A request with a body of JSON, if it has one.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> anyhow::Result<Bytes> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = self.send(request).await?;
        response.bytes().await.with_context(|| format!("{}: the answer broke off", self.url))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.send(self.request(Method::GET, path)?).await?;
        response.json().await.with_context(|| format!("{}: the answer cannot be read", self.url))
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> anyhow::Result<T> {
        let response = self.send(self.request(Method::POST, path)?.body(body)).await?;
        response.json().await.with_context(|| format!("{}: the answer cannot be read", self.url))
    }

    pub(super) async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let response = self.send(self.request(Method::POST, path)?.json(body)).await?;
        response.json().await.with_context(|| format!("{}: the answer cannot be read", self.url))
    }

    /// POST without a body; what comes back may be of any size.
    pub(super) async fn download(
        &self,
        path: &str,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<Bytes>> + Unpin + use<>> {
        let request = self.request(Method::POST, path)?.timeout(DOWNLOAD);
        let response = self.send(request).await?;
        let url = self.url.clone();
        let chunks = response.bytes_stream();
        Ok(chunks.map(move |chunk| chunk.with_context(|| format!("{url}: the answer broke off"))))
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send(self.request(Method::DELETE, path)?).await.map(drop)
    }
}

/// What a refusal says, every single problem with it, and the request's id.
pub(super) fn refusal(body: &[u8]) -> Option<(String, String)> {
    let problem: ProblemDetails = serde_json::from_slice(body).ok()?;
    let mut message = problem.detail;
    for item in problem.problems {
        message.push_str(&format!("\n  {}: {}", item.path, item.message));
    }
    Some((message, problem.request_id))
}
