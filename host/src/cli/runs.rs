//! `heddle runs`: list, show; `history`, `start` and `steer` have the rest.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use reqwest::Method;

use super::{
    access::{Access, Ask},
    history, output,
    span::{Moment, query},
    start, steer,
};
use crate::{
    api::{
        uri::segment,
        wire::{RunBody, RunPage, RunSummary, StepPageBody},
    },
    model::{RunId, RunState, ScheduleId},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List runs, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// So many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        ask: Ask,
    },
    /// Show a run with its steps
    Show {
        /// The run's id
        id: RunId,
        #[command(flatten)]
        ask: Ask,
    },
    #[command(flatten)]
    Look(history::Command),
    /// Start a run at a server; `heddle run` runs one in this process
    Start(start::Args),
    #[command(flatten)]
    Steer(steer::Command),
}

#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only those in this state, or in one of several: failed,cancelled
    #[arg(long, value_delimiter = ',', value_parser = state())]
    state: Vec<RunState>,
    /// Only those of this workflow
    #[arg(long)]
    workflow: Option<String>,
    /// Only those created then or later: a moment, or how long ago it was (7d, 12h)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only those created before
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only those that were forked from this run
    #[arg(long, value_name = "RUN")]
    forked_from: Option<RunId>,
    /// Only those that this schedule started
    #[arg(long, value_name = "ID")]
    schedule: Option<ScheduleId>,
    /// Only those whose workflow's name contains this, or whose id begins with it
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

/// One of the states, which the help lists.
fn state() -> impl TypedValueParser<Value = RunState> {
    PossibleValuesParser::new(RunState::ALL.iter().map(|state| state.as_str()))
        .try_map(|text| text.parse::<RunState>())
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { filter, limit, ask } => {
            let runs: RunPage = ask.call(Method::GET, &format!("/runs{}", filter.query(limit)), None).await?;
            print_list(&runs.items, ask.json)?;
        }
        Command::Show { id, ask } => {
            print_run(&left(&ask, Method::GET, &format!("/runs/{id}"), None).await?, ask.json)?;
        }
        Command::Look(command) => history::run(command).await?,
        Command::Start(args) => return start::run(args).await,
        Command::Steer(command) => return steer::run(command).await,
    }
    Ok(ExitCode::SUCCESS)
}

impl Filter {
    fn query(self, limit: u32) -> String {
        let Self { state, workflow, since, until, forked_from, schedule, search } = self;
        let states: Vec<&str> = state.iter().map(|state| state.as_str()).collect();
        query(&[
            ("limit", Some(limit.to_string())),
            ("state", (!states.is_empty()).then(|| states.join(","))),
            ("workflow", workflow),
            ("since", since.map(|at| at.0.to_string())),
            ("until", until.map(|at| at.0.to_string())),
            ("forked_from", forked_from.map(|run| run.to_string())),
            ("schedule", schedule.map(|schedule| schedule.to_string())),
            ("search", search),
        ])
    }
}

/// Ask for something that leaves a run, and get it with all its steps.
pub(super) async fn left(
    ask: &Ask,
    method: Method,
    path: &str,
    body: Option<serde_json::Value>,
) -> anyhow::Result<RunBody> {
    let access = ask.open().await?;
    let left = async { whole(&access, access.call(method, path, body).await?).await };
    let left = left.await;
    access.close().await;
    left
}

/// A run with the steps that did not come with it.
pub(super) async fn whole(access: &Access, mut run: RunBody) -> anyhow::Result<RunBody> {
    while let Some(cursor) = run.steps_cursor.take() {
        let path = format!("/runs/{}/steps?cursor={}", run.run.id, segment(&cursor));
        let page: StepPageBody = access.call(Method::GET, &path, None).await?;
        run.steps.extend(page.items);
        run.steps_cursor = page.next_cursor;
    }
    Ok(run)
}

fn print_list(runs: &[RunSummary], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&runs);
    }
    if runs.is_empty() {
        return output::say("no runs");
    }
    let rows = runs.iter().map(|run| {
        vec![run.id.clone(), run.workflow.clone(), run.state.clone(), output::seconds(&run.created_at)]
    });
    output::say(&output::table(&["RUN", "WORKFLOW", "STATE", "CREATED"], &[], rows.collect()))
}

pub(super) fn print_run(run: &RunBody, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(run);
    }
    let summary = &run.run;
    let mut text = format!(
        "{} of {} {}: {} ({:.0} %)\n",
        summary.id, summary.workflow, summary.workflow_version, summary.state, run.progress
    );
    if let Some(from) = &summary.forked_from {
        let at = summary.forked_at.as_ref().map(|step| format!(" at {step}")).unwrap_or_default();
        text.push_str(&format!("forked from {from}{at}\n"));
    }
    let rows = run.steps.iter().map(|step| {
        let wall = step.usage.map_or_else(String::new, |usage| output::micros(usage.wall_us));
        let said = step.failure.as_ref().map(|failure| failure.message.as_str()).or(step.reason.as_deref());
        let said = output::plain(said.unwrap_or_default()).replace('\n', " ");
        vec![step.name.clone(), step.state.clone(), step.attempt.to_string(), wall, said]
    });
    text.push_str(&output::table(&["STEP", "STATE", "ATTEMPT", "WALL", "WHY"], &[2, 3], rows.collect()));
    for waiting in &run.waiting {
        let what = waiting.step.as_deref().unwrap_or("the run");
        text.push_str(&format!("\n{what} waits: {}", output::plain(&waiting.reason)));
    }
    if let Some(failure) = &summary.failure {
        text.push_str(&format!("\nfailed: {}", output::plain(&failure.message)));
    }
    output::say(&text)
}
