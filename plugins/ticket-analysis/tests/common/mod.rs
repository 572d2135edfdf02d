//! Where the real tickets are.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::{fs, path::PathBuf};

use serde_json::Value;

/// Input and expected values of a case of the shared test data; `None`, and a line that says so, where it is absent.
///
/// # Panics
/// If it is absent and the environment variable `CI` is set.
pub(crate) fn case(name: &str) -> Option<(Value, Value)> {
    let root = std::env::var_os("HEDDLE_SHARED_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let folder = root.join("ticket_analysis").join(name);
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{} is absent; it must be there in CI", folder.display());
        println!("SKIPPED: {} is absent (HEDDLE_SHARED_DATA says where the data are)", folder.display());
        return None;
    }
    let read = |file: &str| serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
    Some((read("input.json"), read("expected.json")))
}
