//! Runs that are deleted, and blobs that nothing names any more.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::{
    World, both, commit, created, next,
    samples::{blob, ended, full},
    tenant,
};
use crate::{
    model::{Command, Digest, Restored, RunId, ScheduleId, Timestamp, Value},
    store::{BlobRef, MissedRuns, ScheduleRow, Transition, UploadRow, WorkflowRow, database::Pool},
};

both!(
    a_run_that_has_ended_is_deleted_from_every_table,
    a_blob_that_anything_names_is_no_garbage,
    a_blob_that_is_named_again_is_not_forgotten,
    runs_that_ended_are_found_by_age,
);

/// The tables that have a column, in the order of their names.
async fn tables(world: &World, column: &str) -> Vec<String> {
    match &world.store.readers {
        Pool::Sqlite(pool) => {
            let sql = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                       WHERE t.type = 'table' AND c.name = $1 ORDER BY t.name";
            sqlx::query_scalar(sql).bind(column).fetch_all(pool).await.unwrap()
        }
        Pool::Postgres(pool) => {
            let sql = "SELECT table_name::text FROM information_schema.columns
                       WHERE table_schema = 'public' AND column_name = $1 ORDER BY table_name::text COLLATE \"C\"";
            sqlx::query_scalar(sql).bind(column).fetch_all(pool).await.unwrap()
        }
    }
}

/// How many rows of a table name a run in a column.
async fn count(world: &World, table: &str, column: &str, run: RunId) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE {column} = $1"));
    match &world.store.readers {
        Pool::Sqlite(pool) => sqlx::query_scalar(sql).bind(run.to_string()).fetch_one(pool).await.unwrap(),
        Pool::Postgres(pool) => sqlx::query_scalar(sql).bind(run.to_string()).fetch_one(pool).await.unwrap(),
    }
}

/// A run with a row in every table, up to its last transition but one.
async fn lived(world: &World) -> Transition {
    let view = world.store.tenant(&tenant());
    let signal = view.signal_add("order-7", &blob("signal")).await.unwrap();
    let mut first = created(Some(&RunId::new().to_string()));
    first.run.input = blob("input");
    commit(&world.store, first.clone()).await.unwrap();
    let mut second = full(&first);
    second.signals_taken.push((signal, "s".into()));
    commit(&world.store, second.clone()).await.unwrap();
    let to = Restored {
        attempt: 1,
        output: blob("command"),
        step_key: None,
        shared: [].into(),
        overrides: None,
        artifacts: serde_json::json!([]),
    };
    let rollback = Command::Rollback { step: "s".into(), to: Box::new(to) };
    view.command_add(first.run.id, &rollback).await.unwrap();
    second
}

async fn a_run_that_has_ended_is_deleted_from_every_table(world: &World) {
    let view = world.store.tenant(&tenant());
    let (gone, stays) = (lived(world).await, lived(world).await);
    let run = gone.run.id;
    assert!(!view.run_delete(run).await.unwrap(), "it has not ended");
    assert!(!view.run_delete(RunId::new()).await.unwrap());
    commit(&world.store, ended(&gone)).await.unwrap();

    let mut columns: Vec<(String, &str)> = vec![("runs".into(), "id"), ("signals".into(), "taken_by")];
    columns.extend(tables(world, "run_id").await.into_iter().map(|table| (table, "run_id")));
    assert!(columns.len() >= 11, "{columns:?}");
    for (table, column) in &columns {
        assert!(count(world, table, column, run).await > 0, "{table} has nothing to delete");
    }
    assert!(view.run_delete(run).await.unwrap());
    for (table, column) in &columns {
        assert_eq!(count(world, table, column, run).await, 0, "{table}");
        assert!(count(world, table, column, stays.run.id).await > 0, "{table}");
    }
    assert!(!view.run_delete(run).await.unwrap());
}

/// Every blob of these names is there, and was last named at that time.
async fn put_blobs(world: &World, names: &[&str], at: i64) {
    let mut run = created(None);
    run.run.files.clear();
    run.events[0].at = Timestamp::from_micros(at);
    run.blobs = names.iter().map(|name| BlobRef { digest: Digest::of(name), size: 1 }).collect();
    commit(&world.store, run.clone()).await.unwrap();
    commit(&world.store, ended(&run)).await.unwrap();
    assert!(world.store.tenant(&tenant()).run_delete(run.run.id).await.unwrap());
}

async fn a_blob_that_anything_names_is_no_garbage(world: &World) {
    let view = world.store.tenant(&tenant());
    let of_the_run = [
        "input",
        "f",
        "expansion",
        "overrides",
        "output",
        "attempt's output",
        "attempt's shared",
        "log",
        "request",
        "answer",
        "approval",
        "decision",
        "artifact",
        "shared",
        "signal",
        "command",
    ];
    let of_others = ["upload", "workflow", "schedule"];
    let run = lived(world).await;
    let upload = UploadRow {
        id: crate::model::UploadId::new(),
        filename: "u".into(),
        media_type: "text/csv".into(),
        digest: Digest::of("upload"),
        size: 1,
        created_at: Timestamp::from_micros(1),
    };
    view.upload_put(&upload).await.unwrap();
    let body = format!("{{\"file\":\"{}\"}}", Digest::of("workflow"));
    let workflow = WorkflowRow {
        name: "w".into(),
        version: "1".into(),
        digest: Digest::of(&body),
        body,
        created_at: Timestamp::from_micros(1),
    };
    view.workflow_put(&workflow).await.unwrap();
    let schedule = ScheduleRow {
        id: ScheduleId::new(),
        name: "s".into(),
        workflow: "w".into(),
        input: format!("[\"{}\"]", Digest::of("schedule")),
        cron: "@daily".into(),
        time_zone: "UTC".into(),
        missed: MissedRuns::Skip,
        enabled: false,
        next_at: None,
        last_at: None,
        last_run: None,
        last_error: None,
        created_at: Timestamp::from_micros(1),
    };
    view.schedule_put(&schedule).await.unwrap();
    put_blobs(world, &of_the_run, 100).await;
    put_blobs(world, &of_others, 100).await;
    put_blobs(world, &["nobody's"], 100).await;
    put_blobs(world, &["young"], 200).await;

    let garbage =
        async || world.store.blobs_unreferenced(&tenant(), Timestamp::from_micros(200)).await.unwrap();
    let set = |names: &[&str]| -> BTreeSet<Digest> { names.iter().map(Digest::of).collect() };
    assert_eq!(garbage().await, set(&["nobody's"]));
    let theirs = "other".parse().unwrap();
    assert!(world.store.blobs_unreferenced(&theirs, Timestamp::now()).await.unwrap().is_empty());

    commit(&world.store, ended(&run)).await.unwrap();
    assert!(view.run_delete(run.run.id).await.unwrap());
    let mut expected = set(&of_the_run);
    expected.extend(set(&["nobody's"]));
    // The signal was added, not put, and by the clock: it is young.
    expected.remove(&Digest::of("signal"));
    let mut found = garbage().await;
    found.remove(&Digest::of("signal"));
    assert_eq!(found, expected);
}

async fn a_blob_that_is_named_again_is_not_forgotten(world: &World) {
    put_blobs(world, &["a", "b"], 100).await;
    let (store, before) = (&world.store, Timestamp::from_micros(200));
    assert_eq!(store.blobs_unreferenced(&tenant(), before).await.unwrap().len(), 2);
    let mut run = created(None);
    run.steps[0].output = Some(Value::Blob { blob: Digest::of("a"), size: 1 });
    run.blobs.push(BlobRef { digest: Digest::of("a"), size: 1 });
    commit(store, next_named_at(run, 300)).await.unwrap();
    assert!(!store.blob_forget(&tenant(), Digest::of("a"), before).await.unwrap());
    assert!(!store.blob_forget(&"other".parse().unwrap(), Digest::of("b"), before).await.unwrap());
    assert!(store.blob_forget(&tenant(), Digest::of("b"), before).await.unwrap());
    let view = store.tenant(&tenant());
    assert!(view.blob_get(Digest::of("a")).await.unwrap().is_some());
    assert!(view.blob_get(Digest::of("b")).await.unwrap().is_none());
    assert!(store.blobs_unreferenced(&tenant(), before).await.unwrap().is_empty());
}

fn next_named_at(mut transition: Transition, at: i64) -> Transition {
    transition.events[0].at = Timestamp::from_micros(at);
    transition
}

async fn runs_that_ended_are_found_by_age(world: &World) {
    let runs = [created(None), created(None), created(None), created(None)];
    for (i, run) in runs.iter().enumerate() {
        commit(&world.store, run.clone()).await.unwrap();
        let mut end = if i == 3 { next(run) } else { ended(run) };
        end.run.finished_at = end.run.finished_at.map(|_| Timestamp::from_micros(300 - 100 * i as i64));
        commit(&world.store, end).await.unwrap();
    }
    let ended = world.store.runs_ended(Timestamp::from_micros(300), 10).await.unwrap();
    assert_eq!(ended, [(tenant(), runs[2].run.id), (tenant(), runs[1].run.id)]);
    assert_eq!(world.store.runs_ended(Timestamp::from_micros(300), 1).await.unwrap().len(), 1);
    assert_eq!(world.store.tenant_list().await.unwrap(), [tenant()]);
}
