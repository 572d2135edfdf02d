//! Estimation of smoothing parameters and initial states by least squares of the one-step errors.
//!
//! Given the parameters, one-step errors are linear in the initial level, trend and season, so the best initial states
//! come from a linear least-squares problem, and only the few parameters are searched for (the seed states are
//! "concentrated out": Hyndman et al. 2008, section 5.1).

use super::optimise::minimise;
use super::smoothing::{Parameters, State};

/// A smoothing model fitted to a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The parameters with the least sum of squares.
    pub parameters: Parameters,
    /// The state after the last observation.
    pub state: State,
    /// Sum of squared one-step errors, in the squared unit of the series.
    pub sse: f64,
}

/// Fits level, trend (if `trend`, damped) and season (if `period` > 1) to `values`.
///
/// `None` where the series is too short for the initial states: with a trend 3 values, with a season two whole periods
/// and one value more, otherwise 2.
pub fn fit(values: &[f64], trend: bool, period: usize) -> Option<Fit> {
    let seasonal = period > 1;
    let least = if seasonal { 2 * period + 1 } else { 2 } + usize::from(trend);
    if values.len() < least || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    // A common scale keeps the normal equations well conditioned whatever the unit.
    let scale = values.iter().fold(0.0f64, |m, v| m.max(v.abs())).max(f64::MIN_POSITIVE);
    let scaled: Vec<f64> = values.iter().map(|v| v / scale).collect();
    let mut bounds = vec![(1e-4, 0.9999)];
    if trend {
        bounds.extend([(0.0, 1.0), (0.8, 0.98)]);
    }
    if seasonal {
        bounds.push((0.0, 1.0));
    }
    let parameters = |x: &[f64]| {
        let mut rest = x[1..].iter().copied();
        let mut next = |on: bool, fixed: f64| if on { rest.next().unwrap_or(fixed) } else { fixed };
        let (beta, phi) = (next(trend, 0.0), next(trend, 1.0));
        // γ ≤ 1 − α is where the model stays identified.
        let gamma = next(seasonal, 0.0) * (1.0 - x[0]);
        Parameters { alpha: x[0], beta, gamma, phi }
    };
    let problem = Problem { values: &scaled, trend, period };
    let (best, _) = minimise(|x| problem.solve(&parameters(x)).map_or(f64::INFINITY, |f| f.sse), &bounds, 3);
    let mut fit = problem.solve(&parameters(&best))?;
    fit.state.level *= scale;
    fit.state.trend *= scale;
    fit.state.season.iter_mut().for_each(|s| *s *= scale);
    fit.sse *= scale * scale;
    Some(fit)
}

struct Problem<'a> {
    values: &'a [f64],
    trend: bool,
    period: usize,
}

impl Problem<'_> {
    /// The initial state with the `index`-th free component at 1 and the others at 0; the seasonal ones sum to zero.
    fn unit(&self, index: usize) -> State {
        let mut state = self.zero();
        match index {
            0 => state.level = 1.0,
            1 if self.trend => state.trend = 1.0,
            _ => {
                let at = index - 1 - usize::from(self.trend);
                state.season[at] = 1.0;
                state.season[self.period - 1] = -1.0;
            }
        }
        state
    }

    fn zero(&self) -> State {
        let season = if self.period > 1 { vec![0.0; self.period] } else { Vec::new() };
        State { level: 0.0, trend: 0.0, season }
    }

    fn free(&self) -> usize {
        1 + usize::from(self.trend) + self.period.saturating_sub(1)
    }

    /// The least-squares initial state for these parameters, run through the series.
    fn solve(&self, parameters: &Parameters) -> Option<Fit> {
        let errors = |mut state: State, y: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..self.values.len()).map(|t| state.observe(parameters, y(t))).collect()
        };
        let target = errors(self.zero(), &|t| self.values[t]);
        // With all observations zero, the error is minus the effect of the initial state.
        let columns: Vec<Vec<f64>> = (0..self.free()).map(|k| errors(self.unit(k), &|_| 0.0)).collect();
        let weights = least_squares(&columns, &target)?;
        let mut state = self.zero();
        for (k, weight) in weights.iter().enumerate() {
            let unit = self.unit(k);
            state.level += weight * unit.level;
            state.trend += weight * unit.trend;
            state.season.iter_mut().zip(&unit.season).for_each(|(s, u)| *s += weight * u);
        }
        let mut sse = 0.0;
        for y in self.values {
            sse += state.observe(parameters, *y).powi(2);
        }
        sse.is_finite().then_some(Fit { parameters: *parameters, state, sse })
    }
}

/// Minimises |target + Σ wₖ columnₖ|² by the normal equations and Cholesky's factorisation. A tiny ridge settles
/// components which the series says nothing about.
fn least_squares(columns: &[Vec<f64>], target: &[f64]) -> Option<Vec<f64>> {
    let n = columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut factor = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let mut sum = dot(&columns[i], &columns[j]);
            if i == j {
                sum += 1e-10 + 1e-10 * sum;
            }
            sum -= dot(&factor[i][..j], &factor[j][..j]);
            factor[i][j] =
                if i == j { if sum > 0.0 { sum.sqrt() } else { return None } } else { sum / factor[j][j] };
        }
    }
    let mut solution: Vec<f64> = columns.iter().map(|c| -dot(c, target)).collect();
    for i in 0..n {
        solution[i] = (solution[i] - dot(&factor[i][..i], &solution[..i])) / factor[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| factor[j][i] * solution[j]).sum();
        solution[i] = (solution[i] - known) / factor[i][i];
    }
    solution.iter().all(|w| w.is_finite()).then_some(solution)
}
