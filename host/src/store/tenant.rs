//! A tenant's view of the database: every query here names the tenant, because the handle carries it (law 8).

use std::collections::BTreeMap;

use futures::FutureExt;

use super::{
    ArtifactRow, AttemptRow, BlobRef, CommandKind, IdempotencyKey, PluginRow, RunRow, StepRow, Store,
    StoreResult, UploadRow, decode,
    read::{Columns, Record},
    sql::{cells, name},
};
use crate::model::{Digest, Event, RunId, RunState, TenantId, Timestamp, UploadId, Value};

/// A blob that a row is the first to name.
const PUT_BLOB: &str = "INSERT INTO blobs (tenant_id, digest, size, created_at) VALUES ($1, $2, $3, $4)
                        ON CONFLICT (tenant_id, digest) DO NOTHING";

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
        let sql = "SELECT * FROM runs WHERE tenant_id = $1 AND id = $2";
        self.store.readers.optional(sql, &cells![self.tenant, run], decode::run).await
    }

    /// Runs, newest first, that are older than `before`.
    pub async fn run_list(
        &self,
        filter: &RunFilter,
        before: Option<RunId>,
        limit: u32,
    ) -> StoreResult<Vec<RunRow>> {
        let sql = "SELECT * FROM runs
                   WHERE tenant_id = $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR workflow = $3)
                     AND ($4 IS NULL OR id < $4)
                   ORDER BY id DESC LIMIT $5";
        let cells = cells![self.tenant, filter.state, filter.workflow, before, limit];
        self.store.readers.all(sql, &cells, decode::run).await
    }

    /// A run's steps, in the definition's order.
    pub async fn step_list(&self, run: RunId) -> StoreResult<Vec<StepRow>> {
        let sql = "SELECT * FROM steps WHERE tenant_id = $1 AND run_id = $2 ORDER BY ord, name";
        self.store.readers.all(sql, &cells![self.tenant, run], decode::step).await
    }

    /// A run's attempts, by step and number.
    pub async fn attempt_list(&self, run: RunId) -> StoreResult<Vec<AttemptRow>> {
        let sql = "SELECT * FROM attempts WHERE tenant_id = $1 AND run_id = $2 ORDER BY step, number";
        self.store.readers.all(sql, &cells![self.tenant, run], decode::attempt).await
    }

    /// A run's artifacts in all versions: by the step's place, the file's place, and version.
    pub async fn artifact_list(&self, run: RunId) -> StoreResult<Vec<ArtifactRow>> {
        let sql = "SELECT artifacts.* FROM artifacts
                   JOIN steps ON steps.run_id = artifacts.run_id AND steps.name = artifacts.step
                   WHERE artifacts.tenant_id = $1 AND artifacts.run_id = $2
                   ORDER BY steps.ord, artifacts.step, artifacts.ord, artifacts.name, artifacts.version";
        self.store.readers.all(sql, &cells![self.tenant, run], decode::artifact).await
    }

    /// A run's shared state.
    pub async fn shared_state(&self, run: RunId) -> StoreResult<BTreeMap<String, Value>> {
        let sql = "SELECT key, value FROM shared_state WHERE tenant_id = $1 AND run_id = $2";
        let read = |row: &dyn Columns| {
            let r = Record::of("shared_state", row);
            Ok((r.text("key")?, r.json("value")?))
        };
        Ok(self.store.readers.all(sql, &cells![self.tenant, run], read).await?.into_iter().collect())
    }

    /// A run's events with numbers above `after`, in order.
    pub async fn event_list(&self, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<Event>> {
        let sql =
            "SELECT * FROM events WHERE tenant_id = $1 AND run_id = $2 AND seq > $3 ORDER BY seq LIMIT $4";
        self.store.readers.all(sql, &cells![self.tenant, run, after, limit], decode::event).await
    }

    /// A plan (JSON).
    pub async fn plan_get(&self, digest: Digest) -> StoreResult<Option<String>> {
        let sql = "SELECT body FROM plans WHERE tenant_id = $1 AND digest = $2";
        let read = |row: &dyn Columns| Record::of("plans", row).text("body");
        self.store.readers.optional(sql, &cells![self.tenant, digest], read).await
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

    /// Queue a command for the run's owner.
    pub async fn command_add(&self, run: RunId, kind: CommandKind) -> StoreResult<()> {
        let sql = "INSERT INTO commands (tenant_id, run_id, kind, created_at) VALUES ($1, $2, $3, $4)";
        let cells = cells![self.tenant, run, name(&kind), Timestamp::now()];
        self.store.execute(sql, cells).await.map(drop)
    }

    /// The plugins that new runs take, by name.
    pub async fn plugin_list(&self) -> StoreResult<Vec<PluginRow>> {
        let sql = "SELECT * FROM plugins WHERE tenant_id = $1 AND active = 1 ORDER BY name";
        self.store.readers.all(sql, &cells![self.tenant], decode::plugin).await
    }

    /// A plugin by digest, active or not.
    pub async fn plugin_get(&self, digest: Digest) -> StoreResult<Option<PluginRow>> {
        let sql = "SELECT * FROM plugins WHERE tenant_id = $1 AND digest = $2";
        self.store.readers.optional(sql, &cells![self.tenant, digest], decode::plugin).await
    }

    /// Make a plugin the one of its name that new runs take. Its component is a durable blob already.
    pub async fn plugin_put(&self, plugin: &PluginRow) -> StoreResult<()> {
        let (tenant, p) = (&self.tenant, plugin);
        let blob = cells![tenant, p.digest, p.size, p.created_at];
        let others = cells![tenant, p.name, p.digest];
        let source = name(&p.source);
        let row = cells![tenant, p.digest, p.name, p.version, p.manifest, p.size, p.created_at, source];
        self.store
            .write(move |connection| {
                async move {
                    connection.execute(PUT_BLOB, &blob).await?;
                    connection
                        .execute(
                            "UPDATE plugins SET active = 0 WHERE tenant_id = $1 AND name = $2 AND digest <> $3",
                            &others,
                        )
                        .await?;
                    connection
                        .execute(
                            "INSERT INTO plugins (tenant_id, digest, name, version, manifest, size, created_at,
                                                  source, active)
                             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
                             ON CONFLICT (tenant_id, digest) DO UPDATE SET active = 1",
                            &row,
                        )
                        .await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Let new runs take no plugin of that name. Returns whether there was one.
    pub async fn plugin_deactivate(&self, name: &str) -> StoreResult<bool> {
        let sql = "UPDATE plugins SET active = 0 WHERE tenant_id = $1 AND name = $2 AND active = 1";
        Ok(self.store.execute(sql, cells![self.tenant, name]).await? > 0)
    }

    /// Remember an uploaded file. Its bytes are a durable blob already.
    pub async fn upload_put(&self, upload: &UploadRow) -> StoreResult<()> {
        let (tenant, u) = (&self.tenant, upload);
        let blob = cells![tenant, u.digest, u.size, u.created_at];
        let row = cells![tenant, u.id, u.filename, u.media_type, u.digest, u.size, u.created_at];
        self.store
            .write(move |connection| {
                async move {
                    connection.execute(PUT_BLOB, &blob).await?;
                    connection
                        .execute(
                            "INSERT INTO uploads (tenant_id, id, filename, media_type, digest, size, created_at)
                             VALUES ($1, $2, $3, $4, $5, $6, $7)",
                            &row,
                        )
                        .await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// An uploaded file.
    pub async fn upload_get(&self, upload: UploadId) -> StoreResult<Option<UploadRow>> {
        let sql = "SELECT * FROM uploads WHERE tenant_id = $1 AND id = $2";
        self.store.readers.optional(sql, &cells![self.tenant, upload], decode::upload).await
    }

    /// Whether a blob is the tenant's.
    pub async fn blob_get(&self, digest: Digest) -> StoreResult<Option<BlobRef>> {
        let sql = "SELECT digest, size FROM blobs WHERE tenant_id = $1 AND digest = $2";
        let read = |row: &dyn Columns| {
            let r = Record::of("blobs", row);
            Ok(BlobRef { digest: r.parse("digest")?, size: r.count("size")? })
        };
        self.store.readers.optional(sql, &cells![self.tenant, digest], read).await
    }
}
