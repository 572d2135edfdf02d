//! Runs untrusted components: compiles them, links only what was granted, bounds everything, and returns an outcome.
//!
//! The sandbox knows nothing of the database, of runs, or of HTTP. It reads and writes files only through [`Files`].

mod files;
mod request;

pub use files::{FileEntry, FileWriter, Files, StoredFile};
pub use request::{AttemptReport, AttemptRequest, GuestOutcome, LogLevel, LogLine, Progress, WrittenFile};
