//! Entity tags: what the client has already is not sent again (RFC 9110, 8.8.3 and 13.1).

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio_util::io::ReaderStream;

use super::error::{ApiError, ApiResult};
use crate::{engine::StoredText, error::Error, model::Digest};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// JSON with an entity tag; 304 if the client has it already.
pub(super) fn tagged(headers: &HeaderMap, body: &impl Serialize) -> ApiResult<Response> {
    let text = serde_json::to_vec(body)
        .map_err(|error| ApiError::from(Error::internal("the answer could not be written", error)))?;
    Ok(tagged_bytes(headers, text))
}

/// JSON text with an entity tag; 304 if the client has it already.
pub(super) fn tagged_bytes(headers: &HeaderMap, text: impl Into<Bytes>) -> Response {
    let text = text.into();
    tagged_body(headers, &Digest::of(&text), text.len() as u64, Body::from(text))
}

/// The output of a step: a large one is sent while it is read.
pub(super) fn tagged_text(headers: &HeaderMap, text: StoredText) -> Response {
    match text {
        StoredText::Text(text) => tagged_bytes(headers, text),
        StoredText::File { file, digest, size } => {
            tagged_body(headers, &digest, size, Body::from_stream(ReaderStream::with_capacity(file, CHUNK)))
        }
    }
}

fn tagged_body(headers: &HeaderMap, digest: &Digest, size: u64, body: Body) -> Response {
    let tag = format!("\"{digest}\"");
    let mut response = if matches_tag(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let length = HeaderValue::from(size);
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json), (header::CONTENT_LENGTH, length)], body).into_response()
    };
    // A digest in quotes is a header's value.
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Whether If-None-Match has the tag (RFC 9110, 13.1.2: weak comparison).
pub(super) fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
    })
}
