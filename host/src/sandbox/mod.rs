//! Runs untrusted components: compiles them, links only what was granted, bounds everything, and returns an outcome.
//!
//! [`Sandbox::load`] makes a [`LoadedPlugin`] of a file (`load` → `inspect` → `cache`, `compile` → `manifest`).
//! [`Sandbox::execute`] runs one attempt of one of its phases (`execute` → `guest` → `state`), on threads that belong to
//! guests alone.
//!
//! The sandbox knows nothing of the database, of runs, or of HTTP. It reads and writes files only through [`Files`], and
//! passes the calls of granted imports on to [`HostCalls`]: one that nobody has answered yet ends the execution, and the
//! attempt is executed anew when there is an answer ([`Journal`]).

mod approvals;
mod bindings;
mod cache;
mod calls;
mod compile;
mod config;
mod engine;
mod epoch;
mod execute;
mod file_calls;
mod files;
mod guest;
mod inspect;
mod journal;
mod json;
mod limiter;
mod link;
mod load;
mod log;
mod manifest;
mod meter;
mod plugin;
mod request;
mod schema;
mod state;
mod wasi;

use std::{fmt, future::Future, io, sync::Arc};

use tokio::{runtime::Runtime, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use wasmtime::{Engine, component::Linker};

pub use calls::{HostAnswer, HostCall, HostCalls};
pub use config::{CompileLimits, SandboxConfig};
pub use engine::Allocation;
pub use files::{FileEntry, FileWriter, Files, StoredFile};
pub use journal::{Journal, JournalEntry, Replayed};
pub(crate) use json::parse as parse_json;
pub(crate) use json::parse_within;
pub use load::LoadError;
pub use plugin::LoadedPlugin;
pub use request::{AttemptReport, AttemptRequest, GuestOutcome, LogLevel, LogLine, Progress, WrittenFile};

use crate::model::{Failure, FailureKind, Problem};

/// The compiling process's side.
pub(crate) mod compiler {
    pub(crate) use super::compile::{CODE_MAX, compile_file};
}

/// Runs plugins. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    allocation: Allocation,
    /// What every plugin may import.
    linker: Arc<Linker<state::GuestState>>,
    cache: cache::CodeCache,
    registry: load::Registry,
    compilations: Semaphore,
    places: Semaphore,
    threads: GuestThreads,
    config: SandboxConfig,
    _ticker: epoch::Ticker,
}

/// The threads that guests run on. Dropped without waiting for them: it may happen on a thread that must not block.
struct GuestThreads(Option<Runtime>);

impl Drop for GuestThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("allocation", &self.inner.allocation).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Set up the engine, the cache and the guests' threads.
    ///
    /// # Errors
    /// If the cache directory cannot be made, a thread cannot be started, or wasmtime does not run on this machine.
    pub fn new(config: SandboxConfig) -> io::Result<Self> {
        let (engine, allocation) = engine::runner(config.max_instances).map_err(io::Error::other)?;
        let linker = Arc::new(link::base(&engine).map_err(io::Error::other)?);
        let cache = cache::CodeCache::open(&config.cache_dir, &engine).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", config.cache_dir.display()))
        })?;
        let epoch = Arc::new(epoch::Awake::default());
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.guest_threads.max(1))
            .thread_name("heddle-guest")
            .enable_time()
            // Guests are interrupted rarely; timers must not wait for 61 of them.
            .event_interval(4)
            .on_thread_start(epoch::wakes(&epoch))
            .on_thread_park(epoch::sleeps(&epoch))
            .on_thread_unpark(epoch::wakes(&epoch))
            .on_thread_stop(epoch::sleeps(&epoch))
            .build()?;
        let places = match allocation {
            Allocation::Pool(places) => places,
            Allocation::OnDemand => config.max_instances.max(1),
        };
        let ticker = epoch::Ticker::start(&engine, config.tick, epoch)?;
        let inner = Inner {
            engine,
            allocation,
            linker,
            cache,
            registry: load::Registry::default(),
            compilations: Semaphore::new(config.compile.parallel.max(1)),
            places: Semaphore::new(places as usize),
            threads: GuestThreads(Some(threads)),
            config,
            _ticker: ticker,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How instances get their memory.
    pub fn allocation(&self) -> Allocation {
        self.inner.allocation
    }

    /// Run one attempt in a fresh store. Whatever the guest does, this returns: with an outcome, or with the failure
    /// that says what happened. Dropping the future stops the guest at the next tick.
    pub async fn execute(&self, plugin: &Arc<LoadedPlugin>, request: AttemptRequest) -> AttemptReport {
        let (sandbox, plugin) = (self.clone(), Arc::clone(plugin));
        let report = self.on_guest_threads(async move { sandbox.execute_here(&plugin, request).await }).await;
        report.unwrap_or_else(|panic| execute::refused(Failure::new(FailureKind::Host, panic)))
    }

    /// The same on the thread of whoever asks, which is one of the guests' ([`Sandbox::spawn`]).
    pub(crate) async fn execute_here(
        &self,
        plugin: &Arc<LoadedPlugin>,
        request: AttemptRequest,
    ) -> AttemptReport {
        let place = tokio::select! {
            place = self.inner.places.acquire() => place,
            () = request.cancel.cancelled() => {
                let message = "the attempt was cancelled before it began";
                return execute::refused(Failure::new(FailureKind::Cancelled, message));
            }
        };
        let report = execute::attempt(Arc::clone(plugin), request).await;
        drop(place);
        report
    }

    /// Run a future on the guests' threads. Whatever it waits for must be none of the connections of other threads.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.inner.threads.0 {
            runtime.spawn(future);
        }
    }

    /// Let the plugin have a quick look at an input. It may not call the host, and has two seconds of processor time.
    ///
    /// # Errors
    /// If the input does not fit the schema, there is no such phase, or the guest failed.
    pub async fn validate(
        &self,
        plugin: &Arc<LoadedPlugin>,
        phase: &str,
        input: &str,
    ) -> Result<Vec<Problem>, Failure> {
        let _place = self.inner.places.acquire().await;
        let (plugin, cancel) = (Arc::clone(plugin), CancellationToken::new());
        let validate = execute::validate(plugin, phase.to_owned(), input.to_owned(), cancel);
        let found = self.on_guest_threads(validate).await;
        found.unwrap_or_else(|panic| Err(Failure::new(FailureKind::Host, panic)))
    }

    /// Run a future on the guests' threads, and stop it when this one is dropped. A panic of ours becomes words.
    async fn on_guest_threads<R: Send + 'static>(
        &self,
        future: impl Future<Output = R> + Send + 'static,
    ) -> Result<R, String> {
        let Some(runtime) = &self.inner.threads.0 else { return Err("the sandbox has ended".to_owned()) };
        let task = AbortOnDropHandle::new(runtime.spawn(future));
        task.await.map_err(|error| format!("the host's own fault: {error}"))
    }
}
