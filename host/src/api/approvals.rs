//! What waits for people, and events from outside.

use axum::{Json, http::StatusCode};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::{User, Viewer},
    control::BODY,
    cursor,
    error::{ApiError, ApiResult},
    extract::{Path, Query, Sent},
    openapi::{Body, Common, Missing, Unfit},
    wire::{ApprovalBody, ApprovalPage, RunBody, SignalBody},
};
use crate::{
    engine::Answer,
    model::{ApprovalId, RunId},
};

/// Approvals on a page.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Approvals on a page: 1 to 200. Absent, 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List the open approvals, the oldest first
#[utoipa::path(get, path = "/approvals", operation_id = "approval_list", tag = "approvals", params(ListQuery),
    responses((status = 200, description = "A page.", body = ApprovalPage), Common))]
pub(super) async fn list(
    Viewer(tenant): Viewer,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<ApprovalPage>> {
    let limit = cursor::limit(query.limit, PAGE, MAX_PAGE)?;
    let after: Option<ApprovalId> = query
        .cursor
        .map(|cursor| cursor.parse())
        .transpose()
        .map_err(|_| ApiError::invalid("cursor: it is none that a page before has given"))?;
    let mut rows = tenant.approvals(after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(Json(ApprovalPage { items: rows.into_iter().map(Into::into).collect(), next_cursor }))
}

/// An approval
#[utoipa::path(get, path = "/approvals/{id}", operation_id = "approval_get", tag = "approvals",
    params(("id" = String, Path, description = "The approval's id.")),
    responses((status = 200, description = "It.", body = ApprovalBody), Common, Missing))]
pub(super) async fn get(Viewer(tenant): Viewer, Path(id): Path<ApprovalId>) -> ApiResult<Json<ApprovalBody>> {
    Ok(Json(tenant.approval(id).await?.into()))
}

/// A run's approvals, open or not
#[utoipa::path(get, path = "/runs/{id}/approvals", operation_id = "run_approvals", tag = "approvals",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "The oldest first.", body = Vec<ApprovalBody>), Common, Missing))]
pub(super) async fn of_run(
    Viewer(tenant): Viewer,
    Path(id): Path<RunId>,
) -> ApiResult<Json<Vec<ApprovalBody>>> {
    Ok(Json(tenant.run_approvals(id).await?.into_iter().map(Into::into).collect()))
}

/// What somebody decides.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalAnswer {
    /// The name of the option.
    #[schema(example = "approve")]
    option: String,
    /// What is to be said about it.
    feedback: Option<String>,
    /// What is to be changed; it fits the request's `input_schema`.
    modification: Option<Value>,
}

/// Decide
#[utoipa::path(post, path = "/approvals/{id}/decide", operation_id = "approval_decide", tag = "approvals",
    params(("id" = String, Path, description = "The approval's id.")), request_body = ApprovalAnswer,
    responses((status = 200, description = "It is decided; the run.", body = RunBody), Unfit, Common, Missing, Body))]
pub(super) async fn decide(
    User(tenant): User,
    Path(id): Path<ApprovalId>,
    Sent(body): Sent<ApprovalAnswer, BODY>,
) -> ApiResult<Json<RunBody>> {
    let ApprovalAnswer { option, feedback, modification } = body;
    let answer = Answer { option, feedback, modification };
    Ok(Json(tenant.approval_decide(id, answer).await?.into()))
}

/// An event from outside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalStart {
    /// What sender and workflow agreed on: 1 to 512 bytes.
    #[schema(example = "order-4711-paid")]
    key: String,
    /// What it says: at most 64 KiB of JSON.
    #[serde(default)]
    #[schema(required = false)]
    data: Value,
}

/// Send an event from outside
///
/// The step that has waited for its key the longest takes it, or else the next one that does. When the answer comes, it
/// is durable.
#[utoipa::path(post, path = "/signals", operation_id = "signal_send", tag = "approvals", request_body = SignalStart,
    responses((status = 202, description = "It is kept.", body = SignalBody), Common, Body))]
pub(super) async fn signal(
    User(tenant): User,
    Sent(body): Sent<SignalStart, BODY>,
) -> ApiResult<(StatusCode, Json<SignalBody>)> {
    let SignalStart { key, data } = body;
    Ok((StatusCode::ACCEPTED, Json(tenant.signal(&key, &data).await?.into())))
}
