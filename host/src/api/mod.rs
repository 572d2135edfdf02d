//! The HTTP API (`/api/v1`): routes, bounds, and the one place where errors become responses.
//!
//! A handler turns a request into one or two calls of the engine and their answer into its shape on the wire. It never
//! sees the database. A tenant is reached only by way of [`auth`]'s extractors, so that no handler can forget to ask who
//! is there.

#![allow(unused_qualifications, reason = "utoipa::path repeats the types of a handler's parameters")]

mod admin;
mod approvals;
pub(crate) mod artifacts;
mod auth;
mod config;
mod control;
mod cursor;
mod error;
mod etag;
mod events;
mod extract;
mod feed;
pub(crate) mod garbage;
mod health;
mod local;
mod openapi;
pub(crate) mod outputs;
pub(crate) mod plugins;
pub(crate) mod runs;
mod schedules;
mod server;
mod statistics;
mod steps;
mod streams;
pub(crate) mod tokens;
mod uploads;
pub mod uri;
pub mod wire;
pub(crate) mod workflows;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
pub use config::ServeConfig;
pub use error::ProblemDetails;
pub use openapi::document;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    error::{ApiError, Kind},
    streams::Streams,
};
use crate::engine::Engine;

pub(crate) use local::Local;
pub use server::serve;

/// Requests with bodies above 1 MiB that are held in memory at once.
const LARGE_BODIES: usize = 4;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    engine: Engine,
    config: Arc<ServeConfig>,
    /// Turns for large bodies.
    large_bodies: Arc<Semaphore>,
    /// Places for streams that last.
    streams: Streams,
    /// Ends what lasts when the server stops.
    stop: CancellationToken,
}

impl Api {
    fn new(engine: Engine, config: ServeConfig, stop: CancellationToken) -> Self {
        Self {
            engine,
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES)),
            streams: Streams::new(&config, stop.clone()),
            config: Arc::new(config),
            stop,
        }
    }
}

/// Every route. All are added by `routes!`, so that what is served and what the document says are one list.
fn routes() -> OpenApiRouter<Api> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(runs::start, runs::list))
        .routes(routes!(runs::get, control::change, control::delete))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::cancel))
        .routes(routes!(control::retry))
        .routes(routes!(control::fork))
        .routes(routes!(control::execute))
        .routes(routes!(control::verify))
        .routes(routes!(steps::go_on))
        .routes(routes!(steps::retry))
        .routes(routes!(steps::trigger))
        .routes(routes!(steps::skip))
        .routes(routes!(steps::rollback))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::get))
        .routes(routes!(approvals::decide))
        .routes(routes!(approvals::of_run))
        .routes(routes!(approvals::signal))
        .routes(routes!(statistics::get))
        .routes(routes!(admin::backup))
        .routes(routes!(garbage::collect))
        .routes(routes!(runs::steps))
        .routes(routes!(runs::output))
        .routes(routes!(runs::step_output))
        .routes(routes!(plugins::grants))
        .routes(routes!(plugins::grant, plugins::revoke))
        .routes(routes!(runs::step_log))
        .routes(routes!(events::list))
        .routes(routes!(events::socket))
        .routes(routes!(artifacts::list))
        .routes(routes!(artifacts::content))
        .routes(routes!(outputs::get))
        .routes(routes!(uploads::add))
        .routes(routes!(plugins::list, plugins::add))
        .routes(routes!(plugins::get, plugins::remove))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::get, schedules::change, schedules::delete))
        .routes(routes!(schedules::trigger))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(workflows::list, workflows::create))
        .routes(routes!(workflows::validate))
        .routes(routes!(workflows::get, workflows::delete))
        .routes(routes!(workflows::versions))
        .routes(routes!(workflows::phases))
        .routes(routes!(workflows::phase))
        .routes(routes!(workflows::phase_config_schema));
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::openapi))
        .nest("/api/v1", v1)
}

fn router(api: Api) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(async |request: Request| {
            let path: String = request.uri().path().chars().take(200).collect();
            ApiError::new(Kind::NoRoute, format!("there is no route {path}; /openapi.json lists them"))
        })
        .method_not_allowed_fallback(async |request: Request| {
            let message = format!("{} is not a method of this route; see the header Allow", request.method());
            ApiError::new(Kind::MethodNotAllowed, message)
        })
        // Bodies are bounded where they are read, each by its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyTimeoutLayer::new(api.config.body_pause))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(finish))
        .with_state(api)
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().map_or_else(String::new, |message| (*message).to_owned()),
    };
    let source = format!("a handler panicked: {message}");
    ApiError::from(crate::error::Error::internal("the host has a defect here", source)).into_response()
}

/// The outermost layer: gives the request its id, and makes of every error, whoever made it, problem details.
async fn finish(request: Request, next: Next) -> Response {
    let sent = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = match sent.filter(|id| is_request_id(id)) {
        Some(id) => id.to_owned(),
        None => format!("req_{}", uuid::Uuid::now_v7().simple()),
    };
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    // Whoever asks from within the process tells people the answer; what it does not tell is the cause.
    let from_within = request.extensions().get::<auth::Caller>().is_some();
    let started = std::time::Instant::now();
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let error = response.extensions_mut().remove::<ApiError>();
        let error = error.unwrap_or_else(|| ApiError::foreign(status));
        if !from_within || error.has_cause() {
            error.log(&id, &method, &path);
        }
        let problem = error.problem(&id);
        // Headers that explain the status, such as Allow and Content-Range, stay.
        let (parts, _) = response.into_parts();
        response = problem;
        for (name, value) in &parts.headers {
            if name != header::CONTENT_LENGTH && !response.headers().contains_key(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
    } else {
        let ms = started.elapsed().as_millis() as u64;
        tracing::debug!(request_id = id, method, path, status = status.as_u16(), ms, "request served");
    }
    // An id that came in a header or was made above fits into one.
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(&REQUEST_ID, value);
    }
    response
}

/// Whether a client's id may stand in logs and headers as it is.
fn is_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// The answer to a request that has made something: what it is, and where.
fn created(url: &str, body: &impl serde::Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    // Names and ids are in it as segments: ASCII without control characters.
    if let Ok(location) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// An error for a thing that is not there.
fn not_found(kind: &str, name: impl std::fmt::Display) -> ApiError {
    crate::error::Error::not_found(kind, name).into()
}
