//! How files get their names, and how directories keep them.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::NamedTempFile;

/// Give a file its name, instead of the one that has it. That this lasts is another matter: [`sync_directory`].
///
/// By std, and so by libc: what makes system calls of its own (as [`NamedTempFile::persist`] does) is not seen by the recorder
/// that proves what is durable (`tests/disk-shim`).
///
/// # Errors
/// If storage fails; nothing is left of the file then.
pub(crate) fn put_in_place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let file = file.into_temp_path();
    fs::rename(&file, path)?;
    // It has moved: there is nothing left to remove.
    let _ = file.keep();
    Ok(())
}

/// Make a directory keep the names that it has. Without this a crash may forget a file although its bytes were synced.
///
/// # Errors
/// If storage fails.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
