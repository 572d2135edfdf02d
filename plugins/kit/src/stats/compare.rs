//! Whether two groups or two counts differ by more than chance: exact tests and intervals of counts.

use statrs::distribution::{Binomial, DiscreteCDF as _};

use super::{
    describe::{mean, sd},
    student_critical,
};

/// Tables as likely as the observed one up to this factor count as equally likely, as rounding may part them.
const SLACK: f64 = 1.0 + 1e-7;

/// Fisher's exact test of equal shares, two-sided: the p-value of `successes` and `failures` of one group against those of
/// another, by the tables that are no more likely than the observed one (Fisher 1935, "The logic of inductive inference").
/// `None` where a group is empty.
///
/// The tables are weighed from the likeliest one outwards, each by its ratio to its neighbour, so that no large factorial
/// costs digits; time grows with the number of tables that are not negligible.
pub fn fisher_exact(group: (u64, u64), other: (u64, u64)) -> Option<f64> {
    let (n, m) = (group.0.checked_add(group.1)?, other.0.checked_add(other.1)?);
    if n == 0 || m == 0 {
        return None;
    }
    let successes = group.0.checked_add(other.0)?;
    let (least, most) = (successes.saturating_sub(m), successes.min(n));
    let mode = (n as f64 + 1.0) * (successes as f64 + 1.0) / (n as f64 + m as f64 + 2.0);
    let mode = (mode as u64).clamp(least, most);
    // P(k + 1) / P(k).
    let up = |k: u64| {
        let (left, failures) = ((successes - k) as f64, (m - (successes - k)) as f64);
        (n - k) as f64 / (k as f64 + 1.0) * (left / (failures + 1.0))
    };
    let weigh = |tables: &mut dyn Iterator<Item = u64>, ratio: &dyn Fn(u64) -> f64| {
        let mut weight = 1.0;
        let mut weights = Vec::new();
        for k in tables {
            weight *= ratio(k);
            if weight == 0.0 {
                break;
            }
            weights.push(weight);
        }
        weights
    };
    let above = weigh(&mut (mode..most), &up);
    let below = weigh(&mut (least..mode).rev(), &|k| up(k).recip());
    let distance = group.0.abs_diff(mode) as usize;
    let side = if group.0 > mode { &above } else { &below };
    let observed = distance.checked_sub(1).map_or(1.0, |at| side.get(at).copied().unwrap_or(0.0)) * SLACK;
    // From the smallest weight up, as rounding then loses least.
    let sum = |limit: f64| {
        let of = |side: &[f64]| side.iter().rev().filter(|w| **w <= limit).sum::<f64>();
        of(&above) + of(&below) + if limit >= 1.0 { 1.0 } else { 0.0 }
    };
    Some((sum(observed) / sum(f64::INFINITY)).min(1.0))
}

/// The exact test of equal rates of two counts over the same time, two-sided: given their sum, each is binomial with one
/// half (Przyborowski and Wilenski 1940, "Homogeneity of results in testing samples from Poisson series"). `None` where
/// nothing was counted.
pub fn equal_rates(count: u64, other: u64) -> Option<f64> {
    let n = count + other;
    let null = Binomial::new(0.5, n).ok().filter(|_| n > 0)?;
    Some((2.0 * null.cdf(count.min(other))).min(1.0))
}

/// Student's t interval (Student 1908, as [`super::mean_interval`]) of the mean count of a period at a confidence `level` such
/// as 0.95, (lower, upper), from counts of equally long periods. The periods' variance is taken as no less than that of counts
/// of independent events (Poisson: the mean, and that of at least one event), so that a few even counts do not pretend to be
/// exact. Needs two periods.
pub fn count_interval(counts: &[f64], level: f64) -> Option<(f64, f64)> {
    let centre = mean(counts)?;
    let half = half_width(sd(counts)?.powi(2), centre, counts.len(), counts.len() - 1, level)?;
    Some((centre - half, centre + half))
}

/// The same of the mean difference of two counts of the same periods, the first less the second.
pub fn paired_count_interval(counts: &[f64], others: &[f64], level: f64) -> Option<(f64, f64)> {
    if counts.len() != others.len() {
        return None;
    }
    let differences: Vec<f64> = counts.iter().zip(others).map(|(a, b)| a - b).collect();
    let (centre, least) = (mean(&differences)?, mean(counts)? + mean(others)?);
    let n = differences.len();
    let half = half_width(sd(&differences)?.powi(2), least, n, n - 1, level)?;
    Some((centre - half, centre + half))
}

/// The same of the difference of the mean counts of two spans of equally long periods, the first less the second; the
/// degrees of freedom are those of the shorter span, which is never too few (Welch, "The significance of the difference
/// between two means when the population variances are unequal", Biometrika 29, 1938: those of his statistic lie between the
/// smaller of the two and their sum).
pub fn count_difference_interval(counts: &[f64], others: &[f64], level: f64) -> Option<(f64, f64)> {
    let (a, b) = (mean(counts)?, mean(others)?);
    let degrees = counts.len().min(others.len()).checked_sub(1)?;
    let first = half_width(sd(counts)?.powi(2), a, counts.len(), degrees, level)?;
    let second = half_width(sd(others)?.powi(2), b, others.len(), degrees, level)?;
    let half = first.hypot(second);
    Some((a - b - half, a - b + half))
}

/// Half of a t interval of a mean of `n` values with this variance, or that of `events` and at least one event in all.
fn half_width(variance: f64, events: f64, n: usize, degrees: usize, level: f64) -> Option<f64> {
    let n = n as f64;
    let t = student_critical(level, degrees as f64).ok()?;
    Some(t * (variance.max(events).max(1.0 / n) / n).sqrt())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tables_by_hand() {
        // The lady tasting tea: 1 + 16 of 70 ways on each side.
        assert!((fisher_exact((3, 1), (1, 3)).unwrap() - 34.0 / 70.0).abs() < 1e-12);
        // 270 + 10 on this side and 120 on the other, of 11440.
        assert!((fisher_exact((8, 2), (1, 5)).unwrap() - 400.0 / 11440.0).abs() < 1e-12);
        assert_eq!(fisher_exact((0, 0), (1, 5)), None);
        // Shares of 35.8 % and 37.4 % of a thousand tickets: nothing.
        assert!(fisher_exact((59, 106), (375, 627)).unwrap() > 0.7);
    }

    #[test]
    fn counts_by_hand() {
        assert!((equal_rates(9, 1).unwrap() - 2.0 * 11.0 / 1024.0).abs() < 1e-12);
        for (count, other) in [(27, 26), (0, 1), (4, 4)] {
            assert!((equal_rates(count, other).unwrap() - 1.0).abs() < 1e-9);
        }
        assert_eq!(equal_rates(0, 0), None);
    }

    #[test]
    fn intervals_by_hand() {
        // t of 0.975 with 3 degrees of freedom: 3.182446; the sample variance 20/3 is above the mean 5.
        let near = |found: Option<(f64, f64)>, centre: f64, half: f64| {
            let (low, high) = found.unwrap();
            assert!(
                (low - centre + half).abs() < 1e-5 && (high - centre - half).abs() < 1e-5,
                "{low} {high}"
            );
        };
        near(count_interval(&[2.0, 4.0, 6.0, 8.0], 0.95), 5.0, 3.182446 * (20.0_f64 / 12.0).sqrt());
        // Four times the same: the mean stands in for the variance; without any event, one event does.
        near(count_interval(&[4.0; 4], 0.95), 4.0, 3.182446);
        near(count_interval(&[0.0; 4], 0.95), 0.0, 3.182446 / 4.0);
        near(paired_count_interval(&[5.0; 4], &[4.0; 4], 0.95), 1.0, 3.182446 * 1.5);
        near(count_difference_interval(&[5.0; 4], &[4.0; 4], 0.95), 1.0, 3.182446 * 1.5);
        assert_eq!(
            (count_interval(&[1.0], 0.95), paired_count_interval(&[1.0, 2.0], &[1.0], 0.95)),
            (None, None)
        );
        assert_eq!(
            (count_difference_interval(&[], &[1.0], 0.9), count_interval(&[1.0, 2.0], 1.0)),
            (None, None)
        );
    }

    proptest! {
        #[test]
        fn p_values_are_shares_and_do_not_depend_on_the_order(a in 0u64..40, b in 0u64..40, c in 0u64..40, d in 0u64..40) {
            let (p, q) = (fisher_exact((a, b), (c, d)), fisher_exact((c, d), (a, b)));
            prop_assert_eq!(p.is_some(), q.is_some());
            if let (Some(p), Some(q)) = (p, q) {
                prop_assert!((0.0..=1.0).contains(&p) && (p - q).abs() < 1e-9, "{p} {q}");
            }
            prop_assert_eq!(equal_rates(a, b), equal_rates(b, a));
        }

        #[test]
        fn a_difference_turns_its_sign_with_its_sides(
            a in prop::collection::vec(0.0..50.0f64, 2..12),
            b in prop::collection::vec(0.0..50.0f64, 2..12),
        ) {
            let (p, q) = (
                count_difference_interval(&a, &b, 0.95).unwrap(),
                count_difference_interval(&b, &a, 0.95).unwrap(),
            );
            prop_assert!((p.0 + q.1).abs() < 1e-9 && (p.1 + q.0).abs() < 1e-9 && p.0 < p.1, "{p:?} {q:?}");
        }
    }
}
