//! Steering steps: review, retry, trigger, skip, roll back.

use axum::Json;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::User,
    control::BODY,
    error::{ApiError, ApiResult},
    extract::{Path, Sent, SentOrDefault},
    openapi::{Body, Common, Missing, Unfit},
    wire::RunBody,
};
use crate::{
    engine::RollbackTo,
    model::{Overrides, RunId},
};

/// A step of a run.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct StepPath {
    /// The run's id.
    #[param(value_type = String)]
    id: RunId,
    /// The step's name.
    step: String,
}

/// What is to be different this time.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StepOverrides {
    /// In place of the phase's prompt template.
    prompt: Option<String>,
    /// In place of the step's input.
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
}

impl From<StepOverrides> for Overrides {
    fn from(body: StepOverrides) -> Self {
        Self { prompt: body.prompt, input: body.input }
    }
}

/// Let the result of a step that waits for its review count
#[utoipa::path(post, path = "/runs/{id}/steps/{step}/continue", operation_id = "step_continue", tag = "control",
    params(StepPath),
    responses((status = 200, description = "The run goes on.", body = RunBody), Unfit, Common, Missing))]
pub(super) async fn go_on(
    User(tenant): User,
    Path(StepPath { id, step }): Path<StepPath>,
) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.step_continue(id, &step).await?.into()))
}

/// Do a step again
///
/// Then what depends on it, as far as it changes. A run that has ended goes on with it.
#[utoipa::path(post, path = "/runs/{id}/steps/{step}/retry", operation_id = "step_retry", tag = "control",
    params(StepPath),
    request_body = StepOverrides,
    responses((status = 200, description = "It is done again.", body = RunBody), Unfit, Common, Missing, Body))]
pub(super) async fn retry(
    User(tenant): User,
    Path(StepPath { id, step }): Path<StepPath>,
    SentOrDefault(body): SentOrDefault<StepOverrides, BODY>,
) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.step_retry(id, &step, body.into()).await?.into()))
}

/// Run a step now
///
/// Again if it has ended; else without the reviews that it waits for.
#[utoipa::path(post, path = "/runs/{id}/steps/{step}/trigger", operation_id = "step_trigger", tag = "control",
    params(StepPath),
    request_body = StepOverrides,
    responses((status = 200, description = "It runs.", body = RunBody), Unfit, Common, Missing, Body))]
pub(super) async fn trigger(
    User(tenant): User,
    Path(StepPath { id, step }): Path<StepPath>,
    SentOrDefault(body): SentOrDefault<StepOverrides, BODY>,
) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.step_trigger(id, &step, body.into()).await?.into()))
}

/// Why a step is skipped.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StepSkip {
    /// For people.
    reason: Option<String>,
}

/// Let a step that has not ended count as skipped
#[utoipa::path(post, path = "/runs/{id}/steps/{step}/skip", operation_id = "step_skip", tag = "control",
    params(StepPath),
    request_body = StepSkip,
    responses((status = 200, description = "It is skipped.", body = RunBody), Unfit, Common, Missing, Body))]
pub(super) async fn skip(
    User(tenant): User,
    Path(StepPath { id, step }): Path<StepPath>,
    SentOrDefault(body): SentOrDefault<StepSkip, BODY>,
) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.step_skip(id, &step, body.reason).await?.into()))
}

/// Which earlier result is to count again: an attempt's, or the one that a file's version is part of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepRollback {
    /// Number of the attempt.
    attempt: Option<u32>,
    /// Name of the file,
    artifact: Option<String>,
    /// and its version.
    version: Option<u32>,
}

/// Roll a step back to an earlier result
///
/// The whole of it: output, files and shared state, and of a map, a loop or a sub-workflow what was inside it. What depends
/// on it is done again, as far as it changes.
#[utoipa::path(post, path = "/runs/{id}/steps/{step}/rollback", operation_id = "step_rollback", tag = "control",
    params(StepPath),
    request_body = StepRollback,
    responses((status = 200, description = "It counts again.", body = RunBody), Unfit, Common, Missing, Body))]
pub(super) async fn rollback(
    User(tenant): User,
    Path(StepPath { id, step }): Path<StepPath>,
    Sent(body): Sent<StepRollback, BODY>,
) -> ApiResult<Json<RunBody>> {
    let to = match body {
        StepRollback { attempt: Some(number), artifact: None, version: None } => RollbackTo::Attempt(number),
        StepRollback { attempt: None, artifact: Some(name), version: Some(version) } => {
            RollbackTo::Artifact { name, version }
        }
        _ => return Err(ApiError::invalid("say either attempt, or artifact and version")),
    };
    Ok(Json(tenant.step_rollback(id, &step, &to).await?.into()))
}
