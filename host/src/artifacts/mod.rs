//! Blobs: bytes by their digest, on disk, within a tenant (laws 8 and 11).
//!
//! A blob is durable, its directory entry included, before anything names it: a row in the database never points to
//! bytes that a crash may have taken. The blob store knows nothing of runs or names.

mod blobs;
mod place;
mod sessions;
mod sweep;
mod transfer;

pub use blobs::{BlobReader, BlobStore, BlobWriter};
pub(crate) use place::{put_in_place, sync_directory};
pub use sessions::Session;
pub use sweep::FoundBlob;
