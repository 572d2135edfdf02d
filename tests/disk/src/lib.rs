//! A disk that forgets what was not synced.
//!
//! `kill -9` leaves the page cache as it is, and so proves nothing about syncs. Here a recorder (`tests/disk-shim`, loaded
//! into the process) writes down each change of the files below a directory ([`record`]), and [`Disk`] goes through that log
//! up to any record and says what the disk may hold when the power fails right there ([`Crash`]).
//!
//! # What a disk may hold
//!
//! No more is taken for granted than POSIX promises, which is less than any one file system keeps (Pillai et al., *All File
//! Systems Are Not Created Equal*, OSDI 2014, whose abstract persistence model this follows):
//!
//! - Of a file all is there that was written before an `fsync` or `fdatasync` of it began that has ended. Of what was written
//!   since, each sector of 512 bytes holds what it held after any of the writes to it, in no order among sectors, and the
//!   length is any that the file had; a sector that is within the length and was never written holds zeros or anything.
//! - Of a directory all entries are as they were when an `fsync` *of the directory* began that has ended. Each change since has
//!   happened or not, in no order among names. Syncing a file does not keep its name.
//! - A rename has happened or not, as a whole, and is durable when the directory of the new name is.
//! - A sector is written whole or not at all, and what was durable stays.
//! - `sync_file_range`, `msync`, `O_SYNC` and `close` promise nothing. Permissions are as they were set, without a sync; times
//!   are not kept.

mod crash;
mod disk;
mod file;
mod image;
mod random;
pub mod record;

pub use crash::{Crash, Fate};
pub use disk::{Disk, Synced};
pub use image::Put;
pub use random::{Random, mix};
pub use record::{Handle, Log, Notes, Record};
