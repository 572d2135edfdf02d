//! What a tenant has: workflows, schedules, grants, plugins, uploads.

use super::{World, both, tenant};
use crate::{
    model::{Capability, Digest, RunId, ScheduleId, Timestamp, UploadId},
    store::{
        Firing, MissedRuns, PluginRow, PluginSource, ScheduleRow, Store, StoreError, TenantStore, UploadRow,
        WorkflowRow,
    },
};

both!(
    a_workflows_version_never_changes,
    a_schedule_is_changed_and_deleted,
    of_two_hosts_one_fires_a_schedule,
    grants_are_given_and_taken,
    one_plugin_of_a_name_is_active,
    an_upload_is_kept,
);

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn other(store: &Store) -> TenantStore {
    store.tenant(&"other".parse().unwrap())
}

fn workflow(version: &str, body: &str, saved: i64) -> WorkflowRow {
    WorkflowRow {
        name: "w".into(),
        version: version.into(),
        body: body.into(),
        digest: Digest::of(body),
        created_at: at(saved),
    }
}

async fn a_workflows_version_never_changes(world: &World) {
    let view = world.store.tenant(&tenant());
    let (one, ten) = (workflow("1.0.0", "{\"a\":1}", 1), workflow("10.0.0", "{}", 2));
    for workflow in [&one, &ten, &one] {
        view.workflow_put(workflow, 100).await.unwrap();
    }
    let changed = workflow("1.0.0", "{\"a\":2}", 3);
    assert!(matches!(view.workflow_put(&changed, 100).await, Err(StoreError::Exists)));
    assert_eq!(view.workflow_get("w", None).await.unwrap(), Some(ten.clone()));
    assert_eq!(view.workflow_get("w", Some("1.0.0")).await.unwrap(), Some(one.clone()));
    assert_eq!(view.workflow_get("w", Some("2.0.0")).await.unwrap(), None);
    assert_eq!(view.workflow_versions("w", None, 10).await.unwrap(), ["10.0.0", "1.0.0"]);
    assert_eq!(view.workflow_versions("w", Some("10.0.0"), 10).await.unwrap(), ["1.0.0"]);

    assert!(view.workflow_delete("w", Some("10.0.0")).await.unwrap());
    assert!(!view.workflow_delete("w", Some("10.0.0")).await.unwrap());
    assert_eq!(view.workflow_get("w", None).await.unwrap(), Some(one.clone()));
    // Also a deleted version's number cannot come to mean another thing.
    assert!(matches!(view.workflow_put(&workflow("10.0.0", "[]", 4), 100).await, Err(StoreError::Exists)));
    view.workflow_put(&ten, 100).await.unwrap();
    assert_eq!(view.workflow_get("w", None).await.unwrap(), Some(ten));
    assert!(view.workflow_delete("w", None).await.unwrap());
    assert!(view.workflow_names("", 10).await.unwrap().is_empty());
    assert!(view.workflow_versions("w", None, 10).await.unwrap().is_empty());

    let theirs = other(&world.store);
    world.store.tenant_ensure(theirs.id()).await.unwrap();
    theirs.workflow_put(&changed, 100).await.unwrap();
    assert_eq!(view.workflow_get("w", None).await.unwrap(), None);
    assert_eq!(theirs.workflow_get("w", None).await.unwrap(), Some(changed));
}

fn schedule(name: &str, next_at: Option<i64>) -> ScheduleRow {
    ScheduleRow {
        id: ScheduleId::new(),
        name: name.into(),
        workflow: "w".into(),
        input: "{\"n\": 1.0}".into(),
        cron: "0 9 * * 1-5".into(),
        time_zone: "Europe/Berlin".into(),
        missed: MissedRuns::RunAll,
        enabled: next_at.is_some(),
        next_at: next_at.map(at),
        last_at: None,
        last_run: None,
        last_error: None,
        created_at: at(1),
    }
}

async fn a_schedule_is_changed_and_deleted(world: &World) {
    let view = world.store.tenant(&tenant());
    let (mut daily, weekly) = (schedule("daily", Some(100)), schedule("weekly", Some(50)));
    view.schedule_put(&daily).await.unwrap();
    view.schedule_put(&weekly).await.unwrap();
    assert!(matches!(view.schedule_put(&schedule("daily", None)).await, Err(StoreError::Exists)));
    assert_eq!(view.schedule_list().await.unwrap(), [daily.clone(), weekly.clone()]);
    assert_eq!(world.store.schedule_next().await.unwrap(), Some(at(50)));
    let due = world.store.schedules_due(at(100)).await.unwrap();
    assert_eq!(due, [(tenant(), weekly.clone()), (tenant(), daily.clone())]);
    assert_eq!(world.store.schedules_due(at(99)).await.unwrap(), [(tenant(), weekly.clone())]);

    daily.cron = "0 8 * * *".into();
    daily.missed = MissedRuns::Skip;
    (daily.enabled, daily.next_at) = (false, None);
    assert!(view.schedule_update(&daily).await.unwrap());
    assert_eq!(view.schedule_get(daily.id).await.unwrap(), Some(daily.clone()));
    assert!(!other(&world.store).schedule_update(&daily).await.unwrap());
    let renamed = ScheduleRow { name: "weekly".into(), ..daily.clone() };
    assert!(matches!(view.schedule_update(&renamed).await, Err(StoreError::Exists)));
    assert_eq!(world.store.schedules_due(at(1000)).await.unwrap(), [(tenant(), weekly.clone())]);

    assert!(!other(&world.store).schedule_delete(weekly.id).await.unwrap());
    assert!(view.schedule_delete(weekly.id).await.unwrap());
    assert_eq!(view.schedule_get(weekly.id).await.unwrap(), None);
    assert_eq!(world.store.schedule_next().await.unwrap(), None);
}

async fn of_two_hosts_one_fires_a_schedule(world: &World) {
    let view = world.store.tenant(&tenant());
    let daily = schedule("daily", Some(100));
    view.schedule_put(&daily).await.unwrap();
    let second = Store::open_shared(&world.location).await.unwrap();
    let (mine, theirs) = (RunId::new(), RunId::new());
    let firings = [mine, theirs].map(Firing::Started);
    let (a, b) = tokio::join!(
        world.store.schedule_fired(daily.id, at(100), Some(at(200)), &firings[0]),
        second.schedule_fired(daily.id, at(100), Some(at(200)), &firings[1]),
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a != b, "both were told {a}");
    let fired = view.schedule_get(daily.id).await.unwrap().unwrap();
    assert_eq!((fired.next_at, fired.last_run), (Some(at(200)), Some(if a { mine } else { theirs })));
    assert!(fired.last_at > Some(at(100)));
    // Without a run the last one stays; without a next time it is never due again.
    let refused = Firing::Refused("no workflow".into());
    assert!(world.store.schedule_fired(daily.id, at(200), Some(at(300)), &refused).await.unwrap());
    let failed = view.schedule_get(daily.id).await.unwrap().unwrap();
    assert_eq!((failed.last_run, failed.last_at), (fired.last_run, fired.last_at));
    assert_eq!(failed.last_error.as_deref(), Some("no workflow"));
    assert!(world.store.schedule_fired(daily.id, at(300), Some(at(400)), &Firing::LeftOut).await.unwrap());
    let left_out = view.schedule_get(daily.id).await.unwrap().unwrap();
    assert_eq!(left_out, ScheduleRow { next_at: Some(at(400)), ..failed });
    let again = RunId::new();
    assert!(world.store.schedule_fired(daily.id, at(400), None, &Firing::Started(again)).await.unwrap());
    let done = view.schedule_get(daily.id).await.unwrap().unwrap();
    assert_eq!((done.next_at, done.last_run, done.last_error), (None, Some(again), None));
    let by_hand = RunId::new();
    view.schedule_triggered(daily.id, by_hand).await.unwrap();
    assert_eq!(view.schedule_get(daily.id).await.unwrap().unwrap().last_run, Some(by_hand));
    assert!(world.store.schedules_due(at(1000)).await.unwrap().is_empty());
}

async fn grants_are_given_and_taken(world: &World) {
    let view = world.store.tenant(&tenant());
    for capability in [Capability::Http, Capability::Approvals, Capability::Http] {
        view.grant_put("p", capability).await.unwrap();
    }
    let granted = async |plugin: &str| -> Vec<Capability> {
        view.grant_list(plugin).await.unwrap().into_iter().map(|grant| grant.capability).collect()
    };
    assert_eq!(granted("p").await, [Capability::Approvals, Capability::Http]);
    assert!(granted("q").await.is_empty());
    assert!(other(&world.store).grant_list("p").await.unwrap().is_empty());
    assert!(!other(&world.store).grant_delete("p", Capability::Http).await.unwrap());
    assert!(view.grant_delete("p", Capability::Http).await.unwrap());
    assert!(!view.grant_delete("p", Capability::Http).await.unwrap());
    assert_eq!(granted("p").await, [Capability::Approvals]);
}

async fn one_plugin_of_a_name_is_active(world: &World) {
    let view = world.store.tenant(&tenant());
    let plugin = |version: &str| PluginRow {
        digest: Digest::of(version),
        name: "p".into(),
        version: version.into(),
        manifest: "{}".into(),
        size: 8,
        source: PluginSource::Uploaded,
        active: true,
        created_at: at(1),
    };
    let (one, two) = (plugin("1"), plugin("2"));
    for plugin in [&one, &two] {
        view.plugin_put(plugin).await.unwrap();
    }
    assert_eq!(view.plugin_list().await.unwrap(), std::slice::from_ref(&two));
    assert!(!view.plugin_get(one.digest).await.unwrap().unwrap().active);
    view.plugin_put(&one).await.unwrap();
    assert_eq!(view.plugin_list().await.unwrap(), [one]);
    assert!(view.plugin_deactivate("p").await.unwrap());
    assert!(!view.plugin_deactivate("p").await.unwrap());
    assert!(view.plugin_list().await.unwrap().is_empty());
    assert_eq!(view.blob_get(two.digest).await.unwrap().map(|blob| blob.size), Some(8));
    assert_eq!(other(&world.store).plugin_get(two.digest).await.unwrap(), None);
}

async fn an_upload_is_kept(world: &World) {
    let view = world.store.tenant(&tenant());
    let upload = UploadRow {
        id: UploadId::new(),
        filename: "ä.csv".into(),
        media_type: "text/csv".into(),
        digest: Digest::of("csv"),
        size: 3,
        created_at: at(1),
    };
    view.upload_put(&upload, 100).await.unwrap();
    assert_eq!(view.upload_get(upload.id).await.unwrap(), Some(upload.clone()));
    assert_eq!(other(&world.store).upload_get(upload.id).await.unwrap(), None);
    assert!(view.blob_get(upload.digest).await.unwrap().is_some());
}
