//! What the host itself asks of the database, across tenants: its own start and stop, taking runs up, tokens.

use futures::FutureExt;
use serde_json::json;
use sqlx::Row;

use super::{CommandRow, Store, StoreResult, read::parse};
use crate::model::{Digest, HostId, RunId, TenantId, Timestamp, TokenId};

/// A token's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// The tenant that it opens.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// When it ceases to open.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Record that a host has started.
    pub async fn host_start(&self, host: HostId) -> StoreResult<()> {
        let row = json!([host, Timestamp::now().as_micros()]).to_string();
        self.execute("INSERT INTO hosts (id, started_at) SELECT $1 ->> 0, $1 ->> 1", row).await
    }

    /// Record that a host stopped by itself: what it ran has not crashed.
    pub async fn host_stop(&self, host: HostId) -> StoreResult<()> {
        let row = json!([host, Timestamp::now().as_micros()]).to_string();
        self.execute("UPDATE hosts SET stopped_at = $1 ->> 1 WHERE id = $1 ->> 0", row).await
    }

    /// The hosts that stopped by themselves.
    pub async fn hosts_stopped(&self) -> StoreResult<Vec<HostId>> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM hosts WHERE stopped_at IS NOT NULL")
            .fetch_all(&self.readers)
            .await?;
        ids.iter().map(|id| parse("hosts", id)).collect()
    }

    /// Add the tenant if it is not there.
    pub async fn tenant_ensure(&self, tenant: &TenantId) -> StoreResult<()> {
        let row = json!([tenant, Timestamp::now().as_micros()]).to_string();
        self.execute(
            "INSERT INTO tenants (id, created_at) SELECT $1 ->> 0, $1 ->> 1 WHERE true ON CONFLICT (id) DO NOTHING",
            row,
        )
        .await
    }

    /// Take up every run that has not ended: a new epoch, this host its owner. From here on no earlier owner can write
    /// to them.
    pub async fn runs_take_up(&self, host: HostId) -> StoreResult<Vec<(TenantId, RunId)>> {
        let host = host.to_string();
        self.write(move |connection| {
            async move {
                sqlx::query("UPDATE runs SET epoch = epoch + 1, owner = $1 WHERE finished_at IS NULL")
                    .bind(host)
                    .execute(&mut *connection)
                    .await?;
                let rows =
                    sqlx::query("SELECT tenant_id, id FROM runs WHERE finished_at IS NULL ORDER BY id")
                        .fetch_all(&mut *connection)
                        .await?;
                rows.iter()
                    .map(|row| {
                        Ok((parse("runs", row.try_get("tenant_id")?)?, parse("runs", row.try_get("id")?)?))
                    })
                    .collect()
            }
            .boxed()
        })
        .await
    }

    /// The commands that wait for runs of this host, in order.
    pub async fn command_list(&self, host: HostId) -> StoreResult<Vec<CommandRow>> {
        let rows = sqlx::query(
            "SELECT commands.id, commands.run_id, commands.kind FROM commands
             JOIN runs ON runs.id = commands.run_id WHERE runs.owner = $1 ORDER BY commands.id",
        )
        .bind(host.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let kind: &str = row.try_get("kind")?;
                Ok(CommandRow {
                    id: row.try_get("id")?,
                    run: parse("commands", row.try_get("run_id")?)?,
                    kind: serde_json::from_value(kind.into()).map_err(|error| {
                        super::StoreError::Corrupt { table: "commands", message: error.to_string() }
                    })?,
                })
            })
            .collect()
    }

    /// Delete a command whose run has ended: there is nothing to do.
    pub async fn command_drop(&self, id: i64) -> StoreResult<()> {
        self.execute("DELETE FROM commands WHERE id = $1 ->> 0", json!([id]).to_string()).await
    }

    /// Remember a token by the hash of its secret.
    pub async fn token_put(&self, token: &TokenRow, hash: Digest) -> StoreResult<()> {
        let expires = token.expires_at.map(Timestamp::as_micros);
        let row = json!([
            token.id,
            token.tenant,
            token.name,
            hash,
            token.role,
            Timestamp::now().as_micros(),
            expires
        ]);
        self.execute(
            "INSERT INTO tokens (id, tenant_id, name, hash, role, created_at, expires_at)
             SELECT $1 ->> 0, $1 ->> 1, $1 ->> 2, $1 ->> 3, $1 ->> 4, $1 ->> 5, $1 ->> 6",
            row.to_string(),
        )
        .await
    }

    /// The token whose secret has this hash.
    pub async fn token_get(&self, hash: Digest) -> StoreResult<Option<TokenRow>> {
        let row = sqlx::query("SELECT id, tenant_id, name, role, expires_at FROM tokens WHERE hash = $1")
            .bind(hash.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            Ok(TokenRow {
                id: parse("tokens", row.try_get("id")?)?,
                tenant: parse("tokens", row.try_get("tenant_id")?)?,
                name: row.try_get("name")?,
                role: row.try_get("role")?,
                expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_micros),
            })
        })
        .transpose()
    }
}
