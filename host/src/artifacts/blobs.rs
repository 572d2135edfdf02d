//! The blob store on the local disk: `ROOT/blobs/TENANT/ab/abcd…`, written by way of `ROOT/staging`.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::{
    place::{put_in_place, sync_directory},
    sessions::Sessions,
    sweep::touch,
};
use crate::model::{Digest, TenantId, Timestamp, io_reason};

/// The blobs of all tenants. Cheap to clone. Its functions block: async code calls them on threads that may.
#[derive(Debug, Clone)]
pub struct BlobStore {
    root: PathBuf,
    staging: PathBuf,
    sessions: Sessions,
    /// Whoever puts a blob in place or removes it holds its lock: one of these, by the digest's first byte.
    turns: Arc<[Mutex<()>; TURNS]>,
}

const TURNS: usize = 64;

impl BlobStore {
    /// Open or make the store. What an earlier host had begun to write and not finished is removed: no row names it.
    ///
    /// # Errors
    /// If the directories cannot be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        let store = Self {
            root: root.join("blobs"),
            staging: root.join("staging"),
            sessions: Sessions::default(),
            turns: Arc::new([const { Mutex::new(()) }; TURNS]),
        };
        if store.staging.exists() {
            fs::remove_dir_all(&store.staging)?;
        }
        fs::create_dir_all(&store.staging)?;
        fs::create_dir_all(&store.root)?;
        sync_directory(root)?;
        Ok(store)
    }

    fn directory(&self, tenant: &TenantId, digest: &Digest) -> PathBuf {
        self.root.join(tenant.as_str()).join(&digest.to_string()[..2])
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The turn to put a blob in place, or to remove it.
    pub(super) fn turn(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        let turn = &self.turns[usize::from(digest.as_bytes()[0]) % TURNS];
        turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, tenant: &TenantId, digest: &Digest) -> PathBuf {
        self.directory(tenant, digest).join(digest.to_string())
    }

    /// Begin a blob of a tenant.
    ///
    /// # Errors
    /// If storage fails.
    pub fn create(&self, tenant: &TenantId) -> io::Result<BlobWriter> {
        let file = tempfile::NamedTempFile::new_in(&self.staging).map_err(|error| without_path(&error))?;
        Ok(BlobWriter { store: self.clone(), tenant: tenant.clone(), file, hasher: Sha256::new(), size: 0 })
    }

    /// Store bytes whole.
    ///
    /// # Errors
    /// If storage fails.
    pub fn put(&self, tenant: &TenantId, bytes: &[u8]) -> io::Result<Digest> {
        let mut writer = self.create(tenant)?;
        writer.write(bytes)?;
        Ok(writer.finish()?.0)
    }

    /// Open a blob for reading.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such blob.
    pub fn open_blob(&self, tenant: &TenantId, digest: &Digest) -> io::Result<BlobReader> {
        let file = File::open(self.path(tenant, digest)).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("blob {digest} of tenant {tenant} cannot be opened: {error}"),
            )
        })?;
        Ok(BlobReader { file })
    }

    /// The whole of a blob.
    ///
    /// # Errors
    /// As [`BlobStore::open_blob`].
    pub fn get(&self, tenant: &TenantId, digest: &Digest) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_blob(tenant, digest)?.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A blob being written. Dropped before [`BlobWriter::finish`], it leaves nothing.
pub struct BlobWriter {
    store: BlobStore,
    tenant: TenantId,
    file: tempfile::NamedTempFile,
    hasher: Sha256,
    size: u64,
}

impl BlobWriter {
    /// Append bytes.
    ///
    /// # Errors
    /// If storage fails.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).map_err(|error| without_path(&error))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file so far, its digest, and its place.
    pub(super) fn into_parts(self) -> (tempfile::NamedTempFile, Digest, PathBuf) {
        let digest = Digest::from_bytes(self.hasher.finalize().into());
        let path = self.store.path(&self.tenant, &digest);
        (self.file, digest, path)
    }

    /// Make it durable under its digest: returns when its bytes and its directory entry are synced.
    ///
    /// # Errors
    /// If storage fails; nothing is left then.
    pub fn finish(self) -> io::Result<(Digest, u64)> {
        self.put_in_place().map_err(|error| without_path(&error))
    }

    fn put_in_place(self) -> io::Result<(Digest, u64)> {
        let digest = Digest::from_bytes(self.hasher.finalize().into());
        let path = self.store.path(&self.tenant, &digest);
        let directory = self.store.directory(&self.tenant, &digest);
        if !path.exists() {
            // Not while others wait for their turn. That it is there by then does no harm.
            self.file.as_file().sync_all()?;
        }
        let turn = self.store.turn(&digest);
        if path.exists() {
            // Garbage collection sees that somebody is about to name it.
            touch(&File::open(&path)?, Timestamp::now())?;
        } else {
            self.file.as_file().sync_all()?;
            fs::create_dir_all(&directory)?;
            put_in_place(self.file, &path)?;
        }
        drop(turn);
        // Also when the blob was there: whoever renamed it may not have synced yet, or may have been killed before it
        // did. Syncing a directory that is clean costs next to nothing.
        for ancestor in directory.ancestors() {
            sync_directory(ancestor)?;
            if ancestor == self.store.root {
                break;
            }
        }
        Ok((digest, self.size))
    }
}

/// A blob open for reading.
#[derive(Debug)]
pub struct BlobReader {
    file: File,
}

impl BlobReader {
    /// Up to `length` bytes from `offset`; fewer at the end, none past it.
    ///
    /// # Errors
    /// If storage fails.
    pub fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let left = self.file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; length.min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// The open file, for streaming.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// What goes up to clients names no path of the host's, and keeps the kind: storage that is full is waited for.
fn without_path(error: &io::Error) -> io::Error {
    tracing::warn!(%error, "a blob cannot be written");
    io::Error::new(error.kind(), io_reason(error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tenants() -> (TenantId, TenantId) {
        (TenantId::default_tenant(), "other".parse().unwrap())
    }

    #[test]
    fn the_same_bytes_are_one_blob_of_a_tenant_and_none_of_another() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        let (a, b) = tenants();
        let digest = store.put(&a, b"hello").unwrap();
        assert_eq!(digest, Digest::of(b"hello"));
        assert_eq!(store.put(&a, b"hello").unwrap(), digest);
        assert_eq!(store.get(&a, &digest).unwrap(), b"hello");
        assert_eq!(store.get(&b, &digest).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(directory.path().join("staging")).unwrap().count(), 0);
    }

    #[test]
    fn a_writer_that_is_dropped_leaves_nothing_and_a_start_clears_staging() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        let mut writer = store.create(&tenants().0).unwrap();
        writer.write(b"half").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(directory.path().join("staging")).unwrap().count(), 0);
        fs::write(directory.path().join("staging/left-over"), b"x").unwrap();
        BlobStore::open(directory.path()).unwrap();
        assert_eq!(fs::read_dir(directory.path().join("staging")).unwrap().count(), 0);
    }

    #[test]
    fn storage_that_fails_is_told_by_its_kind_and_without_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        fs::remove_dir_all(directory.path().join("staging")).unwrap();
        let error = store.put(&tenants().0, b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(error.to_string(), "entity not found");
    }

    #[test]
    fn reads_in_pieces_end_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        let tenant = tenants().0;
        let digest = store.put(&tenant, b"0123456789").unwrap();
        let reader = store.open_blob(&tenant, &digest).unwrap();
        assert_eq!(reader.read_at(0, 4).unwrap(), b"0123");
        assert_eq!(reader.read_at(8, 4).unwrap(), b"89");
        assert!(reader.read_at(10, 4).unwrap().is_empty());
        assert!(reader.read_at(99, 4).unwrap().is_empty());
    }
}
