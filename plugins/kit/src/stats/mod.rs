//! Statistics of samples: location and spread, outliers, proportions, rare events, comparisons, trend.
//!
//! A function that needs more values than it got, or got one that is not finite, returns `None`: the caller reports
//! the figure as not computable instead of printing a NaN.

mod compare;
mod describe;
mod exact;
mod trend;

pub use compare::{
    count_difference_interval, count_interval, equal_rates, fisher_exact, holm, paired_count_interval,
};
pub use describe::{mad, mean, mean_interval, median, quantile, robust_z, sd};
pub use exact::{binomial_at_least, binomial_at_most, poisson_at_least, poisson_at_most, wilson_interval};
pub use trend::{MannKendall, mann_kendall};
