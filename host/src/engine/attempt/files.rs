//! An attempt's files: what it may read and write, over the tenant's blobs.

use std::{collections::BTreeMap, io};

use crate::{
    artifacts::{BlobReader, BlobStore, BlobWriter},
    engine::core::Launch,
    model::TenantId,
    sandbox::{FileEntry, FileWriter, Files, StoredFile},
};

/// An attempt's files over the tenant's blobs.
pub(super) struct BlobFiles {
    blobs: BlobStore,
    tenant: TenantId,
    pub(super) entries: Vec<FileEntry>,
    open: BTreeMap<String, BlobReader>,
}

impl BlobFiles {
    pub(super) fn new(blobs: BlobStore, launch: &Launch) -> Self {
        let mut entries: BTreeMap<String, FileEntry> = BTreeMap::new();
        for file in launch.run.files.iter() {
            let name = format!("input/{}", file.name);
            let entry = FileEntry {
                name: name.clone(),
                media_type: file.media_type.clone(),
                size: file.size,
                digest: file.digest,
            };
            entries.insert(name, entry);
        }
        // Of two files of the same name, that of the step that is later in the definition counts.
        for artifact in launch.files() {
            let entry = FileEntry {
                name: artifact.name.clone(),
                media_type: artifact.media_type.clone(),
                size: artifact.size,
                digest: artifact.digest,
            };
            entries.insert(artifact.name.clone(), entry);
        }
        let entries = entries.into_values().collect();
        Self { blobs, tenant: launch.tenant.clone(), entries, open: BTreeMap::new() }
    }
}

impl Files for BlobFiles {
    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read(&mut self, name: &str, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        if !self.open.contains_key(name) {
            let entry =
                self.entries.iter().find(|entry| entry.name == name).ok_or(io::ErrorKind::NotFound)?;
            self.open.insert(name.to_owned(), self.blobs.open_blob(&self.tenant, &entry.digest)?);
        }
        self.open[name].read_at(offset, length as usize)
    }

    fn create(&mut self) -> io::Result<Box<dyn FileWriter>> {
        Ok(Box::new(FileBlob(self.blobs.create(&self.tenant)?)))
    }
}

struct FileBlob(BlobWriter);

impl FileWriter for FileBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes)
    }

    fn finish(self: Box<Self>) -> io::Result<StoredFile> {
        let (digest, size) = self.0.finish()?;
        Ok(StoredFile { digest, size })
    }
}
