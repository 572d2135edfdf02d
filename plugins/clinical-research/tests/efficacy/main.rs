//! The phase `efficacy_analysis`: against the reference, on odd studies, and by its properties.

#![allow(clippy::unwrap_used)]

mod reference;
mod study;
