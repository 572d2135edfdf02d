//! A tenant's view of the database: every query here names the tenant, because the handle carries it (law 8).

use std::collections::BTreeMap;

use futures::FutureExt;
use serde_json::json;

use super::{
    ArtifactRow, AttemptRow, BlobRef, CommandKind, IdempotencyKey, PluginRow, RunRow, StepRow, Store,
    StoreError, StoreResult, UploadRow, read::EventRow,
};
use crate::model::{Digest, Event, RunId, RunState, TenantId, Timestamp, UploadId, Value};

/// The database as one tenant may see it.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: TenantId,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those in this state.
    pub state: Option<RunState>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
}

impl TenantStore {
    pub(super) fn new(store: Store, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.tenant
    }

    /// A run.
    pub async fn run_get(&self, run: RunId) -> StoreResult<Option<RunRow>> {
        Ok(sqlx::query_as("SELECT * FROM runs WHERE tenant_id = $1 AND id = $2")
            .bind(self.tenant.as_str())
            .bind(run.to_string())
            .fetch_optional(&self.store.readers)
            .await?)
    }

    /// Runs, newest first, that are older than `before`.
    pub async fn run_list(
        &self,
        filter: &RunFilter,
        before: Option<RunId>,
        limit: u32,
    ) -> StoreResult<Vec<RunRow>> {
        Ok(sqlx::query_as(
            "SELECT * FROM runs
             WHERE tenant_id = $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR workflow = $3)
               AND ($4 IS NULL OR id < $4)
             ORDER BY id DESC LIMIT $5",
        )
        .bind(self.tenant.as_str())
        .bind(filter.state.map(RunState::as_str))
        .bind(filter.workflow.as_deref())
        .bind(before.map(|run| run.to_string()))
        .bind(limit)
        .fetch_all(&self.store.readers)
        .await?)
    }

    /// A run's steps, in the definition's order.
    pub async fn step_list(&self, run: RunId) -> StoreResult<Vec<StepRow>> {
        Ok(sqlx::query_as("SELECT * FROM steps WHERE tenant_id = $1 AND run_id = $2 ORDER BY ord")
            .bind(self.tenant.as_str())
            .bind(run.to_string())
            .fetch_all(&self.store.readers)
            .await?)
    }

    /// A run's attempts, by step and number.
    pub async fn attempt_list(&self, run: RunId) -> StoreResult<Vec<AttemptRow>> {
        Ok(sqlx::query_as(
            "SELECT * FROM attempts WHERE tenant_id = $1 AND run_id = $2 ORDER BY step, number",
        )
        .bind(self.tenant.as_str())
        .bind(run.to_string())
        .fetch_all(&self.store.readers)
        .await?)
    }

    /// A run's artifacts in all versions: by the step's place, the file's place, and version.
    pub async fn artifact_list(&self, run: RunId) -> StoreResult<Vec<ArtifactRow>> {
        Ok(sqlx::query_as(
            "SELECT artifacts.* FROM artifacts
             JOIN steps ON steps.run_id = artifacts.run_id AND steps.name = artifacts.step
             WHERE artifacts.tenant_id = $1 AND artifacts.run_id = $2
             ORDER BY steps.ord, artifacts.ord, artifacts.name, artifacts.version",
        )
        .bind(self.tenant.as_str())
        .bind(run.to_string())
        .fetch_all(&self.store.readers)
        .await?)
    }

    /// A run's shared state.
    pub async fn shared_state(&self, run: RunId) -> StoreResult<BTreeMap<String, Value>> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT key, value FROM shared_state WHERE tenant_id = $1 AND run_id = $2")
                .bind(self.tenant.as_str())
                .bind(run.to_string())
                .fetch_all(&self.store.readers)
                .await?;
        let value = |text: &str| {
            serde_json::from_str(text)
                .map_err(|error| StoreError::Corrupt { table: "shared_state", message: error.to_string() })
        };
        rows.into_iter().map(|(key, text)| Ok((key, value(&text)?))).collect()
    }

    /// A run's events with numbers above `after`, in order.
    pub async fn event_list(&self, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<Event>> {
        let rows: Vec<EventRow> = sqlx::query_as(
            "SELECT * FROM events WHERE tenant_id = $1 AND run_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        )
        .bind(self.tenant.as_str())
        .bind(run.to_string())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&self.store.readers)
        .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// A plan (JSON).
    pub async fn plan_get(&self, digest: Digest) -> StoreResult<Option<String>> {
        Ok(sqlx::query_scalar("SELECT body FROM plans WHERE tenant_id = $1 AND digest = $2")
            .bind(self.tenant.as_str())
            .bind(digest.to_string())
            .fetch_optional(&self.store.readers)
            .await?)
    }

    /// The run that an idempotency key started, and what was asked for then.
    pub async fn idempotency_get(&self, key: &str) -> StoreResult<Option<(IdempotencyKey, RunId)>> {
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT request_digest, run_id FROM idempotency_keys WHERE tenant_id = $1 AND key = $2",
        )
        .bind(self.tenant.as_str())
        .bind(key)
        .fetch_optional(&self.store.readers)
        .await?;
        row.map(|(request, run)| {
            let request = super::read::parse("idempotency_keys", &request)?;
            Ok((
                IdempotencyKey { key: key.to_owned(), request },
                super::read::parse("idempotency_keys", &run)?,
            ))
        })
        .transpose()
    }

    /// Queue a command for the run's owner.
    pub async fn command_add(&self, run: RunId, kind: CommandKind) -> StoreResult<()> {
        let row = json!([self.tenant, run, kind, Timestamp::now().as_micros()]).to_string();
        self.store
            .execute(
                "INSERT INTO commands (tenant_id, run_id, kind, created_at)
                 SELECT $1 ->> 0, $1 ->> 1, $1 ->> 2, $1 ->> 3",
                row,
            )
            .await
    }

    /// The plugins that new runs take, by name.
    pub async fn plugin_list(&self) -> StoreResult<Vec<PluginRow>> {
        Ok(sqlx::query_as("SELECT * FROM plugins WHERE tenant_id = $1 AND active = 1 ORDER BY name")
            .bind(self.tenant.as_str())
            .fetch_all(&self.store.readers)
            .await?)
    }

    /// A plugin by digest, active or not.
    pub async fn plugin_get(&self, digest: Digest) -> StoreResult<Option<PluginRow>> {
        Ok(sqlx::query_as("SELECT * FROM plugins WHERE tenant_id = $1 AND digest = $2")
            .bind(self.tenant.as_str())
            .bind(digest.to_string())
            .fetch_optional(&self.store.readers)
            .await?)
    }

    /// Make a plugin the one of its name that new runs take. Its component is a durable blob already.
    pub async fn plugin_put(&self, plugin: &PluginRow) -> StoreResult<()> {
        let row = json!([
            self.tenant,
            plugin.digest,
            plugin.name,
            plugin.version,
            plugin.manifest,
            plugin.size,
            plugin.source,
            plugin.created_at.as_micros()
        ])
        .to_string();
        self.store
            .write(move |connection| {
                async move {
                    for sql in [
                        "INSERT INTO blobs (tenant_id, digest, size, created_at)
                         SELECT $1 ->> 0, $1 ->> 1, $1 ->> 5, $1 ->> 7 WHERE true
                         ON CONFLICT (tenant_id, digest) DO NOTHING",
                        "UPDATE plugins SET active = 0
                         WHERE tenant_id = $1 ->> 0 AND name = $1 ->> 2 AND digest <> $1 ->> 1",
                        "INSERT INTO plugins (tenant_id, digest, name, version, manifest, size, source, active, created_at)
                         SELECT $1 ->> 0, $1 ->> 1, $1 ->> 2, $1 ->> 3, $1 ->> 4, $1 ->> 5, $1 ->> 6, 1, $1 ->> 7 WHERE true
                         ON CONFLICT (tenant_id, digest) DO UPDATE SET active = 1",
                    ] {
                        sqlx::query(sql).bind(&row).execute(&mut *connection).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Let new runs take no plugin of that name. Returns whether there was one.
    pub async fn plugin_deactivate(&self, name: &str) -> StoreResult<bool> {
        let row = json!([self.tenant, name]).to_string();
        let sql =
            "UPDATE plugins SET active = 0 WHERE tenant_id = $1 ->> 0 AND name = $1 ->> 1 AND active = 1";
        self.store
            .write(move |connection| {
                async move { Ok(sqlx::query(sql).bind(row).execute(connection).await?.rows_affected() > 0) }
                    .boxed()
            })
            .await
    }

    /// Remember an uploaded file. Its bytes are a durable blob already.
    pub async fn upload_put(&self, upload: &UploadRow) -> StoreResult<()> {
        let u = upload;
        let row =
            json!([self.tenant, u.id, u.filename, u.media_type, u.digest, u.size, u.created_at.as_micros()])
                .to_string();
        self.store
            .write(move |connection| {
                async move {
                    for sql in [
                        "INSERT INTO blobs (tenant_id, digest, size, created_at)
                         SELECT $1 ->> 0, $1 ->> 4, $1 ->> 5, $1 ->> 6 WHERE true
                         ON CONFLICT (tenant_id, digest) DO NOTHING",
                        "INSERT INTO uploads (tenant_id, id, filename, media_type, digest, size, created_at)
                         SELECT $1 ->> 0, $1 ->> 1, $1 ->> 2, $1 ->> 3, $1 ->> 4, $1 ->> 5, $1 ->> 6",
                    ] {
                        sqlx::query(sql).bind(&row).execute(&mut *connection).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// An uploaded file.
    pub async fn upload_get(&self, upload: UploadId) -> StoreResult<Option<UploadRow>> {
        Ok(sqlx::query_as("SELECT * FROM uploads WHERE tenant_id = $1 AND id = $2")
            .bind(self.tenant.as_str())
            .bind(upload.to_string())
            .fetch_optional(&self.store.readers)
            .await?)
    }

    /// Whether a blob is the tenant's.
    pub async fn blob_get(&self, digest: Digest) -> StoreResult<Option<BlobRef>> {
        let size: Option<i64> =
            sqlx::query_scalar("SELECT size FROM blobs WHERE tenant_id = $1 AND digest = $2")
                .bind(self.tenant.as_str())
                .bind(digest.to_string())
                .fetch_optional(&self.store.readers)
                .await?;
        Ok(size.map(|size| BlobRef { digest, size: size as u64 }))
    }
}
