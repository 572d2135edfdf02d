//! Regression on columns of numbers: linear, logistic, and what is made of them.
//!
//! A fit never fails for one bad column: a coefficient that cannot be estimated says why, and the likelihood, the tests and
//! the other coefficients stand.

mod design;
mod linear;
mod logistic;
mod newton;
mod propensity;

pub(crate) use design::{Standardised, independent, standardise};
pub use design::{indicators, products};
pub use linear::{Ancova, LinearFit, ancova, least_squares, nested_f_test};
pub use logistic::{LogisticFit, LogisticOptions, logistic};
pub use newton::Convergence;
pub(crate) use newton::{Derivatives, NewtonOptions, maximise};
pub use propensity::{Balance, Matching, balance, match_nearest, propensity_logits};

use crate::stats::{Computed, NotComputable, chi_squared_upper, normal_critical, normal_two_sided};

/// An estimated coefficient of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    /// The estimate, per unit of its column.
    pub estimate: f64,
    /// Its standard error.
    pub se: f64,
    /// Estimate over standard error: t in a linear model, else Wald's z.
    pub statistic: f64,
    /// Two-sided.
    pub p: f64,
    /// (lower, upper).
    pub interval: (f64, f64),
}

impl Coefficient {
    /// e to the estimate and to its bounds: the hazard ratio of a Cox model, the odds ratio of a logistic one.
    pub fn exponentiated(&self) -> Computed<(f64, (f64, f64))> {
        let all = (self.estimate.exp(), (self.interval.0.exp(), self.interval.1.exp()));
        if all.1.1.is_finite() { Ok(all) } else { Err(NotComputable::TooLarge) }
    }

    /// Wald's test and interval (Wald 1943).
    pub(crate) fn wald(estimate: f64, se: f64, level: f64) -> Computed<Self> {
        if !(se.is_finite() && se > 0.0) {
            return Err(NotComputable::NoVariation);
        }
        let (statistic, half) = (estimate / se, normal_critical(level)? * se);
        let interval = (estimate - half, estimate + half);
        Ok(Self { estimate, se, statistic, p: normal_two_sided(statistic)?, interval })
    }
}

/// A χ² test of a model or of some of its terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiTest {
    /// The statistic.
    pub chi_squared: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// P of at least this statistic under the null hypothesis.
    pub p: f64,
}

impl ChiTest {
    pub(crate) fn new(chi_squared: f64, df: f64) -> Computed<Self> {
        // Rounding may leave a likelihood ratio of nothing a hair below zero.
        let chi_squared = chi_squared.max(0.0);
        Ok(Self { chi_squared, df, p: chi_squared_upper(chi_squared, df)? })
    }
}

/// The maximum of a likelihood, for likelihood-ratio tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likelihood {
    /// The natural logarithm.
    pub log: f64,
    /// How many coefficients were estimated.
    pub parameters: usize,
    /// How many observations.
    pub n: usize,
}

/// The likelihood-ratio test of a model against a larger one that contains it, fitted to the same observations (Wilks 1938).
/// It stands even where a coefficient of the larger model is infinite, as the likelihood then still has a bound.
pub fn likelihood_ratio_test(smaller: Likelihood, larger: Likelihood) -> Computed<ChiTest> {
    let Some(df) = larger.parameters.checked_sub(smaller.parameters).filter(|df| *df > 0) else {
        return Err(NotComputable::NotNested);
    };
    let ratio = 2.0 * (larger.log - smaller.log);
    if smaller.n != larger.n || ratio < -1e-6 * larger.log.abs().max(1.0) {
        return Err(NotComputable::NotNested);
    }
    ChiTest::new(ratio, df as f64)
}
