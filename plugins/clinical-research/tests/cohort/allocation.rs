//! Randomisation, the planned ratio, sites.

use clinical_research::cohort::analyse;
use serde_json::json;

use crate::support::{arms, study, texts};

#[test]
fn counts_are_tested_against_the_plan() {
    let mut data = study(2, &arms(&[2, 8]), &[]);
    let found = analyse(&data).statistics.randomisation.allocation;
    assert!(found.ratio_from.contains("equal shares are assumed"));
    // 2 of 10 at one half, both tails: 112 of 1024.
    assert!((found.test.p.value().unwrap() - 112.0 / 1024.0).abs() < 1e-12);
    data.protocol.other.insert("allocation_ratio".into(), json!("1:4"));
    let found = analyse(&data).statistics.randomisation.allocation;
    assert_eq!((found.expected["A"].value(), found.expected["B"].value()), (Some(2.0), Some(8.0)));
    assert!(found.test.p.value().unwrap() > 0.999);
    // Three arms: χ² = (20 − 30)²/30 · … = 2·100/30 on two degrees of freedom, whose tail is exp(−χ²/2).
    let found = analyse(&study(3, &arms(&[20, 30, 40]), &[])).statistics.randomisation.allocation;
    assert!((found.test.p.value().unwrap() - (-100.0_f64 / 30.0).exp()).abs() < 1e-12);
}

#[test]
fn what_is_not_stated_is_unknown() {
    let mut data = study(2, &arms(&[3, 3]), &[]);
    data.protocol.randomised = None;
    let found = analyse(&data).statistics;
    assert_eq!(found.randomisation.randomised, None);
    assert!(found.randomisation.consequence.contains("unknown") && found.propensity.performed);
    data.protocol.randomised = Some(false);
    data.protocol.design = Some("observational cohort".into());
    let found = analyse(&data).statistics.randomisation;
    assert!(found.evidence.contains("not assigned") && found.allocation.test.p.value().is_none());
}

#[test]
fn sites_are_compared() {
    let site: Vec<&str> = (0..40).map(|row| if (row % 20) < 10 { "s1" } else { "s2" }).collect();
    let data = study(2, &arms(&[20, 20]), &[("site", texts(&site))]);
    let found = analyse(&data).statistics.randomisation.sites;
    assert_eq!((found.n, found.one_arm_only, found.counts["s1"]["A"]), (2, 0, 10));
    assert!(found.test.p.value().unwrap() > 0.999);
    // Each site has one arm: nothing is more different.
    let site: Vec<&str> = (0..40).map(|row| if row < 20 { "s1" } else { "s2" }).collect();
    let found =
        analyse(&study(2, &arms(&[20, 20]), &[("site", texts(&site))])).statistics.randomisation.sites;
    assert_eq!(found.one_arm_only, 2);
    assert!(found.test.p.value().unwrap() < 1e-8);
}

/// Shares that are alike within sites, and shares that are not.
#[test]
fn variables_of_two_categories_are_compared_within_sites() {
    let site: Vec<&str> = (0..40).map(|row| if (row % 20) < 10 { "s1" } else { "s2" }).collect();
    let sex: Vec<&str> = (0..40).map(|row| if row % 10 < 5 { "F" } else { "M" }).collect();
    let data = study(2, &arms(&[20, 20]), &[("site", texts(&site)), ("sex", texts(&sex))]);
    let found = analyse(&data).statistics.balance.within_sites;
    let sex = found.iter().find(|w| w.field == "sex").unwrap();
    assert_eq!((sex.informative_sites, sex.chi2.value(), sex.p.value()), (2, Some(0.0), Some(1.0)));
    let sex: Vec<&str> =
        (0..40).map(|row| if row % 10 < (if row < 20 { 8 } else { 2 }) { "F" } else { "M" }).collect();
    let data = study(2, &arms(&[20, 20]), &[("site", texts(&site)), ("sex", texts(&sex))]);
    let found = analyse(&data).statistics.balance.within_sites;
    // At each site 8 and 2 women of ten: distance 3, variance 10·10·10·10/(400·19), twice.
    let want = 36.0 / (2.0 * 1e4 / 7600.0);
    let chi2 = found.iter().find(|w| w.field == "sex").unwrap().chi2.value().unwrap();
    assert!((chi2 - want).abs() < 1e-9, "{chi2} {want}");
}
