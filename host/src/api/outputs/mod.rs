//! All outputs of a run at once: as a structure with URLs, or as an archive that is sent while it is made.

mod archive;
pub(crate) mod provenance;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::provenance::Provenance;
use super::{
    Api,
    artifacts::{self, content_disposition},
    auth::{Caller, Viewer},
    error::ApiResult,
    extract::{Path, Query},
    openapi::{Common, Missing, Streamed},
    runs,
    wire::{ArtifactBody, RunBody, RunSummary},
};
use crate::model::RunId;

/// The form of the outputs.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// A structure with URLs.
    #[default]
    Api,
    /// A zip archive.
    Download,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OutputsQuery {
    /// `api` (a structure with URLs) or `download` (a zip archive). Absent, `api`.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// Whether the archive holds restricted files too, such as a key from masked to original ids. Absent, they are left out.
    #[serde(default)]
    #[param(inline, required = false)]
    restricted: bool,
}

/// All outputs of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Outputs {
    /// The run.
    pub run: RunSummary,
    /// The latest files that the workflow's user wants to have.
    pub deliverables: Vec<ArtifactBody>,
    /// By step, in the definition's order.
    pub steps: Vec<StepOutputs>,
    /// Where the archive is, relative to the server.
    pub download_url: String,
}

/// What a step made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct StepOutputs {
    /// Its name.
    pub step: String,
    /// Where it stands.
    pub state: String,
    /// Where its output is, relative to the server; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_url: Option<String>,
    /// The latest version of each of its files.
    pub artifacts: Vec<ArtifactBody>,
}

/// All outputs of a run
///
/// The archive holds `STEP/FILE` for the latest version of each file, `STEP/output.json`, and `manifest.json` with
/// their digests and where they come from. Its bytes are the same each time once the run has ended.
#[utoipa::path(get, path = "/runs/{id}/outputs", operation_id = "output_get", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), OutputsQuery),
    responses((status = 200, description = "The structure, or the archive.", content(
            (Outputs = "application/json"), (inline(Vec<u8>) = "application/zip"))),
        Common, Missing, Streamed))]
pub(super) async fn get(
    Viewer(tenant): Viewer,
    Caller(caller): Caller,
    State(api): State<Api>,
    Path(id): Path<RunId>,
    Query(query): Query<OutputsQuery>,
) -> ApiResult<Response> {
    let latest = artifacts::latest(&tenant, id).await?;
    let run = runs::whole(&tenant, id).await?;
    match query.format {
        Format::Api => Ok(Json(structure(run, latest)).into_response()),
        Format::Download => {
            let name = format!("{}-{id}.zip", run.run.workflow);
            let provenance = Provenance::new(&run, &latest, query.restricted);
            let body = archive::stream(tenant, id, provenance, api.streams.place(caller.token)?);
            let mut response = body.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
            if let Ok(value) = HeaderValue::from_str(&content_disposition("attachment", &name)) {
                headers.insert(header::CONTENT_DISPOSITION, value);
            }
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            Ok(response)
        }
    }
}

fn structure(run: RunBody, latest: Vec<ArtifactBody>) -> Outputs {
    let mut made = provenance::by_step(&latest);
    let steps = run
        .steps
        .into_iter()
        .map(|step| StepOutputs {
            artifacts: made.remove(step.name.as_str()).unwrap_or_default().into_iter().cloned().collect(),
            step: step.name,
            state: step.state,
            output_url: step.output_url,
        })
        .collect();
    Outputs {
        download_url: format!("{}/outputs?format=download", run.run.url),
        deliverables: latest
            .into_iter()
            .filter(|artifact| artifact.deliverable && !artifact.restricted)
            .collect(),
        run: run.run,
        steps,
    }
}
