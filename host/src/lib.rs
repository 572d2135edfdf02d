//! Heddle: the workflow host whose workflows you need not trust.
//!
//! ARCHITECTURE.md follows one run through these modules. Imports go one way:
//! `cli → api → engine → {sandbox, store, artifacts, events} → model`.

pub mod api;
pub mod artifacts;
pub mod cli;
pub mod engine;
pub mod error;
pub mod events;
pub mod model;
pub mod plugins;
pub mod sandbox;
pub mod schema;
pub mod store;
