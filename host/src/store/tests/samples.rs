//! Transitions to commit.

use crate::{
    model::{
        ApprovalId, AttemptId, AttemptState, Digest, Event, EventKind, Failure, FileKind, HostId, RunId,
        RunState, ScheduleId, StepState, TenantId, Timestamp, Usage, Value,
    },
    store::{
        ApprovalKind, ApprovalRow, ApprovalState, ArtifactRow, AttemptRow, BlobRef, Creation, HostCallRow,
        IdempotencyKey, InputFile, RunRow, StepRow, Store, StoreResult, Transition,
    },
};

pub(crate) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

/// A run's first transition.
pub(crate) fn created(key: Option<&str>) -> Transition {
    let now = Timestamp::from_micros(1_000_000);
    let run = RunRow {
        id: RunId::new(),
        workflow: "w".into(),
        workflow_version: "1".into(),
        plan: Digest::of("plan"),
        state: RunState::Pending,
        input: Value::Inline { json: r#"{"a":"ü\n\"'"}"#.into() },
        files: [InputFile {
            name: "f.csv".into(),
            media_type: "text/csv".into(),
            size: 3,
            digest: Digest::of("f"),
        }]
        .into(),
        seed: Digest::of("seed"),
        as_of: now,
        owner: HostId::new(),
        epoch: 1,
        rev: 1,
        event_seq: 1,
        failure: None,
        auto_run: false,
        priority: -3,
        start_at: Some(now),
        schedule: Some(ScheduleId::new()),
        forked_from: Some(RunId::new()),
        forked_at: Some("s".into()),
        created_at: now,
        started_at: None,
        finished_at: None,
    };
    let mut transition = Transition::of(tenant(), run.clone());
    let idempotency = key.map(|key| IdempotencyKey { key: key.into(), request: Digest::of("request") });
    transition.creation = Some(Creation { plan: "{}".into(), idempotency });
    transition.steps.push(step("s"));
    transition.events.push(event(&run, EventKind::RunCreated));
    transition
}

/// A step that has not begun.
pub(super) fn step(name: &str) -> StepRow {
    StepRow {
        name: name.into(),
        ord: 0,
        phase: "p/x".into(),
        state: StepState::Pending,
        attempt: 0,
        result_attempt: None,
        retried_from: 0,
        not_before: None,
        step_key: None,
        expansion: None,
        chosen: None,
        overrides: None,
        event_key: None,
        output: None,
        reason: None,
        for_failure: false,
        bypassed: false,
        failure: None,
        ready_at: None,
        started_at: None,
        finished_at: None,
    }
}

pub(super) fn event(run: &RunRow, kind: EventKind) -> Event {
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
pub(crate) fn next(transition: &Transition) -> Transition {
    let mut run = transition.run.clone();
    run.rev += 1;
    run.event_seq += 1;
    run.state = RunState::Running;
    let mut next = Transition::of(tenant(), run.clone());
    next.events.push(event(&run, EventKind::RunStarted));
    next
}

pub(super) async fn commit(store: &Store, transition: Transition) -> StoreResult<()> {
    store.commit(transition).await.unwrap()
}

/// A value in a blob.
pub(super) fn blob(text: &str) -> Value {
    Value::Blob { blob: Digest::of(text), size: 70_000 }
}

/// The transition that follows, with a row of every kind and all that a row can have. Each blob that it names is the
/// digest of what it is: "output", "log" …
pub(super) fn full(transition: &Transition) -> Transition {
    let mut full = next(transition);
    let at = Timestamp::from_micros;
    full.steps.push(StepRow {
        state: StepState::Completed,
        attempt: 1,
        result_attempt: Some(1),
        retried_from: 1,
        for_failure: true,
        bypassed: true,
        not_before: Some(at(1)),
        step_key: Some(Digest::of("key")),
        expansion: Some(blob("expansion")),
        chosen: Some("yes".into()),
        overrides: Some(serde_json::json!({ "input": blob("overrides") })),
        event_key: Some("order-7".into()),
        output: Some(blob("output")),
        reason: Some("because\0of that".replace('\0', "\u{fffd}")),
        failure: Some(Failure::limit("log_bytes", 10, 11, "too much")),
        ready_at: Some(at(2)),
        started_at: Some(at(3)),
        finished_at: Some(at(4)),
        ..step("s")
    });
    let attempt = AttemptRow {
        id: AttemptId::new(),
        step: "s".into(),
        number: 1,
        state: AttemptState::Completed,
        host: HostId::new(),
        crashes: 2,
        reused: true,
        overrides: Some(serde_json::json!({ "prompt": "p" })),
        step_key: Some(Digest::of("key")),
        output: Some(blob("attempt's output")),
        shared: Some([("key".to_owned(), blob("attempt's shared"))].into()),
        expansion: Some(blob("attempt's expansion")),
        inside: Some(r#"{"scopes":1,"steps":[1]}"#.into()),
        failure: Some(Failure::limit("log_bytes", 10, 11, "too much")),
        usage: Some(Usage { wall_us: 5, ..Default::default() }),
        log: Some(blob("log")),
        ready_at: Some(at(2)),
        started_at: at(3),
        finished_at: Some(at(4)),
    };
    full.host_calls.push(HostCallRow {
        attempt: attempt.id,
        seq: 0,
        kind: "approvals.request".into(),
        request: blob("request"),
        request_digest: Digest::of("request"),
        answer: Some(blob("answer")),
        started_at: at(3),
        answered_at: Some(at(4)),
    });
    full.attempts.push(attempt);
    full.approvals.push(ApprovalRow {
        state: ApprovalState::Decided,
        decision: Some(serde_json::json!({ "feedback": blob("decision") })),
        decided_by: Some("ann".into()),
        decided_at: Some(at(5)),
        ..approval(&full)
    });
    full.artifacts.push(ArtifactRow {
        step: "s".into(),
        name: "a.png".into(),
        version: 1,
        attempt: 1,
        digest: Digest::of("artifact"),
        size: 9,
        kind: FileKind::Png,
        media_type: "image/png".into(),
        deliverable: true,
        restricted: false,
        order: 2,
        description: "d".into(),
        created_at: at(5),
    });
    full.blobs.push(BlobRef { digest: Digest::of("artifact"), size: 9 });
    full.shared.insert("key".into(), ("s".into(), blob("shared")));
    full
}

/// An open approval of a transition's run.
pub(super) fn approval(transition: &Transition) -> ApprovalRow {
    ApprovalRow {
        id: ApprovalId::new(),
        run: transition.run.id,
        step: "s".into(),
        kind: ApprovalKind::Checkpoint,
        request: serde_json::json!({ "question": "go on?", "shown": blob("approval") }),
        state: ApprovalState::Open,
        deadline: Some(Timestamp::from_micros(9)),
        decision: None,
        decided_by: None,
        decided_at: None,
        created_at: Timestamp::from_micros(8),
    }
}

/// The transition that follows, which ends the run.
pub(super) fn ended(transition: &Transition) -> Transition {
    let mut ended = next(transition);
    ended.run.state = RunState::Completed;
    ended.run.finished_at = Some(Timestamp::from_micros(2_000_000));
    ended
}
