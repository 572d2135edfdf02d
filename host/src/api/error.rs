//! Errors as HTTP tells them: problem details (RFC 9457), by one table.

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::ProblemBody;
use crate::error::{Code, Error};

/// A handler's result.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// The kinds of errors that a client can tell apart: those of the engine, and those that only HTTP knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of the engine's.
    Engine(Code),
    /// No such route.
    NoRoute,
    /// The route does not know the method.
    MethodNotAllowed,
    /// The body did not come in time.
    Timeout,
    /// The body is of another media type than the route takes.
    MediaType,
    /// The route speaks WebSocket only.
    UpgradeRequired,
    /// None of the ranges asked for lies within the content.
    Range,
    /// Too many streams or large bodies at once.
    Busy,
    /// The token has all the streams open that it may have.
    TooManyStreams,
}

impl Kind {
    /// The one table: status, machine-readable code, title.
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Engine(Code::Invalid) => (StatusCode::BAD_REQUEST, "invalid", "The request is not valid"),
            Self::Engine(Code::TooLarge) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The content is too large")
            }
            Self::Engine(Code::Unauthenticated) => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "A valid token is needed")
            }
            Self::Engine(Code::Forbidden) => {
                (StatusCode::FORBIDDEN, "forbidden", "The token does not allow this")
            }
            Self::Engine(Code::NotFound) => (StatusCode::NOT_FOUND, "not_found", "There is no such thing"),
            Self::Engine(Code::Conflict) => {
                (StatusCode::CONFLICT, "conflict", "The request does not fit the state of things")
            }
            Self::Engine(Code::IdempotencyMismatch) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_mismatch",
                "The idempotency key was used for another request",
            ),
            Self::Engine(Code::Unavailable) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The host cannot do this for the moment")
            }
            Self::Engine(Code::Internal) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The host is at fault")
            }
            Self::NoRoute => (StatusCode::NOT_FOUND, "no_route", "There is no such route"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The route does not know the method")
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The request did not come in time"),
            Self::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "The route takes another media type")
            }
            Self::UpgradeRequired => {
                (StatusCode::UPGRADE_REQUIRED, "upgrade_required", "The route speaks WebSocket only")
            }
            Self::Range => (StatusCode::RANGE_NOT_SATISFIABLE, "range", "The range lies outside the content"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much is going on at once"),
            Self::TooManyStreams => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_streams", "The token has too many streams open")
            }
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        self.row().0
    }
}

/// An error on its way to the client. The outermost layer logs it once and writes it out with the request's id.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) kind: Kind,
    detail: String,
    problems: Vec<ProblemBody>,
    /// What only the log gets.
    cause: Option<String>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), problems: Vec::new(), cause: None }
    }

    /// What was sent is wrong.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Kind::Engine(Code::Invalid), detail)
    }

    /// The request opens no WebSocket.
    pub(crate) fn upgrade_required(detail: String) -> Self {
        Self::new(Kind::UpgradeRequired, detail)
    }

    /// The response of a layer or extractor of others, which has a status and perhaps a text.
    pub(crate) fn foreign(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::NOT_FOUND => Kind::NoRoute,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::Engine(Code::TooLarge),
            StatusCode::REQUEST_TIMEOUT => Kind::Timeout,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::MediaType,
            status if status.is_client_error() => Kind::Engine(Code::Invalid),
            _ => Kind::Engine(Code::Internal),
        };
        Self::new(kind, status.canonical_reason().unwrap_or("error").to_lowercase())
    }

    /// Whether the log has more to say than the answer.
    pub(crate) fn has_cause(&self) -> bool {
        self.cause.is_some()
    }

    /// Log it: what the host is at fault for as errors with their causes, the rest for those who look.
    pub(crate) fn log(&self, request_id: &str, method: &str, path: &str) {
        let (status, code, _) = self.kind.row();
        let (detail, cause) = (self.detail.as_str(), self.cause.as_deref().unwrap_or_default());
        if status.is_server_error() && self.kind != Kind::Busy {
            tracing::error!(request_id, method, path, code, detail, cause, "request failed");
        } else {
            tracing::debug!(request_id, method, path, code, detail, "request refused");
        }
    }

    /// As problem details with the request's id.
    pub(crate) fn problem(&self, request_id: &str) -> Response {
        let (status, code, title) = self.kind.row();
        let body = ProblemDetails {
            kind: format!("urn:heddle:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            code: code.to_owned(),
            request_id: request_id.to_owned(),
            problems: self.problems.clone(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let mut cause = String::new();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            if !cause.is_empty() {
                cause.push_str(": ");
            }
            cause.push_str(&inner.to_string());
            source = inner.source();
        }
        Self {
            kind: Kind::Engine(error.code()),
            detail: error.to_string(),
            problems: error.list().iter().cloned().map(ProblemBody::from).collect(),
            cause: (!cause.is_empty()).then_some(cause),
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        match rejection {
            PathRejection::FailedToDeserializePathParams(inner) => {
                Self::invalid(format!("the path: {}", inner.kind()))
            }
            other => Self::invalid(other.body_text()),
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self { detail: rejection.body_text(), ..Self::foreign(rejection.status()) }
    }
}

impl IntoResponse for ApiError {
    /// The status, and the error itself for the outermost layer, which alone knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// A URI that identifies the kind of problem; `urn:heddle:problem:CODE`.
    #[serde(rename = "type")]
    #[schema(example = "urn:heddle:problem:not_found")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// The kind for programs: `invalid`, `too_large`, `unauthenticated`, `forbidden`, `not_found`, `conflict`,
    /// `idempotency_mismatch`, `unavailable`, `internal`, `no_route`, `method_not_allowed`, `timeout`, `media_type`,
    /// `upgrade_required`, `range`, `busy`, `too_many_streams`.
    pub code: String,
    /// As in the header `x-request-id`; the host's log has it too.
    pub request_id: String,
    /// The single things that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemBody>,
}
