//! How well a classifier does.

use std::collections::BTreeMap;

/// Agreement of predicted with true classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// How many were compared.
    pub n: usize,
    /// Share of correct predictions, 0..=1.
    pub accuracy: f64,
    /// Mean of the classes' F1, 0..=1, over the classes that are true or predicted at least once.
    pub macro_f1: f64,
    /// By class.
    pub per_class: Vec<ClassScore>,
    /// `confusion[true][predicted]`: counts.
    pub confusion: Vec<Vec<usize>>,
}

/// Agreement for one class. A ratio of nothing to nothing is 0, as in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScore {
    /// Share of those predicted that are right.
    pub precision: f64,
    /// Share of those true that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// How many are truly of the class.
    pub support: usize,
}

impl Scores {
    /// Compare predictions with the truth (classes from 0, below `n_classes`).
    ///
    /// # Panics
    /// If the two differ in length or a class is not below `n_classes`.
    pub fn new(truth: &[usize], predicted: &[usize], n_classes: usize) -> Self {
        assert_eq!(truth.len(), predicted.len(), "a prediction for each");
        let mut confusion = vec![vec![0; n_classes]; n_classes];
        for (&t, &p) in truth.iter().zip(predicted) {
            confusion[t][p] += 1;
        }
        let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
        let (mut per_class, mut correct, mut f1_sum, mut present) =
            (Vec::with_capacity(n_classes), 0, 0.0, 0);
        for class in 0..n_classes {
            let hit = confusion[class][class];
            let support: usize = confusion[class].iter().sum();
            let named: usize = confusion.iter().map(|row| row[class]).sum();
            let f1 = ratio(2 * hit, support + named);
            correct += hit;
            if support + named > 0 {
                f1_sum += f1;
                present += 1;
            }
            per_class.push(ClassScore {
                precision: ratio(hit, named),
                recall: ratio(hit, support),
                f1,
                support,
            });
        }
        Self {
            n: truth.len(),
            accuracy: ratio(correct, truth.len()),
            macro_f1: if present == 0 { 0.0 } else { f1_sum / f64::from(present) },
            per_class,
            confusion,
        }
    }
}

/// Deal items out to `k` folds so that each class is spread evenly: the fold of each item. `shuffle` gives, for n, an
/// order of 0..n (the identity, or a random one where neighbours in the data resemble each other).
pub fn stratified_folds(
    classes: &[usize],
    k: usize,
    mut shuffle: impl FnMut(usize) -> Vec<usize>,
) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (item, class) in classes.iter().enumerate() {
        members.entry(*class).or_default().push(item);
    }
    let mut folds = vec![0; classes.len()];
    // Dealing goes on where the class before ended, so that the folds are also of even size.
    let mut next = 0;
    for items in members.values() {
        for place in shuffle(items.len()) {
            folds[items[place]] = next % k.max(1);
            next += 1;
        }
    }
    folds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scores_by_hand() {
        let scores = Scores::new(&[0, 0, 1, 1, 2], &[0, 1, 1, 1, 0], 4);
        assert_eq!(scores.accuracy, 0.6);
        assert_eq!(scores.per_class[0], ClassScore { precision: 0.5, recall: 0.5, f1: 0.5, support: 2 });
        assert!((scores.per_class[1].f1 - 0.8).abs() < 1e-12);
        assert_eq!(scores.per_class[2].f1, 0.0);
        // The fourth class is neither true nor predicted: the mean is over three.
        assert!((scores.macro_f1 - 1.3 / 3.0).abs() < 1e-12);
        assert_eq!(scores.confusion[2], [1, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn folds_are_even(classes in prop::collection::vec(0usize..4, 0..80), k in 2usize..7) {
            let folds = stratified_folds(&classes, k, |n| (0..n).rev().collect());
            for class in 0..4 {
                let mut counts = vec![0usize; k];
                for (fold, _) in folds.iter().zip(&classes).filter(|(_, c)| **c == class) {
                    counts[*fold] += 1;
                }
                let (low, high) = (counts.iter().min(), counts.iter().max());
                prop_assert!(high.zip(low).is_none_or(|(h, l)| h - l <= 1));
            }
        }
    }
}
