//! What can be run: workflows, and the phase types that they are made of.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    auth::Viewer,
    error::ApiResult,
    etag::tagged,
    extract::Path,
    not_found,
    openapi::{Common, Missing},
    wire::{PhaseSpec, Workflow, digest},
};
use crate::engine::{Tenant, WorkflowInfo};

/// A workflow and where it comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct WorkflowBody {
    /// The plugin that ships it.
    pub plugin: String,
    /// Of that plugin's component.
    #[schema(schema_with = digest)]
    pub plugin_digest: String,
    /// Its definition.
    pub workflow: Workflow,
}

impl From<WorkflowInfo> for WorkflowBody {
    fn from(WorkflowInfo { workflow, plugin, digest }: WorkflowInfo) -> Self {
        Self { plugin, plugin_digest: digest.to_string(), workflow: Workflow((*workflow).clone()) }
    }
}

/// The workflows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct WorkflowList {
    /// By name.
    pub items: Vec<WorkflowBody>,
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
#[utoipa::path(get, path = "/workflows", operation_id = "workflow_list", tag = "workflows",
    responses((status = 200, description = "Those that a run can be started from.", body = WorkflowList), Common))]
pub(super) async fn list(Viewer(tenant): Viewer) -> ApiResult<Json<WorkflowList>> {
    let items = tenant.workflows().await?.into_iter().map(Into::into).collect();
    Ok(Json(WorkflowList { items }))
}

/// A workflow
#[utoipa::path(get, path = "/workflows/{name}", operation_id = "workflow_get", tag = "workflows",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "It.", body = WorkflowBody),
        (status = 304, description = "As the client has it (If-None-Match)."), Common, Missing))]
pub(super) async fn get(
    Viewer(tenant): Viewer,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    tagged(&headers, &WorkflowBody::from(tenant.workflow(&name).await?))
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
