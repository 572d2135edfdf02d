//! A state change of one run with everything that is committed with it (law 1).

use std::collections::BTreeMap;

use super::{ApprovalRow, ArtifactRow, AttemptRow, HostCallRow, RunRow, StepRow};
use crate::model::{Digest, Event, TenantId, Timestamp, Value};

/// A state change of one run. It is committed whole or not at all, together with others or alone.
///
/// `run.rev` and `run.epoch` make it conditional: it is applied only to a run of that epoch whose last committed
/// transition is `rev - 1`. So a stale owner changes nothing, and one that is sent again after a COMMIT whose answer
/// was lost is recognised.
#[derive(Debug, Clone)]
pub struct Transition {
    /// The run's tenant.
    pub tenant: TenantId,
    /// The run as it is afterwards.
    pub run: RunRow,
    /// Present in the run's first transition only.
    pub creation: Option<Creation>,
    /// The steps that changed, as they are afterwards.
    pub steps: Vec<StepRow>,
    /// The names of steps that are no more. Their attempts stay. One that is also in `steps` is made anew.
    pub removed_steps: Vec<String>,
    /// The attempts that changed, as they are afterwards.
    pub attempts: Vec<AttemptRow>,
    /// The host calls that were made or answered, as they are afterwards.
    pub host_calls: Vec<HostCallRow>,
    /// The approvals that were asked for or changed, as they are afterwards.
    pub approvals: Vec<ApprovalRow>,
    /// New artifacts. The blobs are durable already.
    pub artifacts: Vec<ArtifactRow>,
    /// Blobs that the new rows name. They are durable, and were put or looked up not long before: garbage collection
    /// spares what was named of late.
    pub blobs: Vec<BlobRef>,
    /// Shared-state keys that were set, with the step that set them.
    pub shared: BTreeMap<String, (String, Value)>,
    /// New events, numbered up to `run.event_seq`.
    pub events: Vec<Event>,
    /// Commands that are hereby done.
    pub commands_done: Vec<i64>,
    /// Signals that are hereby taken, each with the step that takes it. If another transition was faster with one, this
    /// one is refused.
    pub signals_taken: Vec<(i64, String)>,
}

/// What a run's first transition brings besides its rows.
#[derive(Debug, Clone)]
pub struct Creation {
    /// The plan (JSON); stored once for all runs that have the same.
    pub plan: String,
    /// The key under which a client may send the same request again.
    pub idempotency: Option<IdempotencyKey>,
}

/// A client's key and what it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// As the client sent it.
    pub key: String,
    /// Of the request.
    pub request: Digest,
}

/// A durable blob that a row names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRef {
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

impl Transition {
    /// One that changes nothing yet.
    pub fn of(tenant: TenantId, run: RunRow) -> Self {
        Self {
            tenant,
            run,
            creation: None,
            steps: Vec::new(),
            removed_steps: Vec::new(),
            attempts: Vec::new(),
            host_calls: Vec::new(),
            approvals: Vec::new(),
            artifacts: Vec::new(),
            blobs: Vec::new(),
            shared: BTreeMap::new(),
            events: Vec::new(),
            commands_done: Vec::new(),
            signals_taken: Vec::new(),
        }
    }

    /// About how many bytes its rows have: as far as it can be much.
    pub fn bytes(&self) -> usize {
        /// A row without its documents.
        const ROW: usize = 512;
        fn value(value: Option<&Value>) -> usize {
            match value {
                Some(Value::Inline { json }) => json.len(),
                _ => 0,
            }
        }
        fn json(document: Option<&serde_json::Value>) -> usize {
            match document {
                None => 0,
                Some(serde_json::Value::String(text)) => text.len(),
                Some(serde_json::Value::Array(items)) => items.iter().map(|item| 8 + json(Some(item))).sum(),
                Some(serde_json::Value::Object(members)) => {
                    members.iter().map(|(key, item)| 8 + key.len() + json(Some(item))).sum()
                }
                Some(_) => 8,
            }
        }
        let steps = self.steps.iter().map(|step| {
            let texts = step.name.len() + step.reason.as_ref().map_or(0, String::len);
            ROW + texts
                + value(step.output.as_ref())
                + value(step.expansion.as_ref())
                + json(step.overrides.as_ref())
        });
        let attempts = self.attempts.iter().map(|attempt| {
            let shared: usize =
                attempt.shared.iter().flatten().map(|(key, v)| key.len() + value(Some(v))).sum();
            ROW + shared
                + attempt.inside.as_ref().map_or(0, String::len)
                + value(attempt.expansion.as_ref())
                + value(attempt.output.as_ref())
                + value(attempt.log.as_ref())
                + json(attempt.overrides.as_ref())
        });
        let calls =
            self.host_calls.iter().map(|call| ROW + value(Some(&call.request)) + value(call.answer.as_ref()));
        let approvals = self.approvals.iter().map(|approval| ROW + json(Some(&approval.request)));
        let events = self.events.iter().map(|event| ROW + json(Some(&event.data)));
        let shared = self.shared.iter().map(|(key, (step, v))| ROW + key.len() + step.len() + value(Some(v)));
        let creation = self.creation.as_ref().map_or(0, |creation| creation.plan.len());
        let others = self.artifacts.len() + self.blobs.len() + self.removed_steps.len();
        let rows = steps.chain(attempts).chain(calls).chain(approvals).chain(events).chain(shared);
        ROW * (1 + others) + creation + value(Some(&self.run.input)) + rows.sum::<usize>()
    }

    /// The time of its last event, else of the run's creation: when its blobs are first named.
    pub(super) fn at(&self) -> Timestamp {
        self.events.last().map_or(self.run.created_at, |event| event.at)
    }
}
