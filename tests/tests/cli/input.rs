//! `--input` by standard input and by pipes.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{heddle_bin, plugin, sample};
use serde_json::{Value, json};

use crate::Desk;

/// The input that a run of `echo_chain` was started with, as its results have it.
fn input_of(desk: &Desk, out: &str) -> Result<Value> {
    let output: Value = serde_json::from_slice(&fs::read(desk.path(out).join("first/output.json"))?)?;
    Ok(output["input"].clone())
}

#[test]
fn standard_input_a_pipe_and_a_byte_order_mark_are_read() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    let mut child =
        desk.command(&["run", "echo_chain", "--input", "-", "--out", "a"]).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("stdin")?.write_all(br#"{"by": "stdin"}"#)?;
    ensure!(child.wait()?.success());
    ensure!(input_of(&desk, "a")? == json!({ "by": "stdin" }));

    let script = r#"exec "$0" run echo_chain --input <(echo '{"by": "pipe"}') --out b"#;
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).arg(heddle_bin()).current_dir(desk.home.path());
    ensure!(bash.env("HEDDLE_DATA_DIR", desk.data.path()).status()?.success());
    ensure!(input_of(&desk, "b")? == json!({ "by": "pipe" }));

    desk.write("bom.json", "\u{feff}{\"by\": \"windows\"}");
    desk.ends(0, &["run", "echo_chain", "--input", "bom.json", "--out", "c"])?;
    ensure!(input_of(&desk, "c")? == json!({ "by": "windows" }));

    let (_, err) = desk.ends(2, &["run", "echo_chain", "--input", "-", "--out", "d"])?;
    ensure!(err.contains("the input (standard input) brings nothing"), "{err}");
    let (help, _) = desk.ends(0, &["run", "--help"])?;
    ensure!(help.contains("standard input") && help.contains("--input <("), "{help}");
    Ok(())
}

/// A tracker's export by a pipe is the same as by its file.
#[test]
fn an_export_by_a_pipe_is_a_file_for_the_workflow() -> Result<()> {
    let desk = Desk::new();
    desk.ends(0, &["plugin", "add", plugin("ticket-analysis").to_str().unwrap()])?;
    let tickets: Value = serde_json::from_slice(&sample("tickets.json"))?;
    let tickets = tickets["ticket_data"].to_string();
    desk.write("export.json", format!("\u{feff}{tickets}"));
    let as_of = ["--as-of", "2026-01-01T00:00:00Z"];
    let by_file = ["run", "ticket_analysis", "--input", "export.json", "--out", "a"];
    desk.ends(0, &[&by_file[..], &as_of].concat())?;
    let by_pipe = ["run", "ticket_analysis", "--input", "-", "--out", "b"];
    let mut child = desk.command(&[&by_pipe[..], &as_of].concat()).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("stdin")?.write_all(tickets.as_bytes())?;
    ensure!(child.wait()?.success());
    let categories = "categorization/output.json";
    ensure!(fs::read(desk.path("a").join(categories))? == fs::read(desk.path("b").join(categories))?);
    Ok(())
}
