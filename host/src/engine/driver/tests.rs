//! What the driver itself is answerable for; what it drives is tested in the simulation.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::Semaphore;

use super::*;
use crate::{
    artifacts::BlobStore,
    engine::{
        TenantBounds,
        attempt::{self, Memory},
        cache::Cache,
        checks::Checks,
        plugins::Plugins,
    },
    model::Command,
    sandbox::{Sandbox, SandboxConfig},
    store::{
        CommandAnswer, StoreLocation,
        tests::{created, next, tenant},
    },
};

/// A driver that nobody runs: what it is told is done by the test.
async fn driver(directory: &std::path::Path) -> Driver {
    let store = Store::open(&StoreLocation::sqlite(directory.join("heddle.db"))).await.unwrap();
    store.tenant_ensure(&tenant()).await.unwrap();
    let blobs = BlobStore::open(directory).unwrap();
    // Nothing is compiled here.
    let sandbox = Sandbox::new(SandboxConfig::new(directory.join("cache"), "no compiler")).unwrap();
    let bus = EventBus::default();
    let executor = Executor {
        plugins: Plugins::new(store.clone(), blobs.clone(), sandbox.clone(), Checks::default()),
        sandbox,
        blobs,
        bus: bus.clone(),
        arrays: Arc::default(),
        evaluations: Arc::new(Semaphore::new(1)),
        memory: Memory::for_attempts(),
        expressions: attempt::expressions(),
        main: tokio::runtime::Handle::current(),
    };
    let host = HostId::new();
    let core = Core::new(host, 1, TenantBounds::default(), BTreeSet::new());
    let loader = Loader { store: store.clone(), host, plans: Cache::new(1) };
    let (matchmaker, _) = Matchmaker::new();
    let seat = Seat { host, commit: CommitMode::Output, crashed_before: false, matchmaker };
    Driver::new(core, store, bus, executor, loader, seat).0
}

#[tokio::test]
async fn a_refusal_tells_of_nothing_that_is_not_durable() {
    let directory = tempfile::tempdir().unwrap();
    let mut driver = driver(directory.path()).await;
    let store = driver.store.clone();
    let view = store.tenant(&tenant());
    let first = created(None);
    let second = next(&first);
    let run = first.run.id;
    store.commit(first).await.unwrap().unwrap();
    let id = view.command_add(run, &Order { command: Command::Cancel, by: None }).await.unwrap();

    // Its step has ended, and this is kept, when a command is refused because of it.
    let durable = driver.held.keep(Box::new(second.clone()), 1);
    driver.refuse_command(run, id, "its step has ended".to_owned());
    let why = loop {
        match view.command_answer(id).await.unwrap() {
            CommandAnswer::Queued => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    assert!(matches!(why, CommandAnswer::Refused(why) if why == "its step has ended"));
    assert_eq!(view.run_get(run).await.unwrap().unwrap().rev, second.run.rev);
    durable.await.unwrap().unwrap();
}
