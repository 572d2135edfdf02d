//! The plugins that this host knows.

mod bundled;

pub use bundled::bundled;
