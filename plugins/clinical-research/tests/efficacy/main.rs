//! The phase `efficacy_analysis`: against the reference, on odd studies, by its properties, and how long it takes.

#![allow(clippy::unwrap_used)]

mod odd;
mod properties;
mod reference;
mod speed;
mod study;
