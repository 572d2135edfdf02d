//! `cargo xtask demo`: what Heddle does, from a clean clone, as a user sees it.
//!
//! It uses the release binary and the HTTP API only. All that it writes is in `out/demo`.

mod crash;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{command, guest, toolchain::Choice, workspace::Workspace};

const WORKFLOW: &str = "ticket_analysis";

/// Builds, and shows four things: two workflows' results, a hostile plugin contained, a run that survives kill -9.
///
/// # Errors
/// When something does not build, or does not behave as said.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    println!(
        "Building: plugins, then the host. The first time takes 15 to 30 minutes on two cores, later seconds."
    );
    guest::build(workspace, Choice::Auto)?;
    let host = workspace.build_host(false)?;
    println!("Built {} in {}.", workspace.shown(&host), minutes(start));

    let demo = Demo::new(workspace, host)?;
    heading("1. Ticket analysis: five phases, each a sandboxed WebAssembly guest");
    let dashboard = demo.tickets()?;
    heading("2. Clinical research: a synthetic trial, from raw data to a manuscript");
    let manuscript = demo.trial()?;
    heading("3. A hostile plugin, contained");
    demo.hostile()?;
    heading("4. kill -9 half-way, finished after the restart");
    crash::show(&demo)?;

    heading("Look at it");
    println!("  The dashboard, a file that needs no network:  file://{}", dashboard.display());
    println!("  All files of the run:                         {}", workspace.shown(&demo.tickets_out()));
    println!("  The trial's manuscript, for LibreOffice:      {}", workspace.shown(&manuscript));
    println!("  Its tables, figures, supplement and data:     {}", workspace.shown(&demo.trial_out()));
    println!(
        "  The API, with the runs of this demo:          {} serve --data-dir {}",
        workspace.shown(&demo.host),
        workspace.shown(&demo.data())
    );
    Ok(())
}

fn heading(text: &str) {
    println!("\n== {text} ==\n");
}

fn minutes(start: Instant) -> String {
    let seconds = start.elapsed().as_secs();
    format!("{} min {} s", seconds / 60, seconds % 60)
}

/// What the demo works with.
struct Demo {
    host: PathBuf,
    root: PathBuf,
    /// `out/demo` in the workspace.
    out: PathBuf,
    /// The synthetic tickets, a run's input.
    sample: PathBuf,
    /// The synthetic trial, a run's input.
    study: PathBuf,
    /// A component that misbehaves.
    hostile: PathBuf,
}

impl Demo {
    fn new(workspace: &Workspace, host: PathBuf) -> Result<Self> {
        let demo = Self {
            host,
            root: workspace.root.clone(),
            out: workspace.root.join("out/demo"),
            sample: workspace.root.join("plugins/ticket-analysis/sample/tickets.json"),
            study: workspace.root.join("plugins/clinical-research/sample/study.json"),
            hostile: workspace.plugins_dir().join("examples/hostile.wasm"),
        };
        for needed in [&demo.host, &demo.sample, &demo.study, &demo.hostile] {
            ensure!(needed.is_file(), "{} is not there", needed.display());
        }
        Ok(demo)
    }

    fn tickets_out(&self) -> PathBuf {
        self.out.join("tickets")
    }

    fn trial_out(&self) -> PathBuf {
        self.out.join("trial")
    }

    fn data(&self) -> PathBuf {
        self.out.join("data")
    }

    /// `heddle run WORKFLOW --input … --out … --data-dir …`
    fn heddle_run(&self, workflow: &str, out: &Path, data: &Path) -> Command {
        let mut command = Command::new(&self.host);
        command.args(["run", workflow, "--force", "--out"]).arg(out).arg("--data-dir").arg(data);
        command
    }

    /// Shows a command as one would type it in the workspace's folder.
    fn announce(&self, command: &Command) {
        println!("$ {}\n", command::shown(command).replace(&format!("{}/", self.root.display()), ""));
    }

    /// Analyses the tickets. Returns the dashboard.
    fn tickets(&self) -> Result<PathBuf> {
        self.analyse(WORKFLOW, &self.sample, &self.tickets_out())?;
        find(&self.tickets_out(), "dashboard.html")?.context("the analysis made no dashboard.html")
    }

    /// Analyses the trial. Returns the manuscript.
    fn trial(&self) -> Result<PathBuf> {
        self.analyse("clinical_research", &self.study, &self.trial_out())?;
        find(&self.trial_out(), "manuscript.docx")?.context("the analysis made no manuscript.docx")
    }

    /// Runs with the terminal's own streams, so that the progress bars show.
    fn analyse(&self, workflow: &str, input: &Path, out: &Path) -> Result<()> {
        let mut heddle = self.heddle_run(workflow, out, &self.data());
        heddle.arg("--input").arg(input);
        self.announce(&heddle);
        command::run(&mut heddle)
    }

    /// Runs a phase that never returns, in a data directory of its own, so that nothing else meets this plugin.
    fn hostile(&self) -> Result<()> {
        let folder = self.out.join("hostile");
        let mut heddle = self.heddle_run("hostile_loop", &folder.join("results"), &folder.join("data"));
        heddle.arg("--plugin").arg(&self.hostile);
        self.announce(&heddle);
        let output = heddle.arg("--json").output().context("cannot start heddle")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1), "exit code 1 was expected, not {}: {stderr}", output.status);
        let result: Value =
            serde_json::from_str(&text).with_context(|| format!("no JSON: {text} {stderr}"))?;
        println!("{}", contained(&result["run"])?);
        println!("  exit code 1; nothing was written to the output directory");
        ensure!(!folder.join("results").exists(), "a failed run left results behind");
        Ok(())
    }
}

/// A line for each step of the hostile run, which must have failed at a limit.
fn contained(run: &Value) -> Result<String> {
    let steps = run["steps"].as_array().context("the run has no steps")?;
    let mut lines = Vec::new();
    let mut breached = false;
    for step in steps {
        let (name, state) = (text(&step["name"])?, text(&step["state"])?);
        let failure = &step["failure"];
        breached |= state == "failed" && failure["breach"]["limit"].is_string();
        match failure["message"].as_str() {
            Some(message) => lines.push(format!("  step {name}: {state}: {message}")),
            None => lines.push(format!("  step {name}: {state}")),
        }
    }
    if !breached {
        bail!("no step failed at a limit:\n{}", lines.join("\n"));
    }
    Ok(lines.join("\n"))
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} should be text"))
}

/// The first file of that name in a folder or below it.
fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|file| file == name) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_breached_limit_counts_as_contained() {
        let step =
            |failure: Value| json!({ "steps": [{ "name": "loop", "state": "failed", "failure": failure }] });
        let breach = json!({ "message": "wall time 1000 ms", "breach": { "limit": "wall_ms", "value": 1, "used": 2 } });
        assert_eq!(contained(&step(breach)).unwrap(), "  step loop: failed: wall time 1000 ms");
        assert!(contained(&step(json!({ "message": "trapped" }))).is_err());
        assert!(contained(&json!({ "steps": [{ "name": "loop", "state": "completed" }] })).is_err());
        assert!(contained(&json!({})).is_err());
    }
}
