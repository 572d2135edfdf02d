//! Where a command finds runs and plugins: in a data directory that nobody else has open, or at a server.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::{
    client::{Client, refusal},
    data_dir::{DataDir, ServerFile},
    serve::engine_config,
};
use crate::{
    api,
    engine::{Engine, Tenant, is_used},
    error::{Code, Error},
    model::TenantId,
};

#[derive(Debug, clap::Args)]
pub(super) struct Where {
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
    engine: Engine,
    /// The tenant that is there from the first start on.
    pub(super) tenant: Tenant,
    api: api::Local,
}

impl Where {
    /// Open it. `must_exist` refuses a directory in which nothing is yet, instead of making it.
    pub(super) async fn open(&self, must_exist: bool) -> anyhow::Result<Access> {
        if let (Some(url), Some(token_file)) = (&self.server, &self.token_file) {
            return Ok(Access::Remote(Client::new(url, token_file)?));
        }
        let data_dir = self.data_dir.path()?;
        if must_exist && !is_used(&data_dir) {
            bail!("{} is no data directory of heddle: nothing was ever run in it", data_dir.display());
        }
        let mut config = engine_config(&data_dir, self.data_dir.database()?, None)?;
        config.slots = 0;
        match Engine::open(config).await {
            Ok(engine) => {
                let tenant = engine.tenant(&TenantId::default_tenant());
                let api = api::Local::new(engine.clone());
                Ok(Access::Local(Box::new(Local { engine, tenant, api })))
            }
            Err(error) if error.code() == Code::Conflict => {
                let server = ServerFile::read(&data_dir).ok_or(error).with_context(|| {
                    "the process that has it open serves no API (a `heddle run`?); try again when it has ended"
                })?;
                Ok(Access::Remote(Client::new(&server.url, &data_dir.join("admin-token"))?))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Local {
    /// The engine on the directory.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Access {
    /// Ask the API, in this process or at the server: one way for both. `path` begins after `/api/v1`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> anyhow::Result<T> {
        let bytes = match self {
            Self::Remote(client) => client.call(method, path, body.as_ref()).await?,
            Self::Local(local) => {
                let body = body.map(|body| body.to_string().into_bytes());
                let (status, bytes) = local.api.call(method, path, body).await?;
                if !status.is_success() {
                    let (message, _) =
                        refusal(&bytes).with_context(|| format!("the API answered {status}"))?;
                    return Err(Error::new(code(status), message).into());
                }
                bytes
            }
        };
        // Nothing is `null`, for those that ask for nothing.
        let bytes = if bytes.is_empty() { bytes::Bytes::from_static(b"null") } else { bytes };
        serde_json::from_slice(&bytes).context("the answer cannot be read")
    }

    /// Close it.
    pub(super) async fn close(self) {
        if let Self::Local(local) = self {
            local.engine.shutdown(std::time::Duration::ZERO).await;
        }
    }
}

/// Whose fault a refusal is, for the exit code.
fn code(status: reqwest::StatusCode) -> Code {
    match status.as_u16() {
        404 => Code::NotFound,
        409 => Code::Conflict,
        503 => Code::Unavailable,
        500.. => Code::Internal,
        _ => Code::Invalid,
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
