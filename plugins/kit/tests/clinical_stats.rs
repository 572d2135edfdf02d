//! Clinical statistics of samples and tables: against scipy 1.17 and statsmodels 0.14, under invariances, and on odd input.
#![allow(clippy::unwrap_used)]

use heddle_kit::stats::{
    NotComputable, Proportion, Reports, Sample, SignalCriterion, anova, benjamini_hochberg, brown_forsythe,
    categorical_difference, chi_squared, chi_squared_upper, chi_squared_yates, cohens_d, cramers_v,
    disproportion, f_upper, fisher_exact, fisher_exact_table, hedges_g, hodges_lehmann, kruskal_wallis,
    mann_whitney, mann_whitney_exact, normal_critical, normal_two_sided, odds_ratio, risk_difference,
    risk_ratio, shapiro_wilk, standardised_difference, student_critical, student_test, student_two_sided,
    welch_test,
};
use proptest::prelude::*;

fn near(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} found, {wanted:e} wanted");
}

/// Multiples of a scale that look random.
fn sequence(n: usize, step: usize, modulus: usize, scale: f64) -> Vec<f64> {
    (0..n).map(|i| ((i * step + 7) % modulus) as f64 * scale).collect()
}

fn sample(values: &[f64]) -> Sample {
    Sample::new(values.to_vec()).unwrap()
}

fn two() -> (Sample, Sample) {
    let b: Vec<f64> = sequence(31, 53, 97, 0.12).iter().map(|v| v + 1.0).collect();
    (sample(&sequence(23, 37, 101, 0.1)), sample(&b))
}

#[test]
fn tails_are_accurate_far_out_and_near_zero() {
    // scipy.stats.t.sf, f.sf, chi2.sf, norm.sf, two-sided for t and z.
    for (t, df, p) in [
        (1e-6, 99998.5, 0.999999202117434),
        (1e-6, 1000.0, 0.9999992023148854),
        (0.5, 99998.5, 0.6170761776736392),
        (2.0, 99998.5, 0.045502963497868566),
        (5.0, 99998.5, 5.742701823811159e-07),
        (30.0, 99998.5, 7.378758832777213e-197),
    ] {
        near(student_two_sided(t, df).unwrap(), p, 1e-8);
        near(student_two_sided(-t, df).unwrap(), p, 1e-8);
    }
    near(student_two_sided(1.0, 1.0).unwrap(), 0.5, 1e-12);
    near(f_upper(100.0, 10.0, 99996.0).unwrap(), 2.154291181403319e-207, 1e-8);
    near(f_upper(1.0, 3.0, 99996.0).unwrap(), 0.3916298018004767, 1e-8);
    near(chi_squared_upper(40.0, 2.0).unwrap(), (-20.0_f64).exp(), 1e-10);
    near(normal_two_sided(20.0).unwrap(), 5.507248237212311e-89, 1e-8);
    near(normal_critical(0.95).unwrap(), 1.959963984540054, 1e-12);
    near(student_critical(0.95, 99998.5).unwrap(), 1.9599877078904637, 1e-9);
    near(student_critical(0.9, 99998.5).unwrap(), 1.6448688650135426, 1e-9);
    near(student_critical(0.5, 99998.5).unwrap(), 0.674492203590093, 1e-9);
    near(student_critical(0.95, 2.0).unwrap(), 4.302652729911275, 1e-9);
    near(student_critical(0.5, 1.0).unwrap(), 1.0, 1e-12);
}

#[test]
fn tails_of_nonsense_are_not_computable() {
    assert_eq!(student_two_sided(f64::NAN, 3.0), Err(NotComputable::NotFinite));
    assert_eq!(student_two_sided(1.0, 0.0), Err(NotComputable::NoResidualDegrees));
    assert_eq!(chi_squared_upper(1.0, -1.0), Err(NotComputable::NoResidualDegrees));
    assert_eq!(f_upper(f64::INFINITY, 1.0, 1.0), Err(NotComputable::NotFinite));
    assert_eq!(normal_critical(1.0), Err(NotComputable::BadLevel));
    assert_eq!(student_critical(f64::NAN, 3.0), Err(NotComputable::BadLevel));
}

#[test]
fn comparisons_as_scipy_has_them() {
    let (a, b) = two();
    let welch = welch_test(&a, &b, 0.95).unwrap();
    near(welch.t, -2.5591549837382424, 1e-10);
    near(welch.df, 50.3342787792011, 1e-10);
    near(welch.p, 0.01354380355009581, 1e-9);
    near(welch.interval.0, -3.989469941877891, 1e-9);
    near(welch.interval.1, -0.48121729514875633, 1e-9);
    let third = sample(&a.sorted().iter().map(|v| v * 1.1 + 0.2).collect::<Vec<_>>());
    let f = anova(&[&a, &b, &third]).unwrap();
    near(f.f, 3.4210636641584604, 1e-10);
    near(f.p, 0.0379295332734967, 1e-9);
    let wide = sample(&b.sorted().iter().map(|v| v * 1.5).collect::<Vec<_>>());
    let spread = brown_forsythe(&[&a, &wide]).unwrap();
    near(spread.f, 9.07155353078067, 1e-10);
    near(spread.p, 0.004002249657727439, 1e-9);
    let shift = hodges_lehmann(&a, &b, 0.95).unwrap();
    near(shift.value, -2.22, 1e-12);
    near(shift.interval.0, -4.12, 1e-12);
    near(shift.interval.1, -0.34, 1e-12);
}

#[test]
fn ranks_as_scipy_has_them() {
    let rounded = |s: &Sample, by: f64| {
        sample(&s.sorted().iter().map(|v| (v * by).round_ties_even()).collect::<Vec<_>>())
    };
    let (a, b) = two();
    let h = kruskal_wallis(&[&rounded(&a, 1.0), &rounded(&b, 1.0), &rounded(&a, 1.1)]).unwrap();
    near(h.h, 5.821773719082609, 1e-10);
    near(h.p, 0.05442743896517549, 1e-9);
    let u = mann_whitney(&rounded(&a, 1.0), &rounded(&b, 1.0)).unwrap();
    assert_eq!(u.u, 231.5);
    near(u.p, 0.028838793301358526, 1e-9);
    let c = sample(&sequence(7, 5, 23, 1.0));
    let d = sample(&sequence(9, 7, 29, 1.0).iter().map(|v| v + 0.5).collect::<Vec<_>>());
    let exact = mann_whitney_exact(&c, &d).unwrap();
    assert_eq!(exact.u, 24.0);
    near(exact.p, 0.46975524475524475, 1e-12);
    assert_eq!(mann_whitney_exact(&c, &c), Err(NotComputable::Ties));
    let (many, more) = (sample(&sequence(60, 5, 97, 1.0)), sample(&sequence(50, 3, 89, 1.1)));
    assert_eq!(mann_whitney_exact(&many, &more), Err(NotComputable::TooMany { most: 2500, found: 3000 }));
}

#[test]
fn normality_as_scipy_has_it() {
    for (n, w, p) in [
        (3, 0.9825921086331282, 0.7472782574243793),
        (4, 0.8779643469221419, 0.3300144879165885),
        (5, 0.9327872847287912, 0.6154973584895866),
        (8, 0.9401858972889381, 0.6129103292646341),
        (11, 0.9341169925425521, 0.4539846181011088),
        (12, 0.9092910517699594, 0.20892777107607347),
        (30, 0.9286093910738323, 0.045105266215566944),
    ] {
        let values: Vec<f64> = sequence(n, 37, 101, 0.1).iter().map(|v| v.powf(1.5)).collect();
        let found = shapiro_wilk(&sample(&values)).unwrap();
        near(found.w, w, 1e-6);
        near(found.p, p, 1e-5);
    }
    let found = shapiro_wilk(&sample(&sequence(200, 37, 211, 0.1))).unwrap();
    near(found.w, 0.9542139397685664, 1e-6);
    near(found.p, 4.914668736853119e-06, 1e-4);
    assert_eq!(shapiro_wilk(&sample(&[1.0, 2.0])), Err(NotComputable::TooFew { needed: 3, found: 2 }));
    assert_eq!(shapiro_wilk(&sample(&[4.0; 9])), Err(NotComputable::NoVariation));
    assert!(matches!(
        shapiro_wilk(&sample(&sequence(5001, 1, 9999, 1.0))),
        Err(NotComputable::TooMany { .. })
    ));
}

#[test]
fn tables_as_scipy_has_them() {
    near(cramers_v(&[vec![10, 20, 30], vec![6, 9, 17], vec![3, 4, 9]]).unwrap(), 0.05046838365291694, 1e-10);
    near(fisher_exact((12, 5), (29, 2)).unwrap(), 0.08026855207410463, 1e-10);
    near(fisher_exact((25_100, 24_900), (24_800, 25_200)).unwrap(), 0.058617685760135256, 1e-8);
    near(fisher_exact((900, 100), (700, 300)).unwrap(), 9.493768908223999e-30, 1e-8);
    near(fisher_exact_table(&[vec![12, 0, 5], vec![29, 0, 2]]).unwrap(), 0.08026855207410463, 1e-10);
    assert_eq!(fisher_exact_table(&[vec![1, 2, 3], vec![4, 5, 6]]), Err(NotComputable::NotTwoByTwo));
    // The usual χ² of two rows: 100 (ad − bc)² / margins.
    near(chi_squared(&[vec![30, 20], vec![15, 35]]).unwrap().statistic, 100.0 / 11.0, 1e-12);
    assert_eq!(chi_squared(&[vec![3, 4], vec![0, 0]]), Err(NotComputable::EmptyMargin));
    assert_eq!(chi_squared(&[]), Err(NotComputable::EmptyMargin));
    assert_eq!(chi_squared(&[vec![1], vec![1, 2]]), Err(NotComputable::LengthsDiffer));
}

#[test]
fn categorical_balance_by_hand() {
    // Two categories: (p − q) / √((p(1 − p) + q(1 − q)) / 2).
    let wanted = 0.2 / ((0.25 + 0.21) / 2.0_f64).sqrt();
    near(categorical_difference(&[50, 50], &[30, 70]).unwrap(), wanted, 1e-12);
    near(categorical_difference(&[0, 50, 50], &[0, 30, 70]).unwrap(), wanted, 1e-12);
    assert_eq!(categorical_difference(&[5], &[9]), Ok(0.0));
    assert_eq!(categorical_difference(&[5, 0], &[0, 9]), Err(NotComputable::DisjointCategories));
    assert_eq!(categorical_difference(&[5, 5, 0, 0], &[0, 0, 4, 9]), Err(NotComputable::DisjointCategories));
    assert_eq!(categorical_difference(&[0, 0], &[1, 9]), Err(NotComputable::EmptyGroup { group: 0 }));
    assert_eq!(categorical_difference(&[1, 2], &[0, 0]), Err(NotComputable::EmptyGroup { group: 1 }));
}

#[test]
fn risks_at_the_edges() {
    let of = |events, n| Proportion { events, n };
    let none = risk_difference(of(0, 10), of(0, 20), 0.95).unwrap();
    assert_eq!((none.value, none.wald), (0.0, (0.0, 0.0)));
    assert!(none.newcombe.0 < 0.0 && none.newcombe.1 > 0.0);
    assert_eq!(none.number_needed, Err(NotComputable::ZeroDifference));
    // One third less one third: exactly nothing, whatever rounding makes of it.
    assert_eq!(
        risk_difference(of(1, 3), of(2, 6), 0.95).unwrap().number_needed,
        Err(NotComputable::ZeroDifference)
    );
    near(risk_difference(of(3, 10), of(1, 20), 0.95).unwrap().number_needed.unwrap(), 4.0, 1e-12);
    near(risk_ratio(of(0, 10), of(5, 20), 0.95).unwrap().value, (0.5 / 11.0) / (5.5 / 21.0), 1e-12);
    near(odds_ratio(of(10, 10), of(5, 20), 0.95).unwrap().value, (10.5 / 0.5) / (5.5 / 15.5), 1e-12);
    assert_eq!(risk_ratio(of(0, 0), of(1, 2), 0.95), Err(NotComputable::EmptyGroup { group: 0 }));
    assert_eq!(odds_ratio(of(1, 2), of(3, 2), 0.95), Err(NotComputable::ImpossibleCounts));
    assert_eq!(risk_difference(of(1, 2), of(1, 2), 0.0), Err(NotComputable::BadLevel));
}

#[test]
fn a_signal_needs_all_three_thresholds() {
    let criterion = SignalCriterion::default();
    let of = |event, other_events, comparator_event, comparator_other_events| {
        disproportion(
            Reports { event, other_events, comparator_event, comparator_other_events },
            criterion,
            0.95,
        )
    };
    assert!(of(20, 180, 10, 390).signal);
    assert!(!of(2, 18, 1, 999).signal, "two reports");
    assert!(!of(30, 170, 40, 360).signal, "a ratio below two");
    assert!(!of(3, 297, 1, 299).signal, "χ² below four");
    assert!(of(5, 95, 0, 400).signal, "none among the others");
    let nothing = of(0, 0, 3, 9);
    assert!(!nothing.signal && nothing.prr == Err(NotComputable::EmptyGroup { group: 0 }));
}

#[test]
fn degenerate_samples_say_why() {
    assert_eq!(Sample::new(vec![]), Err(NotComputable::TooFew { needed: 1, found: 0 }));
    assert_eq!(Sample::new(vec![1.0, f64::NAN]), Err(NotComputable::NotFinite));
    assert_eq!(Sample::new(vec![f64::MAX, -f64::MAX, f64::MAX]), Err(NotComputable::TooLarge));
    let (one, same, other) = (sample(&[3.0]), sample(&[3.0; 4]), sample(&[5.0; 4]));
    assert_eq!(one.summary().sd, None);
    assert_eq!(welch_test(&one, &same, 0.95), Err(NotComputable::TooFew { needed: 2, found: 1 }));
    assert_eq!(welch_test(&same, &other, 0.95), Err(NotComputable::NoVariation));
    assert_eq!(student_test(&same, &other, 0.95), Err(NotComputable::NoVariation));
    assert_eq!(cohens_d(&same, &other, 0.95), Err(NotComputable::NoVariation));
    assert_eq!(standardised_difference(&same, &other), Err(NotComputable::NoVariation));
    assert_eq!(standardised_difference(&same, &same), Ok(0.0));
    assert_eq!(anova(&[&same, &other]), Err(NotComputable::NoVariation));
    assert_eq!(anova(&[&one, &one]), Err(NotComputable::NoResidualDegrees));
    assert_eq!(anova(&[&same]), Err(NotComputable::BadGroups));
    assert_eq!(kruskal_wallis(&[&same, &same]), Err(NotComputable::NoVariation));
    // Every arrangement is as likely: U is half of its most, and the two tend to no side (as SciPy has it).
    let tied = mann_whitney(&same, &same).unwrap();
    assert_eq!((tied.u, tied.p, tied.cliffs_delta), (same.n() as f64 * same.n() as f64 / 2.0, 1.0, 0.0));
    assert!(mann_whitney(&same, &other).unwrap().cliffs_delta == -1.0);
    assert_eq!(hodges_lehmann(&same, &other, 0.95).unwrap().value, -2.0);
    assert_eq!(
        hodges_lehmann(&sample(&[f64::MAX / 4.0]), &sample(&[-f64::MAX / 4.0]), 0.95).unwrap().value,
        f64::MAX / 2.0
    );
    for reason in
        [NotComputable::NoEvents, NotComputable::TooFew { needed: 2, found: 1 }, NotComputable::Ties]
    {
        assert!(!reason.to_string().is_empty());
    }
    assert_eq!(NotComputable::EmptyGroup { group: 0 }.to_string(), "no observations in group 1");
}

fn values(most: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(-1e3..1e3f64, 2..most),
        prop::collection::vec((-5i32..5).prop_map(f64::from), 2..most),
    ]
}

/// Both not computable for one reason, or both near.
fn alike<T, E: PartialEq + std::fmt::Debug>(
    a: Result<T, E>,
    b: Result<T, E>,
    of: impl Fn(&T) -> f64,
    scale: f64,
) {
    match (a, b) {
        (Ok(a), Ok(b)) => {
            let (a, b) = (of(&a) * scale, of(&b));
            assert!((a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-6), "{a} {b}");
        }
        (a, b) => assert_eq!(a.err(), b.err()),
    }
}

proptest! {
    #[test]
    fn order_does_not_matter(mut v in values(30)) {
        let before = sample(&v);
        v.reverse();
        prop_assert_eq!(before, sample(&v));
    }

    #[test]
    fn scale_and_shift(a in values(25), b in values(25), factor in 0.01..100.0f64, by in -100.0..100.0f64) {
        let moved = |v: &[f64]| sample(&v.iter().map(|x| x * factor + by).collect::<Vec<_>>());
        let (x, y, u, v) = (sample(&a), sample(&b), moved(&a), moved(&b));
        alike(welch_test(&x, &y, 0.9), welch_test(&u, &v, 0.9), |t| t.p, 1.0);
        alike(student_test(&x, &y, 0.9), student_test(&u, &v, 0.9), |t| t.interval.1, factor);
        alike(hedges_g(&x, &y, 0.9), hedges_g(&u, &v, 0.9), |g| g.value, 1.0);
        alike(standardised_difference(&x, &y), standardised_difference(&u, &v), |d| *d, 1.0);
        alike(anova(&[&x, &y]), anova(&[&u, &v]), |f| f.f, 1.0);
        alike(brown_forsythe(&[&x, &y]), brown_forsythe(&[&u, &v]), |f| f.f, 1.0);
        alike(hodges_lehmann(&x, &y, 0.9), hodges_lehmann(&u, &v, 0.9), |s| s.value, factor);
    }

    #[test]
    fn swapping_the_groups_turns_the_sign(a in values(25), b in values(25)) {
        let (x, y) = (sample(&a), sample(&b));
        alike(welch_test(&x, &y, 0.9), welch_test(&y, &x, 0.9), |t| t.t.abs(), 1.0);
        alike(cohens_d(&x, &y, 0.9), cohens_d(&y, &x, 0.9), |d| d.value.abs(), 1.0);
        alike(mann_whitney(&x, &y), mann_whitney(&y, &x), |u| u.p, 1.0);
        alike(mann_whitney(&x, &y), mann_whitney(&y, &x), |u| u.cliffs_delta.abs(), 1.0);
        alike(kruskal_wallis(&[&x, &y]), kruskal_wallis(&[&y, &x]), |h| h.h, 1.0);
        let (s, t) = (hodges_lehmann(&x, &y, 0.9).unwrap(), hodges_lehmann(&y, &x, 0.9).unwrap());
        prop_assert!((s.value + t.value).abs() < 1e-9 && (s.interval.0 + t.interval.1).abs() < 1e-9);
    }

    #[test]
    fn two_groups_of_anova_are_student_squared(a in values(25), b in values(25)) {
        let (x, y) = (sample(&a), sample(&b));
        if let (Ok(f), Ok(t)) = (anova(&[&x, &y]), student_test(&x, &y, 0.95)) {
            prop_assert!((f.f - t.t * t.t).abs() <= 1e-7 * f.f.max(1e-3), "{} {}", f.f, t.t);
            prop_assert!((f.p - t.p).abs() < 1e-7);
        }
    }

    #[test]
    fn the_shift_is_the_median_of_all_differences(a in values(40), b in values(40)) {
        let mut differences: Vec<f64> = a.iter().flat_map(|x| b.iter().map(move |y| x - y)).collect();
        differences.sort_by(f64::total_cmp);
        let n = differences.len();
        let median = (differences[(n - 1) / 2] + differences[n / 2]) / 2.0;
        let found = hodges_lehmann(&sample(&a), &sample(&b), 0.95).unwrap();
        prop_assert!((found.value - median).abs() <= 1e-9, "{} {median}", found.value);
        prop_assert!(found.interval.0 <= found.value && found.value <= found.interval.1);
        prop_assert!(differences.contains(&found.interval.0) && differences.contains(&found.interval.1));
    }

    #[test]
    fn merging_is_sorting_all(a in values(30), b in values(30), c in values(30)) {
        let merged = Sample::merged(&[&sample(&a), &sample(&b), &sample(&c)]).unwrap();
        prop_assert_eq!(merged, sample(&[a, b, c].concat()));
    }

    #[test]
    fn exact_and_asymptotic_ranks_agree(
        a in prop::collection::vec(0.0..1.0f64, 12..20),
        b in prop::collection::vec(0.2..1.2f64, 12..20),
    ) {
        if let Ok(exact) = mann_whitney_exact(&sample(&a), &sample(&b)) {
            let asymptotic = mann_whitney(&sample(&a), &sample(&b)).unwrap();
            prop_assert!((exact.p - asymptotic.p).abs() < 0.02, "{} {}", exact.p, asymptotic.p);
        }
    }

    #[test]
    fn tables_do_not_depend_on_their_order(mut counts in prop::collection::vec(prop::collection::vec(0u64..60, 3), 2..5)) {
        let (before, association) = (chi_squared(&counts), cramers_v(&counts));
        counts.reverse();
        for row in &mut counts {
            row.rotate_left(1);
        }
        alike(before, chi_squared(&counts), |c| c.statistic, 1.0);
        alike(association, cramers_v(&counts), |v| *v, 1.0);
        let difference = categorical_difference(&counts[0], &counts[1]);
        for row in &mut counts {
            row.rotate_left(1);
        }
        alike(difference, categorical_difference(&counts[0], &counts[1]), |d| *d, 1.0);
    }

    #[test]
    fn risks_swap_and_hold_their_estimate(a in 0u64..40, b in 0u64..40, c in 0u64..40, d in 0u64..40) {
        let (x, y) = (Proportion { events: a, n: a + b }, Proportion { events: c, n: c + d });
        match (risk_difference(x, y, 0.95), risk_difference(y, x, 0.95)) {
            (Ok(p), Ok(q)) => {
                prop_assert!((p.value + q.value).abs() < 1e-12 && (p.newcombe.0 + q.newcombe.1).abs() < 1e-12);
                prop_assert!(p.newcombe.0 <= p.value && p.value <= p.newcombe.1 && p.newcombe.0 >= -1.0);
                prop_assert!(p.newcombe.1 <= 1.0);
            }
            (p, q) => prop_assert!(p.is_err() && q.is_err()),
        }
        for ratio in [risk_ratio, odds_ratio] {
            if let (Ok(p), Ok(q)) = (ratio(x, y, 0.95), ratio(y, x, 0.95)) {
                prop_assert!((p.value * q.value - 1.0).abs() < 1e-9 && (p.interval.0 * q.interval.1 - 1.0).abs() < 1e-9);
                prop_assert!(p.interval.0 <= p.value && p.value <= p.interval.1);
            }
        }
        if let (Ok(plain), Ok(yates)) = (chi_squared(&[vec![a, b], vec![c, d]]), chi_squared_yates([[a, b], [c, d]])) {
            prop_assert!(yates.statistic <= plain.statistic + 1e-12 && yates.p >= plain.p - 1e-12);
        }
    }

    #[test]
    fn fisher_is_the_sum_over_all_tables(a in 0u64..30, b in 0u64..30, c in 0u64..30, d in 0u64..30) {
        let log = |n: u64| (1..=n).map(|k| (k as f64).ln()).sum::<f64>();
        let choose = |n: u64, k: u64| log(n) - log(k) - log(n - k);
        let (n, m, s) = (a + b, c + d, a + c);
        let weigh = |k: u64| (choose(n, k) + choose(m, s - k) - choose(n + m, s)).exp();
        let wanted: f64 = (s.saturating_sub(m)..=s.min(n)).map(weigh).filter(|p| *p <= weigh(a) * (1.0 + 1e-7)).sum();
        match fisher_exact((a, b), (c, d)) {
            Some(p) => prop_assert!((p - wanted.min(1.0)).abs() < 1e-9, "{p} {wanted}"),
            None => prop_assert!(n == 0 || m == 0),
        }
    }

    #[test]
    fn nothing_panics_and_nothing_is_nan(a in prop::collection::vec(prop_oneof![Just(0.0), Just(-0.0), Just(1e-300), Just(1e150), -1e9..1e9f64], 1..8), b in values(6)) {
        let (x, y) = (sample(&a), sample(&b));
        let finite = |v: f64| assert!(v.is_finite(), "{v}");
        for (u, v) in [(&x, &y), (&y, &x)] {
            if let Ok(t) = welch_test(u, v, 0.99) { finite(t.p + t.df + t.interval.0 + t.interval.1); }
            if let Ok(t) = student_test(u, v, 0.99) { finite(t.p + t.t); }
            if let Ok(d) = hedges_g(u, v, 0.99) { finite(d.value + d.interval.0); }
            if let Ok(m) = mann_whitney(u, v) { finite(m.p + m.u + m.cliffs_delta); }
            if let Ok(f) = anova(&[u, v]) { finite(f.f + f.p); }
            if let Ok(s) = hodges_lehmann(u, v, 0.99) { finite(s.value + s.interval.0 + s.interval.1); }
            if let Ok(w) = shapiro_wilk(u) { finite(w.w + w.p); }
        }
    }
}

#[test]
fn adjusting_nothing_is_nothing() {
    assert!(benjamini_hochberg(&[]).is_empty());
}

#[test]
fn what_is_beyond_double_precision_is_said_and_not_zero() {
    for values in [vec![1e308, 61.0, 44.0], vec![1e170, -1e170, 3.0], vec![1e308, 1e308, 1e307]] {
        assert_eq!(Sample::new(values.clone()).err(), Some(NotComputable::TooLarge), "{values:?}");
    }
}
