//! `safety_analysis`: what holds of every study.
#![allow(clippy::unwrap_used, missing_docs)]

mod safety_study;

use proptest::prelude::*;
use safety_study::{Report, SEVERITIES, all, study};

const TERMS: [(&str, &str); 4] =
    [("Gut", "Nausea"), ("Gut", "Vomiting"), ("Skin", "Rash"), ("Heart", "Nausea")];

fn reports(n: usize) -> impl Strategy<Value = Vec<Report>> {
    prop::collection::vec((0..n as u32, 0..TERMS.len(), 0..3usize), 0..40).prop_map(|list| {
        list.into_iter().map(|(s, t, v)| (s, TERMS[t].0, TERMS[t].1, SEVERITIES[v])).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Swapping the arms turns the difference's sign, and the ratio over.
    #[test]
    fn labels_swap(reports in reports(13)) {
        let one = study(6, 7, &reports);
        let mut other = one.clone();
        other.protocol.reference = 1;
        let (one, other) = (all(&one), all(&other));
        for (soc, class) in &one.safety_metrics.safety.by_soc {
            let there = &other.safety_metrics.safety.by_soc[soc];
            for (a, b) in [(&class.term, &there.term)].into_iter().chain(class.pt.iter().map(|(pt, t)| (t, &there.pt[pt]))) {
                let (x, y) = (&a.vs_reference["B"], &b.vs_reference["A"]);
                prop_assert!((x.risk_difference.unwrap() + y.risk_difference.unwrap()).abs() < 1e-12);
                prop_assert!((x.risk_ratio.unwrap() * y.risk_ratio.unwrap() - 1.0).abs() < 1e-9);
                prop_assert!((x.fisher_p.unwrap() - y.fisher_p.unwrap()).abs() < 1e-9);
                let ((l, u), (m, v)) = (x.rd_ci_newcombe.unwrap(), y.rd_ci_newcombe.unwrap());
                prop_assert!((l + v).abs() < 1e-12 && (u + m).abs() < 1e-12);
                prop_assert!(l <= x.risk_difference.unwrap() && x.risk_difference.unwrap() <= u);
            }
        }
    }

    /// A study twice over has the same shares, rates and differences, and narrower intervals.
    #[test]
    fn doubled(reports in reports(13)) {
        let twice: Vec<Report> = reports.iter().map(|r| if r.0 < 6 { *r } else { (r.0 + 6, r.1, r.2, r.3) })
            .chain(reports.iter().map(|r| (if r.0 < 6 { r.0 + 6 } else { r.0 + 13 }, r.1, r.2, r.3))).collect();
        let (one, two) = (all(&study(6, 7, &reports)), all(&study(12, 14, &twice)));
        if reports.is_empty() {
            return Ok(());
        }
        for (kind, term) in &one.safety_metrics.safety.overview {
            let there = &two.safety_metrics.safety.overview[kind];
            for (arm, i) in &term.incidence {
                let j = &there.incidence[arm];
                prop_assert_eq!((i.subjects * 2, i.events * 2), (j.subjects, j.events));
                prop_assert!((i.pct.unwrap() - j.pct.unwrap()).abs() < 1e-9);
                let (r, s) = (&one.safety_metrics.rates[kind][arm], &two.safety_metrics.rates[kind][arm]);
                prop_assert!((r.rate.unwrap() - s.rate.unwrap()).abs() < 1e-6);
                prop_assert!(s.ci.unwrap().1 < r.ci.unwrap().1);
            }
        }
    }

    /// Subjects add up: of severities to those with an event, of terms to no less than the class, of a class to no more than N.
    #[test]
    fn counts_reconcile(reports in reports(13)) {
        let found = all(&study(6, 7, &reports));
        let s = &found.adverse_events.selection;
        prop_assert_eq!(s.records, s.outside_population + s.not_in_set + s.counted);
        for class in found.safety_metrics.safety.by_soc.values() {
            for (arm, i) in &class.term.incidence {
                let worst: u64 = class.term.severity.get(arm).map_or(0, |s| s.values().sum());
                prop_assert_eq!(worst, i.subjects);
                let terms = || class.pt.values().map(|t| t.incidence[arm].clone());
                prop_assert_eq!(terms().map(|t| t.events).sum::<u64>(), i.events);
                prop_assert!(terms().map(|t| t.subjects).sum::<u64>() >= i.subjects);
                prop_assert!(terms().all(|t| t.subjects <= i.subjects) && i.subjects <= i.events);
                prop_assert!(i.pct.unwrap() <= 100.0);
            }
        }
    }
}
