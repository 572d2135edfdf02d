//! Extractors whose refusals are problem details, and bodies within bounds.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header},
};
use futures::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Api,
    error::{ApiError, ApiResult, Kind},
};
use crate::error::Code;

/// The parameters of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

/// The query. Its types deny what they do not know: a misspelt filter that is ignored shows too much.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body of at most so many bytes.
pub(crate) struct Sent<T, const LIMIT: u64>(pub(crate) T);

impl<T: DeserializeOwned, const LIMIT: u64> FromRequest<Api> for Sent<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        json(api, request, LIMIT).await.map(Self)
    }
}

/// The same, of which nothing need be said: without a body, everything is as by default.
pub(crate) struct SentOrDefault<T, const LIMIT: u64>(pub(crate) T);

impl<T: DeserializeOwned + Default, const LIMIT: u64> FromRequest<Api> for SentOrDefault<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        if content_length(request.headers()).unwrap_or(0) == 0 && !chunked {
            return Ok(Self(T::default()));
        }
        json(api, request, LIMIT).await.map(Self)
    }
}

/// Bodies up to this size need no permit.
const SMALL_BODY: u64 = 1 << 20;
/// A large body waits this long for its turn.
const BODY_TURN: Duration = Duration::from_secs(10);
/// So much of a refused body is read and thrown away: a client that is cut off while it writes never reads the answer.
const DRAIN_BYTES: usize = 1 << 30;
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// A client that sends nothing for so long waits for the answer.
const DRAIN_IDLE: Duration = Duration::from_millis(500);

/// What the client says of the body's length.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Read a whole body into memory: at most `limit` bytes, within a time, and only some large ones at once.
pub(crate) async fn whole(api: &Api, headers: &HeaderMap, body: Body, limit: u64) -> ApiResult<Bytes> {
    let announced = content_length(headers);
    let mut stream = body.into_data_stream();
    if announced.is_some_and(|length| length > limit) {
        drain(&mut stream).await;
        return Err(too_large(limit));
    }
    let _turn = large_body_turn(api, announced).await?;
    let read = async {
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(SMALL_BODY) as usize);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| broken_off(&error))?;
            if bytes.len() as u64 + chunk.len() as u64 > limit {
                drain(&mut stream).await;
                return Err(too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(bytes))
    };
    let deadline = api.config.body;
    match tokio::time::timeout(deadline, read).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::new(Kind::Timeout, format!("the body was not there after {deadline:?}"))),
    }
}

async fn large_body_turn(api: &Api, announced: Option<u64>) -> ApiResult<Option<OwnedSemaphorePermit>> {
    if announced.is_some_and(|length| length <= SMALL_BODY) {
        return Ok(None);
    }
    match tokio::time::timeout(BODY_TURN, api.large_bodies.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(Some(permit)),
        _ => Err(ApiError::new(
            Kind::Busy,
            "too many large requests at once; try again, or upload files by POST /uploads",
        )),
    }
}

pub(crate) fn too_large(limit: u64) -> ApiError {
    ApiError::new(Kind::Engine(Code::TooLarge), format!("at most {limit} bytes are allowed"))
}

/// Why a body did not come whole.
pub(crate) fn broken_off(error: &axum::Error) -> ApiError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = source {
        if inner.is::<tower_http::timeout::TimeoutError>() {
            return ApiError::new(Kind::Timeout, "the body stopped coming");
        }
        source = inner.source();
    }
    ApiError::invalid(format!("the body broke off: {error}"))
}

/// Read on for a while after a refusal: closing at once would reset the connection before the client has the answer.
pub(crate) async fn drain<E>(stream: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin)) {
    let read = async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(DRAIN_IDLE, stream.next()).await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // If it takes longer, the connection is reset after all.
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}

/// A JSON body, read within `limit`.
pub(crate) async fn json<T: DeserializeOwned>(api: &Api, request: Request, limit: u64) -> ApiResult<T> {
    let (parts, body) = request.into_parts();
    let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = media_type.is_some_and(|media_type| {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    });
    if !is_json {
        let message = "the body must be JSON, with the header Content-Type: application/json";
        return Err(ApiError::new(Kind::MediaType, message));
    }
    let bytes = whole(api, &parts.headers, body, limit).await?;
    let text = axum::Json::<T>::from_bytes(&bytes)?;
    Ok(text.0)
}
