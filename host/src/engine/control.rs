//! Steering runs: each thing that is asked for becomes a command in the database, and whoever asked waits for its answer.

use std::time::Duration;

use super::{
    RunDetail, Tenant,
    core::{Machine, latest_files},
    driver::Message,
    plan::split_phase,
};
use crate::{
    error::{Code, Error, Result},
    model::{AttemptState, Command, Order, Overrides, Restored, RestoredInside, RunId, RunState, StepState},
    store::{ArtifactRow, AttemptRow, CommandAnswer, StepRow},
};

/// An owner that has not taken a command up in this time may be away; the command stays queued.
const PATIENCE: Duration = Duration::from_secs(10);
/// A host that shuts down tells nobody any more: so long after the last look the database is asked again.
const LOOK: Duration = Duration::from_secs(1);
/// So many of a run's steps are named to whoever asks for one that is not there.
const NAMED: u32 = 20;
/// The longest reason for skipping a step, in bytes.
const REASON_BYTES: usize = 4096;
/// The longest prompt that may take a template's place, in bytes.
const PROMPT_BYTES: usize = 256 << 10;
/// What a rollback may have to bring back, in bytes of JSON.
const ROLLBACK_BYTES: usize = 16 << 20;
/// The kinds of steps that contain others.
const AROUND_OTHERS: [&str; 3] = ["map", "loop", "workflow"];

/// Which earlier result is to count again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackTo {
    /// The result of the attempt with this number.
    Attempt(u32),
    /// The result that this version of a file is part of.
    Artifact {
        /// The file.
        name: String,
        /// Its version.
        version: u32,
    },
}

impl Tenant {
    /// Let nothing of a run start until it is resumed; what is under way may end.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has ended or is paused; `Unavailable` if its owner does not answer.
    pub async fn run_pause(&self, id: RunId) -> Result<RunDetail> {
        self.command(id, Command::Pause).await
    }

    /// Go on with a paused run.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it is not paused; `Unavailable` if its owner does not answer.
    pub async fn run_resume(&self, id: RunId) -> Result<RunDetail> {
        self.command(id, Command::Resume).await
    }

    /// Stop a run for good. Its guests are stopped within moments.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has ended; `Unavailable` if its owner does not answer.
    pub async fn run_cancel(&self, id: RunId) -> Result<RunDetail> {
        self.command(id, Command::Cancel).await
    }

    /// Change whether a run's steps wait for reviews, or its priority.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has ended; `Unavailable` if its owner does not answer.
    pub async fn run_change(
        &self,
        id: RunId,
        auto_run: Option<bool>,
        priority: Option<i32>,
    ) -> Result<RunDetail> {
        if auto_run.is_none() && priority.is_none() {
            return Err(Error::invalid("nothing is to be changed; say auto_run or priority"));
        }
        self.command(id, Command::Change { auto_run, priority }).await
    }

    /// Let the result of a step that waits for its review count.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it does not wait for one; `Unavailable` if the owner does not answer.
    pub async fn step_continue(&self, id: RunId, step: &str) -> Result<RunDetail> {
        self.step(id, step).await?;
        self.command(id, Command::Continue { step: step.to_owned() }).await
    }

    /// Do a step again, with a prompt or an input of the caller's if one is given; then what depends on it, as far as it
    /// changes.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for the overrides; `Conflict` if it has not ended; `Unavailable` if the owner does not answer.
    pub async fn step_retry(&self, id: RunId, step: &str, overrides: Overrides) -> Result<RunDetail> {
        self.check_overrides(id, step, &overrides).await?;
        self.command(id, Command::Retry { step: step.to_owned(), overrides }).await
    }

    /// Do again every step that failed.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if none failed; `Unavailable` if the owner does not answer.
    pub async fn run_retry(&self, id: RunId) -> Result<RunDetail> {
        let detail = self.run(id).await?;
        let failed = self.store().step_list_failed(id).await?;
        if failed.is_empty() {
            let what = match detail.run.state {
                RunState::Cancelled => "it cannot be done again; fork it",
                _ => "no step of it failed; name the step",
            };
            let message = format!("run {id} is {}: {what}", detail.run.state);
            return Err(Error::conflict(message));
        }
        let mut result = None;
        for step in failed {
            // It may come after one that was retried before it: then it is done again by now.
            let stands = |row: &StepRow| row.state != StepState::Failed || row.attempt != step.attempt;
            if result.is_some() && stands(&self.step(id, &step.name).await?) {
                continue;
            }
            let command = Command::Retry { step: step.name.clone(), overrides: stored_overrides(&step) };
            result = Some(match self.command(id, command).await {
                Err(error) if result.is_some() && error.code() == Code::Conflict => {
                    if !stands(&self.step(id, &step.name).await?) {
                        return Err(error);
                    }
                    continue;
                }
                answer => answer?,
            });
        }
        Ok(result.unwrap_or(detail))
    }

    /// Run a step now: again if it has ended, without the reviews that it waits for otherwise.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for the overrides; `Conflict` if it cannot run; `Unavailable` if the owner does not answer.
    pub async fn step_trigger(&self, id: RunId, step: &str, overrides: Overrides) -> Result<RunDetail> {
        self.check_overrides(id, step, &overrides).await?;
        self.command(id, Command::Trigger { step: step.to_owned(), overrides }).await
    }

    /// Let a step that has not ended count as skipped.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has ended; `Unavailable` if the owner does not answer.
    pub async fn step_skip(&self, id: RunId, step: &str, reason: Option<String>) -> Result<RunDetail> {
        self.step(id, step).await?;
        let reason = reason.unwrap_or_else(|| "somebody skipped it".to_owned());
        if reason.len() > REASON_BYTES {
            return Err(Error::invalid(format!("reason: at most {REASON_BYTES} bytes are allowed")));
        }
        self.command(id, Command::Skip { step: step.to_owned(), reason }).await
    }

    /// Let an earlier result of a step count again, the whole of it: output, files and shared state, and what was inside
    /// it. What depends on it is done again, as far as it changes.
    ///
    /// # Errors
    /// `NotFound`, for the attempt or the file as well; `Conflict` if it cannot be rolled back now; `Unavailable` if the
    /// owner does not answer.
    pub async fn step_rollback(&self, id: RunId, step: &str, to: &RollbackTo) -> Result<RunDetail> {
        let row = self.step(id, step).await?;
        let files = self.store().artifact_list_of(id, step).await?;
        let number = match to {
            RollbackTo::Attempt(number) => *number,
            RollbackTo::Artifact { name, version } => {
                let found = files.iter().find(|file| file.name == *name && file.version == *version);
                let what = || format!("{step}/{name} of run {id} with version {version}");
                found.ok_or_else(|| Error::not_found("artifact", what()))?.attempt
            }
        };
        let attempts = self.store().attempt_list_of(id, step).await?;
        let attempt = attempts.into_iter().find(|a| a.number == number);
        let attempt = attempt
            .ok_or_else(|| Error::not_found("attempt", format!("{number} at step {step} of run {id}")))?;
        let mut to = restored(attempt, &files, step)?;
        if AROUND_OTHERS.contains(&row.phase.as_str()) {
            to.inside = Some(self.inside_then(id, step, number).await?);
            let bytes = serde_json::to_vec(&to).map_or(0, |json| json.len());
            if bytes > ROLLBACK_BYTES {
                return Err(Error::conflict(format!(
                    "what attempt {number} at step {step} has to bring back is {bytes} bytes; at most {ROLLBACK_BYTES} can be; retry the step, or fork the run at it"
                )));
            }
        }
        self.command(id, Command::Rollback { step: step.to_owned(), to: Box::new(to) }).await
    }

    /// What was inside a step when that attempt completed, as far as something else is there now.
    async fn inside_then(&self, id: RunId, step: &str, number: u32) -> Result<RestoredInside> {
        let loader = self.engine.loader();
        let snapshot = loader.snapshot(self.id(), id).await?;
        let (attempts, files) = (snapshot.attempts.clone(), snapshot.artifacts.clone());
        let inside = Machine::restore(snapshot).inside_then(step, number, &attempts, &files);
        inside.map_err(|why| Error::conflict(format!("run {id}: {why}")))
    }

    /// Delete a run that has ended, with its results.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has not ended.
    pub async fn run_delete(&self, id: RunId) -> Result<()> {
        let run = self.run_row(id).await?;
        if self.store().run_delete(id).await? {
            return Ok(());
        }
        Err(Error::conflict(format!("run {id} is {}: cancel it first", run.state)))
    }

    /// Have a command done. Returns the run as it is then.
    pub(super) async fn command(&self, id: RunId, command: Command) -> Result<RunDetail> {
        let run = self.run_row(id).await?;
        if run.state.is_terminal() && !command.reopens() {
            return Err(Error::conflict(format!("run {id} is {}: it has ended", run.state)));
        }
        let mut follow = self.engine.bus.follow(id);
        let order = Order { command, by: self.actor().map(str::to_owned) };
        let place = self.store().command_add(id, &order).await?;
        self.engine.driver.send(Message::CommandsWait);
        let begin = tokio::time::Instant::now();
        loop {
            match self.store().command_answer(place).await? {
                CommandAnswer::Done => return self.run(id).await,
                CommandAnswer::Refused(why) => return Err(Error::conflict(format!("run {id}: {why}"))),
                CommandAnswer::Queued if self.engine.observes() => {
                    return Err(Error::new(
                        Code::Unavailable,
                        format!(
                            "no host runs here: it is queued, and done as soon as one does (`heddle serve` on the same data directory); run {id} is {}",
                            run.state
                        ),
                    ));
                }
                CommandAnswer::Queued if begin.elapsed() > PATIENCE => {
                    return Err(Error::new(
                        Code::Unavailable,
                        format!(
                            "the host of run {id} has not taken it up yet; it stays queued, and is done when it does"
                        ),
                    ));
                }
                // Done or refused, it is told.
                CommandAnswer::Queued => {
                    let _ = tokio::time::timeout(LOOK, follow.committed.changed()).await;
                }
            }
        }
    }

    pub(super) async fn step(&self, id: RunId, step: &str) -> Result<StepRow> {
        self.run_row(id).await?;
        match self.store().step_get(id, step).await? {
            Some(row) => Ok(row),
            None => {
                let rows = self.store().step_page(id, None, NAMED + 1).await?;
                let mut names: Vec<&str> =
                    rows.iter().map(|row| row.name.as_str()).take(NAMED as usize).collect();
                names.extend((rows.len() > NAMED as usize).then_some("…"));
                let message = format!("there is no step {step} of run {id}; it has: {}", names.join(", "));
                Err(Error::new(Code::NotFound, message))
            }
        }
    }

    /// Whether a step of the run can take these: a phase alone has a prompt and an input.
    pub(super) async fn check_overrides(&self, id: RunId, step: &str, overrides: &Overrides) -> Result<()> {
        let row = self.step(id, step).await?;
        if overrides.is_empty() {
            return Ok(());
        }
        let Some((plugin, phase)) = split_phase(&row.phase) else {
            let message = format!("step {step} is a {}: only a phase takes a prompt or an input", row.phase);
            return Err(Error::invalid(message));
        };
        if overrides.prompt.as_ref().is_some_and(|prompt| prompt.len() > PROMPT_BYTES) {
            return Err(Error::new(
                Code::TooLarge,
                format!("prompt: at most {PROMPT_BYTES} bytes are allowed"),
            ));
        }
        let pins = self.run(id).await?.pins;
        let digest = pins.get(plugin).ok_or_else(|| Error::not_found("plugin", plugin))?;
        let (_, manifest) = self.plugin(&digest.to_string()).await?;
        let spec = manifest.phase(phase).ok_or_else(|| Error::not_found("phase", &row.phase))?;
        let Some(input) = &overrides.input else { return Ok(()) };
        let check =
            || crate::schema::compile(&spec.input_schema).map(|schema| crate::schema::check(&schema, input));
        let problems = (self.engine.checks.run(check).await?)
            .map_err(|error| Error::invalid(format!("phase {}: {error}", row.phase)))?;
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(format!("the input does not fit phase {}", row.phase)).with_problems(problems))
    }
}

/// What a step's last attempts were given by hand: a retry that says nothing of it keeps it.
fn stored_overrides(step: &StepRow) -> Overrides {
    let stored = step.overrides.clone().and_then(|document| serde_json::from_value(document).ok());
    stored.unwrap_or_default()
}

fn restored(attempt: AttemptRow, files: &[ArtifactRow], step: &str) -> Result<Restored> {
    let number = attempt.number;
    let output = attempt.output.filter(|_| attempt.state == AttemptState::Completed).ok_or_else(|| {
        Error::conflict(format!("attempt {number} at step {step} is {}: it has no result", attempt.state))
    })?;
    if attempt.reused {
        let message = format!(
            "attempt {number} at step {step} took over an earlier result; name the attempt that made it"
        );
        return Err(Error::conflict(message));
    }
    let latest = latest_files(files).remove(&(step, number)).unwrap_or_default();
    let mut files: Vec<&ArtifactRow> = latest.into_values().collect();
    files.sort_by_key(|file| file.order);
    let artifacts = serde_json::to_value(files)
        .map_err(|error| Error::internal("the earlier result's files cannot be listed", error))?;
    Ok(Restored {
        attempt: number,
        output,
        step_key: attempt.step_key,
        shared: attempt.shared.unwrap_or_default(),
        overrides: attempt.overrides,
        artifacts,
        expansion: attempt.expansion,
        inside: None,
    })
}
