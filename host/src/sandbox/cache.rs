//! Compiled code on disk, by component and by everything that the code depends on.
//!
//! Wasmtime trusts compiled code, so the directory is private (0700) and an entry is used only while its checksum
//! holds. The checksum finds what was damaged or half-written; whoever can write to the directory on purpose is this
//! very user, and could as well change the program.

use std::{
    fs::{self, DirBuilder, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use wasmtime::Engine;

use crate::model::Digest;

/// A directory of compiled components.
#[derive(Debug)]
pub(super) struct CodeCache {
    dir: PathBuf,
    /// Of the engine's version and settings, and of this processor's features.
    compatibility: String,
}

impl CodeCache {
    /// Open the directory, or make it.
    ///
    /// # Errors
    /// If it cannot be made private.
    pub(super) fn open(dir: &Path, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { dir: dir.canonicalize()?, compatibility: format!("{:016x}", hasher.finish()) })
    }

    fn paths(&self, digest: &Digest) -> (PathBuf, PathBuf) {
        let name = format!("{digest}-{}", self.compatibility);
        (self.dir.join(format!("{name}.cwasm")), self.dir.join(format!("{name}.sha256")))
    }

    /// The checksum also names what the code is for, so that an entry does not pass for another.
    fn checksum(&self, digest: &Digest, code: &Path) -> io::Result<String> {
        let mut hasher = Sha256::new();
        hasher.update(digest.as_bytes());
        hasher.update(&self.compatibility);
        let mut file = File::open(code)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex::encode(hasher.finalize())),
                n => hasher.update(&buffer[..n]),
            }
        }
    }

    /// The code of that component, if it is there and whole.
    pub(super) fn get(&self, digest: &Digest) -> Option<PathBuf> {
        let (code, sum) = self.paths(digest);
        let expected = fs::read_to_string(sum).ok()?;
        match self.checksum(digest, &code) {
            Ok(found) if found == expected.trim_end() => Some(code),
            Ok(_) => {
                tracing::warn!(path = %code.display(), "the compiled code is damaged and will be made again");
                None
            }
            Err(error) => {
                tracing::warn!(path = %code.display(), %error, "the compiled code cannot be read and will be made again");
                None
            }
        }
    }

    /// A new file in the directory, gone when it is dropped.
    pub(super) fn scratch(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::with_prefix_in(".tmp-", &self.dir)
    }

    /// Keep a file of [`CodeCache::scratch`] as the code of that component.
    pub(super) fn put(&self, digest: &Digest, file: NamedTempFile) -> io::Result<PathBuf> {
        let (code, sum) = self.paths(digest);
        let checksum = self.checksum(digest, file.path())?;
        file.as_file().sync_all()?;
        let mut sums = self.scratch()?;
        writeln!(sums, "{checksum}")?;
        sums.as_file().sync_all()?;
        put_in_place(file, &code)?;
        put_in_place(sums, &sum)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(code)
    }
}

/// Give a file its name. By std, and so by libc: system calls of `NamedTempFile`'s own are not seen by the recorder that
/// proves what is durable (`tests/disk-shim`).
fn put_in_place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let file = file.into_temp_path();
    fs::rename(&file, path)?;
    // It has moved: there is nothing left to remove.
    let _ = file.keep();
    Ok(())
}
