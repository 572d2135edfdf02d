//! The clocks of one attempt, and why it has to stop.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, Limits};

/// What the calling thread has used of the processor, in nanoseconds.
fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Measures one attempt. The guest's thread writes; the epoch callback and the poll loop, both on that thread, read.
pub(super) struct Meter {
    started: Instant,
    wall: Duration,
    cpu_ms: u64,
    /// Processor time of the polls that have ended.
    cpu_ns: AtomicU64,
    /// The thread's clock when the running poll began.
    poll_began_ns: AtomicU64,
    /// Time in which the guest waited for the host.
    waited_ns: AtomicU64,
    /// Whether it waits for an answer of the host. Its wall time stands still.
    waits: AtomicBool,
    /// Whether the last poll ended because the guest was interrupted (and not because it waits for something).
    interrupted: AtomicBool,
    cancel: CancellationToken,
    stop: OnceLock<Failure>,
}

impl Meter {
    pub(super) fn start(limits: &Limits, cancel: CancellationToken) -> Self {
        Self {
            started: Instant::now(),
            wall: Duration::from_millis(limits.wall_ms),
            cpu_ms: limits.cpu_ms,
            cpu_ns: AtomicU64::new(0),
            poll_began_ns: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            cancel,
            stop: OnceLock::new(),
        }
    }

    pub(super) fn poll_begins(&self) {
        self.interrupted.store(false, Relaxed);
        self.poll_began_ns.store(thread_cpu_ns(), Relaxed);
    }

    pub(super) fn poll_ends(&self) {
        self.cpu_ns.store(self.cpu_ns_in_poll(), Relaxed);
    }

    fn cpu_ns_in_poll(&self) -> u64 {
        self.cpu_ns.load(Relaxed) + thread_cpu_ns().saturating_sub(self.poll_began_ns.load(Relaxed))
    }

    /// The guest is taken off its thread although it could go on.
    pub(super) fn interrupted(&self) {
        self.interrupted.store(true, Relaxed);
    }

    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted.load(Relaxed)
    }

    /// Do something that waits for storage, off the guest's clock.
    pub(super) fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let value = wait();
        self.waited_since(began);
        value
    }

    /// As [`Meter::waiting`], of something that does not hold the thread. If it is dropped, the guest ends too.
    pub(super) async fn waiting_for<T>(&self, wait: impl Future<Output = T>) -> T {
        let began = Instant::now();
        self.waits.store(true, Relaxed);
        let value = wait.await;
        self.waits.store(false, Relaxed);
        self.waited_since(began);
        value
    }

    fn waited_since(&self, began: Instant) {
        let waited = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(waited, Relaxed);
    }

    /// Whether wall time stands still.
    pub(super) fn stands_still(&self) -> bool {
        self.waits.load(Relaxed)
    }

    /// Since the start.
    pub(super) fn wall(&self) -> Duration {
        self.started.elapsed()
    }

    /// When the wall time ends, if the guest does not wait for the host from now on.
    pub(super) fn deadline(&self) -> Instant {
        self.started + self.wall + Duration::from_nanos(self.waited_ns.load(Relaxed))
    }

    /// Processor time of the polls that have ended, in microseconds.
    pub(super) fn cpu_us(&self) -> u64 {
        self.cpu_ns.load(Relaxed) / 1_000
    }

    /// Record why the attempt has to stop. The first reason stays.
    pub(super) fn stop(&self, failure: Failure) {
        let _ = self.stop.set(failure);
    }

    /// Why the attempt has to stop, if it has to.
    pub(super) fn stopped(&self) -> Option<&Failure> {
        self.stop.get()
    }

    /// Whether the attempt has to stop; asked while the guest is on its thread.
    pub(super) fn stops_in_poll(&self) -> bool {
        self.stops(self.cpu_ns_in_poll())
    }

    /// Whether the attempt has to stop; asked while the guest waits for something.
    pub(super) fn stops_between_polls(&self) -> bool {
        self.stops(self.cpu_ns.load(Relaxed))
    }

    fn stops(&self, cpu_ns: u64) -> bool {
        if self.stop.get().is_some() {
            return true;
        }
        if self.cancel.is_cancelled() {
            self.stop(Failure::new(FailureKind::Cancelled, "the attempt was cancelled"));
            return true;
        }
        if !self.stands_still() && Instant::now() >= self.deadline() {
            let wall_ms = u64::try_from(self.wall.as_millis()).unwrap_or(u64::MAX);
            let used = u64::try_from(self.wall().as_millis()).unwrap_or(u64::MAX);
            let mut failure = Failure::limit("wall_ms", wall_ms, used, "the phase did not end in time");
            failure.kind = FailureKind::TimedOut;
            self.stop(failure);
            return true;
        }
        let cpu_ms = cpu_ns / 1_000_000;
        if cpu_ms >= self.cpu_ms {
            let what = "the phase used all its processor time";
            self.stop(Failure::limit("cpu_ms", self.cpu_ms, cpu_ms, what));
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_storage_moves_the_deadline() {
        let limits = Limits { wall_ms: 10, ..Limits::default() };
        let meter = Meter::start(&limits, CancellationToken::new());
        meter.poll_begins();
        meter.waiting(|| std::thread::sleep(Duration::from_millis(30)));
        assert!(!meter.stops_in_poll(), "{:?}", meter.stopped());
        std::thread::sleep(Duration::from_millis(15));
        assert!(meter.stops_in_poll());
        let failure = meter.stopped().map(|f| (f.kind, f.breach.as_ref().map(|b| b.value)));
        assert_eq!(failure, Some((FailureKind::TimedOut, Some(10))));
    }

    #[tokio::test]
    async fn while_an_answer_is_awaited_wall_time_stands_still() {
        let limits = Limits { wall_ms: 20, ..Limits::default() };
        let meter = Meter::start(&limits, CancellationToken::new());
        let waited = meter.waiting_for(async {
            assert!(meter.stands_still());
            tokio::time::sleep(Duration::from_millis(40)).await;
            meter.stops_between_polls()
        });
        assert!(!waited.await, "{:?}", meter.stopped());
        assert!(!meter.stands_still() && !meter.stops_between_polls(), "{:?}", meter.stopped());
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(meter.stops_between_polls());
    }
}
