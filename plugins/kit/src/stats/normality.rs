//! Whether a sample looks normal.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::{Computed, NotComputable, Sample};

/// Royston's approximation holds up to here.
const MOST: usize = 5_000;

/// Shapiro and Wilk's test of normality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapiroWilk {
    /// The statistic: 1 for values at the expected places of a normal sample, less for others.
    pub w: f64,
    /// P of at most this W for a normal sample.
    pub p: f64,
}

/// A polynomial by its coefficients from the constant up.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// Shapiro and Wilk's W in Royston's approximation, for 3 to 5,000 values (Shapiro and Wilk 1965, "An analysis of variance test
/// for normality", Biometrika 52; Royston 1992, "Approximating the Shapiro-Wilk W-test for non-normality", Statistics and
/// Computing 2; coefficients of algorithm AS R94, Royston 1995, Applied Statistics 44).
pub fn shapiro_wilk(sample: &Sample) -> Computed<ShapiroWilk> {
    let count = sample.n();
    match count {
        0..3 => return Err(NotComputable::TooFew { needed: 3, found: count }),
        3..=MOST => {}
        _ => return Err(NotComputable::TooMany { most: MOST, found: count }),
    }
    if sample.squares() <= 0.0 {
        return Err(NotComputable::NoVariation);
    }
    let values = sample.sorted();
    let weights = weights(count);
    // Antisymmetric weights: each pairs a value with its mirror image.
    let linear: f64 =
        weights.iter().zip(values.iter().rev().zip(values)).map(|(a, (high, low))| a * (high - low)).sum();
    let w = (linear * linear / sample.squares()).min(1.0);
    Ok(ShapiroWilk { w, p: p_value(w, count as f64) })
}

/// The weights of the upper half of the order statistics, from the largest value down.
fn weights(count: usize) -> Vec<f64> {
    let n = count as f64;
    if count == 3 {
        return vec![0.5_f64.sqrt()];
    }
    // Blom's scores.
    let scores: Vec<f64> = (0..count / 2)
        .map(|i| -Normal::standard().inverse_cdf((i as f64 + 1.0 - 0.375) / (n + 0.25)))
        .collect();
    let squares = 2.0 * scores.iter().map(|m| m * m).sum::<f64>();
    let u = 1.0 / n.sqrt();
    let (first, second) = (scores[0], scores[1]);
    let largest =
        first / squares.sqrt() + polynomial(&[0.0, 0.221157, -0.147981, -2.071190, 4.434685, -2.706056], u);
    let mut weights = vec![largest];
    let rest = if count > 5 {
        let next = second / squares.sqrt()
            + polynomial(&[0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633], u);
        weights.push(next);
        (squares - 2.0 * (first * first + second * second)) / (1.0 - 2.0 * (largest * largest + next * next))
    } else {
        (squares - 2.0 * first * first) / (1.0 - 2.0 * largest * largest)
    };
    let done = weights.len();
    weights.extend(scores.iter().skip(done).map(|m| m / rest.sqrt()));
    weights
}

fn p_value(w: f64, n: f64) -> f64 {
    if n == 3.0 {
        // Exact.
        let least = 0.75_f64.sqrt().asin();
        return (6.0 / std::f64::consts::PI * (w.sqrt().asin() - least)).clamp(0.0, 1.0);
    }
    let log = (1.0 - w).max(f64::MIN_POSITIVE).ln();
    let (y, mean, sd) = if n <= 11.0 {
        let gamma = polynomial(&[-2.273, 0.459], n);
        if log >= gamma {
            return 0.0;
        }
        (
            -(gamma - log).ln(),
            polynomial(&[0.5440, -0.39978, 0.025054, -0.0006714], n),
            polynomial(&[1.3822, -0.77857, 0.062767, -0.0020322], n).exp(),
        )
    } else {
        let x = n.ln();
        (
            log,
            polynomial(&[-1.5861, -0.31082, -0.083751, 0.0038915], x),
            polynomial(&[-0.4803, -0.082676, 0.0030302], x).exp(),
        )
    };
    Normal::standard().sf((y - mean) / sd)
}
