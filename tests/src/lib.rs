//! What the tests share: where the built things are, and a real server as a child process.

pub mod doubt;
pub mod history;
mod kept;
mod recording;
mod server;
pub mod soak;
mod warm;
pub mod workload;

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

pub use heddle_test_disk::Random;
pub use heddle_test_postgres::{Database, Postgres, Stop};
pub use kept::Kept;
pub use recording::{Recorded, Recording, disk_shim};
pub use server::{Server, Starting};
pub use warm::{data_dir, warm};

/// How long a test waits for what has to come before it says that it does not. Much longer than anything takes: a
/// test must fail for what is wrong, never for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The built `heddle` binary: `HEDDLE_BIN`, else beside the test's own executable.
///
/// # Panics
/// If it was not built.
pub fn heddle_bin() -> PathBuf {
    let path = env::var_os("HEDDLE_BIN").map_or_else(|| target_dir().join("heddle"), PathBuf::from);
    assert!(path.is_file(), "{} is not there; `cargo xtask test` builds it", path.display());
    path
}

/// A component that `cargo xtask build-plugins` made: `examples/echo`, `ticket-analysis`.
///
/// # Panics
/// If it was not built.
pub fn plugin(name: &str) -> PathBuf {
    let directory = env::var_os("HEDDLE_PLUGINS_DIR").map_or_else(
        || target_dir().parent().map(|target| target.join("plugins")).unwrap_or_default(),
        PathBuf::from,
    );
    let path = directory.join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there; `cargo xtask build-plugins` makes it", path.display());
    path
}

/// `TARGET/PROFILE`, in whose `deps` the test's executable is.
fn target_dir() -> PathBuf {
    let executable = env::current_exe().expect("a test has an executable");
    executable.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// The folder of real inputs: `HEDDLE_SHARED_DATA`, else beside the repository. `None` where it is not, which is said
/// aloud; in CI its absence is a failure.
///
/// # Panics
/// In CI, if it is not there.
pub fn shared_data() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let path = env::var_os("HEDDLE_SHARED_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert!(env::var_os("CI").is_none(), "in CI the real inputs must be at {}", path.display());
    println!("SKIPPED: the real inputs are not at {} (HEDDLE_SHARED_DATA)", path.display());
    None
}

/// The synthetic sample that the project ships.
///
/// # Panics
/// If it cannot be read.
pub fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/ticket-analysis/sample").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The synthetic trial that the project ships.
///
/// # Panics
/// If it cannot be read.
pub fn study() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/clinical-research/sample/study.json");
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
