//! Backups: a snapshot of the database with the blobs that it names, made while the host works, and restored elsewhere.
//!
//! The blobs are shared (by hard links) before the first row is read, so that garbage collection may go on: what it removes
//! afterwards stays in the share. What it removed between the snapshot and the sharing is a reason to begin again.

mod archive;
mod restore;

use std::{
    io::{self, Write},
    time::Duration,
};

pub use archive::{BackupSummary, check};
pub use restore::restore;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use self::archive::{Head, Writer};
use super::{Engine, blocking};
use crate::{
    artifacts::BlobStore,
    error::{Error, Result},
    model::io_reason,
    store::{Part, Snapshot, TABLES},
};

/// So often the snapshot is taken anew when garbage collection was faster.
const TRIES: u32 = 5;
/// Parts that wait to be written.
const PARTS: usize = 2;

/// A backup that can be written: the database as it was at one moment, and its blobs.
pub struct Backup {
    snapshot: Snapshot,
    blobs: BlobStore,
    /// Where they are shared; it goes with the backup.
    shared: tempfile::TempDir,
    _turn: OwnedSemaphorePermit,
}

impl Engine {
    /// Begin a backup of everything, all tenants', as it is now.
    ///
    /// # Errors
    /// `Conflict` if one is being made, `Internal` if a blob is missing, `Unavailable` if storage fails.
    pub async fn backup(&self) -> Result<Backup> {
        let turn = self.backing_up.clone().try_acquire_owned();
        let _turn = turn.map_err(|_| Error::conflict("a backup is being made; wait for its end"))?;
        // What rows name from now on, garbage collection leaves alone as long as the blobs are being shared.
        let _session = self.blobs.session();
        let mut tries = 0;
        loop {
            tries += 1;
            let mut snapshot = self.store.snapshot().await?;
            match self.share_blobs(&mut snapshot).await {
                Ok((shared, blobs)) => return Ok(Backup { snapshot, blobs, shared, _turn }),
                Err(Shared::Missing(_)) if tries < TRIES => {
                    snapshot.close().await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(Shared::Missing(error)) => {
                    return Err(Error::internal(
                        "a blob that the database names is not there, so that there is no whole backup; the log says which",
                        error,
                    ));
                }
                Err(Shared::Failed(error)) => return Err(error),
            }
        }
    }

    async fn share_blobs(
        &self,
        snapshot: &mut Snapshot,
    ) -> std::result::Result<(tempfile::TempDir, BlobStore), Shared> {
        let staging = self.config.data_dir.join("staging");
        let opened = blocking(move || {
            let directory = tempfile::TempDir::new_in(staging)?;
            let store = BlobStore::open(directory.path())?;
            Ok((directory, store))
        });
        let (directory, shared) = opened.await.map_err(failed)?;
        let mut last = None;
        loop {
            let page = snapshot.blobs(last.as_ref()).await.map_err(|error| Shared::Failed(error.into()))?;
            let Some(end) = page.last().cloned() else { return Ok((directory, shared)) };
            last = Some(end);
            let (from, to) = (self.blobs.clone(), shared.clone());
            let link = move || {
                page.iter().try_for_each(|(tenant, digest)| {
                    from.share(tenant, digest, &to).map_err(|error| {
                        io::Error::new(error.kind(), format!("blob {digest} of tenant {tenant}: {error}"))
                    })
                })
            };
            blocking(link).await.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Shared::Missing(error),
                _ => failed(error),
            })?;
        }
    }
}

/// Why blobs could not be shared.
enum Shared {
    Missing(io::Error),
    Failed(Error),
}

fn failed(error: io::Error) -> Shared {
    Shared::Failed(unwritten(error))
}

fn unwritten(error: io::Error) -> Error {
    Error::unavailable(format!("the backup cannot be written: {}", io_reason(&error)), error)
}

impl Backup {
    /// Write it. If that fails, what was written has no end.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be read or written.
    pub async fn write(self, out: impl Write + Send + 'static) -> Result<BackupSummary> {
        let Self { mut snapshot, blobs, shared, _turn } = self;
        let head = Head::new(snapshot.schema().await?);
        let (sender, mut receiver) = mpsc::channel::<Part>(PARTS);
        let (done, all_sent) = tokio::sync::oneshot::channel::<()>();
        let writing = tokio::task::spawn_blocking(move || {
            let mut writer = Writer::new(out, &head)?;
            while let Some(part) = receiver.blocking_recv() {
                writer.rows(&part)?;
            }
            // Without that word the rows broke off, and whoever sent them says why.
            if all_sent.blocking_recv().is_err() {
                return Ok(None);
            }
            writer.blobs(&blobs)?;
            let summary = writer.finish()?;
            drop(shared);
            Ok(Some(summary))
        });
        let mut read = Ok(());
        for table in TABLES {
            read = snapshot.rows(table, &sender).await;
            if read.is_err() {
                break;
            }
        }
        drop(sender);
        snapshot.close().await;
        if read.is_ok() {
            // If nobody hears it, writing has failed.
            let _ = done.send(());
        } else {
            drop(done);
        }
        let written = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        match (written, read) {
            (Ok(Some(summary)), _) => Ok(summary),
            (Ok(None), Err(error)) => Err(error.into()),
            (Ok(None), Ok(())) => Err(unwritten(io::ErrorKind::BrokenPipe.into())),
            // Then reading failed because nobody took the rows any more.
            (Err(error), _) => Err(unwritten(error)),
        }
    }
}
