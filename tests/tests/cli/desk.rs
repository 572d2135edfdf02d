//! A place to work at the command line.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{PATIENCE, Server, data_dir, heddle_bin, plugin};
use serde_json::Value;
use tempfile::TempDir;

/// A place to work in, with a data directory in which plugins are compiled already.
pub(crate) struct Desk {
    pub(crate) home: TempDir,
    pub(crate) data: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap(), data: data_dir() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(heddle_bin());
        command.args(arguments).current_dir(self.home.path()).env("HEDDLE_DATA_DIR", self.data.path());
        command.env_remove("HEDDLE_LOG").stdin(Stdio::null());
        command
    }

    pub(crate) fn heddle(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Run it; it must end with `code`. Returns what it printed and what it said.
    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> Result<(String, String)> {
        let output = self.heddle(arguments);
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.code() == Some(code), "{arguments:?} ended with {}: {out}{err}", output.status);
        Ok((out, err))
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        let (out, _) = self.ends(0, arguments)?;
        serde_json::from_str(&out).with_context(|| out)
    }

    pub(crate) fn load_echo(&self) -> Result<()> {
        self.ends(0, &["plugin", "add", plugin("examples/echo").to_str().unwrap()]).map(drop)
    }

    /// A server on the data directory.
    pub(crate) fn serve(&self) -> Result<Server> {
        Server::start(self.data.path())
    }

    /// Wait until a process has the data directory open and can be asked. Whoever asks before opens the directory itself, and may
    /// be what the process finds in its way.
    pub(crate) fn until_served(&self) -> Result<()> {
        let begin = Instant::now();
        while !self.data.path().join("server.json").exists() {
            ensure!(begin.elapsed() < PATIENCE, "nobody serves");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What a command that is refused says.
    pub(crate) fn refused(&self, arguments: &[&str]) -> Result<String> {
        let (out, err) = self.ends(2, arguments)?;
        ensure!(out.is_empty(), "it prints all the same: {out}");
        Ok(err)
    }

    /// Start a run. Returns its id.
    pub(crate) fn start(&self, workflow: &str, input: &Value, more: &[&str]) -> Result<String> {
        let input = input.to_string();
        let run = self.json(&[&["runs", "start", workflow, "--input", &input, "--json"], more].concat())?;
        Ok(run["id"].as_str().context("an id")?.to_owned())
    }

    /// A run as `runs show` tells it.
    pub(crate) fn run(&self, id: &str) -> Result<Value> {
        self.json(&["runs", "show", id, "--json"])
    }

    /// Wait until a run is in a state.
    pub(crate) fn until(&self, id: &str, state: &str) -> Result<Value> {
        self.until_it(id, |run| run["state"] == state)
    }

    /// Wait until a run looks as wanted.
    pub(crate) fn until_it(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let begin = Instant::now();
        loop {
            let run = self.run(id)?;
            if wanted(&run) {
                return Ok(run);
            }
            ensure!(begin.elapsed() < PATIENCE, "it did not come to that: {run:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything in the place to work in.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        names(self.home.path())
    }
}

pub(crate) fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A step of a run.
pub(crate) fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let found = run["steps"].as_array().unwrap().iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step {name}: {run:#}"))
}

/// A definition of the library.
pub(crate) fn library(name: &str) -> String {
    format!("{}/workflows/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}
