//! The workloads. Each is timed from the first request to the last answer that the client receives.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{
    Arguments, Kind,
    client::Connection,
    figures::{Column, percentile},
    server::{Place, Server},
};

/// Runs of the chain of ten, one after the other.
pub(crate) const CHAINS: usize = 300;
/// Runs at a time, and of how many.
pub(crate) const CONCURRENCY: usize = 64;
pub(crate) const RUNS: usize = 1_000;
pub(crate) const STEPS: usize = 10;
/// Runs that wait at once.
const WAITING: usize = 100_000;

/// A chain of steps that run one phase.
fn chain(name: &str, phase: &str, steps: usize, input: &Value) -> Value {
    let step = |i: usize| match i {
        0 => json!({ "name": "s0", "phase": phase, "input": input }),
        _ => {
            json!({ "name": format!("s{i}"), "phase": phase, "input": input, "depends_on": [format!("s{}", i - 1)] })
        }
    };
    json!({ "name": name, "steps": (0..steps).map(step).collect::<Vec<_>>() })
}

fn workflows() -> Vec<Value> {
    let nothing = json!({});
    vec![
        chain("chain1", "echo/noop", 1, &nothing),
        chain("chain10", "echo/noop", 10, &nothing),
        chain("chain40", "echo/noop", 40, &nothing),
        chain("chain1000", "echo/noop", 1_000, &nothing),
        chain("chain10000", "echo/noop", 10_000, &nothing),
        chain("fib33x10", "echo/fib", 10, &json!({ "n": "33" })),
        json!({ "name": "fan_out", "steps": [
            { "name": "fan", "map": { "over": "input.items", "body": { "phase": "echo/noop" } } },
            { "name": "joined", "phase": "echo/noop", "depends_on": ["fan"], "input": {} },
        ]}),
        json!({ "name": "waits", "steps": [{ "name": "go", "checkpoint": { "title": "Go on?" } }] }),
    ]
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn number(n: usize) -> f64 {
    n as f64
}

/// Run them all on one database.
pub(crate) async fn all(arguments: &Arguments, kind: Kind, column: &mut Column) -> Result<()> {
    let place = Place::new(arguments, kind).await?;
    let server = Server::start(arguments, &place)?;
    server.prepare(arguments, &workflows()).await?;
    let idle = server.resident()?;
    column.set("rss_mb_idle", idle / 1e6);
    // What is compiled or cached at the first use is not what these are about.
    one(&server, "chain10", 20).await?;

    if arguments.wants("chain10") {
        let mut times = one(&server, "chain10", CHAINS).await?;
        column.set("chain10_p50_ms", percentile(&mut times, 50.0));
        column.set("chain10_p99_ms", percentile(&mut times, 99.0));
    }
    if arguments.wants("steps") {
        // The best of three: what another tenant of the machine takes is not the host's doing.
        let mut best: Option<(f64, f64)> = None;
        for _ in 0..3 {
            let used = server.processor_time()?;
            let time = many(&server, "chain10", RUNS, CONCURRENCY).await?;
            let used = server.processor_time()? - used;
            let steps = number(RUNS * STEPS);
            let figures = (steps / time.as_secs_f64(), used.as_secs_f64() * 1e6 / steps);
            best = best.filter(|best| best.0 > figures.0).or(Some(figures));
        }
        let (rate, cpu) = best.context("nothing was run")?;
        column.set("steps_per_s", rate);
        column.set("host_cpu_us_per_step", cpu);
        column.set("rss_mb_after_1000_runs", server.resident()? / 1e6);
    }
    for (name, figure, times) in [
        ("chain40", "chain40_ms", 20),
        ("chain1000", "chain1000_ms", 3),
        ("chain10000", "chain10000_ms", 1),
        ("fib33x10", "fib33x10_ms", 3),
    ] {
        if arguments.wants(name) {
            let mut times = one(&server, name, times).await?;
            column.set(figure, percentile(&mut times, 50.0));
        }
    }
    for (items, figure, times) in [(1_000, "fanout_1000_ms", 5), (10_000, "fanout_10000_ms", 1)] {
        if arguments.wants("fanout") {
            let input = json!({ "items": (0..items).collect::<Vec<u32>>() });
            let request = Server::start_request("fan_out", &input);
            let mut times = repeat(&server, &request, times).await?;
            column.set(figure, percentile(&mut times, 50.0));
        }
    }
    server.stop()?;
    if arguments.wants("cold") {
        column.set("cold_start_ms", cold_start(arguments, &place).await?);
    }
    if arguments.wants("waiting") {
        waiting(arguments, kind, column).await?;
    }
    Ok(())
}

/// Runs of a workflow without input, one after the other; returns the time of each in milliseconds.
async fn one(server: &Server, workflow: &str, times: usize) -> Result<Vec<f64>> {
    repeat(server, &Server::start_request(workflow, &json!({})), times).await
}

async fn repeat(server: &Server, request: &Bytes, times: usize) -> Result<Vec<f64>> {
    let mut connection = server.connect().await?;
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        connection.run_to_end(request).await?;
        taken.push(milliseconds(start.elapsed()));
    }
    Ok(taken)
}

/// So many runs, of which so many are under way at a time.
async fn many(server: &Server, workflow: &str, runs: usize, concurrency: usize) -> Result<Duration> {
    let request = Server::start_request(workflow, &json!({}));
    let mut connections = Vec::with_capacity(concurrency);
    for _ in 0..concurrency {
        connections.push(server.connect().await?);
    }
    share(runs, connections, async |connection| connection.run_to_end(&request).await).await
}

/// Let connections share so many calls, and take the time.
pub(crate) async fn share(
    calls: usize,
    mut connections: Vec<Connection>,
    call: impl AsyncFn(&mut Connection) -> Result<()>,
) -> Result<Duration> {
    let left = AtomicUsize::new(calls);
    let start = Instant::now();
    let clients = connections.iter_mut().map(async |connection| {
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            call(connection).await?;
        }
        Ok::<_, anyhow::Error>(())
    });
    futures::future::try_join_all(clients).await?;
    Ok(start.elapsed())
}

/// From the start of the process to the end of the first run, its plugin being installed.
async fn cold_start(arguments: &Arguments, place: &Place) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let server = Server::start(arguments, place)?;
        one(&server, "chain1", 1).await?;
        times.push(milliseconds(start.elapsed()));
        server.stop()?;
    }
    Ok(percentile(&mut times, 50.0))
}

/// What a run that waits for a person takes of the memory.
async fn waiting(arguments: &Arguments, kind: Kind, column: &mut Column) -> Result<()> {
    let place = Place::new(arguments, kind).await?;
    let server = Server::start(arguments, &place)?;
    server.prepare(arguments, &workflows()).await?;
    server.stop()?;
    // It has compiled nothing then.
    let server = Server::start(arguments, &place)?;
    let started = server.resident()?;
    start_waiting(&server, 200).await?;
    let idle = server.resident()?;
    start_waiting(&server, WAITING).await?;
    // Until what only the starts took is given back.
    let mut resident = server.resident()?;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        resident = resident.min(server.resident()?);
    }
    column.set("waiting_run_bytes", (resident - idle) / number(WAITING));
    drop(server);
    // The same after a start, when nothing of the starts' own is there.
    let start = Instant::now();
    let server = Server::start(arguments, &place)?;
    column.set("start_with_waiting_ms", milliseconds(start.elapsed()));
    column.set("waiting_run_bytes_restarted", (server.resident()? - started) / number(WAITING));
    Ok(())
}

async fn start_waiting(server: &Server, runs: usize) -> Result<()> {
    let request = Server::start_request("waits", &json!({}));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (mut connection, request) = (server.connect().await?, request.clone());
        clients.spawn(async move {
            for _ in 0..runs.div_ceil(CONCURRENCY) {
                let (status, answer) =
                    connection.request(hyper::Method::POST, "/api/v1/runs", request.clone()).await?;
                if !status.is_success() {
                    bail!("a run did not start: {status}: {}", String::from_utf8_lossy(&answer));
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    let mut connection = server.connect().await?;
    loop {
        let path = "/api/v1/runs?state=running&limit=1";
        let (_, answer) = connection.request(hyper::Method::GET, path, Bytes::new()).await?;
        let page: Value = serde_json::from_slice(&answer)?;
        if page["items"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
