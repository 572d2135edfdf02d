//! Is it alive, can it work, and what does it offer.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    error::{ApiResult, ProblemDetails},
    openapi,
};

/// How the host is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    pub status: String,
    /// The host's version.
    pub version: String,
}

fn ok() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Whether the process is alive
#[utoipa::path(get, path = "/healthz", operation_id = "health_alive", tag = "health", security(()), responses((status = 200, description = "It is.", body = Health)))]
pub(super) async fn alive() -> Json<Health> {
    ok()
}

/// Whether the host can do its work
#[utoipa::path(get, path = "/readyz", operation_id = "health_ready", tag = "health", security(()), responses(
    (status = 200, description = "It can.", body = Health),
    (status = 503, description = "It cannot, and why.", body = ProblemDetails, content_type = "application/problem+json"),
))]
pub(super) async fn ready(State(api): State<Api>) -> ApiResult<Json<Health>> {
    api.engine.ready().await?;
    Ok(ok())
}

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "health", security(()), responses(
    (status = 200, description = "OpenAPI 3.1.", body = Object),
))]
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::text()).into_response()
}
