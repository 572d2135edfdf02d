//! kill -9 at random moments, of the host and of its database: every run finishes, and each result is committed once.
//!
//! The moments come from a seed (`HEDDLE_CRASH_SEED`), and so many kills are done as `HEDDLE_CRASH_ROUNDS` says.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{Kept, Postgres, Random, Server, Stop};
use serde_json::{Value, json};

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What was asked for, under which key, and the run that answered, if an answer came.
struct Asked {
    key: String,
    input: Value,
    id: Option<String>,
}

async fn ask(server: &Server, asked: &mut Asked) -> Result<()> {
    let body = json!({ "workflow": "echo_diamond", "input": asked.input, "seed": 1, "as_of": "2026-01-01T00:00:00Z" });
    let request =
        server.request(reqwest::Method::POST, "/runs").header("idempotency-key", &asked.key).json(&body);
    let response = request.send().await?;
    ensure!(response.status().is_success(), "{}: {}", response.status(), response.text().await?);
    let run: Value = response.json().await?;
    let id = run["id"].as_str().context("no id")?.to_owned();
    if let Some(earlier) = &asked.id {
        ensure!(*earlier == id, "the key {} gave run {id} after it had given {earlier}", asked.key);
    }
    asked.id = Some(id);
    Ok(())
}

/// Everything that must hold of a finished run.
async fn check(server: &Server, id: &str, input: &Value) -> Result<Value> {
    let run = server.finished(id).await?;
    ensure!(run["state"] == "completed", "run {id} is {}: {run:#}", run["state"]);
    let events = server.events(id).await?;
    let mut completed: BTreeMap<&str, usize> = BTreeMap::new();
    for (event, seq) in events.iter().zip(1_u64..) {
        ensure!(event["seq"] == seq, "run {id}: event {} where {seq} belongs", event["seq"]);
        if event["type"] == "step.completed" {
            *completed.entry(event["step"].as_str().unwrap_or_default()).or_default() += 1;
        }
    }
    let once: BTreeMap<&str, usize> =
        ["end", "left", "right", "start"].into_iter().map(|step| (step, 1)).collect();
    ensure!(completed == once, "run {id}: results were committed {completed:?}");
    for kind in ["run.created", "run.started", "run.completed"] {
        let n = events.iter().filter(|e| e["type"] == kind).count();
        ensure!(n == 1, "run {id} has {n} events {kind}");
    }
    ensure!(events.last().is_some_and(|e| e["type"] == "run.completed"), "run {id} went on after its end");
    let output = server.get(&format!("/runs/{id}/steps/end/output")).await?;
    ensure!(output["input"]["left"].is_string(), "run {id}, started with {input}, ended with {output}");
    Ok(output)
}

/// Whether an attempt is under way that has seen two hosts die: a third would rightly end its run.
async fn worn(server: &Server) -> Result<bool> {
    let running = server.get("/runs?state=running&limit=200").await?;
    for run in running["items"].as_array().context("a list of runs")? {
        let run = server.get(&format!("/runs/{}", run["id"].as_str().context("an id")?)).await?;
        let attempts =
            run["steps"].as_array().into_iter().flatten().filter_map(|step| step["attempts"].as_array());
        if attempts.flatten().any(|a| a["state"] == "running" && a["crashes"].as_u64() >= Some(2)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_finishes_and_each_result_is_committed_once() -> Result<()> {
    hosts_die(&Kept::on_sqlite()?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_finishes_and_each_result_is_committed_once_on_postgres() -> Result<()> {
    match Kept::on_postgres().await? {
        Some(kept) => hosts_die(&kept).await,
        None => Ok(()),
    }
}

async fn hosts_die(kept: &Kept) -> Result<()> {
    let seed = from_env("HEDDLE_CRASH_SEED", 20_261_121);
    let rounds = from_env("HEDDLE_CRASH_ROUNDS", 12);
    println!("HEDDLE_CRASH_SEED={seed} HEDDLE_CRASH_ROUNDS={rounds}");
    let mut random = Random::new(seed);
    let mut server = kept.start()?;
    server.load_plugin("examples/echo").await?;

    let mut all: Vec<Asked> = Vec::new();
    let mut cut_off = 0;
    for round in 0..rounds {
        for i in 0..5 {
            let input = json!({ "iterations": 1_000_000 * (1 + random.below(60)) });
            all.push(Asked { key: format!("{round}-{i}"), input, id: None });
        }
        while worn(&server).await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let delay = Duration::from_millis(random.below(250));
        let killer = async {
            tokio::time::sleep(delay).await;
            // SIGKILL while the requests below are on their way, or after.
            std::process::Command::new("kill").args(["-9", &server.pid().to_string()]).status()
        };
        let asking = async {
            for asked in all.iter_mut().filter(|asked| asked.id.is_none()) {
                // The server may be gone by now: the same key is sent again after the restart.
                if ask(&server, asked).await.is_err() {
                    break;
                }
            }
        };
        let (killed, ()) = tokio::join!(killer, asking);
        ensure!(killed?.success(), "round {round}: the server was gone before it was killed");
        // Reaps the process; that it was dead already is what is wanted.
        let _ = server.kill_9();
        server = kept.start()?;
        if random.below(3) == 0 && !worn(&server).await? {
            // And once more, in the middle of taking the runs up.
            tokio::time::sleep(Duration::from_millis(random.below(40))).await;
            server.kill_9()?;
            server = kept.start()?;
        }
        cut_off += all.iter().filter(|asked| asked.id.is_none()).count();
        for asked in &mut all {
            // Also those that were answered: the same key gives the same run.
            ask(&server, asked).await.with_context(|| format!("round {round}"))?;
        }
    }
    println!("{} runs, {cut_off} of them asked for again after their request was cut off", all.len());
    let mut outputs: BTreeMap<String, Value> = BTreeMap::new();
    for asked in &all {
        let id = asked.id.as_deref().context("a run without an id")?;
        let output = check(&server, id, &asked.input).await?;
        // Same input, same bytes: whether it was interrupted or not.
        let first = outputs.entry(asked.input.to_string()).or_insert_with(|| output.clone());
        ensure!(*first == output, "two runs of {} differ: {first} and {output}", asked.input);
    }
    let listed = server.get("/runs?limit=200").await?;
    let listed = listed.as_array().or_else(|| listed["items"].as_array()).context("a list of runs")?.len();
    ensure!(listed == all.len().min(200), "{listed} runs are there, {} were asked for", all.len());
    server.stop()
}

/// The database's server crashes under a host that goes on; the host is not restarted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_finishes_although_its_database_crashes() -> Result<()> {
    let Some(mut postgres) = Postgres::for_test()? else { return Ok(()) };
    let kept = Kept::on(&postgres).await?;
    let server = kept.start()?;
    server.load_plugin("examples/echo").await?;
    let mut random = Random::new(from_env("HEDDLE_CRASH_SEED", 20_261_121));
    let mut all = Vec::new();
    for round in 0..4 {
        for i in 0..5 {
            let input = json!({ "iterations": 1_000_000 * (1 + random.below(60)) });
            all.push(Asked { key: format!("{round}-{i}"), input, id: None });
        }
        for asked in all.iter_mut().filter(|asked| asked.id.is_none()) {
            ask(&server, asked).await?;
        }
        tokio::time::sleep(Duration::from_millis(random.below(100))).await;
        tokio::task::block_in_place(|| postgres.stop(Stop::Immediate))?;
        // Some end while nothing can be written.
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
        tokio::task::block_in_place(|| postgres.start_again())?;
    }
    for asked in &mut all {
        ask(&server, asked).await?;
        check(&server, asked.id.as_deref().context("a run without an id")?, &asked.input).await?;
    }
    let listed = server.get("/runs?limit=200").await?;
    let listed = listed.as_array().or_else(|| listed["items"].as_array()).context("a list of runs")?.len();
    ensure!(listed == all.len(), "{listed} runs are there, {} were asked for", all.len());
    server.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_sees_three_hosts_die_is_given_up() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path())?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": 200_000_000_000_u64 })).await?;
    let mut server = Some(server);
    for _ in 0..3 {
        let running = server.take().context("a server")?;
        loop {
            let run = running.get(&format!("/runs/{id}")).await?;
            let steps = run["steps"].as_array().context("steps")?.clone();
            if steps.iter().any(|s| s["name"] == "left" && s["state"] == "running") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.kill_9()?;
        server = Some(Server::start(directory.path())?);
    }
    let server = server.context("a server")?;
    let run = server.finished(&id).await?;
    ensure!(run["state"] == "failed", "{run:#}");
    let failure = run["failure"]["message"].as_str().unwrap_or_default();
    ensure!(failure.contains("3 hosts died"), "{failure}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_asked_to_stop_does_not_count_as_dead() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut server = Server::start_with(directory.path(), &["--drain-seconds", "0"])?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": 200_000_000_000_u64 })).await?;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.stop()?;
        server = Server::start_with(directory.path(), &["--drain-seconds", "0"])?;
        let run = server.get(&format!("/runs/{id}")).await?;
        ensure!(run["state"] == "running", "{run:#}");
    }
    server.post(&format!("/runs/{id}/cancel"), &json!({})).await?;
    let run = server.finished(&id).await?;
    ensure!(run["state"] == "cancelled", "{run:#}");
    Ok(())
}
