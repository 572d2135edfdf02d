//! What of the figures goes into the output. The file has all of them; outputs pass through the host's database, which bounds
//! the number of values of a document.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Output, SUMMARY,
    figures::{AdverseEventFigures, SafetyMetrics},
    listing::MOST_IN_OUTPUT,
};

/// The most classes, terms or tests that an output lists.
const MOST_SOCS: usize = 100;
const MOST_TERMS: usize = 500;
const MOST_TESTS: usize = 100;
const MOST_VISITS: usize = 60;

/// Keep the entries with the largest sizes, by name where they are equal; whether any went.
fn largest<T>(entries: &mut BTreeMap<String, T>, most: usize, size: impl Fn(&T) -> u64) -> bool {
    if entries.len() <= most {
        return false;
    }
    let mut sizes: Vec<(u64, String)> = entries.iter().map(|(name, e)| (size(e), name.clone())).collect();
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let kept: BTreeSet<String> = sizes.into_iter().take(most).map(|(_, name)| name).collect();
    entries.retain(|name, _| kept.contains(name));
    true
}

pub(crate) fn output(mut metrics: SafetyMetrics, found: &AdverseEventFigures) -> Output {
    let mut cut = Vec::new();
    let subjects = |term: &super::tally::Term| term.incidence.values().map(|i| i.subjects).sum::<u64>();
    if largest(&mut metrics.safety.by_soc, MOST_SOCS, |soc| subjects(&soc.term)) {
        cut.push(format!("the {MOST_SOCS} most frequent classes"));
    }
    if terms(&mut metrics) {
        cut.push(format!("the {MOST_TERMS} most frequent terms"));
    }
    for terms in metrics.safety.disproportionality.values_mut() {
        if largest(terms, MOST_TERMS, |d| u64::from(d.signal) << 40 | d.a) {
            cut.push(format!("{MOST_TERMS} disproportions of an arm, signals first"));
        }
    }
    for reasons in metrics.safety.discontinuation_reasons.iter_mut().flat_map(|r| r.values_mut()) {
        if largest(reasons, MOST_TERMS, |n| *n) {
            cut.push(format!("the {MOST_TERMS} most frequent reasons of an arm"));
        }
    }
    if largest(&mut metrics.labs.by_test, MOST_TESTS, |t| t.graded_subjects.values().sum()) {
        cut.push(format!("{MOST_TESTS} laboratory tests"));
    }
    for test in metrics.labs.by_test.values_mut().filter(|t| t.visits.len() > MOST_VISITS) {
        test.visits.truncate(MOST_VISITS);
        let kept: BTreeSet<&String> = test.visits.iter().collect();
        test.mean_change_by_visit.values_mut().for_each(|v| v.retain(|name, _| kept.contains(name)));
        cut.push(format!("the first {MOST_VISITS} visits of a test"));
    }
    metrics.labs.hys_law_subjects.truncate(MOST_IN_OUTPUT);
    metrics.flagged_terms.truncate(MOST_IN_OUTPUT);
    cut.dedup();
    metrics.shortened =
        (!cut.is_empty()).then(|| format!("listed are {}; all are in {SUMMARY}", cut.join(", ")));
    let mut adverse_events = found.clone();
    for listing in [
        &mut adverse_events.serious,
        &mut adverse_events.fatal,
        &mut adverse_events.leading_to_discontinuation,
    ] {
        *listing = listing.shortened();
    }
    adverse_events.died.truncate(MOST_IN_OUTPUT);
    Output { safety_metrics: metrics, adverse_events }
}

/// Keep the most frequent preferred terms of all classes; whether any went.
fn terms(metrics: &mut SafetyMetrics) -> bool {
    let mut sizes: Vec<(u64, String, String)> = Vec::new();
    for (soc, class) in &metrics.safety.by_soc {
        for (pt, term) in &class.pt {
            let n = term.incidence.values().map(|i| i.subjects).sum();
            sizes.push((n, soc.clone(), pt.clone()));
        }
    }
    if sizes.len() <= MOST_TERMS {
        return false;
    }
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (&a.1, &a.2).cmp(&(&b.1, &b.2))));
    let kept: BTreeSet<(String, String)> =
        sizes.into_iter().take(MOST_TERMS).map(|(_, soc, pt)| (soc, pt)).collect();
    for (soc, class) in &mut metrics.safety.by_soc {
        class.pt.retain(|pt, _| kept.contains(&(soc.clone(), pt.clone())));
    }
    true
}
