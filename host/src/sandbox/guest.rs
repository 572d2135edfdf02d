//! One call of a guest's export in a store of its own: polled, measured, stopped, and its end put into words.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use tokio_util::sync::CancellationToken;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{
    LogLevel,
    bindings::{Plugin, PluginPre},
    log::excerpt,
    state::{GuestState, Stopped},
};
use crate::model::{Failure, FailureKind};

/// An error message of a guest's making is cut to this, in bytes.
pub(super) const GUEST_MESSAGE_MAX: usize = 4 << 10;
/// A function that is in a backtrace this often calls itself.
const RECURSION: usize = 3;

/// How a call of a guest's export ended.
pub(super) enum End<R> {
    /// With what it returned.
    Returned(R),
    /// It waits for an answer that nobody has given yet.
    Suspended,
    /// By a fault of its own, or because it was stopped.
    Failed(Failure),
}

impl<R> End<R> {
    /// What an export returned that cannot be suspended, since it may not call the host.
    pub(super) fn returned(self) -> Result<R, Failure> {
        match self {
            Self::Returned(value) => Ok(value),
            Self::Suspended => {
                Err(Failure::new(FailureKind::Host, "the guest was suspended outside of a phase"))
            }
            Self::Failed(failure) => Err(failure),
        }
    }
}

/// Instantiate a plugin in a new store, and call it. Returns what became of the store's data as well.
///
/// `transfer_bytes` is the most that the guest may pass to the host in one call.
pub(super) async fn call<R>(
    pre: &PluginPre<GuestState>,
    state: GuestState,
    transfer_bytes: u64,
    cancel: CancellationToken,
    export: impl AsyncFnOnce(&Plugin, &mut Store<GuestState>) -> wasmtime::Result<R>,
) -> (End<R>, GuestState) {
    let meter = Arc::clone(&state.meter);
    let mut store = Store::new(pre.engine(), state);
    store.limiter(|state| &mut state.memory);
    let transfer = usize::try_from(transfer_bytes).unwrap_or(usize::MAX);
    store.set_hostcall_fuel(transfer);
    store.set_epoch_deadline(1);
    let clock = Arc::clone(&meter);
    store.epoch_deadline_callback(move |_| {
        if clock.stops_in_poll() {
            return Err(wasmtime::Error::new(Stopped));
        }
        // Other guests wait for this thread.
        clock.interrupted();
        Ok(UpdateDeadline::Yield(1))
    });
    let ended = {
        let mut guest = pin!(async {
            let plugin = pre.instantiate_async(&mut store).await?;
            export(&plugin, &mut store).await
        });
        let mut cancelled = pin!(cancel.cancelled());
        let mut timeout = pin!(tokio::time::sleep_until(meter.deadline().into()));
        poll_fn(|cx| {
            meter.poll_begins();
            let polled = guest.as_mut().poll(cx);
            meter.poll_ends();
            if let Poll::Ready(result) = polled {
                return Poll::Ready(Some(result));
            }
            // An interrupted guest is looked at again at the next tick of the epoch, and then stops with a backtrace.
            if meter.was_interrupted() {
                return Poll::Pending;
            }
            // One that waits has no epoch: it is stopped by dropping it.
            loop {
                let mut woken = cancelled.as_mut().poll(cx).is_ready();
                if !meter.stands_still() {
                    woken |= timeout.as_mut().poll(cx).is_ready();
                }
                if !woken {
                    return Poll::Pending;
                }
                if meter.stops_between_polls() {
                    return Poll::Ready(None);
                }
                timeout.as_mut().reset(meter.deadline().into());
            }
        })
        .await
    };
    let mut state = store.into_data();
    let suspended = state.attempt.as_ref().is_some_and(|attempt| attempt.suspended);
    let end = match ended {
        Some(Ok(value)) => End::Returned(value),
        Some(Err(_)) if suspended => End::Suspended,
        Some(Err(error)) => End::Failed(failure(&error, &state, transfer_bytes)),
        None => End::Failed(meter.stopped().cloned().unwrap_or_else(|| {
            Failure::new(FailureKind::Host, "the guest was stopped, and the reason was not recorded")
        })),
    };
    if let Some(attempt) = &mut state.attempt {
        attempt.progress.flush();
    }
    // Lines that never ended, of a guest that did not end well either, must not replace the reason for that.
    let flushed = state.log().end_streams();
    let end = match (end, flushed) {
        (End::Returned(_), Err(failure)) => End::Failed(failure),
        (end, _) => end,
    };
    (end, state)
}

/// Why the guest ended, in words. The backtrace goes to the log.
fn failure(error: &wasmtime::Error, state: &GuestState, transfer_bytes: u64) -> Failure {
    let mut log = state.log();
    let _ = log.end_streams();
    let said = log.last_error().map(|line| excerpt(line, GUEST_MESSAGE_MAX));
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let cause = excerpt(&error.root_cause().to_string(), GUEST_MESSAGE_MAX);
    if let Some(backtrace) = backtrace {
        log.host(LogLevel::Error, format!("{} stopped: {cause}\n{backtrace}", state.export));
    }
    drop(log);

    if let Some(failure) = state.meter.stopped() {
        return failure.clone();
    }
    if let Some(mut failure) = state.memory.refusal() {
        failure.message.push_str(&format!("; then {} ended: {cause}", state.export));
        return failure;
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return explained(FailureKind::Trapped, format!("{} called exit({})", state.export, exit.0), said);
    }
    let trap = error.downcast_ref::<Trap>();
    let overflowed = match trap {
        Some(Trap::StackOverflow) => true,
        // A stack with large frames runs into the memory below it before the host's limit is reached.
        Some(Trap::MemoryOutOfBounds) => backtrace.is_some_and(recurses),
        _ => false,
    };
    if overflowed {
        let message = format!("the call stack of {} overflowed: {cause}", state.export);
        return Failure::new(FailureKind::StackOverflow, message);
    }
    if cause.contains("fuel allocated for hostcalls") {
        let what = format_args!("{} passed too much to the host at once", state.export);
        return Failure::limit("output_bytes", transfer_bytes, transfer_bytes.saturating_add(1), what);
    }
    // The host's memory or places, not the guest's.
    if error.is::<wasmtime::PoolConcurrencyLimitError>() || error.is::<std::io::Error>() {
        return Failure::new(FailureKind::Host, format!("the host has no place for the instance: {cause}"));
    }
    explained(FailureKind::Trapped, format!("{} trapped: {cause}", state.export), said)
}

/// With what the guest said last: a panic's message, a traceback's last line.
fn explained(kind: FailureKind, mut message: String, said: Option<String>) -> Failure {
    if let Some(said) = said {
        message.push_str("; its last error: ");
        message.push_str(&said);
    }
    Failure::new(kind, message)
}

fn recurses(backtrace: &WasmBacktrace) -> bool {
    let frames = backtrace.frames();
    frames.iter().any(|frame| {
        let same = |other: &&wasmtime::FrameInfo| other.func_index() == frame.func_index();
        frames.iter().filter(same).count() >= RECURSION
    })
}
