//! `cargo xtask bench`: builds the release host and a component, and measures whole workloads.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::{
    command, guest,
    toolchain::{self, Choice},
    workspace::Workspace,
};

/// What to measure, and where the figures go.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write the figures by name to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the server keeps its runs
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
    /// Measure some of them only: chain10, steps, chain40, chain1000, chain10000, fib33x10, fanout, cold, waiting. Then
    /// host/benches/RESULTS.md stays as it is
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure this one beside it, in the same run; it is installed in the target directory, with npm
    #[arg(long, value_enum)]
    peer: Option<Peer>,
    /// Further arguments of `heddle serve`
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    serve: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Restate,
}

/// Where a host keeps its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    Both,
}

/// Measure.
///
/// # Errors
/// If something does not build, or a workload fails.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if !matches!(arguments.database, Database::Sqlite) && heddle_test_postgres::find().is_none() {
        println!("Missing: PostgreSQL. Installing Debian's package (about 1 minute).");
        toolchain::apt_install(&["postgresql"]).context("without it, say: --database sqlite")?;
    }
    guest::build(workspace, Choice::Auto)?;
    println!("Compiling the host and the benchmark (10 to 20 minutes on two cores the first time).");
    let host = workspace.build_host(false)?;
    // Data are kept on the disk of the target directory, which is none of memory.
    let place = workspace.target.join("bench");
    fs::create_dir_all(&place)?;
    let mut bench = workspace.cargo();
    bench.args(["bench", "--package", "heddle", "--bench", "workloads", "--"]);
    bench.arg("--host").arg(host);
    bench.arg("--plugin").arg(workspace.plugins_dir().join("examples/echo.wasm"));
    bench.arg("--place").arg(place);
    let database = arguments.database.to_possible_value();
    bench.args(["--database", database.as_ref().map_or("both", |value| value.get_name())]);
    if let Some(path) = &arguments.json {
        bench.arg("--json").arg(std::path::absolute(path)?);
    }
    if arguments.only.is_empty() {
        bench.arg("--results").arg(workspace.root.join("host/benches/RESULTS.md"));
    } else {
        bench.args(["--only", &arguments.only.join(",")]);
    }
    if let Some(Peer::Restate) = arguments.peer {
        bench.arg("--restate").arg(workspace.target.join("bench-restate"));
    }
    for argument in &arguments.serve {
        bench.args(["--serve", argument]);
    }
    command::run(&mut bench)
}
