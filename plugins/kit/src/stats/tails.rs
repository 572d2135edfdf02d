//! Tail probabilities and critical values, as relative as double precision allows far out in the tail. The distributions are
//! defined in Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, chapter 26, by the incomplete gamma and beta
//! functions of chapter 6.

use statrs::{
    distribution::{ChiSquared, ContinuousCDF as _, FisherSnedecor, Normal, StudentsT},
    function::{beta::checked_beta_reg, gamma::ln_gamma},
};

use super::{Computed, NotComputable};

/// The finite ones; a test statistic that overflowed is not a p-value of zero.
fn finite(value: f64) -> Computed<f64> {
    if value.is_finite() { Ok(value) } else { Err(NotComputable::NotFinite) }
}

fn degrees(value: f64) -> Computed<f64> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(NotComputable::NoResidualDegrees) }
}

/// The confidence level, if it is between 0 and 1.
pub(crate) fn checked_level(level: f64) -> Computed<f64> {
    if level > 0.0 && level < 1.0 { Ok(level) } else { Err(NotComputable::BadLevel) }
}

/// P(|Z| ≥ |z|) for a standard normal Z.
pub fn normal_two_sided(z: f64) -> Computed<f64> {
    Ok((2.0 * Normal::standard().sf(finite(z)?.abs())).min(1.0))
}

/// P(|T| ≥ |t|) for Student's t with `df` degrees of freedom, which need not be whole (Abramowitz and Stegun 1964, 26.7.1,
/// by the incomplete beta function).
pub fn student_two_sided(t: f64, df: f64) -> Computed<f64> {
    let (t, df) = (finite(t)?, degrees(df)?);
    let square = t * t;
    let p = if square < df {
        // Near zero the tail is almost one: the part within is the accurate one.
        checked_beta_reg(0.5, df / 2.0, square / (df + square)).map(|within| 1.0 - within)
    } else {
        checked_beta_reg(df / 2.0, 0.5, df / (df + square))
    };
    let p = p.map_err(|_| NotComputable::NotFinite)?;
    // In the middle both parts are of one size, but far from zero only the tail itself keeps its digits.
    let p = if p < 0.5 && square < df {
        checked_beta_reg(df / 2.0, 0.5, df / (df + square)).map_err(|_| NotComputable::NotFinite)?
    } else {
        p
    };
    Ok(p.clamp(0.0, 1.0))
}

/// P(X ≥ `statistic`) for χ² with `df` degrees of freedom.
pub fn chi_squared_upper(statistic: f64, df: f64) -> Computed<f64> {
    let distribution = ChiSquared::new(degrees(df)?).map_err(|_| NotComputable::NoResidualDegrees)?;
    Ok(distribution.sf(finite(statistic)?.max(0.0)).clamp(0.0, 1.0))
}

/// P(X ≥ `statistic`) for Fisher's F with `numerator` and `denominator` degrees of freedom.
pub fn f_upper(statistic: f64, numerator: f64, denominator: f64) -> Computed<f64> {
    let distribution = FisherSnedecor::new(degrees(numerator)?, degrees(denominator)?)
        .map_err(|_| NotComputable::NoResidualDegrees)?;
    Ok(distribution.sf(finite(statistic)?.max(0.0)).clamp(0.0, 1.0))
}

/// The z that |Z| stays below with probability `level`, such as 1.96 for 0.95.
pub fn normal_critical(level: f64) -> Computed<f64> {
    Ok(Normal::standard().inverse_cdf(0.5 + checked_level(level)? / 2.0))
}

/// The t that |T| with `df` degrees of freedom stays below with probability `level`.
///
/// The library's inverse is accurate to some six digits for many degrees of freedom; Newton's steps on the tail itself
/// give the rest.
pub fn student_critical(level: f64, df: f64) -> Computed<f64> {
    let outside = 1.0 - checked_level(level)?;
    let distribution =
        StudentsT::new(0.0, 1.0, degrees(df)?).map_err(|_| NotComputable::NoResidualDegrees)?;
    let mut t = distribution.inverse_cdf(0.5 + level / 2.0);
    for _ in 0..8 {
        let step = (student_two_sided(t, df)? - outside) / (2.0 * student_density(t, df));
        if !step.is_finite() || step.abs() <= 1e-15 * t.abs() {
            break;
        }
        t = (t + step).max(t / 2.0);
    }
    finite(t)
}

fn student_density(t: f64, df: f64) -> f64 {
    let constant = ln_gamma((df + 1.0) / 2.0) - ln_gamma(df / 2.0) - 0.5 * (df * std::f64::consts::PI).ln();
    (constant - (df + 1.0) / 2.0 * (t * t / df).ln_1p()).exp()
}
