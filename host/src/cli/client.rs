//! A server's API, as the other commands need it.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use tokio_util::io::ReaderStream;

use crate::{
    api::{ProblemDetails, uri::segment},
    error::{Code, Error},
    model::Problem,
};

/// A file may be on its way for so long.
const TRANSFER: Duration = Duration::from_secs(24 * 60 * 60);

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
        match refused(status, &body) {
            Some(error) => Err(error.into()),
            None => bail!("{} answered {status}, and not as a heddle server does", self.url),
        }
    }

    /// A request, with a body if it has one.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<Bytes> {
        let mut request = self.request(method, path)?;
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(Content { media_type, bytes }) = content {
            request = request.header(CONTENT_TYPE, media_type).body(bytes);
        }
        self.answer(request).await
    }

    /// Upload a file while it is read.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        name: &str,
        media_type: Option<&str>,
        file: std::fs::File,
    ) -> anyhow::Result<T> {
        let path = format!("/uploads?filename={}", segment(name));
        let mut request = self.request(Method::POST, &path)?.timeout(TRANSFER);
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let body = reqwest::Body::wrap_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
        serde_json::from_slice(&self.answer(request.body(body)).await?).context("the answer cannot be read")
    }

    async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Bytes> {
        let response = self.send(request).await?;
        response.bytes().await.with_context(|| format!("{}: the answer broke off", self.url))
    }

    /// POST without a body; what comes back may be of any size.
    pub(super) async fn download(
        &self,
        path: &str,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<Bytes>> + Unpin + use<>> {
        let request = self.request(Method::POST, path)?.timeout(TRANSFER);
        let response = self.send(request).await?;
        let url = self.url.clone();
        let chunks = response.bytes_stream();
        Ok(chunks.map(move |chunk| chunk.with_context(|| format!("{url}: the answer broke off"))))
    }
}

/// What is sent with a request.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) bytes: Bytes,
}

impl Content {
    /// A document.
    pub(super) fn json(document: &serde_json::Value) -> Self {
        Self { media_type: "application/json", bytes: document.to_string().into() }
    }
}

/// What a refusal says, with every single problem; `None` if it is none of heddle's.
pub(super) fn refused(status: StatusCode, body: &[u8]) -> Option<Error> {
    let ProblemDetails { detail, problems, request_id, .. } = serde_json::from_slice(body).ok()?;
    let code = match status.as_u16() {
        404 => Code::NotFound,
        409 => Code::Conflict,
        503 => Code::Unavailable,
        500.. => Code::Internal,
        _ => Code::Invalid,
    };
    // By its id the request is found in the host's log, which says more of what is the host's fault.
    let message = match code {
        Code::Internal => format!("{detail} (request {request_id})"),
        _ => detail,
    };
    let problems = problems.into_iter().map(|item| Problem::new(item.path, item.message)).collect();
    Some(Error::new(code, message).with_problems(problems))
}
