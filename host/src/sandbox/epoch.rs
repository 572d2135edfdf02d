//! The clock by which guests are interrupted: it advances the engine's epoch while a guest may run, and stands while none does.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use wasmtime::Engine;

/// It stands only after so many ticks without a guest: starting it wakes a thread, which the next guest would wait for.
const IDLE_TICKS: u32 = 100;

/// How many of the guests' threads are awake. One that sleeps runs no guest.
#[derive(Default)]
pub(super) struct Awake {
    threads: AtomicUsize,
    /// Whether the clock stands, or is about to.
    stands: AtomicBool,
    stopped: AtomicBool,
    /// The clock's own thread.
    clock: OnceLock<Thread>,
}

impl Awake {
    // Both sides write before they read: of a thread that wakes and a clock that is about to stand at least one sees the other.
    fn wake(&self) {
        self.threads.fetch_add(1, SeqCst);
        if self.stands.load(SeqCst) && self.stands.swap(false, SeqCst) {
            self.start();
        }
    }

    fn sleep(&self) {
        self.threads.fetch_sub(1, SeqCst);
    }

    fn start(&self) {
        if let Some(clock) = self.clock.get() {
            clock.unpark();
        }
    }

    /// Sleep until a thread wakes, or the clock is stopped.
    fn stand(&self) {
        self.stands.store(true, SeqCst);
        if self.threads.load(SeqCst) == 0 {
            while self.stands.load(SeqCst) && !self.stopped.load(SeqCst) {
                thread::park();
            }
        }
        self.stands.store(false, SeqCst);
    }
}

/// What a thread does when it begins, and when it wakes.
pub(super) fn wakes(awake: &Arc<Awake>) -> impl Fn() + Send + Sync + 'static {
    let awake = Arc::clone(awake);
    move || awake.wake()
}

/// What a thread does before it sleeps, and when it ends.
pub(super) fn sleeps(awake: &Arc<Awake>) -> impl Fn() + Send + Sync + 'static {
    let awake = Arc::clone(awake);
    move || awake.sleep()
}

/// The clock. Stops when dropped.
pub(super) struct Ticker {
    awake: Arc<Awake>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(super) fn start(engine: &Engine, period: Duration, awake: Arc<Awake>) -> std::io::Result<Self> {
        let engine = engine.weak();
        let tick = move || {
            engine.upgrade().is_some_and(|engine| {
                engine.increment_epoch();
                true
            })
        };
        Self::ticking(tick, period, awake)
    }

    /// `tick` says whether the clock goes on.
    fn ticking(
        tick: impl Fn() -> bool + Send + 'static,
        period: Duration,
        awake: Arc<Awake>,
    ) -> std::io::Result<Self> {
        let of_clock = Arc::clone(&awake);
        let thread = thread::Builder::new().name("heddle-epoch".to_owned()).spawn(move || {
            let awake = of_clock;
            // Only this thread sets it.
            let _ = awake.clock.set(thread::current());
            let mut idle = 0;
            while !awake.stopped.load(SeqCst) && tick() {
                idle = if awake.threads.load(SeqCst) == 0 { idle + 1 } else { 0 };
                if idle >= IDLE_TICKS {
                    awake.stand();
                    idle = 0;
                }
                thread::park_timeout(period);
            }
        })?;
        Ok(Self { awake, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.awake.stopped.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It panics nowhere; and if it did, there would be nothing to do about it here.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{sync::mpsc, time::Instant};

    use super::*;

    const PERIOD: Duration = Duration::from_micros(200);
    /// Longer than anything takes here.
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn the_clock_stands_while_every_thread_sleeps_and_goes_when_one_wakes() {
        let awake = Arc::new(Awake::default());
        let (ticks, ticked) = mpsc::channel();
        let clock = Ticker::ticking(move || ticks.send(()).is_ok(), PERIOD, Arc::clone(&awake)).unwrap();
        let stands = || {
            let start = Instant::now();
            while !awake.stands.load(SeqCst) {
                assert!(start.elapsed() < LONG, "the clock goes on with nobody awake");
                thread::sleep(PERIOD);
            }
            // What it had ticked until then.
            ticked.try_iter().count()
        };
        assert!(stands() >= IDLE_TICKS as usize);
        for _ in 0..20 {
            assert_eq!(ticked.recv_timeout(50 * PERIOD), Err(mpsc::RecvTimeoutError::Timeout));
            wakes(&awake)();
            // It goes as long as one is awake.
            for _ in 0..2 * IDLE_TICKS {
                ticked.recv_timeout(LONG).unwrap();
            }
            wakes(&awake)();
            sleeps(&awake)();
            for _ in 0..2 * IDLE_TICKS {
                ticked.recv_timeout(LONG).unwrap();
            }
            sleeps(&awake)();
            stands();
        }
        drop(clock);
        assert!(ticked.recv().is_err(), "a clock that stands can be stopped");
    }

    #[test]
    fn a_thread_that_wakes_while_the_clock_is_about_to_stand_is_not_overlooked() {
        let awake = Arc::new(Awake::default());
        let (ticks, ticked) = mpsc::channel();
        let _clock =
            Ticker::ticking(move || ticks.send(()).is_ok(), Duration::from_nanos(1), Arc::clone(&awake));
        for _ in 0..2_000 {
            // About as long as the clock takes until it stands.
            for _ in 0..IDLE_TICKS {
                thread::yield_now();
            }
            wakes(&awake)();
            ticked.try_iter().for_each(drop);
            for _ in 0..2 {
                ticked.recv_timeout(LONG).unwrap();
            }
            sleeps(&awake)();
        }
    }
}
