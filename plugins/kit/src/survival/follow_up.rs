//! Who was followed how long, in the order of time.

use crate::stats::{Computed, NotComputable};

/// Times and whether each ended with the event or was censored, by ascending time; at equal times events come first, as a
/// subject who is censored at a time was at risk at it.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUp {
    rows: Vec<usize>,
    times: Vec<f64>,
    events: Vec<bool>,
}

impl FollowUp {
    /// Sorts. Times must be finite and not negative; there may be none.
    pub fn new(times: &[f64], events: &[bool]) -> Computed<Self> {
        if times.len() != events.len() {
            return Err(NotComputable::LengthsDiffer);
        }
        if times.iter().any(|t| !t.is_finite()) {
            return Err(NotComputable::NotFinite);
        }
        if times.iter().any(|t| *t < 0.0) {
            return Err(NotComputable::NegativeTime);
        }
        // With zero added, as a negative zero would sort before the others.
        let mut keyed: Vec<(f64, bool, usize)> =
            times.iter().zip(events).enumerate().map(|(row, (t, e))| (t + 0.0, !e, row)).collect();
        keyed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        Ok(Self {
            rows: keyed.iter().map(|k| k.2).collect(),
            times: keyed.iter().map(|k| k.0).collect(),
            events: keyed.iter().map(|k| !k.1).collect(),
        })
    }

    /// The subjects whose row, as it was given to [`FollowUp::new`], is to be kept; no second sort. Rows keep their numbers.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.n()).filter(|i| keep(self.rows[*i])).collect();
        Self {
            rows: kept.iter().map(|i| self.rows[*i]).collect(),
            times: kept.iter().map(|i| self.times[*i]).collect(),
            events: kept.iter().map(|i| self.events[*i]).collect(),
        }
    }

    /// How many subjects.
    pub fn n(&self) -> usize {
        self.times.len()
    }

    /// How many of them had the event.
    pub fn event_count(&self) -> usize {
        self.events.iter().filter(|e| **e).count()
    }

    /// The rows of the subjects in the order of time.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The times in ascending order.
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Whether each of [`FollowUp::times`] ended with the event.
    pub fn events(&self) -> &[bool] {
        &self.events
    }

    /// Stretches of equal times as (start, end of the events, end): positions in the order of time.
    pub(crate) fn ties(&self) -> impl DoubleEndedIterator<Item = (usize, usize, usize)> {
        let mut runs = Vec::new();
        let mut start = 0;
        for run in self.times.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            let events = self.events[start..end].iter().filter(|e| **e).count();
            runs.push((start, start + events, end));
            start = end;
        }
        runs.into_iter()
    }
}
