//! What is asked of a plugin, from the request to the report.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;

use super::{
    AttemptReport, AttemptRequest, GuestOutcome, LoadError, LoadedPlugin,
    bindings::{self, PluginPre},
    guest::{self, End, GUEST_MESSAGE_MAX},
    limiter::MemoryLimiter,
    log::{AttemptLog, excerpt},
    meter::Meter,
    state::{Attempt, GuestState, ProgressReports},
};
use crate::model::{Failure, FailureKind, Limits, Problem, Usage};

/// `manifest` and `validate` have this much. They wait for nothing, so processor time is what bounds them; the wall clock only ends
/// what a busy machine has no time for.
const PURE: Limits = Limits {
    memory_bytes: 256 << 20,
    wall_ms: 60_000,
    cpu_ms: 2_000,
    input_bytes: 128 << 20,
    output_bytes: 2 << 20,
    log_bytes: 64 << 10,
    host_calls: 0,
    journal_bytes: 0,
    artifacts: 0,
};
/// A manifest has at most this many bytes.
const MANIFEST_MAX: usize = 1 << 20;
/// As many problems of a guest's finding are passed on.
const PROBLEMS_MAX: usize = 100;
/// The host objects (files, streams, pollables) that a guest may have at once.
const HANDLES_MAX: usize = 4_096;

impl GuestState {
    fn new(export: &'static str, limits: &Limits, cancel: CancellationToken) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self {
            meter: Arc::new(Meter::start(limits, cancel)),
            memory: MemoryLimiter::new(limits.memory_bytes),
            log: Arc::new(Mutex::new(AttemptLog::new(limits.log_bytes))),
            table,
            wasi: None,
            now_ms: 0,
            seed: [0; 32],
            attempt: None,
            export,
        }
    }
}

/// Ask a component for its manifest (JSON).
pub(super) async fn manifest(pre: PluginPre<GuestState>) -> Result<String, LoadError> {
    let cancel = CancellationToken::new();
    let state = GuestState::new("manifest", &PURE, cancel.clone());
    let (end, _) = guest::call(&pre, state, PURE.output_bytes, cancel, async |plugin, store| {
        plugin.call_manifest(store).await
    })
    .await;
    let manifest = end.returned().map_err(LoadError::ManifestCall)?;
    if manifest.len() > MANIFEST_MAX {
        let what = "the manifest is too large";
        let failure = Failure::limit("manifest_bytes", MANIFEST_MAX as u64, manifest.len() as u64, what);
        return Err(LoadError::ManifestCall(failure));
    }
    Ok(manifest)
}

/// Ask a plugin for a quick look at an input.
pub(super) async fn validate(
    plugin: Arc<LoadedPlugin>,
    phase: String,
    input: String,
    cancel: CancellationToken,
) -> Result<Vec<Problem>, Failure> {
    within_input_limit(&input, &PURE)?;
    plugin.check_input(&phase, &input)?;
    let state = GuestState::new("validate", &PURE, cancel.clone());
    let pre = plugin.pure()?;
    let (end, _) = guest::call(&pre, state, PURE.output_bytes, cancel, async |plugin, store| {
        plugin.call_validate(store, &phase, &input).await
    })
    .await;
    end.returned().map(problems)
}

/// Run one attempt.
pub(super) async fn attempt(plugin: Arc<LoadedPlugin>, request: AttemptRequest) -> AttemptReport {
    let Prepared { pre, phase, state, input, cancel } = match prepare(&plugin, request) {
        Ok(prepared) => prepared,
        Err(failure) => return refused(failure),
    };
    let limits = state.attempt.as_ref().map_or(PURE, |a| a.limits);
    let transfer = limits.output_bytes.max(limits.log_bytes);
    let (end, mut state) = guest::call(&pre, state, transfer, cancel, async |exports, store| {
        exports.call_execute(store, &phase, &input).await
    })
    .await;
    let Some(mut attempt) = state.attempt.take() else {
        return refused(Failure::new(FailureKind::Host, "the attempt's state is gone"));
    };
    let result = match end {
        End::Returned(returned) => finish(&plugin, &mut attempt, returned),
        End::Suspended => Ok(GuestOutcome::Suspended),
        End::Failed(failure) => Err(failure),
    };
    let usage = Usage {
        wall_us: u64::try_from(state.meter.wall().as_micros()).unwrap_or(u64::MAX),
        cpu_us: state.meter.cpu_us(),
        peak_memory_bytes: state.memory.peak(),
        output_bytes: attempt.output_bytes,
        host_calls: attempt.host_calls,
    };
    let completed = matches!(result, Ok(GuestOutcome::Completed(_)));
    let (files, shared) = if completed {
        (attempt.finished(), std::mem::take(&mut attempt.shared_set))
    } else {
        (Vec::new(), BTreeMap::new())
    };
    let log = state.log().take_lines();
    AttemptReport { result, files, shared, log, usage }
}

/// The guest has returned: check what it gives, and that it made every call that it made before.
fn finish(
    plugin: &LoadedPlugin,
    attempt: &mut Attempt,
    returned: Result<bindings::Outcome, bindings::PhaseError>,
) -> Result<GuestOutcome, Failure> {
    attempt.calls.finish()?;
    let outcome = outcome(returned)?;
    if let GuestOutcome::Completed(output) = &outcome {
        attempt.output(output.len() as u64)?;
        plugin.check_output(attempt.phase, output)?;
    }
    Ok(outcome)
}

/// An attempt whose guest can run.
struct Prepared {
    pre: PluginPre<GuestState>,
    phase: String,
    state: GuestState,
    input: String,
    cancel: CancellationToken,
}

/// Check everything that can be checked before the guest runs.
fn prepare(plugin: &Arc<LoadedPlugin>, request: AttemptRequest) -> Result<Prepared, Failure> {
    let AttemptRequest {
        phase,
        input,
        config,
        prompt,
        now_ms,
        seed,
        shared,
        limits,
        granted,
        calls,
        files,
        progress,
        cancel,
    } = request;
    if cancel.is_cancelled() {
        return Err(Failure::new(FailureKind::Cancelled, "the attempt was cancelled before it began"));
    }
    let (index, spec, _) = plugin.phase(&phase)?;
    let pre = plugin.linked(spec, &granted)?;
    within_input_limit(&input, &limits)?;
    plugin.check_input(&phase, &input)?;
    plugin.check_config(&phase, &config)?;
    let mut state = GuestState::new("execute", &limits, cancel.clone());
    state.now_ms = now_ms;
    state.seed = seed;
    state.attempt = Some(Attempt {
        plugin: Arc::clone(plugin),
        phase: index,
        limits,
        config,
        prompt,
        shared,
        shared_set: BTreeMap::new(),
        files,
        created: Vec::new(),
        output_bytes: 0,
        host_calls: 0,
        journal_bytes: 0,
        calls,
        suspended: false,
        progress: ProgressReports::new(progress),
    });
    Ok(Prepared { pre, phase, state, input, cancel })
}

fn within_input_limit(input: &str, limits: &Limits) -> Result<(), Failure> {
    if input.len() as u64 > limits.input_bytes {
        let what = "the input is too large";
        return Err(Failure::limit("input_bytes", limits.input_bytes, input.len() as u64, what));
    }
    Ok(())
}

/// The report of an attempt whose guest was never called.
pub(super) fn refused(failure: Failure) -> AttemptReport {
    AttemptReport {
        result: Err(failure),
        files: Vec::new(),
        shared: BTreeMap::new(),
        log: Vec::new(),
        usage: Usage::default(),
    }
}

fn outcome(returned: Result<bindings::Outcome, bindings::PhaseError>) -> Result<GuestOutcome, Failure> {
    match returned {
        Ok(bindings::Outcome::Completed(output)) => Ok(GuestOutcome::Completed(output)),
        Ok(bindings::Outcome::Skipped(reason)) => {
            Ok(GuestOutcome::Skipped(excerpt(&reason, GUEST_MESSAGE_MAX)))
        }
        Err(bindings::PhaseError::InvalidInput(found)) => {
            let what = "the phase cannot work on this input";
            Err(Failure::problems(FailureKind::InvalidInput, what, problems(found)))
        }
        Err(bindings::PhaseError::Retryable(message)) => {
            Err(Failure::new(FailureKind::Retryable, excerpt(&message, GUEST_MESSAGE_MAX)))
        }
        Err(bindings::PhaseError::Failed(message)) => {
            Err(Failure::new(FailureKind::Failed, excerpt(&message, GUEST_MESSAGE_MAX)))
        }
    }
}

fn problems(found: Vec<bindings::Problem>) -> Vec<Problem> {
    let all = found.len();
    let mut problems: Vec<Problem> = found
        .into_iter()
        .take(PROBLEMS_MAX)
        .map(|p| Problem::new(excerpt(&p.path, 500), excerpt(&p.message, 500)))
        .collect();
    if all > PROBLEMS_MAX {
        problems.push(Problem::new("", format!("and {} more problems", all - PROBLEMS_MAX)));
    }
    problems
}
