//! Files for runs to come.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
};
use futures::StreamExt as _;
use mediatype::MediaType;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Api,
    auth::User,
    error::{ApiError, ApiResult, Kind},
    extract::{self, Query},
    openapi::{Body, Common},
    wire::UploadBody,
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AddQuery {
    /// The file's name, without directories.
    filename: String,
}

/// A media type (RFC 9110, 8.3.1), as the client wrote it: it goes out again with what runs make of the file.
fn media_type(value: &HeaderValue) -> ApiResult<&str> {
    let text = value.to_str().ok().map(str::trim).filter(|text| text.len() <= 255);
    text.filter(|text| MediaType::parse(text).is_ok()).ok_or_else(|| {
        let said: String = String::from_utf8_lossy(value.as_bytes()).chars().take(80).collect();
        ApiError::invalid(format!(
            "Content-Type: {said:?} is no media type such as text/csv (or leave the header out)"
        ))
    })
}

/// Upload a file
///
/// The body is the file itself, and the header Content-Type its media type. It is stored while it comes.
#[utoipa::path(post, path = "/uploads", operation_id = "upload_add", tag = "uploads", params(AddQuery),
    request_body(content = inline(Vec<u8>), content_type = "application/octet-stream", description = "The file."),
    responses((status = 201, description = "It is stored.", body = UploadBody), Common, Body))]
pub(super) async fn add(
    User(tenant): User,
    State(api): State<Api>,
    Query(query): Query<AddQuery>,
    request: Request,
) -> ApiResult<(StatusCode, Json<UploadBody>)> {
    let limit = api.engine.config().max_upload_bytes;
    let (parts, body) = request.into_parts();
    let media_type = parts.headers.get(header::CONTENT_TYPE).map(media_type).transpose()?;
    if extract::content_length(&parts.headers).is_some_and(|length| length > limit) {
        extract::drain(&mut body.into_data_stream()).await;
        return Err(extract::too_large(limit));
    }
    // The engine sees that the stream broke off, not why; the client is to know.
    let mut timed_out = false;
    let mut stream = body.into_data_stream();
    let uploaded = {
        let timed_out = &mut timed_out;
        let chunks = (&mut stream).map(|chunk| {
            chunk.map_err(|error| {
                *timed_out = extract::broken_off(&error).kind == Kind::Timeout;
                std::io::Error::other(error)
            })
        });
        tenant.upload(&query.filename, media_type, chunks).await
    };
    match uploaded {
        Ok(row) => Ok((StatusCode::CREATED, Json(row.into()))),
        Err(_) if timed_out => Err(ApiError::new(Kind::Timeout, "the file stopped coming")),
        Err(error) => {
            extract::drain(&mut stream).await;
            Err(error.into())
        }
    }
}
