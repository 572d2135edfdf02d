//! What concerns the host as a whole.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt as _, stream};
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::{
    Api,
    auth::{Admin, Caller},
    error::ApiResult,
    openapi::{Common, Streamed, Unfit},
};
use crate::{
    engine::Tenant,
    error::{Code, Error},
    model::TenantId,
};

/// Bytes on their way to the client.
const AHEAD: usize = 256 * 1024;

/// Make a backup
///
/// A snapshot of the database with everything in it, and the files that it names, while runs go on: a tar archive, compressed
/// by zstd, for `heddle restore`. It holds all tenants' inputs and results, and of tokens only hashes. One is made at a time.
#[utoipa::path(post, path = "/admin/backup", operation_id = "admin_backup", tag = "admin",
    responses((status = 200, description = "The archive. If it breaks off it has no end, and is refused by `heddle restore`.",
        content((inline(Vec<u8>) = "application/zstd"))), Unfit, Common, Streamed))]
pub(super) async fn backup(
    Admin(tenant): Admin,
    Caller(caller): Caller,
    State(api): State<Api>,
) -> ApiResult<Response> {
    of_the_host(&tenant, "a backup holds what all tenants have")?;
    let place = api.streams.place(caller.token)?;
    let backup = api.engine.backup().await?;
    let (to_client, archive) = tokio::io::duplex(AHEAD);
    let out = SyncIoBridge::new(to_client);
    let written = tokio::spawn(async move {
        let _place = place;
        let written = backup.write(out).await;
        if let Err(error) = &written {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(error = %error.long(), cause, "a backup broke off");
        }
        written
    });
    // An archive that broke off must not look like one that ended.
    let end = stream::once(async move {
        match written.await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(Err(std::io::Error::other(error))),
            Err(error) => Some(Err(std::io::Error::other(error))),
        }
    });
    let body = ReaderStream::new(archive).chain(end.filter_map(std::future::ready));
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zstd"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What concerns all tenants is for the admins of the host's own: there is no role above a tenant's admin but theirs.
pub(super) fn of_the_host(tenant: &Tenant, why: &str) -> Result<(), Error> {
    if *tenant.id() == TenantId::default_tenant() {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, format!("{why}; only an admin of the tenant `default` may do this")))
}
