//! Schedules: which there are, making, changing, deleting one, and starting its run out of turn.

use axum::{Json, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    auth::{User, Viewer},
    created,
    error::ApiResult,
    extract::{Path, Sent},
    openapi::{Body, Common, Missing, Unfit},
    wire::{RunBody, ScheduleBody, ScheduleList, missed},
};
use crate::{
    engine::{NewSchedule, ScheduleChange},
    model::ScheduleId,
    store::MissedRuns,
};

/// The largest body: an input that a schedule may have, and a few words.
const BODY: u64 = 1 << 20;

/// A schedule that somebody wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleCreate {
    /// Unique in the tenant: 1 to 128 bytes.
    #[schema(example = "weekly report")]
    name: String,
    /// The workflow's name; each run takes its newest version.
    #[schema(example = "ticket_analysis")]
    workflow: String,
    /// The runs' input, as the workflow's `input_schema` has it. Absent, an empty object.
    #[schema(value_type = Option<Object>)]
    input: Option<Box<RawValue>>,
    /// The times: five fields (minute, hour, day of the month, month, weekday), six with the second first, or `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`. Where the clock goes forward, a fixed time that does not exist is due at
    /// the first moment after the gap; where it goes back, a fixed time is due once and what recurs in both hours.
    #[schema(example = "0 7 * * MON")]
    cron: String,
    /// In which time zone (IANA). Absent, UTC.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// What becomes of times at which no host ran. Absent, `run_once`.
    #[serde(default)]
    #[schema(schema_with = missed, required = false)]
    missed: Option<MissedRuns>,
    /// Whether it starts runs. Absent, it does.
    enabled: Option<bool>,
}

/// What is to be changed of a schedule; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SchedulePatch {
    /// Unique in the tenant.
    name: Option<String>,
    /// The workflow's name.
    workflow: Option<String>,
    /// The runs' input.
    #[schema(value_type = Option<Object>)]
    input: Option<Box<RawValue>>,
    /// The times.
    cron: Option<String>,
    /// In which time zone.
    time_zone: Option<String>,
    /// What becomes of times at which no host ran.
    #[serde(default)]
    #[schema(schema_with = missed, required = false)]
    missed: Option<MissedRuns>,
    /// Whether it starts runs.
    enabled: Option<bool>,
}

fn json_text(input: Box<RawValue>) -> String {
    Box::<str>::from(input).into()
}

/// List the schedules
#[utoipa::path(get, path = "/schedules", operation_id = "schedule_list", tag = "schedules",
    responses((status = 200, description = "All of them.", body = ScheduleList), Common))]
pub(super) async fn list(Viewer(tenant): Viewer) -> ApiResult<Json<ScheduleList>> {
    let items = tenant.schedules().await?.into_iter().map(Into::into).collect();
    Ok(Json(ScheduleList { items }))
}

/// Make a schedule
///
/// The workflow, its input, the expression and the time zone are checked; everything that is wrong is said at once. It is
/// due from the next time on that the expression names.
#[utoipa::path(post, path = "/schedules", operation_id = "schedule_create", tag = "schedules", request_body = ScheduleCreate,
    responses((status = 201, description = "It is saved.", body = ScheduleBody, headers(("Location" = String, description = "Where it is."))),
        (status = 415, description = "The body is not JSON.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Unfit, Common, Body))]
pub(super) async fn create(
    User(tenant): User,
    Sent(wanted): Sent<ScheduleCreate, BODY>,
) -> ApiResult<Response> {
    let schedule = NewSchedule {
        name: wanted.name,
        workflow: wanted.workflow,
        input: wanted.input.map_or_else(|| "{}".to_owned(), json_text),
        cron: wanted.cron,
        time_zone: wanted.time_zone.unwrap_or_else(|| "UTC".to_owned()),
        missed: wanted.missed.unwrap_or(MissedRuns::RunOnce),
        enabled: wanted.enabled.unwrap_or(true),
    };
    let body = ScheduleBody::from(tenant.schedule_create(schedule).await?);
    Ok(created(&body.url, &body))
}

/// A schedule
#[utoipa::path(get, path = "/schedules/{id}", operation_id = "schedule_get", tag = "schedules",
    params(("id" = String, Path, description = "The schedule's id.")),
    responses((status = 200, description = "It.", body = ScheduleBody), Common, Missing))]
pub(super) async fn get(Viewer(tenant): Viewer, Path(id): Path<ScheduleId>) -> ApiResult<Json<ScheduleBody>> {
    Ok(Json(tenant.schedule(id).await?.into()))
}

/// Change a schedule
///
/// Times that have passed while it was disabled, or had another expression, are not made up for.
#[utoipa::path(patch, path = "/schedules/{id}", operation_id = "schedule_change", tag = "schedules",
    params(("id" = String, Path, description = "The schedule's id.")), request_body = SchedulePatch,
    responses((status = 200, description = "As it is now.", body = ScheduleBody),
        (status = 415, description = "The body is not JSON.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Unfit, Common, Missing, Body))]
pub(super) async fn change(
    User(tenant): User,
    Path(id): Path<ScheduleId>,
    Sent(body): Sent<SchedulePatch, BODY>,
) -> ApiResult<Json<ScheduleBody>> {
    let SchedulePatch { name, workflow, input, cron, time_zone, missed, enabled } = body;
    let input = input.map(json_text);
    let change = ScheduleChange { name, workflow, input, cron, time_zone, missed, enabled };
    Ok(Json(tenant.schedule_change(id, change).await?.into()))
}

/// Delete a schedule
///
/// The runs that it started stay.
#[utoipa::path(delete, path = "/schedules/{id}", operation_id = "schedule_delete", tag = "schedules",
    params(("id" = String, Path, description = "The schedule's id.")),
    responses((status = 204, description = "It is deleted."), Common, Missing))]
pub(super) async fn delete(User(tenant): User, Path(id): Path<ScheduleId>) -> ApiResult<StatusCode> {
    tenant.schedule_delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start a schedule's run now
///
/// Also if it is disabled. When it is due next does not change.
#[utoipa::path(post, path = "/schedules/{id}/trigger", operation_id = "schedule_trigger", tag = "schedules",
    params(("id" = String, Path, description = "The schedule's id.")),
    responses((status = 201, description = "The run.", body = RunBody), Common, Missing))]
pub(super) async fn trigger(
    User(tenant): User,
    Path(id): Path<ScheduleId>,
) -> ApiResult<(StatusCode, Json<RunBody>)> {
    let started = tenant.schedule_trigger(id).await?;
    Ok((StatusCode::CREATED, Json(tenant.run(started.id).await?.into())))
}
