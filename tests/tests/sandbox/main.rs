//! The sandbox with real components: what a good one gets, and what a bad one cannot do.
#![allow(clippy::unwrap_used, missing_docs)]

mod approvals;
mod by_hand;
mod component;
mod good;
mod hostile;
mod loading;
mod support;
mod wasi;
