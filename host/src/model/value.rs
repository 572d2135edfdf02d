//! A JSON value that is in its row when it is small, and in a blob when it is large.

use serde::{Deserialize, Serialize};

use super::Digest;

/// Up to this many bytes a value lives in its row.
pub const INLINE_LIMIT: usize = 64 * 1024;

/// A JSON document, or where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// The document as text.
    Inline {
        /// JSON text.
        json: String,
    },
    /// The tenant's blob that holds the document.
    Blob {
        /// Of the blob's bytes.
        blob: Digest,
        /// Bytes.
        size: u64,
    },
}

impl Value {
    /// The document's digest, wherever it is.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Inline { json } => Digest::of(json),
            Self::Blob { blob, .. } => *blob,
        }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline { json } => json.len() as u64,
            Self::Blob { size, .. } => *size,
        }
    }
}
