//! The memory of one attempt: all linear memories and all tables of the instance, summed.

use wasmtime::ResourceLimiter;

use super::engine::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::model::{Failure, LimitBreach};

/// What a table element takes.
const ELEMENT_BYTES: u64 = size_of::<usize>() as u64;

/// Counts and bounds the memory of one attempt.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    limit: u64,
    used: u64,
    peak: u64,
    refused: Option<LimitBreach>,
}

impl MemoryLimiter {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: 0, peak: 0, refused: None }
    }

    /// The most that was in use at once, in bytes.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// A failure that says what was refused, if anything was.
    pub(super) fn refusal(&self) -> Option<Failure> {
        self.refused
            .as_ref()
            .map(|b| Failure::limit(&b.limit, b.value, b.used, "the guest asked for more memory"))
    }

    fn refuse(&mut self, limit: &str, value: u64, used: u64) -> bool {
        tracing::debug!(limit, value, used, "a guest was refused memory");
        self.refused = Some(LimitBreach { limit: limit.to_owned(), value, used });
        false
    }

    fn grow(&mut self, bytes: u64) -> bool {
        let wanted = self.used.saturating_add(bytes);
        if wanted > self.limit {
            return self.refuse("memory_bytes", self.limit, wanted);
        }
        self.used = wanted;
        self.peak = self.peak.max(wanted);
        true
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Refused by the memory's own type: nothing of ours.
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current) as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The pool's tables have this size; on demand it holds as well, so that a guest cannot tell the difference.
        if desired > MAX_TABLE_ELEMENTS as usize {
            return Ok(self.refuse("table_elements", MAX_TABLE_ELEMENTS.into(), desired as u64));
        }
        Ok(self.grow(desired.saturating_sub(current) as u64 * ELEMENT_BYTES))
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_summed_and_a_refusal_has_figures() {
        let mut limiter = MemoryLimiter::new(200_000);
        assert!(limiter.memory_growing(0, 65_536, None).unwrap());
        assert!(limiter.memory_growing(0, 65_536, None).unwrap());
        assert!(limiter.table_growing(0, 1_000, None).unwrap());
        assert_eq!(limiter.peak(), 2 * 65_536 + 8_000);
        assert!(limiter.refusal().is_none());
        assert!(!limiter.memory_growing(65_536, 131_072, None).unwrap());
        let breach = limiter.refusal().unwrap().breach.unwrap();
        assert_eq!((breach.limit.as_str(), breach.value, breach.used), ("memory_bytes", 200_000, 204_608));
        assert_eq!(limiter.peak(), 139_072, "what was refused was never in use");
    }

    #[test]
    fn a_guest_that_stays_below_its_own_maximum_is_not_to_blame() {
        let mut limiter = MemoryLimiter::new(200_000);
        assert!(!limiter.memory_growing(65_536, 131_072, Some(65_536)).unwrap());
        assert!(limiter.refusal().is_none());
    }
}
