//! The phase `cohort_analysis`: on the reference cases, on studies worked out by hand, on poor and odd ones.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod allocation;
mod files;
mod matching;
mod odd;
mod properties;
mod reference;
mod support;
