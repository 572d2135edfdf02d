//! What a tenant has: plugins and their grants, schedules, uploads, blobs.

use futures::FutureExt as _;

use super::{TenantStore, check_room, put_blob};
use crate::{
    model::{Capability, Digest, RunId, ScheduleId, Timestamp, UploadId},
    store::{
        BlobRef, GrantRow, PluginRow, ScheduleRow, StoreError, StoreResult, UploadRow, decode,
        read::{Columns, Record},
        sql::{cells, name},
    },
};

const COUNT_UPLOADS: &str = "SELECT count(*) AS n FROM uploads WHERE tenant_id = $1";

impl TenantStore {
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

    /// Whether there was ever a plugin of that name, active or not.
    pub async fn plugin_known(&self, name: &str) -> StoreResult<bool> {
        let sql = "SELECT name FROM plugins WHERE tenant_id = $1 AND name = $2 LIMIT 1";
        let read = |row: &dyn Columns| Record::of("plugins", row).text("name");
        Ok(self.store.readers.optional(sql, &cells![self.tenant, name], read).await?.is_some())
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
                    put_blob(connection, &blob).await?;
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
                             ON CONFLICT (tenant_id, digest) DO UPDATE SET active = 1, source = excluded.source",
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

    /// How many uploaded files are kept.
    pub async fn upload_count(&self) -> StoreResult<u64> {
        let read = |row: &dyn Columns| Record::of("uploads", row).count("n");
        let found = self.store.readers.optional(COUNT_UPLOADS, &cells![self.tenant], read).await?;
        Ok(found.unwrap_or_default())
    }

    /// Remember an uploaded file. Its bytes are a durable blob already.
    ///
    /// # Errors
    /// `Full` if `most` are kept already.
    pub async fn upload_put(&self, upload: &UploadRow, most: u64) -> StoreResult<()> {
        let (tenant, u) = (&self.tenant, upload);
        let blob = cells![tenant, u.digest, u.size, u.created_at];
        let row = cells![tenant, u.id, u.filename, u.media_type, u.digest, u.size, u.created_at];
        let count = cells![tenant];
        self.store
            .write(move |connection| {
                async move {
                    check_room(connection, COUNT_UPLOADS, &count, most).await?;
                    put_blob(connection, &blob).await?;
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

    /// Give a plugin a capability.
    pub async fn grant_put(&self, plugin: &str, capability: Capability) -> StoreResult<()> {
        let sql = "INSERT INTO grants (tenant_id, plugin, capability, created_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (tenant_id, plugin, capability) DO NOTHING";
        let cells = cells![self.tenant, plugin, name(&capability), Timestamp::now()];
        self.store.execute(sql, cells).await.map(drop)
    }

    /// Take a capability from a plugin. Returns whether it had it.
    pub async fn grant_delete(&self, plugin: &str, capability: Capability) -> StoreResult<bool> {
        let sql = "DELETE FROM grants WHERE tenant_id = $1 AND plugin = $2 AND capability = $3";
        Ok(self.store.execute(sql, cells![self.tenant, plugin, name(&capability)]).await? > 0)
    }

    /// What a plugin was granted.
    pub async fn grant_list(&self, plugin: &str) -> StoreResult<Vec<GrantRow>> {
        let sql = "SELECT * FROM grants WHERE tenant_id = $1 AND plugin = $2 ORDER BY capability";
        self.store.readers.all(sql, &cells![self.tenant, plugin], decode::grant).await
    }

    /// Add a schedule.
    ///
    /// # Errors
    /// `Exists` if its name is in use.
    pub async fn schedule_put(&self, schedule: &ScheduleRow) -> StoreResult<()> {
        let s = schedule;
        let sql =
            "INSERT INTO schedules (tenant_id, id, name, workflow, input, cron, time_zone, missed, enabled,
                                          next_at, last_at, last_run, last_error, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        let (missed, enabled) = (name(&s.missed), s.enabled);
        let cells = cells![
            self.tenant,
            s.id,
            s.name,
            s.workflow,
            s.input,
            s.cron,
            s.time_zone,
            missed,
            enabled,
            s.next_at,
            s.last_at,
            s.last_run,
            s.last_error,
            s.created_at
        ];
        self.store.execute(sql, cells).await.map(drop).map_err(exists)
    }

    /// Change a schedule; what it did before stays. Returns whether it was there.
    ///
    /// # Errors
    /// `Exists` if its name is in use.
    pub async fn schedule_update(&self, schedule: &ScheduleRow) -> StoreResult<bool> {
        let s = schedule;
        let sql = "UPDATE schedules SET name = $3, workflow = $4, input = $5, cron = $6, time_zone = $7,
                                        missed = $8, enabled = $9, next_at = $10
                   WHERE tenant_id = $1 AND id = $2";
        let (missed, enabled) = (name(&s.missed), s.enabled);
        let cells = cells![
            self.tenant,
            s.id,
            s.name,
            s.workflow,
            s.input,
            s.cron,
            s.time_zone,
            missed,
            enabled,
            s.next_at
        ];
        Ok(self.store.execute(sql, cells).await.map_err(exists)? > 0)
    }

    /// Record that a schedule started a run out of turn.
    pub async fn schedule_triggered(&self, schedule: ScheduleId, run: RunId) -> StoreResult<()> {
        let sql = "UPDATE schedules SET last_at = $3, last_run = $4 WHERE tenant_id = $1 AND id = $2";
        self.store.execute(sql, cells![self.tenant, schedule, Timestamp::now(), run]).await.map(drop)
    }

    /// A schedule.
    pub async fn schedule_get(&self, schedule: ScheduleId) -> StoreResult<Option<ScheduleRow>> {
        let sql = "SELECT * FROM schedules WHERE tenant_id = $1 AND id = $2";
        self.store.readers.optional(sql, &cells![self.tenant, schedule], decode::schedule).await
    }

    /// All schedules, by name.
    pub async fn schedule_list(&self) -> StoreResult<Vec<ScheduleRow>> {
        let sql = "SELECT * FROM schedules WHERE tenant_id = $1 ORDER BY name";
        self.store.readers.all(sql, &cells![self.tenant], decode::schedule).await
    }

    /// Delete a schedule. Returns whether there was one.
    pub async fn schedule_delete(&self, schedule: ScheduleId) -> StoreResult<bool> {
        let sql = "DELETE FROM schedules WHERE tenant_id = $1 AND id = $2";
        Ok(self.store.execute(sql, cells![self.tenant, schedule]).await? > 0)
    }
}

/// A name that is in use, in the engine's words.
fn exists(error: StoreError) -> StoreError {
    match error {
        StoreError::Refused(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            StoreError::Exists
        }
        other => other,
    }
}
