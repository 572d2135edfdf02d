//! A tenant's own workflows, in versions. Bodies are large: what only needs their names does not read them.

use futures::FutureExt as _;

use super::{TenantStore, check_room};
use crate::{
    model::Timestamp,
    store::{
        StoreError, StoreResult, WorkflowRow, decode,
        read::{Columns, Record},
        sql::cells,
    },
};

impl TenantStore {
    /// Save a version of a workflow. Saved again it is the same; one that was deleted is there again.
    ///
    /// # Errors
    /// `Exists` if that version has another body; `Full` if there are `most` versions already, deleted ones too.
    pub async fn workflow_put(&self, workflow: &WorkflowRow, most: u64) -> StoreResult<()> {
        let w = workflow;
        let again = cells![self.tenant, w.name, w.version, w.digest, w.body];
        let known = cells![self.tenant, w.name, w.version];
        let tenant = cells![self.tenant];
        let new = cells![self.tenant, w.name, w.version, w.body, w.digest, w.created_at];
        self.store
            .write(move |connection| {
                async move {
                    let sql = "UPDATE workflows SET deleted_at = NULL, body = $5
                               WHERE tenant_id = $1 AND name = $2 AND version = $3 AND digest = $4";
                    if connection.execute(sql, &again).await? > 0 {
                        return Ok(());
                    }
                    let sql =
                        "SELECT version FROM workflows WHERE tenant_id = $1 AND name = $2 AND version = $3";
                    let version = |row: &dyn Columns| Record::of("workflows", row).text("version");
                    if !connection.all(sql, &known, version).await?.is_empty() {
                        return Err(StoreError::Exists);
                    }
                    let sql = "SELECT count(*) AS n FROM workflows WHERE tenant_id = $1";
                    check_room(connection, sql, &tenant, most).await?;
                    let sql = "INSERT INTO workflows (tenant_id, name, version, body, digest, created_at)
                               VALUES ($1, $2, $3, $4, $5, $6)";
                    connection.execute(sql, &new).await.map(drop)
                }
                .boxed()
            })
            .await
    }

    /// A workflow; of several versions the one that was saved last, if none is named.
    pub async fn workflow_get(&self, name: &str, version: Option<&str>) -> StoreResult<Option<WorkflowRow>> {
        let sql = "SELECT * FROM workflows
                   WHERE tenant_id = $1 AND name = $2 AND ($3 IS NULL OR version = $3) AND deleted_at IS NULL
                   ORDER BY created_at DESC, version DESC LIMIT 1";
        self.store.readers.optional(sql, &cells![self.tenant, name, version], decode::workflow).await
    }

    /// The names of the workflows after that one, in their order.
    pub async fn workflow_names(&self, after: &str, limit: u32) -> StoreResult<Vec<String>> {
        let sql =
            "SELECT DISTINCT name FROM workflows WHERE tenant_id = $1 AND deleted_at IS NULL AND name > $2
                   ORDER BY name LIMIT $3";
        let read = |row: &dyn Columns| Record::of("workflows", row).text("name");
        self.store.readers.all(sql, &cells![self.tenant, after, limit], read).await
    }

    /// The versions of a workflow, the newest first; those that are older than one of them, if it is named.
    pub async fn workflow_versions(
        &self,
        name: &str,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<String>> {
        let sql = "SELECT version FROM workflows
                   WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL
                     AND ($3 IS NULL OR (created_at, version) < (SELECT w.created_at, w.version FROM workflows w
                           WHERE w.tenant_id = $1 AND w.name = $2 AND w.version = $3))
                   ORDER BY created_at DESC, version DESC LIMIT $4";
        let read = |row: &dyn Columns| Record::of("workflows", row).text("version");
        self.store.readers.all(sql, &cells![self.tenant, name, after, limit], read).await
    }

    /// Delete a version of a workflow, or all. What stays is its digest. Returns whether there was one.
    pub async fn workflow_delete(&self, name: &str, version: Option<&str>) -> StoreResult<bool> {
        let sql = "UPDATE workflows SET deleted_at = $4, body = ''
                   WHERE tenant_id = $1 AND name = $2 AND ($3 IS NULL OR version = $3) AND deleted_at IS NULL";
        Ok(self.store.execute(sql, cells![self.tenant, name, version, Timestamp::now()]).await? > 0)
    }
}
