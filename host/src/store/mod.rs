//! The database: rows, transitions that are committed in groups, and queries that a tenant's handle scopes.
//!
//! The store does not know what a transition means: the engine decides, the store makes it durable or refuses it.

mod backup;
mod committer;
mod database;
mod decode;
mod error;
mod garbage;
mod location;
mod pages;
mod read;
mod rows;
mod sole;
mod sql;
mod sqlite;
mod statistics;
mod system;
mod tables;
mod tenant;
mod transition;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use backup::{Import, Part, Snapshot, TABLES};
pub use committer::Queued;
pub use error::{StoreError, StoreResult};
use futures::{FutureExt as _, future::BoxFuture};
pub use garbage::{UnnamedBlob, UnnamedBlobs};
pub use location::{LocationError, StoreLocation};
pub use rows::{
    ApprovalKind, ApprovalRow, ApprovalState, ArtifactRow, AttemptRow, CommandAnswer, CommandRow, Firing,
    GrantRow, HostCallRow, InputFile, MissedRuns, PluginRow, PluginSource, RunRow, ScheduleRow, SignalRow,
    StepRow, UnfinishedRun, UnfinishedStep, UploadRow, WorkflowRow,
};
pub use statistics::{Distribution, GroupStatistics, Groups, Statistics, StatisticsFilter};
pub use system::TokenRow;
pub use tenant::{ArtifactPlace, ListedArtifact, RunFilter, StepPlace, TenantStore, WholeRun};
use tokio::sync::oneshot;
pub use transition::{BlobRef, Creation, IdempotencyKey, Transition};

use self::{
    committer::Committer,
    database::{Connection, Connector, Patience, Pool},
    sole::Sole,
    sql::Cell,
};
use crate::model::TenantId;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Pool,
    committer: Committer,
}

impl Store {
    /// Open a database and bring its schema up to date, for the one host that works on it.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be reached, `Unusable` if it was written by a later version, or another host has it.
    pub async fn open(location: &StoreLocation) -> StoreResult<Self> {
        let connector = Connector::new(location);
        let mut sole = Sole::default();
        let writer = sole.begin(&connector).await?;
        Self::with(connector, writer, Some(sole)).await
    }

    /// Open a database that others may write at the same time.
    ///
    /// # Errors
    /// As [`Store::open`].
    #[cfg(test)]
    async fn open_shared(location: &StoreLocation) -> StoreResult<Self> {
        let connector = Connector::new(location);
        let writer = connector.connect().await?;
        Self::with(connector, writer, None).await
    }

    /// The same, with a writer to whom things happen.
    #[cfg(test)]
    async fn open_faulty(location: &StoreLocation, faults: tests::faults::Faults) -> StoreResult<Self> {
        let store = Self::open_shared(location).await?;
        let connector = Connector::new(location);
        let writer = connector.connect().await?;
        let committer = Committer::start_faulty(connector, writer, faults);
        Ok(Self { committer, ..store })
    }

    async fn with(connector: Connector, mut writer: Connection, sole: Option<Sole>) -> StoreResult<Self> {
        writer.migrate(&connector).await?;
        let readers = connector.pool().await?;
        let committer = Committer::start(connector, writer, sole);
        Ok(Self { readers, committer })
    }

    /// The database as a tenant may see it.
    pub fn tenant(&self, tenant: &TenantId) -> TenantStore {
        TenantStore::new(self.clone(), tenant.clone())
    }

    /// Queue a transition. They are committed in the order of these calls; the answer comes when it is durable.
    pub fn commit(&self, transition: Transition) -> oneshot::Receiver<StoreResult<()>> {
        let (answer, receiver) = oneshot::channel();
        self.commit_all(vec![(Box::new(transition), answer)]);
        receiver
    }

    /// The same for several, in their order.
    pub fn commit_all(&self, transitions: Vec<Queued>) {
        if !transitions.is_empty() {
            self.committer.commit(transitions);
        }
    }

    /// Whether the database cannot be written for the moment: what was queued waits until it can.
    pub fn in_trouble(&self) -> bool {
        self.committer.in_trouble()
    }

    /// Whether a write would be done soon: for whoever would rather hear that it would not than wait until it is. A database
    /// that is being restarted is waited for.
    pub async fn check_writable(&self) -> StoreResult<()> {
        let mut patience = Patience::new();
        loop {
            let answer = match &self.readers {
                // A file does not go away by itself; that it cannot be written, the last write has found.
                Pool::Sqlite(_) if !self.in_trouble() => Ok(()),
                _ => self.ping().await,
            };
            if !patience.tries_again(&answer).await {
                return answer;
            }
        }
    }

    /// Whether the database can be read and written.
    pub async fn ping(&self) -> StoreResult<()> {
        if let Some(trouble) = self.committer.trouble() {
            return Err(StoreError::Unavailable(sqlx::Error::Protocol(trouble)));
        }
        self.readers.ping().await
    }

    /// Run one statement in a transaction of its own; returns how many rows it changed.
    async fn execute(&self, sql: &'static str, cells: impl Into<Vec<Cell<'static>>>) -> StoreResult<u64> {
        let cells = cells.into();
        self.write(move |connection| async move { connection.execute(sql, &cells).await }.boxed()).await
    }

    async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Connection) -> BoxFuture<'a, StoreResult<T>> + Send + 'static,
    {
        self.committer.write(work).await
    }
}
