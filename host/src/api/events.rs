//! A run's events: as pages, as server-sent events, and by WebSocket. All three know the same numbers.

use std::{convert::Infallible, pin::pin, time::Duration};

use axum::{
    Json,
    extract::{
        State,
        ws::{
            CloseFrame, Message as Frame, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::{
    Api,
    auth::{Caller, Viewer},
    cursor,
    error::{ApiError, ApiResult},
    extract::{Path, Query},
    feed::{self, Message},
    openapi::{Common, Missing, Streamed},
    wire::{EventBody, EventPage},
};
use crate::{error::Result, events::Live, model::RunId};

/// A WebSocket's peer that answered none of so many pings takes nothing any more.
const PINGS: u32 = 2;
/// A WebSocket's peer has no more to say than this.
const MAX_FRAME: usize = 4096;
/// The subprotocol that the server speaks.
const SUBPROTOCOL: &str = "heddle";
/// Events on a page.
const MAX_PAGE: u32 = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only events with higher numbers. Absent, all.
    after: Option<u64>,
    /// Events on a page: 1 to 1000. Absent, 1000. A stream has no pages.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A run's events, as a page or as a stream
///
/// With `Accept: text/event-stream` they come as server-sent events: first all that have happened, then the rest as it
/// happens, until the run has ended. Each durable event has its number as `id`, so that the header Last-Event-ID (or
/// `after`) resumes without loss or doubles. `step.progress` is live only and has no id. When there is nothing more to
/// come, a stream is answered with 204, which tells an EventSource to stop.
#[utoipa::path(get, path = "/runs/{id}/events", operation_id = "event_list", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), EventsQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The last number that a stream's client has seen.")),
    responses((status = 200, description = "A page, or a stream.", content(
            (EventPage = "application/json"), (String = "text/event-stream"))),
        (status = 204, description = "A stream was asked for, the run has ended, and the client has seen all of it."),
        Common, Missing, Streamed))]
pub(super) async fn list(
    Viewer(tenant): Viewer,
    Caller(caller): Caller,
    State(api): State<Api>,
    Path(id): Path<RunId>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    if !wants_stream(&headers) {
        let after = query.after.unwrap_or(0);
        let limit = cursor::limit(query.limit, MAX_PAGE, MAX_PAGE)?;
        let events = tenant.events(id, after, limit).await?;
        let next_after = events.last().map_or(after, |event| event.seq);
        let items = events.into_iter().map(EventBody::from).collect();
        return Ok(Json(EventPage { items, next_after }).into_response());
    }
    // A browser that reconnects sends the header, and the same URL as before.
    let after = last_event_id(&headers)?.or(query.after).unwrap_or(0);
    if feed::is_over(&tenant, id, after).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let messages = feed::messages(tenant, id, after, api.streams.place(caller.token)?);
    let stream = server_sent(messages, id);
    let keep_alive = KeepAlive::new().interval(api.config.heartbeat);
    let mut response = Sse::new(stream).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect responses would hold the events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
    })
}

fn last_event_id(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| ApiError::invalid("Last-Event-ID: it is the number of an event"))
}

/// A live message as JSON.
fn live_json(Live { step, fraction, message }: Live) -> serde_json::Value {
    json!({ "type": "step.progress", "step": step, "fraction": fraction, "message": message })
}

fn server_sent(
    messages: impl Stream<Item = Result<Message>> + Send + 'static,
    run: RunId,
) -> impl Stream<Item = std::result::Result<sse::Event, Infallible>> + Send + 'static {
    async_stream::stream! {
        let mut messages = pin!(messages);
        while let Some(message) = messages.next().await {
            match message {
                Ok(Message::Event(event)) => {
                    let (seq, kind) = (event.seq, event.kind);
                    let data = json!(EventBody::from(event)).to_string();
                    yield Ok(sse::Event::default().id(seq.to_string()).event(kind.as_str()).data(data));
                }
                Ok(Message::Live(live)) => {
                    let data = live_json(live).to_string();
                    yield Ok(sse::Event::default().event("step.progress").data(data));
                }
                Err(error) => {
                    // The client sees the stream end, and resumes from the last number that it has.
                    tracing::error!(%run, %error, "an event stream broke off");
                    return;
                }
            }
        }
    }
}

/// A run's events by WebSocket
///
/// The same as the stream of server-sent events, each message a JSON text frame: events have `seq` and `type`, live
/// messages have no `seq`. The server closes with 1000 when the run has ended and all is told, at once if that is so from
/// the start. A browser, which cannot send the header Authorization, offers the subprotocols `heddle` and `bearer.TOKEN`.
#[utoipa::path(get, path = "/runs/{id}/ws", operation_id = "event_socket", tag = "runs",
    params(("id" = String, Path, description = "The run's id."), SocketQuery),
    responses((status = 101, description = "The WebSocket is open."),
        (status = 426, description = "The request opens no WebSocket.", body = super::ProblemDetails, content_type = "application/problem+json"),
        Common, Missing, Streamed))]
pub(super) async fn socket(
    Viewer(tenant): Viewer,
    Caller(caller): Caller,
    State(api): State<Api>,
    Path(id): Path<RunId>,
    Query(query): Query<SocketQuery>,
    upgrade: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let upgrade = upgrade.map_err(|rejection| ApiError::upgrade_required(rejection.body_text()))?;
    // Refused while a status can still say so.
    tenant.run_row(id).await?;
    let place = api.streams.place(caller.token)?;
    let cut = place.cut.clone();
    let messages = feed::messages(tenant, id, query.after.unwrap_or(0), place);
    let heartbeat = api.config.heartbeat;
    Ok(upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| speak(socket, messages, id, heartbeat, move || cut.is_cancelled())))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SocketQuery {
    /// Only events with higher numbers. Absent, all.
    after: Option<u64>,
}

async fn speak(
    mut socket: WebSocket,
    messages: impl Stream<Item = Result<Message>>,
    run: RunId,
    heartbeat: Duration,
    is_cut: impl Fn() -> bool,
) {
    let mut messages = pin!(messages);
    let mut heartbeat = tokio::time::interval(heartbeat);
    let mut unanswered = 0;
    let (code, reason) = loop {
        let frame = tokio::select! {
            message = messages.next() => match message {
                Some(Ok(Message::Event(event))) => Frame::text(json!(EventBody::from(event)).to_string()),
                Some(Ok(Message::Live(live))) => Frame::text(live_json(live).to_string()),
                Some(Err(error)) => {
                    tracing::error!(%run, %error, "an event stream broke off");
                    break (close_code::ERROR, "the host cannot read the events for the moment");
                }
                None if is_cut() => {
                    break (close_code::AWAY, "the server stops or the token was revoked; resume from the last number");
                }
                None => break (close_code::NORMAL, "the run has ended"),
            },
            // Pongs and closes are answered below this; anything else that the peer says means nothing.
            said = socket.recv() => match said {
                Some(Ok(_)) => {
                    unanswered = 0;
                    continue;
                }
                Some(Err(_)) | None => return,
            },
            _ = heartbeat.tick() => {
                if unanswered == PINGS {
                    tracing::debug!(%run, "a WebSocket is cut: its peer answers no pings");
                    return;
                }
                unanswered += 1;
                Frame::Ping(axum::body::Bytes::new())
            }
        };
        if socket.send(frame).await.is_err() {
            return;
        }
    };
    // If the peer is gone, nobody needs the reason.
    let _ =
        socket.send(Frame::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await;
}
