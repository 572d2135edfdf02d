//! The phase `efficacy_analysis`: against the reference, on odd studies and a large one, and by its properties.

#![allow(clippy::unwrap_used)]

mod large;
mod models;
mod odd;
mod properties;
mod reference;
mod study;
