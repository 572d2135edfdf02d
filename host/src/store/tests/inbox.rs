//! What reaches runs from outside: approvals, signals, waiting steps.

use super::{
    World, both, commit, created, next,
    samples::{approval, blob, step},
    tenant,
};
use crate::{
    model::{Digest, Timestamp, Value},
    store::{ApprovalState, BlobRef, StoreError},
};

both!(
    the_inbox_holds_what_is_open,
    a_signal_is_taken_once,
    signals_that_nobody_takes_are_bounded,
    of_two_in_a_group_one_gets_the_signal,
    steps_that_wait_are_found_by_their_key,
);

async fn the_inbox_holds_what_is_open(world: &World) {
    let store = &world.store;
    let first = created(None);
    commit(store, first.clone()).await.unwrap();
    let mut second = next(&first);
    second.approvals = (0..3).map(|_| approval(&first)).collect();
    let asked = second.approvals.clone();
    commit(store, second.clone()).await.unwrap();
    let view = store.tenant(&tenant());
    assert_eq!(view.approval_list_open(None, 10).await.unwrap(), asked);
    assert_eq!(view.approval_list_open(None, 2).await.unwrap(), asked[..2]);
    assert_eq!(view.approval_list_open(Some(asked[1].id), 10).await.unwrap(), asked[2..]);
    let mut third = next(&second);
    let mut decided = asked[1].clone();
    decided.state = ApprovalState::Decided;
    decided.decision = Some(serde_json::json!({ "option": "yes" }));
    decided.decided_by = Some("ann".into());
    decided.decided_at = Some(Timestamp::from_micros(12));
    third.approvals.push(decided.clone());
    commit(store, third).await.unwrap();
    let open = view.approval_list_open(None, 10).await.unwrap();
    assert_eq!(open, [asked[0].clone(), asked[2].clone()]);
    assert_eq!(view.approval_get(decided.id).await.unwrap(), Some(decided.clone()));
    assert_eq!(view.approval_list(first.run.id).await.unwrap().len(), 3);
    let other = store.tenant(&"other".parse().unwrap());
    assert!(other.approval_list_open(None, 10).await.unwrap().is_empty());
    assert_eq!(other.approval_get(decided.id).await.unwrap(), None);
}

async fn a_signal_is_taken_once(world: &World) {
    let store = &world.store;
    let view = store.tenant(&tenant());
    let one =
        view.signal_add("order-7", &Value::Inline { json: "1".into() }, super::LONG, 100).await.unwrap();
    let two = view.signal_add("order-7", &blob("signal"), super::LONG, 100).await.unwrap();
    view.signal_add("order-8", &Value::Inline { json: "3".into() }, super::LONG, 100).await.unwrap();
    assert!(one < two);
    let known = view.blob_get(Digest::of("signal")).await.unwrap();
    assert_eq!(known, Some(BlobRef { digest: Digest::of("signal"), size: 70_000 }));
    let waiting = view.signal_next("order-7", Timestamp::from_micros(0)).await.unwrap().unwrap();
    assert_eq!((waiting.id, &waiting.key[..], &waiting.taken), (one, "order-7", &None));
    assert_eq!(waiting.data, Value::Inline { json: "1".into() });

    let first = created(None);
    commit(store, first.clone()).await.unwrap();
    let mut second = next(&first);
    second.signals_taken.push((one, "s".into()));
    commit(store, second.clone()).await.unwrap();
    // Sent again it is the same; from another run it comes too late.
    commit(store, second.clone()).await.unwrap();
    assert_eq!(view.signal_next("order-7", Timestamp::from_micros(0)).await.unwrap().unwrap().id, two);
    let late = created(None);
    commit(store, late.clone()).await.unwrap();
    let mut too_late = next(&late);
    too_late.signals_taken.push((one, "s".into()));
    assert!(matches!(commit(store, too_late).await, Err(StoreError::SignalTaken)));
    assert_eq!(view.run_get(late.run.id).await.unwrap().unwrap().rev, 1);

    // Whose it is is decided by the tenant, not by the number.
    let other = store.tenant(&"other".parse().unwrap());
    assert_eq!(other.signal_next("order-7", Timestamp::from_micros(0)).await.unwrap(), None);
    store.tenant_ensure(other.id()).await.unwrap();
    let mut theirs = created(None);
    theirs.tenant = other.id().clone();
    theirs.signals_taken.push((two, "s".into()));
    assert!(matches!(commit(store, theirs).await, Err(StoreError::SignalTaken)));
    assert_eq!(
        view.signal_next("order-7", Timestamp::from_micros(0)).await.unwrap().unwrap().data,
        blob("signal")
    );
}

async fn of_two_in_a_group_one_gets_the_signal(world: &World) {
    let store = &world.store;
    let view = store.tenant(&tenant());
    let signal = view.signal_add("k", &Value::Inline { json: "1".into() }, super::LONG, 100).await.unwrap();
    let runs = [created(None), created(None), created(None)];
    for run in &runs {
        commit(store, run.clone()).await.unwrap();
    }
    let answers = runs.each_ref().map(|run| {
        let mut takes = next(run);
        // The last one has nothing to do with it.
        if run.run.id != runs[2].run.id {
            takes.signals_taken.push((signal, "s".into()));
        }
        store.commit(takes)
    });
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap());
    }
    assert!(matches!(results[..], [Ok(()), Err(StoreError::SignalTaken), Ok(())]), "{results:?}");
    let revs = async |i: usize| view.run_get(runs[i].run.id).await.unwrap().unwrap().rev;
    assert_eq!((revs(0).await, revs(1).await, revs(2).await), (2, 1, 2));
}

async fn steps_that_wait_are_found_by_their_key(world: &World) {
    let store = &world.store;
    let mut runs = [created(None), created(None), created(None)];
    for (i, run) in runs.iter_mut().enumerate() {
        let mut waits = step("waits");
        waits.event_key = Some("order-7".into());
        waits.finished_at = (i == 1).then_some(Timestamp::from_micros(1));
        run.steps.push(waits);
        commit(store, run.clone()).await.unwrap();
    }
    let view = store.tenant(&tenant());
    let [first, third] = [&runs[0], &runs[2]].map(|run| (run.run.id, "waits".to_owned()));
    assert_eq!(view.step_waiting("order-7", 9).await.unwrap(), [first.clone(), third]);
    assert_eq!(view.step_waiting("order-7", 1).await.unwrap(), [first]);
    assert_eq!(view.step_waiting_count("order-7").await.unwrap(), 2);
    assert!(view.step_waiting("order-8", 9).await.unwrap().is_empty());
    let other = store.tenant(&"other".parse().unwrap());
    assert!(other.step_waiting("order-7", 9).await.unwrap().is_empty());
    assert_eq!(other.step_waiting_count("order-7").await.unwrap(), 0);
}

async fn signals_that_nobody_takes_are_bounded(world: &World) {
    let view = world.store.tenant(&tenant());
    let data = Value::Inline { json: "1".into() };
    let second = std::time::Duration::from_secs(1);
    for _ in 0..2 {
        view.signal_add("k", &data, second, 2).await.unwrap();
    }
    assert!(matches!(view.signal_add("other", &data, second, 2).await, Err(StoreError::Full)));
    let other = world.store.tenant(&"other".parse().unwrap());
    world.store.tenant_ensure(other.id()).await.unwrap();
    other.signal_add("k", &data, second, 2).await.unwrap();
    assert_eq!(view.signal_next("k", Timestamp::now().plus(second)).await.unwrap(), None, "all are too old");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let moment = std::time::Duration::from_millis(5);
    view.signal_add("other", &data, moment, 2).await.unwrap();
    assert_eq!(view.signal_next("k", Timestamp::from_micros(0)).await.unwrap(), None, "they were dropped");
    assert!(
        other.signal_next("k", Timestamp::from_micros(0)).await.unwrap().is_some(),
        "not another tenant's"
    );
}
