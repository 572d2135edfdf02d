//! Connections: accepted within bounds, with time limits, and drained at the end.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::{Api, ServeConfig, router};
use crate::engine::Engine;

/// Serve the API until `shutdown` is done; then end the streams, and let requests under way finish for a while.
///
/// # Errors
/// If the listener's address cannot be told. A connection's failure ends that connection only.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    config: ServeConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let ServeConfig { connections, head, write_pause, drain, .. } = config;
    let router = router(Api::new(engine, config, stop.clone()));
    let places = Arc::new(Semaphore::new(connections));
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    tracing::info!(%address, "serving");
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, stop, kill) = (router.clone(), stop.clone(), kill.clone());
                connections.spawn(async move {
                    tokio::select! {
                        () = connection(stream, router, (head, write_pause), stop) => {}
                        () = kill.cancelled() => {}
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or the client was gone already: what is being served goes on.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    stop.cancel();
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut: they did not end in time");
        kill.cancel();
        connections.wait().await;
    }
    tracing::info!(%address, "stopped serving");
    Ok(())
}

async fn connection(
    stream: TcpStream,
    router: axum::Router,
    (head, write_pause): (Duration, Duration),
    stop: CancellationToken,
) {
    // Small messages go out at once; if it fails they are merely later.
    let _ = stream.set_nodelay(true);
    // Below all that is sent: responses, event streams, archives, and what the connection is upgraded to.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_pause));
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head)
            .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service))
            .with_upgrades()
    );
    let result = tokio::select! {
        result = &mut connection => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;

    use axum::{
        Router,
        body::Bytes,
        extract::{
            FromRequest as _,
            ws::{Message, WebSocket, WebSocketUpgrade},
        },
        response::{
            IntoResponse as _,
            sse::{Event, Sse},
        },
    };
    use futures::stream;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpSocket,
        time::{Instant, sleep, timeout},
    };

    use super::*;

    /// Long enough that a busy machine does not keep a client from reading for it.
    const WRITE_PAUSE: Duration = Duration::from_secs(3);
    const PATHS: [(&str, &str); 3] = [("/body", ""), ("/events", ""), ("/socket", UPGRADE)];
    const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                           sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    /// What never ends, in each of the ways in which the API sends what lasts. `held` is held while it is sent.
    fn endless(held: Arc<()>) -> Router {
        let text = "x".repeat(16 << 10);
        Router::new().fallback(async move |request: Request| match request.uri().path() {
            "/body" => Body::from_stream(stream::repeat_with(move || {
                let _held = &held;
                Ok::<_, Infallible>(Bytes::from(text.clone()))
            }))
            .into_response(),
            "/events" => Sse::new(stream::repeat_with(move || {
                let _held = &held;
                Ok::<_, Infallible>(Event::default().data(&text))
            }))
            .into_response(),
            _ => {
                let upgrade = WebSocketUpgrade::from_request(request, &()).await;
                let speak = async move |mut peer: WebSocket| {
                    let _held = held;
                    while peer.send(Message::text(text.clone())).await.is_ok() {}
                };
                upgrade.map(|upgrade| upgrade.on_upgrade(speak)).into_response()
            }
        })
    }

    /// Ask for a path of a server that has this one connection. Returns how long what is sent was held on to, while the
    /// client reads so much every now and then.
    async fn sent_for(path: &str, more: &str, reads: usize) -> Duration {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let held = Arc::new(());
        let (address, router) = (listener.local_addr().unwrap(), endless(Arc::clone(&held)));
        let times = (Duration::from_secs(30), WRITE_PAUSE);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            connection(stream, router, times, CancellationToken::new()).await;
        });
        let socket = TcpSocket::new_v4().unwrap();
        // Of what is sent, little can wait on this side.
        socket.set_recv_buffer_size(4096).unwrap();
        let mut client = socket.connect(address).await.unwrap();
        client.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n").as_bytes()).await.unwrap();
        let mut buffer = vec![0; reads.max(12)];
        client.read_exact(&mut buffer[..12]).await.unwrap();
        assert!(buffer.starts_with(b"HTTP/1.1 200") || buffer.starts_with(b"HTTP/1.1 101"));
        let begin = Instant::now();
        let gone = async {
            while Arc::strong_count(&held) > 1 {
                sleep(Duration::from_millis(20)).await;
                if reads > 0 {
                    client.read_exact(&mut buffer).await.unwrap();
                }
            }
        };
        // The one that reads is served as long as it does.
        let _ = timeout(if reads > 0 { 2 * WRITE_PAUSE } else { 20 * WRITE_PAUSE }, gone).await;
        begin.elapsed()
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off_whatever_it_is_sent() {
        let all = |reads| futures::future::join_all(PATHS.map(|(path, more)| sent_for(path, more, reads)));
        let (none, some) = tokio::join!(all(0), all(64 << 10));
        for ((path, _), time) in std::iter::zip(PATHS, none) {
            assert!((WRITE_PAUSE / 2..20 * WRITE_PAUSE).contains(&time), "{path}: {time:?}");
        }
        for ((path, _), time) in std::iter::zip(PATHS, some) {
            assert!(time >= 2 * WRITE_PAUSE, "{path}: one that reads is cut off after {time:?}");
        }
    }
}
