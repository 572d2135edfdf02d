//! Whether a preferred term makes up more of an arm's reports than of the other arms'.

use std::collections::BTreeMap;

use heddle_kit::stats::{Reports, SignalCriterion, disproportion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    events::{Chosen, Terms},
    tally::tally,
    treated::Treated,
};
use crate::study::AeRules;

/// Terms with fewer reports in an arm are not listed (Evans et al. 2001 ask for three).
const LEAST_REPORTS: u64 = 3;

/// A term's disproportion in an arm. Reports are counted, not subjects; the comparator is all other arms together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disproportionality {
    /// Reports of the term in the arm.
    pub a: u64,
    /// Reports of other terms in the arm.
    pub b: u64,
    /// Reports of the term in the other arms.
    pub c: u64,
    /// Reports of other terms in the other arms.
    pub d: u64,
    /// Proportional reporting ratio.
    pub prr: Option<f64>,
    /// Its log-normal interval.
    pub prr_ci: Option<(f64, f64)>,
    /// Reporting odds ratio.
    pub ror: Option<f64>,
    /// Its log-normal interval.
    pub ror_ci: Option<(f64, f64)>,
    /// χ² with Yates' correction.
    pub chi2_yates: Option<f64>,
    /// Whether the protocol's criterion is met: PRR, χ² and the number of reports.
    pub signal: bool,
    /// Reasons by figure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_computable: BTreeMap<String, String>,
}

/// By arm but the reference and by term, whatever its class.
pub(crate) fn signals(
    chosen: &Chosen,
    treated: &Treated,
    rules: &AeRules,
    level: f64,
) -> BTreeMap<String, BTreeMap<String, Disproportionality>> {
    let (names, of_term) = names(&chosen.terms);
    let arms = treated.arms.len();
    let counts = tally(&chosen.events, names.len(), arms, |e| of_term.get(e.term as usize).copied());
    let sum = |of: &dyn Fn(usize) -> bool, reports: &[u64]| -> u64 {
        reports.iter().enumerate().filter(|(arm, _)| of(*arm)).map(|(_, n)| n).sum()
    };
    let mut totals = vec![0u64; arms];
    for counts in &counts {
        totals.iter_mut().zip(&counts.events).for_each(|(t, n)| *t += n);
    }
    let criterion =
        SignalCriterion { prr: rules.prr_min, chi_squared: rules.chi2_min, reports: rules.min_reports };
    let least = LEAST_REPORTS.min(rules.min_reports).max(1);
    treated.by_other_arm(|arm| {
        let here = |at: usize| at == arm;
        let elsewhere = |at: usize| at != arm;
        let (n, m) = (sum(&here, &totals), sum(&elsewhere, &totals));
        names
            .iter()
            .zip(&counts)
            .filter_map(|(name, counts)| {
                let (a, c) = (sum(&here, &counts.events), sum(&elsewhere, &counts.events));
                let reports = Reports {
                    event: a,
                    other_events: n - a,
                    comparator_event: c,
                    comparator_other_events: m - c,
                };
                (a >= least).then(|| ((*name).to_owned(), of(reports, criterion, level)))
            })
            .collect()
    })
}

/// The distinct names of terms, sorted, and for each class' term the place of its name.
fn names(terms: &Terms) -> (Vec<&str>, Vec<u32>) {
    let mut names: Vec<&str> = terms.pts.iter().map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let place = |name: &str| names.binary_search(&name).unwrap_or_else(|at| at) as u32;
    let places = terms.pts.iter().map(|(_, name)| place(name)).collect();
    (names, places)
}

fn of(reports: Reports, criterion: SignalCriterion, level: f64) -> Disproportionality {
    let found = disproportion(reports, criterion, level);
    let mut result = Disproportionality {
        a: reports.event,
        b: reports.other_events,
        c: reports.comparator_event,
        d: reports.comparator_other_events,
        signal: found.signal,
        ..Disproportionality::default()
    };
    let mut reasons = BTreeMap::new();
    let mut reason = |figure: &str, why: &dyn std::fmt::Display| {
        reasons.insert(figure.to_owned(), format!("not computable: {why}"));
    };
    match found.prr {
        Ok(ratio) => (result.prr, result.prr_ci) = (Some(ratio.value), Some(ratio.interval)),
        Err(why) => reason("prr", &why),
    }
    match found.ror {
        Ok(ratio) => (result.ror, result.ror_ci) = (Some(ratio.value), Some(ratio.interval)),
        Err(why) => reason("ror", &why),
    }
    match found.chi_squared {
        Ok(test) => result.chi2_yates = Some(test.statistic),
        Err(why) => reason("chi2_yates", &why),
    }
    result.not_computable = reasons;
    result
}
