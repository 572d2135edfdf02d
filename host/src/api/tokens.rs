//! Tokens: which there are, making one, revoking one.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    auth::{Admin, Caller},
    error::ApiResult,
    extract::{Path, Sent},
    openapi::{Body, Common, Missing},
    wire::{TokenBody, role},
};
use crate::{
    engine::{NewToken, Role},
    model::{Timestamp, TokenId},
};

/// A token is a name and a few words.
const MAX_BODY: u64 = 64 << 10;

/// A token that somebody wants.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenCreate {
    /// For people: who or what uses it.
    #[schema(example = "nightly report")]
    pub name: String,
    /// What it may do.
    #[schema(schema_with = role)]
    pub role: Role,
    /// When it ceases to open (RFC 3339). Absent, it opens until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct TokenCreated {
    /// The token.
    #[serde(flatten)]
    pub token: TokenBody,
    /// What opens the API: `Authorization: Bearer SECRET`. It is shown here and never again.
    pub secret: String,
}

/// The tokens that there are.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct TokenList {
    /// Oldest first; also those that have expired.
    pub items: Vec<TokenBody>,
}

/// List the tokens
///
/// Their secrets are not kept, and so not shown.
#[utoipa::path(get, path = "/tokens", operation_id = "token_list", tag = "tokens",
    responses((status = 200, description = "All of them.", body = TokenList), Common))]
pub(super) async fn list(Admin(tenant): Admin) -> ApiResult<Json<TokenList>> {
    let items = tenant.tokens().await?.into_iter().map(Into::into).collect();
    Ok(Json(TokenList { items }))
}

/// Make a token
///
/// The secret is in this answer and nowhere else: only its hash is kept.
#[utoipa::path(post, path = "/tokens", operation_id = "token_create", tag = "tokens", request_body = TokenCreate,
    responses((status = 201, description = "It opens from now on.", body = TokenCreated),
        (status = 409, description = "There are too many.", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Common, Body))]
pub(super) async fn create(
    Admin(tenant): Admin,
    Caller(caller): Caller,
    Sent(body): Sent<TokenCreate, MAX_BODY>,
) -> ApiResult<Response> {
    let TokenCreate { name, role, expires_at } = body;
    let (token, secret) = tenant.token_create(NewToken { name, role, expires_at }).await?;
    tracing::info!(token = %token.id, name = token.name, role = token.role, by = %caller.token, "token made");
    let mut response =
        (StatusCode::CREATED, Json(TokenCreated { token: token.into(), secret })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Revoke a token
///
/// It opens nothing any more, and its event streams end.
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "token_revoke", tag = "tokens",
    params(("id" = String, Path, description = "The token's id.")),
    responses((status = 204, description = "It is revoked."), Common, Missing))]
pub(super) async fn revoke(
    Admin(tenant): Admin,
    Caller(caller): Caller,
    State(api): State<Api>,
    Path(id): Path<TokenId>,
) -> ApiResult<StatusCode> {
    tenant.token_revoke(id).await?;
    api.streams.revoke(id);
    tracing::info!(token = %id, by = %caller.token, "token revoked");
    Ok(StatusCode::NO_CONTENT)
}
