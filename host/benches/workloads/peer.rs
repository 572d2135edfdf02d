//! The same shapes on Restate, a durable executor that also ships as one binary: its server and its SDK from npm, in a
//! directory outside the repository, with their defaults. Its steps are JavaScript functions that do nothing, trusted, in a
//! process of their own; ours are WebAssembly.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use hyper::{Method, body::Bytes};

use super::{
    client::Connection,
    figures::{Column, percentile},
    workloads::{self, CHAINS, CONCURRENCY, RUNS, STEPS},
};

const SERVICE: &str = include_str!("restate.mjs");
const NODE: &str = include_str!("restate-node.mjs");

/// Its server and the service, killed when dropped.
struct Restate {
    processes: Vec<Child>,
    ingress: String,
}

impl Drop for Restate {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // What it has started, too: the server is a child of the program that npm puts in its place.
            let group = format!("-{}", process.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            // It may have ended; then there is nothing to kill.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Measure it.
pub(crate) async fn restate(directory: &Path) -> Result<Column> {
    println!("restate:");
    install(directory)?;
    let mut column = Column::default();
    let data = tempfile::tempdir_in(directory)?;
    let cold = Instant::now();
    let restate = Restate::start(directory, data.path()).await?;
    restate.run("chain", 1, 1).await?;
    column.set("cold_start_ms", workloads::milliseconds(cold.elapsed()));
    restate.run("chain", STEPS, 20).await?;
    let mut times = restate.run("chain", STEPS, CHAINS).await?;
    column.set("chain10_p50_ms", percentile(&mut times, 50.0));
    column.set("chain10_p99_ms", percentile(&mut times, 99.0));
    let mut best = f64::NAN;
    for _ in 0..3 {
        let time = restate.many().await?;
        best = best.max(workloads::number(RUNS * STEPS) / time.as_secs_f64());
    }
    column.set("steps_per_s", best);
    column.set("rss_mb_after_1000_runs", restate.resident()? / 1e6);
    let mut times = restate.run("chain", 40, 20).await?;
    column.set("chain40_ms", percentile(&mut times, 50.0));
    let mut times = restate.run("fan", 1_000, 3).await?;
    column.set("fanout_1000_ms", percentile(&mut times, 50.0));
    Ok(column)
}

fn install(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("service.mjs"), SERVICE)?;
    fs::write(directory.join("node.mjs"), NODE)?;
    if directory.join("node_modules/.bin/restate-server").exists() {
        return Ok(());
    }
    println!("  installing it with npm (about 220 MB)");
    let packages = ["@restatedev/restate-server@1", "@restatedev/restate-sdk@1"];
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--prefix", "."])
        .args(packages)
        .current_dir(directory)
        .stdout(Stdio::null())
        .status()
        .context("npm, which comes with Node.js")?;
    ensure!(installed.success(), "npm could not install {}", packages.join(" and "));
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Restate {
    async fn start(directory: &Path, data: &Path) -> Result<Self> {
        let [service, admin, ingress, node] = [free_port()?, free_port()?, free_port()?, free_port()?];
        let mut restate = Self { processes: Vec::new(), ingress: format!("127.0.0.1:{ingress}") };
        let log = |name: &str| fs::File::create(directory.join(name));
        let served = Command::new("node")
            .args(["--import", "./node.mjs", "service.mjs"])
            .current_dir(directory)
            .env("PORT", service.to_string())
            .env("RESTATE_LOGGING", "ERROR")
            .process_group(0)
            .stdout(log("service.log")?)
            .stderr(log("service.err")?)
            .spawn()
            .context("node")?;
        restate.processes.push(served);
        let server = Command::new(directory.join("node_modules/.bin/restate-server"))
            .arg("--base-dir")
            .arg(data)
            .env("RESTATE_ADMIN__BIND_ADDRESS", format!("127.0.0.1:{admin}"))
            .env("RESTATE_INGRESS__BIND_ADDRESS", &restate.ingress)
            .env("RESTATE_BIND_ADDRESS", format!("127.0.0.1:{node}"))
            .process_group(0)
            .stdout(log("server.log")?)
            .stderr(log("server.err")?)
            .spawn()
            .context("restate-server")?;
        restate.processes.push(server);
        let deployment = format!(r#"{{"uri":"http://127.0.0.1:{service}"}}"#);
        let start = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(&format!("127.0.0.1:{admin}"), None).await {
                let body = Bytes::from(deployment.clone());
                let answer = connection.request(Method::POST, "/deployments", body).await;
                if matches!(&answer, Ok((status, _)) if status.is_success()) {
                    return Ok(restate);
                }
            }
            if start.elapsed() > Duration::from_secs(60) {
                bail!("Restate did not start; its logs are in {}", directory.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.ingress, None).await
    }

    /// Runs one after the other; returns the time of each in milliseconds.
    async fn run(&self, handler: &str, size: usize, times: usize) -> Result<Vec<f64>> {
        let mut connection = self.connect().await?;
        let mut taken = Vec::with_capacity(times);
        for _ in 0..times {
            let start = Instant::now();
            call(&mut connection, handler, size).await?;
            taken.push(workloads::milliseconds(start.elapsed()));
        }
        Ok(taken)
    }

    async fn many(&self) -> Result<Duration> {
        let mut connections = Vec::with_capacity(CONCURRENCY);
        for _ in 0..CONCURRENCY {
            connections.push(self.connect().await?);
        }
        workloads::share(RUNS, connections, async |connection| call(connection, "chain", STEPS).await).await
    }

    /// Resident memory of server and service, in bytes.
    fn resident(&self) -> Result<f64> {
        self.processes.iter().map(super::server::resident).sum()
    }
}

async fn call(connection: &mut Connection, handler: &str, size: usize) -> Result<()> {
    let path = format!("/bench/{handler}");
    let (status, answer) = connection.request(Method::POST, &path, size.to_string().into()).await?;
    ensure!(status.is_success(), "Restate: {status}: {}", String::from_utf8_lossy(&answer));
    Ok(())
}
