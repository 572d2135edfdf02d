//! Policies of a step: what happens when it fails, and when it may start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Retries with exponential backoff and jitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included. At least 1.
    pub max_attempts: u32,
    /// Delay before the second attempt, in milliseconds.
    pub initial_delay_ms: u64,
    /// Each further delay is the one before times this. At least 1.
    pub factor: f64,
    /// No delay is longer than this, in milliseconds.
    pub max_delay_ms: u64,
    /// The delay is multiplied by a number drawn evenly from 1 − jitter to 1 + jitter. In 0..=1.
    pub jitter: f64,
    /// The kinds of failures that are tried again, such as `retryable`, `timed_out`, `trapped`. Absent, those that may
    /// mend by themselves: `retryable`, `timed_out`, `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<String>>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_delay_ms: 500,
            factor: 2.0,
            max_delay_ms: 60_000,
            jitter: 0.2,
            on: None,
        }
    }
}

/// How many steps with the same key may run at once, over all runs of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// A name, the same for all that share the limit.
    pub key: String,
    /// At least 1.
    pub limit: u32,
}
