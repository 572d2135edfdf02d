//! The API without a network, for the process that has the data directory open itself.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, StatusCode},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Api, ServeConfig, auth::Caller, router};
use crate::{
    engine::{Engine, Principal, Role},
    model::{TenantId, TokenId},
};

/// The largest answer that is held in memory, in bytes.
const ANSWER_BYTES: usize = 256 << 20;

/// The API of an engine in this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Local {
    router: Router,
    /// Whoever holds the data directory is its admin. No header can say so.
    caller: Caller,
}

impl Local {
    pub(crate) fn new(engine: Engine) -> Self {
        let principal = Principal {
            tenant: TenantId::default_tenant(),
            token: TokenId::new(),
            name: "whoever holds the data directory".to_owned(),
            role: Role::Admin,
        };
        let api = Api::new(engine, ServeConfig::default(), CancellationToken::new());
        Self { router: router(api), caller: Caller(principal) }
    }

    /// A request.
    pub(crate) async fn call(&self, mut request: Request<Body>) -> anyhow::Result<(StatusCode, Bytes)> {
        request.extensions_mut().insert(self.caller.clone());
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status();
        Ok((status, axum::body::to_bytes(response.into_body(), ANSWER_BYTES).await?))
    }
}
