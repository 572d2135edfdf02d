//! Statistics over runs.

use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    auth::Viewer,
    error::{ApiError, ApiResult},
    extract::Query,
    openapi::Common,
    wire::StatisticsBody,
};
use crate::{model::Timestamp, store::StatisticsFilter};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatisticsQuery {
    /// Only over runs of this workflow.
    workflow: Option<String>,
    /// Only over runs created then or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only over runs created before (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Statistics over runs: all of them, by workflow, and by phase
///
/// Percentiles are by nearest rank: the least measured value that is no less than so many of a hundred. Over many runs give
/// `since`: the cost grows with the runs of the span.
#[utoipa::path(get, path = "/statistics", operation_id = "statistics_get", tag = "runs", params(StatisticsQuery),
    responses((status = 200, description = "They.", body = StatisticsBody), Common))]
pub(super) async fn get(
    Viewer(tenant): Viewer,
    Query(query): Query<StatisticsQuery>,
) -> ApiResult<Json<StatisticsBody>> {
    let StatisticsQuery { workflow, since, until } = query;
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(ApiError::invalid(format!("since: {since} is not before until, {until}")));
    }
    Ok(Json(tenant.statistics(&StatisticsFilter { workflow, since, until }).await?.into()))
}
