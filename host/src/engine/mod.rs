//! x
mod core;
mod expression;
mod graph;
mod plan;
