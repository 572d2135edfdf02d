//! The data directory: its owner's alone, and held by one process.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use crate::{
    artifacts::sync_directory,
    error::{Error, Result},
};

/// What everybody but the owner may do.
const OTHERS: u32 = 0o077;
const DATABASE: &str = "heddle.db";
/// The files directly in the directory. What is below its directories cannot be reached by others.
const FILES: [&str; 8] = [
    DATABASE,
    "heddle.db-wal",
    "heddle.db-shm",
    "database",
    "lock",
    "admin-token",
    "admin-token.id",
    "server.json",
];
const DIRECTORIES: [&str; 3] = ["blobs", "staging", "cache"];

/// Make the directory if it is not there, see to it that others cannot look into it, and hold it as long as the file lives.
///
/// # Errors
/// `Conflict` if another process has it, `Invalid` if others can look into it and that is not for us to change,
/// `Unavailable` if it cannot be used.
pub(super) fn open(directory: &Path) -> Result<File> {
    let unusable = |error: io::Error| {
        Error::unavailable(
            format!("the data directory {} cannot be used: {error}", directory.display()),
            error,
        )
    };
    make(directory).map_err(unusable)?;
    make_private(directory)?;
    let file = File::create(directory.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::conflict(format!(
            "the data directory {} is in use by another heddle process; stop it, or name another directory",
            directory.display()
        ))),
        Err(fs::TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Make the directory, and those above it that are not there, and have the names of all of them kept: a power cut would
/// otherwise take them away with everything in them.
fn make(directory: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let keep = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    };
    for path in &missing {
        keep(path)?;
    }
    if missing.is_empty()
        // Whoever made it may not have seen to its name, or was killed before. It may be where we may not look, though.
        && let Err(error) = keep(directory)
    {
        tracing::debug!(directory = %directory.display(), %error, "the directory above cannot be synced");
    }
    Ok(())
}

/// An earlier version, or whoever made the directory, may have left it open to others: inputs, results and tokens' hashes
/// are in it. A directory that holds other things than ours is not touched.
fn make_private(directory: &Path) -> Result<()> {
    let shown = directory.display();
    let refused = |why: String| {
        Error::invalid(format!(
            "others can look into the data directory {shown}, and {why}; type: chmod 700 {shown}"
        ))
    };
    let failed = |error: io::Error| refused(format!("that cannot be changed ({error})"));
    let mode = fs::metadata(directory).map_err(failed)?.permissions().mode();
    if mode & OTHERS != 0 {
        if !is_ours(directory).map_err(failed)? {
            return Err(refused(
                "it holds other files than heddle's; name another directory, or if it may".to_owned(),
            ));
        }
        fs::set_permissions(directory, Permissions::from_mode(mode & 0o7700)).map_err(failed)?;
        let mode = format!("{:03o}", mode & 0o777);
        tracing::warn!(directory = %shown, mode, "others could look into the data directory; now its owner alone can");
    }
    for name in FILES {
        let path = directory.join(name);
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let mode = metadata.permissions().mode();
        if metadata.is_file() && mode & OTHERS != 0 {
            fs::set_permissions(&path, Permissions::from_mode(mode & 0o600)).map_err(failed)?;
        }
    }
    Ok(())
}

/// Whether nothing but what a host makes is in it.
fn is_ours(directory: &Path) -> io::Result<bool> {
    if super::is_used(directory) {
        return Ok(true);
    }
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if !FILES.iter().chain(&DIRECTORIES).any(|ours| name == *ours) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn ours_is_made_private_with_its_files() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("data");
        drop(open(&directory).unwrap());
        assert_eq!(mode(&directory), 0o700);
        for name in [DATABASE, "admin-token"] {
            fs::write(directory.join(name), "x").unwrap();
            set(&directory.join(name), 0o644);
        }
        set(&directory, 0o755);
        drop(open(&directory).unwrap());
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(
            [DATABASE, "admin-token", "lock"].map(|name| mode(&directory.join(name)) & OTHERS),
            [0; 3]
        );
        let empty = home.path().join("empty");
        fs::create_dir(&empty).unwrap();
        set(&empty, 0o755);
        drop(open(&empty).unwrap());
        assert_eq!(mode(&empty), 0o700);
    }

    #[test]
    fn a_directory_of_other_things_is_refused_with_what_to_type_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.txt"), "x").unwrap();
        set(home.path(), 0o755);
        let error = open(home.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("type: chmod 700 {}", home.path().display())), "{error}");
        assert_eq!(mode(home.path()), 0o755);
        assert!(!home.path().join("lock").exists());
        set(home.path(), 0o700);
        open(home.path()).unwrap();
    }

    #[test]
    fn one_process_holds_it() {
        let home = tempfile::tempdir().unwrap();
        let held = open(home.path()).unwrap();
        assert!(open(home.path()).unwrap_err().to_string().contains("in use by another heddle process"));
        drop(held);
        open(home.path()).unwrap();
    }
}
