//! The raw input, read once and streaming into columns: no tree of JSON values is made of it.
//!
//! Any type is read anywhere: what a value should have been is decided later, by its column. So no message of the JSON reader
//! quotes a value, which could be a name.

mod cell;
mod read;
mod table;

pub use cell::{Cell, Kind};
pub use read::{Raw, RawStudy};
pub(crate) use table::mixed;
pub use table::{RawColumn, Table, Texts, Unreadable};
