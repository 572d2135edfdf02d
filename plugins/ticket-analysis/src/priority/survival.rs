//! How long until resolution: the Kaplan–Meier estimator, in which open tickets count as censored.
//!
//! Taking resolved tickets alone would make waiting look shorter than it is: the slow ones are still open. The estimator
//! (Kaplan, Meier 1958, "Nonparametric estimation from incomplete observations") lets each open ticket count as long as
//! it was seen.

/// The curve of a group of tickets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survival {
    /// All durations in ascending order: resolved and censored ones.
    durations: Vec<f64>,
    /// (duration, share still open after it), at each duration with a resolution.
    steps: Vec<(f64, f64)>,
    /// How many were resolved.
    pub n_resolved: usize,
    /// How many were still open.
    pub n_open: usize,
}

/// Quantiles of the time that remains, in the unit of the durations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remaining {
    /// Tickets that were still open at that age, on which the quantiles rest.
    pub at_risk: usize,
    /// 10 % are done by then.
    pub low: Option<f64>,
    /// Half are done by then.
    pub median: Option<f64>,
    /// 90 % are done by then.
    pub high: Option<f64>,
}

impl Survival {
    /// The curve of (duration, whether it ended in a resolution). Negative and non-finite durations are left out.
    pub fn new(observations: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let mut all: Vec<(f64, bool)> =
            observations.into_iter().filter(|(d, _)| d.is_finite() && *d >= 0.0).collect();
        // At a tie resolutions come first: who is censored at t was at risk at t.
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let (mut share, mut i) = (1.0, 0);
        while i < all.len() {
            let (duration, at_risk) = (all[i].0, all.len() - i);
            let same = all[i..].iter().take_while(|o| o.0 == duration).count();
            let resolved = all[i..i + same].iter().filter(|o| o.1).count();
            if resolved > 0 {
                share *= 1.0 - resolved as f64 / at_risk as f64;
                steps.push((duration, share));
            }
            i += same;
        }
        let n_resolved = all.iter().filter(|o| o.1).count();
        Self {
            n_open: all.len() - n_resolved,
            n_resolved,
            steps,
            durations: all.into_iter().map(|o| o.0).collect(),
        }
    }

    /// The share still open after a duration.
    pub fn still_open(&self, duration: f64) -> f64 {
        let i = self.steps.partition_point(|step| step.0 <= duration);
        if i == 0 { 1.0 } else { self.steps[i - 1].1 }
    }

    /// What remains for a ticket that is still open at an age: quantiles of the duration, given that it exceeds the age,
    /// less the age. A quantile that the curve does not reach is absent: too many of the group are still open.
    pub fn remaining(&self, age: f64) -> Remaining {
        let open = self.still_open(age);
        let from = self.steps.partition_point(|step| step.0 <= age);
        let quantile = |p: f64| {
            let wanted = open * (1.0 - p) + 1e-12;
            let i = from + self.steps[from..].partition_point(|step| step.1 > wanted);
            self.steps.get(i).map(|step| step.0 - age)
        };
        Remaining {
            at_risk: self.durations.len() - self.durations.partition_point(|d| *d <= age),
            low: quantile(0.1),
            median: quantile(0.5),
            high: quantile(0.9),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_textbook_curve() {
        // Freireich's 6-MP arm (Cox, Oakes 1984, table 1.1); S(t) as published there and in every textbook since.
        let events = [6., 6., 6., 7., 10., 13., 16., 22., 23.];
        let censored = [6., 9., 10., 11., 17., 19., 20., 25., 32., 32., 34., 35.];
        let curve =
            Survival::new(events.iter().map(|t| (*t, true)).chain(censored.iter().map(|t| (*t, false))));
        assert_eq!((curve.n_resolved, curve.n_open), (9, 12));
        for (t, share) in [
            (5.9, 1.0),
            (6.0, 0.857),
            (7.0, 0.807),
            (10.0, 0.753),
            (13.0, 0.690),
            (16.0, 0.627),
            (22.0, 0.538),
            (23.0, 0.448),
        ] {
            assert!((curve.still_open(t) - share).abs() < 6e-4, "{t}: {}", curve.still_open(t));
        }
        let all = curve.remaining(0.0);
        assert_eq!((all.at_risk, all.low, all.median, all.high), (21, Some(6.0), Some(23.0), None));
        // Given 10: half of 0.753 is 0.376, which the curve does not reach.
        let later = curve.remaining(10.0);
        assert_eq!((later.at_risk, later.median), (13, None));
        assert_eq!(later.low, Some(6.0), "0.627 / 0.753 is the first below 0.9 times; at 13 it is 0.917");
    }

    #[test]
    fn without_censoring_it_is_the_sample() {
        let curve = Survival::new((1..=100).map(|d| (f64::from(d), true)));
        let all = curve.remaining(0.0);
        assert_eq!((all.low, all.median, all.high), (Some(10.0), Some(50.0), Some(90.0)));
        let old = curve.remaining(60.0);
        assert_eq!((old.at_risk, old.median), (40, Some(20.0)));
        assert_eq!(Survival::new([]).remaining(0.0).median, None);
    }
}
