//! Proportions and rare events without the normal approximation where it fails.

use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal, Poisson};

/// The Wilson score interval of a proportion: `successes` of `trials` at a confidence `level` such as 0.95 (Wilson,
/// "Probable inference, the law of succession, and statistical inference", JASA 22, 1927). Shares between 0 and 1.
/// `None` without trials, with more successes than trials, or with a level outside 0 to 1.
pub fn wilson_interval(successes: u64, trials: u64, level: f64) -> Option<(f64, f64)> {
    if trials == 0 || successes > trials || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let z = Normal::standard().inverse_cdf(0.5 + level / 2.0);
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    // At 0 and n of n the bound is exact, not an ulp beside it.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half).min(1.0) };
    Some((low, high))
}

/// P(X ≥ `count`) for a Poisson variable of this mean (the incomplete gamma function: Abramowitz and Stegun 1964, 26.4.21).
/// `None` for a mean that is negative or not finite.
pub fn poisson_at_least(count: u64, mean: f64) -> Option<f64> {
    match count.checked_sub(1) {
        None => poisson(mean).map(|_| 1.0),
        Some(below) => poisson(mean)?.map_or(Some(0.0), |p| Some(p.sf(below))),
    }
}

/// P(X ≤ `count`) for a Poisson variable of this mean (the same, 26.4.21). `None` for a mean that is negative or not finite.
pub fn poisson_at_most(count: u64, mean: f64) -> Option<f64> {
    poisson(mean)?.map_or(Some(1.0), |p| Some(p.cdf(count)))
}

/// The distribution; the inner `None` is that of mean zero, which is always 0.
fn poisson(mean: f64) -> Option<Option<Poisson>> {
    if mean == 0.0 { Some(None) } else { Poisson::new(mean).ok().filter(|_| mean.is_finite()).map(Some) }
}

/// P(X ≥ `successes`) for a binomial variable of `trials` with this probability (the incomplete beta function: Abramowitz and
/// Stegun 1964, 26.5.24). `None` for a probability outside 0 to 1.
pub fn binomial_at_least(successes: u64, trials: u64, probability: f64) -> Option<f64> {
    let binomial = Binomial::new(probability, trials).ok()?;
    Some(successes.checked_sub(1).map_or(1.0, |below| binomial.sf(below)))
}

/// P(X ≤ `successes`) for a binomial variable of `trials` with this probability (the same, 26.5.24). `None` for a probability
/// outside 0 to 1.
pub fn binomial_at_most(successes: u64, trials: u64, probability: f64) -> Option<f64> {
    Some(Binomial::new(probability, trials).ok()?.cdf(successes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wilson_is_the_published_formula() {
        // statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson") and (0, 20).
        let (low, high) = wilson_interval(8, 10, 0.95).unwrap();
        assert!(
            (low - 0.490_162_471_536_641_1).abs() < 1e-9 && (high - 0.943_317_848_545_624_7).abs() < 1e-9,
            "{low} {high}"
        );
        let (low, high) = wilson_interval(0, 20, 0.95).unwrap();
        assert!(low == 0.0 && (high - 0.161_125_158_052_819_4).abs() < 1e-9, "{high}");
        assert_eq!(wilson_interval(1, 0, 0.95), None);
        assert_eq!(wilson_interval(3, 2, 0.95), None);
    }

    #[test]
    fn tails_by_hand() {
        assert!((poisson_at_least(1, 2.0).unwrap() - (1.0 - (-2.0f64).exp())).abs() < 1e-12);
        assert!((poisson_at_most(1, 2.0).unwrap() - 3.0 * (-2.0f64).exp()).abs() < 1e-12);
        assert_eq!(poisson_at_least(0, 0.0), Some(1.0));
        assert_eq!(poisson_at_least(1, 0.0), Some(0.0));
        assert_eq!(poisson_at_most(1, f64::NAN), None);
        assert!((binomial_at_least(3, 3, 0.5).unwrap() - 0.125).abs() < 1e-12);
        assert!((binomial_at_most(1, 3, 0.5).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(binomial_at_least(1, 3, 1.5), None);
    }

    proptest! {
        #[test]
        fn the_tails_meet(count in 0u64..60, mean in 0.0..40.0f64, trials in 60u64..90, p in 0.0..=1.0f64) {
            let both = poisson_at_most(count, mean).unwrap() + poisson_at_least(count + 1, mean).unwrap();
            prop_assert!((both - 1.0).abs() < 1e-9, "Poisson {both}");
            let both = binomial_at_most(count, trials, p).unwrap() + binomial_at_least(count + 1, trials, p).unwrap();
            prop_assert!((both - 1.0).abs() < 1e-9, "binomial {both}");
        }

        #[test]
        fn the_interval_holds_the_share(successes in 0u64..50, more in 0u64..50, level in 0.5..0.999f64) {
            let trials = successes + more + 1;
            let (low, high) = wilson_interval(successes, trials, level).unwrap();
            let share = successes as f64 / trials as f64;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
        }
    }
}
