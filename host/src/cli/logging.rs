//! The log: on standard error, so that standard output is the command's own.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Start the log. `HEDDLE_LOG` says what is in it (`debug`, `heddle::engine=trace`, …); otherwise it is what a server's
/// operator wants to see, or, for commands (`quiet`), warnings alone.
pub(super) fn start(format: Format, quiet: bool) -> anyhow::Result<()> {
    let default = if quiet { "warn" } else { "info" };
    let filter = match std::env::var("HEDDLE_LOG") {
        Ok(text) => EnvFilter::try_new(&text).with_context(|| format!("HEDDLE_LOG={text:?}"))?,
        Err(_) => EnvFilter::new(default),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(anyhow::Error::from_boxed)
}
