//! JSON text on its way to whoever asked for it. A stored document that is large is never read whole: it stays a file.

use std::io;

use tokio::io::AsyncWriteExt as _;

use super::{Tenant, attempt::Room, blocking};
use crate::{
    error::{Error, Result},
    model::{Digest, RunId, Value},
};

/// A stored document.
#[derive(Debug)]
pub enum StoredText {
    /// A small one.
    Text(String),
    /// A large one.
    File {
        /// Its bytes.
        file: tokio::fs::File,
        /// Of its bytes.
        digest: Digest,
        /// How many there are.
        size: u64,
    },
}

impl StoredText {
    /// Write it to a file.
    ///
    /// # Errors
    /// If it cannot be read, or not written.
    pub async fn write_to(self, target: &mut tokio::fs::File) -> io::Result<()> {
        match self {
            Self::Text(text) => target.write_all(text.as_bytes()).await?,
            Self::File { mut file, .. } => drop(tokio::io::copy(&mut file, target).await?),
        }
        target.flush().await
    }

    /// For reading on a thread that may block.
    pub async fn into_read(self) -> Box<dyn io::Read> {
        match self {
            Self::Text(text) => Box::new(io::Cursor::new(text)),
            Self::File { file, .. } => Box::new(file.into_std().await),
        }
    }
}

/// JSON text that was made for whoever asked. It has room in the host's memory until it is dropped, which is when it was sent.
#[derive(Debug)]
pub struct MadeText {
    text: String,
    _room: Room,
}

impl MadeText {
    pub(super) fn new(text: String, room: Room) -> Self {
        Self { text, _room: room }
    }
}

impl AsRef<[u8]> for MadeText {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Tenant {
    /// A step's output (JSON text), if it has one.
    ///
    /// # Errors
    /// `NotFound` for the run or the step.
    pub async fn step_output(&self, id: RunId, step: &str) -> Result<Option<StoredText>> {
        let row = self.step(id, step).await?;
        match row.output.clone().filter(|_| row.has_result()) {
            None => Ok(None),
            Some(value) => self.stored(value).await.map(Some),
        }
    }

    async fn stored(&self, value: Value) -> Result<StoredText> {
        let (digest, size) = match value {
            Value::Inline { json } => return Ok(StoredText::Text(json)),
            Value::Blob { blob, size } => (blob, size),
        };
        let (blobs, tenant) = (self.engine.blobs.clone(), self.id().clone());
        let file = blocking(move || blobs.open_blob(&tenant, &digest))
            .await
            .map_err(|error| Error::internal("a stored value cannot be read", error))?;
        Ok(StoredText::File { file: tokio::fs::File::from_std(file.into_file()), digest, size })
    }
}
