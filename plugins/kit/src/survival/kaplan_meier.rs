//! Kaplan and Meier's estimate of the survival curve.

use super::FollowUp;
use crate::stats::{Computed, NotComputable, normal_critical};

/// The curve from one time at which somebody had the event or was censored to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// From this time on.
    pub time: f64,
    /// Subjects at risk just before it.
    pub at_risk: usize,
    /// Events at it.
    pub events: usize,
    /// Subjects censored at it.
    pub censored: usize,
    /// The share that survives it.
    pub survival: f64,
    /// The sum of ln(n − d) − ln n up to it: the logarithm of that share, rounded in another way.
    pub log_survival: f64,
    /// (lower, upper) of that share.
    pub interval: (f64, f64),
    /// Greenwood's sum Σ d / (n (n − d)): the variance of the survival over its square. A time at which all at risk have the
    /// event adds nothing, as the variance is not defined at zero.
    pub greenwood: f64,
}

/// A survival curve: a step at each time at which somebody had the event or was censored.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanMeier {
    /// How many subjects.
    pub n: usize,
    /// How many events.
    pub events: usize,
    /// By ascending time. Before the first the survival is 1.
    pub steps: Vec<Step>,
}

impl KaplanMeier {
    /// Estimates the curve (Kaplan and Meier 1958, "Nonparametric estimation from incomplete observations", JASA 53) with
    /// Greenwood's variance (1926) and pointwise intervals at a confidence `level` on the scale of log(−log S), which stay
    /// within 0 and 1 (Kalbfleisch and Prentice 2002, "The Statistical Analysis of Failure Time Data", section 1.4). Where the
    /// curve is 1 or 0 both bounds equal it. Needs one subject.
    pub fn new(follow_up: &FollowUp, level: f64) -> Computed<Self> {
        let (n, z) = (follow_up.n(), normal_critical(level)?);
        if n == 0 {
            return Err(NotComputable::TooFew { needed: 1, found: 0 });
        }
        let (mut survival, mut log_survival, mut greenwood, mut interval) = (1.0_f64, 0.0, 0.0, (1.0, 1.0));
        let steps: Vec<Step> = follow_up
            .ties()
            .map(|(start, died, end)| {
                let (at_risk, events) = (n - start, died - start);
                let left = at_risk - events;
                if events > 0 {
                    survival *= left as f64 / at_risk as f64;
                    log_survival += (left as f64).ln() - (at_risk as f64).ln();
                    greenwood += if left > 0 { events as f64 / (at_risk as f64 * left as f64) } else { 0.0 };
                    interval = log_log_interval(survival, greenwood, z);
                }
                Step {
                    time: follow_up.times()[start],
                    at_risk,
                    events,
                    censored: end - died,
                    survival,
                    log_survival,
                    interval,
                    greenwood,
                }
            })
            .collect();
        Ok(Self { n, events: follow_up.event_count(), steps })
    }

    /// The step that holds at a time; none before the first.
    pub fn at(&self, time: f64) -> Option<&Step> {
        self.steps.partition_point(|s| s.time <= time).checked_sub(1).map(|at| &self.steps[at])
    }

    /// The share that survives a time, and its interval. Past the last time the curve is continued as it ended.
    pub fn survival(&self, time: f64) -> (f64, (f64, f64)) {
        self.at(time).map_or((1.0, (1.0, 1.0)), |s| (s.survival, s.interval))
    }

    /// How many are at risk just before a time: followed up to it or longer.
    pub fn at_risk(&self, time: f64) -> usize {
        self.steps.get(self.steps.partition_point(|s| s.time < time)).map_or(0, |s| s.at_risk)
    }

    /// The last time anybody was followed to.
    pub fn last_time(&self) -> f64 {
        self.steps.last().map_or(0.0, |s| s.time)
    }

    /// The first time at which the survival is at most this share (Brookmeyer and Crowley 1982). Where the curve stands at the
    /// share for a while, each time of [`KaplanMeier::level`] divides the subjects so, and rounding decides which one this is: it
    /// is that of the sum of logarithms, by which lifelines computes the curve (Davidson-Pilon 2019, JOSS 4), so that both tell
    /// the same.
    pub fn quantile(&self, survival: f64) -> Computed<f64> {
        self.first(|s| s.log_survival.exp() <= survival)
    }

    /// From when to when the curve stands at this share, but for rounding: a product such as 3/4 · 2/3 counts as one half. None
    /// if it steps over it. The end is that of the follow-up where no event comes after it.
    pub fn level(&self, survival: f64) -> Option<(f64, f64)> {
        let is_at = |s: &&Step| (s.survival - survival).abs() <= survival * 1e-12;
        let from = self.steps.iter().find(is_at)?.time;
        let next = self.steps.iter().find(|s| s.time > from && s.events > 0);
        Some((from, next.map_or_else(|| self.last_time(), |s| s.time)))
    }

    /// The median survival time.
    pub fn median(&self) -> Computed<f64> {
        self.quantile(0.5)
    }

    /// The interval of [`KaplanMeier::quantile`]: the first times at which the lower and the upper bound of the curve are at
    /// most the share (Brookmeyer and Crowley 1982, "A confidence interval for the median survival time", Biometrics 38). Each
    /// may be out of reach.
    pub fn quantile_interval(&self, survival: f64) -> (Computed<f64>, Computed<f64>) {
        (self.first(|s| s.interval.0 <= survival), self.first(|s| s.interval.1 <= survival))
    }

    /// The interval of the median.
    pub fn median_interval(&self) -> (Computed<f64>, Computed<f64>) {
        self.quantile_interval(0.5)
    }

    fn first(&self, reached: impl Fn(&Step) -> bool) -> Computed<f64> {
        self.steps.iter().find(|s| reached(s)).map(|s| s.time).ok_or(NotComputable::NotReached)
    }
}

fn log_log_interval(survival: f64, greenwood: f64, z: f64) -> (f64, f64) {
    if survival <= 0.0 || survival >= 1.0 {
        return (survival, survival);
    }
    let log = survival.ln();
    let spread = (z * greenwood.sqrt() / log.abs()).exp();
    (survival.powf(spread), survival.powf(1.0 / spread))
}
