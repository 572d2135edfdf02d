//! Where a command finds runs and plugins: in a data directory that nobody else has open, or at a server.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use axum::http::{
    Request,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use bytes::Bytes;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    client::{Client, Content, refused},
    data_dir::{DataDir, ServerFile},
    serve::engine_config,
};
use crate::{
    api,
    engine::{Engine, is_used},
    error::{Code, Error},
};

/// Where a command asks, and how it answers.
#[derive(Debug, clap::Args)]
pub(super) struct Ask {
    #[command(flatten)]
    place: Where,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
struct Where {
    #[command(flatten)]
    data_dir: DataDir,
    /// URL of a server to ask, instead of a data directory
    #[arg(long, value_name = "URL", requires = "token_file", conflicts_with_all = ["data_dir", "database"])]
    server: Option<String>,
    /// File with the token for the server
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,
}

/// A way to runs and plugins.
pub(super) enum Access {
    /// The data directory, open in this process. Nothing is run while it is.
    Local(Box<Local>),
    /// A server's API.
    Remote(Client),
}

/// A data directory open in this process.
pub(super) struct Local {
    /// The engine on the directory.
    pub(super) engine: Engine,
    /// The directory.
    pub(super) path: PathBuf,
    api: api::Local,
}

/// What becomes of a data directory that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// It is looked at; one in which nothing is yet is refused.
    Used,
    /// It is looked at, and made if need be.
    Made,
    /// The runs in it go on.
    Run,
}

impl Ask {
    /// Open what is asked. A data directory in which nothing is yet is refused.
    pub(super) async fn open(&self) -> anyhow::Result<Access> {
        self.place.open(Opening::Used).await
    }

    /// Open what is asked; a data directory is made if need be.
    pub(super) async fn open_or_make(&self) -> anyhow::Result<Access> {
        self.place.open(Opening::Made).await
    }

    /// Open what is asked; if it is a data directory, its runs go on in this process.
    pub(super) async fn open_to_run(&self) -> anyhow::Result<Access> {
        self.place.open(Opening::Run).await
    }

    /// Ask one thing of what there is.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        self.open().await?.call_once(method, path, body).await
    }

    /// Ask one thing; a data directory is made if need be.
    pub(super) async fn call_or_make<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        self.open_or_make().await?.call_once(method, path, body).await
    }
}

impl Where {
    async fn open(&self, opening: Opening) -> anyhow::Result<Access> {
        if let (Some(url), Some(token_file)) = (&self.server, &self.token_file) {
            return Ok(Access::Remote(Client::new(url, token_file)?));
        }
        let path = self.data_dir.path()?;
        if opening != Opening::Made && !is_used(&path) {
            bail!("{} is no data directory of heddle: nothing was ever run in it", path.display());
        }
        let mut config = engine_config(&path, self.data_dir.database()?, None)?;
        if opening != Opening::Run {
            config.slots = 0;
        }
        match Engine::open(config).await {
            Ok(engine) => {
                let api = api::Local::new(engine.clone());
                Ok(Access::Local(Box::new(Local { engine, path, api })))
            }
            Err(error) if error.code() == Code::Conflict => {
                let server = ServerFile::read(&path).ok_or(error).with_context(|| {
                    "the process that has it open serves no API (a `heddle run`?); try again when it has ended"
                })?;
                Ok(Access::Remote(Client::new(&server.url, &path.join("admin-token"))?))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Access {
    /// Ask the API, in this process or at the server: one way for both. `path` begins after `/api/v1`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let content = body.map(|body| Content::json(&body));
        let bytes = self.send(method, path, content, &[]).await?;
        // Nothing is `null`, for those that ask for nothing.
        let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
        serde_json::from_slice(&bytes).context("the answer cannot be read")
    }

    /// The same with a body of any kind, and more headers. Returns what comes back as it is.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<Bytes> {
        match self {
            Self::Remote(client) => client.call(method, path, content, headers).await,
            Self::Local(local) => {
                let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                let body = match content {
                    Some(Content { media_type, bytes }) => {
                        request =
                            request.header(CONTENT_TYPE, media_type).header(CONTENT_LENGTH, bytes.len());
                        bytes
                    }
                    None => Bytes::new(),
                };
                let (status, bytes) = local.api.call(request.body(body.into())?).await?;
                if status.is_success() {
                    return Ok(bytes);
                }
                Err(refused(status, &bytes).with_context(|| format!("the API answered {status}"))?.into())
            }
        }
    }

    async fn call_once<T: DeserializeOwned>(
        self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let answer = self.call(method, path, body).await;
        self.close().await;
        answer
    }

    /// Close it.
    pub(super) async fn close(self) {
        if let Self::Local(local) = self {
            local.engine.shutdown(std::time::Duration::ZERO).await;
        }
    }
}

/// The names in `known` that somebody may have meant by `name`, nearest first.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// An error for a name that is not there, with what may have been meant.
pub(super) fn unknown(kind: &str, name: &str, known: &[&str]) -> Error {
    let mut message = format!("there is no {kind} {name:?}");
    if let Some(meant) = nearest(name, known.iter().copied()) {
        message.push_str(&format!("; did you mean {meant:?}?"));
    }
    match known.is_empty() {
        true => message.push_str(&format!(" (no {kind} is loaded)")),
        false => message.push_str(&format!(" (there are: {})", known.join(", "))),
    }
    Error::new(Code::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_told_what_it_may_have_meant() {
        let known = ["ticket_analysis", "echo_chain"];
        let message = unknown("workflow", "ticket_analisys", &known).to_string();
        assert!(message.contains("did you mean \"ticket_analysis\"?"), "{message}");
        let message = unknown("workflow", "zzz", &known).to_string();
        assert_eq!(message, "there is no workflow \"zzz\" (there are: ticket_analysis, echo_chain)");
    }
}
