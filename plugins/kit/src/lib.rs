//! Computation that the first-party plugins share: text, statistics, regression, survival, time series, plots,
//! reports, documents, workbooks.
//!
//! Everything here is pure: the same arguments give the same bytes. Nothing here knows of phases, files or the host.

pub mod archive;
pub mod document;
pub mod model;
pub mod plot;
pub mod report;
pub mod series;
pub mod stats;
pub mod survival;
pub mod text;
pub mod workbook;
mod xml;
