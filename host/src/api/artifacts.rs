//! Artifacts: the list, and their content by streams, ranges and entity tags.

use std::io::SeekFrom;

use axum::{
    Json,
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;

use super::{
    auth::Viewer,
    cursor,
    error::{ApiError, ApiResult, Kind},
    etag::matches_tag,
    extract::{Path, Query},
    openapi::{Common, Missing},
    wire::{ArtifactBody, ArtifactPage},
};
use crate::{
    engine::Tenant,
    error::Error,
    model::{FileKind, RunId},
    store::{ArtifactPlace, ArtifactRow},
};

/// Bytes that are read from the disk at once.
const CHUNK: usize = 64 * 1024;

/// What a browser shows of a tenant's file acts as nobody: its own origin, no network, no parent, no forms. Scripts of
/// the file itself may run there, because dashboards are interactive.
const SANDBOX: &str = "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'";

/// Artifacts on a page.
const PAGE: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `next_cursor` of the page before. Absent, from the first one on.
    cursor: Option<String>,
    /// Artifacts on a page: 1 to 500. Absent, 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// With `true`, the latest version of each alone. Absent, all versions.
    #[serde(default)]
    #[param(required = false)]
    latest: bool,
}

/// A run's artifacts, page by page
#[utoipa::path(get, path = "/runs/{id}/artifacts", operation_id = "artifact_list", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), ListQuery),
    responses((status = 200, description = "A page.", body = ArtifactPage), Common, Missing))]
pub(super) async fn list(
    Viewer(tenant): Viewer,
    Path(id): Path<RunId>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<ArtifactPage>> {
    let limit = cursor::limit(query.limit, PAGE, PAGE)?;
    let after: Option<ArtifactPlace> = query.cursor.as_deref().map(cursor::place).transpose()?;
    // One more than is shown tells whether there is another page.
    let mut found = tenant.artifacts(id, query.latest, after.as_ref(), limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| cursor::after(&last.place));
    let items = found.into_iter().map(|listed| ArtifactBody::new(id, listed)).collect();
    Ok(Json(ArtifactPage { items, next_cursor }))
}

/// The latest version of each of a run's artifacts: for what is made of the whole.
pub(crate) async fn latest(tenant: &Tenant, id: RunId) -> crate::error::Result<Vec<ArtifactBody>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let found = tenant.artifacts(id, true, after.as_ref(), PAGE).await?;
        let Some(last) = found.last() else { return Ok(all) };
        after = Some(last.place.clone());
        all.extend(found.into_iter().map(|listed| ArtifactBody::new(id, listed)));
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ContentQuery {
    /// Absent, the last one that was made.
    version: Option<u32>,
    /// With `1`, a browser saves the file instead of showing it.
    #[param(value_type = Option<u8>)]
    download: Option<u8>,
}

/// An artifact's content
///
/// The entity tag is the digest of the bytes. One range is served (RFC 9110, 14). A browser shows the file in a sandbox
/// (Content-Security-Policy), where it can neither act as this server's origin nor reach the network.
#[utoipa::path(get, path = "/runs/{id}/artifacts/{step}/{name}", operation_id = "artifact_content", tag = "runs",
    params(("id" = String, Path, description = "The run's id."),
        ("step" = String, Path, description = "The step's name."),
        ("name" = String, Path, description = "The file's name."), ContentQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes.")),
    responses((status = 200, description = "All of it.", body = inline(Vec<u8>), content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for.", body = inline(Vec<u8>), content_type = "application/octet-stream"),
        (status = 304, description = "As the client has it (If-None-Match)."),
        (status = 416, description = "The range lies outside the content.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Common, Missing))]
pub(super) async fn content(
    Viewer(tenant): Viewer,
    Path((id, step, name)): Path<(RunId, String, String)>,
    Query(query): Query<ContentQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (row, mut file) = tenant.artifact(id, &step, &name, query.version).await?;
    let tag = format!("\"{}\"", row.digest);
    let mut response = if matches_tag(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match range(&headers, &tag, row.size) {
            Wanted::All => {
                let body = Body::from_stream(ReaderStream::with_capacity(file, CHUNK));
                sized(StatusCode::OK, row.size, body)
            }
            Wanted::Part(first, last) => {
                let unread = |error| Error::internal(format!("artifact {step}/{name} cannot be read"), error);
                file.seek(SeekFrom::Start(first)).await.map_err(unread)?;
                let length = last - first + 1;
                let body = Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK));
                let mut response = sized(StatusCode::PARTIAL_CONTENT, length, body);
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", row.size));
                response
            }
            Wanted::None => {
                let message = format!("the content has {} bytes, and none of them is in the range", row.size);
                let mut response = ApiError::new(Kind::Range, message).into_response();
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", row.size));
                return Ok(response);
            }
        }
    };
    describe(&mut response, &row, &tag, query.download.is_some_and(|download| download != 0));
    Ok(response)
}

fn sized(status: StatusCode, length: u64, body: Body) -> Response {
    (status, [(header::CONTENT_LENGTH, length)], body).into_response()
}

/// A header whose value is made of what cannot be out of bounds there; otherwise it is left out.
fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn describe(response: &mut Response, row: &ArtifactRow, tag: &str, download: bool) {
    insert(response, header::ETAG, tag);
    insert(response, header::CONTENT_TYPE, &row.media_type);
    let disposition = if download || row.restricted || !is_shown(row.kind) { "attachment" } else { "inline" };
    insert(response, header::CONTENT_DISPOSITION, &content_disposition(disposition, &row.name));
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !download {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    }
}

fn is_shown(kind: FileKind) -> bool {
    match kind {
        FileKind::Json
        | FileKind::Csv
        | FileKind::Markdown
        | FileKind::Html
        | FileKind::Png
        | FileKind::Svg
        | FileKind::Pdf
        | FileKind::Text => true,
        FileKind::Xlsx | FileKind::Docx | FileKind::Pptx | FileKind::Zip | FileKind::Binary => false,
    }
}

/// Content-Disposition (RFC 6266), with the name in both forms where it is not plain ASCII.
pub(super) fn content_disposition(kind: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_. ()+,=@".contains(c);
    if name.chars().all(plain) {
        return format!("{kind}; filename=\"{name}\"");
    }
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{}", super::uri::segment(name))
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// First and last byte, both included.
    Part(u64, u64),
    None,
}

/// The range asked for (RFC 9110, 14.2). What is not one well-formed range of bytes is ignored, as the RFC has it.
fn range(headers: &HeaderMap, tag: &str, size: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(spec) = text(header::RANGE).and_then(|value| value.strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    // Without the bytes that the client has a part of, the part is worth nothing. Dates are no strong validators here.
    if text(header::IF_RANGE).is_some_and(|validator| validator != tag) {
        return Wanted::All;
    }
    let Some((first, last)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else {
        return Wanted::All;
    };
    let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(size.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, size.saturating_sub(1)),
        (Err(_), Ok(0)) if first.is_empty() => return Wanted::None,
        (Err(_), Ok(suffix)) if first.is_empty() => (size.saturating_sub(suffix), size.saturating_sub(1)),
        _ => return Wanted::All,
    };
    if first < size { Wanted::Part(first, last) } else { Wanted::None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn wanted(range_header: &str, if_range: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range_header.parse().unwrap());
        if let Some(validator) = if_range {
            headers.insert(header::IF_RANGE, validator.parse().unwrap());
        }
        range(&headers, "\"tag\"", 10)
    }

    #[test]
    fn ranges_by_the_rfc() {
        assert_eq!(wanted("bytes=0-3", None), Wanted::Part(0, 3));
        assert_eq!(wanted("bytes=4-", None), Wanted::Part(4, 9));
        assert_eq!(wanted("bytes=-3", None), Wanted::Part(7, 9));
        assert_eq!(wanted("bytes=-30", None), Wanted::Part(0, 9));
        assert_eq!(wanted("bytes=8-99", None), Wanted::Part(8, 9));
        assert_eq!(wanted("bytes=10-", None), Wanted::None);
        assert_eq!(wanted("bytes=-0", None), Wanted::None);
        for ignored in ["bytes=3-1", "bytes=0-1,4-5", "lines=0-1", "bytes=x-y", "bytes=-"] {
            assert_eq!(wanted(ignored, None), Wanted::All, "{ignored}");
        }
        assert_eq!(wanted("bytes=0-3", Some("\"tag\"")), Wanted::Part(0, 3));
        assert_eq!(wanted("bytes=0-3", Some("\"other\"")), Wanted::All);
    }

    #[test]
    fn names_are_quoted_or_encoded() {
        assert_eq!(content_disposition("inline", "a b.png"), "inline; filename=\"a b.png\"");
        assert_eq!(
            content_disposition("attachment", "ü\".csv"),
            "attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%BC%22.csv"
        );
    }
}
