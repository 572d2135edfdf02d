//! Backups, made while runs are under way, and restored elsewhere, on the same database or the other.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::Kept;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Host, Run, both};

both!(
    what_is_no_whole_backup_is_refused_and_leaves_nothing,
    nothing_is_restored_over_something,
    a_blob_that_is_missing_or_damaged_is_told,
    runs_that_are_deleted_meanwhile_are_in_the_backup_whole,
    a_backup_is_for_the_admin,
);

macro_rules! directions {
    ($($name:ident: $from:ident => $to:ident;)+) => {$(
        #[tokio::test]
        async fn $name() -> Result<()> {
            let (Some(from), Some(to)) = ($from().await?, nothing::$to().await?) else { return Ok(()) };
            everything_goes_on(Host::start(from).await?, to).await
        }
    )+};
}

directions!(
    from_sqlite_to_sqlite: sqlite => sqlite;
    from_sqlite_to_postgres: sqlite => postgres;
    from_postgres_to_sqlite: postgres => sqlite;
    from_postgres_to_postgres: postgres => postgres;
);

async fn sqlite() -> Result<Option<Kept>> {
    Kept::on_sqlite().map(Some)
}

async fn postgres() -> Result<Option<Kept>> {
    Kept::on_postgres().await
}

mod nothing {
    use super::{Kept, Result};

    pub(super) async fn sqlite() -> Result<Option<Kept>> {
        Kept::nothing_on_sqlite().map(Some)
    }

    pub(super) async fn postgres() -> Result<Option<Kept>> {
        Kept::nothing_on_postgres().await
    }
}

/// A place of the same kind as the host's.
async fn another(host: &Host) -> Result<Kept> {
    match host.kept.path().join("heddle.db").exists() {
        true => Kept::nothing_on_sqlite(),
        false => Kept::nothing_on_postgres().await?.context("a server"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file for a backup, in a directory that is kept as long.
fn place() -> Result<(tempfile::TempDir, PathBuf)> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("all.tar.zst");
    Ok((directory, file))
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

async fn open_approval(host: &Host, id: &str) -> Result<String> {
    let approvals = host.server().get(&format!("/runs/{id}/approvals")).await?;
    let open = approvals.as_array().unwrap().iter().find(|approval| approval["state"] == "open");
    Ok(open.context("an open approval")?["id"].as_str().unwrap().to_owned())
}

async fn decide(host: &Host, id: &str, option: &str) -> Result<()> {
    let path = format!("/approvals/{}/decide", open_approval(host, id).await?);
    host.server().post(&path, &json!({ "option": option })).await.map(drop)
}

/// A run that has completed, and whose input file and output are in blobs.
pub(crate) async fn large_run(host: &Host) -> Result<Run> {
    let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 5) as u8).collect();
    let upload: Value = host
        .server()
        .request(Method::POST, "/uploads?filename=a.bin")
        .body(bytes)
        .send()
        .await?
        .json()
        .await?;
    let body = json!({
        "workflow": "echo_chain", "files": [{ "upload": upload["id"] }], "input": { "text": "x".repeat(100_000) }
    });
    let id = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    let run = host.finished(&id).await?;
    ensure!(run.state() == "completed", "{run:?}");
    Ok(run)
}

async fn everything_goes_on(mut host: Host, to: Kept) -> Result<()> {
    host.server().request(Method::PUT, "/plugins/echo/grants/approvals").send().await?.error_for_status()?;
    let done = large_run(&host).await?;
    let artifacts = host.server().get(&format!("/runs/{}/artifacts", done.id())).await?;
    let events = host.server().events(done.id()).await?;
    let token = host.server().post("/tokens", &json!({ "name": "ci", "role": "user" })).await?;
    let old_admin = host.server().token().to_owned();
    // An event that nobody has taken yet, so that the database's own counting has begun.
    host.server().post("/signals", &json!({ "key": "order-8-paid", "data": { "amount": 8 } })).await?;

    // Under way: one is computed, others wait for people, for an event, for their times.
    let slow = host.start_run("long", json!({ "iterations": 6_000_000_000_u64 })).await?;
    let checkpoint = host.start_run("checkpoint", json!({ "name": "Ann" })).await?;
    let ask = host.start_run("ask", json!({})).await?;
    let event = host.start_run("wait_event", json!({ "order": "7" })).await?;
    host.until(&checkpoint, |run| run.state() == "waiting_approval").await?;
    host.until(&ask, |run| run.state() == "waiting_approval").await?;
    let first = open_approval(&host, &ask).await?;
    decide(&host, &ask, "again").await?;
    while open_approval(&host, &ask).await.is_ok_and(|open| open == first) {}
    host.until(&ask, |run| run.state() == "waiting_approval").await?;
    host.until(&event, |run| run.step("paid")["state"] == "waiting").await?;
    host.until(&slow, |run| run.step("first")["state"] == "running").await?;
    let later = heddle::model::Timestamp::now().plus(Duration::from_secs(10)).to_string();
    let body = json!({ "workflow": "part", "input": { "n": 21 }, "start_at": later });
    let delayed = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    let timer = host.start_run("wait_time", json!({})).await?;

    let (_directory, file) = place()?;
    let made: Value =
        serde_json::from_str(&host.kept.heddle(&["backup", "--out", text(&file), "--json"])?)?;
    ensure!(made["rows"]["runs"] == 7 && made["blobs"].as_u64() > Some(3), "{made:#}");
    ensure!(host.until(&slow, |_| true).await?.step("first")["state"] == "running", "it was still under way");
    // What comes after the backup is not in it.
    let after = host.start_run("part", json!({ "n": 1 })).await?;
    host.finished(&after).await?;
    host.server.take().unwrap().kill_9()?;

    let said = to.heddle(&["restore", "--from", text(&file)])?;
    ensure!(said.contains("7 runs"), "{said}");
    heddle_tests::warm(to.path());
    let host = Host { server: Some(to.start()?), kept: to };
    let gone = host.server().request(Method::GET, &format!("/runs/{after}")).send().await?;
    ensure!(gone.status() == StatusCode::NOT_FOUND);

    ensure!(host.finished(done.id()).await?.0 == done.0, "a run that had ended is as it was");
    ensure!(host.server().get(&format!("/runs/{}/artifacts", done.id())).await? == artifacts);
    ensure!(host.server().events(done.id()).await? == events);
    for artifact in artifacts.as_array().or(artifacts["items"].as_array()).context("artifacts")? {
        let path = artifact["url"].as_str().unwrap().trim_start_matches("/api/v1");
        let bytes =
            host.server().request(Method::GET, path).send().await?.error_for_status()?.bytes().await?;
        ensure!(artifact["digest"] == heddle::model::Digest::of(&bytes).to_string(), "{artifact}");
    }

    decide(&host, &checkpoint, "send").await?;
    let run = host.finished(&checkpoint).await?;
    ensure!(host.output(&run).await? == json!({ "sent": { "text": "Dear Ann" } }));
    decide(&host, &ask, "approve").await?;
    let run = host.finished(&ask).await?;
    ensure!(
        host.output(&run).await? == json!({ "after": ["again", "approve"] }),
        "the first decision was kept"
    );
    host.server().post("/signals", &json!({ "key": "order-7-paid", "data": { "amount": 3 } })).await?;
    let run = host.finished(&event).await?;
    ensure!(host.output(&run).await? == json!({ "ship": { "order": "7", "amount": 3 } }));
    // The event that came before the backup is still there to be taken.
    let body = json!({ "workflow": "wait_event", "input": { "order": "8" } });
    let early = host.server().post("/runs", &body).await?["id"].as_str().context("an id")?.to_owned();
    let run = host.finished(&early).await?;
    ensure!(host.output(&run).await? == json!({ "ship": { "order": "8", "amount": 8 } }));
    let run = host.finished(&timer).await?;
    ensure!(host.output(&run).await? == json!({ "after": { "woken_by": ["time", "time"] } }));
    let run = host.finished(&delayed).await?;
    ensure!(host.output(&run).await? == json!(42));
    let run = host.finished(&slow).await?;
    ensure!(run.state() == "completed", "{run:?}");
    let attempt = &run.step("first")["attempts"][0];
    ensure!(attempt["crashes"] == 0 && run.attempts(&["first", "second"]) == [1, 1], "{run:?}");

    // Tokens open as before, but for the one in the old directory's file.
    let opens = async |secret: &str| -> Result<bool> {
        let url = format!("{}/api/v1/runs", host.server().url());
        Ok(reqwest::Client::new().get(url).bearer_auth(secret).send().await?.status().is_success())
    };
    ensure!(opens(token["secret"].as_str().unwrap()).await?);
    ensure!(!opens(&old_admin).await? && opens(host.server().token()).await?);
    Ok(())
}

async fn what_is_no_whole_backup_is_refused_and_leaves_nothing(host: Host) -> Result<()> {
    large_run(&host).await?;
    let (directory, file) = place()?;
    host.kept.heddle(&["backup", "--out", text(&file)])?;
    let whole = fs::read(&file)?;
    let home = tempfile::tempdir()?;
    let to = another(&host).await?;
    let target = home.path().join("data");
    let bad = directory.path().join("bad.tar.zst");
    let try_it = |bytes: &[u8]| -> Result<String> {
        fs::write(&bad, bytes)?;
        let refused = to.heddle_at(&target, &["restore", "--from", text(&bad)]);
        ensure!(names(home.path())?.is_empty(), "it left {:?}", names(home.path())?);
        Ok(refused.err().context("it was restored")?.to_string())
    };
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
        let said = try_it(&whole[..length])?;
        ensure!(said.contains("backup"), "{length}: {said}");
    }
    for at in [0, 10, whole.len() / 3, whole.len() / 2, whole.len() - 10, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let said = try_it(&bytes)?;
        ensure!(said.contains("backup"), "{at}: {said}");
    }
    let said = try_it(b"a text, and no backup")?;
    ensure!(said.contains("backup"), "{said}");
    // Whole by zstd's checksum, but changed inside.
    let tar = zstd::decode_all(whole.as_slice())?;
    let place = tar.windows(4).position(|four| four == b"echo").context("a row")?;
    let mut changed = tar.clone();
    changed[place] ^= 1;
    let said = try_it(&zstd::encode_all(changed.as_slice(), 1)?)?;
    ensure!(said.contains("damaged"), "{said}");
    let end = tar.windows(8).rposition(|name| name == b"end.json").context("the end")?;
    let said = try_it(&zstd::encode_all(&tar[..end], 1)?)?;
    ensure!(said.contains("cut off"), "{said}");
    // What was refused has spoilt nothing.
    to.heddle_at(&target, &["restore", "--from", text(&file)])?;
    ensure!(target.join("blobs").is_dir());
    Ok(())
}

async fn nothing_is_restored_over_something(host: Host) -> Result<()> {
    let (directory, file) = place()?;
    host.kept.heddle(&["backup", "--out", text(&file)])?;
    let said = host.kept.heddle(&["backup", "--out", text(&file)]).unwrap_err().to_string();
    ensure!(said.contains("is there already"), "{said}");
    host.kept.heddle(&["backup", "--out", text(directory.path())])?;
    ensure!(names(directory.path())?.len() == 2, "a directory gets a file with the time in its name");

    let said = host.kept.heddle(&["restore", "--from", text(&file)]).unwrap_err().to_string();
    ensure!(said.contains("there is something in"), "{said}");
    // Neither over a database that is used: that of the host itself, from a new directory.
    if !host.kept.path().join("heddle.db").exists() {
        let home = tempfile::tempdir()?;
        let target = home.path().join("data");
        let said = host.kept.heddle_at(&target, &["restore", "--from", text(&file)]).unwrap_err().to_string();
        ensure!(said.contains("there is something in the database"), "{said}");
        ensure!(names(home.path())?.is_empty());
    }
    let to = another(&host).await?;
    to.heddle(&["restore", "--from", text(&file)])?;
    let said = to.heddle(&["restore", "--from", text(&file)]).unwrap_err().to_string();
    ensure!(said.contains("there is something in"), "{said}");
    // A directory that nobody serves can be backed up as well.
    let again = directory.path().join("again.tar.zst");
    let made: Value = serde_json::from_str(&to.heddle(&["backup", "--out", text(&again), "--json"])?)?;
    ensure!(made["rows"]["workflows"] == 1, "{made:#}");
    Ok(())
}

async fn a_blob_that_is_missing_or_damaged_is_told(host: Host) -> Result<()> {
    let run = large_run(&host).await?;
    let digest = run.0["input_digest"].as_str().context("a digest")?;
    let blob = host.kept.path().join("blobs/default").join(&digest[..2]).join(digest);
    let bytes = fs::read(&blob)?;
    let (directory, file) = place()?;
    fs::remove_file(&blob)?;
    let said = host.kept.heddle(&["backup", "--out", text(&file)]).unwrap_err().to_string();
    ensure!(said.contains("is not there, so that there is no whole backup"), "{said}");
    fs::write(&blob, &bytes[1..])?;
    let said = host.kept.heddle(&["backup", "--out", text(&file)]).unwrap_err().to_string();
    ensure!(said.contains("broke off"), "{said}");
    ensure!(names(directory.path())?.is_empty(), "{:?}", names(directory.path())?);
    fs::write(&blob, &bytes)?;
    host.kept.heddle(&["backup", "--out", text(&file)])?;
    ensure!(names(&host.kept.path().join("staging"))?.is_empty(), "what was shared for the backups is gone");
    Ok(())
}

/// While backups are made, runs are deleted and garbage collection removes their blobs without any grace: each backup can be
/// restored, and each run that is in it is whole.
async fn runs_that_are_deleted_meanwhile_are_in_the_backup_whole(mut host: Host) -> Result<()> {
    host.restart_with(&["--gc-every", "20ms", "--gc-grace", "0s"])?;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(large_run(&host).await?);
    }
    let (directory, _) = place()?;
    let deleting = async {
        for run in &runs {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let path = format!("/runs/{}", run.id());
            host.server().request(Method::DELETE, &path).send().await?.error_for_status()?;
        }
        anyhow::Ok(())
    };
    let making = async {
        for i in 0..3 {
            let response = host.server().request(Method::POST, "/admin/backup").send().await?;
            let bytes = response.error_for_status()?.bytes().await?;
            fs::write(directory.path().join(i.to_string()), bytes)?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(deleting, making)?;
    for i in 0..3 {
        let to = Kept::nothing_on_sqlite()?;
        to.heddle(&["restore", "--from", text(&directory.path().join(i.to_string()))])?;
        heddle_tests::warm(to.path());
        let server = to.start()?;
        for run in server.get("/runs").await?["items"].as_array().context("items")? {
            let output = format!("/runs/{}/steps/first/output", run["id"].as_str().unwrap());
            ensure!(server.get(&output).await?["files"].is_array());
        }
    }
    Ok(())
}

async fn a_backup_is_for_the_admin(host: Host) -> Result<()> {
    let token = host.server().post("/tokens", &json!({ "name": "ci", "role": "user" })).await?;
    let url = format!("{}/api/v1/admin/backup", host.server().url());
    let secret = token["secret"].as_str().unwrap();
    let response = reqwest::Client::new().post(url).bearer_auth(secret).send().await?;
    ensure!(response.status() == StatusCode::FORBIDDEN, "{response:?}");
    Ok(())
}
