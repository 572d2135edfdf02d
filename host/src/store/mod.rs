//! The database: rows, transitions that are committed in groups, and queries that a tenant's handle scopes.
//!
//! The store does not know what a transition means: the engine decides, the store makes it durable or refuses it.

mod committer;
mod error;
mod read;
mod rows;
mod system;
mod tenant;
mod transition;
mod write;

#[cfg(test)]
mod tests;

use std::{path::Path, time::Duration};

pub use error::{StoreError, StoreResult};
use futures::future::BoxFuture;
pub use rows::{
    ArtifactRow, AttemptRow, CommandKind, CommandRow, InputFile, PluginRow, PluginSource, RunRow, StepRow,
    UploadRow,
};
use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
pub use system::TokenRow;
pub use tenant::{RunFilter, TenantStore};
use tokio::sync::oneshot;
pub use transition::{BlobRef, Creation, IdempotencyKey, Transition};

use crate::model::TenantId;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: SqlitePool,
    committer: committer::Committer,
}

impl Store {
    /// Open the database file, made and migrated if need be.
    ///
    /// # Errors
    /// If it cannot be opened, or was written by a later version.
    pub async fn open(path: &Path) -> StoreResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk when it returns, not merely in the page cache (law 11).
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let mut writer = options.connect().await?;
        sqlx::migrate!("../migrations/sqlite")
            .run(&mut writer)
            .await
            .map_err(|error| StoreError::Corrupt { table: "_sqlx_migrations", message: error.to_string() })?;
        let read_only = options.clone().read_only(true);
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(read_only).await?;
        Ok(Self { readers, committer: committer::Committer::start(options, writer) })
    }

    /// The database as a tenant may see it.
    pub fn tenant(&self, tenant: &TenantId) -> TenantStore {
        TenantStore::new(self.clone(), tenant.clone())
    }

    /// Queue a transition. They are committed in the order of these calls; the answer comes when it is durable.
    pub fn commit(&self, transition: Transition) -> oneshot::Receiver<StoreResult<()>> {
        self.committer.commit(transition)
    }

    /// Whether the database can be read and written.
    pub async fn ping(&self) -> StoreResult<()> {
        if let Some(trouble) = self.committer.trouble() {
            return Err(StoreError::Unavailable(sqlx::Error::Protocol(trouble)));
        }
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Run one statement, whose parameter is one JSON array, in a transaction of its own.
    async fn execute(&self, sql: &'static str, row: String) -> StoreResult<()> {
        use futures::FutureExt as _;
        self.write(move |connection| {
            async move {
                sqlx::query(sql).bind(row).execute(connection).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut SqliteConnection) -> BoxFuture<'a, StoreResult<T>> + Send + 'static,
    {
        self.committer.write(work).await
    }
}
