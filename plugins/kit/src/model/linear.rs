//! Linear regression by least squares.

use nalgebra::{DMatrix, DVector};

use super::{Coefficient, indicators};
use crate::stats::{Computed, FTest, NotComputable, f_upper, t_test};

/// A column whose part that is new, in units of its length, is below this follows from the ones before it.
const COLLINEAR: f64 = 1e-9;

/// A linear model y = b₀ + Σ bⱼ xⱼ + error.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearFit {
    /// Of the intercept.
    pub intercept: Computed<Coefficient>,
    /// Of each column.
    pub coefficients: Vec<Computed<Coefficient>>,
    /// How many observations.
    pub n: usize,
    /// How many coefficients were estimated, the intercept among them.
    pub rank: usize,
    /// The sum of the squared residuals.
    pub residual_squares: f64,
    /// The share of the variance that the model explains; not computable where nothing varies.
    pub r_squared: Computed<f64>,
}

impl LinearFit {
    /// Observations less estimated coefficients.
    pub fn residual_df(&self) -> usize {
        self.n.saturating_sub(self.rank)
    }
}

/// Fits by Householder's QR decomposition (Golub and Van Loan 2013, "Matrix Computations", section 5.3), with t intervals at a
/// confidence `level`. The intercept is added. A column that follows from the ones before it is left out and says so, as are
/// all standard errors where no degrees of freedom are left for them.
pub fn least_squares(columns: &[&[f64]], outcome: &[f64], level: f64) -> Computed<LinearFit> {
    let n = outcome.len();
    if n == 0 {
        return Err(NotComputable::TooFew { needed: 1, found: 0 });
    }
    if columns.iter().any(|c| c.len() != n) {
        return Err(NotComputable::LengthsDiffer);
    }
    if columns.iter().copied().chain([outcome]).flatten().any(|v| !v.is_finite()) {
        return Err(NotComputable::NotFinite);
    }
    let centre = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let centres: Vec<f64> = columns.iter().map(|c| centre(c)).collect();
    let level_of_outcome = centre(outcome);
    let y = DVector::from_iterator(n, outcome.iter().map(|v| v - level_of_outcome));
    let length = |j: usize| columns[j].iter().map(|v| (v - centres[j]).powi(2)).sum::<f64>().sqrt();
    let lengths: Vec<f64> = (0..columns.len()).map(length).collect();
    let total = y.norm_squared();
    if !total.is_finite() || lengths.iter().any(|l| !l.is_finite()) {
        return Err(NotComputable::TooLarge);
    }
    let varies = |j: &usize| lengths[*j] > 1e-12 * centres[*j].abs() * (n as f64).sqrt() && lengths[*j] > 0.0;
    let mut kept: Vec<usize> = (0..columns.len()).filter(varies).collect();
    // About their means and at unit length: the intercept is out of the way and the pivots are comparable.
    let matrix = |kept: &[usize]| {
        DMatrix::from_fn(n, kept.len(), |i, j| (columns[kept[j]][i] - centres[kept[j]]) / lengths[kept[j]])
    };
    let qr = loop {
        // More columns than rows have no triangular factor of their own.
        kept.truncate(n);
        let qr = matrix(&kept).qr();
        match qr.r().diagonal().iter().position(|d| d.abs() <= COLLINEAR) {
            Some(first) => kept.remove(first),
            None => break qr,
        };
    };
    let mut projected = y.clone();
    qr.q_tr_mul(&mut projected);
    let p = kept.len();
    let r = qr.r();
    let failed = NotComputable::NotConverged { iterations: 0 };
    let (solution, inverse) = if p == 0 {
        (DVector::zeros(0), DMatrix::zeros(0, 0))
    } else {
        let solution = r.solve_upper_triangular(&projected.rows(0, p).into_owned()).ok_or(failed)?;
        (solution, r.solve_upper_triangular(&DMatrix::identity(p, p)).ok_or(failed)?)
    };
    let residual_squares = projected.rows(p, n - p).norm_squared();
    let residual_squares = if residual_squares <= 1e-28 * total { 0.0 } else { residual_squares };
    let rank = p + 1;
    let slope = |at: usize| solution[at] / lengths[kept[at]];
    let sigma = (residual_squares / (n.saturating_sub(rank)) as f64).sqrt();
    let coefficient = |estimate: f64, factor: f64| {
        if n <= rank {
            return Err(NotComputable::NoResidualDegrees);
        }
        let test = t_test(estimate, sigma * factor, (n - rank) as f64, level)?;
        Ok(Coefficient { estimate, se: test.se, statistic: test.t, p: test.p, interval: test.interval })
    };
    let coefficients = (0..columns.len())
        .map(|column| {
            let at = kept.iter().position(|k| *k == column).ok_or(NotComputable::Collinear { column })?;
            coefficient(slope(at), inverse.row(at).norm() / lengths[column])
        })
        .collect();
    let means = DVector::from_iterator(p, kept.iter().map(|k| centres[*k] / lengths[*k]));
    let intercept = level_of_outcome - means.dot(&solution);
    let intercept = coefficient(intercept, (1.0 / n as f64 + inverse.tr_mul(&means).norm_squared()).sqrt());
    let r_squared =
        if total > 0.0 { Ok(1.0 - residual_squares / total) } else { Err(NotComputable::NoVariation) };
    Ok(LinearFit { intercept, coefficients, n, rank, residual_squares, r_squared })
}

/// The F test of the terms that the larger model has and the smaller has not, both fitted to the same observations: the
/// extra-sum-of-squares test (Draper and Smith, "Applied Regression Analysis", third edition, 1998, section 6.1).
pub fn nested_f_test(smaller: &LinearFit, larger: &LinearFit) -> Computed<FTest> {
    if smaller.n != larger.n || larger.rank <= smaller.rank {
        return Err(NotComputable::NotNested);
    }
    if larger.residual_df() == 0 {
        return Err(NotComputable::NoResidualDegrees);
    }
    if larger.residual_squares <= 0.0 {
        return Err(NotComputable::NoVariation);
    }
    let (df, residual_df) = ((larger.rank - smaller.rank) as f64, larger.residual_df() as f64);
    let gained = (smaller.residual_squares - larger.residual_squares).max(0.0);
    let f = gained / df / (larger.residual_squares / residual_df);
    Ok(FTest { f, df, residual_df, p: f_upper(f, df, residual_df)? })
}

/// An analysis of covariance: groups compared at equal values of a covariate.
#[derive(Debug, Clone, PartialEq)]
pub struct Ancova {
    /// Of each group but the reference, in the groups' order: its adjusted difference from the reference.
    pub differences: Vec<Computed<Coefficient>>,
    /// The outcome's change per unit of the covariate.
    pub slope: Computed<Coefficient>,
    /// The whole fit: the covariate first, then the groups.
    pub fit: LinearFit,
}

/// The outcome by group, adjusted for a covariate such as its value at baseline, with one slope for all groups (Fisher 1932;
/// ICH E9, section 5.7). `groups` are numbers below `levels`.
pub fn ancova(
    outcome: &[f64],
    covariate: &[f64],
    groups: &[usize],
    levels: usize,
    reference: usize,
    level: f64,
) -> Computed<Ancova> {
    if levels < 2 || reference >= levels || groups.iter().any(|g| *g >= levels) {
        return Err(NotComputable::BadGroups);
    }
    let groups = indicators(groups, levels, reference);
    let mut columns = vec![covariate];
    columns.extend(groups.iter().map(Vec::as_slice));
    let fit = least_squares(&columns, outcome, level)?;
    Ok(Ancova { differences: fit.coefficients[1..].to_vec(), slope: fit.coefficients[0], fit })
}
