//! Regression and matching: against statsmodels 0.14, under invariances, and where coefficients cannot be estimated.
#![allow(clippy::unwrap_used)]

use heddle_kit::{
    model::{
        Coefficient, LogisticOptions, ancova, balance, indicators, least_squares, likelihood_ratio_test,
        logistic, match_nearest, nested_f_test, products, propensity_logits,
    },
    stats::{Computed, NotComputable, Sample, student_test},
};
use proptest::prelude::*;

fn near(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} found, {wanted:e} wanted");
}

/// Multiples of a scale that look random.
fn sequence(n: usize, step: usize, modulus: usize, scale: f64) -> Vec<f64> {
    (0..n).map(|i| ((i * step + 7) % modulus) as f64 * scale).collect()
}

fn data() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    (sequence(60, 29, 83, 0.1), sequence(60, 17, 71, 0.2), sequence(60, 41, 67, 0.05))
}

fn estimate(c: &Computed<Coefficient>) -> f64 {
    c.unwrap().estimate
}

#[test]
fn least_squares_as_statsmodels_has_it() {
    let (y, a, b) = data();
    let fit = least_squares(&[&a, &b], &y, 0.95).unwrap();
    let all = [fit.intercept.unwrap(), fit.coefficients[0].unwrap(), fit.coefficients[1].unwrap()];
    for (found, wanted) in all.iter().zip([
        (5.033025874339911, 0.7562415871567859, 1.1914958851733213e-08, 3.51867822),
        (-0.09472452021884009, 0.07597307367260842, 0.21756385620660884, -0.24685798),
        (-0.18835424482386737, 0.32296732896003744, 0.5620597609440539, -0.83508517),
    ]) {
        near(found.estimate, wanted.0, 1e-11);
        near(found.se, wanted.1, 1e-11);
        near(found.p, wanted.2, 1e-9);
        near(found.interval.0, wanted.3, 1e-7);
    }
    near(fit.residual_squares, 330.5365126542432, 1e-12);
    near(fit.r_squared.unwrap(), 0.03593195786498371, 1e-10);
    let test = nested_f_test(&least_squares(&[&a], &y, 0.95).unwrap(), &fit).unwrap();
    near(test.f, 0.34012115139902227, 1e-10);
    near(test.p, 0.5620597609440194, 1e-10);
    assert_eq!((test.df, test.residual_df), (1.0, 57.0));
}

#[test]
fn what_least_squares_cannot_estimate_says_why() {
    let (y, a, b) = data();
    let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 2.0 * a - b + 3.0).collect();
    let constant = vec![4.0; 60];
    let fit = least_squares(&[&constant, &a, &b, &sum], &y, 0.95).unwrap();
    let plain = least_squares(&[&a, &b], &y, 0.95).unwrap();
    assert_eq!(fit.coefficients[0], Err(NotComputable::Collinear { column: 0 }));
    assert_eq!(fit.coefficients[3], Err(NotComputable::Collinear { column: 3 }));
    near(estimate(&fit.coefficients[1]), estimate(&plain.coefficients[0]), 1e-10);
    assert_eq!((fit.rank, fit.residual_df()), (3, 57));
    assert_eq!(nested_f_test(&plain, &fit), Err(NotComputable::NotNested));
    let few = least_squares(&[&a[..2], &b[..2]], &y[..2], 0.95).unwrap();
    assert_eq!(few.coefficients[0], Err(NotComputable::NoResidualDegrees));
    assert_eq!(few.coefficients[1], Err(NotComputable::Collinear { column: 1 }));
    let exact = least_squares(&[&a], &a, 0.95).unwrap();
    assert_eq!(exact.coefficients[0], Err(NotComputable::NoVariation));
    let flat = least_squares(&[&a], &constant, 0.95).unwrap();
    assert_eq!(flat.r_squared, Err(NotComputable::NoVariation));
    assert!(least_squares(&[], &y, 0.95).unwrap().coefficients.is_empty());
    assert_eq!(least_squares(&[], &[], 0.95), Err(NotComputable::TooFew { needed: 1, found: 0 }));
    assert_eq!(least_squares(&[&a[..3]], &y, 0.95), Err(NotComputable::LengthsDiffer));
    assert_eq!(least_squares(&[&[f64::NAN]], &[1.0], 0.95), Err(NotComputable::NotFinite));
    assert_eq!(least_squares(&[&[1e300, -1e300]], &[1.0, 2.0], 0.95), Err(NotComputable::TooLarge));
}

#[test]
fn logistic_regression_as_statsmodels_has_it() {
    let (y, a, b) = data();
    let outcome: Vec<bool> = y.iter().zip(&a).map(|(y, a)| y + a * 0.3 > 5.0).collect();
    let fit = logistic(&[&a, &b], &outcome, &LogisticOptions::default()).unwrap();
    let all = [fit.intercept.unwrap(), fit.coefficients[0].unwrap(), fit.coefficients[1].unwrap()];
    for (found, wanted) in all.iter().zip([
        (0.4899895792736705, 0.6668024362253384),
        (0.12683700450773827, 0.0708195557875244),
        (-0.4595986325624929, 0.29653346491463767),
    ]) {
        near(found.estimate, wanted.0, 1e-10);
        near(found.se, wanted.1, 1e-10);
    }
    near(fit.likelihood.log, -36.842419229056965, 1e-12);
    let overall = fit.overall.unwrap();
    near(overall.chi_squared, 5.174092926488171, 1e-8);
    near(overall.p, 0.07524194206766845, 1e-8);
    assert!(!fit.separated);
}

#[test]
fn separated_outcomes_are_told_and_the_likelihood_stands() {
    let x: Vec<f64> = (0..20).map(f64::from).collect();
    let outcome: Vec<bool> = (0..20).map(|i| i >= 8).collect();
    let fit = logistic(&[&x], &outcome, &LogisticOptions::default()).unwrap();
    assert_eq!(fit.coefficients[0], Err(NotComputable::Separation { column: 0 }));
    assert!(fit.separated && fit.likelihood.log.abs() < 1e-6, "{}", fit.likelihood.log);
    // All likelihood is gained: twice the null's.
    let null = 8.0 * 0.4_f64.ln() + 12.0 * 0.6_f64.ln();
    near(fit.overall.unwrap().chi_squared, -2.0 * null, 1e-6);
    // One group of three has no events, the others a 2 × 2 table: its log odds ratio stands.
    let groups: Vec<usize> = (0..60).map(|i| i % 3).collect();
    let outcome: Vec<bool> = (0..60).map(|i| i % 3 != 2 && (i / 3) % (i % 3 + 2) == 0).collect();
    let columns = indicators(&groups, 3, 0);
    let fit = logistic(&[&columns[0], &columns[1]], &outcome, &LogisticOptions::default()).unwrap();
    assert_eq!(fit.coefficients[1], Err(NotComputable::Separation { column: 1 }));
    let count = |g: usize| (0..60).filter(|i| groups[*i] == g && outcome[*i]).count() as f64;
    let odds = |g: usize| count(g) / (20.0 - count(g));
    near(estimate(&fit.coefficients[0]), (odds(1) / odds(0)).ln(), 1e-6);
    let se = (1.0 / count(0) + 1.0 / (20.0 - count(0)) + 1.0 / count(1) + 1.0 / (20.0 - count(1))).sqrt();
    near(fit.coefficients[0].unwrap().se, se, 1e-5);
    assert!(fit.separated);
}

#[test]
fn what_logistic_regression_cannot_estimate_says_why() {
    let (_, a, b) = data();
    let outcome: Vec<bool> = (0..60).map(|i| i % 7 < 3).collect();
    let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    let options = LogisticOptions::default();
    let fit = logistic(&[&a, &b, &sum, &[1.0; 60]], &outcome, &options).unwrap();
    assert_eq!(fit.coefficients[2], Err(NotComputable::Collinear { column: 2 }));
    assert_eq!(fit.coefficients[3], Err(NotComputable::Collinear { column: 3 }));
    assert_eq!(fit.likelihood.parameters, 3);
    assert_eq!(logistic(&[&a], &[false; 60], &options), Err(NotComputable::NoEvents));
    assert_eq!(logistic(&[&a], &[true; 60], &options), Err(NotComputable::NoVariation));
    assert_eq!(logistic(&[&a], &[true, false], &options), Err(NotComputable::LengthsDiffer));
    let smaller = logistic(&[&a], &outcome, &options).unwrap().likelihood;
    assert_eq!(likelihood_ratio_test(fit.likelihood, smaller), Err(NotComputable::NotNested));
}

#[test]
fn interactions_are_products_of_indicators() {
    let groups = indicators(&[0, 1, 2, 1], 3, 1);
    assert_eq!(groups, [vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 0.0, 1.0, 0.0]]);
    let crossed = products(&groups, &[vec![2.0, 3.0, 4.0, 5.0]]);
    assert_eq!(crossed, [vec![2.0, 0.0, 0.0, 0.0], vec![0.0, 0.0, 4.0, 0.0]]);
}

#[test]
fn matching_prefers_the_nearest_and_keeps_to_the_caliper() {
    let logits = [2.0, 1.0, 0.0, 1.1, 0.9, 0.05, -4.0];
    let treated = [true, true, true, false, false, false, false];
    let matching = match_nearest(&logits, &treated, 0.2).unwrap();
    // 2.0 comes first but has nobody within 0.2 SD; 1.0 has two at one distance but for rounding.
    assert_eq!(matching.unmatched, [0]);
    assert_eq!(matching.pairs.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 2]);
    assert!(matching.pairs[0].1 == 3 || matching.pairs[0].1 == 4);
    assert_eq!(matching.pairs[1].1, 5);
    let equal = match_nearest(&[1.0, 0.0, 1.0, 1.0, 3.0], &[true, true, false, false, false], 0.2).unwrap();
    assert_eq!(equal.pairs, [(0, 2)]);
    assert!(matches!(match_nearest(&[1.0, 2.0], &[true, true], 0.2), Err(NotComputable::TooFew { .. })));
}

#[test]
fn matching_balances_a_confounder() {
    // The treated are older; a large pool has partners for all.
    let age: Vec<f64> = sequence(400, 137, 397, 0.1).iter().map(|v| v + 40.0).collect();
    let treated: Vec<bool> =
        age.iter().enumerate().map(|(i, a)| (i * 61 + 5) % 97 < ((a - 40.0) * 1.1) as usize).collect();
    let logits = propensity_logits(&[&age], &treated).unwrap();
    let matching = match_nearest(&logits, &treated, 0.2).unwrap();
    let found = balance(&age, &treated, &matching).unwrap();
    assert!(
        found.before.unwrap() > 0.3 && found.after.unwrap().abs() < 0.1,
        "{found:?} {}",
        matching.pairs.len()
    );
    let perfect: Vec<bool> = age.iter().map(|a| *a > 60.0).collect();
    assert_eq!(propensity_logits(&[&age], &perfect), Err(NotComputable::Separation { column: 0 }));
}

proptest! {
    #[test]
    fn scaling_a_column_scales_its_coefficient(
        rows in prop::collection::vec((-10.0..10.0f64, -10.0..10.0f64, -10.0..10.0f64), 6..40),
        factor in prop_oneof![1e-6..1e-3f64, 0.5..2.0f64, 1e3..1e6f64], by in -100.0..100.0f64,
    ) {
        let column = |of: fn(&(f64, f64, f64)) -> f64| rows.iter().map(of).collect::<Vec<f64>>();
        let (x, z, y) = (column(|r| r.0), column(|r| r.1), column(|r| r.2));
        let moved: Vec<f64> = x.iter().map(|v| v * factor + by * factor).collect();
        let (plain, scaled) =
            (least_squares(&[&x, &z], &y, 0.9).unwrap(), least_squares(&[&moved, &z], &y, 0.9).unwrap());
        if let (Ok(a), Ok(b)) = (plain.coefficients[0], scaled.coefficients[0]) {
            prop_assert!((a.estimate - b.estimate * factor).abs() <= 1e-6 * a.se, "{a:?} {b:?}");
            prop_assert!((a.p - b.p).abs() < 1e-6);
        }
        let outcome: Vec<bool> = y.iter().map(|v| *v > 0.0).collect();
        let options = LogisticOptions::default();
        if let (Ok(a), Ok(b)) = (logistic(&[&x, &z], &outcome, &options), logistic(&[&moved, &z], &outcome, &options)) {
            prop_assert_eq!(a.separated, b.separated);
            prop_assert!((a.likelihood.log - b.likelihood.log).abs() < 1e-6);
            if let (Ok(a), Ok(b)) = (a.coefficients[0], b.coefficients[0]) {
                prop_assert!((a.estimate - b.estimate * factor).abs() <= 1e-5 * a.se, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn turning_the_outcome_turns_the_coefficients(
        rows in prop::collection::vec((-3.0..3.0f64, any::<bool>()), 4..40),
    ) {
        let x: Vec<f64> = rows.iter().map(|r| r.0).collect();
        let (yes, no): (Vec<bool>, Vec<bool>) = rows.iter().map(|r| (r.1, !r.1)).unzip();
        let options = LogisticOptions::default();
        match (logistic(&[&x], &yes, &options), logistic(&[&x], &no, &options)) {
            (Ok(a), Ok(b)) => {
                prop_assert_eq!(a.separated, b.separated);
                prop_assert!((a.likelihood.log - b.likelihood.log).abs() < 1e-7);
                prop_assert!(a.likelihood.log <= 1e-9 && a.logits.iter().all(|l| l.is_finite()));
                if let (Ok(a), Ok(b)) = (a.coefficients[0], b.coefficients[0]) {
                    prop_assert!((a.estimate + b.estimate).abs() < 1e-6 * a.se);
                }
            }
            (a, b) => prop_assert!(a.is_err() && b.is_err()),
        }
    }

    #[test]
    fn one_indicator_is_student(
        a in prop::collection::vec(-9.0..9.0f64, 2..20), b in prop::collection::vec(-9.0..9.0f64, 2..20),
    ) {
        let x: Vec<f64> = a.iter().map(|_| 1.0).chain(b.iter().map(|_| 0.0)).collect();
        let y = [a.clone(), b.clone()].concat();
        let fit = least_squares(&[&x], &y, 0.95).unwrap();
        let test = student_test(&Sample::new(a).unwrap(), &Sample::new(b).unwrap(), 0.95).unwrap();
        let found = fit.coefficients[0].unwrap();
        prop_assert!((found.estimate - test.difference).abs() < 1e-8 && (found.se - test.se).abs() < 1e-8 * test.se);
        prop_assert!((found.p - test.p).abs() < 1e-7);
        // A covariate that is no more than the group itself has nothing to adjust with.
        let groups: Vec<usize> = x.iter().map(|g| *g as usize).collect();
        let adjusted = ancova(&y, &x, &groups, 2, 0, 0.95).unwrap();
        prop_assert_eq!(adjusted.differences[0], Err(NotComputable::Collinear { column: 1 }));
    }

    #[test]
    fn each_is_matched_once_and_within_the_caliper(
        rows in prop::collection::vec((prop_oneof![-3.0..3.0f64, (-3i32..3).prop_map(f64::from)], any::<bool>()), 4..60),
    ) {
        let (logits, treated): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        if let Ok(matching) = match_nearest(&logits, &treated, 0.2) {
            let mut used: Vec<usize> = matching.pairs.iter().flat_map(|p| [p.0, p.1]).collect();
            used.extend(&matching.unmatched);
            let all = used.len();
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(all, used.len());
            prop_assert_eq!(treated.iter().filter(|t| **t).count(), matching.pairs.len() + matching.unmatched.len());
            for (a, b) in &matching.pairs {
                prop_assert!(treated[*a] && !treated[*b] && (logits[*a] - logits[*b]).abs() <= matching.caliper);
            }
            // Whoever is left over found nobody free.
            for a in &matching.unmatched {
                let free = (0..logits.len()).filter(|b| !treated[*b] && !matching.pairs.iter().any(|p| p.1 == *b));
                for b in free {
                    prop_assert!((logits[*a] - logits[b]).abs() > matching.caliper);
                }
            }
        }
    }
}
