//! `heddle runs start`: a run that a server executes, now or later.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    access::{Access, Ask},
    client::Content,
    output,
    run::media_type,
    run_steer, runs,
    steer::json_or_file,
};
use crate::{
    api::{
        uri::segment,
        wire::{RunBody, UploadBody},
    },
    error::Error,
    model::{RunState, Timestamp},
};

/// How often the run is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the workflow, or a file with its definition (.yaml, .yml or .json) for this run alone
    workflow: String,
    /// Which version of one of the tenant's own workflows [default: the newest]
    #[arg(long)]
    version: Option<String>,
    /// The input: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// Files for the workflow to read
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// All randomness of the run comes from it [default: derived from the plan and the input]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The clock that the phases see (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Started again with the same key, it is the same run: 1 to 255 visible ASCII characters
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
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
    ask: Ask,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut body = json!({
        "input": json_or_file(&args.input)?,
        "seed": args.seed,
        "as_of": args.as_of,
        "start_at": args.start_at,
        "priority": args.priority,
        "auto_run": !args.no_auto_run,
        "version": args.version,
    });
    match run_steer::definition(&args.workflow)? {
        Some(definition) => body["definition"] = serde_json::to_value(definition)?,
        None => body["workflow"] = json!(args.workflow),
    }
    // What can be wrong without a server is found before one is asked.
    let files: Vec<(String, File)> =
        args.files.iter().map(|file| open(file)).collect::<anyhow::Result<_>>()?;
    let access = args.ask.open().await?;
    let run = started(&access, body, files, &args).await;
    access.close().await;
    let run = run?;
    if args.wait || args.ask.json {
        runs::print_run(&run, args.ask.json)?;
    } else {
        let at = run.run.start_at.as_deref().map(|at| format!(" and starts at {}", output::seconds(at)));
        output::say(&format!("run {} is {}{}", run.run.id, run.run.state, at.unwrap_or_default()))?;
    }
    let failed = args.wait && run.run.state != RunState::Completed.as_str();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A file to upload, open, with its name.
fn open(path: &Path) -> anyhow::Result<(String, File)> {
    let unread = |why: &str| Error::invalid(format!("the file {} cannot be read: {why}", path.display()));
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| unread("it has no name that is UTF-8"))?;
    let file = File::open(path).map_err(|error| unread(&error.to_string()))?;
    if file.metadata()?.is_dir() {
        return Err(unread("it is a directory").into());
    }
    Ok((name.to_owned(), file))
}

async fn started(
    access: &Access,
    mut body: Value,
    files: Vec<(String, File)>,
    args: &Args,
) -> anyhow::Result<RunBody> {
    let mut uploads = Vec::new();
    // Where nobody runs anything, nothing is left for a run that does not start.
    if let Access::Remote(client) = access {
        for (name, file) in files {
            let upload: UploadBody = client.upload(&name, media_type(Path::new(&name)), file).await?;
            uploads.push(json!({ "upload": upload.id }));
        }
    }
    body["files"] = json!(uploads);
    let key = args.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str()));
    let headers: Vec<(&str, &str)> = key.collect();
    let answer = access.send(Method::POST, "/runs", Some(Content::json(&body)), &headers).await?;
    let mut run: RunBody = serde_json::from_slice(&answer).context("the answer cannot be read")?;
    while args.wait && !run.run.state.parse::<RunState>().is_ok_and(RunState::is_terminal) {
        tokio::time::sleep(LOOK).await;
        run = access.call(Method::GET, &format!("/runs/{}", segment(&run.run.id)), None).await?;
    }
    Ok(run)
}
