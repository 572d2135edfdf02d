//! The p-values of several tests, adjusted for their being several. Each comes back at its place.

/// Positions by ascending p-value.
fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    order
}

/// Each p-value times its factor, made monotone from the largest p-value down: a step-up procedure. The factor is a function
/// of the rank, from 0 for the smallest.
fn step_up(p_values: &[f64], factor: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, at) in ascending(p_values).into_iter().enumerate().rev() {
        least = least.min(p_values[at] * factor(rank));
        adjusted[at] = least;
    }
    adjusted
}

/// Bonferroni (Dunn, "Multiple comparisons among means", JASA 56, 1961): each times their number. It controls the familywise
/// error rate under any dependence.
pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    p_values.iter().map(|p| (p * p_values.len() as f64).min(1.0)).collect()
}

/// Holm's step-down procedure: as safe as Bonferroni and never weaker (Holm 1979, "A simple sequentially rejective multiple
/// test procedure", Scandinavian Journal of Statistics 6).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut most = 0.0_f64;
    for (rank, at) in ascending(p_values).into_iter().enumerate() {
        most = most.max(p_values[at] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[at] = most;
    }
    adjusted
}

/// Hochberg's step-up procedure: stronger than Holm's, for tests that are independent or positively dependent (Hochberg 1988,
/// "A sharper Bonferroni procedure for multiple tests of significance", Biometrika 75).
pub fn hochberg(p_values: &[f64]) -> Vec<f64> {
    step_up(p_values, |rank| (p_values.len() - rank) as f64)
}

/// Benjamini and Hochberg's step-up procedure: it controls the false discovery rate, which suits exploration and not
/// confirmation (Benjamini and Hochberg 1995, "Controlling the false discovery rate", JRSS B 57).
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    step_up(p_values, |rank| p_values.len() as f64 / (rank + 1) as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: &[f64], wanted: &[f64]) {
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {wanted:?}");
    }

    #[test]
    fn several_tests_by_hand() {
        let p = [0.01, 0.04, 0.03];
        near(&holm(&p), &[0.03, 0.06, 0.06]);
        near(&hochberg(&p), &[0.03, 0.04, 0.04]);
        near(&bonferroni(&p), &[0.03, 0.12, 0.09]);
        near(&benjamini_hochberg(&p), &[0.03, 0.04, 0.04]);
        // statsmodels.stats.multitest.multipletests of these.
        let p = [0.001, 0.008, 0.039, 0.041, 0.9];
        near(&holm(&p), &[0.005, 0.032, 0.117, 0.117, 0.9]);
        near(&hochberg(&p), &[0.005, 0.032, 0.082, 0.082, 0.9]);
        near(&benjamini_hochberg(&p), &[0.005, 0.02, 0.05125, 0.05125, 0.9]);
        assert!(holm(&[]).is_empty() && hochberg(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn the_procedures_are_ordered_and_keep_to_the_order(p in prop::collection::vec(0.0..=1.0f64, 1..12)) {
            let (bonferroni, holm, hochberg, fdr) = (bonferroni(&p), holm(&p), hochberg(&p), benjamini_hochberg(&p));
            for i in 0..p.len() {
                prop_assert!(p[i] <= fdr[i] && fdr[i] <= hochberg[i] + 1e-15 && hochberg[i] <= holm[i] + 1e-15);
                prop_assert!(holm[i] <= bonferroni[i] + 1e-15 && bonferroni[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && hochberg[i] <= hochberg[j] && fdr[i] <= fdr[j]));
                }
            }
        }
    }
}
