//! WASI 0.2 for guests whose languages need it: linked, but empty. No directory, no environment, no arguments, no
//! sockets; standard output and error go to the attempt's log; clocks and random are the given ones.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use rand_chacha::{ChaCha12Rng, rand_core::SeedableRng};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::{
    log::{AttemptLog, Stream},
    meter::Meter,
    state::{GuestState, Stopped},
};

/// The most random bytes that one call returns.
const RANDOM_MAX: u64 = 1 << 20;
/// Bytes that one write to a stream may have.
const WRITE_MAX: usize = 64 << 10;

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi, table, now_ms, seed, log, meter, .. } = self;
        let ctx = wasi.get_or_insert_with(|| empty(*now_ms, *seed, log, meter));
        WasiCtxView { ctx, table }
    }
}

fn empty(now_ms: u64, seed: [u8; 32], log: &Arc<Mutex<AttemptLog>>, meter: &Arc<Meter>) -> WasiCtx {
    let random = |stream| {
        let mut random = ChaCha12Rng::from_seed(seed);
        random.set_stream(stream);
        random
    };
    let stream = |stream| LogStream { stream, log: Arc::clone(log), meter: Arc::clone(meter) };
    let mut insecure_seed = [0; 16];
    insecure_seed.copy_from_slice(&seed[..16]);
    WasiCtx::builder()
        .stdout(stream(Stream::Stdout))
        .stderr(stream(Stream::Stderr))
        .wall_clock(GivenClock(Duration::from_millis(now_ms)))
        .monotonic_clock(CallCounter(Cell::new(0)))
        .secure_random(random(1))
        .insecure_random(random(2))
        .insecure_random_seed(u128::from_le_bytes(insecure_seed))
        .max_random_size(RANDOM_MAX)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

/// The given clock. It does not advance.
struct GivenClock(Duration);

impl HostWallClock for GivenClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

/// A clock that advances a microsecond whenever it is read: the same in every execution, and a guest that waits for
/// time to pass gets on.
struct CallCounter(Cell<u64>);

impl HostMonotonicClock for CallCounter {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        self.0.set(self.0.get() + 1_000);
        self.0.get()
    }
}

/// A stream whose lines go to the attempt's log.
#[derive(Clone)]
struct LogStream {
    stream: Stream,
    log: Arc<Mutex<AttemptLog>>,
    meter: Arc<Meter>,
}

impl LogStream {
    fn put(&self, bytes: &[u8]) -> Result<(), Stopped> {
        let put = self.log.lock().unwrap_or_else(PoisonError::into_inner).stream(self.stream, bytes);
        put.map_err(|failure| {
            self.meter.stop(failure);
            Stopped
        })
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.put(&bytes).map_err(|stopped| StreamError::Trap(wasmtime::Error::new(stopped)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_MAX)
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.put(bytes).map(|()| bytes.len());
        Poll::Ready(written.map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
