//! The recursions of additive exponential smoothing, without and with a damped trend and a season.
//!
//! Sources: Holt, "Forecasting seasonals and trends by exponentially weighted moving averages", ONR memorandum 52,
//! 1957 (reprinted in International Journal of Forecasting 20, 2004); Winters, "Forecasting sales by exponentially
//! weighted moving averages", Management Science 6, 1960; Gardner and McKenzie, "Forecasting trends in time series",
//! Management Science 31, 1985 (the damped trend); Hyndman and Athanasopoulos, "Forecasting: principles and practice",
//! chapter 8 (the component form used here).

use serde::Serialize;

/// Smoothing parameters. With `beta`, `phi` or `gamma` at 0, 1 and 0 the component they belong to stays as it began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Parameters {
    /// Of the level, 0 to 1.
    pub alpha: f64,
    /// Of the trend, 0 to 1: the weight of the newest change of level.
    pub beta: f64,
    /// Of the season, 0 to 1.
    pub gamma: f64,
    /// Damping of the trend, 0 to 1; 1 is no damping.
    pub phi: f64,
}

/// Level, trend and season after some observation, all in the unit of the series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// The level.
    pub level: f64,
    /// The change of the level in one step.
    pub trend: f64,
    /// The seasonal deviations, that of the next step first; empty without a season.
    pub season: Vec<f64>,
}

impl State {
    /// The forecast `steps` ahead (1 is the next step): level + (φ + φ² + … + φ^steps) · trend + season.
    pub fn ahead(&self, parameters: &Parameters, steps: usize) -> f64 {
        let season = match self.season.len() {
            0 => 0.0,
            m => self.season[(steps.max(1) - 1) % m],
        };
        self.level + damped_steps(parameters.phi, steps) * self.trend + season
    }

    /// Takes in the next observation and returns its one-step forecast error, observation − forecast.
    ///
    /// level: α(y − s) + (1 − α)(l + φb); trend: β(l − l₋₁) + (1 − β)φb; season: γ(y − l₋₁ − φb₋₁) + (1 − γ)s.
    pub fn observe(&mut self, parameters: &Parameters, y: f64) -> f64 {
        let Parameters { alpha, beta, gamma, phi } = *parameters;
        let old_season = self.season.first().copied().unwrap_or(0.0);
        let expected = self.level + phi * self.trend;
        let level = alpha * (y - old_season) + (1.0 - alpha) * expected;
        self.trend = beta * (level - self.level) + (1.0 - beta) * phi * self.trend;
        self.level = level;
        if let Some(first) = self.season.first_mut() {
            *first = gamma * (y - expected) + (1.0 - gamma) * old_season;
            self.season.rotate_left(1);
        }
        y - expected - old_season
    }
}

/// φ + φ² + … + φ^steps.
pub(super) fn damped_steps(phi: f64, steps: usize) -> f64 {
    if phi == 1.0 { steps as f64 } else { phi * (1.0 - phi.powi(steps as i32)) / (1.0 - phi) }
}

/// How much wider than at the first step errors are expected at `steps` ahead: √(1 + Σ c²ⱼ), j = 1 … steps − 1, with
/// cⱼ = α + αβ(φ + … + φʲ) + γ·\[m divides j\] (Hyndman, Koehler, Ord and Snyder, "Forecasting with exponential
/// smoothing: the state space approach", 2008, table 6.2, class 1).
pub(super) fn widening(parameters: &Parameters, period: usize, steps: usize) -> f64 {
    let Parameters { alpha, beta, gamma, phi } = *parameters;
    let c = |j: usize| {
        let season = if period > 1 && j.is_multiple_of(period) { gamma } else { 0.0 };
        alpha + alpha * beta * damped_steps(phi, j) + season
    };
    (1.0 + (1..steps).map(|j| c(j).powi(2)).sum::<f64>()).sqrt()
}
