//! `heddle gc`: delete what is kept no longer, and remove what nothing names.

use std::{process::ExitCode, time::Duration};

use reqwest::Method;

use super::{access::Ask, output, span::For};
use crate::{
    api::garbage::{GarbageCollect, GarbageCollected},
    engine::Retention,
};

/// What is kept, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct Keep {
    /// Delete runs so long after their end (30d, 12h) [a server's default: never]
    #[arg(long, value_name = "TIME")]
    keep_runs: Option<For>,
    /// Delete uploads so long after they were made [a server's default: 7d]
    #[arg(long, value_name = "TIME")]
    keep_uploads: Option<For>,
    /// Remove files when nothing has named them for so long [a server's default: 1h]
    #[arg(long, value_name = "TIME")]
    gc_grace: Option<For>,
}

impl Keep {
    /// What the host keeps.
    pub(super) fn retention(&self) -> Retention {
        let usual = Retention::default();
        Retention {
            runs: self.keep_runs.map(|time| time.0).or(usual.runs),
            uploads: self.keep_uploads.map_or(usual.uploads, |time| time.0),
            grace: self.gc_grace.map_or(usual.grace, |time| time.0),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Times that are not given are those that the server was started with
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    ask: Ask,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let seconds = |time: Option<For>| time.map(|time| time.0.as_secs());
    let wanted = GarbageCollect {
        dry_run: args.dry_run,
        keep_runs_seconds: seconds(args.keep.keep_runs),
        keep_uploads_seconds: seconds(args.keep.keep_uploads),
        grace_seconds: seconds(args.keep.gc_grace),
    };
    let wanted = serde_json::to_value(wanted)?;
    let done: GarbageCollected = args.ask.call(Method::POST, "/admin/gc", Some(wanted)).await?;
    match args.ask.json {
        true => output::json(&done)?,
        false => output::say(&text(&done, args.dry_run))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(done: &GarbageCollected, dry_run: bool) -> String {
    let GarbageCollected { runs, uploads, plans, files, bytes, files_waiting } = done;
    let removed = if dry_run { "would be removed" } else { "removed" };
    let size = output::bytes(*bytes);
    let mut text =
        format!("{removed}: runs: {runs}, uploads: {uploads}, plans: {plans}, files: {files} ({size})");
    if *files_waiting > 0 {
        text.push_str(&format!(
            "\nfiles named by nothing, but not for the grace period yet: {files_waiting}"
        ));
    }
    text
}

/// How often a server collects, if nobody says.
pub(super) const EVERY: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_told_only_if_there_is_any() {
        let mut done =
            GarbageCollected { runs: 1, uploads: 0, plans: 1, files: 2, bytes: 2048, files_waiting: 0 };
        let said = text(&done, false);
        assert_eq!(said, "removed: runs: 1, uploads: 0, plans: 1, files: 2 (2.0 KiB)");
        done.files_waiting = 3;
        let said = text(&done, true);
        assert!(said.starts_with("would be removed: ") && said.ends_with("yet: 3"), "{said}");
    }
}
