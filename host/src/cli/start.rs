//! `heddle runs start`: a run that a server executes, now or later.

use std::{process::ExitCode, time::Duration};

use reqwest::Method;
use serde_json::json;

use super::{
    access::{Access, Where},
    output, runs,
    steer::json_or_file,
};
use crate::{
    api::{uri::segment, wire::RunBody},
    model::{RunState, Timestamp},
};

/// How often the run is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The workflow's name
    workflow: String,
    /// Which version of one of the tenant's own workflows [default: the newest]
    #[arg(long)]
    version: Option<String>,
    /// The input: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// It starts no earlier (RFC 3339, such as 2026-01-31T07:00:00Z) [default: at once]
    #[arg(long, value_name = "TIME")]
    start_at: Option<Timestamp>,
    /// Of the runs that wait for a place, the one with the highest goes first
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    /// Let each phase's result wait for a review
    #[arg(long)]
    no_auto_run: bool,
    /// Wait for its end; the exit code tells whether it completed
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    place: Where,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let body = json!({
        "workflow": args.workflow,
        "version": args.version,
        "input": json_or_file(&args.input)?,
        "start_at": args.start_at,
        "priority": args.priority,
        "auto_run": !args.no_auto_run,
    });
    let access = args.place.open(true).await?;
    let run = started(&access, body, args.wait).await;
    access.close().await;
    let run = run?;
    if args.wait || args.json {
        runs::print_run(&run, args.json)?;
    } else {
        let at = run.run.start_at.as_deref().map(|at| format!(" and starts at {}", output::seconds(at)));
        output::say(&format!("run {} is {}{}", run.run.id, run.run.state, at.unwrap_or_default()))?;
    }
    let failed = args.wait && run.run.state != RunState::Completed.as_str();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn started(access: &Access, body: serde_json::Value, wait: bool) -> anyhow::Result<RunBody> {
    let mut run: RunBody = access.call(Method::POST, "/runs", Some(body)).await?;
    while wait && !run.run.state.parse::<RunState>().is_ok_and(RunState::is_terminal) {
        tokio::time::sleep(LOOK).await;
        run = access.call(Method::GET, &format!("/runs/{}", segment(&run.run.id)), None).await?;
    }
    Ok(run)
}
