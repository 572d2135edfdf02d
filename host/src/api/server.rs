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
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::{Api, router};
use crate::engine::Engine;

/// Connections that are served at once; more wait to be accepted.
const CONNECTIONS: usize = 1024;
/// The head of a request must be there in this time, also of the next one on a connection that is kept.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Requests under way may take this long to end when the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Serve the API until `shutdown` is done; then end the streams, and let requests under way finish for ten seconds.
///
/// # Errors
/// If the listener's address cannot be told. A connection's failure ends that connection only.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let router = router(Api::new(engine, stop.clone()));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
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
                        () = connection(stream, router, stop) => {}
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
    if tokio::time::timeout(DRAIN_TIME, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections are cut: they did not end in time");
        kill.cancel();
        connections.wait().await;
    }
    tracing::info!(%address, "stopped serving");
    Ok(())
}

async fn connection(stream: TcpStream, router: axum::Router, stop: CancellationToken) {
    // Small messages go out at once; if it fails they are merely later.
    let _ = stream.set_nodelay(true);
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
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
