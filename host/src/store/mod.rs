//! The database: rows, group commit, queries scoped by tenant.

mod rows;

pub use rows::*;
