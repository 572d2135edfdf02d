//! Steps and attempts over the wire.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{FailureBody, UsageBody, attempt_id, digest, one_of, shown, time};
use crate::{
    model::{AttemptState, StepState},
    store::{AttemptRow, StepRow},
};

fn step_state() -> RefOr<Schema> {
    one_of("Where a step stands.", StepState::ALL.iter().map(|state| state.as_str()))
}

fn attempt_state() -> RefOr<Schema> {
    one_of("Where an attempt stands.", AttemptState::ALL.iter().map(|state| state.as_str()))
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Step)]
pub struct StepBody {
    /// Unique in the run.
    pub name: String,
    /// `PLUGIN/PHASE`.
    pub phase: String,
    /// The steps that it comes after.
    pub after: Vec<String>,
    /// Where it stands.
    #[schema(schema_with = step_state)]
    pub state: String,
    /// Number of the last attempt; 0 before the first.
    pub attempt: u32,
    /// Number of the attempt whose result counts; after a rollback it is not the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_attempt: Option<u32>,
    /// When the next attempt may start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub not_before: Option<String>,
    /// When it became ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub ready_at: Option<String>,
    /// When its first attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub finished_at: Option<String>,
    /// What its last attempt used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageBody>,
    /// Why it failed; while it is being retried, why the last attempt did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureBody>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Hash of everything that the completed attempt could observe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = digest)]
    pub step_key: Option<String>,
    /// Of the output, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = digest)]
    pub output_digest: Option<String>,
    /// Where the output is, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_url: Option<String>,
    /// By number.
    pub attempts: Vec<AttemptBody>,
}

/// An attempt at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptBody {
    /// Its id, the same after a crash of its host.
    #[schema(schema_with = attempt_id)]
    pub id: String,
    /// From 1.
    pub number: u32,
    /// Where it stands.
    #[schema(schema_with = attempt_state)]
    pub state: String,
    /// How many hosts died while it ran.
    pub crashes: u32,
    /// Whether nothing ran, and an earlier result of the same step key was taken.
    pub reused: bool,
    /// When its step became ready for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub ready_at: Option<String>,
    /// From then until it began, in microseconds: it waited for a free place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_us: Option<u64>,
    /// When it began.
    #[schema(schema_with = time)]
    pub started_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub finished_at: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageBody>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureBody>,
}

impl From<AttemptRow> for AttemptBody {
    fn from(row: AttemptRow) -> Self {
        let AttemptRow {
            id,
            step: _,
            number,
            state,
            host: _,
            crashes,
            reused,
            overrides: _,
            step_key: _,
            output: _,
            shared: _,
            expansion: _,
            inside: _,
            failure,
            usage,
            log: _,
            ready_at,
            started_at,
            finished_at,
        } = row;
        Self {
            id: id.to_string(),
            number,
            state: state.to_string(),
            crashes,
            reused,
            ready_at: shown(ready_at),
            queued_us: ready_at.map(|ready| started_at.since(ready).as_micros() as u64),
            started_at: started_at.to_string(),
            finished_at: shown(finished_at),
            usage: usage.map(Into::into),
            failure: failure.map(Into::into),
        }
    }
}

impl StepBody {
    pub(super) fn new(run: &str, row: StepRow, after: Vec<String>, attempts: Vec<AttemptBody>) -> Self {
        let has_result = row.has_result();
        let StepRow {
            name,
            ord: _,
            phase,
            state,
            attempt,
            result_attempt,
            retried_from: _,
            not_before,
            step_key,
            expansion: _,
            chosen: _,
            overrides: _,
            event_key: _,
            output,
            reason,
            for_failure: _,
            bypassed: _,
            failure,
            ready_at,
            started_at,
            finished_at,
        } = row;
        let segment = crate::api::uri::segment(&name);
        let output = output.filter(|_| has_result);
        Self {
            output_url: output.as_ref().map(|_| format!("/api/v1/runs/{run}/steps/{segment}/output")),
            output_digest: output.map(|value| value.digest().to_string()),
            name,
            phase,
            after,
            state: state.to_string(),
            attempt,
            result_attempt: result_attempt.filter(|_| has_result),
            not_before: shown(not_before),
            ready_at: shown(ready_at),
            started_at: shown(started_at),
            finished_at: shown(finished_at),
            usage: attempts.last().and_then(|attempt| attempt.usage),
            failure: failure.map(Into::into),
            reason,
            step_key: step_key.map(|key| key.to_string()),
            attempts,
        }
    }
}
