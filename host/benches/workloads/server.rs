//! `heddle serve` as a child process.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use heddle_test_postgres::{Database, Postgres};
use hyper::{Method, body::Bytes};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Arguments, Kind, client::Connection};

/// A place for a server's data, with a database server of its own if it is to be on PostgreSQL.
pub(crate) struct Place {
    directory: TempDir,
    postgres: Option<(Postgres, Database)>,
}

impl Place {
    pub(crate) async fn new(arguments: &Arguments, kind: Kind) -> Result<Self> {
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => {
                let bin = heddle_test_postgres::find().context("PostgreSQL is not installed")?;
                let server = Postgres::start_synced(&bin)?;
                let database = Database::create_on(&server.url("postgres")).await?;
                Some((server, database))
            }
        };
        Ok(Self { directory: tempfile::tempdir_in(&arguments.place)?, postgres })
    }
}

/// A running server. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    address: String,
    token: String,
}

impl Server {
    /// Start it, and wait until it listens.
    pub(crate) fn start(arguments: &Arguments, place: &Place) -> Result<Self> {
        let data = place.directory.path();
        let mut command = Command::new(&arguments.host);
        command.args(["serve", "--listen", "127.0.0.1:0", "--gc-every", "0s", "--data-dir"]).arg(data);
        command.args(["--bound", "open-runs=1000000"]).args(&arguments.serve);
        if let Some((_, database)) = &place.postgres {
            command.args(["--database", database.url()]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| arguments.host.display().to_string())?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut address = None;
        for line in lines.by_ref() {
            if let Some(url) = line?.strip_prefix("listening on http://") {
                address = Some(url.trim().to_owned());
                break;
            }
        }
        let Some(address) = address else { bail!("the server did not start: {}", child.wait()?) };
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let token = fs::read_to_string(data.join("admin-token"))?.trim().to_owned();
        Ok(Self { child, address, token })
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.address, Some(&self.token)).await
    }

    /// Load the plugin, and save a workflow under each name.
    pub(crate) async fn prepare(&self, arguments: &Arguments, workflows: &[Value]) -> Result<()> {
        let mut connection = self.connect().await?;
        let component: Bytes = fs::read(&arguments.plugin)?.into();
        let (status, answer) = connection.request(Method::POST, "/api/v1/plugins", component).await?;
        ensure!(status.is_success(), "the plugin was refused: {}", String::from_utf8_lossy(&answer));
        for workflow in workflows {
            connection.post("/api/v1/workflows", workflow).await?;
        }
        Ok(())
    }

    /// The request that starts a run of a workflow.
    pub(crate) fn start_request(workflow: &str, input: &Value) -> Bytes {
        json!({ "workflow": workflow, "input": input }).to_string().into()
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        resident(&self.child)
    }

    /// Processor time that it has used, of all its threads.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        // Fields 14 and 15 of proc(5), in ticks of a hundredth of a second; the name in field 2 may hold spaces.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("no stat")?.1.split_ascii_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Ask it to stop, and wait for its end.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(start.elapsed() < Duration::from_secs(60), "the server did not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(process: &Child) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
