//! Whether groups' survival differs: the log-rank test and its weighted kin.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::FollowUp;
use crate::{
    model::{ChiTest, independent},
    stats::{Computed, NotComputable},
};

/// What an event's deviation from its expectation weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// One: best under proportional hazards (Mantel 1966, Peto and Peto 1972).
    LogRank,
    /// The number at risk: early events weigh more (Gehan 1965, Breslow 1970).
    Gehan,
}

/// A test of equal survival.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRank {
    /// The statistic and its p-value, with one degree of freedom less than there are groups at risk when events happen.
    pub test: ChiTest,
    /// The events of each group.
    pub observed: Vec<f64>,
    /// The events that each group would have had under equal survival.
    pub expected: Vec<f64>,
}

/// Compares `levels` groups; a subject's group is that of its row. With `strata`, by row too, subjects are compared within
/// their stratum only. Groups without subjects are left out (Klein and Moeschberger 2003, "Survival Analysis", sections 7.3
/// and 7.5).
pub fn log_rank(
    follow_up: &FollowUp,
    groups: &[usize],
    levels: usize,
    weights: Weights,
    strata: Option<&[usize]>,
) -> Computed<LogRank> {
    let of = |codes: &[usize], row: &usize| codes.get(*row).copied().ok_or(NotComputable::LengthsDiffer);
    let group_of: Vec<usize> = follow_up.rows().iter().map(|r| of(groups, r)).collect::<Computed<_>>()?;
    if levels < 2 || group_of.iter().any(|g| *g >= levels) {
        return Err(NotComputable::BadGroups);
    }
    if follow_up.event_count() == 0 {
        return Err(NotComputable::NoEvents);
    }
    let mut sums = Sums::new(levels, weights);
    match strata {
        None => sums.add(follow_up, &group_of),
        Some(strata) => {
            let stratum_of: Vec<usize> =
                follow_up.rows().iter().map(|r| of(strata, r)).collect::<Computed<_>>()?;
            let mut order: Vec<usize> = (0..follow_up.n()).collect();
            order.sort_by_key(|i| stratum_of[*i]);
            for stratum in order.chunk_by(|a, b| stratum_of[*a] == stratum_of[*b]) {
                let code = stratum_of[stratum[0]];
                let part = follow_up.filtered(|row| strata[row] == code);
                sums.add(&part, &stratum.iter().map(|i| group_of[*i]).collect::<Vec<_>>());
            }
        }
    }
    sums.test()
}

struct Sums {
    levels: usize,
    weights: Weights,
    deviation: Vec<f64>,
    covariance: Vec<f64>,
    observed: Vec<f64>,
    expected: Vec<f64>,
}

impl Sums {
    fn new(levels: usize, weights: Weights) -> Self {
        let zero = vec![0.0; levels];
        Self {
            levels,
            weights,
            deviation: zero.clone(),
            covariance: vec![0.0; levels * levels],
            observed: zero.clone(),
            expected: zero,
        }
    }

    /// `group_of` is by position in the order of time.
    fn add(&mut self, follow_up: &FollowUp, group_of: &[usize]) {
        let mut at_risk = vec![0.0; self.levels];
        for group in group_of {
            at_risk[*group] += 1.0;
        }
        let mut died = vec![0.0; self.levels];
        for (start, end_of_events, end) in follow_up.ties() {
            if end_of_events > start {
                died.fill(0.0);
                for group in &group_of[start..end_of_events] {
                    died[*group] += 1.0;
                }
                self.add_time(
                    &at_risk,
                    &died,
                    (follow_up.n() - start) as f64,
                    (end_of_events - start) as f64,
                );
            }
            for group in &group_of[start..end] {
                at_risk[*group] -= 1.0;
            }
        }
    }

    /// The deviation and its hypergeometric covariance at one time.
    fn add_time(&mut self, at_risk: &[f64], died: &[f64], n: f64, d: f64) {
        let weight = match self.weights {
            Weights::LogRank => 1.0,
            Weights::Gehan => n,
        };
        let spread = if n > 1.0 { weight * weight * d * (n - d) / (n - 1.0) } else { 0.0 };
        for i in 0..self.levels {
            let share = at_risk[i] / n;
            self.observed[i] += died[i];
            self.expected[i] += share * d;
            self.deviation[i] += weight * (died[i] - share * d);
            for (j, (sum, other)) in self.covariance[i * self.levels..].iter_mut().zip(at_risk).enumerate() {
                let same = f64::from(u8::from(i == j));
                *sum += spread * share * (same - other / n);
            }
        }
    }

    fn test(self) -> Computed<LogRank> {
        // The deviations sum to zero, so the last group that is at risk follows from the others.
        let kept = independent(&self.covariance, self.levels, 1e-9, 0.0);
        if kept.is_empty() {
            return Err(NotComputable::EmptyMargin);
        }
        let matrix =
            DMatrix::from_fn(kept.len(), kept.len(), |i, j| self.covariance[kept[i] * self.levels + kept[j]]);
        let deviation = DVector::from_iterator(kept.len(), kept.iter().map(|k| self.deviation[*k]));
        let factor = Cholesky::new(matrix).ok_or(NotComputable::NoVariation)?;
        let statistic = deviation.dot(&factor.solve(&deviation));
        let test = ChiTest::new(statistic, kept.len() as f64)?;
        Ok(LogRank { test, observed: self.observed, expected: self.expected })
    }
}
