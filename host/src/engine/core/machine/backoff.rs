//! Whether a step is tried again after a failure, and how long it waits before.

use std::time::Duration;

use serde_json::json;

use super::{Effects, Machine};
use crate::model::{
    AttemptState, Digest, EventKind, Failure, FailureKind, RetryPolicy, StepState, Timestamp,
};

impl Machine {
    /// An attempt failed: retry, or fail the step.
    pub(super) fn fail(&mut self, i: usize, failure: Failure, now: Timestamp, effects: &mut Effects) {
        self.end_attempt(i, AttemptState::Failed, Some(failure.clone()), now);
        let number = self.steps[i].row.attempt;
        let policy = self.definition(i).retry.clone();
        let timeout = self.definition(i).step_timeout_ms.map(Duration::from_millis);
        let retryable = match &policy.on {
            Some(kinds) => kinds.iter().any(|kind| kind == failure.kind.as_str()),
            None => failure.kind.is_retryable(),
        };
        let inner = matches!(failure.kind, FailureKind::Cancelled | FailureKind::HostCrashed);
        // A scope that is about to fail for another step's sake starts nothing more.
        let doomed = self.scopes[self.steps[i].scope].failed.is_some();
        let mut data = json!({ "attempt": number, "failure": failure });
        self.steps[i].row.failure = Some(failure);
        let runs = self.steps[i].row.state == StepState::Running;
        if retryable
            && runs
            && !inner
            && !doomed
            && number - self.steps[i].row.retried_from < policy.max_attempts
        {
            let at = now.plus(backoff(&policy, number, &self.run.seed, &self.steps[i].row.name));
            let end = self.steps[i].row.started_at.zip(timeout).map(|(start, timeout)| start.plus(timeout));
            if let Some(end) = end.filter(|end| at >= *end) {
                let late =
                    format!("step_timeout_ms ends the step at {end}, before the next attempt would begin");
                data["not_retried_because"] = json!(late);
                if let Some(failure) = &mut self.steps[i].row.failure {
                    failure.message = format!("{}; {late}", failure.message);
                }
            } else {
                self.set_step(i, StepState::Retrying);
                self.steps[i].row.not_before = Some(at);
                self.event(EventKind::StepRetrying, Some(i), now, data);
                effects.timers.push((at, i));
                return self.move_on(Vec::new(), now, effects);
            }
        }
        self.set_step(i, StepState::Failed);
        self.steps[i].row.finished_at = Some(now);
        self.steps[i].row.not_before = None;
        self.event(EventKind::StepFailed, Some(i), now, data);
        self.move_on(vec![i], now, effects);
    }
}

/// The delay before the attempt after number `number` (from 1): exponential, bounded, with a jitter that is drawn from
/// the run's seed, so that a simulation with the same seed sees the same delays.
fn backoff(policy: &RetryPolicy, number: u32, seed: &Digest, step: &str) -> Duration {
    let exponent = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
    let base = policy.initial_delay_ms as f64 * policy.factor.powi(exponent);
    let base = base.min(policy.max_delay_ms as f64);
    let draw = Digest::of([seed.as_bytes().as_slice(), step.as_bytes(), &number.to_le_bytes()].concat());
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&draw.as_bytes()[..4]);
    let unit = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
    let factor = 1.0 + policy.jitter * (2.0 * unit - 1.0);
    Duration::from_micros((base * factor * 1000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(jitter: f64) -> RetryPolicy {
        RetryPolicy {
            initial_delay_ms: 100,
            factor: 2.0,
            max_delay_ms: 1_500,
            jitter,
            ..RetryPolicy::default()
        }
    }

    #[test]
    fn it_grows_up_to_its_bound() {
        let seed = Digest::of("seed");
        let delays: Vec<u128> =
            (1..=8).map(|number| backoff(&policy(0.0), number, &seed, "s").as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1_500, 1_500, 1_500, 1_500]);
        assert_eq!(backoff(&policy(0.0), u32::MAX, &seed, "s").as_millis(), 1_500, "however often");
        let constant = RetryPolicy { factor: 1.0, ..policy(0.0) };
        assert_eq!(backoff(&constant, 9, &seed, "s").as_millis(), 100);
    }

    #[test]
    fn jitter_stays_within_its_part_and_is_spread_over_it() {
        let policy = policy(0.5);
        let delays: Vec<u128> = (0..1_000)
            .map(|i| backoff(&policy, 2, &Digest::of(format!("seed {i}")), "s").as_micros())
            .collect();
        assert!(delays.iter().all(|delay| (100_000..=300_000).contains(delay)));
        let mean = delays.iter().sum::<u128>() / 1_000;
        assert!((190_000..=210_000).contains(&mean), "{mean}");
        assert!(delays.iter().any(|delay| *delay < 110_000) && delays.iter().any(|delay| *delay > 290_000));
    }

    #[test]
    fn the_same_seed_step_and_number_have_the_same_delay_and_others_another() {
        let (policy, seed) = (policy(0.5), Digest::of("seed"));
        let first = backoff(&policy, 5, &seed, "s");
        assert_eq!(first, backoff(&policy, 5, &seed, "s"));
        assert_ne!(first, backoff(&policy, 6, &seed, "s"), "both are at the bound, apart from the jitter");
        assert_ne!(first, backoff(&policy, 5, &seed, "t"));
        assert_ne!(first, backoff(&policy, 5, &Digest::of("another"), "s"));
    }
}
