//! `heddle serve`: the HTTP API on a data directory, until a signal ends it.

use std::{io::Write as _, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{
    data_dir::{DataDir, ServerFile},
    gc::{EVERY, Keep},
    span::For,
};
use crate::{
    api::ServeConfig,
    engine::{CommitMode, Engine, EngineConfig, TenantBounds},
    error::Error,
    store::StoreLocation,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address to listen on; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    listen: SocketAddr,
    #[command(flatten)]
    data_dir: DataDir,
    /// Attempts that run at once [default: one for each core, at least two]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// When a step may begin on a result whose commit is on its way to the disk: at once, while all that leaves the host waits
    /// for the commit (output), or when it is there (step)
    #[arg(long, value_name = "output|step", default_value_t)]
    commit: CommitMode,
    /// When told to stop, let attempts under way finish for so long; then they go on at the next start
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    drain_seconds: u64,
    #[command(flatten)]
    keep: Keep,
    /// Look so often for what is kept no longer; 0s: only when somebody says so [default: 1h]
    #[arg(long, value_name = "TIME")]
    gc_every: Option<For>,
    /// A bound of the server (see `set_bound`): tests take what can be reached in a short time
    #[arg(long = "bound", value_name = "NAME=NUMBER", hide = true)]
    bounds: Vec<String>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = ServeConfig::default();
    let mut tenant = TenantBounds::default();
    args.bounds.iter().try_for_each(|bound| set_bound(&mut config, &mut tenant, bound))?;
    let data_dir = std::path::absolute(args.data_dir.path()?)?;
    // Before anything is opened: a signal that comes meanwhile is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("{} cannot be listened on; try another --listen", args.listen))?;
    let address = listener.local_addr()?;
    let mut settings = engine_config(&data_dir, args.data_dir.database()?, args.slots)?;
    settings.schedules = true;
    settings.commit = args.commit;
    settings.retention = args.keep.retention();
    settings.collect_every =
        Some(args.gc_every.map_or(EVERY, |time| time.0)).filter(|every| !every.is_zero());
    settings.bounds = tenant;
    let engine = Engine::open(settings).await?;
    let token = engine.admin_token().await?;
    let url = format!("http://{address}");
    ServerFile { url: url.clone(), pid: std::process::id() }.write(&data_dir)?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "other machines can reach this server, and it speaks plain HTTP: put a proxy with TLS before it"
        );
    }
    {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "listening on {url}")?;
        writeln!(stdout, "admin token: {}", token.display())?;
        stdout.flush()?;
    }
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    let served = crate::api::serve(listener, engine.clone(), config, stop).await;
    engine.shutdown(Duration::from_secs(args.drain_seconds)).await;
    ServerFile::remove(&data_dir);
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Set a bound: `NAME=NUMBER`, times in milliseconds.
fn set_bound(config: &mut ServeConfig, tenant: &mut TenantBounds, bound: &str) -> anyhow::Result<()> {
    let unknown = || Error::invalid(format!("--bound {bound}: there is no such bound"));
    let (name, number) = bound.split_once('=').ok_or_else(unknown)?;
    let number: u32 = number.parse().with_context(|| format!("--bound {bound}"))?;
    let time = Duration::from_millis(number.into());
    match name {
        "streams" => config.streams = number as usize,
        "streams-per-token" => config.streams_per_token = number as usize,
        "head" => config.head = time,
        "body-pause" => config.body_pause = time,
        "body" => config.body = time,
        "write-pause" => config.write_pause = time,
        "heartbeat" => config.heartbeat = time,
        "open-runs" => tenant.open_runs = number as usize,
        "run-steps" => tenant.run_steps = number as usize,
        "signals" => tenant.signals = number.into(),
        "signal-age" => tenant.signal_age = time,
        "workflow-versions" => tenant.workflow_versions = number.into(),
        "uploads" => tenant.uploads = number.into(),
        _ => return Err(unknown().into()),
    }
    Ok(())
}

/// The engine on a data directory. The compiling process is this very binary.
pub(super) fn engine_config(
    data_dir: &std::path::Path,
    database: Option<StoreLocation>,
    slots: Option<u32>,
) -> anyhow::Result<EngineConfig> {
    let compiler = std::env::current_exe().context("the heddle binary cannot be found")?;
    let mut config = EngineConfig::new(data_dir, compiler);
    config.database = database;
    if let Some(slots) = slots {
        config.slots = slots as usize;
    }
    Ok(config)
}
