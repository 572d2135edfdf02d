//! Whole workloads against the real server, from the request to the answer that the client receives, beside what the
//! machine itself can do in the same run. `cargo xtask bench` builds what this needs and starts it.
//!
//! Durability is at its default: every commit is synced. The machines that this runs on are shared: compare only what was
//! measured in one run, by the ratios.

mod client;
mod figures;
mod machine;
mod peer;
mod report;
mod server;
mod workloads;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use figures::Figures;

/// What `cargo xtask bench` says.
struct Arguments {
    /// The server's binary.
    host: PathBuf,
    /// The component that the steps run.
    plugin: PathBuf,
    /// Where data are kept meanwhile.
    place: PathBuf,
    /// Where the table and the plot go.
    results: Option<PathBuf>,
    /// Where the figures go, by name.
    json: Option<PathBuf>,
    /// Where the peer that is measured beside it is installed.
    restate: Option<PathBuf>,
    databases: Vec<Kind>,
    /// Only what matches; empty: all.
    only: Vec<String>,
    /// Further arguments of the server.
    serve: Vec<String>,
}

/// Where runs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Self> {
        let (mut host, mut plugin) = (None, None);
        let mut arguments = Self {
            host: PathBuf::new(),
            plugin: PathBuf::new(),
            place: PathBuf::from("."),
            results: None,
            json: None,
            restate: None,
            databases: vec![Kind::Sqlite, Kind::Postgres],
            only: Vec::new(),
            serve: Vec::new(),
        };
        while let Some(name) = given.next() {
            // What cargo itself says to a benchmark.
            if name == "--bench" {
                continue;
            }
            let value = given.next().with_context(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--host" => host = Some(value.into()),
                "--plugin" => plugin = Some(value.into()),
                "--place" => arguments.place = value.into(),
                "--results" => arguments.results = Some(value.into()),
                "--json" => arguments.json = Some(value.into()),
                "--restate" => arguments.restate = Some(value.into()),
                "--only" => arguments.only = value.split(',').map(str::to_owned).collect(),
                "--serve" => arguments.serve.push(value),
                "--database" => {
                    arguments.databases = match value.as_str() {
                        "sqlite" => vec![Kind::Sqlite],
                        "postgres" => vec![Kind::Postgres],
                        "both" => vec![Kind::Sqlite, Kind::Postgres],
                        other => bail!("--database {other}: say sqlite, postgres or both"),
                    }
                }
                other => bail!("{other} is no option of this benchmark; type: cargo xtask bench --help"),
            }
        }
        arguments.host = host.context("--host names the server's binary; type: cargo xtask bench")?;
        arguments.plugin = plugin.context("--plugin names the component; type: cargo xtask bench")?;
        Ok(arguments)
    }

    fn wants(&self, workload: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == workload)
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut figures = Figures::default();
    for &database in &arguments.databases {
        figures.insert(database.name(), runtime.block_on(measure(&arguments, database))?);
    }
    if let Some(directory) = &arguments.restate {
        figures.insert("restate", runtime.block_on(peer::restate(directory))?);
    }
    println!("\n{}", report::table(&figures));
    if let Some(path) = &arguments.json {
        std::fs::write(path, figures.json()).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &arguments.results {
        // What `cargo xtask bench-trial` has written behind it stays.
        let there = std::fs::read_to_string(path).unwrap_or_default();
        let trial = there.find("## A clinical trial").map_or("", |at| &there[at..]);
        let page = format!("{}\n{trial}", report::page(&figures));
        std::fs::write(path, page).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// All workloads on one database, with the machine's own figures before and after.
async fn measure(arguments: &Arguments, kind: Kind) -> Result<figures::Column> {
    println!("{}:", kind.name());
    let mut column = figures::Column::default();
    let before = machine::measure(arguments).await?;
    workloads::all(arguments, kind, &mut column).await?;
    let after = machine::measure(arguments).await?;
    machine::record(&before, &after, &mut column);
    Ok(column)
}
