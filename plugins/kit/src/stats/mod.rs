//! Statistics of samples: location and spread, outliers, proportions, rare events, comparisons, trend.
//!
//! A function that needs more values than it got, or got one that is not finite, returns `None`, or a [`NotComputable`] where
//! the reason matters to a reader: the caller reports the figure as not computable instead of printing a NaN.

mod compare;
mod contingency;
mod describe;
mod disproportionality;
mod exact;
mod means;
mod multiplicity;
mod normality;
mod ranks;
mod reason;
mod risks;
mod sample;
mod tails;
mod trend;

pub use compare::{
    count_difference_interval, count_interval, equal_rates, fisher_exact, paired_count_interval,
};
pub use contingency::{
    ChiSquared, categorical_difference, chi_squared, chi_squared_yates, cramers_v, fisher_exact_table,
};
pub use describe::{mad, mean, mean_interval, median, quantile, robust_z, sd};
pub use disproportionality::{Disproportion, Reports, SignalCriterion, disproportion};
pub use exact::{binomial_at_least, binomial_at_most, poisson_at_least, poisson_at_most, wilson_interval};
pub use means::{
    Effect, FTest, TTest, anova, brown_forsythe, cohens_d, hedges_g, sample_mean_interval,
    standardised_difference, student_test, welch_test,
};
pub(crate) use means::{standardised, t_test};
pub use multiplicity::{benjamini_hochberg, bonferroni, hochberg, holm};
pub use normality::{ShapiroWilk, shapiro_wilk};
pub use ranks::{
    KruskalWallis, MannWhitney, Shift, hodges_lehmann, kruskal_wallis, mann_whitney, mann_whitney_exact,
};
pub use reason::{Computed, NotComputable};
pub use risks::{Proportion, Ratio, RiskDifference, odds_ratio, risk_difference, risk_ratio};
pub use sample::{Sample, Summary};
pub use tails::{
    chi_squared_upper, f_upper, normal_critical, normal_two_sided, student_critical, student_two_sided,
};
pub use trend::{MannKendall, mann_kendall};
