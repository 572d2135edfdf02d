//! Minimising a function of a few bounded variables without derivatives.
//!
//! Nelder and Mead, "A simplex method for function minimization", The Computer Journal 7, 1965, started from the best
//! points of a coarse grid because the error surfaces of smoothing have several valleys. Written here because the
//! optimisation crates want a clock, which a plugin has not.

/// The least point found of `f` over the box `bounds` (each variable's low and high end), and its value. `grid` points
/// along each side are tried first.
pub(super) fn minimise(f: impl Fn(&[f64]) -> f64, bounds: &[(f64, f64)], grid: usize) -> (Vec<f64>, f64) {
    let worse_if_nan = |x: &[f64]| {
        let value = f(x);
        if value.is_nan() { f64::INFINITY } else { value }
    };
    let mut starts: Vec<(Vec<f64>, f64)> = grid_points(bounds, grid)
        .into_iter()
        .map(|x| {
            let value = worse_if_nan(&x);
            (x, value)
        })
        .collect();
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    starts.truncate(2);
    let ends = starts.into_iter().map(|(x, _)| simplex(&worse_if_nan, &x, bounds));
    ends.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
}

fn grid_points(bounds: &[(f64, f64)], grid: usize) -> Vec<Vec<f64>> {
    bounds.iter().fold(vec![Vec::new()], |points, (lo, hi)| {
        let side = (0..grid).map(|i| lo + (hi - lo) * (i as f64 + 0.5) / grid as f64);
        let side: Vec<f64> = side.collect();
        points.iter().flat_map(|p| side.iter().map(|v| [p.as_slice(), &[*v]].concat())).collect()
    })
}

fn simplex(f: &impl Fn(&[f64]) -> f64, start: &[f64], bounds: &[(f64, f64)]) -> (Vec<f64>, f64) {
    let inside =
        |x: Vec<f64>| -> Vec<f64> { x.iter().zip(bounds).map(|(v, (lo, hi))| v.clamp(*lo, *hi)).collect() };
    let n = start.len();
    let value = f(start);
    let mut corners = vec![(start.to_vec(), value)];
    for i in 0..n {
        let mut x = start.to_vec();
        let (lo, hi) = bounds[i];
        // Away from the nearer bound, so that clamping does not flatten the first simplex.
        x[i] += if x[i] > (lo + hi) / 2.0 { -0.1 } else { 0.1 } * (hi - lo);
        let value = f(&x);
        corners.push((x, value));
    }
    for _ in 0..60 * n.max(1) {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (corners[0].1, corners[n].1);
        if worst - best <= 1e-10 * (best.abs() + 1e-300) {
            break;
        }
        let centre: Vec<f64> =
            (0..n).map(|i| corners[..n].iter().map(|c| c.0[i]).sum::<f64>() / n as f64).collect();
        let along =
            |by: f64| inside((0..n).map(|i| centre[i] + by * (corners[n].0[i] - centre[i])).collect());
        let try_at = |by: f64| {
            let x = along(by);
            let value = f(&x);
            (x, value)
        };
        let reflected = try_at(-1.0);
        if reflected.1 < best {
            let expanded = try_at(-2.0);
            corners[n] = if expanded.1 < reflected.1 { expanded } else { reflected };
        } else if reflected.1 < corners[n - 1].1 {
            corners[n] = reflected;
        } else {
            let contracted = if reflected.1 < worst { try_at(-0.5) } else { try_at(0.5) };
            if contracted.1 < worst.min(reflected.1) {
                corners[n] = contracted;
            } else {
                let nearest = corners[0].0.clone();
                for corner in &mut corners[1..] {
                    let x: Vec<f64> = corner.0.iter().zip(&nearest).map(|(v, b)| b + 0.5 * (v - b)).collect();
                    let value = f(&x);
                    *corner = (x, value);
                }
            }
        }
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    corners.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_minima_inside_and_on_the_bounds() {
        let rosenbrock = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let (x, value) = minimise(rosenbrock, &[(-2.0, 2.0), (-1.0, 3.0)], 4);
        assert!(value < 1e-6 && (x[0] - 1.0).abs() < 1e-2, "{x:?} {value}");
        let (x, _) = minimise(|x| x[0] + x[1], &[(0.5, 1.0), (-1.0, 1.0)], 3);
        assert!((x[0] - 0.5).abs() < 1e-3 && (x[1] + 1.0).abs() < 1e-3, "{x:?}");
        let (_, value) = minimise(|_| f64::NAN, &[(0.0, 1.0)], 3);
        assert!(value.is_infinite());
    }
}
