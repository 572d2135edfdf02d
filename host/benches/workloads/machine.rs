//! What the machine itself can do: the floors that the workloads are compared with.

use std::{fs::File, os::unix::fs::FileExt as _, path::Path, time::Instant};

use anyhow::{Context as _, Result};
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, Linker},
};

use super::{
    Arguments,
    figures::{Column, percentile},
};

const APPENDS: u64 = 400;
const COMMITS: usize = 400;
const CALLS: usize = 2_000;

/// The machine's figures at one time.
pub(crate) struct Machine {
    sync_ms: f64,
    syncs_per_s: f64,
    commits_per_s: f64,
    bare_call_us: f64,
}

/// Measure them.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Machine> {
    let (sync_ms, syncs_per_s) = appends(&arguments.place)?;
    Ok(Machine {
        sync_ms,
        syncs_per_s,
        commits_per_s: commits(&arguments.place).await?,
        bare_call_us: bare_call(&arguments.plugin)?,
    })
}

/// The better of two measurements: the machine is shared, and what it can do is what it did.
pub(crate) fn record(before: &Machine, after: &Machine, column: &mut Column) {
    column.set("sync_ms", before.sync_ms.min(after.sync_ms));
    column.set("syncs_per_s", before.syncs_per_s.max(after.syncs_per_s));
    column.set("sqlite_commits_per_s", before.commits_per_s.max(after.commits_per_s));
    column.set("bare_call_us", before.bare_call_us.min(after.bare_call_us));
    if let Some(cpu) = column.get("host_cpu_us_per_step") {
        let call = before.bare_call_us.min(after.bare_call_us);
        column.set("step_cpu_us", cpu - call);
    }
}

/// Appends of 4 KiB, each synced: the median in milliseconds, and so many a second.
fn appends(place: &Path) -> Result<(f64, f64)> {
    let directory = tempfile::tempdir_in(place)?;
    let file = File::create(directory.path().join("log"))?;
    let block = [7_u8; 4096];
    let mut times = Vec::new();
    let start = Instant::now();
    for i in 0..APPENDS {
        let one = Instant::now();
        file.write_all_at(&block, i * 4096)?;
        file.sync_data()?;
        times.push(one.elapsed().as_secs_f64() * 1e3);
    }
    #[allow(clippy::cast_precision_loss)]
    let rate = APPENDS as f64 / start.elapsed().as_secs_f64();
    Ok((percentile(&mut times, 50.0), rate))
}

/// Commits of one row each, through sqlx, as durable as the host's own: WAL, synchronous=FULL.
async fn commits(place: &Path) -> Result<f64> {
    let directory = tempfile::tempdir_in(place)?;
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)").execute(&mut connection).await?;
    let start = Instant::now();
    for _ in 0..COMMITS {
        sqlx::query("INSERT INTO t (v) VALUES ('a row of about the size of an event')")
            .execute(&mut connection)
            .await?;
    }
    #[allow(clippy::cast_precision_loss)]
    let rate = COMMITS as f64 / start.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(rate)
}

/// A fresh store, an instance of the plugin, one call that does next to nothing, and the end of both; in microseconds.
fn bare_call(path: &Path) -> Result<f64> {
    let mut pool = PoolingAllocationConfig::default();
    pool.max_memory_size(64 << 20).total_memories(100).total_core_instances(100).total_tables(200);
    let mut config = Config::new();
    config.epoch_interruption(true).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, path)?;
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let pre = linker.instantiate_pre(&component)?;
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1_000_000);
        let instance = pre.instantiate(&mut store)?;
        let execute = instance
            .get_export_index(&mut store, None, "validate")
            .and_then(|index| instance.get_func(&mut store, index))
            .context("the component exports no validate")?;
        let mut results = [wasmtime::component::Val::Bool(false)];
        let arguments =
            [wasmtime::component::Val::String("noop".into()), wasmtime::component::Val::String("{}".into())];
        execute.call(&mut store, &arguments, &mut results)?;
        drop(store);
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(percentile(&mut times, 50.0))
}
