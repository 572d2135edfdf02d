//! `heddle runs output|logs|events`: what a run has made, what its phases wrote, and what happened to it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    access::{Access, Ask, unknown},
    output, runs,
    span::query,
};
use crate::{
    api::{
        uri::segment,
        wire::{EventBody, EventPage, LogBody, RunBody},
    },
    model::{RunId, RunState},
};

/// How often a server is asked for what has happened meanwhile.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the output (JSON) of a run that has completed, or of one of its steps
    Output {
        /// The run's id
        id: RunId,
        /// The step
        step: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Print what the phases of a run wrote to their logs
    Logs {
        /// The run's id
        id: RunId,
        /// Only this step
        step: Option<String>,
        /// Which attempt at the step [default: the last]
        #[arg(long, value_name = "N", requires = "step")]
        attempt: Option<u32>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Print what happened to a run; as JSON, one event a line
    Events {
        /// The run's id
        id: RunId,
        /// Only events with higher numbers
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
        /// Go on with what happens, until the run has ended
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        ask: Ask,
    },
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Output { id, step, ask } => {
            let step = step.map(|step| format!("/steps/{}", segment(&step))).unwrap_or_default();
            let access = ask.open().await?;
            let found = access.send(Method::GET, &format!("/runs/{id}{step}/output"), None, &[]).await;
            access.close().await;
            // As it is stored, to the last digit of its numbers.
            output::say(&String::from_utf8(found?.into())?)
        }
        Command::Logs { id, step, attempt, ask } => {
            let access = ask.open().await?;
            let found = logs(&access, id, step, attempt).await;
            access.close().await;
            print_logs(&found?, ask.json)
        }
        Command::Events { id, after, follow, ask } => {
            let access = ask.open().await?;
            let told = events(&access, id, after, follow, ask.json).await;
            access.close().await;
            told
        }
    }
}

/// The log of an attempt at a step.
struct Log {
    step: String,
    attempt: u32,
    log: LogBody,
}

async fn logs(
    access: &Access,
    id: RunId,
    step: Option<String>,
    attempt: Option<u32>,
) -> anyhow::Result<Vec<Log>> {
    let run = runs::whole(access, access.call(Method::GET, &format!("/runs/{id}"), None).await?).await?;
    if let Some(step) = &step
        && run.steps.iter().all(|known| known.name != *step)
    {
        let names: Vec<&str> = run.steps.iter().map(|known| known.name.as_str()).collect();
        return Err(unknown("step", step, &names).into());
    }
    let mut found = Vec::new();
    for known in run.steps.iter().filter(|known| step.as_ref().is_none_or(|step| *step == known.name)) {
        let Some(last) = attempt.or_else(|| known.attempts.last().map(|attempt| attempt.number)) else {
            continue;
        };
        let path = format!("/runs/{id}/steps/{}/log?attempt={last}", segment(&known.name));
        let log = access.call(Method::GET, &path, None).await?;
        found.push(Log { step: known.name.clone(), attempt: last, log });
    }
    Ok(found)
}

fn print_logs(logs: &[Log], json: bool) -> anyhow::Result<()> {
    if json {
        let logs = logs.iter().map(
            |Log { step, attempt, log }| json!({ "step": step, "attempt": attempt, "lines": log.lines }),
        );
        return output::json(&logs.collect::<Vec<Value>>());
    }
    let mut lines = Vec::new();
    for Log { step, log, .. } in logs {
        for line in &log.lines {
            // A message of several lines stands under the first.
            let message = output::plain(&line.message).replace('\n', "\n    ");
            let at = output::micros(line.at_us);
            lines.push(format!("{step} +{at} {}: {message}", line.level));
        }
    }
    match lines.is_empty() {
        true => output::say("nothing was written"),
        false => output::say(&lines.join("\n")),
    }
}

async fn events(access: &Access, id: RunId, mut after: u64, follow: bool, json: bool) -> anyhow::Result<()> {
    loop {
        let path = format!("/runs/{id}/events{}", query(&[("after", Some(after.to_string()))]));
        let page: EventPage = access.call(Method::GET, &path, None).await?;
        for event in &page.items {
            print_event(event, json)?;
        }
        after = page.next_after;
        if !page.items.is_empty() {
            continue;
        }
        if !follow {
            return Ok(());
        }
        let run: RunBody = access.call(Method::GET, &format!("/runs/{id}"), None).await?;
        if run.run.last_event > after {
            continue;
        }
        if run.run.state.parse::<RunState>().is_ok_and(RunState::is_terminal) {
            return Ok(());
        }
        if matches!(access, Access::Local(_)) {
            eprintln!("run {id} is {}, and no host runs it: `heddle serve` goes on with it", run.run.state);
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn print_event(event: &EventBody, json: bool) -> anyhow::Result<()> {
    if json {
        return output::say(&serde_json::to_string(event)?);
    }
    let mut text = format!("{:>4} {} {}", event.seq, event.at, event.kind);
    if let Some(step) = &event.step {
        text.push_str(&format!(" {step}"));
    }
    if !event.data.is_null() {
        text.push_str(&format!(" {}", output::plain(&event.data.to_string())));
    }
    output::say(&text)
}
