//! Fits and forecasts of series made here: against another library's figures, and against what is known of the
//! process that made them.
#![allow(clippy::unwrap_used)]

use heddle_kit::series::{Forecast, Model, Options, SeriesError, fit, forecast};
use proptest::prelude::*;

/// A generator of 64-bit numbers (SplitMix64), so that the simulated series are the same everywhere.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn poisson(&mut self, mean: f64) -> f64 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }
}

/// A level of 20, rising by 0.3, with a week and a pseudo-random part.
fn weekly_pattern() -> Vec<f64> {
    let week = [0.0, 3.0, 5.0, 2.0, -4.0, -9.0, 3.0];
    (0..56).map(|t| 20.0 + 0.3 * t as f64 + week[t % 7] + (((t * 37) % 11) as f64 - 5.0) * 0.4).collect()
}

#[test]
fn sums_of_squares_are_at_most_those_of_statsmodels() {
    let y = weekly_pattern();
    // statsmodels 0.15 ExponentialSmoothing(initialization_method="estimated").fit().sse; the parameters of the first.
    let simple = fit(&y, false, 1).unwrap();
    assert!(simple.sse <= 1_601.177_700_6 * (1.0 + 1e-6), "{simple:?}");
    assert!((simple.parameters.alpha - 0.177_590_6).abs() < 2e-3, "{simple:?}");
    assert!((simple.state.level - 34.350_013_9).abs() < 0.02, "{simple:?}");
    let seasonal = fit(&y, false, 7).unwrap();
    assert!(seasonal.sse <= 157.920_302_1 * (1.0 + 1e-6), "{seasonal:?}");
    let winters = fit(&y, true, 7).unwrap();
    // Its φ may reach 0.995, ours 0.98 (the bound of Hyndman et al.), on a series whose trend is not damped at all.
    assert!(winters.sse <= 88.841_918_5 * 1.3, "{winters:?}");
}

#[test]
fn a_pattern_without_noise_is_continued() {
    let week = [4.0, 9.0, 7.0, 6.0, 5.0, 0.0, 1.0];
    let y: Vec<f64> = (0..84).map(|t| week[t % 7]).collect();
    let made = forecast(&y, &Options::counts(14, &[7])).unwrap();
    for (h, f) in made.point.iter().enumerate() {
        assert!((f - week[h % 7]).abs() < 1e-3, "step {h}: {f} by {:?}", made.model);
    }
    assert!(made.candidates[0].mae < 1e-3);
}

#[test]
fn short_and_constant_series_are_handled() {
    let options = Options::counts(4, &[7, 52]);
    let one = forecast(&[3.0], &options).unwrap();
    assert_eq!((one.model, one.point, one.intervals.len()), (Model::Mean, vec![3.0; 4], 0));
    assert!(one.caveats.iter().any(|c| c.contains("too few")), "{:?}", one.caveats);
    assert_eq!(one.coverage.iter().filter(|c| c.empirical.is_some()).count(), 0);
    for value in [0.0, 5.0] {
        let constant = forecast(&[value; 40], &options).unwrap();
        assert!(constant.point.iter().all(|f| (f - value).abs() < 1e-6), "{:?}", constant.point);
        assert_eq!(constant.model, Model::Mean, "the simplest of equals");
    }
    assert_eq!(forecast(&[], &options), Err(SeriesError::Empty));
    assert!(matches!(forecast(&[1.0, f64::NAN], &options), Err(SeriesError::Value { index: 1, .. })));
    assert!(matches!(forecast(&[1.0, -1.0], &options), Err(SeriesError::Value { index: 1, .. })));
    let far = Options { horizon: 0, ..options };
    assert!(forecast(&[1.0], &far).unwrap_err().to_string().contains("horizon"));
}

/// Share of values inside the intervals of each level, over series from one process: forecast, then look.
fn coverage_of(
    series: usize,
    length: usize,
    options: &Options,
    make: impl Fn(&mut Random, usize) -> Vec<f64>,
) -> Vec<f64> {
    let mut inside = vec![0.0; options.levels.len()];
    let mut all = 0.0;
    let mut reported = vec![0.0; options.levels.len()];
    for seed in 0..series {
        let y = make(&mut Random(seed as u64 * 7919 + 1), length + options.horizon);
        let (train, held_out) = y.split_at(length);
        let made: Forecast = forecast(train, options).unwrap();
        all += held_out.len() as f64;
        for (at, interval) in made.intervals.iter().enumerate() {
            let bounds = interval.lower.iter().zip(&interval.upper);
            inside[at] +=
                held_out.iter().zip(bounds).filter(|(v, (lo, hi))| **lo <= **v && **v <= **hi).count() as f64;
            reported[at] += made.coverage[at].empirical.unwrap() / series as f64;
        }
    }
    println!("held out {:?}, reported {reported:.3?}", inside.iter().map(|i| i / all).collect::<Vec<_>>());
    inside.iter().map(|i| i / all).collect()
}

/// Counts are discrete: an interval may hold more than its level, so the upper side gets more room.
fn assert_near(shares: &[f64], options: &Options, above: f64) {
    for (share, level) in shares.iter().zip(&options.levels) {
        assert!(*share > level - 0.06 && *share < (level + above).min(1.0), "{share} of nominal {level}");
    }
}

#[test]
fn intervals_of_poisson_counts_hold_what_they_promise() {
    let options = Options::counts(8, &[]);
    let shares = coverage_of(60, 150, &options, |r, n| (0..n).map(|_| r.poisson(5.0)).collect());
    assert_near(&shares, &options, 0.12);
}

#[test]
fn intervals_of_rare_counts_hold_at_least_what_they_promise() {
    let options = Options::counts(14, &[7]);
    let shares = coverage_of(30, 182, &options, |r, n| (0..n).map(|_| r.poisson(0.4)).collect());
    assert!(shares[0] > 0.76 && shares[1] > 0.9, "{shares:?}");
}

/// The last value again is 0 nearly always, and forecasting 0 has the least absolute error; nobody expects it.
#[test]
fn rare_counts_are_not_forecast_away() {
    let mut random = Random(5);
    for round in 0..20 {
        let y: Vec<f64> = (0..120).map(|_| random.poisson(0.25)).collect();
        let made = forecast(&y, &Options::counts(8, &[])).unwrap();
        let (expected, recent) = (made.point.iter().sum::<f64>() / 8.0, y[60..].iter().sum::<f64>() / 60.0);
        assert!(
            expected > 0.25 * recent && expected < 4.0 * recent,
            "{round}: {expected} after {recent}: {:?}",
            made.model
        );
    }
}

#[test]
fn intervals_of_an_autoregression_hold_what_they_promise() {
    let options = Options::quantity(6, &[]);
    let shares = coverage_of(60, 160, &options, |r, n| {
        let mut x = 0.0;
        (0..n)
            .map(|_| {
                x = 0.6 * x + r.normal();
                50.0 + x
            })
            .collect()
    });
    assert_near(&shares, &options, 0.08);
}

#[test]
fn intervals_of_a_seasonal_series_hold_what_they_promise() {
    let options = Options::quantity(14, &[7]);
    let shares = coverage_of(40, 140, &options, |r, n| {
        (0..n)
            .map(|t| 100.0 + 10.0 * (t as f64 * std::f64::consts::TAU / 7.0).sin() + 2.0 * r.normal())
            .collect()
    });
    assert_near(&shares, &options, 0.08);
}

#[test]
fn intervals_of_a_random_walk_widen() {
    let options = Options::quantity(10, &[]);
    let mut random = Random(5);
    let mut x = 0.0;
    let y: Vec<f64> = (0..150)
        .map(|_| {
            x += random.normal();
            x
        })
        .collect();
    let made = forecast(&y, &options).unwrap();
    let width = |h: usize| made.intervals[1].upper[h] - made.intervals[1].lower[h];
    assert!(width(9) > 2.0 * width(0), "{} then {}", width(0), width(9));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn forecasts_of_counts_are_finite_and_ordered(y in prop::collection::vec(0u32..40, 1..70), horizon in 1usize..12) {
        let y: Vec<f64> = y.into_iter().map(f64::from).collect();
        let made = forecast(&y, &Options::counts(horizon, &[7])).unwrap();
        prop_assert_eq!(made.point.len(), horizon);
        prop_assert!(made.point.iter().all(|f| f.is_finite() && *f >= 0.0));
        for interval in &made.intervals {
            for (lo, hi) in interval.lower.iter().zip(&interval.upper) {
                prop_assert!(0.0 <= *lo && lo <= hi && hi.is_finite());
            }
        }
        if let [narrow, wide] = made.intervals.as_slice() {
            let nested = (0..horizon).all(|h| wide.lower[h] <= narrow.lower[h] && narrow.upper[h] <= wide.upper[h]);
            prop_assert!(nested);
        }
        prop_assert_eq!(&made, &forecast(&y, &Options::counts(horizon, &[7])).unwrap());
    }

    #[test]
    fn the_unit_does_not_matter(y in prop::collection::vec(1.0..50.0f64, 20..60), factor in prop::sample::select(vec![1e-6, 1e-3, 1e6])) {
        let scaled: Vec<f64> = y.iter().map(|v| v * factor).collect();
        let (a, b) = (fit(&y, true, 7).unwrap(), fit(&scaled, true, 7).unwrap());
        prop_assert!((a.sse * factor * factor - b.sse).abs() <= 1e-3 * b.sse, "{} {}", a.sse * factor * factor, b.sse);
    }
}
