//! The command line on PostgreSQL, and with databases that cannot be used.

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{Database, PATIENCE, plugin};
use serde_json::Value;

use crate::{Desk, library, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_kept_in_the_database_that_is_named() -> Result<()> {
    let Some(database) = Database::create().await? else { return Ok(()) };
    let desk = Desk::new();
    let on_it = |arguments: &[&str]| {
        desk.command(arguments).env("HEDDLE_DATABASE", database.url()).output().map_err(anyhow::Error::from)
    };
    desk.write("in.json", "{\"iterations\": 1}");
    let added = on_it(&["plugin", "add", plugin("examples/echo").to_str().unwrap()])?;
    ensure!(added.status.success(), "{added:?}");
    let ran = on_it(&["run", "echo_diamond", "--input", "in.json", "--out", "out", "--json"])?;
    ensure!(ran.status.success(), "{ran:?}");
    let listed = on_it(&["runs", "list", "--json"])?;
    ensure!(String::from_utf8_lossy(&listed.stdout).contains("echo_diamond"), "{listed:?}");
    ensure!(!desk.data.path().join("heddle.db").exists());

    // Without its name the runs would seem to be gone.
    let (_, err) = desk.ends(2, &["runs", "list"])?;
    ensure!(err.contains("name it with --database or HEDDLE_DATABASE"), "{err}");
    let (out, _) = desk.ends(0, &["runs", "list", "--database", database.url()])?;
    ensure!(out.contains("echo_diamond"), "{out}");
    Ok(())
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() -> Result<()> {
    let desk = Desk::new();
    for (code, url, said) in [
        (2, "mysql://ann:s3cret@localhost/heddle", "no database that heddle knows"),
        (2, "postgres://ann:s3cret@localhost/heddle?sslmodus=off", "sslmodus"),
        (
            1,
            "postgres://ann:s3cret@localhost/heddle?host=/there/is/none",
            "postgres://ann@/heddle?host=/there/is/none",
        ),
    ] {
        let (_, err) = desk.ends(code, &["serve", "--listen", "127.0.0.1:0", "--database", url])?;
        ensure!(err.contains(said) && !err.contains("s3cret"), "{url}: {err}");
        let output = desk.command(&["runs", "list"]).env("HEDDLE_DATABASE", url).output()?;
        let err = String::from_utf8(output.stderr)?;
        ensure!(!output.status.success() && !err.contains("s3cret"), "{url}: {err}");
    }
    let (out, _) = desk.ends(0, &["serve", "--help"])?;
    ensure!(out.contains("HEDDLE_DATABASE"), "{out}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_core_commands_work_on_postgres() -> Result<()> {
    let Some(database) = Database::create().await? else { return Ok(()) };
    let desk = Desk::new();
    let on_it = |arguments: &[&str]| -> Result<String> {
        let output = desk.command(arguments).env("HEDDLE_DATABASE", database.url()).output()?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.success(), "{arguments:?}: {out}{err}");
        Ok(out)
    };
    let json_of = |arguments: &[&str]| -> Result<Value> {
        Ok(serde_json::from_str(&on_it(&[arguments, &["--json"]].concat())?)?)
    };
    on_it(&["plugin", "add", plugin("examples/echo").to_str().unwrap()])?;
    on_it(&["workflow", "create", &library("chain")])?;
    desk.write("in.json", "{\"how\": \"completed\"}");
    // Without a server.
    let run = json_of(&["run", &library("mend"), "--input", "in.json", "--out", "out"])?;
    let offline = run["run"]["id"].as_str().context("an id")?;
    let fork = json_of(&["runs", "fork", offline, "--step", "breaks"])?;
    ensure!(fork["state"] == "completed", "{fork:#}");
    ensure!(json_of(&["runs", "verify", offline])?["verified"] == true);
    // With one.
    let server = heddle_tests::Server::start_with(desk.data.path(), &["--database", database.url()])?;
    let run = json_of(&["runs", "start", "chain", "--input", "{\"x\": 3}", "--wait"])?;
    let id = run["id"].as_str().context("an id")?;
    let big = || -> Result<Value> {
        let output: Value = serde_json::from_str(&on_it(&["runs", "output", id])?)?;
        Ok(output["third"]["input"]["big"].clone())
    };
    on_it(&["runs", "retry", id, "first", "--input", "{\"x\": 40}"])?;
    server.finished(id).await?;
    ensure!(big()? == true);
    on_it(&["runs", "rollback", id, "first", "--attempt", "1"])?;
    server.finished(id).await?;
    ensure!(big()? == false && on_it(&["runs", "events", id])?.contains("step.completed first"));
    on_it(&["runs", "delete", id])?;
    ensure!(!on_it(&["runs", "list"])?.contains(id));

    let run = json_of(&["runs", "start", &library("checkpoint"), "--input", "{\"name\": \"Ann\"}"])?;
    let id = run["id"].as_str().context("an id")?;
    ensure!(json_of(&["runs", "pause", id])?["state"] == "paused");
    on_it(&["runs", "resume", id])?;
    let begin = std::time::Instant::now();
    let approval = loop {
        let open = json_of(&["approvals", "list"])?;
        if let Some(approval) = open[0]["id"].as_str() {
            break approval.to_owned();
        }
        ensure!(begin.elapsed() < PATIENCE, "nobody is asked");
    };
    on_it(&["approvals", "decide", &approval, "later"])?;
    let run = server.finished(id).await?;
    ensure!(step(&run, "review")["state"] == "skipped", "{run:#}");
    ensure!(on_it(&["signal", "x"])?.contains("kept"));
    server.stop()
}
