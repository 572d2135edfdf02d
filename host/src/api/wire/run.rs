//! Runs, steps and attempts over the wire.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{AttemptBody, FailureBody, StepBody, digest, one_of, run_id, shown, time};
use crate::{
    api::cursor,
    engine::{OpenStep, RunDetail, StepPage, place},
    model::{Concurrency, RunId, RunState, StepState},
    store::{InputFile, RunRow, StepRow},
};

fn run_state() -> RefOr<Schema> {
    one_of("Where a run stands.", RunState::ALL.iter().map(|state| state.as_str()))
}

/// A run without its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// Its id.
    #[schema(schema_with = run_id)]
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub workflow_version: String,
    /// Where it stands.
    #[schema(schema_with = run_state)]
    pub state: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureBody>,
    /// Of the plan: the definition and the plugins' digests.
    #[schema(schema_with = digest)]
    pub plan: String,
    /// All randomness of the run comes from it.
    #[schema(schema_with = digest)]
    pub seed: String,
    /// The clock that its phases see.
    #[schema(schema_with = time)]
    pub as_of: String,
    /// Of the input.
    #[schema(schema_with = digest)]
    pub input_digest: String,
    /// Whether its steps begin by themselves; if not, each phase's result waits for a review.
    pub auto_run: bool,
    /// Of the runs that wait for a place, the one with the highest goes first.
    pub priority: i32,
    /// It starts no earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub start_at: Option<String>,
    /// The schedule that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The run that it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = run_id)]
    pub forked_from: Option<String>,
    /// The step at which it was forked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_at: Option<String>,
    /// Number of its last event.
    pub last_event: u64,
    /// When it was started by its caller.
    #[schema(schema_with = time)]
    pub created_at: String,
    /// When its first step became ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub finished_at: Option<String>,
    /// Where it is, relative to the server.
    pub url: String,
}

impl From<RunRow> for RunSummary {
    fn from(row: RunRow) -> Self {
        Self::split(row).0
    }
}

impl RunSummary {
    fn split(row: RunRow) -> (Self, Arc<[InputFile]>) {
        // The owner, its epoch and the revision are the host's own business.
        let RunRow {
            id,
            workflow,
            workflow_version,
            plan,
            state,
            input,
            files,
            seed,
            as_of,
            owner: _,
            epoch: _,
            rev: _,
            event_seq,
            failure,
            auto_run,
            priority,
            start_at,
            schedule,
            forked_from,
            forked_at,
            created_at,
            started_at,
            finished_at,
        } = row;
        let summary = Self {
            id: id.to_string(),
            workflow,
            workflow_version,
            state: state.to_string(),
            failure: failure.map(Into::into),
            plan: plan.to_string(),
            seed: seed.to_string(),
            as_of: as_of.to_string(),
            input_digest: input.digest().to_string(),
            auto_run,
            priority,
            start_at: shown(start_at),
            schedule: schedule.map(|id| id.to_string()),
            forked_from: forked_from.map(|id| id.to_string()),
            forked_at,
            last_event: event_seq,
            created_at: created_at.to_string(),
            started_at: shown(started_at),
            finished_at: shown(finished_at),
            url: format!("/api/v1/runs/{id}"),
        };
        (summary, files)
    }
}

/// A page of runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunPage {
    /// Newest first.
    pub items: Vec<RunSummary>,
    /// Give it as `cursor`, with the same filter, to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A file that a run was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InputFile)]
pub struct InputFileBody {
    /// Without directories.
    pub name: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of its bytes.
    #[schema(schema_with = digest)]
    pub digest: String,
}

impl From<InputFile> for InputFileBody {
    fn from(InputFile { name, media_type, size, digest }: InputFile) -> Self {
        Self { name, media_type, size, digest: digest.to_string() }
    }
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Run)]
pub struct RunBody {
    /// The run itself.
    #[serde(flatten)]
    pub run: RunSummary,
    /// Steps that have completed or were skipped, of all, in percent; 100 only if the run has completed.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: f64,
    /// What it and its first steps wait for; empty when it has ended or all that is left is under way.
    pub waiting: Vec<WaitingBody>,
    /// The uploaded files that it was started with.
    pub files: Vec<InputFileBody>,
    /// The component of each plugin that it is pinned to, by the plugin's name.
    pub pins: BTreeMap<String, String>,
    /// In the definition's order; of a run with very many steps the first ones.
    pub steps: Vec<StepBody>,
    /// Give it as `cursor` to `/runs/{id}/steps` to get the steps that follow; absent if all are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_cursor: Option<String>,
}

/// Why something of a run does not go on at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Waiting)]
pub struct WaitingBody {
    /// The step that waits; absent for the run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// For people.
    pub reason: String,
}

impl From<RunDetail> for RunBody {
    fn from(detail: RunDetail) -> Self {
        let RunDetail { run, page, counts, open, pins } = detail;
        let id = run.id;
        let progress = progress(run.state, &counts);
        let waiting = waiting(&run, &open);
        let (run, files) = RunSummary::split(run);
        let StepPageBody { items, next_cursor } = StepPageBody::new(id, page);
        Self {
            run,
            progress,
            waiting,
            files: files.iter().cloned().map(Into::into).collect(),
            pins: pins.into_iter().map(|(plugin, digest)| (plugin, digest.to_string())).collect(),
            steps: items,
            steps_cursor: next_cursor,
        }
    }
}

/// A page of a run's steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StepPage)]
pub struct StepPageBody {
    /// In the definition's order.
    pub items: Vec<StepBody>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl StepPageBody {
    pub(crate) fn new(run: RunId, page: StepPage) -> Self {
        let StepPage { steps, attempts, more, mut after } = page;
        let next_cursor = steps.last().filter(|_| more).map(|step| cursor::after(&place(step)));
        let mut by_step: BTreeMap<String, Vec<AttemptBody>> = BTreeMap::new();
        for attempt in attempts {
            by_step.entry(attempt.step.clone()).or_default().push(attempt.into());
        }
        let id = run.to_string();
        let items = steps.into_iter().map(|step| {
            let attempts = by_step.remove(&step.name).unwrap_or_default();
            let after = after.remove(&step.name).unwrap_or_default();
            StepBody::new(&id, step, after, attempts)
        });
        Self { items: items.collect(), next_cursor }
    }
}

/// In percent. The whole is a completed run's alone: one that failed at its last step got far, but not there.
fn progress(state: RunState, counts: &HashMap<StepState, u64>) -> f64 {
    if state == RunState::Completed {
        return 100.0;
    }
    let of = |state: StepState| counts.get(&state).copied().unwrap_or_default();
    let done = of(StepState::Completed) + of(StepState::Skipped);
    let part = done as f64 / counts.values().sum::<u64>().max(1) as f64;
    (100.0 * part).min(99.0)
}

/// Why a run does not go on: what its users ask first of one that seems to be stuck.
fn waiting(run: &RunRow, steps: &[OpenStep]) -> Vec<WaitingBody> {
    if run.state.is_terminal() {
        return Vec::new();
    }
    let mut waiting = Vec::new();
    let mut push = |step: Option<&StepRow>, reason: String| {
        waiting.push(WaitingBody { step: step.map(|step| step.name.clone()), reason });
    };
    match run.state {
        RunState::Pending => {
            let why = run.start_at.map(|at| format!("it starts at {at}"));
            push(None, why.unwrap_or_else(|| "the host has not taken it up yet".to_owned()));
            return waiting;
        }
        RunState::Paused => push(None, "it is paused until somebody resumes it".to_owned()),
        _ => {}
    }
    let open: BTreeSet<&str> = steps.iter().map(|step| step.row.name.as_str()).collect();
    for OpenStep { row: step, concurrency, after } in steps {
        let before: Vec<&str> = after.iter().map(String::as_str).filter(|name| open.contains(name)).collect();
        match step.state {
            StepState::Pending => push(
                Some(step),
                match before.as_slice() {
                    // Inside another step, which begins what is in it.
                    [] => "for its turn".to_owned(),
                    before => format!("for {} to end", before.join(", ")),
                },
            ),
            StepState::Ready => push(
                Some(step),
                match concurrency {
                    None => "for a free place to run".to_owned(),
                    Some(Concurrency { key, limit }) => format!(
                        "for a free place to run, and for less than {limit} of the concurrency key {key:?} to run"
                    ),
                },
            ),
            StepState::Retrying => {
                let why = step.failure.as_ref().map_or("", |failure| failure.message.as_str());
                let when = step.not_before.map_or_else(|| "soon".to_owned(), |at| format!("at {at}"));
                push(
                    Some(step),
                    format!("attempt {} failed ({why}); the next one starts {when}", step.attempt),
                );
            }
            StepState::Waiting => push(Some(step), waits_for(step)),
            StepState::WaitingApproval => push(Some(step), "for a decision".to_owned()),
            StepState::AwaitingReview => push(Some(step), "for a review".to_owned()),
            StepState::Paused => push(Some(step), "it is paused".to_owned()),
            StepState::Running
            | StepState::Completed
            | StepState::Failed
            | StepState::Skipped
            | StepState::Cancelled => {}
        }
    }
    waiting
}

/// What a step waits for that no person decides.
fn waits_for(step: &StepRow) -> String {
    let until = step.not_before.map(|at| format!(" until {at}")).unwrap_or_default();
    match &step.event_key {
        Some(key) => format!("for the event {key:?}{until}"),
        None => format!("it waits{until}"),
    }
}
