//! Logistic regression by maximum likelihood.

use super::{
    ChiTest, Coefficient, Convergence, Derivatives, Likelihood, NewtonOptions,
    design::{Standardised, standardise},
    likelihood_ratio_test, maximise,
};
use crate::stats::{Computed, NotComputable};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticOptions {
    /// Of the intervals.
    pub level: f64,
    /// Most iterations.
    pub iterations: usize,
}

impl Default for LogisticOptions {
    fn default() -> Self {
        Self { level: 0.95, iterations: 100 }
    }
}

/// A logistic model: the log-odds of the outcome are b₀ + Σ bⱼ xⱼ.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticFit {
    /// Of the intercept. Not computable where a column separates the outcomes.
    pub intercept: Computed<Coefficient>,
    /// Of each column: log odds ratios per unit.
    pub coefficients: Vec<Computed<Coefficient>>,
    /// The fit's likelihood; under separation its bound to some six digits.
    pub likelihood: Likelihood,
    /// Against the model with the intercept alone.
    pub overall: Computed<ChiTest>,
    /// The log-odds of each observation, as far as the iterations went.
    pub logits: Vec<f64>,
    /// Whether some columns separate the outcomes, completely or not quite, so that coefficients are infinite.
    pub separated: bool,
    /// Iterations made.
    pub iterations: usize,
}

/// Fits by iteratively reweighted least squares, which is Newton's method here (McCullagh and Nelder 1989, "Generalized Linear
/// Models", section 4.4). The intercept is added. Needs both outcomes.
pub fn logistic(columns: &[&[f64]], outcome: &[bool], options: &LogisticOptions) -> Computed<LogisticFit> {
    let n = outcome.len();
    let events = outcome.iter().filter(|y| **y).count();
    if events == 0 {
        return Err(NotComputable::NoEvents);
    }
    if events == n {
        return Err(NotComputable::NoVariation);
    }
    let design = standardise(columns, n, |row| row)?;
    let width = design.width;
    let newton = NewtonOptions { convergence: Convergence::Full, iterations: options.iterations };
    let ascent = maximise(width + 1, n, |at| derivatives(&design, outcome, at), &newton)?;
    let slopes: Vec<f64> = (0..width).map(|j| ascent.at[j + 1] / design.scales[j]).collect();
    let coefficients: Vec<Computed<Coefficient>> = (0..width)
        .map(|column| {
            let place = ascent.place(column + 1).map_err(|reason| match reason {
                NotComputable::Separation { .. } => NotComputable::Separation { column },
                _ => NotComputable::Collinear { column },
            })?;
            let se = ascent.covariance[(place, place)].sqrt() / design.scales[column];
            Coefficient::wald(slopes[column], se, options.level)
        })
        .collect();
    // Back at the columns' own origin the intercept takes in all slopes.
    let origin: Vec<f64> = ascent
        .kept
        .iter()
        .map(|k| k.checked_sub(1).map_or(1.0, |column| -design.means[column] / design.scales[column]))
        .collect();
    let variance: f64 = (0..origin.len())
        .flat_map(|i| (0..origin.len()).map(move |j| (i, j)))
        .map(|(i, j)| origin[i] * ascent.covariance[(i, j)] * origin[j])
        .sum();
    let separated = ascent.infinite.iter().find_map(|k| k.checked_sub(1));
    let intercept = match separated {
        Some(column) => Err(NotComputable::Separation { column }),
        None => {
            let value: f64 = ascent.kept.iter().zip(&origin).map(|(k, o)| ascent.at[*k] * o).sum();
            Coefficient::wald(value, variance.max(0.0).sqrt(), options.level)
        }
    };
    let likelihood = Likelihood { log: ascent.value, parameters: ascent.kept.len(), n };
    let share = events as f64 / n as f64;
    let null = events as f64 * share.ln() + (n - events) as f64 * (-share).ln_1p();
    let overall = likelihood_ratio_test(Likelihood { log: null, parameters: 1, n }, likelihood);
    Ok(LogisticFit {
        intercept,
        coefficients,
        likelihood,
        overall,
        logits: (0..n).map(|row| logit(&design, row, &ascent.at)).collect(),
        separated: !ascent.infinite.is_empty(),
        iterations: ascent.iterations,
    })
}

fn logit(design: &Standardised, row: usize, at: &[f64]) -> f64 {
    let x = &design.rows[row * design.width..(row + 1) * design.width];
    at[0] + x.iter().zip(&at[1..]).map(|(x, b)| x * b).sum::<f64>()
}

/// The intercept is the first parameter, a column of ones.
fn derivatives(design: &Standardised, outcome: &[bool], at: &[f64]) -> Derivatives {
    let p = at.len();
    let mut found = Derivatives { value: 0.0, gradient: vec![0.0; p], information: vec![0.0; p * p] };
    let mut x = vec![1.0; p];
    for (row, event) in outcome.iter().enumerate() {
        x[1..].copy_from_slice(&design.rows[row * design.width..(row + 1) * design.width]);
        let eta: f64 = x.iter().zip(at).map(|(x, b)| x * b).sum();
        // Of the side that happened, so that a probability near one costs no digits.
        let signed = if *event { eta } else { -eta };
        let small = (-signed.abs()).exp();
        found.value -= small.ln_1p() + (-signed).max(0.0);
        let wrong = if signed > 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
        let residual = if *event { wrong } else { -wrong };
        let weight = small / ((1.0 + small) * (1.0 + small));
        for i in 0..p {
            found.gradient[i] += residual * x[i];
            let weighted = weight * x[i];
            for (sum, other) in found.information[i * p..].iter_mut().zip(&x[..=i]) {
                *sum += weighted * other;
            }
        }
    }
    for i in 0..p {
        for j in 0..i {
            found.information[j * p + i] = found.information[i * p + j];
        }
    }
    found
}
