//! The phase `publication_package`: on the reference cases, on odd studies, and on what it writes for people.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod support;

mod conclusions;
mod files;
mod flow;
mod odd;
mod office;
mod reference;
