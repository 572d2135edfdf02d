//! Fresh data directories in which the first-party plugins are compiled already: compiling takes seconds each time.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, sync::OnceLock};

use tempfile::TempDir;

/// A data directory with nothing in it but compiled code.
///
/// # Panics
/// If the binary cannot be run, or a file cannot be copied.
pub fn data_dir() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    warm(directory.path());
    directory
}

/// Put the compiled code into a data directory that has none.
///
/// # Panics
/// As [`data_dir`].
pub fn warm(directory: &Path) {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let template = TEMPLATE.get_or_init(template);
    let cache = directory.join("cache");
    fs::create_dir(&cache).expect("a directory");
    // The sandbox takes compiled code only from a directory that nobody else can write to.
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).expect("its owner may");
    for entry in fs::read_dir(template.path().join("cache")).expect("the template has a cache") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), cache.join(entry.file_name())).expect("a file can be copied");
    }
}

fn template() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    for name in ["examples/echo", "ticket-analysis"] {
        let plugin = super::plugin(name);
        heddle(&["plugin", "add"], &plugin, directory.path());
    }
    directory
}

fn heddle(command: &[&str], file: &Path, data_dir: &Path) {
    let output = Command::new(super::heddle_bin())
        .args(command)
        .arg(file)
        .arg("--data-dir")
        .arg(data_dir)
        .output()
        .expect("heddle can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
