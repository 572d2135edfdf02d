//! What a guest's store holds, and the host's functions: each one counted, and refused to what is not declared.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use super::{
    FileWriter, Files, HostAnswer, HostCall, HostCalls, LogLevel, Progress, StoredFile, WrittenFile,
    bindings::heddle::plugin::{context, log, progress},
    limiter::MemoryLimiter,
    log::{AttemptLog, excerpt},
    meter::Meter,
    plugin::LoadedPlugin,
};
use crate::model::{Capability, Failure, FailureKind, Limits, PhaseSpec};

/// Two progress reports are at least this far apart; of those between, the last one is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(10);
/// Names and messages of a guest's making are cut to this, in bytes.
pub(super) const NAME_MAX: usize = 100;
const MESSAGE_MAX: usize = 1 << 10;
/// What a journaled call takes besides its request, in bytes.
const JOURNALED_COST: u64 = 1 << 10;

/// A trap that ends the guest; [`Meter::stopped`] says why.
#[derive(Debug, thiserror::Error)]
#[error("the host stopped the guest")]
pub(super) struct Stopped;

/// A store's data.
pub(super) struct GuestState {
    pub(super) meter: Arc<Meter>,
    pub(super) memory: MemoryLimiter,
    pub(super) log: Arc<Mutex<AttemptLog>>,
    pub(super) table: ResourceTable,
    /// Made when the guest first calls WASI; most never do.
    pub(super) wasi: Option<WasiCtx>,
    pub(super) now_ms: u64,
    pub(super) seed: [u8; 32],
    /// Absent in `manifest` and `validate`, which may not call the host.
    pub(super) attempt: Option<Attempt>,
    /// Name of the export that runs.
    pub(super) export: &'static str,
}

/// What the host functions of one attempt work on.
pub(super) struct Attempt {
    pub(super) plugin: Arc<LoadedPlugin>,
    pub(super) phase: usize,
    pub(super) limits: Limits,
    pub(super) config: String,
    pub(super) prompt: Option<String>,
    pub(super) shared: BTreeMap<String, String>,
    pub(super) shared_set: BTreeMap<String, String>,
    pub(super) files: Box<dyn Files>,
    pub(super) created: Vec<Created>,
    pub(super) output_bytes: u64,
    pub(super) host_calls: u64,
    pub(super) journal_bytes: u64,
    pub(super) calls: Box<dyn HostCalls>,
    /// It waits for an answer that nobody has given: it was stopped, and will be executed again.
    pub(super) suspended: bool,
    pub(super) progress: ProgressReports,
}

/// A file that the guest created.
pub(super) struct Created {
    pub(super) name: String,
    pub(super) stored: Option<StoredFile>,
}

/// A file that the guest has a handle of.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct OpenFile {
    pub(super) index: usize,
    /// Gone when the file is finished.
    pub(super) writer: Option<Box<dyn FileWriter>>,
}

/// Passes on so many progress reports as somebody can watch.
pub(super) struct ProgressReports {
    sink: Arc<dyn Fn(Progress) + Send + Sync>,
    last: Option<Instant>,
    fraction: f64,
    waiting: Option<Progress>,
}

impl ProgressReports {
    pub(super) fn new(sink: Arc<dyn Fn(Progress) + Send + Sync>) -> Self {
        Self { sink, last: None, fraction: 0.0, waiting: None }
    }

    fn report(&mut self, fraction: f64, message: &str) {
        if !fraction.is_nan() {
            self.fraction = fraction.clamp(0.0, 1.0);
        }
        let report = Progress { fraction: self.fraction, message: excerpt(message, MESSAGE_MAX) };
        if self.last.is_some_and(|last| last.elapsed() < PROGRESS_EVERY) {
            self.waiting = Some(report);
            return;
        }
        self.waiting = None;
        self.last = Some(Instant::now());
        (self.sink)(report);
    }

    /// The guest has ended: tell its last report.
    pub(super) fn flush(&mut self) {
        if let Some(report) = self.waiting.take() {
            (self.sink)(report);
        }
    }
}

impl GuestState {
    pub(super) fn log(&self) -> MutexGuard<'_, AttemptLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stop(&self, failure: Failure) -> wasmtime::Error {
        self.meter.stop(failure);
        wasmtime::Error::new(Stopped)
    }

    /// Count a call to the host, and have what it works on.
    pub(super) fn call(&mut self, function: &str) -> wasmtime::Result<&mut Attempt> {
        let meter = &self.meter;
        let Some(attempt) = &mut self.attempt else {
            let message = format!("{} called {function}; it may not call the host", self.export);
            meter.stop(Failure::new(FailureKind::Trapped, message));
            return Err(wasmtime::Error::new(Stopped));
        };
        attempt.host_calls += 1;
        if attempt.host_calls > attempt.limits.host_calls {
            let (limit, used) = (attempt.limits.host_calls, attempt.host_calls);
            meter.stop(Failure::limit("host_calls", limit, used, "the guest called the host too often"));
            return Err(wasmtime::Error::new(Stopped));
        }
        Ok(attempt)
    }

    /// Count a request that is to be journaled.
    pub(super) fn journal(&mut self, bytes: u64) -> wasmtime::Result<()> {
        let Some(attempt) = &mut self.attempt else { return Err(wasmtime::Error::new(Stopped)) };
        attempt.journal_bytes = attempt.journal_bytes.saturating_add(bytes).saturating_add(JOURNALED_COST);
        let (limit, used) = (attempt.limits.journal_bytes, attempt.journal_bytes);
        if used <= limit {
            return Ok(());
        }
        Err(self.stop(Failure::limit("journal_bytes", limit, used, "the guest requested too much")))
    }

    /// Have a call answered; without an answer, the guest ends here.
    pub(super) async fn answer(&mut self, call: HostCall) -> wasmtime::Result<Result<String, String>> {
        let meter = Arc::clone(&self.meter);
        let Some(attempt) = &mut self.attempt else { return Err(wasmtime::Error::new(Stopped)) };
        match meter.waiting_for(attempt.calls.call(call)).await {
            Ok(HostAnswer::Answered(answer)) => Ok(answer),
            Ok(HostAnswer::Suspend) => {
                attempt.suspended = true;
                Err(wasmtime::Error::new(Stopped))
            }
            Err(failure) => Err(self.stop(failure)),
        }
    }

    /// The guest called a granted import that is not linked: its phase does not declare it.
    pub(super) fn undeclared(&mut self, capability: Capability, function: &str) -> wasmtime::Error {
        let phase = match self.call(function) {
            Ok(attempt) => attempt.spec().name.clone(),
            Err(error) => return error,
        };
        let message = format!(
            "phase {phase} called {function}, and {capability} is not among the capabilities that the manifest declares \
             for it"
        );
        self.stop(Failure::new(FailureKind::PluginUnavailable, message))
    }
}

impl Attempt {
    pub(super) fn spec(&self) -> &PhaseSpec {
        &self.plugin.manifest().phases[self.phase]
    }

    /// The files that were finished, in the order of their creation.
    pub(super) fn finished(&mut self) -> Vec<WrittenFile> {
        let finished = std::mem::take(&mut self.created).into_iter();
        finished.filter_map(|c| Some(WrittenFile { name: c.name, stored: c.stored? })).collect()
    }

    /// Count bytes of output; the failure if they are too many.
    pub(super) fn output(&mut self, bytes: u64) -> Result<(), Failure> {
        self.output_bytes = self.output_bytes.saturating_add(bytes);
        if self.output_bytes <= self.limits.output_bytes {
            return Ok(());
        }
        let (limit, used) = (self.limits.output_bytes, self.output_bytes);
        Err(Failure::limit("output_bytes", limit, used, "the guest wrote too much"))
    }
}

impl context::Host for GuestState {
    fn config(&mut self) -> wasmtime::Result<String> {
        Ok(self.call("context.config")?.config.clone())
    }

    fn prompt(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.call("context.prompt")?.prompt.clone())
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        self.call("context.now")?;
        Ok(self.now_ms)
    }

    fn seed(&mut self) -> wasmtime::Result<Vec<u8>> {
        self.call("context.seed")?;
        Ok(self.seed.to_vec())
    }

    fn shared_get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, String>> {
        let attempt = self.call("context.shared-get")?;
        let spec = attempt.spec();
        if !spec.shared_reads.contains(&key) {
            let key = excerpt(&key, NAME_MAX);
            return Ok(Err(format!("{key:?} is not among the shared_reads of phase {}", spec.name)));
        }
        Ok(Ok(attempt.shared_set.get(&key).or_else(|| attempt.shared.get(&key)).cloned()))
    }

    fn shared_set(&mut self, key: String, value: String) -> wasmtime::Result<Result<(), String>> {
        let attempt = self.call("context.shared-set")?;
        let spec = attempt.spec();
        if !spec.shared_writes.contains(&key) {
            let key = excerpt(&key, NAME_MAX);
            return Ok(Err(format!("{key:?} is not among the shared_writes of phase {}", spec.name)));
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&value) {
            return Ok(Err(format!("the value of {key:?} is no JSON: {error}")));
        }
        if let Err(failure) = attempt.output(value.len() as u64) {
            return Err(self.stop(failure));
        }
        attempt.shared_set.insert(key, value);
        Ok(Ok(()))
    }
}

impl progress::Host for GuestState {
    fn report(&mut self, fraction: f64, message: String) -> wasmtime::Result<()> {
        self.call("progress.report")?.progress.report(fraction, &message);
        Ok(())
    }
}

impl log::Host for GuestState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.call("log.write")?;
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        let logged = self.log().guest(level, message);
        logged.map_err(|failure| self.stop(failure))
    }
}
