//! Schedules over the wire.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{one_of, run_id, serde_word, shown, text, time};
use crate::{engine::ScheduleInfo, store::ScheduleRow};

fn schedule_id() -> RefOr<Schema> {
    text("Id of a schedule.", Some("^sch_[0-9a-hjkmnp-tv-z]{26}$"), None)
}

/// Schema of the policy for missed runs.
pub(crate) fn missed() -> RefOr<Schema> {
    one_of(
        "What becomes of times at which no host ran: one run makes up for all of them, each gets its run (the latest 100 \
         at most), or they are left out.",
        ["run_once", "run_all", "skip"],
    )
}

/// A schedule.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Schedule)]
pub struct ScheduleBody {
    /// Its id.
    #[schema(schema_with = schedule_id)]
    pub id: String,
    /// Unique in the tenant.
    pub name: String,
    /// The workflow's name; each run takes its newest version.
    pub workflow: String,
    /// The runs' input.
    #[schema(value_type = Object)]
    pub input: Box<RawValue>,
    /// The times, as a cron expression.
    pub cron: String,
    /// In which time zone (IANA).
    pub time_zone: String,
    /// What becomes of times at which no host ran.
    #[schema(schema_with = missed)]
    pub missed: String,
    /// Whether it starts runs.
    pub enabled: bool,
    /// When it is due next; empty if it is disabled.
    #[schema(schema_with = times)]
    pub upcoming: Vec<String>,
    /// When it last started a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub last_at: Option<String>,
    /// The run that it started last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = run_id)]
    pub last_run: Option<String>,
    /// Why the last time that was due started no run; absent if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was made.
    #[schema(schema_with = time)]
    pub created_at: String,
    /// Where it is, relative to the server.
    pub url: String,
}

fn times() -> RefOr<Schema> {
    utoipa::openapi::ArrayBuilder::new().items(time()).into()
}

/// The schedules that there are.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScheduleList {
    /// By name.
    pub items: Vec<ScheduleBody>,
}

impl From<ScheduleInfo> for ScheduleBody {
    fn from(ScheduleInfo { schedule, upcoming }: ScheduleInfo) -> Self {
        let ScheduleRow {
            id,
            name,
            workflow,
            input,
            cron,
            time_zone,
            missed,
            enabled,
            // The first of those to come.
            next_at: _,
            last_at,
            last_run,
            last_error,
            created_at,
        } = schedule;
        Self {
            id: id.to_string(),
            name,
            workflow,
            // It was checked when it was saved.
            input: RawValue::from_string(input).unwrap_or_else(|_| RawValue::NULL.to_owned()),
            cron,
            time_zone,
            missed: serde_word(&missed),
            enabled,
            upcoming: upcoming.into_iter().map(|at| at.to_string()).collect(),
            last_at: shown(last_at),
            last_run: last_run.map(|run| run.to_string()),
            last_error,
            created_at: created_at.to_string(),
            url: format!("/api/v1/schedules/{id}"),
        }
    }
}
