//! Places for looking at what tenants wrote: definitions, schemas, and documents against them.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// So many checks are under way at once (law 5). Each is bounded, but may take a second, and some memory.
const CHECKS: usize = 2;

/// The places. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Checks(Arc<Semaphore>);

impl Default for Checks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CHECKS)))
    }
}

impl Checks {
    /// Look at something when it is its turn, away from the threads that serve everybody.
    ///
    /// # Errors
    /// `Unavailable` if the host is shutting down.
    pub(crate) async fn run<T>(&self, check: impl FnOnce() -> T) -> Result<T> {
        let closed = |error| Error::unavailable("the host is shutting down", error);
        let _place = self.0.acquire().await.map_err(closed)?;
        Ok(tokio::task::block_in_place(check))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn few_are_under_way_and_others_are_served() {
        let checks = Checks::default();
        let begun = Arc::new(AtomicUsize::new(0));
        let mut ends = Vec::new();
        let mut all = Vec::new();
        for _ in 0..CHECKS + 1 {
            let (end, wait) = mpsc::channel::<()>();
            let (checks, begun) = (checks.clone(), Arc::clone(&begun));
            let check = move || {
                begun.fetch_add(1, Ordering::SeqCst);
                // It ends when its sender is dropped.
                wait.recv().ok()
            };
            all.push(tokio::spawn(async move { checks.run(check).await }));
            ends.push(end);
        }
        // The only thread that serves tasks is free although as many checks as may be are under way.
        while begun.load(Ordering::SeqCst) < CHECKS {
            tokio::spawn(tokio::task::yield_now()).await.unwrap();
        }
        for _ in 0..100 {
            tokio::spawn(tokio::task::yield_now()).await.unwrap();
        }
        assert_eq!(begun.load(Ordering::SeqCst), CHECKS);
        drop(ends);
        for one in all {
            one.await.unwrap().unwrap();
        }
        assert_eq!(begun.load(Ordering::SeqCst), CHECKS + 1);
    }
}
