//! Plugins: which there are, loading one, removing one.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    auth::{Admin, Viewer},
    created,
    error::{ApiError, ApiResult},
    etag::tagged,
    extract::{self, Path, Query},
    openapi::{Body, Common, Missing},
    wire::{Manifest, PluginBody},
};
use crate::{engine::Grants, model::Capability};

/// A component may have this many bytes.
const MAX_COMPONENT: u64 = 64 << 20;

/// The plugins that new runs take.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct PluginList {
    /// By name.
    pub items: Vec<PluginBody>,
}

/// A plugin with its manifest.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct PluginDetail {
    /// The plugin.
    #[serde(flatten)]
    pub plugin: PluginBody,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// List the plugins
#[utoipa::path(get, path = "/plugins", operation_id = "plugin_list", tag = "plugins",
    responses((status = 200, description = "Those that new runs take.", body = PluginList), Common))]
pub(super) async fn list(Viewer(tenant): Viewer) -> ApiResult<Json<PluginList>> {
    let items = tenant.plugins().await?.into_iter().map(Into::into).collect();
    Ok(Json(PluginList { items }))
}

/// A plugin and its manifest
#[utoipa::path(get, path = "/plugins/{name}", operation_id = "plugin_get", tag = "plugins",
    params(("name" = String, Path, description = "Its name, or the digest of its component.")),
    responses((status = 200, description = "It.", body = PluginDetail),
        (status = 304, description = "As the client has it (If-None-Match)."), Common, Missing))]
pub(super) async fn get(
    Viewer(tenant): Viewer,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (row, manifest) = tenant.plugin(&name).await?;
    tagged(&headers, &PluginDetail { plugin: row.into(), manifest: Manifest((*manifest).clone()) })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AddQuery {
    /// Name of a plugin that the host itself brings: it is loaded again after it was removed or replaced.
    bundled: Option<String>,
}

/// Load a plugin
///
/// The body is the component, or with `bundled` the host's own is taken. New runs take it in place of the one of the same
/// name; runs already started stay on the one that they are pinned to.
#[utoipa::path(post, path = "/plugins", operation_id = "plugin_add", tag = "plugins", params(AddQuery),
    request_body(content = inline(Vec<u8>), content_type = "application/wasm", description = "The component."),
    responses((status = 201, description = "It is loaded.", body = PluginBody), Common, Body))]
pub(super) async fn add(
    Admin(tenant): Admin,
    State(api): State<Api>,
    Query(query): Query<AddQuery>,
    request: Request,
) -> ApiResult<Response> {
    let (parts, body) = request.into_parts();
    let bytes = extract::whole(&api, &parts.headers, body, MAX_COMPONENT).await?;
    let added = match &query.bundled {
        Some(_) if !bytes.is_empty() => {
            return Err(ApiError::invalid("bundled: it names the component; send no body with it"));
        }
        Some(name) => tenant.plugin_add_bundled(name).await?,
        None => tenant.plugin_add(bytes).await?,
    };
    let plugin = PluginBody::from(added);
    Ok(created(&format!("/api/v1/plugins/{}", super::uri::segment(&plugin.name)), &plugin))
}

/// Remove a plugin
///
/// New runs cannot take it any more; runs already started go on with it. One that the host itself brings stays removed,
/// also after a restart or with a new version of the host.
#[utoipa::path(delete, path = "/plugins/{name}", operation_id = "plugin_remove", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It is removed."), Common, Missing))]
pub(super) async fn remove(Admin(tenant): Admin, Path(name): Path<String>) -> ApiResult<StatusCode> {
    tenant.plugin_remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a plugin wants of the host, and what it was granted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct GrantList {
    /// The capabilities that its phases declare.
    pub wanted: Vec<String>,
    /// Those that it was granted.
    pub granted: Vec<String>,
}

impl From<Grants> for GrantList {
    fn from(Grants { wanted, granted }: Grants) -> Self {
        let text =
            |list: Vec<Capability>| list.into_iter().map(|capability| capability.to_string()).collect();
        Self { wanted: text(wanted), granted: text(granted) }
    }
}

/// What a plugin was granted
#[utoipa::path(get, path = "/plugins/{name}/grants", operation_id = "plugin_grants", tag = "plugins",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "What it wants, and what it has.", body = GrantList), Common, Missing))]
pub(super) async fn grants(Viewer(tenant): Viewer, Path(name): Path<String>) -> ApiResult<Json<GrantList>> {
    Ok(Json(tenant.grants(&name).await?.into()))
}

/// Grant a plugin a capability
///
/// Its attempts have it from their next start on, and so have later versions of it.
#[utoipa::path(put, path = "/plugins/{name}/grants/{capability}", operation_id = "plugin_grant", tag = "plugins",
    params(("name" = String, Path, description = "Its name."), ("capability" = String, Path, description = "The capability.")),
    responses((status = 200, description = "It is granted.", body = GrantList), Common, Missing))]
pub(super) async fn grant(
    Admin(tenant): Admin,
    Path((name, capability)): Path<(String, String)>,
) -> ApiResult<Json<GrantList>> {
    Ok(Json(tenant.grant(&name, &capability).await?.into()))
}

/// Take a capability from a plugin
#[utoipa::path(delete, path = "/plugins/{name}/grants/{capability}", operation_id = "plugin_revoke", tag = "plugins",
    params(("name" = String, Path, description = "Its name."), ("capability" = String, Path, description = "The capability.")),
    responses((status = 200, description = "It is taken.", body = GrantList), Common, Missing))]
pub(super) async fn revoke(
    Admin(tenant): Admin,
    Path((name, capability)): Path<(String, String)>,
) -> ApiResult<Json<GrantList>> {
    Ok(Json(tenant.revoke(&name, &capability).await?.into()))
}
