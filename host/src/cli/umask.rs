//! Who may read what this process writes: its owner alone, but for the results that the user asked for.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::OnceLock,
};

use rustix::{fs::Mode, process::umask};

/// What the user keeps from others.
static USERS: OnceLock<Mode> = OnceLock::new();

/// From now on every file that is made is its owner's alone. Called before there are other threads.
pub(super) fn make_private() {
    let users = umask(Mode::RWXG | Mode::RWXO);
    // It is called once; a second call would have found our own mask.
    let _ = USERS.set(users);
}

/// Let a directory or file, with everything in it, be as others that the user makes.
pub(super) fn as_users(path: &Path) -> io::Result<()> {
    let kept = USERS.get().map_or(0o077, |mask| mask.bits());
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            as_users(&entry?.path())?;
        }
        fs::set_permissions(path, Permissions::from_mode(0o777 & !kept))
    } else {
        fs::set_permissions(path, Permissions::from_mode(0o666 & !kept))
    }
}
