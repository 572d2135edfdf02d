//! `heddle run`: one workflow in this process, from its input to a directory of results.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;
use tokio_util::io::ReaderStream;

use super::{
    access::unknown,
    data_dir::DataDir,
    output, plugin,
    run_input::{self, RunFile, RunInput},
    run_output::OutDir,
    run_progress::Progress,
    run_source::Source,
    run_steer::{self, Decider, Door},
    serve::engine_config,
};
use crate::{
    api::{
        artifacts,
        outputs::provenance::Provenance,
        runs,
        wire::{ArtifactBody, RunBody},
    },
    engine::{Engine, StartFile, StartRun, Tenant},
    model::{RunId, RunState, TenantId, Timestamp, Workflow},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the workflow, or a file with its definition (.yaml, .yml or .json) for this run alone
    workflow: String,
    /// The run's input as JSON; or a file for the workflow to read, such as a tracker's export. `-` is standard input, and
    /// pipes are read too (`--input <(…)`): JSON, lines of JSON or CSV, told by their content
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// More files for the workflow to read
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Directory for the results; it is made when the run has completed
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace what is in the directory for the results, once the run has completed
    #[arg(long)]
    force: bool,
    /// Save restricted files as well, such as a key from masked to original ids; without it they are kept with the run only
    #[arg(long)]
    restricted: bool,
    /// Load this component first; the data directory keeps it
    #[arg(long = "plugin", value_name = "FILE.wasm")]
    plugins: Vec<PathBuf>,
    /// All randomness of the run comes from it [default: derived from the plan and the input]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The clock that the phases see (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Decide so where this step asks, at a checkpoint or from inside a phase; without it, a terminal is asked
    #[arg(long = "decide", value_name = "STEP=OPTION", value_parser = run_steer::pair)]
    decisions: Vec<(String, String)>,
    /// Send this event from outside, for the step that waits for its key
    #[arg(long = "signal", value_name = "KEY=JSON", value_parser = run_steer::pair)]
    signals: Vec<(String, String)>,
    /// Let each phase's result wait for a review: `heddle runs continue`, `retry` or `skip` from another terminal
    #[arg(long)]
    review: bool,
    #[command(flatten)]
    data_dir: DataDir,
    /// Attempts that run at once [default: one for each core, at least two]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    // What can be wrong without an engine is found before there is one.
    let out = OutDir::new(&args.out, args.force)?;
    let config = engine_config(&args.data_dir.path()?, args.data_dir.database()?, args.slots)?;
    let open = |path: &PathBuf| Source::open(path, config.max_upload_bytes);
    let input = args.input.as_ref().map(open).transpose()?;
    let files: Vec<Source> = args.files.iter().map(open).collect::<anyhow::Result<_>>()?;
    let components: Vec<_> =
        args.plugins.iter().map(|file| plugin::read(file)).collect::<anyhow::Result<_>>()?;
    let definition = run_steer::definition(&args.workflow)?;
    for (key, data) in &args.signals {
        let data: Result<serde_json::Value, _> = serde_json::from_str(data);
        data.with_context(|| format!("--signal {key}: what it says is no JSON"))?;
    }
    let engine = Engine::open(config).await?;
    // Other terminals can steer the run, as they can a server's.
    let door = Door::open(&engine, &args.data_dir.path()?).await?;
    let result = in_engine(&engine, &args, definition, components, (input, files), &out).await;
    door.close().await;
    engine.shutdown(Duration::ZERO).await;
    result
}

async fn in_engine(
    engine: &Engine,
    args: &Args,
    definition: Option<Workflow>,
    components: Vec<bytes::Bytes>,
    (input, files): (Option<Source>, Vec<Source>),
    out: &OutDir,
) -> anyhow::Result<ExitCode> {
    let tenant = engine.tenant(&TenantId::default_tenant()).acting("heddle run");
    for (file, bytes) in args.plugins.iter().zip(components) {
        tenant.plugin_add(bytes).await.with_context(|| format!("{} was not loaded", file.display()))?;
    }
    let workflow = match &definition {
        Some(definition) => definition.clone(),
        None => find(&tenant, &args.workflow).await?,
    };
    run_steer::check_decisions(&workflow, &args.decisions)?;
    let input = run_input::read(&workflow, input, files)?;
    let started = start(&tenant, args, definition, input).await?;
    let id = started.id;
    eprintln!("run {id} of {}", workflow.name);
    if args.review {
        eprintln!("each result waits for a review: heddle runs continue {id} STEP (or retry, or skip)");
    }
    for (key, data) in &args.signals {
        tenant.signal(key, &serde_json::from_str(data)?).await?;
    }
    let steps: Vec<String> = tenant.run(id).await?.page.steps.iter().map(|step| step.name.clone()).collect();
    let progress = Progress::new(&steps, args.json);
    let decider = Decider::new(&tenant, id, args.decisions.clone(), &progress);
    let ended = tokio::select! {
        ended = watch(&tenant, id, &progress) => ended?,
        failed = decider.decide() => return Err(failed),
    };

    let latest = artifacts::latest(&tenant, id).await?;
    let completed = ended.run.state == RunState::Completed.as_str();
    if completed {
        let provenance = Provenance::new(&ended, &latest, args.restricted);
        out.save(&tenant, id, &provenance, &latest).await?;
    }
    let saved = completed.then_some(args.out.as_path());
    let kept = latest.iter().filter(|artifact| artifact.restricted && !args.restricted);
    let kept: Vec<String> = kept.map(|artifact| format!("{}/{}", artifact.step, artifact.name)).collect();
    match args.json {
        true => output::json(&json!({ "run": ended, "artifacts": latest, "out": saved }))?,
        false => output::say(&summary(&ended, &latest, saved, &kept))?,
    }
    Ok(if completed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn find(tenant: &Tenant, name: &str) -> anyhow::Result<Workflow> {
    match tenant.workflow(name, None).await {
        Ok(info) => Ok((*info.workflow).clone()),
        Err(error) if error.code() == crate::error::Code::NotFound => {
            let mut names = Vec::new();
            loop {
                let after = names.last().map_or("", String::as_str);
                let page = tenant.workflows(after, 200).await?;
                names.extend(page.items.iter().map(|info| info.workflow.name.clone()));
                if !page.more {
                    break;
                }
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Err(unknown("workflow", name, &names).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn start(
    tenant: &Tenant,
    args: &Args,
    definition: Option<Workflow>,
    input: RunInput,
) -> anyhow::Result<crate::engine::StartedRun> {
    let mut files = Vec::new();
    for RunFile { name, content } in input.files {
        let content = ReaderStream::with_capacity(tokio::fs::File::from_std(content), 64 * 1024);
        let upload = tenant.upload(&name, media_type(Path::new(&name)), content).await?;
        files.push(StartFile { upload: upload.id, name: None });
    }
    let start = StartRun {
        workflow: args.workflow.clone(),
        definition: definition.map(Box::new),
        auto_run: args.review.then_some(false),
        input: input.json,
        files,
        seed: args.seed,
        as_of: args.as_of,
        idempotency_key: None,
        ..StartRun::default()
    };
    Ok(tenant.run_start(start).await?)
}

pub(super) fn media_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "json" => Some("application/json"),
        "jsonl" | "ndjson" => Some("application/x-ndjson"),
        "csv" => Some("text/csv"),
        "txt" => Some("text/plain"),
        _ => None,
    }
}

/// Show the run until it has ended. Ctrl-C cancels it, and waits for that; a second one waits for nothing.
pub(super) async fn watch(tenant: &Tenant, id: RunId, progress: &Progress) -> anyhow::Result<RunBody> {
    let follow = tenant.follow(id).await?;
    let mut shown = std::pin::pin!(progress.follow(tenant, id, follow));
    tokio::select! {
        result = &mut shown => result?,
        signal = tokio::signal::ctrl_c() => {
            signal.context("Ctrl-C cannot be heard")?;
            eprintln!("cancelling run {id}");
            match tenant.run_cancel(id).await {
                // It has just ended by itself.
                Err(error) if error.code() == crate::error::Code::Conflict => {}
                other => drop(other?),
            }
            tokio::select! {
                result = &mut shown => result?,
                _ = tokio::signal::ctrl_c() => {}
            }
        }
    }
    Ok(runs::whole(tenant, id).await?)
}

fn summary(run: &RunBody, latest: &[ArtifactBody], saved: Option<&Path>, kept: &[String]) -> String {
    let mut rows = Vec::new();
    for step in &run.steps {
        let wall = step.usage.map_or_else(String::new, |usage| output::micros(usage.wall_us));
        let mut first = vec![step.name.clone(), step.state.clone(), wall];
        for artifact in latest.iter().filter(|artifact| artifact.step == step.name) {
            let mark = if artifact.deliverable { "●" } else { " " };
            let mut row = std::mem::replace(&mut first, vec![String::new(); 3]);
            row.extend([format!("{mark} {}", artifact.name), output::bytes(artifact.size)]);
            rows.push(row);
        }
        if first.first().is_some_and(|name| !name.is_empty()) {
            first.extend([String::new(), String::new()]);
            rows.push(first);
        }
    }
    let mut text = output::table(&["STEP", "STATE", "WALL", "FILES", "SIZE"], &[2, 4], rows);
    text.push_str(&format!("\n\nrun {} {}", run.run.id, run.run.state));
    match saved {
        Some(path) => text.push_str(&format!(
            "; results in {} (its output: heddle runs output {})",
            path.display(),
            run.run.id
        )),
        None => text.push_str(&format!("; no results were saved (heddle runs show {})", run.run.id)),
    }
    if saved.is_some() && !kept.is_empty() {
        text.push_str(&format!(
            "\nrestricted, so kept with the run only (--restricted saves it too): {}",
            kept.join(", ")
        ));
    }
    for step in &run.steps {
        let Some(failure) = &step.failure else { continue };
        text.push_str(&format!(
            "\n\n{} failed ({}): {}",
            step.name,
            failure.kind,
            output::plain(&failure.message)
        ));
        // The message tells the first ones itself.
        for problem in failure.problems.iter().filter(|problem| !failure.message.contains(&problem.message)) {
            text.push_str(&format!(
                "\n  {}: {}",
                output::plain(&problem.path),
                output::plain(&problem.message)
            ));
        }
        if let Some(breach) = &failure.breach {
            text.push_str(&format!("\n  {} is {}, used {}", breach.limit, breach.value, breach.used));
        }
    }
    if let (Some(failure), true) = (&run.run.failure, run.steps.iter().all(|step| step.failure.is_none())) {
        text.push_str(&format!("\n\nfailed: {}", output::plain(&failure.message)));
    }
    text
}
