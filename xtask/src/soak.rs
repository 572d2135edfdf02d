//! `cargo xtask soak`: kills the real host again and again, with many runs in flight, and checks all that it does. The test
//! `tests/tests/soak.rs` is what does it; here it is given its time, and databases that sync.

use std::{
    env, fs,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use heddle_test_postgres::{Postgres, VARIABLE};

use crate::{bench::Database, command, guest, postgres, toolchain::Choice, workspace::Workspace};

/// How much is to be done.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Go on for so long, shared by the databases; at least one data directory of each is gone through
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// The seed that a failure has told: what is started, and how each host ends [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Where the host keeps its runs
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
    /// Runs in flight
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    runs: u64,
    /// Hosts that are killed, or asked to stop, in each data directory before the next one is begun
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    hosts: u64,
}

/// Do it.
///
/// # Errors
/// If something does not build, or what was killed was not whole: then everything is kept, and it is said where.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let tests: &[&str] = match arguments.database {
        Database::Sqlite => &[SQLITE],
        Database::Postgres => &[POSTGRES],
        Database::Both => &[SQLITE, POSTGRES],
    };
    // A server that is named already is used as it is.
    let wanted = tests.contains(&POSTGRES) && env::var_os(VARIABLE).is_none();
    let server = if wanted { postgres::start(true, Postgres::start_synced)? } else { None };
    guest::build(workspace, Choice::Auto)?;
    println!("Compiling the host and the tests (10 to 20 minutes on two cores the first time).");
    // With the checks that only such builds have.
    let host = workspace.build_host(true)?;
    let disk_shim = workspace.build_disk_shim()?;
    // On the disk of the target directory, which is none of memory.
    let place = workspace.target.join("soak");
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    let seed = arguments.seed.unwrap_or_else(any_seed);
    let seconds = Duration::from_mins(arguments.minutes).as_secs() / tests.len() as u64;
    for test in tests {
        let mut soak = workspace.cargo();
        soak.args(["test", "--workspace", "--test", "soak", "--", "--nocapture", "--exact", test]);
        soak.env("HEDDLE_BIN", &host).env("HEDDLE_DISK_SHIM", &disk_shim).env("TMPDIR", &place);
        soak.env("HEDDLE_PLUGINS_DIR", workspace.plugins_dir());
        soak.env("HEDDLE_SOAK_SEED", seed.to_string()).env("HEDDLE_SOAK_SECONDS", seconds.to_string());
        soak.env("HEDDLE_SOAK_RUNS", arguments.runs.to_string());
        soak.env("HEDDLE_SOAK_HOSTS", arguments.hosts.to_string());
        if let Some(server) = &server {
            soak.env(VARIABLE, server.url("postgres"));
        }
        command::run(&mut soak)?;
    }
    Ok(())
}

const SQLITE: &str = "nothing_is_lost_or_done_twice_however_often_hosts_die";
const POSTGRES: &str = "nothing_is_lost_or_done_twice_however_often_hosts_die_on_postgres";

fn any_seed() -> u64 {
    // The standard library's tables have keys that nobody can foresee.
    RandomState::new().hash_one(0)
}
