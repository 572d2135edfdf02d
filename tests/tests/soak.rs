//! kill -9 in a loop, with many runs in flight and a log of what leaves the host (`heddle_tests::soak`): a short part of what
//! `cargo xtask soak` does for longer.
//!
//! `HEDDLE_SOAK_SEED`, `HEDDLE_SOAK_SECONDS` (one place in any case), `HEDDLE_SOAK_RUNS` (in flight), `HEDDLE_SOAK_HOSTS` (of a place).

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use heddle_tests::soak::{Backend, Soak};

fn number(name: &str, default: u64) -> Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text} is no number")),
        Err(_) => Ok(default),
    }
}

async fn soak(backend: Backend) -> Result<()> {
    let soak = Soak {
        backend,
        seed: number("HEDDLE_SOAK_SEED", 20_261_122)?,
        runs: number("HEDDLE_SOAK_RUNS", 100)? as usize,
        hosts: number("HEDDLE_SOAK_HOSTS", 8)? as usize,
        verified: 10,
        time: Duration::from_secs(number("HEDDLE_SOAK_SECONDS", 0)?),
    };
    println!(
        "HEDDLE_SOAK_SEED={} HEDDLE_SOAK_RUNS={} HEDDLE_SOAK_HOSTS={}",
        soak.seed, soak.runs, soak.hosts
    );
    let Some(tally) = soak.run().await? else { return Ok(()) };
    // By the seed, or by what was asked for, on any machine.
    ensure!(
        tally.kills > 0 && tally.kills_ahead > 0 && tally.runs >= soak.runs && tally.asked > 0,
        "{tally}"
    );
    // It takes three kills, and no more than three attempts are under way at one.
    ensure!(tally.given_up <= tally.kills, "{tally}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_however_often_hosts_die() -> Result<()> {
    soak(Backend::Sqlite).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_however_often_hosts_die_on_postgres() -> Result<()> {
    soak(Backend::Postgres).await
}
