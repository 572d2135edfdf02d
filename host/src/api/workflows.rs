//! What can be run: workflows, and the phase types that they are made of.

use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    auth::{Admin, Viewer},
    created, cursor,
    error::ApiResult,
    etag::tagged,
    extract,
    extract::{Path, Query},
    not_found,
    openapi::{Body, Common, Missing, Unfit},
    uri::segment,
    wire::{PhaseSpec, ProblemBody, Workflow, digest, time},
};
use crate::{
    engine::{Tenant, WorkflowInfo, WorkflowPage, WorkflowSource, definition},
    model::Problem,
};

/// A workflow and where it comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct WorkflowBody {
    /// The plugin that ships it; absent for one of the tenant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Of that plugin's component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = digest)]
    pub plugin_digest: Option<String>,
    /// Of the definition, of one of the tenant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = digest)]
    pub digest: Option<String>,
    /// When it was saved, of one of the tenant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = time)]
    pub created_at: Option<String>,
    /// Its definition.
    pub workflow: Workflow,
}

impl From<WorkflowInfo> for WorkflowBody {
    fn from(WorkflowInfo { workflow, source }: WorkflowInfo) -> Self {
        let workflow = Workflow((*workflow).clone());
        match source {
            WorkflowSource::Plugin { name, digest } => Self {
                plugin: Some(name),
                plugin_digest: Some(digest.to_string()),
                digest: None,
                created_at: None,
                workflow,
            },
            WorkflowSource::Custom { digest, created_at } => Self {
                plugin: None,
                plugin_digest: None,
                digest: Some(digest.to_string()),
                created_at: Some(created_at.to_string()),
                workflow,
            },
        }
    }
}

/// A page of workflows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct WorkflowList {
    /// By name; of one workflow's versions, the newest first.
    pub items: Vec<WorkflowBody>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Workflows on a page.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Workflows on a page: 1 to 200. Absent, 50. A page of large definitions has fewer.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

impl WorkflowList {
    fn new(page: WorkflowPage, cursor: fn(&WorkflowInfo) -> &str) -> Self {
        let next_cursor = page.items.last().filter(|_| page.more).map(|last| cursor(last).to_owned());
        Self { items: page.items.into_iter().map(Into::into).collect(), next_cursor }
    }
}

/// A phase type and where it comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct PhaseBody {
    /// `PLUGIN/PHASE`: what a step names.
    pub id: String,
    /// The plugin that implements it.
    pub plugin: String,
    /// Of that plugin's component.
    #[schema(schema_with = digest)]
    pub plugin_digest: String,
    /// What the manifest says of it.
    pub phase: PhaseSpec,
}

/// The phase types.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct PhaseList {
    /// By plugin, and in the order of its manifest.
    pub items: Vec<PhaseBody>,
}

/// List the workflows
#[utoipa::path(get, path = "/workflows", operation_id = "workflow_list", tag = "workflows", params(ListQuery),
    responses((status = 200, description = "Those that a run can be started from.", body = WorkflowList), Common))]
pub(super) async fn list(
    Viewer(tenant): Viewer,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<WorkflowList>> {
    let page = tenant
        .workflows(query.cursor.as_deref().unwrap_or_default(), cursor::limit(query.limit, PAGE, MAX_PAGE)?)
        .await?;
    Ok(Json(WorkflowList::new(page, |info| &info.workflow.name)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionQuery {
    /// Which version of one of the tenant's own workflows. Absent, the newest; where it is deleted, all.
    version: Option<String>,
}

/// A workflow
#[utoipa::path(get, path = "/workflows/{name}", operation_id = "workflow_get", tag = "workflows",
    params(("name" = String, Path, description = "Its name."), VersionQuery),
    responses((status = 200, description = "It.", body = WorkflowBody),
        (status = 304, description = "As the client has it (If-None-Match)."), Common, Missing))]
pub(super) async fn get(
    Viewer(tenant): Viewer,
    Path(name): Path<String>,
    Query(query): Query<VersionQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    tagged(&headers, &WorkflowBody::from(tenant.workflow(&name, query.version.as_deref()).await?))
}

/// The versions of a workflow, the newest first
#[utoipa::path(get, path = "/workflows/{name}/versions", operation_id = "workflow_versions", tag = "workflows",
    params(("name" = String, Path, description = "Its name."), ListQuery),
    responses((status = 200, description = "Those that a run can be started from.", body = WorkflowList), Common, Missing))]
pub(super) async fn versions(
    Viewer(tenant): Viewer,
    Path(name): Path<String>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<WorkflowList>> {
    let page = tenant
        .workflow_versions(&name, query.cursor.as_deref(), cursor::limit(query.limit, PAGE, MAX_PAGE)?)
        .await?;
    Ok(Json(WorkflowList::new(page, |info| &info.workflow.version)))
}

/// Save a version of a workflow
///
/// The body is the definition, in JSON or YAML. A version never changes: to change a workflow, save another version.
#[utoipa::path(post, path = "/workflows", operation_id = "workflow_create", tag = "workflows",
    request_body(content((Workflow = "application/json"), (String = "application/yaml"))),
    responses((status = 201, description = "It is saved.", body = WorkflowBody, headers(("Location" = String, description = "Where it is."))),
        Unfit, Common, Body))]
pub(super) async fn create(
    Admin(tenant): Admin,
    State(api): State<Api>,
    request: Request,
) -> ApiResult<Response> {
    let workflow = tenant.definition(&body(&api, request).await?).await?;
    let info = tenant.workflow_create(workflow).await?;
    let (name, version) = (segment(&info.workflow.name), segment(&info.workflow.version));
    let url = format!("/api/v1/workflows/{name}?version={version}");
    Ok(created(&url, &WorkflowBody::from(info)))
}

/// What is wrong with a definition.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct WorkflowCheck {
    /// Whether it can run.
    pub valid: bool,
    /// Everything that is wrong, by JSON Pointer into the definition.
    pub problems: Vec<ProblemBody>,
}

/// Say what is wrong with a definition
///
/// The body is the definition, in JSON or YAML. Nothing is saved.
#[utoipa::path(post, path = "/workflows/validate", operation_id = "workflow_validate", tag = "workflows",
    request_body(content((Workflow = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "What is wrong, if anything is.", body = WorkflowCheck), Common, Body))]
pub(super) async fn validate(
    Viewer(tenant): Viewer,
    State(api): State<Api>,
    request: Request,
) -> ApiResult<Json<WorkflowCheck>> {
    let bytes = body(&api, request).await?;
    let problems = match tenant.definition(&bytes).await {
        Ok(workflow) => tenant.workflow_problems(&workflow).await?,
        Err(error) if error.list().is_empty() => vec![Problem::new("", error.to_string())],
        Err(error) => error.list().to_vec(),
    };
    let problems: Vec<ProblemBody> = problems.into_iter().map(Into::into).collect();
    Ok(Json(WorkflowCheck { valid: problems.is_empty(), problems }))
}

async fn body(api: &Api, request: Request) -> ApiResult<Bytes> {
    let (parts, body) = request.into_parts();
    extract::whole(api, &parts.headers, body, definition::MAX_DEFINITION_BYTES as u64).await
}

/// Delete a version of a workflow, or all
///
/// No new run takes it; runs that were started go on.
#[utoipa::path(delete, path = "/workflows/{name}", operation_id = "workflow_delete", tag = "workflows",
    params(("name" = String, Path, description = "Its name."), VersionQuery),
    responses((status = 204, description = "It is deleted."), Unfit, Common, Missing))]
pub(super) async fn delete(
    Admin(tenant): Admin,
    Path(name): Path<String>,
    Query(query): Query<VersionQuery>,
) -> ApiResult<StatusCode> {
    tenant.workflow_delete(&name, query.version.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the phase types
#[utoipa::path(get, path = "/phases", operation_id = "phase_list", tag = "workflows",
    responses((status = 200, description = "Those of the plugins that new runs take.", body = PhaseList), Common))]
pub(super) async fn phases(Viewer(tenant): Viewer) -> ApiResult<Json<PhaseList>> {
    let mut items = Vec::new();
    for row in tenant.plugins().await? {
        items.extend(phases_of(&tenant, &row.name).await?);
    }
    Ok(Json(PhaseList { items }))
}

async fn phases_of(tenant: &Tenant, plugin: &str) -> ApiResult<Vec<PhaseBody>> {
    let (row, manifest) = tenant.plugin(plugin).await?;
    Ok(manifest
        .phases
        .iter()
        .map(|phase| PhaseBody {
            id: format!("{}/{}", row.name, phase.name),
            plugin: row.name.clone(),
            plugin_digest: row.digest.to_string(),
            phase: PhaseSpec(phase.clone()),
        })
        .collect())
}

async fn find_phase(tenant: &Tenant, plugin: &str, phase: &str) -> ApiResult<PhaseBody> {
    let found = phases_of(tenant, plugin).await?.into_iter().find(|body| body.phase.0.name == phase);
    found.ok_or_else(|| not_found("phase", format!("{plugin}/{phase}")))
}

/// A phase type
#[utoipa::path(get, path = "/phases/{plugin}/{phase}", operation_id = "phase_get", tag = "workflows",
    params(("plugin" = String, Path, description = "The plugin's name."), ("phase" = String, Path, description = "The phase's name.")),
    responses((status = 200, description = "It.", body = PhaseBody),
        (status = 304, description = "As the client has it (If-None-Match)."), Common, Missing))]
pub(super) async fn phase(
    Viewer(tenant): Viewer,
    Path((plugin, phase)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    tagged(&headers, &find_phase(&tenant, &plugin, &phase).await?)
}

/// The JSON Schema of a phase type's configuration
#[utoipa::path(get, path = "/phases/{plugin}/{phase}/config-schema", operation_id = "phase_config_schema", tag = "workflows",
    params(("plugin" = String, Path, description = "The plugin's name."), ("phase" = String, Path, description = "The phase's name.")),
    responses((status = 200, description = "JSON Schema (draft 2020-12).", body = Object, content_type = "application/schema+json"),
        (status = 304, description = "As the client has it (If-None-Match)."), Common, Missing))]
pub(super) async fn phase_config_schema(
    Viewer(tenant): Viewer,
    Path((plugin, phase)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let body = find_phase(&tenant, &plugin, &phase).await?;
    let mut response = tagged(&headers, &body.phase.0.config_schema)?;
    if response.status() == StatusCode::OK {
        let media_type = HeaderValue::from_static("application/schema+json");
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    }
    Ok(response)
}
