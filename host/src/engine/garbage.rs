//! Retention and garbage collection: runs that are kept no longer, and what nothing names any more.
//!
//! A blob goes when it has been found to be named by no row, again and again for the whole grace period, and nobody who may
//! be about to name it began before that (`artifacts::Session`). The row of a blob goes first, its bytes after it: whatever
//! is interrupted leaves bytes without a row, which the next collection takes into account again.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{Engine, blocking};
use crate::{
    artifacts::FoundBlob,
    error::{Error, Result},
    model::{Digest, TenantId, Timestamp, io_reason},
    store::BlobRef,
};

/// Runs that are looked for at once.
const RUNS: u32 = 200;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long after its end a run is deleted; without it, runs stay until somebody deletes them.
    pub runs: Option<Duration>,
    /// How long uploads can be used for runs.
    pub uploads: Duration,
    /// How long nothing must have named a blob until it is removed.
    pub grace: Duration,
}

impl Default for Retention {
    /// Runs for ever, uploads for a week, blobs that nothing names for an hour.
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self { runs: None, uploads: 7 * 24 * hour, grace: hour }
    }
}

/// What a collection removed, or one would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Runs that had ended long enough ago.
    pub runs: u64,
    /// Uploads that are too old.
    pub uploads: u64,
    /// Plans that no run has.
    pub plans: u64,
    /// Blobs that nothing named.
    pub blobs: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Blobs that nothing names, but not for long enough, or somebody may be about to name.
    pub waiting: u64,
}

/// The turn to collect. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Collector(Arc<Semaphore>);

impl Default for Collector {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// Collect every so often, until the engine stops.
pub(super) fn start(engine: Engine, every: Duration) {
    tokio::spawn(async move {
        let collect = async {
            loop {
                tokio::time::sleep(every).await;
                match engine.collect(&engine.config.retention).await {
                    Ok(done) if done == Collected { waiting: done.waiting, ..Collected::default() } => {}
                    Ok(Collected { runs, uploads, plans, blobs, bytes, waiting }) => {
                        tracing::info!(runs, uploads, plans, blobs, bytes, waiting, "garbage was collected");
                    }
                    Err(error) => {
                        tracing::warn!(error = %error.long(), "garbage could not be collected; it is tried again later");
                    }
                }
            }
        };
        tokio::select! {
            () = engine.driver.stopped() => {}
            () = collect => {}
        }
    });
}

impl Engine {
    /// Delete what is kept no longer, and remove what nothing names, all tenants'.
    ///
    /// # Errors
    /// `Conflict` if that is being done; `Unavailable` if storage fails: what was done until then stays done.
    pub async fn collect(&self, retention: &Retention) -> Result<Collected> {
        let turn = self.collector.0.clone().try_acquire_owned();
        let _turn = turn.map_err(|_| Error::conflict("garbage is being collected; wait for its end"))?;
        let now = Timestamp::now();
        let mut done = Collected { runs: self.delete_runs(retention, now).await?, ..Collected::default() };
        done.uploads = self.store.uploads_delete(now.minus(retention.uploads)).await?;
        done.plans = self.store.plans_delete().await?;
        for tenant in self.store.tenant_list().await? {
            self.adopt(&tenant, retention.grace).await?;
            self.remove_unnamed(&tenant, retention.grace, &mut done).await?;
        }
        Ok(done)
    }

    /// What [`Self::collect`] would remove now. Blobs that only such runs or uploads name do not count: they go when nothing
    /// has named them for the grace period.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn collectable(&self, retention: &Retention) -> Result<Collected> {
        let now = Timestamp::now();
        let mut found = Collected::default();
        if let Some(keep) = retention.runs {
            found.runs = self.store.runs_ended_count(now.minus(keep)).await?;
        }
        found.uploads = self.store.uploads_count(now.minus(retention.uploads)).await?;
        found.plans = self.store.plans_count().await?;
        for tenant in self.store.tenant_list().await? {
            let horizon = self.blobs.horizon(retention.grace);
            for blob in self.store.blobs_unnamed(&tenant, horizon).await?.blobs.values() {
                if blob.since.is_some_and(|since| since <= horizon) {
                    found.blobs += 1;
                    found.bytes += blob.size;
                } else {
                    found.waiting += 1;
                }
            }
        }
        Ok(found)
    }

    async fn delete_runs(&self, retention: &Retention, now: Timestamp) -> Result<u64> {
        let (Some(keep), mut deleted) = (retention.runs, 0) else { return Ok(0) };
        loop {
            let runs = self.store.runs_ended(now.minus(keep), RUNS).await?;
            let mut gone = 0;
            for (tenant, run) in &runs {
                // Somebody may have reopened it meanwhile: then it stays.
                gone += u64::from(self.store.tenant(tenant).run_delete(*run).await?);
            }
            deleted += gone;
            if runs.len() < RUNS as usize || gone == 0 {
                return Ok(deleted);
            }
        }
    }

    /// Take into account what has lain untouched and has no row.
    async fn adopt(&self, tenant: &TenantId, grace: Duration) -> Result<()> {
        let (blobs, owner) = (self.blobs.clone(), tenant.clone());
        for part in blocking(move || blobs.parts(&owner)).await.map_err(failed)? {
            let (blobs, owner, name) = (self.blobs.clone(), tenant.clone(), part.clone());
            let horizon = self.blobs.horizon(grace);
            let found = blocking(move || blobs.untouched(&owner, &name, horizon)).await.map_err(failed)?;
            if found.is_empty() {
                continue;
            }
            let known = self.store.blobs_beginning(tenant, &part).await?;
            let unknown: Vec<(BlobRef, Timestamp)> = found
                .into_iter()
                .filter(|blob| !known.contains(&blob.digest))
                .map(|FoundBlob { digest, size, touched }| (BlobRef { digest, size }, touched))
                .collect();
            self.store.blobs_adopt(tenant, &unknown).await?;
        }
        Ok(())
    }

    /// Remove what has been without a name for long enough, and mark what has become so.
    async fn remove_unnamed(&self, tenant: &TenantId, grace: Duration, done: &mut Collected) -> Result<()> {
        let found = self.store.blobs_unnamed(tenant, self.blobs.horizon(grace)).await?;
        self.store.blobs_mark(tenant, &found.named, None).await?;
        let fresh: Vec<Digest> =
            found.blobs.iter().filter(|(_, blob)| blob.since.is_none()).map(|(digest, _)| *digest).collect();
        // The moment after the look: whoever begins later finds no row that names them.
        self.store.blobs_mark(tenant, &fresh, Some(Timestamp::now())).await?;
        let horizon = self.blobs.horizon(grace);
        let all: Vec<Digest> = found.blobs.keys().copied().collect();
        let forgotten = self.store.blobs_forget(tenant, &all, horizon).await?;
        done.waiting += (all.len() - forgotten.len()) as u64;
        for digest in forgotten {
            let (blobs, owner) = (self.blobs.clone(), tenant.clone());
            let removed = blocking(move || blobs.remove_untouched(&owner, &digest, horizon)).await;
            // Whoever touched it has written it anew, as far as they know.
            if removed.map_err(failed)? {
                done.blobs += 1;
                done.bytes += found.blobs[&digest].size;
            }
        }
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::unavailable(format!("garbage cannot be collected: {}", io_reason(&error)), error)
}
