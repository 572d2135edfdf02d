//! The statements that commit a group of transitions: one for each table, whatever the size of the group.
//!
//! Rows travel as one JSON array of arrays, which the database unfolds; a statement then costs one crossing to the
//! database's thread for all rows (law 11). Every value is cast by its column.

use serde_json::{Value as Json, json};
use sqlx::SqliteConnection;

use super::{StoreError, StoreResult, Transition};
use crate::model::{RunId, Timestamp, Value};

/// Write everything of these transitions. The caller has checked that each follows its run's last one.
pub(super) async fn apply(connection: &mut SqliteConnection, group: &[&Transition]) -> StoreResult<()> {
    let plans =
        collect(group, |t| t.creation.iter().map(|c| json!([t.tenant, t.run.plan, c.plan])).collect());
    each(
        connection,
        &plans,
        "
        INSERT INTO plans (tenant_id, digest, body)
        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true
        ON CONFLICT (tenant_id, digest) DO NOTHING",
    )
    .await?;

    let blobs = collect(group, |t| {
        t.blobs.iter().map(|b| json!([t.tenant, b.digest, b.size, t.at().as_micros()])).collect()
    });
    each(
        connection,
        &blobs,
        "
        INSERT INTO blobs (tenant_id, digest, size, created_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1) WHERE true
        ON CONFLICT (tenant_id, digest) DO NOTHING",
    )
    .await?;

    let created = collect(group, |t| t.creation.iter().map(|_| new_run(t)).collect());
    each(connection, &created, "
        INSERT INTO runs (id, tenant_id, workflow, workflow_version, plan, state, input, files, seed, as_of, owner,
                          epoch, rev, event_seq, failure, created_at, started_at, finished_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
               value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14,
               value ->> 15, value ->> 16, value ->> 17
        FROM json_each($1)").await?;

    let keys = collect(group, |t| {
        let keys = t.creation.iter().filter_map(|c| c.idempotency.as_ref());
        keys.map(|k| json!([t.tenant, k.key, k.request, t.run.id, t.run.created_at.as_micros()])).collect()
    });
    each(
        connection,
        &keys,
        "
        INSERT INTO idempotency_keys (tenant_id, key, request_digest, run_id, created_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1)",
    )
    .await?;

    // Several transitions of one run may be in the group: only the last one's row is to stay.
    let mut last: Vec<&Transition> = Vec::with_capacity(group.len());
    for transition in group {
        match last.iter_mut().find(|t| t.run.id == transition.run.id) {
            Some(earlier) => *earlier = transition,
            None => last.push(transition),
        }
    }
    let changed: Vec<Json> = last.iter().filter(|t| t.run.rev > 1).map(|t| changed_run(t)).collect();
    each(
        connection,
        &changed,
        "
        UPDATE runs SET state = value ->> 1, owner = value ->> 2, rev = value ->> 3, event_seq = value ->> 4,
               failure = value ->> 5, started_at = value ->> 6, finished_at = value ->> 7
        FROM json_each($1) WHERE runs.id = value ->> 0",
    )
    .await?;

    let steps = collect(group, |t| t.steps.iter().map(|s| step(t, s)).collect());
    each(connection, &steps, "
        INSERT INTO steps (run_id, name, tenant_id, ord, phase, state, attempt, not_before, step_key, output, reason,
                           failure, ready_at, started_at, finished_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
               value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14
        FROM json_each($1) WHERE true
        ON CONFLICT (run_id, name) DO UPDATE SET
            state = excluded.state, attempt = excluded.attempt, not_before = excluded.not_before,
            step_key = excluded.step_key, output = excluded.output, reason = excluded.reason,
            failure = excluded.failure, ready_at = excluded.ready_at, started_at = excluded.started_at,
            finished_at = excluded.finished_at").await?;

    let attempts = collect(group, |t| t.attempts.iter().map(|a| attempt(t, a)).collect());
    each(connection, &attempts, "
        INSERT INTO attempts (run_id, step, number, tenant_id, id, state, host, crashes, failure, usage, log,
                              started_at, finished_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
               value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
        FROM json_each($1) WHERE true
        ON CONFLICT (run_id, step, number) DO UPDATE SET
            state = excluded.state, host = excluded.host, crashes = excluded.crashes, failure = excluded.failure,
            usage = excluded.usage, log = excluded.log, finished_at = excluded.finished_at").await?;

    let artifacts = collect(group, |t| {
        let row = |a: &super::ArtifactRow| {
            json!([
                t.run.id,
                a.step,
                a.name,
                a.version,
                t.tenant,
                a.attempt,
                a.digest,
                a.size,
                a.kind,
                a.media_type,
                u8::from(a.deliverable),
                a.order,
                a.description,
                a.created_at.as_micros()
            ])
        };
        t.artifacts.iter().map(row).collect()
    });
    each(connection, &artifacts, "
        INSERT INTO artifacts (run_id, step, name, version, tenant_id, attempt, digest, size, kind, media_type,
                               deliverable, ord, description, created_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
               value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13
        FROM json_each($1)").await?;

    let shared = collect(group, |t| {
        let row = |(key, (step, value)): (&String, &(String, Value))| {
            json!([t.run.id, key, t.tenant, step, text(value)])
        };
        t.shared.iter().map(row).collect()
    });
    each(
        connection,
        &shared,
        "
        INSERT INTO shared_state (run_id, key, tenant_id, step, value)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1) WHERE true
        ON CONFLICT (run_id, key) DO UPDATE SET step = excluded.step, value = excluded.value",
    )
    .await?;

    let events = collect(group, |t| {
        let row = |e: &crate::model::Event| {
            let data = (!e.data.is_null()).then(|| e.data.to_string());
            json!([e.run_id, e.seq, t.tenant, e.kind, e.step, e.at.as_micros(), data])
        };
        t.events.iter().map(row).collect()
    });
    each(
        connection,
        &events,
        "
        INSERT INTO events (run_id, seq, tenant_id, kind, step, at, data)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
        FROM json_each($1)",
    )
    .await?;

    let done = collect(group, |t| t.commands_done.iter().map(|id| json!(id)).collect());
    each(connection, &done, "DELETE FROM commands WHERE id IN (SELECT value FROM json_each($1))").await
}

fn collect(group: &[&Transition], rows: impl Fn(&Transition) -> Vec<Json>) -> Vec<Json> {
    group.iter().flat_map(|transition| rows(transition)).collect()
}

async fn each(connection: &mut SqliteConnection, rows: &[Json], sql: &'static str) -> StoreResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(rows)
        .map_err(|error| StoreError::Refused(sqlx::Error::Encode(error.into())))?;
    sqlx::query(sql).bind(rows).execute(connection).await?;
    Ok(())
}

/// A value's column.
pub(super) fn text(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn json_text(value: Option<&impl serde::Serialize>) -> Option<String> {
    value.and_then(|value| serde_json::to_string(value).ok())
}

fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

fn new_run(t: &Transition) -> Json {
    let run = &t.run;
    json!([
        run.id,
        t.tenant,
        run.workflow,
        run.workflow_version,
        run.plan,
        run.state,
        text(&run.input),
        json_text(Some(&run.files)),
        run.seed,
        run.as_of.as_micros(),
        run.owner,
        run.epoch,
        run.rev,
        run.event_seq,
        json_text(run.failure.as_ref()),
        run.created_at.as_micros(),
        micros(run.started_at),
        micros(run.finished_at)
    ])
}

fn changed_run(t: &Transition) -> Json {
    let run = &t.run;
    json!([
        run.id,
        run.state,
        run.owner,
        run.rev,
        run.event_seq,
        json_text(run.failure.as_ref()),
        micros(run.started_at),
        micros(run.finished_at)
    ])
}

fn step(t: &Transition, s: &super::StepRow) -> Json {
    json!([
        t.run.id,
        s.name,
        t.tenant,
        s.ord,
        s.phase,
        s.state,
        s.attempt,
        micros(s.not_before),
        s.step_key,
        s.output.as_ref().map(text),
        s.reason,
        json_text(s.failure.as_ref()),
        micros(s.ready_at),
        micros(s.started_at),
        micros(s.finished_at)
    ])
}

fn attempt(t: &Transition, a: &super::AttemptRow) -> Json {
    json!([
        t.run.id,
        a.step,
        a.number,
        t.tenant,
        a.id,
        a.state,
        a.host,
        a.crashes,
        json_text(a.failure.as_ref()),
        json_text(a.usage.as_ref()),
        a.log.as_ref().map(text),
        a.started_at.as_micros(),
        micros(a.finished_at)
    ])
}

/// Where the runs of a group stand in the database: epoch and rev by id.
pub(super) async fn heads(
    connection: &mut SqliteConnection,
    group: &[Transition],
) -> StoreResult<std::collections::HashMap<RunId, (u64, u64)>> {
    let ids: Vec<RunId> = group.iter().map(|t| t.run.id).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let rows: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT id, epoch, rev FROM runs WHERE id IN (SELECT value FROM json_each($1))")
            .bind(ids)
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(id, epoch, rev)| Ok((super::read::parse("runs", &id)?, (epoch as u64, rev as u64))))
        .collect()
}
