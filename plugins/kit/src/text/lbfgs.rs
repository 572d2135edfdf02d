//! Unconstrained minimisation of a smooth function: L-BFGS.
//!
//! Own code because the maintained crate for it, argmin, takes the time by way of wasm-bindgen, which a WASI-free
//! component cannot import.

use std::collections::VecDeque;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinimiseOptions {
    /// Most iterations.
    pub max_iterations: usize,
    /// Converged when no component of the gradient is larger.
    pub gradient_tolerance: f64,
    /// How many earlier steps approximate the curvature.
    pub memory: usize,
}

impl Default for MinimiseOptions {
    fn default() -> Self {
        Self { max_iterations: 200, gradient_tolerance: 1e-4, memory: 10 }
    }
}

/// Where [`minimise`] ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// The point.
    pub at: Vec<f64>,
    /// The function there.
    pub value: f64,
    /// How many iterations it took.
    pub iterations: usize,
    /// Whether the gradient's tolerance was reached.
    pub converged: bool,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Minimise a function from a starting point (Nocedal & Wright 2006, "Numerical Optimization", algorithms 7.4 and 7.5;
/// the step is halved until it fulfils the Armijo condition).
///
/// `function` writes the gradient at its first argument into its second and returns the value.
pub fn minimise(
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: Vec<f64>,
    options: &MinimiseOptions,
) -> Minimum {
    let mut x = start;
    let mut gradient = vec![0.0; x.len()];
    let mut value = function(&x, &mut gradient);
    let mut history: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    let (mut next_x, mut next_gradient) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for iteration in 0..options.max_iterations {
        if gradient.iter().all(|g| g.abs() <= options.gradient_tolerance) {
            return Minimum { at: x, value, iterations: iteration, converged: true };
        }
        let mut direction = direction(&gradient, &history);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            history.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        // The first step has no curvature to go by: not further than 1.
        let mut step = if history.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let mut next_value;
        loop {
            for ((next, x), d) in next_x.iter_mut().zip(&x).zip(&direction) {
                *next = x + step * d;
            }
            next_value = function(&next_x, &mut next_gradient);
            if next_value <= value + 1e-4 * step * slope {
                break;
            }
            step *= 0.5;
            if step < 1e-14 {
                // No progress within the precision of the numbers.
                return Minimum { at: x, value, iterations: iteration, converged: false };
            }
        }
        let s: Vec<f64> = next_x.iter().zip(&x).map(|(next, x)| next - x).collect();
        let y: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(next, g)| next - g).collect();
        let sy = dot(&s, &y);
        if sy > 1e-12 * dot(&y, &y).max(f64::MIN_POSITIVE) {
            if history.len() == options.memory.max(1) {
                history.pop_front();
            }
            history.push_back((s, y, 1.0 / sy));
        }
        std::mem::swap(&mut x, &mut next_x);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = next_value;
    }
    let converged = gradient.iter().all(|g| g.abs() <= options.gradient_tolerance);
    Minimum { at: x, value, iterations: options.max_iterations, converged }
}

/// Minus the approximate inverse Hessian times the gradient, by the two-loop recursion.
fn direction(gradient: &[f64], history: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(history.len());
    for (s, y, rho) in history.iter().rev() {
        let alpha = rho * dot(s, &q);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let Some((s, y, _)) = history.back() {
        let scale = dot(s, y) / dot(y, y);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((s, y, rho), alpha) in history.iter().zip(alphas.into_iter().rev()) {
        let beta = rho * dot(y, &q);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_finds_the_minimum_of_rosenbrocks_function() {
        let rosenbrock = |x: &[f64], g: &mut [f64]| {
            g[0] = -400.0 * x[0] * (x[1] - x[0] * x[0]) - 2.0 * (1.0 - x[0]);
            g[1] = 200.0 * (x[1] - x[0] * x[0]);
            100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)
        };
        let options = MinimiseOptions { gradient_tolerance: 1e-8, ..MinimiseOptions::default() };
        let minimum = minimise(rosenbrock, vec![-1.2, 1.0], &options);
        assert!(minimum.converged, "{minimum:?}");
        assert!(minimum.at.iter().all(|x| (x - 1.0).abs() < 1e-6), "{minimum:?}");
    }

    proptest! {
        #[test]
        fn it_finds_the_minimum_of_a_quadratic(
            parts in prop::collection::vec((0.1f64..50.0, -10.0f64..10.0), 1..8),
        ) {
            let quadratic = |x: &[f64], g: &mut [f64]| {
                let mut value = 0.0;
                for ((x, g), (scale, centre)) in x.iter().zip(g).zip(&parts) {
                    *g = 2.0 * scale * (x - centre);
                    value += scale * (x - centre).powi(2);
                }
                value
            };
            let minimum = minimise(quadratic, vec![0.0; parts.len()], &MinimiseOptions::default());
            prop_assert!(minimum.converged);
            for (x, (_, centre)) in minimum.at.iter().zip(&parts) {
                prop_assert!((x - centre).abs() < 1e-2);
            }
        }
    }
}
