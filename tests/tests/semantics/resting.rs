//! Runs that only wait: they take next to no memory, and each is woken by what it waits for, also by the next host.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use heddle::model::Timestamp;
use serde_json::{Value, json};

use crate::{Host, both};

both!(runs_that_wait_rest_and_are_woken_by_the_next_host, a_host_with_nothing_to_do_does_nothing);

/// So many requests at once.
const AT_ONCE: usize = 16;
/// So long after its beginning the times of the test come, and so much later for each run.
const LATER: Duration = Duration::from_secs(15);
const LATER_EACH: Duration = Duration::from_millis(10);

/// Memory of a process that is its own, in bytes.
fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// A time after the beginning, as an expression reads it.
fn time(after: Duration) -> String {
    Timestamp::now().plus(after).to_string()
}

/// Start runs, each waiting for one of: a person, an event, a time, and its beginning.
async fn start(host: &Host, ids: std::ops::Range<usize>, at: &str) -> Result<()> {
    let one = |id: usize| async move {
        let kind = ["person", "event", "time", "start"][id % 4];
        let input = json!({ "kind": kind, "id": id.to_string(), "at": at });
        let mut body = json!({ "workflow": "resting", "input": input });
        if kind == "start" {
            body["start_at"] = json!(at);
        }
        host.server().post("/runs", &body).await.map(drop)
    };
    stream::iter(ids).map(one).buffer_unordered(AT_ONCE).try_collect().await
}

/// All items of a list, page by page.
async fn all(host: &Host, path: &str) -> Result<Vec<Value>> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = host.server().get(&format!("{path}&limit=200{cursor}")).await?;
        items.extend(page["items"].as_array().context("items")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(items),
        }
    }
}

async fn runs_that_wait_rest_and_are_woken_by_the_next_host(mut host: Host) -> Result<()> {
    let runs: usize = std::env::var("HEDDLE_WAITING_RUNS").map_or(Ok(1_000), |n| n.parse())?;
    host.create("resting").await?;
    // Some first: what every host needs once is there then.
    let later = LATER + LATER_EACH * u32::try_from(runs)?;
    let at = time(later);
    start(&host, 0..200, &at).await?;
    let far = json!({ "kind": "time", "id": "far", "at": time(Duration::from_secs(86_400)) });
    let far = host.server().post("/runs", &json!({ "workflow": "resting", "input": far })).await?;
    let far = far["id"].as_str().context("an id")?.to_owned();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, began) = (resident(host.server().pid())?, Instant::now());
    start(&host, 200..200 + runs, &at).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let bytes = resident(host.server().pid())?.saturating_sub(before);
    println!(
        "{runs} runs wait: {} bytes each, {:.1} MiB before; {:.1} ms each to start",
        bytes / runs as u64,
        before as f64 / f64::from(1 << 20),
        began.elapsed().as_secs_f64() * 1e3 / runs as f64
    );
    let began = Instant::now();
    host.crash()?;
    println!(
        "the next host listens after {:.2} s, with {:.1} MiB",
        began.elapsed().as_secs_f64(),
        resident(host.server().pid())? as f64 / f64::from(1 << 20)
    );

    let began = Instant::now();
    let open = all(&host, "/approvals?").await?;
    ensure!(open.len() == (200 + runs).div_ceil(4), "{} approvals are open", open.len());
    let decide = |approval: Value| {
        let host = &host;
        async move {
            let path = format!("/approvals/{}/decide", approval["id"].as_str().context("an id")?);
            host.server().post(&path, &json!({ "option": "approve" })).await.map(drop)
        }
    };
    let decided = stream::iter(open).map(decide).buffer_unordered(AT_ONCE);
    let send = |id: usize| {
        let host = &host;
        async move {
            let event = json!({ "key": format!("resting-{id}"), "data": { "id": id } });
            host.server().post("/signals", &event).await.map(drop)
        }
    };
    let events = (0..200 + runs).filter(|id| id % 4 == 1);
    let sent = stream::iter(events).map(send).buffer_unordered(AT_ONCE);
    tokio::try_join!(decided.try_collect::<()>(), sent.try_collect::<()>())?;
    println!("half of them are woken after {:.1} s", began.elapsed().as_secs_f64());
    // One that waits can be stopped as well.
    let run = host.steer(&far, "/cancel", json!({})).await?;
    ensure!(run.state() == "cancelled", "{run:?}");

    let patience = 3 * later + Duration::from_secs(60);
    let began = Instant::now();
    loop {
        let open = host.server().get("/runs?state=pending,running,waiting_approval&limit=1").await?;
        if open["items"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        ensure!(began.elapsed() < patience, "a run was not woken: {:#}", open["items"][0]);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let completed = all(&host, "/runs?state=completed").await?;
    ensure!(completed.len() == 200 + runs, "{}", completed.len());
    // Each by what it waited for, once.
    let mut ids = BTreeSet::new();
    for run in completed.iter().step_by(completed.len() / 100) {
        let run = host.finished(run["id"].as_str().context("an id")?).await?;
        let output = host.step_output(&run, "after").await?;
        let id: usize = output["id"].as_str().context("an id")?.parse()?;
        let woken = &output["woken"];
        match id % 4 {
            0 => ensure!(woken["decided"]["option"] == "approve", "{id}: {woken}"),
            1 => ensure!(woken["came"]["data"]["id"] == id, "{id}: {woken}"),
            _ => ensure!(woken["later"]["woken_by"] == "time", "{id}: {woken}"),
        }
        ensure!(ids.insert(id), "run {id} is there twice");
    }
    Ok(())
}

/// How often a thread of a process has gone to sleep so far, all threads together (proc_pid_status(5)).
fn sleeps(pid: u32) -> Result<u64> {
    let mut all = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        all += line.map_or(Ok(0), |count| count.trim().parse::<u64>())?;
    }
    Ok(all)
}

async fn a_host_with_nothing_to_do_does_nothing(host: Host) -> Result<()> {
    host.run("part", json!({ "n": 1 })).await?;
    host.create("resting").await?;
    start(&host, 0..4, &time(Duration::from_secs(3_600))).await?;
    let pid = host.server().pid();
    let mut woken = Vec::new();
    // What the runs left behind is done with after some seconds.
    while woken.len() < 20 {
        let before = sleeps(pid)?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        woken.push(sleeps(pid)? - before);
        if woken.last() == Some(&0) {
            println!("woken, in each two seconds: {woken:?}");
            return Ok(());
        }
    }
    bail!("its threads woke again and again, so often in each two seconds: {woken:?}")
}
