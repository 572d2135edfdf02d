//! Heddle.
