//! Multinomial logistic regression on sparse vectors.

use super::{MinimiseOptions, SparseVec, minimise};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticOptions {
    /// Inverse strength of the L2 penalty, as scikit-learn's `C`.
    pub c: f64,
    /// When to stop. The gradient is that of the mean loss of a document.
    pub minimise: MinimiseOptions,
}

impl Default for LogisticOptions {
    fn default() -> Self {
        Self { c: 1.0, minimise: MinimiseOptions::default() }
    }
}

/// A linear model of the classes' probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    n_classes: usize,
    /// `weights[feature * n_classes + class]`; the last "feature" is the intercept.
    weights: Vec<f64>,
    /// Whether the fit converged.
    pub converged: bool,
}

impl LogisticRegression {
    /// Fit on documents of known class (0-based, below `n_classes`): minimises
    /// C · Σ −ln p(class | document) + ½ · Σ weight², the intercepts free, as scikit-learn's `LogisticRegression`.
    ///
    /// # Panics
    /// If there are not as many classes as documents, a class is not below `n_classes`, or an index is not below
    /// `n_features`.
    pub fn fit(
        documents: &[&SparseVec],
        classes: &[usize],
        n_classes: usize,
        n_features: usize,
        options: &LogisticOptions,
    ) -> Self {
        assert_eq!(documents.len(), classes.len(), "a class for each document");
        let k = n_classes;
        let bias = n_features * k;
        // Divided by C · n: the same minimum, and a gradient whose size does not depend on n.
        let penalty = 1.0 / (options.c * documents.len().max(1) as f64);
        let share = 1.0 / documents.len().max(1) as f64;
        let mut scores = vec![0.0; k];
        let loss = |weights: &[f64], gradient: &mut [f64]| {
            let mut squares = 0.0;
            for (g, w) in gradient[..bias].iter_mut().zip(weights) {
                *g = penalty * w;
                squares += w * w;
            }
            gradient[bias..].fill(0.0);
            let mut value = 0.5 * penalty * squares;
            for (document, &class) in documents.iter().zip(classes) {
                scores.copy_from_slice(&weights[bias..]);
                add_scores(document, weights, &mut scores);
                value -= share * log_softmax(&mut scores, class);
                scores[class] -= 1.0;
                for (index, x) in document.iter() {
                    let at = index as usize * k;
                    for (g, p) in gradient[at..at + k].iter_mut().zip(&scores) {
                        *g += share * x * p;
                    }
                }
                for (g, p) in gradient[bias..].iter_mut().zip(&scores) {
                    *g += share * p;
                }
            }
            value
        };
        let minimum = minimise(loss, vec![0.0; bias + k], &options.minimise);
        Self { n_classes, weights: minimum.at, converged: minimum.converged }
    }

    /// The probability of each class.
    pub fn probabilities(&self, document: &SparseVec) -> Vec<f64> {
        let bias = self.weights.len() - self.n_classes;
        let mut scores = self.weights[bias..].to_vec();
        add_scores(document, &self.weights[..bias], &mut scores);
        log_softmax(&mut scores, 0);
        scores
    }

    /// A feature's weight for a class.
    pub fn weight(&self, feature: usize, class: usize) -> f64 {
        self.weights[feature * self.n_classes + class]
    }
}

/// Features that the weights do not have (met only after the fit) do not count.
fn add_scores(document: &SparseVec, weights: &[f64], scores: &mut [f64]) {
    let k = scores.len();
    for (index, x) in document.iter() {
        let at = index as usize * k;
        if let Some(row) = weights.get(at..at + k) {
            for (score, weight) in scores.iter_mut().zip(row) {
                *score += x * weight;
            }
        }
    }
}

/// Scores become probabilities; the logarithm of that of `class` is returned.
fn log_softmax(scores: &mut [f64], class: usize) -> f64 {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = scores.get(class).copied().unwrap_or(highest);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
    own - highest - sum.ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact() -> LogisticOptions {
        LogisticOptions {
            minimise: MinimiseOptions {
                gradient_tolerance: 1e-10,
                max_iterations: 1000,
                ..Default::default()
            },
            ..LogisticOptions::default()
        }
    }

    #[test]
    fn probabilities_are_those_of_scikit_learn() {
        let documents: Vec<SparseVec> =
            [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.3, 0.9], [-1.0, 0.2], [-0.7, 0.1]]
                .iter()
                .map(|v| SparseVec::from_pairs(vec![(0, v[0]), (1, v[1])]))
                .collect();
        let refs: Vec<&SparseVec> = documents.iter().collect();
        let model = LogisticRegression::fit(&refs, &[0, 0, 1, 1, 2, 2], 3, 2, &exact());
        let query = SparseVec::from_pairs(vec![(0, 0.5), (1, 0.5)]);
        // LogisticRegression(C=1, tol=1e-10, max_iter=10000).fit(x, y).predict_proba([[0.5, 0.5]])
        let expected = [0.4406632051, 0.3612406835, 0.1980961113];
        for (p, e) in model.probabilities(&query).iter().zip(expected) {
            assert!((p - e).abs() < 1e-6, "{:?}", model.probabilities(&query));
        }
        assert!(model.converged);
    }

    proptest! {
        #[test]
        fn probabilities_add_up_to_one_and_classes_that_are_apart_are_learnt(
            noise in prop::collection::vec(0.0f64..0.3, 12),
        ) {
            let documents: Vec<SparseVec> = noise
                .iter()
                .enumerate()
                .map(|(at, n)| SparseVec::from_pairs(vec![((at % 3) as u32, 1.0), (3, *n)]).normalised())
                .collect();
            let refs: Vec<&SparseVec> = documents.iter().collect();
            let classes: Vec<usize> = (0..12).map(|at| at % 3).collect();
            let model = LogisticRegression::fit(&refs, &classes, 3, 4, &LogisticOptions::default());
            for (document, class) in documents.iter().zip(&classes) {
                let p = model.probabilities(document);
                prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert!(p.iter().all(|other| *other <= p[*class]));
            }
        }
    }
}
