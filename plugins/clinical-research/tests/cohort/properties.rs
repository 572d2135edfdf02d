//! What must hold for any study.

use clinical_research::{
    cohort::{Characteristics, Continuous, Figure, analyse},
    study::{Coded, Column, Study},
};
use proptest::prelude::*;

use crate::support::study;

/// A subject: arm, a number, a category, each perhaps missing.
type Row = (Option<u32>, Option<f64>, Option<u8>);

fn rows(least: usize) -> impl Strategy<Value = Vec<Row>> {
    let number = prop_oneof![Just(0.0), Just(7.0), -50.0..50.0f64, (0..6).prop_map(f64::from)];
    let row = (
        prop::option::weighted(0.95, 0..3u32),
        prop::option::weighted(0.9, number),
        prop::option::weighted(0.9, 0..4u8),
    );
    prop::collection::vec(row, least..40)
}

fn of(rows: &[Row]) -> Study {
    let arms: Vec<Option<u32>> = rows.iter().map(|r| r.0).collect();
    let numbers = Column::Numeric(rows.iter().map(|r| r.1).collect());
    let levels = ["a", "b", "c", "d"];
    let categories = Column::Categorical(Coded::of(rows.iter().map(|r| r.2.map(|c| levels[c as usize]))));
    study(3, &arms, &[("x", numbers), ("k", categories)])
}

fn x(found: &Characteristics) -> &Continuous {
    found.statistics.table1.continuous["x"].described().unwrap()
}

fn alike(a: &Figure, b: &Figure) -> bool {
    match (a, b) {
        (Figure::Value(a), Figure::Value(b)) => (a - b).abs() <= 1e-7 * (1.0 + a.abs()),
        (Figure::Missing { .. }, Figure::Missing { .. }) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Every figure is a finite number or has a reason: JSON has no NaN, and an absent figure would not be read back.
    #[test]
    fn it_is_read_back_as_written(rows in rows(0), randomised in prop::option::of(any::<bool>())) {
        let mut study = of(&rows);
        study.protocol.randomised = randomised;
        let found = analyse(&study);
        let text = serde_json::to_string(&found).unwrap();
        let back: Characteristics = serde_json::from_str(&text).unwrap();
        // Null stands only where it means that nothing is named or said.
        let (flag, randomised) = (&found.cohorts.population.flag, found.statistics.randomisation.randomised);
        let nulls = usize::from(flag.is_none()) + usize::from(randomised.is_none());
        prop_assert_eq!(text.matches("null").count(), nulls, "{}", text);
        prop_assert_eq!(back.statistics.table1.n, found.statistics.table1.n);
    }

    /// Members, values and missing ones add up, by arm and in all.
    #[test]
    fn counts_reconcile(rows in rows(0)) {
        let found = analyse(&of(&rows));
        let members = rows.iter().filter(|r| r.0.is_some()).count();
        prop_assert_eq!(found.cohorts.n_subjects, members);
        let table = &found.statistics.table1;
        prop_assert_eq!(table.n.values().sum::<usize>(), members);
        let x = x(&found);
        prop_assert_eq!(x.overall.n + x.missing, members);
        prop_assert_eq!(x.missing_by_arm.values().sum::<usize>(), x.missing);
        let k = table.categorical["k"].described().unwrap();
        prop_assert_eq!(k.counts_overall.values().sum::<u64>() as usize + k.missing, members);
        for (arm, n) in &table.n {
            prop_assert_eq!(x.by_arm[arm].n + x.missing_by_arm[arm], *n);
            let counted: u64 = k.counts.values().map(|by_arm| by_arm[arm]).sum();
            prop_assert_eq!(counted as usize + k.missing_by_arm[arm], *n);
        }
    }

    /// Another unit changes location and spread, and neither tests nor standardised differences.
    #[test]
    fn units_do_not_matter(rows in rows(6), scale in 0.5..4.0f64, shift in -20.0..20.0f64) {
        let other: Vec<Row> = rows.iter().map(|r| (r.0, r.1.map(|v| v * scale + shift), r.2)).collect();
        let (a, b) = (analyse(&of(&rows)), analyse(&of(&other)));
        let (a, b) = (x(&a), x(&b));
        for (p, q) in [(&a.anova_p, &b.anova_p), (&a.welch_p, &b.welch_p)] {
            prop_assert!(alike(p, q), "{p:?} {q:?}");
        }
        for (arm, smd) in &a.smd_vs_reference {
            prop_assert!(alike(smd, &b.smd_vs_reference[arm]), "{smd:?} {:?}", b.smd_vs_reference[arm]);
        }
        if let (Some(mean), Some(other)) = (a.overall.mean.value(), b.overall.mean.value()) {
            prop_assert!((mean * scale + shift - other).abs() < 1e-8 * (1.0 + other.abs()));
        }
    }

    /// The order of subjects says nothing.
    #[test]
    fn the_order_does_not_matter(rows in rows(0), seed in any::<u64>()) {
        let mut other = rows.clone();
        let n = other.len().max(1);
        other.rotate_left(seed as usize % n);
        let (a, b) = (analyse(&of(&rows)), analyse(&of(&other)));
        prop_assert_eq!(&a.statistics.table1, &b.statistics.table1);
    }

    /// With another reference the difference changes its sign; tests stay.
    #[test]
    fn the_reference_gives_the_sign(rows in rows(6)) {
        let (mut a, mut b) = (of(&rows), of(&rows));
        (a.protocol.reference, b.protocol.reference) = (0, 1);
        let (a, b) = (analyse(&a), analyse(&b));
        let (to_a, to_b) = (&x(&a).smd_vs_reference["B"], &x(&b).smd_vs_reference["A"]);
        match (to_a, to_b) {
            (Figure::Value(to_a), Figure::Value(to_b)) => prop_assert!((to_a + to_b).abs() < 1e-9),
            (one, two) => prop_assert!(one.reason().is_some() && two.reason().is_some()),
        }
        prop_assert_eq!(&x(&a).test, &x(&b).test);
        let k = |c: &Characteristics| c.statistics.table1.categorical["k"].described().unwrap().clone();
        prop_assert!(alike(&k(&a).smd_vs_reference["B"], &k(&b).smd_vs_reference["A"]));
        prop_assert!(alike(&k(&a).test.p, &k(&b).test.p));
    }

    /// Arms under other names, in another order, with the same reference: the same tests.
    #[test]
    fn names_do_not_matter(rows in rows(6)) {
        let swapped: Vec<Row> = rows.iter().map(|r| (r.0.map(|arm| [0, 2, 1][arm as usize]), r.1, r.2)).collect();
        let (a, b) = (analyse(&of(&rows)), analyse(&of(&swapped)));
        for (p, q) in [(&x(&a).anova_p, &x(&b).anova_p), (&x(&a).kruskal_p, &x(&b).kruskal_p), (&x(&a).welch_p, &x(&b).welch_p)] {
            prop_assert!(alike(p, q), "{p:?} {q:?}");
        }
        prop_assert!(alike(&x(&a).smd_vs_reference["B"], &x(&b).smd_vs_reference["C"]));
    }
}
