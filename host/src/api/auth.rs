//! Who asks, and whether they may: a handler gets a tenant only by naming the role that it takes.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::{Api, error::ApiError};
use crate::{
    engine::{Principal, Role, Tenant},
    error::{Code, Error},
};

/// Browsers cannot give a WebSocket a header, but a list of subprotocols: one of them is this and the token.
const SUBPROTOCOL_PREFIX: &str = "bearer.";

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) Tenant);

        impl FromRequestParts<Api> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
                allowed(parts, api, Role::$name).await.map(Self)
            }
        }
    )+};
}

roles!(
    /// The tenant of somebody who may look.
    Viewer;
    /// The tenant of somebody who may start and steer runs.
    User;
    /// The tenant of somebody who may load plugins, and make and revoke tokens.
    Admin;
);

/// Who asks, for what is counted by token. What somebody may do is asked by naming a role.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Principal);

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let caller = Self(api.engine.authenticate(&secret(&parts.headers)?).await?);
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

async fn allowed(parts: &mut Parts, api: &Api, role: Role) -> Result<Tenant, ApiError> {
    let Caller(principal) = Caller::from_request_parts(parts, api).await?;
    if principal.role < role {
        let message =
            format!("token {} has the role {}; this takes the role {role}", principal.token, principal.role);
        return Err(Error::new(Code::Forbidden, message).into());
    }
    Ok(api.engine.tenant(&principal.tenant).acting(&principal.name))
}

fn secret(headers: &HeaderMap) -> Result<String, ApiError> {
    let unauthenticated = |message: &str| ApiError::from(Error::new(Code::Unauthenticated, message));
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        return value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim().to_owned())
            .ok_or_else(|| unauthenticated("the header Authorization must be: Bearer TOKEN"));
    }
    // Only where a WebSocket is opened: everybody else can send the header.
    if headers.contains_key(header::UPGRADE) {
        let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let mut offered =
            offered.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim);
        if let Some(secret) = offered.find_map(|protocol| protocol.strip_prefix(SUBPROTOCOL_PREFIX)) {
            return Ok(secret.to_owned());
        }
    }
    Err(unauthenticated(
        "send the header Authorization: Bearer TOKEN (a WebSocket may offer the subprotocols heddle and bearer.TOKEN instead)",
    ))
}
