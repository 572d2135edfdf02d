//! One arm of a Kaplan–Meier chart.

/// The estimate from `time` on, until the next step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KmStep {
    /// Time of the event, in the unit of the time axis; not negative.
    pub time: f64,
    /// The probability to be free of the event after this time, 0 to 1.
    pub survival: f64,
    /// The pointwise confidence limits, where they can be computed.
    pub limits: Option<(f64, f64)>,
}

/// The curve of one arm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KmCurve {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) steps: Vec<KmStep>,
    pub(super) censored: Vec<f64>,
    pub(super) at_risk: Vec<(f64, u64)>,
    pub(super) median: Option<f64>,
    pub(super) followed: f64,
}

impl KmCurve {
    /// A curve without steps, which is a level line at 1 up to the end of follow-up. `name` names the arm.
    pub fn new(name: impl Into<String>) -> KmCurve {
        KmCurve { name: name.into(), ..KmCurve::default() }
    }

    /// What the legend says after the name ("n = 120, 45 events, median 12.3 (10.1–15.2) months").
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> KmCurve {
        self.summary = summary.into();
        self
    }

    /// The steps, in ascending order of time. The step at time 0 may be left out.
    #[must_use]
    pub fn steps(mut self, steps: impl IntoIterator<Item = KmStep>) -> KmCurve {
        self.steps = steps.into_iter().collect();
        self
    }

    /// The times of censoring, in any order.
    #[must_use]
    pub fn censored(mut self, times: impl IntoIterator<Item = f64>) -> KmCurve {
        self.censored = times.into_iter().collect();
        self.censored.sort_by(f64::total_cmp);
        self
    }

    /// The numbers at risk just before the given times, in ascending order of time: all the times at which somebody
    /// leaves, or the times of the axis' ticks. After the last one nobody is at risk.
    #[must_use]
    pub fn at_risk(mut self, numbers: impl IntoIterator<Item = (f64, u64)>) -> KmCurve {
        self.at_risk = numbers.into_iter().collect();
        self
    }

    /// The median time, marked where the curve crosses one half; `None` where it is not reached.
    #[must_use]
    pub fn median(mut self, median: Option<f64>) -> KmCurve {
        self.median = median;
        self
    }

    /// Until when the arm was followed: the curve goes on to there. At least the last step, censoring and number at risk.
    #[must_use]
    pub fn followed_to(mut self, time: f64) -> KmCurve {
        self.followed = time;
        self
    }

    pub(super) fn end(&self) -> f64 {
        let last_step = self.steps.last().map_or(0.0, |s| s.time);
        let last_censored = self.censored.last().copied().unwrap_or(0.0);
        let last_at_risk = self.at_risk.iter().rev().find(|(_, n)| *n > 0).map_or(0.0, |(t, _)| *t);
        self.followed.max(last_step).max(last_censored).max(last_at_risk)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.end() <= 0.0
    }

    /// The number at risk just before `time`; `None` for a curve without such numbers.
    pub(super) fn number_at(&self, time: f64) -> Option<u64> {
        if self.at_risk.is_empty() {
            return None;
        }
        let at = self.at_risk.partition_point(|(t, _)| *t < time - 1e-9 * time.abs());
        Some(self.at_risk.get(at).map_or(0, |(_, n)| *n))
    }

    /// The estimate at `time`.
    pub(super) fn survival_at(&self, time: f64) -> f64 {
        let after = self.steps.partition_point(|s| s.time <= time);
        after.checked_sub(1).and_then(|at| self.steps.get(at)).map_or(1.0, |s| s.survival)
    }
}
