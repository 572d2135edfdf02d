//! Satisfaction scores.

use std::collections::BTreeMap;

use heddle_kit::stats;
use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::analytics::data::Dataset;

/// Scores of those who answered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Satisfaction {
    /// Tickets with a score.
    pub n: usize,
    /// `n` / all tickets.
    pub response_rate: f64,
    /// In the source's own scale.
    pub mean: f64,
    /// 95 % confidence interval of the mean by Student's t; absent with fewer than two scores. It speaks of chance, not of
    /// who chose to answer.
    pub mean_ci_95: Option<[f64; 2]>,
    /// Tickets by score.
    pub distribution: BTreeMap<String, usize>,
}

pub(super) fn satisfaction(data: &Dataset) -> Maybe<Satisfaction> {
    let scores: Vec<f64> = data.rows.iter().filter_map(|row| row.satisfaction).collect();
    let Some(mean) = stats::mean(&scores) else {
        return Maybe::because("no ticket has a satisfaction score");
    };
    let mut distribution: BTreeMap<String, usize> = BTreeMap::new();
    for score in &scores {
        *distribution.entry(format!("{score}")).or_default() += 1;
    }
    Maybe::Known(Satisfaction {
        n: scores.len(),
        response_rate: scores.len() as f64 / data.rows.len() as f64,
        mean,
        mean_ci_95: stats::mean_interval(&scores, 0.95).map(|(low, high)| [low, high]),
        distribution,
    })
}
