//! Cox's partial likelihood, in one pass over the subjects from the last time back.

use crate::model::{Derivatives, Standardised};

/// How events at one time share their risk set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The average of the risk sets that any order of the events would give (Efron 1977).
    Efron,
    /// The whole risk set for each (Breslow 1974): cheaper to explain, biased towards zero with many ties.
    Breslow,
}

/// Predictors this far above the offset are taken in by a new one, so that no weight overflows.
const HEADROOM: f64 = 30.0;

/// Sums of weights, weighted columns and weighted products of columns (lower triangle, packed) over a set of subjects. Weights
/// are e to the linear predictor less an offset near the set's own largest, so that none that counts vanishes.
pub(super) struct RiskSet {
    offset: f64,
    pub(super) weight: f64,
    pub(super) columns: Vec<f64>,
    products: Vec<f64>,
}

impl RiskSet {
    pub(super) fn new(p: usize) -> Self {
        Self {
            offset: f64::NEG_INFINITY,
            weight: 0.0,
            columns: vec![0.0; p],
            products: vec![0.0; p * (p + 1) / 2],
        }
    }

    /// Moves the offset up where these predictors need it, and returns it.
    pub(super) fn raise(&mut self, predictors: &[f64]) -> f64 {
        let most = predictors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most > self.offset + HEADROOM {
            let factor = (self.offset - most).exp();
            self.offset = most;
            self.weight *= factor;
            for sum in self.columns.iter_mut().chain(&mut self.products) {
                *sum *= factor;
            }
        }
        self.offset
    }

    pub(super) fn add(&mut self, weight: f64, x: &[f64]) {
        self.weight += weight;
        let mut products = self.products.iter_mut();
        for (i, (sum, value)) in self.columns.iter_mut().zip(x).enumerate() {
            let weighted = weight * value;
            *sum += weighted;
            for (product, other) in products.by_ref().take(i + 1).zip(x) {
                *product += weighted * other;
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.weight = 0.0;
        self.columns.fill(0.0);
        self.products.fill(0.0);
    }
}

/// The linear predictors of the rows.
pub(super) fn predictors(design: &Standardised, at: &[f64]) -> Vec<f64> {
    if design.width == 0 {
        return Vec::new();
    }
    let of = |x: &[f64]| x.iter().zip(at).map(|(x, b)| x * b).sum();
    design.rows.chunks_exact(design.width).map(of).collect()
}

/// The log partial likelihood and its derivatives at coefficients of the standardised columns, whose rows are in the order of
/// time. Time O(n p²).
pub(super) fn derivatives(
    runs: &[(usize, usize, usize)],
    design: &Standardised,
    ties: Ties,
    at: &[f64],
) -> Derivatives {
    let p = design.width;
    let eta = predictors(design, at);
    let row = |i: usize| &design.rows[i * p..(i + 1) * p];
    let (mut at_risk, mut tied) = (RiskSet::new(p), RiskSet::new(p));
    let mut value = 0.0;
    let (mut gradient, mut packed) = (vec![0.0; p], vec![0.0; p * (p + 1) / 2]);
    let mut mean = vec![0.0; p];
    for (start, died, end) in runs.iter().rev().copied() {
        tied.clear();
        let events = died - start;
        let offset = at_risk.raise(&eta[start..end]);
        for (i, predictor) in eta.iter().enumerate().take(end).skip(start) {
            let weight = (predictor - offset).exp();
            at_risk.add(weight, row(i));
            if i < died {
                value += predictor - offset;
                for (sum, x) in gradient.iter_mut().zip(row(i)) {
                    *sum += x;
                }
                if events > 1 && ties == Ties::Efron {
                    tied.add(weight, row(i));
                }
            }
        }
        for event in 0..events {
            let gone = if ties == Ties::Efron { event as f64 / events as f64 } else { 0.0 };
            let total = at_risk.weight - gone * tied.weight;
            if total <= 0.0 {
                // All weights vanished against the largest: far beyond any maximum.
                value = f64::NEG_INFINITY;
                continue;
            }
            value -= total.ln();
            for (m, (whole, part)) in mean.iter_mut().zip(at_risk.columns.iter().zip(&tied.columns)) {
                *m = (whole - gone * part) / total;
            }
            for (sum, m) in gradient.iter_mut().zip(&mean) {
                *sum -= m;
            }
            let mut sums = packed.iter_mut().zip(at_risk.products.iter().zip(&tied.products));
            for i in 0..p {
                for (m, (sum, (whole, part))) in mean[..=i].iter().zip(sums.by_ref()) {
                    *sum += (whole - gone * part) / total - mean[i] * m;
                }
            }
        }
    }
    let mut information = vec![0.0; p * p];
    let mut packed = packed.into_iter();
    for i in 0..p {
        for j in 0..=i {
            let v = packed.next().unwrap_or_default();
            (information[i * p + j], information[j * p + i]) = (v, v);
        }
    }
    Derivatives { value, gradient, information }
}
