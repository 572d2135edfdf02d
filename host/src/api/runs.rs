//! Runs: starting, listing, looking at; steps' outputs and logs.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    auth::{User, Viewer},
    cursor,
    error::{ApiError, ApiResult},
    etag, extract,
    extract::{Path, Query},
    not_found,
    openapi::{Body, Common, Missing, Unfit},
    wire::{LogBody, RunBody, RunPage, StepPageBody, Workflow, upload_id},
};
use crate::{
    engine::{MAX_STEPS_SHOWN, StartFile, StartRun, Tenant, place},
    model::{RunId, RunState, ScheduleId, Timestamp, UnknownState, UploadId},
    store::RunFilter,
};

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Nobody waits longer than this for a run.
const MAX_WAIT: Duration = Duration::from_secs(300);
/// Runs on a page.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
/// The longest text that runs are searched for, in bytes.
const SEARCH_BYTES: usize = 200;
/// Room for the rest of a start's body beside the input.
const BESIDE_INPUT: u64 = 1 << 20;

/// What a run is started with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunStart {
    /// The workflow's name; or else
    #[schema(example = "ticket_analysis")]
    workflow: Option<String>,
    /// which version of one of the tenant's own workflows. Absent, the newest.
    version: Option<String>,
    /// A definition for this run alone, in place of a workflow by name.
    #[schema(value_type = Option<Workflow>)]
    definition: Option<Box<RawValue>>,
    /// The input, as the workflow's `input_schema` has it. Absent, an empty object.
    #[schema(value_type = Option<Object>)]
    input: Option<Box<RawValue>>,
    /// Uploaded files.
    #[serde(default)]
    #[schema(required = false)]
    files: Vec<RunStartFile>,
    /// All randomness of the run comes from it. Absent, it is derived from the plan and the input.
    seed: Option<u64>,
    /// The clock that the phases see (RFC 3339). Absent, the time of the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// Whether its steps begin by themselves. If not, each phase's result waits for a review: continue, retry or skip it.
    /// Absent, they do.
    auto_run: Option<bool>,
    /// Of the runs that wait for a place, the one with the highest goes first. Absent, 0.
    priority: Option<i32>,
    /// It starts no earlier (RFC 3339). Absent, at once.
    #[schema(value_type = Option<String>, format = DateTime)]
    start_at: Option<Timestamp>,
}

/// An uploaded file that a run is started with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunStartFile {
    /// Id of the upload.
    #[schema(schema_with = upload_id)]
    upload: UploadId,
    /// Its name in the run. Absent, as it was uploaded.
    name: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StartQuery {
    /// Wait so long for the end of the run: `30s`, `2m`, `500ms`; five minutes at most.
    #[param(example = "30s")]
    wait: Option<String>,
}

/// Start a run
///
/// When the answer comes, the run is durable. With the header `Idempotency-Key` the same request can be sent again: it
/// starts nothing more, and answers with the run that it started.
#[utoipa::path(post, path = "/runs", operation_id = "run_start", tag = "runs",
    params(StartQuery, ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters, unique to this request.")),
    request_body = RunStart,
    responses(
        (status = 201, description = "It is started.", body = RunBody, headers(("Location" = String, description = "Where the run is."))),
        (status = 200, description = "It ended within the time that `wait` gives, or (with the header Idempotency-Replayed: true) an earlier request with the same key started it.", body = RunBody),
        (status = 404, description = "There is no such workflow or upload.", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON.", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The idempotency key was used for another request.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Common, Body))]
pub(super) async fn start(
    User(tenant): User,
    State(api): State<Api>,
    Query(query): Query<StartQuery>,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    let wait = query.wait.as_deref().map(wait_time).transpose()?;
    let idempotency_key = headers.get(&IDEMPOTENCY_KEY).map(read_idempotency_key).transpose()?;
    let limit = api.engine.config().max_input_bytes.saturating_add(BESIDE_INPUT);
    let body: RunStart = extract::json(&api, request, limit).await?;
    let definition = match &body.definition {
        Some(text) => Some(Box::new(tenant.definition(text.get().as_bytes()).await?)),
        None => None,
    };
    let workflow = match (body.workflow, &definition) {
        (Some(name), None) => name,
        (None, Some(definition)) if body.version.is_none() => definition.name.clone(),
        _ => {
            return Err(ApiError::invalid("say either workflow, with its version if need be, or definition"));
        }
    };
    let start = StartRun {
        workflow,
        version: body.version,
        definition,
        input: body.input.map_or_else(|| "{}".to_owned(), |input| Box::<str>::from(input).into()),
        files: body
            .files
            .into_iter()
            .map(|RunStartFile { upload, name }| StartFile { upload, name })
            .collect(),
        seed: body.seed,
        as_of: body.as_of,
        auto_run: body.auto_run,
        priority: body.priority,
        start_at: body.start_at,
        idempotency_key,
        schedule: None,
    };
    let (detail, replayed) = match wait {
        // A server that stops waits for nobody: the run goes on at the next start, and the client can come back.
        Some(wait) => tenant.run_to_end(start, wait, api.stop.cancelled()).await?,
        None => {
            let started = tenant.run_start(start).await?;
            (tenant.run(started.id).await?, started.replayed)
        }
    };
    let id = detail.run.id;
    let ended_in_time = wait.is_some() && detail.run.state.is_terminal();
    let status = if replayed || ended_in_time { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = (status, Json(RunBody::from(detail))).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/runs/{id}")) {
        headers.insert(header::LOCATION, location);
    }
    if replayed {
        headers.insert(&IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn wait_time(text: &str) -> ApiResult<Duration> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    match parsed.map(Duration::try_from) {
        Ok(Ok(wait)) if wait <= MAX_WAIT => Ok(wait),
        _ => {
            let message = format!("wait: {text:?} is no time such as 30s, 2m or 500ms up to five minutes");
            Err(ApiError::invalid(message))
        }
    }
}

fn read_idempotency_key(value: &HeaderValue) -> ApiResult<String> {
    let fits = |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let text = value.to_str().ok().filter(fits);
    text.map(str::to_owned).ok_or_else(|| {
        ApiError::invalid("Idempotency-Key: give 1 to 255 visible ASCII characters, such as a UUID")
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those in this state, or in one of several: `failed,cancelled`.
    #[param(value_type = Option<String>)]
    state: Option<String>,
    /// Only those of this workflow.
    workflow: Option<String>,
    /// Only those created then or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only those created before (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only those that were forked from this run.
    #[param(value_type = Option<String>)]
    forked_from: Option<RunId>,
    /// Only those that this schedule started.
    #[param(value_type = Option<String>)]
    schedule: Option<ScheduleId>,
    /// Only those whose workflow's name contains this, in whatever case, or whose id begins with it. At most 200 bytes.
    search: Option<String>,
    /// `next_cursor` of the page before, with the same filter.
    cursor: Option<String>,
    /// Runs on a page: 1 to 200. Absent, 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List runs, newest first
#[utoipa::path(get, path = "/runs", operation_id = "run_list", tag = "runs", params(ListQuery),
    responses((status = 200, description = "A page.", body = RunPage), Common))]
pub(super) async fn list(Viewer(tenant): Viewer, Query(query): Query<ListQuery>) -> ApiResult<Json<RunPage>> {
    let states = query.state.as_deref().map(|text| text.split(',').map(str::parse).collect());
    let mut states: Vec<RunState> = states
        .transpose()
        .map_err(|error: UnknownState| {
            let states: Vec<&str> = RunState::ALL.iter().map(|state| state.as_str()).collect();
            ApiError::invalid(format!("state: {error}; there are: {}", states.join(", ")))
        })?
        .unwrap_or_default();
    // In one order, so that the cursor of `a,b` serves `b,a`.
    states.sort_by_key(|state| state.as_str());
    states.dedup();
    let limit = cursor::limit(query.limit, PAGE, MAX_PAGE)?;
    if let Some(bytes) = query.search.as_ref().map(String::len).filter(|bytes| *bytes > SEARCH_BYTES) {
        return Err(ApiError::invalid(format!("search: {bytes} bytes; at most {SEARCH_BYTES} are allowed")));
    }
    let ListQuery { workflow, since, until, forked_from, schedule, search, .. } = query;
    let filter = RunFilter { states, workflow, since, until, forked_from, schedule, search };
    let after = query.cursor.map(|text| cursor::read(&filter, &text)).transpose()?;
    // One more than is shown tells whether there is another page.
    let mut rows = tenant.runs(filter.clone(), after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|last| cursor::write(&filter, last.id));
    Ok(Json(RunPage { items: rows.into_iter().map(Into::into).collect(), next_cursor }))
}

/// A run with its steps and their last attempts
///
/// Of a run with more than 500 steps the first ones; `/runs/{id}/steps` has all.
#[utoipa::path(get, path = "/runs/{id}", operation_id = "run_get", tag = "runs",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "It.", body = RunBody), Common, Missing))]
pub(super) async fn get(Viewer(tenant): Viewer, Path(id): Path<RunId>) -> ApiResult<Json<RunBody>> {
    Ok(Json(tenant.run(id).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StepQuery {
    /// `steps_cursor` of the run, or `next_cursor` of the page before. Absent, from the first step on.
    cursor: Option<String>,
    /// Steps on a page: 1 to 500. Absent, 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The steps of a run, page by page
#[utoipa::path(get, path = "/runs/{id}/steps", operation_id = "step_list", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), StepQuery),
    responses((status = 200, description = "A page.", body = StepPageBody), Common, Missing))]
pub(super) async fn steps(
    Viewer(tenant): Viewer,
    Path(id): Path<RunId>,
    Query(query): Query<StepQuery>,
) -> ApiResult<Json<StepPageBody>> {
    let limit = cursor::limit(query.limit, MAX_STEPS_SHOWN, MAX_STEPS_SHOWN)?;
    let after = query.cursor.as_deref().map(cursor::place).transpose()?;
    Ok(Json(StepPageBody::new(id, tenant.run_steps(id, after.as_ref(), limit).await?)))
}

/// A run with all its steps: for what is made of the whole.
pub(crate) async fn whole(tenant: &Tenant, id: RunId) -> crate::error::Result<RunBody> {
    let detail = tenant.run(id).await?;
    let mut next = detail.page.steps.last().filter(|_| detail.page.more).map(place);
    let mut run = RunBody::from(detail);
    while let Some(after) = next {
        let page = tenant.run_steps(id, Some(&after), MAX_STEPS_SHOWN).await?;
        next = page.steps.last().filter(|_| page.more).map(place);
        run.steps.extend(StepPageBody::new(id, page).items);
    }
    run.steps_cursor = None;
    Ok(run)
}

/// The output of a run that has completed
#[utoipa::path(get, path = "/runs/{id}/output", operation_id = "run_output", tag = "runs",
    params(("id" = String, Path, description = "The run's id.")),
    responses((status = 200, description = "What its workflow's output mapping makes; without one, an object with the outputs of its last steps, by name.", body = Object),
        (status = 304, description = "As the client has it (If-None-Match)."), Unfit, Common, Missing))]
pub(super) async fn output(
    Viewer(tenant): Viewer,
    Path(id): Path<RunId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    Ok(etag::tagged_bytes(&headers, Bytes::from_owner(tenant.run_output(id).await?)))
}

/// The output of a step
#[utoipa::path(get, path = "/runs/{id}/steps/{step}/output", operation_id = "step_output", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), ("step" = String, Path, description = "The step's name.")),
    responses((status = 200, description = "As the phase's output schema has it.", body = Object),
        (status = 304, description = "As the client has it (If-None-Match)."), Common, Missing))]
pub(super) async fn step_output(
    Viewer(tenant): Viewer,
    Path((id, step)): Path<(RunId, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let output = tenant.step_output(id, &step).await?;
    let output = output.ok_or_else(|| not_found("output", format!("of step {step} of run {id} yet")))?;
    Ok(etag::tagged_text(&headers, output))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// The attempt's number. Absent, the last one.
    attempt: Option<u32>,
}

/// The log of an attempt at a step
#[utoipa::path(get, path = "/runs/{id}/steps/{step}/log", operation_id = "step_log", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), ("step" = String, Path, description = "The step's name."), LogQuery),
    responses((status = 200, description = "What the phase wrote; there when the attempt has ended.", body = LogBody), Common, Missing))]
pub(super) async fn step_log(
    Viewer(tenant): Viewer,
    Path((id, step)): Path<(RunId, String)>,
    Query(query): Query<LogQuery>,
) -> ApiResult<Json<LogBody>> {
    let lines = tenant.step_log(id, &step, query.attempt).await?;
    Ok(Json(LogBody { lines: lines.into_iter().map(Into::into).collect() }))
}
