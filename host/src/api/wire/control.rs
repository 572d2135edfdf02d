//! Approvals, events from outside and verifications over the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{ProblemBody, one_of, run_id, shown, text, time};
use crate::{
    engine::{SentSignal, StepVerification, Verification, Verified},
    store::ApprovalRow,
};

/// Schema of an approval's id.
fn approval_id() -> RefOr<Schema> {
    text("Id of an approval.", Some("^apr_[0-9a-hjkmnp-tv-z]{26}$"), None)
}

fn approval_state() -> RefOr<Schema> {
    one_of("Where it stands.", ["open", "decided", "expired", "withdrawn"])
}

fn approval_kind() -> RefOr<Schema> {
    one_of(
        "Who asks: a checkpoint of the workflow, a phase from inside, or the host.",
        ["checkpoint", "guest", "review"],
    )
}

/// Something that people are asked to decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Approval)]
pub struct ApprovalBody {
    /// Its id.
    #[schema(schema_with = approval_id)]
    pub id: String,
    /// The run that waits for it.
    #[schema(schema_with = run_id)]
    pub run_id: String,
    /// The step that waits for it.
    pub step: String,
    /// Who asks.
    #[schema(schema_with = approval_kind)]
    pub kind: String,
    /// What is to be decided: `title`, `message` (Markdown), `options` (each a `name` and a `label`), and as far as they
    /// are there `show` (values), `input_schema` (of a modification) and `default` (taken at the deadline).
    #[schema(value_type = Object)]
    pub request: Value,
    /// Where it stands.
    #[schema(schema_with = approval_state)]
    pub state: String,
    /// Until when it can be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub deadline: Option<String>,
    /// What was decided: `option`, `feedback`, `modification`, `decided_by`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub decision: Option<Value>,
    /// Who decided: the name of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When it was decided, expired or withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub decided_at: Option<String>,
    /// When it was asked.
    #[schema(schema_with = time)]
    pub created_at: String,
}

impl From<ApprovalRow> for ApprovalBody {
    fn from(row: ApprovalRow) -> Self {
        let ApprovalRow {
            id,
            run,
            step,
            kind,
            request,
            state,
            deadline,
            decision,
            decided_by,
            decided_at,
            created_at,
        } = row;
        Self {
            id: id.to_string(),
            run_id: run.to_string(),
            step,
            kind: kind.as_str().to_owned(),
            request,
            state: state.as_str().to_owned(),
            deadline: shown(deadline),
            decision,
            decided_by,
            decided_at: shown(decided_at),
            created_at: created_at.to_string(),
        }
    }
}

/// A page of approvals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalPage {
    /// The oldest first.
    pub items: Vec<ApprovalBody>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An event from outside that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Signal)]
pub struct SignalBody {
    /// Its place in the order of events.
    pub id: i64,
    /// Steps that waited for its key just then: one of them takes it. With 0 it is kept for the next one that does.
    pub waiting: usize,
}

impl From<SentSignal> for SignalBody {
    fn from(sent: SentSignal) -> Self {
        let SentSignal { id, waiting } = sent;
        Self { id, waiting }
    }
}

fn outcome() -> RefOr<Schema> {
    one_of(
        "Whether the result is what comes out: `same`, byte by byte; `differs`; `not_computed`, where a person or time made it; or `made_of_other`, where an earlier result was let count that was made of something else than what comes before it now.",
        ["same", "differs", "not_computed", "made_of_other"],
    )
}

/// What came of verifying a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Verification)]
pub struct VerificationBody {
    /// The run.
    #[schema(schema_with = run_id)]
    pub run_id: String,
    /// Whether something of it was computed, and all of that came out the same.
    pub verified: bool,
    /// Its steps that have a result.
    pub steps: Vec<StepVerificationBody>,
}

/// What came of verifying a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StepVerification)]
pub struct StepVerificationBody {
    /// The step.
    pub step: String,
    /// Whether its result is what comes out.
    #[schema(schema_with = outcome)]
    pub outcome: String,
    /// What differs, by JSON Pointer into `{output, artifacts, shared}`.
    pub problems: Vec<ProblemBody>,
}

impl From<Verification> for VerificationBody {
    fn from(verification: Verification) -> Self {
        Self {
            verified: verification.is_verified(),
            run_id: verification.run.to_string(),
            steps: verification.steps.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<StepVerification> for StepVerificationBody {
    fn from(step: StepVerification) -> Self {
        let StepVerification { step, outcome, problems } = step;
        let outcome = match outcome {
            Verified::Same => "same",
            Verified::Differs => "differs",
            Verified::NotComputed => "not_computed",
            Verified::MadeOfOther => "made_of_other",
        };
        Self { step, outcome: outcome.to_owned(), problems: problems.into_iter().map(Into::into).collect() }
    }
}
