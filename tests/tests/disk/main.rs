//! Durability on a disk that forgets what was not synced: `tests/disk` says what it may forget, `tests/disk-shim` sees what
//! the host does, and `heddle_tests::history` what must hold of what is left.
//!
//! A failure says the seed that repeats it: `HEDDLE_DISK_SEED`; the same for longer: `HEDDLE_DISK_ROUNDS`.
#![allow(clippy::unwrap_used)]

mod cuts;
mod forgeries;
mod in_doubt;
mod omissions;
mod recorder;
