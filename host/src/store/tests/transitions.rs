//! Transitions: what is committed together, and what is refused alone.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{
    World, both, commit, created, next,
    samples::{approval, full, step},
    tenant,
};
use crate::{
    model::{Command, Digest, Event, HostId, Order, RunState, StepState, Value},
    store::{
        ApprovalState, AttemptRow, BlobRef, RunFilter, StepRow, Store, StoreError,
        database::Connector,
        read::{Columns, Record},
        write,
    },
};

both!(
    rows_come_back_as_they_went_in,
    events_are_read_by_their_numbers,
    a_row_that_changes_often_in_a_group_ends_as_it_was_left,
    a_stale_owner_changes_nothing_and_harms_nobody_in_its_group,
    a_host_whose_runs_another_took_up_is_refused_each_of_them,
    a_transition_sent_again_is_done_and_one_that_skips_is_refused,
    a_key_in_use_refuses_its_own_run_alone,
    a_run_is_read_as_it_is_at_one_moment,
    commands_wait_for_their_runs_owner_until_a_transition_does_them,
    lists_are_in_the_order_of_bytes,
    no_host_takes_a_run_between_look_and_write,
    a_commit_in_doubt_that_ends_late_is_recognised,
    what_is_too_large_for_one_statement_is_written_all_the_same,
    what_the_database_cannot_hold_is_refused_alone,
);

/// A map's items are written at once, with all that they have made.
async fn what_is_too_large_for_one_statement_is_written_all_the_same(world: &World) {
    let first = created(None);
    commit(&world.store, first.clone()).await.unwrap();
    let mut second = next(&first);
    let json = format!("\"{}\"", "\\\"".repeat(30_000));
    for item in 0..400 {
        let output = Some(Value::Inline { json: json.clone() });
        second.steps.push(StepRow { output, ..step(&format!("fan[{item}]")) });
    }
    let third = next(&second);
    let (a, b) = (world.store.commit(second), world.store.commit(third));
    a.await.unwrap().unwrap();
    b.await.unwrap().unwrap();
    let steps = world.store.tenant(&tenant()).step_list(first.run.id).await.unwrap();
    assert_eq!(steps.len(), 401);
    let mut made = steps.iter().filter(|s| s.name.starts_with("fan"));
    assert!(made.all(|s| s.output == Some(Value::Inline { json: json.clone() })));
}

/// PostgreSQL has a limit for what an index holds; a database that says so must not be asked for ever.
async fn what_the_database_cannot_hold_is_refused_alone(world: &World) {
    let (first, other) = (created(None), created(None));
    commit(&world.store, first.clone()).await.unwrap();
    let mut second = next(&first);
    let name: String = (0..2000).map(|n| Digest::of(n.to_string()).to_string()).collect();
    second.steps.push(step(&name));
    let (large, small) = (world.store.commit(second), world.store.commit(other));
    let large = tokio::time::timeout(Duration::from_secs(30), large).await.expect("an answer").unwrap();
    let on_postgres = matches!(Connector::new(&world.location), Connector::Postgres(_));
    assert_eq!(matches!(large, Err(StoreError::Refused(_))), on_postgres, "{large:?}");
    small.await.unwrap().unwrap();
}

async fn rows_come_back_as_they_went_in(world: &World) {
    let store = &world.store;
    let first = created(None);
    commit(store, first.clone()).await.unwrap();
    let second = full(&first);
    commit(store, second.clone()).await.unwrap();

    let view = store.tenant(&tenant());
    let run = first.run.id;
    assert_eq!(view.run_get(run).await.unwrap(), Some(second.run.clone()));
    assert_eq!(view.step_list(run).await.unwrap(), second.steps);
    assert_eq!(view.attempt_list(run).await.unwrap(), second.attempts);
    let whole = view.run_whole(run).await.unwrap().unwrap();
    assert_eq!((whole.run, whole.plan.as_str()), (second.run.clone(), "{}"));
    assert_eq!((&whole.steps, &whole.attempts), (&second.steps, &second.attempts));
    assert_eq!((&whole.artifacts, &whole.approvals), (&second.artifacts, &second.approvals));
    assert_eq!(whole.host_calls, second.host_calls);
    assert_eq!(whole.shared["key"], second.shared["key"].1);
    assert_eq!(view.approval_list(run).await.unwrap(), second.approvals);
    let listed = view.artifact_page(run, false, None, 10).await.unwrap();
    assert!(listed.iter().all(|file| file.latest));
    assert_eq!(listed.into_iter().map(|file| file.row).collect::<Vec<_>>(), second.artifacts);
    let artifact = Digest::of("artifact");
    assert_eq!(view.blob_get(artifact).await.unwrap(), Some(BlobRef { digest: artifact, size: 9 }));
    let events = [first.events[0].clone(), second.events[0].clone()];
    assert_eq!(view.event_list(run, 0, 10).await.unwrap(), events);
    assert_eq!(view.event_list(run, 1, 10).await.unwrap(), events[1..]);
    assert_eq!(view.event_list(run, 0, 1).await.unwrap(), events[..1]);
    assert_eq!(view.plan_get(Digest::of("plan")).await.unwrap().as_deref(), Some("{}"));

    let other = store.tenant(&"other".parse().unwrap());
    assert_eq!(other.run_get(run).await.unwrap(), None);
    assert!(other.step_list(run).await.unwrap().is_empty());
    assert!(other.attempt_list(run).await.unwrap().is_empty());
    assert!(other.approval_list(run).await.unwrap().is_empty());
    assert!(other.artifact_page(run, false, None, 10).await.unwrap().is_empty());
    assert!(other.event_list(run, 0, 10).await.unwrap().is_empty());
    assert!(other.run_whole(run).await.unwrap().is_none());
    assert_eq!(other.plan_get(Digest::of("plan")).await.unwrap(), None);
    assert_eq!(other.blob_get(artifact).await.unwrap(), None);
    assert!(!other.run_delete(run).await.unwrap());
}

async fn a_row_that_changes_often_in_a_group_ends_as_it_was_left(world: &World) {
    let store = &world.store;
    let first = created(None);
    let mut second = full(&first);
    second.steps.extend([step("fan[0]/x"), step("fan[1]/x"), step("fan[2]/x")]);
    let mut open = approval(&second);
    second.approvals.push(open.clone());
    let mut third = next(&second);
    third.run.priority = 7;
    third.run.auto_run = true;
    third.removed_steps = vec!["fan[0]/x".into(), "fan[1]/x".into()];
    third.steps.push(step("fan[2]/x"));
    third.steps[0].state = StepState::Running;
    open.state = ApprovalState::Withdrawn;
    third.approvals.push(open.clone());
    third.host_calls.push(second.host_calls[0].clone());
    third.host_calls[0].answer = Some(Value::Inline { json: "2".into() });
    third.attempts.push(second.attempts[0].clone());
    third.attempts[0].crashes = 3;
    third.shared.insert("key".into(), ("fan[2]/x".into(), Value::Inline { json: "2".into() }));
    let mut fourth = next(&third);
    fourth.run.state = RunState::Paused;
    fourth.steps.push(step("fan[1]/x"));
    fourth.steps[0].ord = 5;
    let last = fourth.run.clone();
    // One group, which does not fall apart: a statement that is refused would show.
    let mut writer = Connector::new(&world.location).connect().await.unwrap();
    writer.begin().await.unwrap();
    let written = write::apply(&mut writer, &[&first, &second, &third, &fourth]).await;
    writer.end(written).await.unwrap();
    let view = store.tenant(&tenant());
    assert_eq!(view.run_get(last.id).await.unwrap(), Some(last.clone()));
    let steps = view.step_list(last.id).await.unwrap();
    let steps: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.ord, step.state)).collect();
    let pending = StepState::Pending;
    assert_eq!(
        steps,
        [("fan[2]/x", 0, StepState::Running), ("s", 0, StepState::Completed), ("fan[1]/x", 5, pending)]
    );
    assert_eq!(view.attempt_list(last.id).await.unwrap(), third.attempts);
    let whole = view.run_whole(last.id).await.unwrap().unwrap();
    assert_eq!(whole.host_calls, third.host_calls);
    assert_eq!(view.approval_list(last.id).await.unwrap()[1], open);
    assert_eq!(whole.shared["key"], third.shared["key"].1);
}

async fn a_run_is_read_as_it_is_at_one_moment(world: &World) {
    let first = created(None);
    let run = first.run.id;
    let mut transition = full(&first);
    commit(&world.store, first).await.unwrap();
    commit(&world.store, transition.clone()).await.unwrap();
    let store = world.store.clone();
    let writing = tokio::spawn(async move {
        for _ in 0..300 {
            let before = transition.clone();
            transition = next(&before);
            let number = u32::try_from(transition.run.rev).unwrap();
            let attempt = AttemptRow { crashes: number, ..before.attempts[0].clone() };
            transition.steps.push(StepRow { ord: number, ..before.steps[0].clone() });
            transition.attempts.push(attempt);
            let value = Value::Inline { json: number.to_string() };
            transition.shared.insert("key".into(), ("s".into(), value));
            commit(&store, transition.clone()).await.unwrap();
        }
    });
    let (view, mut seen) = (world.store.tenant(&tenant()), BTreeSet::new());
    while !writing.is_finished() {
        let whole = view.run_whole(run).await.unwrap().unwrap();
        if whole.run.rev > 2 {
            let number = u32::try_from(whole.run.rev).unwrap();
            let value = Value::Inline { json: number.to_string() };
            assert_eq!((whole.steps[0].ord, whole.attempts[0].crashes), (number, number));
            assert_eq!(whole.shared["key"], value);
            seen.insert(number);
        }
    }
    writing.await.unwrap();
    assert!(seen.len() > 1, "only {seen:?} was seen of what was written meanwhile");
}

async fn a_stale_owner_changes_nothing_and_harms_nobody_in_its_group(world: &World) {
    let store = &world.store;
    let (stale, good) = (created(None), created(None));
    commit(store, stale.clone()).await.unwrap();
    commit(store, good.clone()).await.unwrap();
    let taken = store.runs_take_up(HostId::new()).await.unwrap();
    assert_eq!(taken, 2);
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

async fn a_host_whose_runs_another_took_up_is_refused_each_of_them(world: &World) {
    let store = &world.store;
    let runs: Vec<_> = (0..20).map(|_| created(None)).collect();
    for run in &runs {
        commit(store, run.clone()).await.unwrap();
    }
    // Another host on the same database.
    let other = Store::open_shared(&world.location).await.unwrap();
    let host = HostId::new();
    let taken = other.runs_take_up(host).await.unwrap();
    assert_eq!(taken, runs.len() as u64);
    let fresh = created(None);
    let mut answers: Vec<_> = runs.iter().map(|run| store.commit(next(run))).collect();
    answers.insert(10, store.commit(fresh.clone()));
    let theirs: Vec<_> = runs
        .iter()
        .map(|run| {
            let mut transition = next(run);
            transition.run.epoch = 2;
            transition.run.owner = host;
            other.commit(transition)
        })
        .collect();
    for (i, answer) in answers.into_iter().enumerate() {
        let answer = answer.await.unwrap();
        assert!(if i == 10 { answer.is_ok() } else { matches!(answer, Err(StoreError::Stale)) }, "{i}");
    }
    for answer in theirs {
        answer.await.unwrap().unwrap();
    }
    let view = store.tenant(&tenant());
    for run in &runs {
        let row = view.run_get(run.run.id).await.unwrap().unwrap();
        assert_eq!((row.epoch, row.rev, row.owner), (2, 2, host));
        assert_eq!(view.event_list(run.run.id, 0, 10).await.unwrap().len(), 2);
    }
    assert_eq!(view.run_get(fresh.run.id).await.unwrap(), Some(fresh.run));
}

async fn a_transition_sent_again_is_done_and_one_that_skips_is_refused(world: &World) {
    let store = &world.store;
    let first = created(None);
    let second = next(&first);
    let third = next(&second);
    commit(store, first.clone()).await.unwrap();
    assert!(matches!(commit(store, third.clone()).await, Err(StoreError::Stale)));
    // Three of one run in one group, in order; and the first of them a second time.
    let answers = [store.commit(first), store.commit(second), store.commit(third)];
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    let run = store.tenant(&tenant()).run_list(&RunFilter::default(), None, 10).await.unwrap().remove(0);
    assert_eq!((run.rev, run.event_seq), (3, 3));
}

async fn a_key_in_use_refuses_its_own_run_alone(world: &World) {
    let store = &world.store;
    commit(store, created(Some("k"))).await.unwrap();
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

async fn commands_wait_for_their_runs_owner_until_a_transition_does_them(world: &World) {
    let store = &world.store;
    let first = created(None);
    let owner = first.run.owner;
    commit(store, first.clone()).await.unwrap();
    let view = store.tenant(&tenant());
    let skip = Command::Skip { step: "a".into(), reason: "x".into() };
    let orders =
        [(Command::Cancel, Some("ann".to_owned())), (skip, None)].map(|(command, by)| Order { command, by });
    for order in &orders {
        view.command_add(first.run.id, order).await.unwrap();
    }
    let commands = store.command_list(owner, 0, 10).await.unwrap();
    let found: Vec<_> = commands.iter().map(|row| (row.run, row.order.clone())).collect();
    assert_eq!(found, orders.map(|order| (first.run.id, order)));
    assert!(store.command_list(HostId::new(), 0, 10).await.unwrap().is_empty());
    let mut second = next(&first);
    second.commands_done.extend(commands.iter().map(|row| row.id));
    commit(store, second).await.unwrap();
    assert!(store.command_list(owner, 0, 10).await.unwrap().is_empty());
}

/// PostgreSQL's own order is that of a language, in which "a" comes before "B" and signs do not count.
async fn lists_are_in_the_order_of_bytes(world: &World) {
    let mut first = created(None);
    first.steps = ["b", "a-c", "ab", "B", "a/b"].map(step).into();
    commit(&world.store, first.clone()).await.unwrap();
    let steps = world.store.tenant(&tenant()).step_list(first.run.id).await.unwrap();
    let names: Vec<_> = steps.into_iter().map(|step| step.name).collect();
    assert_eq!(names, ["B", "a-c", "a/b", "ab", "b"]);
}

async fn no_host_takes_a_run_between_look_and_write(world: &World) {
    let first = created(None);
    commit(&world.store, first.clone()).await.unwrap();
    let second = next(&first);
    let mut writer = Connector::new(&world.location).connect().await.unwrap();
    writer.begin().await.unwrap();
    let heads = write::heads(&mut writer, &[Box::new(second.clone())]).await.unwrap();
    assert_eq!(heads[&first.run.id], (1, 1));
    let other = Store::open_shared(&world.location).await.unwrap();
    let taking = tokio::spawn(async move { other.runs_take_up(HostId::new()).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!taking.is_finished());
    let written = write::apply(&mut writer, &[&second]).await;
    writer.end(written).await.unwrap();
    taking.await.unwrap().unwrap();
    let row = world.store.tenant(&tenant()).run_get(first.run.id).await.unwrap().unwrap();
    assert_eq!((row.epoch, row.rev, row.state), (2, 2, RunState::Running));
}

/// The connection broke after COMMIT, the same is sent on another one, and only then does the server end the first.
async fn a_commit_in_doubt_that_ends_late_is_recognised(world: &World) {
    let first = created(Some("k"));
    let mut lost = Connector::new(&world.location).connect().await.unwrap();
    lost.begin().await.unwrap();
    write::apply(&mut lost, &[&first]).await.unwrap();
    let again = world.store.commit(first.clone());
    let beside = world.store.commit(created(None));
    tokio::time::sleep(Duration::from_millis(200)).await;
    lost.end(Ok(())).await.unwrap();
    again.await.unwrap().unwrap();
    beside.await.unwrap().unwrap();
    let view = world.store.tenant(&tenant());
    assert_eq!(view.event_list(first.run.id, 0, 10).await.unwrap(), first.events);
    // The same, alone in its group.
    let second = created(None);
    lost.begin().await.unwrap();
    write::apply(&mut lost, &[&second]).await.unwrap();
    let again = world.store.commit(second.clone());
    tokio::time::sleep(Duration::from_millis(200)).await;
    lost.end(Ok(())).await.unwrap();
    again.await.unwrap().unwrap();
    assert_eq!(view.event_list(second.run.id, 0, 10).await.unwrap(), second.events);
}

/// The events of one commit are few rows, and are read as if each were one.
async fn events_are_read_by_their_numbers(world: &World) {
    let first = created(None);
    let mut many = next(&first);
    let one = many.events.pop().unwrap();
    let event = |seq| Event { seq, step: Some(format!("s{seq}")), ..one.clone() };
    many.events = (2..=1000).map(event).collect();
    many.run.event_seq = 1000;
    let mut last = next(&many);
    last.events[0].data = json!({ "at": [1, null] });
    let mut writer = Connector::new(&world.location).connect().await.unwrap();
    writer.begin().await.unwrap();
    let written = write::apply(&mut writer, &[&first, &many, &last]).await;
    writer.end(written).await.unwrap();
    let all = [first.events, many.events, last.events].concat();
    let view = world.store.tenant(&tenant());
    for (after, limit) in [(0, 2000), (0, 1), (0, 256), (255, 2), (256, 256), (999, 5), (1000, 5), (1001, 5)]
    {
        let end = all.len().min(after + limit);
        let found = view.event_list(first.run.id, after as u64, limit as u32).await.unwrap();
        assert_eq!(found, all[after.min(end)..end], "{limit} after {after}");
    }
    // Tens of rows, not a thousand.
    let count = |row: &dyn Columns| Record::of("events", row).count::<u64>("n");
    let rows = writer.all("SELECT count(*) AS n FROM events", &[], count).await.unwrap();
    assert_eq!(rows, [4]);
}
