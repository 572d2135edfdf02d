//! Runs that are deleted, and blobs that nothing names any more.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::{
    World, both, commit, created, next,
    samples::{blob, ended, full},
    tenant,
};
use crate::{
    model::{Command, Digest, Order, Restored, RunId, ScheduleId, Timestamp, Value},
    store::{
        BlobRef, MissedRuns, ScheduleRow, Transition, UnnamedBlob, UnnamedBlobs, UploadRow, WorkflowRow,
        database::Pool,
    },
};

both!(
    a_run_that_has_ended_is_deleted_from_every_table,
    a_blob_that_anything_names_is_no_garbage,
    a_blob_that_is_named_again_is_not_forgotten,
    a_mark_goes_from_what_is_named_by_no_transition,
    blobs_that_no_row_was_written_for_are_adopted,
    plans_go_with_their_last_run_and_uploads_with_time,
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
    let signal = view.signal_add("order-7", &blob("signal"), super::LONG, 100).await.unwrap();
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
        expansion: None,
        inside: None,
    };
    let rollback = Command::Rollback { step: "s".into(), to: Box::new(to) };
    view.command_add(first.run.id, &Order { command: rollback, by: None }).await.unwrap();
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

/// The blobs that nothing names, nor has since that time.
async fn unnamed(world: &World, before: i64) -> BTreeSet<Digest> {
    let found = world.store.blobs_unnamed(&tenant(), Timestamp::from_micros(before)).await.unwrap();
    found.blobs.into_keys().collect()
}

/// Every blob of these names is there, and was last named at that time.
async fn put_blobs(world: &World, names: &[&str], at: i64) {
    let mut run = created(None);
    run.run.files = [].into();
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
        "attempt's expansion",
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
    view.upload_put(&upload, 100).await.unwrap();
    let body = format!("{{\"file\":\"{}\"}}", Digest::of("workflow"));
    let workflow = WorkflowRow {
        name: "w".into(),
        version: "1".into(),
        digest: Digest::of(&body),
        body,
        created_at: Timestamp::from_micros(1),
    };
    view.workflow_put(&workflow, 100).await.unwrap();
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

    let garbage = async || unnamed(world, 200).await;
    let set = |names: &[&str]| -> BTreeSet<Digest> { names.iter().map(Digest::of).collect() };
    assert_eq!(garbage().await, set(&["nobody's"]));
    let theirs = "other".parse().unwrap();
    assert_eq!(world.store.blobs_unnamed(&theirs, Timestamp::now()).await.unwrap(), UnnamedBlobs::default());

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
    put_blobs(world, &["a", "b", "c"], 100).await;
    let (store, tenant) = (&world.store, tenant());
    let [a, b, c] = ["a", "b", "c"].map(Digest::of);
    assert_eq!(unnamed(world, 200).await, [a, b, c].into());
    let at = Timestamp::from_micros;
    assert!(store.blobs_forget(&tenant, &[a, b, c], at(400)).await.unwrap().is_empty(), "none is marked");
    store.blobs_mark(&tenant, &[a, b], Some(at(250))).await.unwrap();
    store.blobs_mark(&tenant, &[c], Some(at(260))).await.unwrap();
    let found = store.blobs_unnamed(&tenant, at(200)).await.unwrap();
    assert_eq!(found.blobs[&a], UnnamedBlob { size: 1, since: Some(at(250)) });

    let mut run = created(None);
    run.steps[0].output = Some(Value::Blob { blob: a, size: 1 });
    run.blobs.push(BlobRef { digest: a, size: 1 });
    commit(store, next_named_at(run, 300)).await.unwrap();
    assert!(store.blobs_forget(&"other".parse().unwrap(), &[b], at(400)).await.unwrap().is_empty());
    assert_eq!(store.blobs_forget(&tenant, &[a, b, c], at(255)).await.unwrap(), [b]);
    let view = store.tenant(&tenant);
    for (digest, kept) in [(a, true), (b, false), (c, true)] {
        assert_eq!(view.blob_get(digest).await.unwrap().is_some(), kept);
    }
    assert_eq!(unnamed(world, 200).await, [c].into());
    assert_eq!(
        store.blobs_forget(&tenant, &[a, b, c], at(400)).await.unwrap(),
        [c],
        "a is not marked any more"
    );
}

async fn a_mark_goes_from_what_is_named_by_no_transition(world: &World) {
    put_blobs(world, &["a"], 100).await;
    let (store, at) = (&world.store, Timestamp::from_micros);
    store.blobs_mark(&tenant(), &[Digest::of("a")], Some(at(150))).await.unwrap();
    let workflow = WorkflowRow {
        name: "w".into(),
        version: "1".into(),
        digest: Digest::of("w"),
        body: format!("\"{}\"", Digest::of("a")),
        created_at: at(1),
    };
    store.tenant(&tenant()).workflow_put(&workflow, 100).await.unwrap();
    let found = store.blobs_unnamed(&tenant(), at(200)).await.unwrap();
    assert_eq!(found, UnnamedBlobs { blobs: [].into(), named: vec![Digest::of("a")] });
    store.blobs_mark(&tenant(), &found.named, None).await.unwrap();
    assert_eq!(store.blobs_unnamed(&tenant(), at(200)).await.unwrap(), UnnamedBlobs::default());
}

async fn blobs_that_no_row_was_written_for_are_adopted(world: &World) {
    put_blobs(world, &["known"], 100).await;
    let (store, at) = (&world.store, Timestamp::from_micros);
    let [known, other] = ["known", "other"].map(Digest::of);
    let blob = |digest| (BlobRef { digest, size: 5 }, at(50));
    store.blobs_adopt(&tenant(), &[blob(known), blob(other)]).await.unwrap();
    let found = store.blobs_unnamed(&tenant(), at(75)).await.unwrap().blobs;
    assert_eq!(found, [(other, UnnamedBlob { size: 5, since: None })].into());
    for digest in [known, other] {
        let beginning = store.blobs_beginning(&tenant(), &digest.to_string()[..2]).await.unwrap();
        assert!(beginning.contains(&digest));
        let others =
            store.blobs_beginning(&"other".parse().unwrap(), &digest.to_string()[..2]).await.unwrap();
        assert!(others.is_empty());
    }
    assert!(!store.blobs_beginning(&tenant(), "ff").await.unwrap().contains(&known));
}

async fn plans_go_with_their_last_run_and_uploads_with_time(world: &World) {
    let (store, view, at) = (&world.store, world.store.tenant(&tenant()), Timestamp::from_micros);
    let (one, two) = (created(None), created(None));
    for run in [&one, &two] {
        commit(store, run.clone()).await.unwrap();
        commit(store, ended(run)).await.unwrap();
    }
    let plan = one.run.plan;
    assert!(view.run_delete(one.run.id).await.unwrap());
    assert_eq!(store.plans_delete().await.unwrap(), 0);
    assert!(view.plan_get(plan).await.unwrap().is_some());
    assert!(view.run_delete(two.run.id).await.unwrap());
    assert_eq!(store.plans_count().await.unwrap(), 1);
    assert_eq!(store.plans_delete().await.unwrap(), 1);
    assert_eq!(store.plans_count().await.unwrap(), 0);
    assert!(view.plan_get(plan).await.unwrap().is_none());

    for created_at in [at(10), at(20)] {
        let id = crate::model::UploadId::new();
        let (filename, media_type) = ("u".into(), "text/csv".into());
        let upload =
            UploadRow { id, filename, media_type, digest: Digest::of("upload"), size: 1, created_at };
        view.upload_put(&upload, 100).await.unwrap();
    }
    assert_eq!(store.uploads_count(at(20)).await.unwrap(), 1);
    assert_eq!(store.uploads_delete(at(20)).await.unwrap(), 1);
    assert_eq!(store.uploads_count(at(30)).await.unwrap(), 1);
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
    assert_eq!(world.store.runs_ended_count(Timestamp::from_micros(300)).await.unwrap(), 2);
    assert_eq!(world.store.tenant_list().await.unwrap(), [tenant()]);
}
