//! A tenant's view of the database: every query here names the tenant, because the handle carries it (law 8).

mod artifacts;
mod inbox;
mod library;
mod steps;
mod whole;
mod workflows;

pub use artifacts::{ArtifactPlace, ListedArtifact};
use futures::FutureExt as _;
pub use steps::StepPlace;
pub use whole::WholeRun;

use super::{
    IdempotencyKey, RunRow, Store, StoreError, StoreResult,
    database::Connection,
    decode, pages,
    read::{Columns, Record},
    sql::{Cell, cells},
};
use crate::model::{Digest, Event, RunId, RunState, ScheduleId, TenantId, Timestamp};

/// The database as one tenant may see it.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: TenantId,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those in one of these states; in any if there is none.
    pub states: Vec<RunState>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those created then or later.
    pub since: Option<Timestamp>,
    /// Only those created before.
    pub until: Option<Timestamp>,
    /// Only those that were forked from this run.
    pub forked_from: Option<RunId>,
    /// Only those that this schedule started.
    pub schedule: Option<ScheduleId>,
    /// Only those whose workflow's name contains this, in whatever case (ASCII), or whose id begins with it.
    pub search: Option<String>,
}

impl TenantStore {
    pub(super) fn new(store: Store, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.tenant
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// A run.
    pub async fn run_get(&self, run: RunId) -> StoreResult<Option<RunRow>> {
        self.store.readers.optional(whole::RUN, &cells![self.tenant, run], decode::run).await
    }

    /// Runs, newest first, that are older than `before`.
    pub async fn run_list(
        &self,
        filter: &RunFilter,
        before: Option<RunId>,
        limit: u32,
    ) -> StoreResult<Vec<RunRow>> {
        let sql = "SELECT * FROM runs
                   WHERE tenant_id = $1 AND ($2 IS NULL OR $2 LIKE '%,' || state || ',%')
                     AND ($3 IS NULL OR workflow = $3) AND created_at >= $4 AND created_at < $5
                     AND ($6 IS NULL OR forked_from = $6) AND ($7 IS NULL OR schedule = $7)
                     AND ($8 IS NULL OR lower(workflow) LIKE $8 ESCAPE '\\' OR id LIKE $9 ESCAPE '\\')
                     AND ($10 IS NULL OR id < $10)
                   ORDER BY id DESC LIMIT $11";
        let RunFilter { states, workflow, since, until, forked_from, schedule, search } = filter;
        let states: Option<String> = (!states.is_empty())
            .then(|| states.iter().fold(",".to_owned(), |list, state| format!("{list}{state},")));
        let escaped = search.as_deref().map(|search| {
            search.to_ascii_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
        });
        let cells = cells![
            self.tenant,
            states,
            workflow,
            since.map_or(i64::MIN, Timestamp::as_micros),
            until.map_or(i64::MAX, Timestamp::as_micros),
            forked_from,
            schedule,
            escaped.as_ref().map(|text| format!("%{text}%")),
            escaped.as_ref().map(|text| format!("{text}%")),
            before,
            limit
        ];
        self.store.readers.all(sql, &cells, decode::run).await
    }

    /// The first steps that wait for an outside event of this key, with their runs, the oldest first.
    pub async fn step_waiting(&self, event_key: &str, limit: u32) -> StoreResult<Vec<(RunId, String)>> {
        let sql = "SELECT run_id, name FROM steps
                   WHERE tenant_id = $1 AND event_key = $2 AND finished_at IS NULL
                   ORDER BY run_id, ord, name LIMIT $3";
        let read = |row: &dyn Columns| {
            let r = Record::of("steps", row);
            Ok((r.parse("run_id")?, r.text("name")?))
        };
        self.store.readers.all(sql, &cells![self.tenant, event_key, limit], read).await
    }

    /// How many steps wait for an outside event of this key.
    pub async fn step_waiting_count(&self, event_key: &str) -> StoreResult<usize> {
        let sql = "SELECT count(*) AS n FROM steps
                   WHERE tenant_id = $1 AND event_key = $2 AND finished_at IS NULL";
        let read = |row: &dyn Columns| Record::of("steps", row).count("n");
        let counts = self.store.readers.optional(sql, &cells![self.tenant, event_key], read).await?;
        Ok(counts.unwrap_or(0))
    }

    /// A run's events with numbers above `after`, in order.
    pub async fn event_list(&self, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<Event>> {
        let sql = "SELECT run_id, body FROM events
                   WHERE tenant_id = $1 AND run_id = $2 AND last_seq > $3 AND last_seq < $5 AND first_seq <= $4
                   ORDER BY last_seq";
        let last = after.saturating_add(limit.into());
        // Rows are found by their last numbers: of one that begins in time it is no higher.
        let beyond = last.saturating_add(pages::MOST as u64);
        let cells = cells![self.tenant, run, after, last, beyond];
        let pages = self.store.readers.all(sql, &cells, pages::events).await?;
        let mut events: Vec<Event> = pages.into_iter().flatten().collect();
        events.retain(|event| event.seq > after && event.seq <= last);
        Ok(events)
    }

    /// A plan (JSON).
    pub async fn plan_get(&self, digest: Digest) -> StoreResult<Option<String>> {
        let read = |row: &dyn Columns| Record::of("plans", row).text("body");
        self.store.readers.optional(whole::PLAN, &cells![self.tenant, digest], read).await
    }

    /// The run that an idempotency key started, and what was asked for then.
    pub async fn idempotency_get(&self, key: &str) -> StoreResult<Option<(IdempotencyKey, RunId)>> {
        let sql =
            "SELECT key, request_digest, run_id FROM idempotency_keys WHERE tenant_id = $1 AND key = $2";
        let read = |row: &dyn Columns| {
            let r = Record::of("idempotency_keys", row);
            let key = IdempotencyKey { key: r.text("key")?, request: r.parse("request_digest")? };
            Ok((key, r.parse("run_id")?))
        };
        self.store.readers.optional(sql, &cells![self.tenant, key], read).await
    }

    /// Delete a run that has ended, with everything that only it names. Its blobs are left to garbage collection.
    /// Returns whether there was such a run; one that has not ended is left as it is.
    pub async fn run_delete(&self, run: RunId) -> StoreResult<bool> {
        let cells = cells![self.tenant, run];
        self.store
            .write(move |connection| {
                async move {
                    let sql = "DELETE FROM runs WHERE tenant_id = $1 AND id = $2 AND finished_at IS NOT NULL";
                    if connection.execute(sql, &cells).await? == 0 {
                        return Ok(false);
                    }
                    for sql in [
                        "DELETE FROM steps WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM attempts WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM host_calls WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM approvals WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM shared_state WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM artifacts WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM events WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM commands WHERE tenant_id = $1 AND run_id = $2",
                        "DELETE FROM signals WHERE tenant_id = $1 AND taken_by = $2",
                        "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND run_id = $2",
                    ] {
                        connection.execute(sql, &cells).await?;
                    }
                    Ok(true)
                }
                .boxed()
            })
            .await
    }
}

/// Refuse to add what there are as many of as there may be. The statement counts them, as `n`.
async fn check_room(
    connection: &mut Connection,
    sql: &'static str,
    cells: &[Cell<'_>],
    most: u64,
) -> StoreResult<()> {
    let counts = connection.all(sql, cells, |row| Record::of("(count)", row).count("n")).await?;
    match counts.first().is_some_and(|count: &u64| *count < most) {
        true => Ok(()),
        false => Err(StoreError::Full),
    }
}

/// Remember that a blob was named just now. The cells are its tenant, digest, size and the time.
async fn put_blob(connection: &mut Connection, cells: &[Cell<'_>]) -> StoreResult<()> {
    let sql = "INSERT INTO blobs (tenant_id, digest, size, named_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (tenant_id, digest) DO UPDATE SET named_at = excluded.named_at, unnamed_since = NULL";
    connection.execute(sql, cells).await.map(drop)
}
