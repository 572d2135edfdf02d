//! Whether a series rises or falls.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, Normal};

/// The outcome of the Mann–Kendall test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MannKendall {
    /// Pairs that rise minus pairs that fall.
    pub s: f64,
    /// S in standard errors, with continuity correction.
    pub z: f64,
    /// Two-sided p value of no trend.
    pub p: f64,
    /// Kendall's tau-b: −1 (always falls) to 1 (always rises).
    pub tau: f64,
    /// The median of the slopes of all pairs, in units a step (Sen, "Estimates of the regression coefficient based on
    /// Kendall's tau", JASA 63, 1968).
    pub slope: f64,
}

/// Tests for a monotone trend (Mann, "Nonparametric tests against trend", Econometrica 13, 1945; Kendall, "Rank
/// correlation methods", 1975), with the variance corrected for ties. It assumes independent observations: p is too
/// small for a series whose neighbours are alike.
///
/// `None` with fewer than 4 values, one that is not finite, or all equal.
pub fn mann_kendall(values: &[f64]) -> Option<MannKendall> {
    let n = values.len();
    if n < 4 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut s = 0.0f64;
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate().skip(i + 1) {
            s += if b > a {
                1.0
            } else if b < a {
                -1.0
            } else {
                0.0
            };
            slopes.push((b - a) / (j - i) as f64);
        }
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: Vec<f64> = sorted.chunk_by(|a, b| a == b).map(|run| run.len() as f64).collect();
    let count = n as f64;
    let weight = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let variance = (weight(count) - ties.iter().map(|t| weight(*t)).sum::<f64>()) / 18.0;
    if variance <= 0.0 {
        return None;
    }
    let z = (s - s.signum() * f64::from(s != 0.0)) / variance.sqrt();
    let pairs = count * (count - 1.0) / 2.0;
    let tied = ties.iter().map(|t| t * (t - 1.0) / 2.0).sum::<f64>();
    Some(MannKendall {
        s,
        z,
        p: (2.0 * Normal::standard().sf(z.abs())).min(1.0),
        tau: s / ((pairs - tied) * pairs).sqrt(),
        slope: super::median(&slopes)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_series_with_ties() {
        // pymannkendall.original_test and scipy.stats.kendalltau of these values.
        let got = mann_kendall(&[3.0, 5.0, 4.0, 6.0, 6.0, 8.0, 7.0, 9.0, 9.0, 12.0]).unwrap();
        assert_eq!(got.s, 39.0);
        assert!(
            (got.z - 3.4263446117362424).abs() < 1e-9 && (got.p - 0.0006117636822975392).abs() < 1e-9,
            "{got:?}"
        );
        assert!(
            (got.tau - 0.8865926413116155).abs() < 1e-9 && (got.slope - 0.8333333333333334).abs() < 1e-9,
            "{got:?}"
        );
    }

    #[test]
    fn no_trend_and_no_answer() {
        let flat = mann_kendall(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]).unwrap();
        assert!(flat.p > 0.3, "{flat:?}");
        assert_eq!(mann_kendall(&[1.0; 9]), None);
        assert_eq!(mann_kendall(&[1.0, 2.0, 3.0]), None);
        let falling = mann_kendall(&[5.0, 4.0, 3.0, 2.0, 1.0, 0.0]).unwrap();
        assert!(falling.tau == -1.0 && falling.slope == -1.0 && falling.z < 0.0);
    }
}
