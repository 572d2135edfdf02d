//! The command line.

pub mod compile;
