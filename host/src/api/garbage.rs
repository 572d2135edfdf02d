//! Garbage collection, when somebody wants it now.

use std::time::Duration;

use axum::{
    Json,
    extract::{Request, State},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    admin::of_the_host,
    auth::Admin,
    error::ApiResult,
    extract,
    openapi::{Body, Common, Unfit},
};
use crate::engine::{Collected, Retention};

/// What is collected is a few words.
const MAX_BODY: u64 = 64 << 10;

/// What is to be collected. Times that are absent are those that the host was started with.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GarbageCollect {
    /// Only say what would be removed.
    #[serde(default)]
    pub dry_run: bool,
    /// Delete runs so many seconds after their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_runs_seconds: Option<u64>,
    /// Delete uploads so many seconds after they were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_uploads_seconds: Option<u64>,
    /// Remove files when nothing has named them for so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u64>,
}

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct GarbageCollected {
    /// Runs that had ended long enough ago.
    pub runs: u64,
    /// Uploads that were too old.
    pub uploads: u64,
    /// Plans that no run had any more.
    pub plans: u64,
    /// Files that nothing named any more.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Files that nothing names, but not for long enough: a later collection removes them.
    pub files_waiting: u64,
}

impl From<Collected> for GarbageCollected {
    fn from(done: Collected) -> Self {
        let Collected { runs, uploads, plans, blobs, bytes, waiting } = done;
        Self { runs, uploads, plans, files: blobs, bytes, files_waiting: waiting }
    }
}

/// Collect garbage
///
/// Deletes the runs and uploads of all tenants that are kept no longer, and removes the files that nothing has named for the
/// grace period. The host does so by itself from time to time; two collections take place one after the other.
#[utoipa::path(post, path = "/admin/gc", operation_id = "admin_gc", tag = "admin", request_body = GarbageCollect,
    responses((status = 200, description = "It is done.", body = GarbageCollected),
        (status = 415, description = "The body is not JSON.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Unfit, Common, Body))]
pub(super) async fn collect(
    Admin(tenant): Admin,
    State(api): State<Api>,
    request: Request,
) -> ApiResult<Json<GarbageCollected>> {
    of_the_host(&tenant, "garbage is collected for all tenants")?;
    let wanted: GarbageCollect = extract::json(&api, request, MAX_BODY).await?;
    let seconds = |given: Option<u64>, otherwise| given.map_or(otherwise, Duration::from_secs);
    let usual = api.engine.config().retention;
    let retention = Retention {
        runs: wanted.keep_runs_seconds.map(Duration::from_secs).or(usual.runs),
        uploads: seconds(wanted.keep_uploads_seconds, usual.uploads),
        grace: seconds(wanted.grace_seconds, usual.grace),
    };
    let done = match wanted.dry_run {
        true => api.engine.collectable(&retention).await?,
        false => api.engine.collect(&retention).await?,
    };
    Ok(Json(done.into()))
}
