//! Survival: against statsmodels 0.14 and lifelines 0.30, under invariances, and where nothing can be estimated.
#![allow(clippy::unwrap_used)]

use heddle_kit::{
    model::{Convergence, likelihood_ratio_test},
    stats::NotComputable,
    survival::{
        CoxFit, CoxOptions, FollowUp, KaplanMeier, Ties, TimeTransform, Weights, concordance, cox, log_rank,
        proportional_hazards, restricted_mean, restricted_mean_difference,
    },
};
use proptest::prelude::*;

fn near(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} found, {wanted:e} wanted");
}

struct Data {
    times: Vec<f64>,
    events: Vec<bool>,
    groups: Vec<usize>,
    arm: Vec<f64>,
    score: Vec<f64>,
}

/// Sixty subjects, 42 events, many ties, three groups.
fn data() -> Data {
    let groups: Vec<usize> = (0..60).map(|i| (i * 13) % 3).collect();
    Data {
        times: (0..60).map(|i| ((i * 37 + 11) % 91 / 3 + 1) as f64).collect(),
        events: (0..60).map(|i| (i * 7) % 10 < 7).collect(),
        arm: groups.iter().map(|g| f64::from(u8::from(*g == 1))).collect(),
        score: (0..60).map(|i| ((i * 17 + 7) % 71) as f64 * 0.02).collect(),
        groups,
    }
}

impl Data {
    fn follow_up(&self) -> FollowUp {
        FollowUp::new(&self.times, &self.events).unwrap()
    }

    fn fit(&self, ties: Ties) -> CoxFit {
        cox(&self.follow_up(), &[&self.arm, &self.score], &CoxOptions { ties, ..CoxOptions::default() })
            .unwrap()
    }
}

#[test]
fn the_curve_as_lifelines_has_it() {
    let curve = KaplanMeier::new(&data().follow_up(), 0.95).unwrap();
    for (time, survival, low, high) in [
        (5.0, 0.8781279, 0.76109254, 0.94000556),
        (10.0, 0.74911637, 0.61293782, 0.84327359),
        (20.0, 0.41707124, 0.28256073, 0.54602656),
    ] {
        let (found, interval) = curve.survival(time);
        near(found, survival, 1e-7);
        near(interval.0, low, 1e-7);
        near(interval.1, high, 1e-7);
    }
    assert_eq!(curve.median(), Ok(18.0));
    assert_eq!((curve.at_risk(0.0), curve.at_risk(1e9), curve.survival(0.0).0), (60, 0, 1.0));
    let mean = restricted_mean(&curve, 25.0).unwrap();
    near(mean.value, 16.679847239378397, 1e-12);
    assert!(!mean.extrapolated);
}

#[test]
fn a_curve_by_hand() {
    // 4 at risk, one event: 3/4; 3 at risk, one event: 1/2 exactly; then one censored, and the last has the event.
    let follow_up = FollowUp::new(&[5.0, 2.0, 3.0, 4.0], &[true, true, true, false]).unwrap();
    let curve = KaplanMeier::new(&follow_up, 0.9).unwrap();
    assert_eq!(curve.steps.iter().map(|s| s.at_risk).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(curve.median(), Ok(3.0));
    assert_eq!((curve.survival(3.5).0, curve.survival(5.0)), (0.5, (0.0, (0.0, 0.0))));
    assert_eq!(curve.quantile(0.0), Ok(5.0));
    // Areas: 2 + 3/4 + 1/2 · 2.
    near(restricted_mean(&curve, 5.0).unwrap().value, 3.75, 1e-12);
    // From 2 on 1.75 · 1/(4·3), from 3 on 1 · 1/(3·2).
    near(restricted_mean(&curve, 5.0).unwrap().se, (1.75_f64.powi(2) / 12.0 + 1.0 / 6.0).sqrt(), 1e-12);
}

/// Of 2, 4, … 60 subjects one dies at each time from 1 on: the curve stands at one half from n/2 to n/2 + 1, and lifelines 0.30 tells
/// one or the other, as its sum of logarithms is rounded.
#[test]
fn a_median_where_the_curve_stands_at_one_half_is_that_of_lifelines() {
    let later = [0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1];
    for (at, later) in later.into_iter().enumerate() {
        let half = at as u32 + 1;
        let times: Vec<f64> = (1..=2 * half).map(f64::from).collect();
        let curve =
            KaplanMeier::new(&FollowUp::new(&times, &vec![true; times.len()]).unwrap(), 0.95).unwrap();
        assert_eq!(curve.level(0.5), Some((f64::from(half), f64::from(half + 1))));
        assert_eq!(curve.median(), Ok(f64::from(half + later)), "{half}");
    }
    let uneven = FollowUp::new(&[1.0, 2.0, 3.0], &[true; 3]).unwrap();
    assert_eq!(KaplanMeier::new(&uneven, 0.95).unwrap().level(0.5), None);
    // Nobody has the event after it: to the end of the follow-up.
    let open = FollowUp::new(&[1.0, 9.0], &[true, false]).unwrap();
    assert_eq!(KaplanMeier::new(&open, 0.95).unwrap().level(0.5), Some((1.0, 9.0)));
}

#[test]
fn log_rank_as_lifelines_and_statsmodels_have_it() {
    let d = data();
    let of = |weights, strata| log_rank(&d.follow_up(), &d.groups, 3, weights, strata).unwrap();
    let plain = of(Weights::LogRank, None);
    near(plain.test.chi_squared, 0.19431674425834983, 1e-10);
    near(plain.test.p, 0.9074122859371729, 1e-10);
    near(plain.observed.iter().sum::<f64>(), 42.0, 1e-12);
    near(plain.expected.iter().sum::<f64>(), 42.0, 1e-12);
    near(of(Weights::Gehan, None).test.chi_squared, 0.10679954463571525, 1e-10);
    let strata: Vec<usize> = (0..60).map(|i| i % 2).collect();
    let stratified = of(Weights::LogRank, Some(&strata)).test;
    near(stratified.chi_squared, 0.3017106240161915, 1e-9);
    near(stratified.p, 0.8599721172967923, 1e-9);
}

#[test]
fn cox_as_statsmodels_has_it() {
    for (ties, estimates, errors, log) in [
        (
            Ties::Breslow,
            [-0.13464384289645823, -0.04500371925922112],
            [0.3288529949043805, 0.39555667271978384],
            -136.98127578816784,
        ),
        (
            Ties::Efron,
            [-0.1382980599174139, -0.05375171701539694],
            [0.32871225544761973, 0.3960399562643258],
            -136.2392037368947,
        ),
    ] {
        let fit = data().fit(ties);
        for (found, (estimate, se)) in fit.coefficients.iter().zip(estimates.iter().zip(errors)) {
            near(found.unwrap().estimate, *estimate, 1e-8);
            near(found.unwrap().se, se, 1e-8);
        }
        near(fit.likelihood.log, log, 1e-12);
    }
    let fit = data().fit(Ties::Efron);
    near(fit.likelihood_ratio.unwrap().chi_squared, 0.20471817170215445, 1e-8);
    near(fit.concordance.unwrap().value, 0.5094043887147336, 1e-10);
}

#[test]
fn proportional_hazards_as_lifelines_has_them() {
    let d = data();
    let fit = d.fit(Ties::Efron);
    let test =
        |transform| proportional_hazards(&fit, &d.follow_up(), &[&d.arm, &d.score], transform).unwrap();
    for (transform, arm, score) in [
        (TimeTransform::Position, 0.1731252, 0.11884885),
        (TimeTransform::Identity, 0.25114488, 0.2015203),
        (TimeTransform::Log, 0.12120426, 0.91267247),
        (TimeTransform::KaplanMeier, 0.30971196, 0.18447336),
    ] {
        let found = test(transform);
        near(found.columns[0].unwrap().chi_squared, arm, 1e-6);
        near(found.columns[1].unwrap().chi_squared, score, 1e-6);
        assert_eq!(found.global.unwrap().df, 2.0);
    }
    let ranks = test(TimeTransform::Rank);
    assert_eq!((ranks.times.len(), ranks.residuals.len(), ranks.residuals[1].len()), (42, 2, 42));
    // The raw residuals sum to the score, which is zero at the maximum: the scaled ones are the coefficient on average.
    for (residuals, coefficient) in ranks.residuals.iter().zip(&fit.coefficients) {
        near(residuals.iter().sum::<f64>() / 42.0, coefficient.unwrap().estimate, 1e-6);
    }
    let alone = cox(&d.follow_up(), &[&d.arm], &CoxOptions::default()).unwrap();
    let one = proportional_hazards(&alone, &d.follow_up(), &[&d.arm], TimeTransform::Rank).unwrap();
    near(one.global.unwrap().chi_squared, one.columns[0].unwrap().chi_squared, 1e-9);
}

#[test]
fn a_group_without_events_is_told_and_the_rest_stands() {
    let d = data();
    let events: Vec<bool> = d.events.iter().zip(&d.groups).map(|(e, g)| *e && *g != 2).collect();
    let follow_up = FollowUp::new(&d.times, &events).unwrap();
    let second: Vec<f64> = d.groups.iter().map(|g| f64::from(u8::from(*g == 2))).collect();
    let fit = cox(&follow_up, &[&d.arm, &second], &CoxOptions::default()).unwrap();
    assert_eq!(fit.coefficients[1], Err(NotComputable::Separation { column: 1 }));
    assert_eq!(fit.wald, Err(NotComputable::Separation { column: 1 }));
    // In the limit that group's weight is nothing: the fit of the other two alone.
    let others = follow_up.filtered(|row| d.groups[row] != 2);
    let alone = cox(&others, &[&d.arm], &CoxOptions::default()).unwrap();
    near(fit.coefficients[0].unwrap().estimate, alone.coefficients[0].unwrap().estimate, 1e-5);
    near(fit.coefficients[0].unwrap().se, alone.coefficients[0].unwrap().se, 1e-5);
    near(fit.likelihood.log, alone.likelihood.log, 1e-8);
    assert!(fit.likelihood_ratio.is_ok() && fit.score.is_ok() && fit.concordance.is_ok());
    let without = cox(&follow_up, &[&d.arm], &CoxOptions::default()).unwrap();
    assert!(likelihood_ratio_test(without.likelihood, fit.likelihood).unwrap().p < 1e-3);
    let check = proportional_hazards(&fit, &follow_up, &[&d.arm, &second], TimeTransform::Rank).unwrap();
    assert!(check.columns[0].is_ok() && check.columns[1].is_err() && check.residuals[1].is_empty());
}

#[test]
fn what_cox_cannot_estimate_says_why() {
    let d = data();
    let sum: Vec<f64> = d.arm.iter().zip(&d.score).map(|(a, s)| a - 2.0 * s).collect();
    let columns: [&[f64]; 4] = [&d.arm, &d.score, &sum, &[7.0; 60]];
    let fit = cox(&d.follow_up(), &columns, &CoxOptions::default()).unwrap();
    assert_eq!(fit.coefficients[2], Err(NotComputable::Collinear { column: 2 }));
    assert_eq!(fit.coefficients[3], Err(NotComputable::Collinear { column: 3 }));
    assert_eq!((fit.likelihood.parameters, fit.likelihood_ratio.unwrap().df), (2, 2.0));
    near(fit.likelihood.log, -136.2392037368947, 1e-12);
    let options = CoxOptions::default();
    let censored = FollowUp::new(&d.times, &[false; 60]).unwrap();
    assert!(matches!(cox(&censored, &[&d.arm], &options), Err(NotComputable::NoEvents)));
    assert_eq!(log_rank(&censored, &d.groups, 3, Weights::LogRank, None), Err(NotComputable::NoEvents));
    assert_eq!(concordance(&censored, &d.score), Err(NotComputable::NoEvents));
    assert!(matches!(cox(&d.follow_up(), &[], &options), Err(NotComputable::TooFew { .. })));
    assert!(matches!(cox(&d.follow_up(), &[&d.arm[..9]], &options), Err(NotComputable::LengthsDiffer)));
    // The whole order of the events follows the column: perfect separation.
    let ranked: Vec<f64> = d.times.iter().map(|t| -t).collect();
    let fit = cox(&d.follow_up(), &[&ranked], &options).unwrap();
    assert_eq!(fit.coefficients[0], Err(NotComputable::Separation { column: 0 }));
    // Nobody differs at the one event.
    let one: Vec<bool> = (0..60).map(|i| i == 3).collect();
    let lonely = FollowUp::new(&d.times, &one).unwrap();
    let fit = cox(&lonely, &[&[1.0; 60]], &options).unwrap();
    assert_eq!(fit.coefficients[0], Err(NotComputable::Collinear { column: 0 }));
    assert_eq!(fit.likelihood_ratio, Err(NotComputable::Collinear { column: 0 }));
}

#[test]
fn odd_follow_up_says_why() {
    assert_eq!(FollowUp::new(&[1.0], &[]), Err(NotComputable::LengthsDiffer));
    assert_eq!(FollowUp::new(&[-1.0], &[true]), Err(NotComputable::NegativeTime));
    assert_eq!(FollowUp::new(&[f64::INFINITY], &[true]), Err(NotComputable::NotFinite));
    let nobody = FollowUp::new(&[], &[]).unwrap();
    assert_eq!(KaplanMeier::new(&nobody, 0.95), Err(NotComputable::TooFew { needed: 1, found: 0 }));
    let one = FollowUp::new(&[0.0], &[true]).unwrap();
    let curve = KaplanMeier::new(&one, 0.95).unwrap();
    assert_eq!((curve.median(), curve.survival(0.0).0), (Ok(0.0), 0.0));
    assert_eq!(restricted_mean(&curve, 10.0).unwrap().value, 0.0);
    assert_eq!(restricted_mean(&curve, 0.0), Err(NotComputable::NegativeTime));
    assert_eq!(concordance(&one, &[1.0]), Err(NotComputable::NoVariation));
    let censored = FollowUp::new(&[3.0, 4.0], &[false, false]).unwrap();
    let flat = KaplanMeier::new(&censored, 0.95).unwrap();
    assert_eq!(
        (flat.median(), flat.median_interval().1),
        (Err(NotComputable::NotReached), Err(NotComputable::NotReached))
    );
    let beyond = restricted_mean(&flat, 9.0).unwrap();
    assert!(beyond.extrapolated && beyond.value == 9.0 && beyond.se == 0.0);
    assert!(restricted_mean_difference(&beyond, &beyond, 0.95).is_err());
    assert_eq!(KaplanMeier::new(&censored, 1.0), Err(NotComputable::BadLevel));
    assert_eq!(log_rank(&one, &[0], 2, Weights::LogRank, None), Err(NotComputable::EmptyMargin));
    assert_eq!(log_rank(&one, &[5], 2, Weights::LogRank, None), Err(NotComputable::BadGroups));
    assert_eq!(log_rank(&one, &[], 2, Weights::LogRank, None), Err(NotComputable::LengthsDiffer));
}

type Subject = (f64, bool, usize, f64);

/// Times with or without ties.
fn subjects(ties: bool) -> impl Strategy<Value = Vec<Subject>> {
    let one = (0u32..1_000_000, prop::bool::weighted(0.7), 0usize..2, -2.0..2.0f64);
    prop::collection::vec(one, 5..50).prop_map(move |rows| {
        let spread = |i: usize, t: u32| if ties { f64::from(t % 12) } else { f64::from(t) * 64.0 + i as f64 };
        rows.into_iter().enumerate().map(|(i, (t, e, g, x))| (spread(i, t), e, g, x)).collect()
    })
}

fn follow_up(rows: &[Subject]) -> FollowUp {
    FollowUp::new(
        &rows.iter().map(|r| r.0).collect::<Vec<_>>(),
        &rows.iter().map(|r| r.1).collect::<Vec<_>>(),
    )
    .unwrap()
}

fn fit(rows: &[Subject], options: &CoxOptions) -> Result<CoxFit, NotComputable> {
    let group: Vec<f64> = rows.iter().map(|r| r.2 as f64).collect();
    let x: Vec<f64> = rows.iter().map(|r| r.3).collect();
    cox(&follow_up(rows), &[&group, &x], options)
}

/// Both fits have the same coefficients up to factors, or lack them for the same reasons.
fn alike(a: &CoxFit, b: &CoxFit, factors: [f64; 2]) {
    for ((a, b), factor) in a.coefficients.iter().zip(&b.coefficients).zip(factors) {
        match (a, b) {
            (Ok(a), Ok(b)) => {
                assert!((a.estimate * factor - b.estimate).abs() <= 1e-5 * b.se, "{a:?} {b:?}");
                assert!((a.se * factor.abs() - b.se).abs() <= 1e-5 * b.se, "{a:?} {b:?}");
            }
            (a, b) => assert_eq!(a.err(), b.err()),
        }
    }
    // A bound that is approached and never reached is known less exactly than a maximum.
    let tolerance = if a.coefficients.iter().all(Result::is_ok) { 1e-7 } else { 1e-6 };
    assert!((a.likelihood.log - b.likelihood.log).abs() < tolerance * a.likelihood.log.abs().max(1.0));
}

proptest! {
    #[test]
    fn without_censoring_the_curve_is_the_share_left(rows in subjects(true)) {
        let all: Vec<Subject> = rows.iter().map(|r| (r.0, true, r.2, r.3)).collect();
        let curve = KaplanMeier::new(&follow_up(&all), 0.95).unwrap();
        let n = all.len() as f64;
        for step in &curve.steps {
            let left = all.iter().filter(|r| r.0 > step.time).count() as f64 / n;
            prop_assert!((step.survival - left).abs() < 1e-12);
            prop_assert!(step.interval.0 <= step.survival + 1e-12 && step.survival <= step.interval.1 + 1e-12);
        }
        // And the restricted mean is the mean of the shortened times, with its own variance.
        let short: Vec<f64> = all.iter().map(|r| r.0.min(7.0)).collect();
        let mean = short.iter().sum::<f64>() / n;
        let variance = short.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n / n;
        let found = restricted_mean(&curve, 7.0).unwrap();
        prop_assert!((found.value - mean).abs() < 1e-9 && (found.se - variance.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn curves_fall_within_their_intervals(rows in subjects(true), level in 0.5..0.999f64) {
        let curve = KaplanMeier::new(&follow_up(&rows), level).unwrap();
        let mut before = 1.0;
        for step in &curve.steps {
            prop_assert!(step.survival <= before && step.survival >= 0.0 && step.greenwood.is_finite());
            prop_assert!(step.interval.0 <= step.survival && step.survival <= step.interval.1);
            before = step.survival;
        }
        prop_assert_eq!(curve.steps.iter().map(|s| s.events + s.censored).sum::<usize>(), rows.len());
    }

    #[test]
    fn rows_may_come_in_any_order(rows in subjects(true), turn in 0usize..50) {
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        let curves = (KaplanMeier::new(&follow_up(&rows), 0.9), KaplanMeier::new(&follow_up(&turned), 0.9));
        prop_assert_eq!(curves.0.unwrap(), curves.1.unwrap());
        let options = CoxOptions::default();
        match (fit(&rows, &options), fit(&turned, &options)) {
            (Ok(a), Ok(b)) => {
                alike(&a, &b, [1.0, 1.0]);
                if a.coefficients.iter().all(Result::is_ok) {
                    let check = |rows: &[Subject], fit: &CoxFit| {
                        let group: Vec<f64> = rows.iter().map(|r| r.2 as f64).collect();
                        let x: Vec<f64> = rows.iter().map(|r| r.3).collect();
                        proportional_hazards(fit, &follow_up(rows), &[&group, &x], TimeTransform::Rank)
                    };
                    match (check(&rows, &a), check(&turned, &b)) {
                        (Ok(a), Ok(b)) => {
                            let (a, b) = (a.global.unwrap().chi_squared, b.global.unwrap().chi_squared);
                            prop_assert!((a - b).abs() < 1e-5 * a.max(1.0), "{a} {b}");
                        }
                        (a, b) => prop_assert_eq!(a.err(), b.err()),
                    }
                }
            }
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
    }

    #[test]
    fn without_ties_efron_is_breslow(rows in subjects(false)) {
        let of = |ties| fit(&rows, &CoxOptions { ties, ..CoxOptions::default() });
        match (of(Ties::Efron), of(Ties::Breslow)) {
            (Ok(a), Ok(b)) => alike(&a, &b, [1.0, 1.0]),
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
    }

    #[test]
    fn without_ties_the_score_test_is_the_log_rank_test(rows in subjects(false)) {
        let groups: Vec<usize> = rows.iter().map(|r| r.2).collect();
        let column: Vec<f64> = groups.iter().map(|g| *g as f64).collect();
        let tests = (
            cox(&follow_up(&rows), &[&column], &CoxOptions::default()).and_then(|f| f.score),
            log_rank(&follow_up(&rows), &groups, 2, Weights::LogRank, None),
        );
        if let (Ok(score), Ok(rank)) = tests {
            prop_assert!((score.chi_squared - rank.test.chi_squared).abs() < 1e-7 * score.chi_squared.max(1.0));
        }
    }

    #[test]
    fn labels_scales_and_clocks(rows in subjects(true), factor in 0.01..100.0f64, by in -50.0..50.0f64) {
        let moved: Vec<Subject> =
            rows.iter().map(|r| ((r.0 * 0.5).exp() * 3.0, r.1, 1 - r.2, r.3 * factor + by)).collect();
        let options = CoxOptions::default();
        match (fit(&rows, &options), fit(&moved, &options)) {
            (Ok(a), Ok(b)) => {
                alike(&a, &b, [-1.0, 1.0 / factor]);
                let (a, b) = (a.concordance, b.concordance);
                prop_assert_eq!(a.is_ok(), b.is_ok());
            }
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
        let test = |rows: &[Subject], weights| {
            let groups: Vec<usize> = rows.iter().map(|r| r.2).collect();
            log_rank(&follow_up(rows), &groups, 2, weights, None).map(|t| t.test.chi_squared)
        };
        for weights in [Weights::LogRank, Weights::Gehan] {
            match (test(&rows, weights), test(&moved, weights)) {
                (Ok(a), Ok(b)) => prop_assert!((a - b).abs() < 1e-8 * a.max(1.0)),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }

    #[test]
    fn doubling_all_rows_narrows_breslow_by_the_root_of_two(rows in subjects(true)) {
        let options = CoxOptions { ties: Ties::Breslow, ..CoxOptions::default() };
        let double: Vec<Subject> = rows.iter().chain(&rows).copied().collect();
        if let (Ok(a), Ok(b)) = (fit(&rows, &options), fit(&double, &options)) {
            for (a, b) in a.coefficients.iter().zip(&b.coefficients) {
                if let (Ok(a), Ok(b)) = (a, b) {
                    prop_assert!((a.estimate - b.estimate).abs() < 1e-5 * a.se);
                    prop_assert!((a.se / b.se - 2.0_f64.sqrt()).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn equal_groups_do_not_differ(rows in subjects(true)) {
        let both: Vec<Subject> =
            rows.iter().flat_map(|r| [(r.0, r.1, 0, r.3), (r.0, r.1, 1, r.3)]).collect();
        let groups: Vec<usize> = both.iter().map(|r| r.2).collect();
        for weights in [Weights::LogRank, Weights::Gehan] {
            if let Ok(found) = log_rank(&follow_up(&both), &groups, 2, weights, None) {
                prop_assert!(found.test.chi_squared < 1e-12 && found.test.p > 0.999999);
            }
        }
        if let Ok(found) = fit(&both, &CoxOptions::default()) {
            let arm = found.coefficients[0];
            prop_assert!(arm.is_err() || arm.unwrap().estimate.abs() < 1e-6 * arm.unwrap().se, "{arm:?}");
        }
    }

    #[test]
    fn concordance_counts_all_comparable_pairs(rows in subjects(true)) {
        let scores: Vec<f64> = rows.iter().map(|r| r.3.round()).collect();
        let (mut pairs, mut better, mut tied) = (0, 0, 0);
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                if a.1 && (a.0 < b.0 || (a.0 == b.0 && !b.1)) {
                    pairs += 1;
                    better += u64::from(scores[i] > scores[j]);
                    tied += u64::from(scores[i] == scores[j]);
                }
            }
        }
        match concordance(&follow_up(&rows), &scores) {
            Ok(found) => prop_assert_eq!((found.pairs, found.concordant, found.tied), (pairs, better, tied)),
            Err(_) => prop_assert_eq!(pairs, 0),
        }
    }

    #[test]
    fn stopping_early_stays_near_the_maximum(rows in subjects(true)) {
        let of = |convergence| fit(&rows, &CoxOptions { convergence, ..CoxOptions::default() });
        if let (Ok(full), Ok(early)) = (of(Convergence::Full), of(Convergence::Lifelines)) {
            prop_assert!(early.likelihood.log <= full.likelihood.log + 1e-7);
            prop_assert!(full.likelihood.log - early.likelihood.log < 1e-3);
        }
    }

    #[test]
    fn huge_and_small_covariates_make_no_nan(rows in subjects(true), scale in prop_oneof![Just(1e-150), Just(1e120), Just(1e300)]) {
        let scaled: Vec<Subject> = rows.iter().map(|r| (r.0, r.1, r.2, r.3 * scale)).collect();
        if let Ok(found) = fit(&scaled, &CoxOptions::default()) {
            for c in found.coefficients.iter().flatten() {
                prop_assert!(c.estimate.is_finite() && c.se.is_finite() && c.p.is_finite(), "{c:?}");
            }
            prop_assert!(found.likelihood.log.is_finite());
        }
    }
}
