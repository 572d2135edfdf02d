//! Steering runs: pause, resume, cancel, change, delete; fork, verify, a phase by itself.

use axum::{Json, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    auth::User,
    created,
    error::ApiResult,
    extract::{Path, Sent, SentOrDefault},
    openapi::{Body, Common, Missing, Unfit},
    wire::{RunBody, VerificationBody},
};
use crate::{
    engine::{ForkRun, PhaseRun},
    model::{Overrides, RunId},
};

/// The largest body of a request that steers, in bytes.
pub(super) const BODY: u64 = 8 << 20;

/// Pause a run
///
/// Nothing of it starts until it is resumed; what is under way may end.
#[utoipa::path(post, path = "/runs/{id}/pause", operation_id = "run_pause", tag = "control",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "It is paused.", body = RunBody), Unfit, Common, Missing))]
pub(super) async fn pause(User(tenant): User, Path(id): Path<RunId>) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.run_pause(id).await?.into()))
}

/// Resume a run
#[utoipa::path(post, path = "/runs/{id}/resume", operation_id = "run_resume", tag = "control",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "It goes on.", body = RunBody), Unfit, Common, Missing))]
pub(super) async fn resume(User(tenant): User, Path(id): Path<RunId>) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.run_resume(id).await?.into()))
}

/// Cancel a run
///
/// When the answer comes, it is cancelled; what it ran is stopped within moments.
#[utoipa::path(post, path = "/runs/{id}/cancel", operation_id = "run_cancel", tag = "control",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "It is cancelled.", body = RunBody), Unfit, Common, Missing))]
pub(super) async fn cancel(User(tenant): User, Path(id): Path<RunId>) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.run_cancel(id).await?.into()))
}

/// What is to be changed of a run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunChange {
    /// Whether its steps begin by themselves. If so from now on, the results that wait for reviews count.
    auto_run: Option<bool>,
    /// Of the runs that wait for a place, the one with the highest goes first.
    priority: Option<i32>,
}

/// Change a run that has not ended
#[utoipa::path(patch, path = "/runs/{id}", operation_id = "run_change", tag = "control",
    params(("id" = String, Path, description = "The run's id.")), request_body = RunChange,
    responses((status = 200, description = "It is changed.", body = RunBody), Unfit, Common, Missing, Body))]
pub(super) async fn change(
    User(tenant): User,
    Path(id): Path<RunId>,
    Sent(body): Sent<RunChange, BODY>,
) -> ApiResult<Json<RunBody>> {
    let RunChange { auto_run, priority } = body;
    Ok(Json(tenant.run_change(id, auto_run, priority).await?.into()))
}

/// Delete a run that has ended, with its results
#[utoipa::path(delete, path = "/runs/{id}", operation_id = "run_delete", tag = "control",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 204, description = "It is deleted."), Unfit, Common, Missing))]
pub(super) async fn delete(User(tenant): User, Path(id): Path<RunId>) -> ApiResult<StatusCode> {
    tenant.run_delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Do again every step of a run that failed
#[utoipa::path(post, path = "/runs/{id}/retry", operation_id = "run_retry", tag = "control",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "It goes on.", body = RunBody), Unfit, Common, Missing))]
pub(super) async fn retry(User(tenant): User, Path(id): Path<RunId>) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.run_retry(id).await?.into()))
}

/// How a run is forked.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunFork {
    /// The step that is done anew, and with it what comes after it. Absent: everything is.
    step: Option<String>,
    /// In place of the prompt template of that step's phase.
    prompt: Option<String>,
    /// In place of that step's input.
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
    /// Take the plugins that are active now, in place of those that the run is pinned to.
    upgrade: bool,
}

/// Fork a run
///
/// A new run takes over what does not depend on the step, and goes on from there. Of what depends on it, only what
/// changes is done again.
#[utoipa::path(post, path = "/runs/{id}/fork", operation_id = "run_fork", tag = "control",
    params(("id" = String, Path, description = "The run's id.")), request_body = RunFork,
    responses(
        (status = 201, description = "The new run.", body = RunBody, headers(("Location" = String, description = "Where the run is."))),
        Unfit, Common, Missing, Body))]
pub(super) async fn fork(
    User(tenant): User,
    Path(id): Path<RunId>,
    SentOrDefault(body): SentOrDefault<RunFork, BODY>,
) -> ApiResult<Response> {
    let RunFork { step, prompt, input, upgrade } = body;
    let fork = ForkRun { step, overrides: Overrides { prompt, input }, upgrade };
    let run = RunBody::from(tenant.run_fork(id, fork).await?);
    Ok(created(&run.run.url, &run))
}

/// A phase that is run by itself on a run's results.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseStart {
    /// A step of the run, or else
    step: Option<String>,
    /// any phase, `PLUGIN/PHASE`.
    phase: Option<String>,
    /// In place of the phase's prompt template.
    prompt: Option<String>,
    /// In place of the step's input. A phase that is no step of the run needs one.
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
    /// In place of the step's configuration.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// Run one phase by itself
///
/// It sees what the run's steps have made, and is a run of its own that is forked from it.
#[utoipa::path(post, path = "/runs/{id}/execute", operation_id = "run_execute", tag = "control",
    params(("id" = String, Path, description = "The run's id.")), request_body = PhaseStart,
    responses(
        (status = 201, description = "The new run.", body = RunBody, headers(("Location" = String, description = "Where the run is."))),
        Unfit, Common, Missing, Body))]
pub(super) async fn execute(
    User(tenant): User,
    Path(id): Path<RunId>,
    Sent(body): Sent<PhaseStart, BODY>,
) -> ApiResult<Response> {
    let PhaseStart { step, phase, prompt, input, config } = body;
    let phase = PhaseRun { step, phase, overrides: Overrides { prompt, input }, config };
    let run = RunBody::from(tenant.run_phase(id, phase).await?);
    Ok(created(&run.run.url, &run))
}

/// Verify a run that has ended
///
/// Every step is run again on what it had, and what comes out is compared byte by byte. Nothing of the run changes.
#[utoipa::path(post, path = "/runs/{id}/verify", operation_id = "run_verify", tag = "control",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "What came of it.", body = VerificationBody), Unfit, Common, Missing))]
pub(super) async fn verify(User(tenant): User, Path(id): Path<RunId>) -> ApiResult<Json<VerificationBody>> {
    Ok(Json(tenant.run_verify(id).await?.into()))
}
