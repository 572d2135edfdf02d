//! Tables of counts: tests of independence, association, and the balance of a categorical variable.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::{Computed, NotComputable, chi_squared_upper, fisher_exact};

/// Pearson's test of independence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquared {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// P of at least this statistic under independence.
    pub p: f64,
    /// The smallest expected count: below five the approximation is doubtful (Cochran 1954, "Some methods for strengthening
    /// the common χ² tests").
    pub min_expected: f64,
}

/// A table of counts without its empty rows and columns, which say nothing about independence.
struct Table {
    cells: Vec<Vec<f64>>,
    rows: Vec<f64>,
    columns: Vec<f64>,
    total: f64,
}

impl Table {
    fn new(counts: &[Vec<u64>]) -> Computed<Self> {
        let width = counts.first().map_or(0, Vec::len);
        if counts.iter().any(|row| row.len() != width) {
            return Err(NotComputable::LengthsDiffer);
        }
        let used: Vec<usize> = (0..width).filter(|c| counts.iter().any(|row| row[*c] > 0)).collect();
        let cells: Vec<Vec<f64>> = counts
            .iter()
            .filter(|row| row.iter().any(|n| *n > 0))
            .map(|row| used.iter().map(|c| row[*c] as f64).collect())
            .collect();
        if cells.len() < 2 || used.len() < 2 {
            return Err(NotComputable::EmptyMargin);
        }
        let rows: Vec<f64> = cells.iter().map(|row| row.iter().sum()).collect();
        let columns = (0..used.len()).map(|c| cells.iter().map(|row| row[c]).sum()).collect();
        let total = rows.iter().sum();
        Ok(Self { cells, rows, columns, total })
    }

    fn expected(&self) -> impl Iterator<Item = (f64, f64)> {
        self.cells.iter().zip(&self.rows).flat_map(move |(row, sum)| {
            row.iter()
                .zip(&self.columns)
                .map(move |(observed, column)| (*observed, sum / self.total * column))
        })
    }

    /// Pearson's statistic with every distance from the expected count shortened by at most `correction`.
    fn chi_squared(&self, correction: f64) -> Computed<ChiSquared> {
        let (mut statistic, mut min_expected) = (0.0, f64::INFINITY);
        for (observed, expected) in self.expected() {
            let distance = (observed - expected).abs();
            statistic += (distance - correction.min(distance)).powi(2) / expected;
            min_expected = min_expected.min(expected);
        }
        let df = (self.rows.len() - 1) as f64 * (self.columns.len() - 1) as f64;
        Ok(ChiSquared { statistic, df, p: chi_squared_upper(statistic, df)?, min_expected })
    }
}

/// Pearson's χ² of a table of rows of equal length, without a continuity correction (Pearson 1900). Rows and columns that are
/// all zero are left out; what is left needs two of each.
pub fn chi_squared(counts: &[Vec<u64>]) -> Computed<ChiSquared> {
    Table::new(counts)?.chi_squared(0.0)
}

/// The same of a 2 × 2 table with Yates' continuity correction (Yates 1934, "Contingency tables involving small numbers and
/// the χ² test"); a distance below one half counts as none.
pub fn chi_squared_yates(counts: [[u64; 2]; 2]) -> Computed<ChiSquared> {
    Table::new(&counts.map(|row| row.to_vec()))?.chi_squared(0.5)
}

/// Fisher's exact test of a table (Fisher 1935), two-sided, as [`fisher_exact`] has it. Rows and columns that are all zero are
/// left out; a table that is then larger than 2 × 2 is not computed, as its exact distribution takes too long for large counts:
/// χ² stands in, with its smallest expected count beside it.
pub fn fisher_exact_table(counts: &[Vec<u64>]) -> Computed<f64> {
    let table = Table::new(counts)?;
    match table.cells.as_slice() {
        [first, second] if first.len() == 2 => {
            let pair = |row: &[f64]| (row[0] as u64, row[1] as u64);
            fisher_exact(pair(first), pair(second)).ok_or(NotComputable::EmptyMargin)
        }
        _ => Err(NotComputable::NotTwoByTwo),
    }
}

/// Cramér's V of a table, 0 (independent) to 1 (one determines the other), without bias correction (Cramér 1946,
/// "Mathematical Methods of Statistics", section 21.9).
pub fn cramers_v(counts: &[Vec<u64>]) -> Computed<f64> {
    let table = Table::new(counts)?;
    let smaller = table.rows.len().min(table.columns.len()) - 1;
    Ok((table.chi_squared(0.0)?.statistic / table.total / smaller as f64).sqrt().min(1.0))
}

/// The standardised difference of a categorical variable between two groups, by the counts of each category: the Mahalanobis
/// distance of the shares, never negative (Yang and Dalton 2012, "A unified approach to measuring the effect size between two
/// groups using SAS", SAS Global Forum, paper 335).
pub fn categorical_difference(group: &[u64], other: &[u64]) -> Computed<f64> {
    if group.len() != other.len() {
        return Err(NotComputable::LengthsDiffer);
    }
    let (n, m) = (group.iter().sum::<u64>() as f64, other.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return Err(NotComputable::EmptyGroup { group: usize::from(n > 0.0) });
    }
    let shares: Vec<(f64, f64)> = group
        .iter()
        .zip(other)
        .filter(|(a, b)| **a + **b > 0)
        .map(|(a, b)| (*a as f64 / n, *b as f64 / m))
        .collect();
    // The shares sum to one: any one category follows from the others.
    let Some((_, free)) = shares.split_first().filter(|(_, free)| !free.is_empty()) else {
        return Ok(0.0);
    };
    let covariance = DMatrix::from_fn(free.len(), free.len(), |i, j| {
        let ((p, q), (r, s)) = (free[i], free[j]);
        if i == j { (p * (1.0 - p) + q * (1.0 - q)) / 2.0 } else { -(p * r + q * s) / 2.0 }
    });
    let distance = DVector::from_iterator(free.len(), free.iter().map(|(p, q)| p - q));
    let solved = Cholesky::new(covariance)
        .filter(|c| c.l_dirty().diagonal().iter().all(|d| *d > 1e-8))
        .ok_or(NotComputable::DisjointCategories)?
        .solve(&distance);
    Ok(distance.dot(&solved).max(0.0).sqrt())
}
