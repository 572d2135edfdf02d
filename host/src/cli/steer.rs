//! `heddle runs pause|resume|cancel|delete|retry|continue|skip|trigger|rollback|fork|execute|verify`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::ArgGroup;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    access::{Access, Ask},
    here, output, runs,
};
use crate::{
    api::{
        uri::segment,
        wire::{RunBody, VerificationBody},
    },
    error::Error,
    model::{RunId, RunState},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Let nothing of a run start until it is resumed
    Pause(Run),
    /// Go on with a paused run
    Resume(Run),
    /// Stop a run for good
    Cancel(Run),
    /// Change whether a run's steps wait for reviews, or its priority
    #[command(group(ArgGroup::new("change").required(true).multiple(true)))]
    Change {
        #[command(flatten)]
        run: Run,
        /// Whether its steps begin by themselves
        #[arg(long, group = "change")]
        auto_run: Option<bool>,
        /// Of the runs that wait for a place, the one with the highest goes first
        #[arg(long, value_name = "N", allow_negative_numbers = true, group = "change")]
        priority: Option<i32>,
    },
    /// Delete a run that has ended, with its results
    Delete(Run),
    /// Do a step again, and what depends on it; without a step, those that failed
    Retry {
        #[command(flatten)]
        run: Run,
        /// The step
        step: Option<String>,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Let the result of a step that waits for its review count
    Continue {
        #[command(flatten)]
        run: Run,
        /// The step
        step: String,
    },
    /// Let a step that has not ended count as skipped
    Skip {
        #[command(flatten)]
        run: Run,
        /// The step
        step: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Run a step now, without the reviews that it waits for
    Trigger {
        #[command(flatten)]
        run: Run,
        /// The step
        step: String,
        #[command(flatten)]
        overrides: Overrides,
    },
    /// Let an earlier result of a step count again, and do again what depends on it
    Rollback {
        #[command(flatten)]
        run: Run,
        /// The step
        step: String,
        /// Number of the attempt whose result it is
        #[arg(long, conflicts_with = "artifact", required_unless_present = "artifact")]
        attempt: Option<u32>,
        /// A file of that result, with its version: NAME@VERSION
        #[arg(long, value_name = "NAME@VERSION", value_parser = artifact)]
        artifact: Option<(String, u32)>,
    },
    /// Make a new run that takes over what does not depend on a step, and goes on from there; without a server it is run in
    /// this process
    Fork {
        #[command(flatten)]
        run: Run,
        /// The step that is done anew; without one, all are
        #[arg(long)]
        step: Option<String>,
        #[command(flatten)]
        overrides: Overrides,
        /// Take the plugins that are active now
        #[arg(long)]
        upgrade: bool,
    },
    /// Run one phase by itself on what a run has made; without a server in this process
    Execute {
        #[command(flatten)]
        run: Run,
        /// A step of the run, or any phase as PLUGIN/PHASE
        step: String,
        #[command(flatten)]
        overrides: Overrides,
        /// Configuration of the phase, as JSON
        #[arg(long, value_name = "JSON", value_parser = parse_json)]
        config: Option<Value>,
    },
    /// Run every step of a finished run again, and compare what comes out
    Verify(Run),
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The run's id
    id: RunId,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
pub(super) struct Overrides {
    /// In place of the prompt template of the step's phase
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// File with what is to take the prompt template's place
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    prompt_file: Option<PathBuf>,
    /// In place of the step's input: JSON, or @FILE
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
}

impl Overrides {
    fn body(&self) -> anyhow::Result<Value> {
        let prompt = match &self.prompt_file {
            Some(file) => Some(std::fs::read_to_string(file).map_err(|error| unread(file, &error))?),
            None => self.prompt.clone(),
        };
        let mut body = json!({});
        if let Some(prompt) = prompt {
            body["prompt"] = json!(prompt);
        }
        if let Some(input) = &self.input {
            body["input"] = json_or_file(input)?;
        }
        Ok(body)
    }
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

/// JSON as it stands, or that of a file.
pub(super) fn json_or_file(text: &str) -> anyhow::Result<Value> {
    let Some(file) = text.strip_prefix('@') else {
        return serde_json::from_str(text)
            .with_context(|| format!("{text:?} is no JSON; a file is given as @FILE"));
    };
    let bytes = std::fs::read(file).map_err(|error| unread(Path::new(file), &error))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{file} holds no JSON"))
}

fn unread(file: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("{} cannot be read: {error}", file.display()))
}

fn artifact(text: &str) -> Result<(String, u32), String> {
    let parts = text.rsplit_once('@').and_then(|(name, version)| Some((name, version.parse().ok()?)));
    parts
        .filter(|(name, version)| !name.is_empty() && *version > 0)
        .map(|(name, version)| (name.to_owned(), version))
        .ok_or_else(|| "expected a file and its version, such as report.md@1".to_owned())
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let post = Method::POST;
    match command {
        Command::Pause(run) => run.now(post, "/pause").await,
        Command::Resume(run) => run.now(post, "/resume").await,
        Command::Cancel(run) => run.now(post, "/cancel").await,
        Command::Change { run, auto_run, priority } => {
            let body = json!({ "auto_run": auto_run, "priority": priority });
            run.steer(Method::PATCH, "", Some(body)).await
        }
        Command::Delete(run) => {
            let _nothing: Value = run.call(Method::DELETE, "", None).await?;
            match run.ask.json {
                true => output::json(&json!({ "deleted": run.id.to_string() }))?,
                false => output::say(&format!("run {} is deleted", run.id))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Retry { run, step: None, overrides } => {
            anyhow::ensure!(
                overrides.body()? == json!({}),
                "name the step that is to have this prompt or input"
            );
            run.steer(post, "/retry", None).await
        }
        Command::Retry { run, step: Some(step), overrides } => {
            run.steer(post, &of_step(&step, "retry"), Some(overrides.body()?)).await
        }
        Command::Continue { run, step } => run.steer(post, &of_step(&step, "continue"), None).await,
        Command::Skip { run, step, reason } => {
            run.steer(post, &of_step(&step, "skip"), Some(json!({ "reason": reason }))).await
        }
        Command::Trigger { run, step, overrides } => {
            run.steer(post, &of_step(&step, "trigger"), Some(overrides.body()?)).await
        }
        Command::Rollback { run, step, attempt, artifact } => {
            let (artifact, version) = artifact.unzip();
            let body = json!({ "attempt": attempt, "artifact": artifact, "version": version });
            run.steer(post, &of_step(&step, "rollback"), Some(body)).await
        }
        Command::Fork { run, step, overrides, upgrade } => {
            let mut body = overrides.body()?;
            body["step"] = json!(step);
            body["upgrade"] = json!(upgrade);
            run.new_run("/fork", body).await
        }
        Command::Execute { run, step, overrides, config } => {
            let mut body = overrides.body()?;
            let key = if step.contains('/') { "phase" } else { "step" };
            body[key] = json!(step);
            body["config"] = json!(config);
            run.new_run("/execute", body).await
        }
        Command::Verify(run) => verify(&run).await,
    }
}

fn of_step(step: &str, what: &str) -> String {
    format!("/steps/{}/{what}", segment(step))
}

impl Run {
    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        self.ask.call(method, &format!("/runs/{}{what}", self.id), body).await
    }

    /// Have something done, and get the run that it leaves, with all its steps.
    async fn left(&self, method: Method, what: &str, body: Option<Value>) -> anyhow::Result<RunBody> {
        runs::left(&self.ask, method, &format!("/runs/{}{what}", self.id), body).await
    }

    /// Have something done to the run as a whole, and say how it is now.
    async fn now(&self, method: Method, what: &str) -> anyhow::Result<ExitCode> {
        let run = self.left(method, what, None).await?;
        match self.ask.json {
            true => output::json(&run)?,
            false => output::say(&format!("run {} is {}", run.run.id, run.run.state))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Have a new run made of this one. Where nobody serves the data directory, it is run here and now, to its end.
    async fn new_run(&self, what: &str, body: Value) -> anyhow::Result<ExitCode> {
        let access = self.ask.open_to_run().await?;
        let made = async {
            let path = format!("/runs/{}{what}", self.id);
            let made = runs::whole(&access, access.call(Method::POST, &path, Some(body)).await?).await?;
            match &access {
                Access::Remote(_) => Ok((made, ExitCode::SUCCESS)),
                Access::Local(local) => {
                    let ended = here::to_its_end(local, made.run.id.parse()?, self.ask.json).await?;
                    let completed = ended.run.state == RunState::Completed.as_str();
                    Ok((ended, if completed { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
                }
            }
        };
        let made: anyhow::Result<(RunBody, ExitCode)> = made.await;
        access.close().await;
        let (run, code) = made?;
        runs::print_run(&run, self.ask.json)?;
        Ok(code)
    }

    /// Have something done, and show the run that it leaves.
    async fn steer(&self, method: Method, what: &str, body: Option<Value>) -> anyhow::Result<ExitCode> {
        let run = self.left(method, what, body).await?;
        runs::print_run(&run, self.ask.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn verify(run: &Run) -> anyhow::Result<ExitCode> {
    let found: VerificationBody = run.call(Method::POST, "/verify", None).await?;
    if run.ask.json {
        output::json(&found)?;
    } else {
        let mut rows = Vec::new();
        for step in &found.steps {
            let said: Vec<String> =
                step.problems.iter().map(|p| output::plain(&format!("{} {}", p.path, p.message))).collect();
            rows.push(vec![step.step.clone(), step.outcome.clone(), said.join("; ")]);
        }
        let mut text = output::table(&["STEP", "OUTCOME", "WHAT"], &[], rows);
        let any = |outcome: &str| found.steps.iter().any(|step| step.outcome == outcome);
        text.push_str(match (found.verified, any("differs")) {
            (true, _) if any("made_of_other") => {
                "\nverified: what can be computed again came out the same, byte by byte"
            }
            (true, _) => "\nverified: everything that is computed came out the same, byte by byte",
            (false, true) => "\nnot verified: results differ",
            (false, false) => "\nnot verified: the run has no result that can be computed again",
        });
        output::say(&text)?;
    }
    Ok(if found.verified { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
