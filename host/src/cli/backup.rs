//! `heddle backup` and `heddle restore`.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use futures::StreamExt as _;

use super::{
    access::{Access, Ask},
    data_dir::DataDir,
    output,
};
use crate::{
    engine::{BackupSummary, check_backup, restore},
    model::Timestamp,
};

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// File for the backup, or a directory, which gets one with the time in its name
    #[arg(long, value_name = "FILE.tar.zst|DIR")]
    out: PathBuf,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(long, value_name = "FILE.tar.zst")]
    from: PathBuf,
    #[command(flatten)]
    data_dir: DataDir,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn backup(args: BackupArgs) -> anyhow::Result<ExitCode> {
    let out = match args.out.is_dir() {
        true => args.out.join(format!("heddle-{}.tar.zst", stamp(Timestamp::now()))),
        false => args.out,
    };
    if out.exists() {
        bail!("{} is there already; name another file", out.display());
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = || format!("{} cannot be written", out.display());
    // Under its name only when it is whole. Its owner's alone: everybody's inputs and results are in it.
    let file =
        tempfile::Builder::new().prefix(".heddle-backup-").tempfile_in(parent).with_context(unwritable)?;
    let access = args.ask.open().await?;
    let written = write(&access, file.as_file()).await;
    access.close().await;
    written?;
    let written = file.as_file().sync_all().and_then(|()| file.reopen());
    let mut written = written.with_context(unwritable)?;
    written.rewind()?;
    // It is read once: what cannot be restored is no backup.
    let summary = tokio::task::spawn_blocking(move || check_backup(written)).await??;
    let bytes = file.as_file().metadata()?.len();
    file.persist_noclobber(&out).map_err(|error| error.error).with_context(unwritable)?;
    File::open(parent)?.sync_all()?;
    tell(&summary, args.ask.json, &format!("{} ({})", out.display(), output::bytes(bytes)))?;
    Ok(ExitCode::SUCCESS)
}

async fn write(access: &Access, file: &File) -> anyhow::Result<()> {
    let mut file = file.try_clone()?;
    match access {
        Access::Local(local) => {
            local.engine.backup().await?.write(file).await?;
        }
        Access::Remote(client) => {
            let mut chunks = client.download("/admin/backup").await?;
            while let Some(chunk) = chunks.next().await {
                file.write_all(&chunk?).context("the backup cannot be written")?;
            }
        }
    }
    Ok(())
}

pub(super) async fn run_restore(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let data_dir = args.data_dir.path()?;
    let from = File::open(&args.from)
        .with_context(|| format!("the backup {} cannot be read", args.from.display()))?;
    let summary = restore(from, data_dir.clone(), args.data_dir.database()?).await?;
    tell(&summary, args.json, &data_dir.display().to_string())?;
    if !args.json {
        eprintln!(
            "`heddle serve` goes on with the runs, and makes a new admin token; other tokens open as before"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(summary: &BackupSummary, json: bool, place: &str) -> anyhow::Result<()> {
    if json {
        return output::json(summary);
    }
    let runs = summary.rows.get("runs").copied().unwrap_or(0);
    let rows: u64 = summary.rows.values().sum();
    let (blobs, bytes) = (summary.blobs, output::bytes(summary.blob_bytes));
    output::say(&format!("{place}: {runs} runs, {rows} rows in all, {blobs} files of {bytes}"))
}

/// For a file's name: `20260131T080000Z`.
fn stamp(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    format!("{}Z", whole.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_has_the_time() {
        assert_eq!(stamp(Timestamp::from_micros(1_767_225_600_000_001)), "20260101T000000Z");
    }
}
