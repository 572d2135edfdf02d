//! Columns of a model from groups, and what columns must be.

use crate::stats::{Computed, NotComputable};

/// A column of zeros and ones for each of `levels` groups but the `reference`, in the groups' order.
pub fn indicators(groups: &[usize], levels: usize, reference: usize) -> Vec<Vec<f64>> {
    let others = (0..levels).filter(|level| *level != reference);
    others.map(|level| groups.iter().map(|g| f64::from(u8::from(*g == level))).collect()).collect()
}

/// The interaction columns of two sets of columns: each of the first times each of the second.
pub fn products(columns: &[Vec<f64>], others: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let pairs = columns.iter().flat_map(|a| others.iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| a.iter().zip(b).map(|(x, y)| x * y).collect()).collect()
}

/// Columns about their mean in units of their standard deviation, row after row: what iterations converge best on.
pub(crate) struct Standardised {
    /// Row-major, `width` values a row.
    pub(crate) rows: Vec<f64>,
    /// How many columns.
    pub(crate) width: usize,
    /// The mean of each column.
    pub(crate) means: Vec<f64>,
    /// The standard deviation of each column; 1 for one that is constant.
    pub(crate) scales: Vec<f64>,
}

/// Standardises columns of `n` values, in the order of rows that is given. A column that is constant but for rounding
/// becomes exactly zero.
pub(crate) fn standardise(
    columns: &[&[f64]],
    n: usize,
    order: impl Fn(usize) -> usize,
) -> Computed<Standardised> {
    let width = columns.len();
    let mut rows = vec![0.0; n * width];
    let (mut means, mut scales) = (Vec::with_capacity(width), Vec::with_capacity(width));
    for (at, column) in columns.iter().enumerate() {
        if column.len() != n {
            return Err(NotComputable::LengthsDiffer);
        }
        if column.iter().any(|v| !v.is_finite()) {
            return Err(NotComputable::NotFinite);
        }
        let mean = column.iter().sum::<f64>() / n as f64;
        let squares = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
        if !squares.is_finite() {
            return Err(NotComputable::TooLarge);
        }
        let constant = squares.sqrt() <= 1e-12 * mean.abs() || squares < f64::MIN_POSITIVE;
        let scale = if constant { 1.0 } else { squares.sqrt() };
        if !constant {
            for row in 0..n {
                rows[row * width + at] = (column[order(row)] - mean) / scale;
            }
        }
        means.push(mean);
        scales.push(scale);
    }
    Ok(Standardised { rows, width, means, scales })
}

/// Which columns of a symmetric non-negative matrix (row-major, `p` × `p`) are no combination of the ones before them: those
/// whose pivot in the elimination, in units of the diagonal, exceeds the tolerance, and whose diagonal exceeds `least`.
pub(crate) fn independent(matrix: &[f64], p: usize, tolerance: f64, least: f64) -> Vec<usize> {
    let mut rest = matrix.to_vec();
    let mut kept = Vec::new();
    for j in 0..p {
        let (pivot, whole) = (rest[j * p + j], matrix[j * p + j]);
        if !(whole > least && pivot > tolerance * whole) {
            continue;
        }
        kept.push(j);
        for i in j + 1..p {
            let factor = rest[i * p + j] / pivot;
            for k in j + 1..p {
                rest[i * p + k] -= factor * rest[j * p + k];
            }
        }
    }
    kept
}
