//! The store on a real database: what is committed together, and what is refused alone.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{
    AttemptId, AttemptState, Digest, Event, EventKind, HostId, RunId, RunState, StepState, TenantId,
    Timestamp, Value,
};

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreLocation::sqlite(directory.path().join("heddle.db"))).await.unwrap();
    store.tenant_ensure(&tenant()).await.unwrap();
    (directory, store)
}

pub(super) fn created(key: Option<&str>) -> Transition {
    let now = Timestamp::from_micros(1_000_000);
    let run = RunRow {
        id: RunId::new(),
        workflow: "w".into(),
        workflow_version: "1".into(),
        plan: Digest::of("plan"),
        state: RunState::Pending,
        input: Value::Inline { json: r#"{"a":"ü\n\"'"}"#.into() },
        files: vec![InputFile {
            name: "f.csv".into(),
            media_type: "text/csv".into(),
            size: 3,
            digest: Digest::of("f"),
        }],
        seed: Digest::of("seed"),
        as_of: now,
        owner: HostId::new(),
        epoch: 1,
        rev: 1,
        event_seq: 1,
        failure: None,
        auto_run: true,
        priority: 0,
        start_at: None,
        schedule: None,
        forked_from: None,
        forked_at: None,
        created_at: now,
        started_at: None,
        finished_at: None,
    };
    let mut transition = Transition::of(tenant(), run.clone());
    let idempotency = key.map(|key| IdempotencyKey { key: key.into(), request: Digest::of("request") });
    transition.creation = Some(Creation { plan: "{}".into(), idempotency });
    transition.steps.push(StepRow {
        name: "s".into(),
        ord: 0,
        phase: "p/x".into(),
        state: StepState::Pending,
        attempt: 0,
        result_attempt: None,
        not_before: None,
        step_key: None,
        expansion: None,
        chosen: None,
        overrides: None,
        event_key: None,
        output: None,
        reason: None,
        failure: None,
        ready_at: None,
        started_at: None,
        finished_at: None,
    });
    transition.events.push(event(&run, EventKind::RunCreated));
    transition
}

fn event(run: &RunRow, kind: EventKind) -> Event {
    Event {
        run_id: run.id,
        seq: run.event_seq,
        kind,
        step: None,
        at: run.created_at,
        data: serde_json::json!({"k": 1}),
    }
}

/// The transition that follows.
fn next(transition: &Transition) -> Transition {
    let mut run = transition.run.clone();
    run.rev += 1;
    run.event_seq += 1;
    run.state = RunState::Running;
    let mut next = Transition::of(tenant(), run.clone());
    next.events.push(event(&run, EventKind::RunStarted));
    next
}

async fn commit(store: &Store, transition: Transition) -> StoreResult<()> {
    store.commit(transition).await.unwrap()
}

#[tokio::test]
async fn rows_come_back_as_they_went_in() {
    let (_directory, store) = store().await;
    let first = created(None);
    commit(&store, first.clone()).await.unwrap();
    let mut second = next(&first);
    let mut step = first.steps[0].clone();
    step.state = StepState::Completed;
    step.output = Some(Value::Blob { blob: Digest::of("out"), size: 70_000 });
    second.steps.push(step.clone());
    let attempt = AttemptRow {
        id: AttemptId::new(),
        step: "s".into(),
        number: 1,
        state: AttemptState::Completed,
        host: HostId::new(),
        crashes: 2,
        reused: true,
        step_key: Some(Digest::of("key")),
        output: Some(Value::Inline { json: "1".into() }),
        shared: Some([("key".to_owned(), Value::Inline { json: "7".into() })].into()),
        failure: Some(crate::model::Failure::limit("log_bytes", 10, 11, "too much")),
        usage: Some(crate::model::Usage { wall_us: 5, ..Default::default() }),
        log: Some(Value::Inline { json: "[]".into() }),
        ready_at: Some(Timestamp::from_micros(2)),
        started_at: Timestamp::from_micros(3),
        finished_at: Some(Timestamp::from_micros(4)),
    };
    second.attempts.push(attempt.clone());
    let artifact = ArtifactRow {
        step: "s".into(),
        name: "a.png".into(),
        version: 1,
        attempt: 1,
        digest: Digest::of("png"),
        size: 9,
        kind: crate::model::FileKind::Png,
        media_type: "image/png".into(),
        deliverable: true,
        order: 2,
        description: "d".into(),
        created_at: Timestamp::from_micros(5),
    };
    second.artifacts.push(artifact.clone());
    second.blobs.push(BlobRef { digest: Digest::of("png"), size: 9 });
    second.shared.insert("key".into(), ("s".into(), Value::Inline { json: "7".into() }));
    commit(&store, second.clone()).await.unwrap();

    let view = store.tenant(&tenant());
    let run = first.run.id;
    assert_eq!(view.run_get(run).await.unwrap(), Some(second.run.clone()));
    assert_eq!(view.step_list(run).await.unwrap(), [step]);
    assert_eq!(view.attempt_list(run).await.unwrap(), [attempt]);
    assert_eq!(view.artifact_list(run).await.unwrap(), [artifact]);
    assert_eq!(
        view.blob_get(Digest::of("png")).await.unwrap(),
        Some(BlobRef { digest: Digest::of("png"), size: 9 })
    );
    assert_eq!(view.shared_state(run).await.unwrap()["key"], Value::Inline { json: "7".into() });
    assert_eq!(
        view.event_list(run, 0, 10).await.unwrap(),
        [first.events[0].clone(), second.events[0].clone()]
    );
    assert_eq!(view.event_list(run, 1, 10).await.unwrap().len(), 1);
    assert_eq!(view.plan_get(Digest::of("plan")).await.unwrap().as_deref(), Some("{}"));

    let other = store.tenant(&"other".parse().unwrap());
    assert_eq!(other.run_get(run).await.unwrap(), None);
    assert!(other.step_list(run).await.unwrap().is_empty());
    assert!(other.artifact_list(run).await.unwrap().is_empty());
    assert!(other.event_list(run, 0, 10).await.unwrap().is_empty());
    assert_eq!(other.plan_get(Digest::of("plan")).await.unwrap(), None);
    assert_eq!(other.blob_get(Digest::of("png")).await.unwrap(), None);
}

#[tokio::test]
async fn a_stale_owner_changes_nothing_and_harms_nobody_in_its_group() {
    let (_directory, store) = store().await;
    let (stale, good) = (created(None), created(None));
    commit(&store, stale.clone()).await.unwrap();
    commit(&store, good.clone()).await.unwrap();
    let taken = store.runs_take_up(HostId::new()).await.unwrap();
    assert_eq!(taken.len(), 2);
    let mut follows = next(&good);
    follows.run.epoch = 2;
    // Queued together, so that they share a commit.
    let answers = (store.commit(next(&stale)), store.commit(follows));
    assert!(matches!(answers.0.await.unwrap(), Err(StoreError::Stale)));
    answers.1.await.unwrap().unwrap();
    let view = store.tenant(&tenant());
    assert_eq!(view.run_get(stale.run.id).await.unwrap().unwrap().rev, 1);
    assert_eq!(view.event_list(stale.run.id, 0, 10).await.unwrap().len(), 1);
    assert_eq!(view.run_get(good.run.id).await.unwrap().unwrap().rev, 2);
}

#[tokio::test]
async fn a_transition_sent_again_is_done_and_one_that_skips_is_refused() {
    let (_directory, store) = store().await;
    let first = created(None);
    let second = next(&first);
    let third = next(&second);
    commit(&store, first.clone()).await.unwrap();
    assert!(matches!(commit(&store, third.clone()).await, Err(StoreError::Stale)));
    // Three of one run in one group, in order; and the first of them a second time.
    let answers = [store.commit(first), store.commit(second), store.commit(third)];
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    let run = store.tenant(&tenant()).run_list(&RunFilter::default(), None, 10).await.unwrap().remove(0);
    assert_eq!((run.rev, run.event_seq), (3, 3));
}

#[tokio::test]
async fn a_key_in_use_refuses_its_own_run_alone() {
    let (_directory, store) = store().await;
    commit(&store, created(Some("k"))).await.unwrap();
    let (again, other) = (created(Some("k")), created(Some("k2")));
    let answers = (store.commit(again.clone()), store.commit(other.clone()));
    assert!(matches!(answers.0.await.unwrap(), Err(StoreError::KeyInUse)));
    answers.1.await.unwrap().unwrap();
    let view = store.tenant(&tenant());
    assert_eq!(view.run_get(again.run.id).await.unwrap(), None);
    assert!(view.run_get(other.run.id).await.unwrap().is_some());
    let (key, run) = view.idempotency_get("k2").await.unwrap().unwrap();
    assert_eq!((key.request, run), (Digest::of("request"), other.run.id));
}

#[tokio::test]
async fn commands_wait_for_their_runs_owner_until_a_transition_does_them() {
    let (_directory, store) = store().await;
    let first = created(None);
    let owner = first.run.owner;
    commit(&store, first.clone()).await.unwrap();
    let view = store.tenant(&tenant());
    view.command_add(first.run.id, CommandKind::Cancel, &serde_json::json!({"why": "x"})).await.unwrap();
    let commands = store.command_list(owner).await.unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!((commands[0].run, commands[0].kind), (first.run.id, CommandKind::Cancel));
    assert_eq!(commands[0].data, serde_json::json!({"why": "x"}));
    assert!(store.command_list(HostId::new()).await.unwrap().is_empty());
    let mut second = next(&first);
    second.commands_done.push(commands[0].id);
    commit(&store, second).await.unwrap();
    assert!(store.command_list(owner).await.unwrap().is_empty());
}
