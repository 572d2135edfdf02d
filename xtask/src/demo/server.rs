//! `heddle serve` as a child process, and a client of its API.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

/// A running server; dropped, it is killed.
pub(super) struct Server {
    child: Child,
    api: String,
    authorization: String,
    agent: Agent,
}

impl Server {
    /// Starts it on a port that the system chooses, and waits until it listens. Its log goes to a file.
    pub(super) fn start(host: &Path, data: &Path, log: &Path) -> Result<Self> {
        fs::create_dir_all(data).with_context(|| data.display().to_string())?;
        let log_file = File::options().create(true).append(true).open(log)?;
        let mut child = Command::new(host)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .context("cannot start heddle serve")?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut url = None;
        for line in lines.by_ref() {
            if let Some(at) = line?.strip_prefix("listening on ") {
                url = Some(at.trim().to_owned());
                break;
            }
        }
        let Some(url) = url else {
            bail!("heddle serve ended before it listened ({}); its log: {}", child.wait()?, log.display());
        };
        // Whatever it prints later must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        let token = fs::read_to_string(data.join("admin-token")).context("there is no admin-token")?;
        let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build();
        Ok(Self {
            child,
            api: format!("{url}/api/v1"),
            authorization: format!("Bearer {}", token.trim()),
            agent: config.into(),
        })
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let request =
            self.agent.get(format!("{}{path}", self.api)).header("Authorization", &self.authorization);
        let mut response = request.call().with_context(|| format!("GET {path}"))?;
        response.body_mut().read_json().with_context(|| format!("GET {path}"))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request =
            self.agent.post(format!("{}{path}", self.api)).header("Authorization", &self.authorization);
        let mut response = request.send_json(body).with_context(|| format!("POST {path}"))?;
        response.body_mut().read_json().with_context(|| format!("POST {path}"))
    }

    /// SIGKILL: no time for anything.
    pub(super) fn kill_9(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After kill_9 it has ended already, and there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
