//! How an attempt's file calls reach storage. The engine implements this over the tenant's blobs.

use std::io;

use crate::model::Digest;

/// A file that an attempt may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// `input/NAME` for an uploaded file, else the artifact's name.
    pub name: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    pub digest: Digest,
}

/// A file after [`FileWriter::finish`]: durable in storage, named by no row yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// The files of one attempt. Called on the guest's threads, where blocking is allowed.
pub trait Files: Send {
    /// What is there to read, sorted by name. Which of them the phase may see is the sandbox's decision.
    fn entries(&self) -> &[FileEntry];

    /// Up to `length` bytes from `offset`; fewer at the end, none past it. `name` is one of [`Files::entries`].
    ///
    /// # Errors
    /// If storage fails.
    fn read(&mut self, name: &str, offset: u64, length: u32) -> io::Result<Vec<u8>>;

    /// Begin a file. Dropped before [`FileWriter::finish`], it leaves nothing.
    ///
    /// # Errors
    /// If storage fails.
    fn create(&mut self) -> io::Result<Box<dyn FileWriter>>;
}

/// A file being written.
pub trait FileWriter: Send {
    /// Append bytes.
    ///
    /// # Errors
    /// If storage fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Make it durable: its bytes and its directory entry are synced when this returns.
    ///
    /// # Errors
    /// If storage fails.
    fn finish(self: Box<Self>) -> io::Result<StoredFile>;
}
