//! `heddle runs`: list, show; `start` and `steer` have the rest.

use std::process::ExitCode;

use reqwest::Method;

use super::{
    access::{Access, Where},
    output,
    span::{Moment, query},
    start, steer,
};
use crate::{
    api::wire::{RunBody, RunPage, RunSummary},
    model::{RunId, RunState, ScheduleId},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List runs, newest first
    List {
        #[command(flatten)]
        place: Where,
        #[command(flatten)]
        filter: Filter,
        /// So many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a run with its steps
    Show {
        /// The run's id
        id: RunId,
        #[command(flatten)]
        place: Where,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Start a run at a server; `heddle run` runs one in this process
    Start(start::Args),
    #[command(flatten)]
    Steer(steer::Command),
}

#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only those in this state, or in one of several: failed,cancelled
    #[arg(long, value_delimiter = ',')]
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

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { place, filter, limit, json } => {
            let access = place.open(true).await?;
            let runs = list(&access, filter, limit).await;
            access.close().await;
            print_list(&runs?, json)?;
        }
        Command::Show { id, place, json } => {
            let access = place.open(true).await?;
            let run = show(&access, id).await;
            access.close().await;
            print_run(&run?, json)?;
        }
        Command::Start(args) => return start::run(args).await,
        Command::Steer(command) => return steer::run(command).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(access: &Access, filter: Filter, limit: u32) -> anyhow::Result<Vec<RunSummary>> {
    let Filter { state, workflow, since, until, forked_from, schedule, search } = filter;
    let states: Vec<&str> = state.iter().map(|state| state.as_str()).collect();
    let query = query(&[
        ("limit", Some(limit.to_string())),
        ("state", (!states.is_empty()).then(|| states.join(","))),
        ("workflow", workflow),
        ("since", since.map(|at| at.0.to_string())),
        ("until", until.map(|at| at.0.to_string())),
        ("forked_from", forked_from.map(|run| run.to_string())),
        ("schedule", schedule.map(|schedule| schedule.to_string())),
        ("search", search),
    ]);
    Ok(access.call::<RunPage>(Method::GET, &format!("/runs{query}"), None).await?.items)
}

async fn show(access: &Access, id: RunId) -> anyhow::Result<RunBody> {
    match access {
        Access::Local(local) => Ok(local.tenant.run(id).await?.into()),
        Access::Remote(client) => client.get(&format!("/runs/{id}")).await,
    }
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
