//! A disk that is full: a small file system of its own, mounted where nobody else sees it.

use std::{
    fs,
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::{heddle_bin, plugin};
use serde_json::Value;

use crate::Desk;

/// Run a script in which `$data` is a file system of `size`, and `$heddle` the binary. `None`, said aloud, where the system
/// lets nobody mount one.
fn on_small_disk(desk: &Desk, size: &str, script: &str) -> Result<Option<Output>> {
    fs::create_dir(desk.path("data"))?;
    let mount = format!("set -e; mount -t tmpfs -o size={size},mode=700 tmpfs \"$data\"");
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .current_dir(desk.home.path());
        command.env("data", desk.path("data")).env("heddle", heddle_bin()).env("warm", desk.data.path());
        command.output().context("unshare")
    };
    let possible = unshared(&mount)?;
    if !possible.status.success() {
        let why = String::from_utf8_lossy(&possible.stderr).trim().to_owned();
        ensure!(std::env::var_os("CI").is_none(), "CI needs a file system of its own for this: {why}");
        println!("SKIPPED: no small file system can be mounted ({why})");
        return Ok(None);
    }
    unshared(&format!("{mount}; {script}")).map(Some)
}

#[test]
fn a_component_that_finds_no_room_is_told_of_the_full_disk() -> Result<()> {
    let desk = Desk::new();
    // Room for a component, and not for its code.
    let Some(output) = on_small_disk(&desk, "9m", r#""$heddle" plugin list --data-dir "$data""#)? else {
        return Ok(());
    };
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(1), "{said}");
    ensure!(said.contains("writing to the compiled-code cache failed: the host's disk is full"), "{said}");
    Ok(())
}

#[test]
fn a_step_that_finds_no_room_says_so_without_the_hosts_paths() -> Result<()> {
    let desk = Desk::new();
    desk.load_echo()?;
    desk.write("big.bin", vec![7; 8 << 20]);
    desk.write("copy.json", r#"{"from": "input/big.bin"}"#);
    desk.write("echo.wasm", fs::read(plugin("examples/echo"))?);
    // Room for the upload, and not for the file that the step makes of it. How the run ends is not looked at: whether it is
    // tried again until there is room, or only so often.
    let script = r#"
        cp -r "$warm"/. "$data"
        "$heddle" plugin list --data-dir "$data" >&2
        free=$(df --output=avail -k "$data" | tail -n 1)
        head -c $(( (free - 12288) * 1024 )) /dev/zero > "$data/filler"
        timeout --signal INT 15 "$heddle" run echo_copy --input copy.json --file big.bin --out out --json --data-dir "$data" || true"#;
    let Some(output) = on_small_disk(&desk, "200m", script)? else { return Ok(()) };
    let said = String::from_utf8_lossy(&output.stderr);
    let result: Value = serde_json::from_slice(&output.stdout).with_context(|| said.into_owned())?;
    let attempts = result["run"]["steps"][0]["attempts"].as_array().context("attempts")?;
    let messages: Vec<&str> =
        attempts.iter().filter_map(|attempt| attempt["failure"]["message"].as_str()).collect();
    ensure!(messages.contains(&"\"copy.bin\" could not be written: the host's disk is full"), "{result:#}");
    ensure!(!result.to_string().contains(desk.home.path().to_str().unwrap()), "{result:#}");
    Ok(())
}
