//! Every semantic of the engine, by the real server, on SQLite and on PostgreSQL. The definitions in `tests/workflows` are
//! the library: each shows one thing, and is run here.
#![allow(clippy::unwrap_used)]

mod again;
mod backup;
mod bounds;
mod builder;
mod control;
mod definitions;
mod garbage;
mod mending;
mod nodes;
mod oversize;
mod people;
mod policies;
mod quotas;
mod resting;
mod rollback;
mod schedules;
mod statistics;
mod verify;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use heddle_tests::{Kept, PATIENCE, Server};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A test on both databases. It is given a server with the plugin `echo` and the workflow `part`.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn on_sqlite() -> anyhow::Result<()> {
                let kept = heddle_tests::Kept::on_sqlite()?;
                super::$name(crate::Host::start(kept).await?).await
            }

            #[tokio::test]
            async fn on_postgres() -> anyhow::Result<()> {
                let Some(kept) = heddle_tests::Kept::on_postgres().await? else { return Ok(()) };
                super::$name(crate::Host::start(kept).await?).await
            }
        }
    )+};
}
pub(crate) use both;

/// A server, and where it keeps everything.
pub(crate) struct Host {
    kept: Kept,
    server: Option<Server>,
}

fn library(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows").join(format!("{name}.yaml"))
}

impl Host {
    async fn start(kept: Kept) -> Result<Self> {
        let server = kept.start()?;
        server.load_plugin("examples/echo").await?;
        let host = Self { kept, server: Some(server) };
        host.create("part").await?;
        Ok(host)
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Kill the host, and start another on what it left.
    fn crash(&mut self) -> Result<()> {
        self.server.take().unwrap().kill_9()?;
        self.server = Some(self.kept.start()?);
        Ok(())
    }

    /// Stop the host, change what it keeps behind its back, and start another.
    async fn forge(&mut self, sql: &'static str) -> Result<()> {
        self.server.take().unwrap().stop()?;
        self.kept.forge(sql).await?;
        self.server = Some(self.kept.start()?);
        Ok(())
    }

    /// Stop the host, and start another with more arguments.
    fn restart_with(&mut self, arguments: &[&str]) -> Result<()> {
        self.server.take().unwrap().stop()?;
        self.server = Some(self.kept.start_with(arguments)?);
        Ok(())
    }

    /// Save a definition of the library.
    async fn create(&self, name: &str) -> Result<Value> {
        let text = std::fs::read_to_string(library(name))?;
        let request = self.server().request(Method::POST, "/workflows");
        let response = request.header("content-type", "application/yaml").body(text).send().await?;
        ensure!(response.status() == StatusCode::CREATED, "{name}: {}", response.text().await?);
        Ok(response.json().await?)
    }

    /// Start a definition of the library. Returns the run's id.
    async fn start_run(&self, name: &str, input: Value) -> Result<String> {
        self.start_with(name, json!({ "input": input })).await
    }

    /// The same, with what else a start may say.
    async fn start_with(&self, name: &str, mut body: Value) -> Result<String> {
        if name != "part" {
            self.create(name).await?;
        }
        body["workflow"] = json!(name);
        let run = self.server().post("/runs", &body).await?;
        Ok(run["id"].as_str().context("an id")?.to_owned())
    }

    /// Run a definition of the library to its end.
    async fn run(&self, name: &str, input: Value) -> Result<Run> {
        let id = self.start_run(name, input).await?;
        self.finished(&id).await
    }

    async fn finished(&self, id: &str) -> Result<Run> {
        let run = self.server().finished(id).await?;
        Ok(Run(run))
    }

    /// The output of a run that has completed.
    async fn output(&self, run: &Run) -> Result<Value> {
        ensure!(run.0["state"] == "completed", "{:#}", run.0);
        self.server().get(&format!("/runs/{}/output", run.id())).await
    }

    async fn step_output(&self, run: &Run, step: &str) -> Result<Value> {
        let step = step.replace('/', "%2F").replace('[', "%5B").replace(']', "%5D");
        self.server().get(&format!("/runs/{}/steps/{step}/output", run.id())).await
    }

    /// Wait until a run looks as wanted.
    async fn until(&self, id: &str, wanted: impl Fn(&Run) -> bool) -> Result<Run> {
        let start = Instant::now();
        loop {
            let run = Run(self.server().get(&format!("/runs/{id}")).await?);
            if wanted(&run) {
                return Ok(run);
            }
            if start.elapsed() > PATIENCE {
                bail!("it did not come to that: {:#}", run.0);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Have something done to a run.
    async fn steer(&self, id: &str, what: &str, body: Value) -> Result<Run> {
        Ok(Run(self.server().post(&format!("/runs/{id}{what}"), &body).await?))
    }

    /// Ask for something that is refused. Returns the detail.
    async fn refused(&self, method: Method, path: &str, body: Value, status: u16) -> Result<String> {
        let response = self.server().request(method, path).json(&body).send().await?;
        let found = response.status().as_u16();
        let problem: Value = response.json().await?;
        ensure!(found == status, "{path}: {found} instead of {status}: {problem:#}");
        let mut text = problem["detail"].as_str().context("a detail")?.to_owned();
        for one in problem["problems"].as_array().into_iter().flatten() {
            text.push_str(&format!(
                "\n{}: {}",
                one["path"].as_str().unwrap(),
                one["message"].as_str().unwrap()
            ));
        }
        Ok(text)
    }
}

/// A run as the API tells it.
#[derive(Debug, Clone)]
pub(crate) struct Run(Value);

impl Run {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    fn state(&self) -> &str {
        self.0["state"].as_str().unwrap()
    }

    fn step(&self, name: &str) -> &Value {
        let steps = self.0["steps"].as_array().unwrap();
        steps
            .iter()
            .find(|step| step["name"] == name)
            .unwrap_or_else(|| panic!("no step {name}: {:#}", self.0))
    }

    fn has_step(&self, name: &str) -> bool {
        self.0["steps"].as_array().unwrap().iter().any(|step| step["name"] == name)
    }

    /// The states of steps, in the order asked for.
    fn states(&self, names: &[&str]) -> Vec<&str> {
        names.iter().map(|name| self.step(name)["state"].as_str().unwrap()).collect()
    }

    /// How often each step was attempted.
    fn attempts(&self, names: &[&str]) -> Vec<u64> {
        names.iter().map(|name| self.step(name)["attempt"].as_u64().unwrap()).collect()
    }
}
