//! Many blobs at once, for backups: shared between stores without copying, gone through, put in place without syncing each.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::{
    blobs::{BlobStore, BlobWriter},
    place::put_in_place,
};
use crate::model::{Digest, TenantId};

impl BlobStore {
    /// Have another store on the same disk share a blob: it stays there when this one forgets it.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such blob.
    pub fn share(&self, tenant: &TenantId, digest: &Digest, other: &Self) -> io::Result<()> {
        let (from, to) = (self.path(tenant, digest), other.path(tenant, digest));
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory)?;
        }
        match fs::hard_link(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // A file system that knows no links, or counts them.
                fs::copy(&from, &to).map(drop)
            }
            linked => linked,
        }
    }

    /// Go through all blobs, by tenant and digest, with their files.
    ///
    /// # Errors
    /// What `visit` returns, or if the directories cannot be read.
    pub fn visit(&self, mut visit: impl FnMut(&TenantId, &Digest, File) -> io::Result<()>) -> io::Result<()> {
        for tenant in sorted(self.root())? {
            let parsed: TenantId = tenant.parse().map_err(io::Error::other)?;
            let directory = self.root().join(&tenant);
            for prefix in sorted(&directory)? {
                let directory = directory.join(&prefix);
                for name in sorted(&directory)? {
                    let digest: Digest = name.parse().map_err(io::Error::other)?;
                    visit(&parsed, &digest, File::open(directory.join(&name))?)?;
                }
            }
        }
        Ok(())
    }
}

impl BlobWriter {
    /// Put it in place without syncing it: whoever writes many syncs them all at the end.
    ///
    /// # Errors
    /// If storage fails.
    pub fn finish_unsynced(self) -> io::Result<Digest> {
        let (file, digest, path) = self.into_parts();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        put_in_place(file, &path)?;
        Ok(digest)
    }
}

pub(super) fn sorted(directory: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_shared_blob_outlives_the_store_that_had_it() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let tenant = TenantId::default_tenant();
        let from = BlobStore::open(one.path()).unwrap();
        let to = BlobStore::open(other.path()).unwrap();
        let (a, b) = (from.put(&tenant, b"a").unwrap(), from.put(&tenant, b"b").unwrap());
        for digest in [&a, &b] {
            from.share(&tenant, digest, &to).unwrap();
        }
        let missing = from.share(&tenant, &Digest::of("c"), &to).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(one.path()).unwrap();
        let mut found = Vec::new();
        to.visit(|_, digest, mut file| {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            found.push((*digest, text));
            Ok(())
        })
        .unwrap();
        let mut expected = vec![(a, "a".to_owned()), (b, "b".to_owned())];
        expected.sort_by_key(|(digest, _)| digest.to_string());
        assert_eq!(found, expected);
    }
}
