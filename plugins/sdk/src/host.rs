//! The host as a phase sees it: implemented over the WIT imports in a component, in memory in tests.

use crate::PhaseError;

/// A file that a phase may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `input/NAME` for an uploaded file, else the artifact's name.
    pub name: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every detail.
    Trace,
    /// For the author.
    Debug,
    /// What was done.
    Info,
    /// Something is odd, and the phase goes on.
    Warn,
    /// Something failed.
    Error,
}

/// The host's functions. Phases use them through [`crate::Context`].
pub trait Host {
    /// The step's configuration (JSON).
    fn config(&self) -> String;
    /// The prompt template, if the phase has one.
    fn prompt(&self) -> Option<String>;
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64;
    /// The seed of the attempt.
    fn seed(&self) -> [u8; 32];
    /// A shared-state value (JSON).
    fn shared_get(&self, key: &str) -> Result<Option<String>, PhaseError>;
    /// Set a shared-state value (JSON).
    fn shared_set(&mut self, key: &str, value: &str) -> Result<(), PhaseError>;
    /// What may be read, sorted by name.
    fn list(&self) -> Vec<Entry>;
    /// Up to `length` bytes of a file from `offset`.
    fn read(&self, name: &str, offset: u64, length: u32) -> Result<Vec<u8>, PhaseError>;
    /// Begin a file.
    fn create(&mut self, name: &str) -> Result<Box<dyn HostWriter>, PhaseError>;
    /// Say how far the phase is: 0..=1.
    fn progress(&mut self, fraction: f64, message: &str);
    /// Write a line to the attempt's log.
    fn log(&mut self, level: Level, message: &str);
    /// Ask a person (JSON). Not in a component: there, a function of this trait is linked whether it is called or not, and
    /// with it the import that it calls, which would have to be granted to every plugin.
    #[cfg(not(target_family = "wasm"))]
    fn approve(&mut self, request: &str) -> Result<String, PhaseError>;
}

/// A file being written.
pub trait HostWriter {
    /// Append bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), PhaseError>;
    /// Make it an artifact. Without this the file is discarded.
    fn finish(self: Box<Self>) -> Result<(), PhaseError>;
}
