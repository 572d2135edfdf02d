//! `heddle workflow`: at a server and without one.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Desk, library};

const WRONG: &str = "
name: wrong
steps:
  - name: one
    phase: nobody/nothing
  - name: two
    depends_on: [three]
    transform: input.
  - name: part
    workflow: { name: part }
";

#[test]
fn everything_that_is_wrong_is_said_at_once() -> Result<()> {
    let desk = Desk::new();
    desk.write("wrong.yaml", WRONG);
    desk.write("shape.yaml", "name: shape\nsteps: 3\n");
    desk.write("broken.yaml", "name: x\n steps: [");
    desk.write("broken.json", "{\"name\": }");
    let mut seen = Vec::new();
    for served in [false, true] {
        let server = served.then(|| desk.serve()).transpose()?;
        let (text, _) = desk.ends(2, &["workflow", "validate", "wrong.yaml"])?;
        for words in ["wrong.yaml: ", "/steps/0/phase: ", "/steps/1/depends_on/0: ", "/steps/1/transform: "] {
            ensure!(text.contains(words), "{words:?} is not in: {text}");
        }
        let (json, _) = desk.ends(2, &["workflow", "validate", "wrong.yaml", "--json"])?;
        let check: Value = serde_json::from_str(&json)?;
        ensure!(check["valid"] == false && check["problems"].as_array().unwrap().len() >= 3, "{check:#}");
        let err = desk.refused(&["workflow", "create", "wrong.yaml"])?;
        ensure!(err.contains("workflow wrong cannot run") && err.contains("/steps/1/transform"), "{err}");
        if !served {
            let err = desk.refused(&["run", "wrong.yaml", "--out", "out"])?;
            ensure!(err.contains("/steps/0/phase") && !desk.path("out").exists(), "{err}");
        }
        for (file, words) in [
            ("shape.yaml", "/steps: 3 is not of type \"array\""),
            ("broken.yaml", "line 2"),
            ("broken.json", "line 1"),
        ] {
            let (text, _) = desk.ends(2, &["workflow", "validate", file])?;
            ensure!(text.contains(&format!("{file}: 1 problem\n")) && text.contains(words), "{text}");
            let (json, _) = desk.ends(2, &["workflow", "validate", file, "--json"])?;
            ensure!(serde_json::from_str::<Value>(&json)?["valid"] == false, "{json}");
            let err = desk.refused(&["workflow", "create", file])?;
            ensure!(err.contains(file) && err.contains(words), "{err}");
        }
        let err = desk.refused(&["workflow", "validate", "nowhere.yaml"])?;
        ensure!(err.contains("nowhere.yaml cannot be read"), "{err}");
        // Of a part that is not there, it is said how it comes there.
        let (part, _) = desk.ends(2, &["workflow", "validate", &library("sub_workflow")])?;
        ensure!(
            part.contains("there is no workflow \"part\"") && part.contains("heddle workflow create"),
            "{part}"
        );
        seen.push((text, json, part));
        server.map_or(Ok(()), heddle_tests::Server::stop)?;
    }
    ensure!(seen[0] == seen[1], "the same from the directory as from the server: {seen:#?}");
    let (json, _) = desk.ends(0, &["workflow", "validate", &library("transform"), "--json"])?;
    ensure!(serde_json::from_str::<Value>(&json)? == json!({ "valid": true, "problems": [] }));
    let (text, _) = desk.ends(0, &["workflow", "validate", &library("transform")])?;
    ensure!(text.trim_end().ends_with("transform.yaml: it can run"), "{text}");
    Ok(())
}

#[test]
fn versions_are_saved_listed_shown_run_and_deleted() -> Result<()> {
    let desk = Desk::new();
    let version = |n: &str, what: &str| {
        let text = format!("name: w\nversion: {n}\nsteps:\n  - {{ name: s, transform: \"'{what}'\" }}\n");
        desk.write(&format!("{n}.yaml"), text);
    };
    version("1.0.0", "one");
    version("2.0.0", "two");
    ensure!(desk.ends(0, &["workflow", "create", "1.0.0.yaml"])?.0.trim() == "saved w 1.0.0");
    ensure!(
        desk.ends(0, &["workflow", "create", "1.0.0.yaml"])?.0.trim() == "saved w 1.0.0",
        "it is the same"
    );
    let server = desk.serve()?;
    let saved = desk.json(&["workflow", "create", "2.0.0.yaml", "--json"])?;
    ensure!(saved["workflow"]["version"] == "2.0.0" && saved["digest"].is_string(), "{saved:#}");
    version("2.0.0", "other");
    let err = desk.refused(&["workflow", "create", "2.0.0.yaml"])?;
    ensure!(err.contains("raise the version"), "{err}");
    let (text, _) = desk.ends(0, &["workflow", "list", "--versions", "w"])?;
    ensure!(text.lines().count() == 3 && text.contains("1.0.0") && text.contains("2.0.0"), "{text}");
    let all = desk.json(&["workflow", "list", "--json"])?;
    let mine: Vec<&Value> =
        all.as_array().unwrap().iter().filter(|one| one["workflow"]["name"] == "w").collect();
    ensure!(mine.len() == 1 && mine[0]["workflow"]["version"] == "2.0.0", "{all:#}");
    ensure!(desk.json(&["workflow", "show", "w"])?["steps"][0]["transform"] == "'two'");
    ensure!(desk.json(&["workflow", "show", "w", "--version", "1.0.0"])?["steps"][0]["transform"] == "'one'");
    let id = desk.start("w", &json!({}), &["--version", "1.0.0", "--wait"])?;
    ensure!(desk.json(&["runs", "output", &id])? == json!({ "s": "one" }));
    for arguments in [
        &["workflow", "show", "w", "--version", "3.0.0"][..],
        &["workflow", "delete", "w", "--version", "3.0.0"],
        &["runs", "start", "w", "--version", "3.0.0"],
    ] {
        let err = desk.refused(arguments)?;
        ensure!(
            err.contains("workflow w has no version 3.0.0; there are: 2.0.0, 1.0.0"),
            "{arguments:?}: {err}"
        );
    }
    let err = desk.refused(&["workflow", "delete", "ticket_analysis"])?;
    ensure!(err.contains("is a plugin's"), "{err}");
    let err = desk.refused(&["workflow", "show", "ww"])?;
    ensure!(err.contains("there is no workflow \"ww\"") && err.contains("ticket_analysis"), "{err}");
    let (text, _) = desk.ends(0, &["workflow", "delete", "w", "--version", "2.0.0"])?;
    ensure!(text.trim() == "deleted w 2.0.0", "{text}");
    server.stop()?;
    ensure!(desk.json(&["workflow", "show", "w"])?["version"] == "1.0.0");
    let deleted = desk.json(&["workflow", "delete", "w", "--json"])?;
    ensure!(deleted["deleted"] == "w", "{deleted}");
    ensure!(desk.refused(&["workflow", "show", "w"])?.contains("there is no workflow \"w\""));
    Ok(())
}

#[test]
fn a_definition_comes_from_standard_input_and_its_schema_is_printed() -> Result<()> {
    use std::io::Write as _;
    let desk = Desk::new();
    let mut command = desk.command(&["workflow", "create", "-"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    let text = std::fs::read(library("transform"))?;
    child.stdin.take().context("a pipe")?.write_all(&text)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success() && output.stdout == b"saved transform 0.1.0\n", "{output:?}");
    let schema = desk.json(&["workflow", "schema"])?;
    ensure!(schema["properties"]["steps"]["type"] == "array", "{schema:#}");
    Ok(())
}
