//! Subjects and reports by term, arm and worst severity, in one pass over the reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    compare::{Comparison, Incidence, adjust, compare},
    events::{Chosen, Event},
    treated::Treated,
};

/// What happened under a term, by arm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Subjects with at least one report, by arm.
    pub(crate) subjects: Vec<u64>,
    /// Reports, by arm.
    pub(crate) events: Vec<u64>,
    /// Subjects by arm and by the worst severity that they had, and reports by arm and severity: (arm, severity, subjects, reports).
    pub(crate) severity: Vec<(u32, u32, u64, u64)>,
}

impl Counts {
    /// Subjects of all arms.
    pub(crate) fn total(&self) -> u64 {
        self.subjects.iter().sum()
    }
}

/// An arm's figures under a term, and how they compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// By arm.
    pub incidence: BTreeMap<String, Incidence>,
    /// By arm but the reference.
    pub vs_reference: BTreeMap<String, Comparison>,
    /// Subjects by arm and by the worst severity that they had under this term; each subject counts once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severity: BTreeMap<String, BTreeMap<String, u64>>,
}

/// A system organ class with its preferred terms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Soc {
    /// The class itself: a subject with several of its terms counts once.
    #[serde(flatten)]
    pub term: Term,
    /// Its preferred terms by name.
    pub pt: BTreeMap<String, Term>,
}

/// Count the reports that pass under the key of each. `key` gives a place below `keys`.
pub(crate) fn tally(
    events: &[Event],
    keys: usize,
    arms: usize,
    key: impl Fn(&Event) -> Option<u32>,
) -> Vec<Counts> {
    let empty = Counts { subjects: vec![0; arms], events: vec![0; arms], severity: Vec::new() };
    let mut counts = vec![empty; keys];
    // (key, arm, severity, subjects, reports), to be summed.
    let mut cells: Vec<(u32, u32, u32, u64, u64)> = Vec::with_capacity(events.len());
    let mut of_subject: Vec<(u32, u32)> = Vec::new();
    for block in events.chunk_by(|a, b| a.subject == b.subject) {
        let Some(arm) = block.first().map(|e| e.arm) else { continue };
        of_subject.clear();
        of_subject.extend(block.iter().filter_map(|e| Some((key(e)?, e.severity))));
        of_subject.sort_unstable();
        for under_key in of_subject.chunk_by(|a, b| a.0 == b.0) {
            for (at, (key, severity)) in under_key.iter().enumerate() {
                // They ascend: the last is the worst.
                let worst = u64::from(at + 1 == under_key.len());
                cells.push((*key, arm, *severity, worst, 1));
            }
        }
    }
    cells.sort_unstable();
    for same in cells.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
        let Some(&(key, arm, severity, ..)) = same.first() else { continue };
        let (subjects, reports) = (same.iter().map(|c| c.3).sum(), same.len() as u64);
        let Some(counts) = counts.get_mut(key as usize) else { continue };
        if let (Some(s), Some(e)) =
            (counts.subjects.get_mut(arm as usize), counts.events.get_mut(arm as usize))
        {
            *s += subjects;
            *e += reports;
            counts.severity.push((arm, severity, subjects, reports));
        }
    }
    counts
}

/// Counts as the summary shows them.
pub(crate) fn term(counts: &Counts, treated: &Treated, severities: &[(u8, String)], level: f64) -> Term {
    let of = |arm: usize| counts.subjects.get(arm).copied().unwrap_or(0);
    let reference = (of(treated.reference), treated.n(treated.reference));
    let mut severity: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (arm, place, subjects, _) in &counts.severity {
        if let (Some(arm), Some((_, name))) =
            (treated.arms.get(*arm as usize), severities.get(*place as usize))
            && *subjects > 0
        {
            severity.entry(arm.clone()).or_default().insert(name.clone(), *subjects);
        }
    }
    Term {
        incidence: treated.by_arm(|arm| {
            Incidence::of(of(arm), counts.events.get(arm).copied().unwrap_or(0), treated.n(arm))
        }),
        vs_reference: treated.by_other_arm(|arm| compare(of(arm), treated.n(arm), reference, level)),
        severity,
    }
}

/// The figures of every class and term, with p-values adjusted within each level and arm.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tables {
    /// All reports as one.
    pub(crate) any: Counts,
    /// By class, in the order of [`super::events::Terms::socs`].
    pub(crate) socs: Vec<Counts>,
    /// By term, in the order of [`super::events::Terms::pts`].
    pub(crate) pts: Vec<Counts>,
    /// The figures.
    pub(crate) by_soc: BTreeMap<String, Soc>,
}

pub(crate) fn tables(chosen: &Chosen, treated: &Treated, level: f64) -> Tables {
    let (events, terms, arms) = (&chosen.events, &chosen.terms, treated.arms.len());
    let any = tally(events, 1, arms, |_| Some(0)).pop().unwrap_or_default();
    let socs = tally(events, terms.socs.len(), arms, |e| Some(e.soc));
    let pts = tally(events, terms.pts.len(), arms, |e| Some(e.term));
    let figures = |counts: &Counts| term(counts, treated, &terms.severities, level);
    let mut by_soc: BTreeMap<String, Soc> = terms
        .socs
        .iter()
        .zip(&socs)
        .map(|(name, counts)| (name.clone(), Soc { term: figures(counts), pt: BTreeMap::new() }))
        .collect();
    for ((soc, name), counts) in terms.pts.iter().zip(&pts) {
        if let Some(soc) = terms.socs.get(*soc as usize).and_then(|s| by_soc.get_mut(s)) {
            soc.pt.insert(name.clone(), figures(counts));
        }
    }
    for arm in treated.others() {
        let arm = treated.arms[arm].as_str();
        adjust(by_soc.values_mut().filter_map(|s| s.term.vs_reference.get_mut(arm)));
        adjust(
            by_soc.values_mut().flat_map(|s| s.pt.values_mut()).filter_map(|t| t.vs_reference.get_mut(arm)),
        );
    }
    Tables { any, socs, pts, by_soc }
}
