//! Location, spread, quantiles and outliers.

use super::student_critical;

/// The values, if there are at least `least` and all are finite.
fn sample(values: &[f64], least: usize) -> Option<&[f64]> {
    (values.len() >= least && values.iter().all(|v| v.is_finite())).then_some(values)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The arithmetic mean, in the unit of the values.
pub fn mean(values: &[f64]) -> Option<f64> {
    let n = sample(values, 1)?.len() as f64;
    // The second pass takes back what rounding lost in the first.
    let first = values.iter().sum::<f64>() / n;
    Some(first + values.iter().map(|v| v - first).sum::<f64>() / n)
}

/// The sample standard deviation (divisor n − 1; ISO 3534-1:2006, 1.17), in the unit of the values. Needs two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    let centre = mean(sample(values, 2)?)?;
    Some((values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt())
}

/// Student's t interval of the mean (Student, "The probable error of a mean", Biometrika 6, 1908) at a confidence `level` such
/// as 0.95: (lower, upper), in the unit of the values. Needs two values. `None` for a level outside 0 to 1.
pub fn mean_interval(values: &[f64], level: f64) -> Option<(f64, f64)> {
    let (centre, spread) = (mean(values)?, sd(values)?);
    let n = values.len() as f64;
    let half = student_critical(level, n - 1.0).ok()? * spread / n.sqrt();
    Some((centre - half, centre + half))
}

/// The median: for an even number of values the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile of a probability between 0 and 1 by linear interpolation between order statistics: type 7 of Hyndman
/// and Fan, "Sample quantiles in statistical packages", The American Statistician 50, 1996.
pub fn quantile(values: &[f64], probability: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    let sorted = sorted(sample(values, 1)?);
    let position = (sorted.len() - 1) as f64 * probability;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// The median absolute deviation from the median (Hampel, "The influence curve and its role in robust estimation", JASA 69,
/// 1974), unscaled, in the unit of the values.
pub fn mad(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    median(&values.iter().map(|v| (v - centre).abs()).collect::<Vec<_>>())
}

/// The modified z-score of each value, 0.6745 · (x − median) / MAD (Iglewicz and Hoaglin, "How to detect and handle
/// outliers", 1993, who call values beyond ±3.5 outliers; 0.6745 makes it comparable with a standard deviation under
/// normality). `None` where the MAD is zero: more than half of the values are equal, and no distance is unusual.
pub fn robust_z(values: &[f64]) -> Option<Vec<f64>> {
    let (centre, spread) = (median(values)?, mad(values)?);
    (spread > 0.0).then(|| values.iter().map(|v| 0.6745 * (v - centre) / spread).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn interval_of_the_mean() {
        // t(0.975, 2 degrees of freedom) = 4.302652729911275, and s = 1.
        let (low, high) = mean_interval(&[3.0, 4.0, 5.0], 0.95).unwrap();
        let half = 4.302652729911275 / 3_f64.sqrt();
        assert!((low - (4.0 - half)).abs() < 1e-9 && (high - (4.0 + half)).abs() < 1e-9, "{low} {high}");
        assert_eq!((mean_interval(&[3.0], 0.95), mean_interval(&[3.0, 4.0], 1.0)), (None, None));
    }

    #[test]
    fn values_by_hand() {
        let v = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&v), Some(5.0));
        assert!((sd(&v).unwrap() - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(median(&v), Some(4.5));
        // Position 7 × 0.9 = 6.3 lies between 7 and 9.
        assert!((quantile(&v, 0.9).unwrap() - 7.6).abs() < 1e-12);
        assert_eq!(mad(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
        let z = robust_z(&[1.0, 2.0, 3.0, 4.0, 100.0]).unwrap();
        assert!((z[4] - 0.6745 * 97.0).abs() < 1e-9 && z[2] == 0.0);
    }

    #[test]
    fn what_cannot_be_computed_is_none() {
        assert_eq!(mean(&[]), None);
        assert_eq!(sd(&[1.0]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(quantile(&[1.0], 1.5), None);
        assert_eq!(robust_z(&[5.0, 5.0, 5.0, 9.0]), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_ordered_and_inside(values in prop::collection::vec(-1e6..1e6f64, 1..40), p in 0.0..1.0f64, q in 0.0..1.0f64) {
            let (low, high) = (quantile(&values, p.min(q)).unwrap(), quantile(&values, p.max(q)).unwrap());
            prop_assert!(low <= high + 1e-9);
            prop_assert!(quantile(&values, 0.0).unwrap() <= low && high <= quantile(&values, 1.0).unwrap());
        }

        #[test]
        fn shifting_moves_location_and_leaves_spread(values in prop::collection::vec(-1e3..1e3f64, 2..40), by in -1e3..1e3f64) {
            let shifted: Vec<f64> = values.iter().map(|v| v + by).collect();
            prop_assert!((mean(&shifted).unwrap() - mean(&values).unwrap() - by).abs() < 1e-8);
            prop_assert!((sd(&shifted).unwrap() - sd(&values).unwrap()).abs() < 1e-8);
            prop_assert!((mad(&shifted).unwrap() - mad(&values).unwrap()).abs() < 1e-8);
        }
    }
}
