//! Forecasts of evenly spaced series: exponential smoothing, choice of the model by rolling origins, and prediction
//! intervals whose coverage is measured.
//!
//! [`forecast`] does the whole: it fits the candidates, lets each forecast from many origins inside the series
//! (Tashman, "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16, 2000), takes the
//! one with the least mean absolute error, and turns the errors of those same forecasts into intervals. Nothing after
//! an origin is seen by what is forecast from it.

mod conformal;
mod fit;
mod forecast;
mod models;
mod optimise;
mod rolling;
mod smoothing;

pub use conformal::{Coverage, Interval};
pub use fit::{Fit, fit};
pub use forecast::{Candidate, Forecast, Options, SeriesError, forecast};
pub use models::Model;
pub use smoothing::{Parameters, State};
