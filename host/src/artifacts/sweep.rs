//! What garbage collection does to blobs: find those that have lain for long, and remove one that nobody touched since.

use std::{
    fs,
    io::{self, ErrorKind},
    time::{Duration, SystemTime},
};

use super::{blobs::BlobStore, sessions::Session, transfer::sorted};
use crate::model::{Digest, TenantId, Timestamp};

/// A blob that was found in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, or last found to be there by somebody who would have written it.
    pub touched: Timestamp,
}

impl BlobStore {
    /// Begin to read or write what is to be named: see [`Session`].
    pub fn session(&self) -> Session {
        self.sessions().begin()
    }

    /// What has lain untouched since before this moment is nobody's who is about to name it. `grace` is how long somebody
    /// may take from the end of their session until the database has what they name.
    pub fn horizon(&self, grace: Duration) -> Timestamp {
        self.sessions().horizon(grace, Timestamp::now())
    }

    /// The parts in which a tenant's blobs are kept, for [`Self::untouched`].
    ///
    /// # Errors
    /// If the directories cannot be read.
    pub fn parts(&self, tenant: &TenantId) -> io::Result<Vec<String>> {
        match sorted(&self.root().join(tenant.as_str())) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            parts => parts,
        }
    }

    /// A tenant's blobs in one part that were touched last before that moment.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn untouched(&self, tenant: &TenantId, part: &str, before: Timestamp) -> io::Result<Vec<FoundBlob>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.root().join(tenant.as_str()).join(part))? {
            let entry = entry?;
            // What is not ours is left alone.
            let Ok(digest) = entry.file_name().to_string_lossy().parse() else { continue };
            let meta = match entry.metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                meta => meta?,
            };
            let touched = timestamp(meta.modified()?);
            if touched < before {
                found.push(FoundBlob { digest, size: meta.len(), touched });
            }
        }
        Ok(found)
    }

    /// Remove a blob, unless it was touched at that moment or later. Returns whether it is gone.
    ///
    /// # Errors
    /// If storage fails.
    pub fn remove_untouched(
        &self,
        tenant: &TenantId,
        digest: &Digest,
        before: Timestamp,
    ) -> io::Result<bool> {
        let path = self.path(tenant, digest);
        // Nobody finds it to be there, and so writes it not, between the look and the removal.
        let _turn = self.turn(digest);
        let removed = fs::metadata(&path).and_then(|meta| meta.modified()).and_then(|touched| {
            if timestamp(touched) >= before {
                return Ok(false);
            }
            fs::remove_file(&path).map(|()| true)
        });
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            removed => removed,
        }
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Touch a blob: somebody is about to name it.
pub(super) fn touch(file: &fs::File, at: Timestamp) -> io::Result<()> {
    let since = Duration::from_micros(u64::try_from(at.as_micros()).unwrap_or_default());
    file.set_modified(SystemTime::UNIX_EPOCH + since)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        fs::File,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn age(store: &BlobStore, digest: &Digest, by: Duration) {
        let file = File::open(store.path(&TenantId::default_tenant(), digest)).unwrap();
        touch(&file, Timestamp::now().minus(by)).unwrap();
    }

    #[test]
    fn only_what_has_lain_untouched_is_found_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        let tenant = TenantId::default_tenant();
        assert!(store.parts(&tenant).unwrap().is_empty());
        let (old, young) = (store.put(&tenant, b"old").unwrap(), store.put(&tenant, b"young").unwrap());
        age(&store, &old, 2 * HOUR);
        let before = store.horizon(HOUR);
        let parts = store.parts(&tenant).unwrap();
        let found: Vec<_> =
            parts.iter().flat_map(|part| store.untouched(&tenant, part, before).unwrap()).collect();
        assert_eq!(found.iter().map(|blob| (blob.digest, blob.size)).collect::<Vec<_>>(), [(old, 3)]);
        assert!(!store.remove_untouched(&tenant, &young, before).unwrap());
        assert_eq!(store.get(&tenant, &young).unwrap(), b"young");

        // Whoever writes the same bytes again means to name them.
        store.put(&tenant, b"old").unwrap();
        assert!(!store.remove_untouched(&tenant, &old, before).unwrap());
        age(&store, &old, 2 * HOUR);
        assert!(store.remove_untouched(&tenant, &old, before).unwrap());
        assert_eq!(store.get(&tenant, &old).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(store.remove_untouched(&tenant, &old, before).unwrap(), "it is gone already");
        assert_eq!(store.put(&tenant, b"old").unwrap(), old);
        assert_eq!(store.get(&tenant, &old).unwrap(), b"old");
    }

    /// Who wrote a blob during their session has it until the session ends, however often it is swept meanwhile.
    #[test]
    fn what_is_written_while_it_is_removed_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        let (tenant, done) = (TenantId::default_tenant(), AtomicBool::new(false));
        let digest = Digest::of(b"same");
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let before = Timestamp::now().minus(HOUR);
                    let meta = fs::metadata(store.path(&tenant, &digest));
                    // Only when it seems old: what is tested is what happens between this look and the removal.
                    if meta.is_ok_and(|meta| timestamp(meta.modified().unwrap()) < before) {
                        store.remove_untouched(&tenant, &digest, before).unwrap();
                    }
                }
            });
            for _ in 0..2000 {
                assert_eq!(store.put(&tenant, b"same").unwrap(), digest);
                assert_eq!(store.get(&tenant, &digest).unwrap(), b"same");
                age(&store, &digest, 2 * HOUR);
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
