//! Retention and garbage collection: what is kept no longer goes, what anything names stays, whatever happens meanwhile.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use heddle::model::Digest;
use heddle_tests::PATIENCE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Host, backup::large_run, both};

both!(
    runs_are_kept_for_a_time_and_then_go_with_their_files,
    what_a_host_left_behind_when_it_was_killed_is_collected,
    collecting_while_runs_come_and_go_takes_nothing_that_is_needed,
    the_host_collects_by_itself,
    garbage_is_for_the_admin,
);

/// Collect, and say what was.
fn collect(host: &Host, arguments: &[&str]) -> Result<Value> {
    let all = [&["gc", "--json", "--gc-grace", "0s"], arguments].concat();
    Ok(serde_json::from_str(&host.kept.heddle(&all)?)?)
}

/// Collect until the store looks as wanted: for a moment after their end, what attempts and uploads wrote is left alone.
async fn collect_until(host: &Host, wanted: impl Fn(&BTreeSet<String>) -> bool) -> Result<()> {
    let begun = Instant::now();
    while !wanted(&stored(host)?) {
        ensure!(begun.elapsed() < PATIENCE, "there is still {:?}", stored(host)?);
        collect(host, &[])?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The digests of all files in the host's store.
fn stored(host: &Host) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for part in fs::read_dir(host.kept.path().join("blobs/default"))? {
        for entry in fs::read_dir(part?.path())? {
            found.insert(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

async fn exists(host: &Host, path: &str) -> Result<bool> {
    let status = host.server().request(Method::GET, path).send().await?.status();
    ensure!(status == StatusCode::OK || status == StatusCode::NOT_FOUND, "{path}: {status}");
    Ok(status == StatusCode::OK)
}

/// Everything that a run names can be read, and is what it was.
async fn is_whole(host: &Host, id: &str) -> Result<()> {
    let server = host.server();
    let run = server.get(&format!("/runs/{id}")).await?;
    for step in run["steps"].as_array().context("steps")? {
        if step["state"] == "completed" {
            let name = step["name"].as_str().context("a name")?;
            server.get(&format!("/runs/{id}/steps/{name}/output")).await?;
        }
    }
    for artifact in
        server.get(&format!("/runs/{id}/artifacts")).await?["items"].as_array().context("items")?
    {
        let [step, name] = ["step", "name"].map(|key| artifact[key].as_str().unwrap_or_default());
        let path = format!("/runs/{id}/artifacts/{step}/{name}");
        let bytes = server.request(Method::GET, &path).send().await?.error_for_status()?.bytes().await?;
        ensure!(artifact["digest"] == Digest::of(&bytes).to_string(), "{artifact}");
    }
    Ok(())
}

async fn fork(host: &Host, id: &str, step: &str) -> Result<String> {
    let forked = host.server().post(&format!("/runs/{id}/fork"), &json!({ "step": step })).await?;
    let forked = forked["id"].as_str().context("an id")?.to_owned();
    let run = host.finished(&forked).await?;
    ensure!(run.state() == "completed", "{run:?}");
    Ok(forked)
}

async fn delete(host: &Host, id: &str) -> Result<()> {
    let deleted = host.server().request(Method::DELETE, &format!("/runs/{id}")).send().await?;
    deleted.error_for_status()?;
    Ok(())
}

async fn runs_are_kept_for_a_time_and_then_go_with_their_files(mut host: Host) -> Result<()> {
    let before = stored(&host)?;
    let source = large_run(&host).await?;
    let forked = fork(&host, source.id(), "third").await?;
    let open = host.start_run("wait_event", json!({ "order": "7", "text": "y".repeat(100_000) })).await?;
    host.until(&open, |run| run.step("paid")["state"] == "waiting").await?;
    let input = source.0["input_digest"].as_str().context("a digest")?.to_owned();

    let would = collect(&host, &["--dry-run", "--keep-runs", "0s", "--keep-uploads", "0s"])?;
    ensure!(would["runs"] == 2 && would["uploads"] == 1, "{would}");
    ensure!(exists(&host, &format!("/runs/{}", source.id())).await?, "it was only asked");

    // What the fork took over stays when its source goes. Of the source alone is nothing but its rows: so that there is
    // something to wait for, another run with a file of its own goes as well.
    let body = json!({ "workflow": "echo_chain", "input": { "text": "z".repeat(100_000) } });
    let other = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    let other = host.finished(&other).await?;
    let others = other.0["input_digest"].as_str().context("a digest")?.to_owned();
    delete(&host, source.id()).await?;
    delete(&host, other.id()).await?;
    collect_until(&host, |stored| !stored.contains(&others)).await?;
    is_whole(&host, &forked).await?;
    ensure!(stored(&host)?.contains(&input));

    let done = collect(&host, &["--keep-runs", "1h"])?;
    ensure!(done["runs"] == 0, "{done}");
    let done = collect(&host, &["--keep-runs", "0s"])?;
    ensure!(done["runs"] == 1, "{done}");
    ensure!(!exists(&host, &format!("/runs/{forked}")).await?);
    collect_until(&host, |stored| !stored.contains(&input)).await?;
    is_whole(&host, &open).await?;

    let kept = stored(&host)?;
    let done = collect(&host, &["--keep-uploads", "0s"])?;
    ensure!(done["uploads"] == 1, "{done}");
    collect_until(&host, |stored| stored.len() == kept.len() - 1).await?;

    // The run that had not ended goes on, the plugins are there, and nothing else.
    host.crash()?;
    host.server().post("/signals", &json!({ "key": "order-7-paid", "data": { "amount": 8 } })).await?;
    ensure!(host.finished(&open).await?.state() == "completed");
    ensure!(collect(&host, &["--keep-runs", "0s"])?["runs"] == 1);
    collect_until(&host, |stored| *stored == before).await?;
    ensure!(host.run("part", json!({ "n": 21 })).await?.state() == "completed");
    Ok(())
}

fn leave(host: &Host, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let directory = host.kept.path().join("blobs/default").join(&name[..2]);
    fs::create_dir_all(&directory)?;
    let path = directory.join(name);
    fs::write(&path, bytes)?;
    File::open(&path)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))?;
    Ok(path)
}

async fn what_a_host_left_behind_when_it_was_killed_is_collected(host: Host) -> Result<()> {
    let left = leave(&host, &Digest::of("left").to_string(), b"left")?;
    let foreign = leave(&host, "notes.txt", b"somebody's")?;
    let young = leave(&host, &Digest::of("young").to_string(), b"young")?;
    #[allow(clippy::disallowed_methods, reason = "the file system has this clock and no other")]
    File::open(&young)?.set_modified(SystemTime::now())?;
    let done: Value = serde_json::from_str(&host.kept.heddle(&["gc", "--json"])?)?;
    ensure!(done["files"] == 0 && done["files_waiting"] == 1, "the grace has begun: {done}");
    ensure!(left.exists());
    collect_until(&host, |stored| !stored.contains(&Digest::of("left").to_string())).await?;
    ensure!(!left.exists() && foreign.exists());
    Ok(())
}

/// The same files are written again and again, taken over by forks, and deleted, while garbage is collected all the time without
/// any grace.
async fn collecting_while_runs_come_and_go_takes_nothing_that_is_needed(mut host: Host) -> Result<()> {
    host.restart_with(&["--gc-every", "20ms", "--gc-grace", "0s"])?;
    let host = &host;
    let workers = (0..3).map(async |_| {
        let mut kept = Vec::new();
        for _ in 0..6 {
            let source = large_run(host).await?;
            let forked = fork(host, source.id(), "second").await?;
            delete(host, source.id()).await?;
            is_whole(host, &forked).await?;
            kept.push(forked);
        }
        anyhow::Ok(kept)
    });
    let kept: Vec<String> = try_join_all(workers).await?.concat();
    for id in &kept {
        is_whole(host, id).await?;
        let verified = host.server().post(&format!("/runs/{id}/verify"), &json!({})).await?;
        ensure!(verified["verified"] == true, "{verified}");
    }
    Ok(())
}

async fn the_host_collects_by_itself(mut host: Host) -> Result<()> {
    let before = stored(&host)?;
    host.restart_with(&[
        "--gc-every",
        "100ms",
        "--gc-grace",
        "0s",
        "--keep-runs",
        "1s",
        "--keep-uploads",
        "1s",
    ])?;
    let run = large_run(&host).await?;
    let begun = Instant::now();
    while exists(&host, &format!("/runs/{}", run.id())).await? || stored(&host)? != before {
        ensure!(begun.elapsed() < PATIENCE, "{:?} is still there", stored(&host)?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn garbage_is_for_the_admin(host: Host) -> Result<()> {
    let token = host.server().post("/tokens", &json!({ "name": "ci", "role": "user" })).await?;
    let url = format!("{}/api/v1/admin/gc", host.server().url());
    let request = reqwest::Client::new().post(url).bearer_auth(token["secret"].as_str().unwrap());
    let response = request.json(&json!({})).send().await?;
    ensure!(response.status() == StatusCode::FORBIDDEN, "{response:?}");
    let path = "/admin/gc";
    let wrong = host.server().request(Method::POST, path).json(&json!({ "keep_runs": 1 })).send().await?;
    ensure!(wrong.status() == StatusCode::BAD_REQUEST, "{wrong:?}");
    Ok(())
}
