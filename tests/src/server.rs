//! A real `heddle serve` as a child process, on a port that the system chose.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::PATIENCE;

/// A server that does not listen yet. Dropped, it is killed.
pub struct Starting {
    child: Option<Child>,
    data_dir: PathBuf,
}

impl Starting {
    /// Start a server on a data directory; its log goes to `stderr`.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn new(
        data_dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
        stderr: Stdio,
    ) -> Result<Self> {
        let child = Command::new(super::heddle_bin())
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .context("heddle serve")?;
        Ok(Self { child: Some(child), data_dir: data_dir.to_owned() })
    }

    /// Wait until it listens.
    ///
    /// # Errors
    /// If it ends instead.
    pub fn listens(mut self) -> Result<Server> {
        let child = self.child.as_mut().context("a child")?;
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut url = None;
        for line in lines.by_ref() {
            let line = line?;
            if let Some(at) = line.strip_prefix("listening on ") {
                url = Some(at.trim().to_owned());
                break;
            }
        }
        let Some(url) = url else { bail!("the server ended before it listened: {}", child.wait()?) };
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let token = std::fs::read_to_string(self.data_dir.join("admin-token"))?.trim().to_owned();
        let client = Client::builder().timeout(PATIENCE).build()?;
        let child = self.child.take().context("a child")?;
        Ok(Server { child: Mutex::new(child), url, token, client, data_dir: self.data_dir.clone() })
    }

    /// Kill it.
    ///
    /// # Errors
    /// If it has ended by itself.
    pub fn kill(mut self) -> Result<()> {
        let child = self.child.as_mut().context("a child")?;
        if let Some(status) = child.try_wait()? {
            bail!("the server ended before it listened: {status}");
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A running server. Dropped, it is killed.
pub struct Server {
    child: Mutex<Child>,
    url: String,
    token: String,
    client: Client,
    data_dir: PathBuf,
}

impl Server {
    /// Start a server on a data directory, and wait until it listens.
    ///
    /// # Errors
    /// If it ends instead of listening.
    pub fn start(data_dir: &Path) -> Result<Self> {
        Self::start_with(data_dir, &[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// If it ends instead of listening.
    pub fn start_with(data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start_in(data_dir, arguments, &[])
    }

    /// The same with more of an environment.
    ///
    /// # Errors
    /// If it ends instead of listening.
    pub fn start_in(data_dir: &Path, arguments: &[&str], environment: &[(&str, &OsStr)]) -> Result<Self> {
        Starting::new(data_dir, arguments, environment, Stdio::inherit())?.listens()
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The admin's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kill it as a power cut would: SIGKILL, no time for anything.
    ///
    /// # Errors
    /// If it had ended already.
    pub fn kill_9(self) -> Result<()> {
        self.kill()
    }

    /// The same while somebody still asks it.
    ///
    /// # Errors
    /// If it had ended already.
    pub fn kill(&self) -> Result<()> {
        let mut child = self.child();
        if let Some(status) = child.try_wait()? {
            bail!("the server ended by itself: {status}");
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Ask it to stop (SIGTERM) and wait for its end.
    ///
    /// # Errors
    /// If it does not stop within [`PATIENCE`], or not by itself.
    pub fn stop(self) -> Result<()> {
        self.terminate()
    }

    /// The same while somebody still asks it.
    ///
    /// # Errors
    /// As [`Server::stop`].
    pub fn terminate(&self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let ended = self.child().try_wait()?;
            if let Some(status) = ended {
                return if status.success() { Ok(()) } else { bail!("it stopped with {status}") };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("it did not stop")
    }

    /// A request as the admin. `path` begins after `/api/v1`.
    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.token)
    }

    /// GET a JSON document.
    ///
    /// # Errors
    /// If the status is no success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        expect_success(self.request(reqwest::Method::GET, path)).await
    }

    /// POST a JSON document.
    ///
    /// # Errors
    /// If the status is no success.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        expect_success(self.request(reqwest::Method::POST, path).json(body)).await
    }

    /// Load a component.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn load_plugin(&self, name: &str) -> Result<Value> {
        let bytes = std::fs::read(super::plugin(name))?;
        expect_success(self.request(reqwest::Method::POST, "/plugins").body(bytes)).await
    }

    /// Start a run. Returns its id.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn start_run(&self, workflow: &str, input: Value) -> Result<String> {
        let run = self.post("/runs", &json!({ "workflow": workflow, "input": input })).await?;
        Ok(run["id"].as_str().context("a run has an id")?.to_owned())
    }

    /// Wait for the end of a run. Returns it.
    ///
    /// # Errors
    /// If it has not ended within ten minutes.
    pub async fn finished(&self, id: &str) -> Result<Value> {
        let start = Instant::now();
        loop {
            let asked = Instant::now();
            let run = self.get(&format!("/runs/{id}")).await?;
            let took = asked.elapsed();
            if matches!(run["state"].as_str(), Some("completed" | "failed" | "cancelled")) {
                return Ok(run);
            }
            if start.elapsed() > 2 * PATIENCE {
                bail!("run {id} has not ended: {run:#}");
            }
            // A run of very many steps is not to be held up by the question.
            tokio::time::sleep(Duration::from_millis(20).max(4 * took)).await;
        }
    }

    /// All events of a run.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn events(&self, id: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let path = format!("/runs/{id}/events?after={}", all.len());
            let request = self.request(reqwest::Method::GET, &path).header("accept", "application/json");
            let page = expect_success(request).await?;
            let items =
                page.as_array().or_else(|| page["items"].as_array()).context("a page of events")?.clone();
            if items.is_empty() {
                return Ok(all);
            }
            all.extend(items);
        }
    }
}

async fn expect_success(request: RequestBuilder) -> Result<Value> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().await?;
    if !status.is_success() {
        bail!("{url} answered {status}: {body}");
    }
    if status == StatusCode::NO_CONTENT || body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&body).with_context(|| format!("{url} answered {status} with no JSON: {body}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child();
        // It may have ended; then there is nothing to kill.
        let _ = child.kill();
        let _ = child.wait();
    }
}
