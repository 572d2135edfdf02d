//! Events over the wire.

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{one_of, run_id, time};
use crate::model::{Event, EventKind};

fn event_kind() -> RefOr<Schema> {
    one_of("What happened.", EventKind::ALL.iter().map(|kind| kind.as_str()))
}

/// One numbered fact in a run's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody {
    /// The run.
    #[schema(schema_with = run_id)]
    pub run_id: String,
    /// From 1, without gaps, within the run.
    pub seq: u64,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(schema_with = event_kind)]
    pub kind: String,
    /// The step that it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// When.
    #[schema(schema_with = time)]
    pub at: String,
    /// Particulars. What somebody asked for says `by` whose token, by its name.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub data: serde_json::Value,
}

impl From<Event> for EventBody {
    fn from(Event { run_id, seq, kind, step, at, data }: Event) -> Self {
        Self { run_id: run_id.to_string(), seq, kind: kind.to_string(), step, at: at.to_string(), data }
    }
}

/// A page of events.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// In order.
    pub items: Vec<EventBody>,
    /// Give it as `after` to get what comes next.
    pub next_after: u64,
}
