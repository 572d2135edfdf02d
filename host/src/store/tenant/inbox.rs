//! What reaches a tenant's runs from outside: commands, approvals, signals.

use std::time::Duration;

use futures::FutureExt as _;

use super::{TenantStore, check_room, put_blob, whole};
use crate::{
    model::{ApprovalId, Order, RunId, Timestamp, Value},
    store::{
        ApprovalRow, BlobRef, CommandAnswer, SignalRow, StoreResult, decode,
        read::{Columns, Record},
        sql::{Cell, cells, json},
    },
};

impl TenantStore {
    /// Queue a command for the run's owner. Returns its place in the order of commands.
    pub async fn command_add(&self, run: RunId, order: &Order) -> StoreResult<i64> {
        let document = serde_json::to_value(&order.command).unwrap_or_default();
        let data = document.get("data").map_or(Cell::Text(None), json);
        let kind = document["kind"].as_str().unwrap_or_default();
        let row = cells![self.tenant, run, kind, data, order.by, Timestamp::now()];
        self.store
            .write(move |connection| {
                async move {
                    let sql =
                        "INSERT INTO commands (tenant_id, run_id, kind, data, given_by, created_at, tries)
                               VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id";
                    let ids =
                        connection.all(sql, &row, |row| Record::of("commands", row).count("id")).await?;
                    ids.first().copied().ok_or_else(|| sqlx::Error::RowNotFound.into())
                }
                .boxed()
            })
            .await
    }

    /// What became of a command. Why it was refused is told once.
    pub async fn command_answer(&self, id: i64) -> StoreResult<CommandAnswer> {
        let sql = "SELECT refused FROM commands WHERE tenant_id = $1 AND id = $2";
        let read = |row: &dyn Columns| Record::of("commands", row).optional_text("refused");
        match self.store.readers.optional(sql, &cells![self.tenant, id], read).await? {
            None => Ok(CommandAnswer::Done),
            Some(None) => Ok(CommandAnswer::Queued),
            Some(Some(why)) => {
                let sql = "DELETE FROM commands WHERE tenant_id = $1 AND id = $2";
                self.store.execute(sql, cells![self.tenant, id]).await?;
                Ok(CommandAnswer::Refused(why))
            }
        }
    }

    /// An approval.
    pub async fn approval_get(&self, approval: ApprovalId) -> StoreResult<Option<ApprovalRow>> {
        let sql = "SELECT * FROM approvals WHERE tenant_id = $1 AND id = $2";
        self.store.readers.optional(sql, &cells![self.tenant, approval], decode::approval).await
    }

    /// The open approvals that were asked for after that one, the oldest first.
    pub async fn approval_list_open(
        &self,
        after: Option<ApprovalId>,
        limit: u32,
    ) -> StoreResult<Vec<ApprovalRow>> {
        let sql =
            "SELECT * FROM approvals WHERE tenant_id = $1 AND state = 'open' AND ($2 IS NULL OR id > $2)
                   ORDER BY id LIMIT $3";
        self.store.readers.all(sql, &cells![self.tenant, after, limit], decode::approval).await
    }

    /// A run's approvals, the oldest first.
    pub async fn approval_list(&self, run: RunId) -> StoreResult<Vec<ApprovalRow>> {
        self.store.readers.all(whole::APPROVALS, &cells![self.tenant, run], decode::approval).await
    }

    /// Keep an event from outside until a step takes it, and drop what nobody took in twice that `age`. Returns its place in
    /// the order of signals.
    ///
    /// # Errors
    /// `Full` if `most` are kept already.
    pub async fn signal_add(&self, key: &str, data: &Value, age: Duration, most: u64) -> StoreResult<i64> {
        let now = Timestamp::now();
        let blob = match data {
            Value::Blob { blob, size } => Some(BlobRef { digest: *blob, size: *size }),
            Value::Inline { .. } => None,
        };
        let blob = blob.map(|blob| cells![self.tenant, blob.digest, blob.size, now]);
        let row = cells![self.tenant, key, data, now];
        // One that is about to be taken may be a moment too old.
        let (old, tenant) = (cells![self.tenant, now.minus(age.saturating_mul(2))], cells![self.tenant]);
        self.store
            .write(move |connection| {
                async move {
                    let sql =
                        "DELETE FROM signals WHERE tenant_id = $1 AND taken_by IS NULL AND created_at < $2";
                    connection.execute(sql, &old).await?;
                    let sql = "SELECT count(*) AS n FROM signals WHERE tenant_id = $1 AND taken_by IS NULL";
                    check_room(connection, sql, &tenant, most).await?;
                    if let Some(blob) = blob {
                        put_blob(connection, &blob).await?;
                    }
                    let sql = "INSERT INTO signals (tenant_id, key, data, created_at) VALUES ($1, $2, $3, $4)
                               RETURNING id";
                    let ids = connection.all(sql, &row, |row| Record::of("signals", row).count("id")).await?;
                    ids.first().copied().ok_or_else(|| sqlx::Error::RowNotFound.into())
                }
                .boxed()
            })
            .await
    }

    /// The oldest event of that key that no step has taken, of those that came since then.
    pub async fn signal_next(&self, key: &str, since: Timestamp) -> StoreResult<Option<SignalRow>> {
        let sql = "SELECT * FROM signals
                   WHERE tenant_id = $1 AND key = $2 AND taken_by IS NULL AND created_at >= $3
                   ORDER BY id LIMIT 1";
        self.store.readers.optional(sql, &cells![self.tenant, key, since], decode::signal).await
    }
}
