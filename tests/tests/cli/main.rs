//! The command line, by the real binary: what it prints, what it leaves on the disk, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these tests wait on threads of their own"
)]

mod database;
mod deciding;
mod definitions;
mod desk;
mod directory;
mod full_disk;
mod input;
mod library;
mod looking;
mod offline;
mod schedule;
mod start;
mod steering;
mod token;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use heddle::model::Digest;
use heddle_tests::{PATIENCE, Server, plugin, sample};
use serde_json::{Value, json};

pub(crate) use crate::desk::{Desk, library, names, step};

#[test]
fn a_run_leaves_every_file_with_its_digest_and_provenance() -> Result<()> {
    let desk = Desk::new();
    desk.write("tickets.json", sample("tickets.json"));
    let ticket_analysis = plugin("ticket-analysis");
    let arguments = [
        "run",
        "ticket_analysis",
        "--input",
        "tickets.json",
        "--out",
        "results/deep",
        "--as-of",
        "2026-01-01T00:00:00Z",
        "--plugin",
        ticket_analysis.to_str().unwrap(),
    ];
    let (out, err) = desk.ends(0, &arguments)?;
    for words in [
        "● dashboard.html",
        "  trend_analysis.png",
        "KiB",
        "results in results/deep",
        "analytics_dashboard  completed",
    ] {
        ensure!(out.contains(words), "{words:?} is not in: {out}");
    }
    ensure!(err.contains("step.completed categorization"), "{err}");

    let results = desk.path("results/deep");
    let provenance: Value = serde_json::from_slice(&fs::read(results.join("run.json"))?)?;
    ensure!(provenance["workflow"] == "ticket_analysis" && provenance["state"] == "completed");
    ensure!(provenance["plugins"]["ticket-analysis"] == Digest::of(fs::read(&ticket_analysis)?).to_string());
    ensure!(provenance["input"] == Digest::of(sample("tickets.json")).to_string());
    let files = provenance["files"].as_array().unwrap();
    ensure!(files.len() == 20, "15 files and 5 outputs, not {}", files.len());
    for file in files {
        let bytes = fs::read(results.join(file["path"].as_str().unwrap()))?;
        ensure!(file["sha256"] == Digest::of(&bytes).to_string(), "{file}");
    }
    let steps: BTreeSet<String> = provenance["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["step"].as_str().unwrap().to_owned())
        .collect();
    let mut expected = steps;
    expected.insert("run.json".to_owned());
    ensure!(names(&results) == expected);
    ensure!(
        names(&desk.path("results")) == BTreeSet::from(["deep".to_owned()]),
        "nothing half-written is left"
    );

    // Not again into the same place; and the same bytes into another one.
    let (_, err) = desk.ends(2, &arguments)?;
    ensure!(err.contains("--force"), "{err}");
    let mut again = arguments;
    again[5] = "again";
    desk.ends(0, &again)?;
    for file in files {
        let path = file["path"].as_str().unwrap();
        ensure!(fs::read(results.join(path))? == fs::read(desk.path("again").join(path))?, "{path}");
    }
    Ok(())
}

#[test]
fn bad_input_is_refused_in_words_and_leaves_nothing() -> Result<()> {
    let desk = Desk::new();
    desk.ends(0, &["plugin", "add", plugin("ticket-analysis").to_str().unwrap()])?;
    desk.write("broken.json", "{\n \"ticket_data\": [\n  {\"id\": 1,}\n ]}");
    desk.write("empty.json", r#"{"ticket_data": []}"#);
    desk.write("list.json", "[]");
    desk.write(
        "twice.json",
        r#"{"ticket_data": [{"id": "a", "subject": "x"}, {"id": "a", "subject": "y"}]}"#,
    );
    desk.write("wrong.json", r#"{"ticket_data": "none"}"#);
    desk.write("deep.json", format!(r#"{{"ticket_data": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)));
    desk.write("sheet.xlsx", "PK");
    let mut garbage = fs::File::create(desk.path("garbage.json"))?;
    for _ in 0..100 {
        garbage.write_all(&vec![0xa5; 1_000_000])?;
    }
    drop(garbage);
    let before = desk.names();
    for (code, input, words) in [
        (2, "nowhere.json", "nowhere.json cannot be read"),
        (2, "broken.json", "broken.json is broken JSON at line 3, column 12"),
        (2, "empty.json", "/ticket_data: there is no ticket in it"),
        (1, "list.json", "there is no ticket in it"),
        (2, "twice.json", "occurs more than once: \"a\" at /ticket_data/0, /ticket_data/1"),
        (2, "wrong.json", "/ticket_data: \"none\" is not of type"),
        (2, "deep.json", "recursion limit"),
        (2, "garbage.json", "garbage.json is broken JSON at line 1, column 1"),
        (2, "sheet.xlsx", "sheet.xlsx is broken JSON"),
        (2, ".", "is no file"),
    ] {
        let (out, err) = desk.ends(code, &["run", "ticket_analysis", "--input", input, "--out", "out"])?;
        ensure!(out.contains(words) || err.contains(words), "{input}: {words:?} is not in: {out}{err}");
        ensure!(desk.names() == before, "{input} left something: {:?}", desk.names());
    }
    let (_, err) = desk.ends(2, &["run", "ticket_analisys", "--out", "out"])?;
    ensure!(err.contains("did you mean \"ticket_analysis\"?"), "{err}");
    let (_, err) = desk.ends(2, &["run", "ticket_analysis", "--file", "sheet.xlsx", "--out", "out"])?;
    ensure!(err.contains("takes files that end in .json, .jsonl, .ndjson, .csv"), "{err}");
    let (_, err) = desk.ends(2, &["run", "ticket_analysis", "--as-of", "yesterday", "--out", "out"])?;
    ensure!(err.contains("--as-of"), "{err}");
    ensure!(desk.names() == before);
    Ok(())
}

#[test]
fn what_is_no_plugin_is_refused_and_told_what_it_is() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.write("text.wasm", "not wasm");
    desk.write("core.wasm", b"\0asm\x01\0\0\0");
    desk.write("other.wasm", b"\0asm\x0d\0\x01\0");
    let before = (desk.names(), desk.json(&["plugin", "list", "--json"])?);
    for (file, words) in [
        ("nowhere.wasm", "nowhere.wasm cannot be read"),
        ("text.wasm", "no WebAssembly component"),
        ("core.wasm", "core module"),
        ("other.wasm", "another world"),
    ] {
        for arguments in [
            vec!["plugin", "add", file],
            vec!["plugin", "inspect", file],
            vec!["run", "echo_chain", "--plugin", file, "--out", "out"],
        ] {
            let (_, err) = desk.ends(2, &arguments)?;
            ensure!(err.contains(words), "{arguments:?}: {words:?} is not in: {err}");
        }
    }
    ensure!((desk.names(), desk.json(&["plugin", "list", "--json"])?) == before);
    Ok(())
}

#[test]
fn plugins_are_listed_inspected_and_removed() -> Result<()> {
    let desk = Desk::new();
    let echo = plugin("examples/echo");
    let inspected = desk.json(&["plugin", "inspect", echo.to_str().unwrap(), "--json"])?;
    ensure!(inspected["digest"] == Digest::of(fs::read(&echo)?).to_string());
    ensure!(inspected["manifest"]["phases"][0]["name"] == "noop");
    desk.load_echo()?;
    ensure!(desk.json(&["plugin", "inspect", "echo", "--json"])? == inspected);
    let listed = desk.json(&["plugin", "list", "--json"])?;
    let echoes = |list: &Value| list.as_array().unwrap().iter().filter(|one| one["name"] == "echo").count();
    ensure!(echoes(&listed) == 1, "{listed}");
    desk.ends(0, &["plugin", "remove", "echo"])?;
    ensure!(echoes(&desk.json(&["plugin", "list", "--json"])?) == 0);
    let (_, err) = desk.ends(2, &["plugin", "remove", "echo"])?;
    ensure!(err.contains("there is no plugin echo"), "{err}");
    let schema = desk.json(&["plugin", "schema"])?;
    ensure!(schema["properties"]["phases"]["type"] == "array");
    let (completions, _) = desk.ends(0, &["completions", "bash"])?;
    ensure!(completions.contains("_heddle()") && completions.contains("--as-of"));
    Ok(())
}

#[test]
fn a_result_replaces_another_only_by_force_and_only_when_there_is_one() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    fs::create_dir(desk.path("out"))?;
    // An empty directory may be filled.
    let result = desk.json(&["run", "echo_diamond", "--out", "out", "--json"])?;
    ensure!(result["run"]["state"] == "completed" && result["out"] == "out", "{result}");
    let first = fs::read(desk.path("out/run.json"))?;
    desk.write("limit.json", r#"{"iterations": "many"}"#);
    let failing = ["run", "echo_diamond", "--input", "limit.json", "--out", "out", "--force"];
    let (out, _) = desk.ends(1, &failing)?;
    ensure!(out.contains("no results were saved") && out.contains("invalid_input"), "{out}");
    ensure!(fs::read(desk.path("out/run.json"))? == first);
    fs::write(desk.path("out/mine.txt"), "mine")?;
    let (_, err) = desk.ends(2, &["run", "echo_diamond", "--out", "out", "--force"])?;
    ensure!(err.contains("holds mine.txt, which no run put there"), "{err}");
    ensure!(fs::read(desk.path("out/run.json"))? == first && desk.path("out/mine.txt").exists());
    fs::remove_file(desk.path("out/mine.txt"))?;
    desk.ends(0, &["run", "echo_diamond", "--out", "out", "--force"])?;
    ensure!(fs::read(desk.path("out/run.json"))? != first);
    ensure!(desk.names() == BTreeSet::from(["out".to_owned(), "limit.json".to_owned()]));
    Ok(())
}

#[test]
fn ctrl_c_cancels_the_run_and_leaves_nothing() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.write("long.json", r#"{"iterations": 1000000000000}"#);
    let arguments = ["run", "echo_diamond", "--input", "long.json", "--out", "out", "--json"];
    let mut child = desk.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(child.stderr.take().context("stderr")?);
    let mut line = String::new();
    while !line.contains("step.started left") {
        line.clear();
        ensure!(said.read_line(&mut line)? > 0, "it ends before it begins");
    }
    ensure!(Command::new("kill").args(["-INT", &child.id().to_string()]).status()?.success());
    said.read_to_string(&mut line)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.code() == Some(1), "{output:?}: {line}");
    let result: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(result["run"]["state"] == "cancelled" && result["out"].is_null(), "{result}");
    ensure!(desk.names() == BTreeSet::from(["long.json".to_owned()]));
    let runs = desk.json(&["runs", "list", "--json"])?;
    ensure!(runs[0]["id"] == result["run"]["id"] && runs[0]["state"] == "cancelled");
    Ok(())
}

#[tokio::test]
async fn runs_are_seen_and_cancelled_while_a_server_has_the_directory_and_after() -> Result<()> {
    let desk = Desk::new();
    let server = Server::start(desk.data.path())?;
    server.load_plugin("examples/echo").await?;
    let id = server.start_run("echo_diamond", json!({ "iterations": 1_000_000_000_000_u64 })).await?;

    let by_server = desk.json(&["runs", "list", "--json"])?;
    ensure!(by_server[0]["id"] == id.as_str(), "{by_server}");
    let (token, url) = (desk.data.path().join("admin-token"), server.url().to_owned());
    let explicit = ["runs", "show", &id, "--json", "--server", &url, "--token-file", token.to_str().unwrap()];
    let shown = desk.json(&explicit)?;
    ensure!(shown["id"] == id.as_str() && shown["steps"].as_array().unwrap().len() == 4, "{shown}");
    let (_, err) = desk.ends(2, &["run", "echo_diamond", "--out", "out"])?;
    ensure!(err.contains("in use by another heddle process"), "{err}");
    let (_, err) = desk.ends(2, &["serve", "--listen", "127.0.0.1:0"])?;
    ensure!(err.contains("in use by another heddle process"), "{err}");
    let (out, _) = desk.ends(0, &["runs", "cancel", &id])?;
    ensure!(out.trim() == format!("run {id} is cancelled"), "{out}");
    let (_, err) = desk.ends(2, &["runs", "show", "run_00000000000000000000000000"])?;
    ensure!(err.contains("there is no run"), "{err}");
    let mut served = server.get(&format!("/runs/{id}")).await?;
    server.stop()?;

    ensure!(!desk.data.path().join("server.json").exists());
    let mut local = desk.json(&["runs", "show", &id, "--json"])?;
    for run in [&mut served, &mut local] {
        ensure!(run["state"] == "cancelled");
    }
    ensure!(served == local, "the same from the directory as from the server");
    let (_, err) = desk.ends(2, &["runs", "list", "--data-dir", "nothing-here"])?;
    ensure!(err.contains("no data directory") && !desk.path("nothing-here").exists(), "{err}");
    let mut wrong = explicit;
    wrong[5] = "http://127.0.0.1:9";
    let (_, err) = desk.ends(2, &wrong)?;
    ensure!(err.contains("does not answer"), "{err}");
    Ok(())
}

#[test]
fn the_admins_token_is_its_owners_alone_and_never_printed() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let mut child = desk
        .command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"])
        .env("HEDDLE_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let path = desk.data.path().join("admin-token");
    let begin = Instant::now();
    while !desk.data.path().join("server.json").exists() {
        ensure!(begin.elapsed() < PATIENCE, "it does not serve");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    ensure!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?.success());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text)?;
    ensure!(text.lines().nth(1) == Some(&format!("admin token: {}", path.display())), "{text}");
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log)?;
    ensure!(child.wait()?.success());
    ensure!(fs::metadata(&path)?.permissions().mode() & 0o777 == 0o600);
    let secret = fs::read_to_string(&path)?;
    ensure!(secret.trim().len() > 64 && !text.contains(secret.trim()) && !log.contains(secret.trim()));
    ensure!(log.lines().count() > 2);
    for line in log.lines() {
        serde_json::from_str::<Value>(line).with_context(|| line.to_owned())?;
    }
    Ok(())
}
