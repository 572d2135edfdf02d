//! A PostgreSQL server that crashes and restarts under its writers: nothing is lost, nothing is doubled.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use heddle_test_postgres::{Database, Postgres, Stop};

use super::{commit, created, next, tenant};
use crate::{
    model::{EventKind, HostId, RunId, StepState},
    store::{Store, StoreError, StoreLocation, database::Connector, sole::Sole},
};

/// What a writer was told is durable: each run with its last revision.
type Told = Vec<(RunId, u64)>;

const WRITERS: usize = 8;
/// Transitions of each run: its creation and those that follow.
const LENGTH: u64 = 6;

/// Begin runs and carry them on, each transition when the last one is durable, until told to stop.
async fn write(store: Store, stop: Arc<AtomicBool>, count: Arc<AtomicU64>) -> Told {
    let mut told = Told::new();
    while !stop.load(Ordering::Relaxed) {
        let mut transition = created(Some(&RunId::new().to_string()));
        loop {
            let run = &transition.run;
            let head = (run.id, run.rev);
            commit(&store, transition.clone()).await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            if head.1 == LENGTH || stop.load(Ordering::Relaxed) {
                told.push(head);
                break;
            }
            let step = created(None).steps.remove(0);
            transition = next(&transition);
            transition.steps.push(step);
            transition.steps[0].state = StepState::Running;
            transition.steps[0].attempt = u32::try_from(head.1).unwrap();
        }
    }
    told
}

/// Wait until so many more transitions are durable.
async fn more(count: &AtomicU64, transitions: u64) {
    let start = count.load(Ordering::Relaxed);
    let done = async {
        while count.load(Ordering::Relaxed) < start + transitions {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.expect("the writer does not go on");
}

/// Cut the connections of the host while it commits, as often as it makes new ones.
async fn cut(location: &StoreLocation, count: &AtomicU64) {
    let mut connection = Connector::new(location).connect().await.unwrap();
    for _ in 0..20 {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        connection.execute(sql, &[]).await.unwrap();
        more(count, 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_and_doubles_nothing() {
    let Some(mut server) = Postgres::for_test().unwrap() else { return };
    let database = Database::create_on(&server.url("postgres")).await.unwrap();
    let location: StoreLocation = database.url().parse().unwrap();
    let store = Store::open(&location).await.unwrap();
    store.tenant_ensure(&tenant()).await.unwrap();
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> =
        (0..WRITERS).map(|_| tokio::spawn(write(store.clone(), stop.clone(), count.clone()))).collect();
    more(&count, 100).await;
    cut(&location, &count).await;
    for _ in 0..3 {
        tokio::task::block_in_place(|| server.stop(Stop::Immediate)).unwrap();
        // The writer insists; so long it is told, and so is whoever asks whether the host is well.
        let before = count.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(store.ping().await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), before);
        tokio::task::block_in_place(|| server.start_again()).unwrap();
        more(&count, 100).await;
    }
    stop.store(true, Ordering::Relaxed);
    store.ping().await.unwrap();

    let view = store.tenant(&tenant());
    let mut runs = 0;
    for writer in writers {
        for (run, rev) in writer.await.unwrap() {
            runs += 1;
            let row = view.run_get(run).await.unwrap().unwrap();
            assert_eq!((row.rev, row.event_seq), (rev, rev), "{run}");
            let events = view.event_list(run, 0, 100).await.unwrap();
            let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
            assert_eq!(numbers, (1..=rev).collect::<Vec<_>>(), "{run}");
            assert!(events.iter().skip(1).all(|event| event.kind == EventKind::RunStarted));
            let steps = view.step_list(run).await.unwrap();
            assert_eq!(steps.len(), 1);
            assert_eq!(u64::from(steps[0].attempt), rev - 1, "{run}");
        }
    }
    assert_eq!(store.runs_take_up(HostId::new()).await.unwrap(), runs as u64, "a run was doubled");
    assert!(runs > 50, "{runs} runs are few");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_after_a_restart_does_not_notice_it() {
    let Some(mut server) = Postgres::for_test().unwrap() else { return };
    let database = Database::create_on(&server.url("postgres")).await.unwrap();
    let store = Store::open(&database.url().parse().unwrap()).await.unwrap();
    store.tenant_ensure(&tenant()).await.unwrap();
    for how in [Stop::Fast, Stop::Immediate] {
        tokio::task::block_in_place(|| {
            server.stop(how)?;
            server.start_again()
        })
        .unwrap();
        // The first write and the first read after it, on connections that are dead.
        let host = HostId::new();
        store.host_start(host).await.unwrap();
        store.host_stop(host).await.unwrap();
        assert!(store.hosts_stopped().await.unwrap().contains(&host));
    }
    tokio::task::block_in_place(|| server.stop(Stop::Fast)).unwrap();
    // While it is away, other writes say so; a read waits for it.
    assert!(store.host_start(HostId::new()).await.is_err());
    let reads = tokio::spawn({
        let store = store.clone();
        async move { store.hosts_stopped().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::task::block_in_place(|| server.start_again()).unwrap();
    assert_eq!(reads.await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn one_host_at_a_time_has_a_database() {
    let Some(database) = Database::create().await.unwrap() else { return };
    let location: StoreLocation = database.url().parse().unwrap();
    let store = Store::open(&location).await.unwrap();
    let error = Store::open(&location).await.err().unwrap();
    assert!(
        matches!(&error, StoreError::Unusable(why) if why.contains("another host works on it")),
        "{error:?}"
    );
    drop(store);
    drop(Store::open(&location).await.unwrap());

    // A session whose end the server has not noticed holds up another host, not the one that had it.
    let connector = Connector::new(&location);
    let mut sole = Sole::default();
    let lost = sole.begin(&connector).await.unwrap();
    assert!(matches!(Sole::default().again(&connector).await, Err(StoreError::Unavailable(_))));
    sole.again(&connector).await.unwrap();
    drop(lost);
}
