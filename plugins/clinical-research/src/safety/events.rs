//! Which adverse events count, and what each of them is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::treated::Treated;
use crate::study::{AdverseEvents, AnalysisSet, Coded, Column, Study};

/// Stands for a term that the source does not name.
const NOT_CODED: &str = "(not coded)";
/// Stands for a severity that the source does not name.
pub(crate) const NOT_RECORDED: &str = "NOT RECORDED";

/// A report that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its row in the table of adverse events.
    pub(crate) row: u32,
    /// The subject's row.
    pub(crate) subject: u32,
    /// The arm's place.
    pub(crate) arm: u32,
    /// The severity's place in [`Terms::severities`], which ascend.
    pub(crate) severity: u32,
    /// The system organ class' place in [`Terms::socs`].
    pub(crate) soc: u32,
    /// The place of the preferred term within its class in [`Terms::pts`].
    pub(crate) term: u32,
}

/// The terms that occur.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Names of the system organ classes, sorted.
    pub(crate) socs: Vec<String>,
    /// The class' place and the name of each preferred term, sorted.
    pub(crate) pts: Vec<(u32, String)>,
    /// Severities from the mildest to the worst, with their rank: 1 mild to 5 fatal, 0 not known.
    pub(crate) severities: Vec<(u8, String)>,
}

/// How the reports that count were chosen. `records = outside_population + not_in_set + counted`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// `all` or `treatment_emergent`.
    pub analysis_set: String,
    /// In words.
    pub rule: String,
    /// Reports of the study's subjects.
    pub records: u64,
    /// Of subjects who are not in the safety population.
    pub outside_population: u64,
    /// Not treatment-emergent.
    pub not_in_set: u64,
    /// Among those: the flag is missing.
    pub flag_missing: u64,
    /// Reports that count.
    pub counted: u64,
    /// Among those: exact repetitions of an earlier report. They count, as the source has them.
    pub repeated: u64,
    /// Reports that count without a system organ class.
    pub without_soc: u64,
    /// Reports that count without a preferred term.
    pub without_pt: u64,
    /// Reports that count without a severity and without a grade.
    pub without_severity: u64,
}

/// The reports that count, by subject.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) events: Vec<Event>,
    pub(crate) terms: Terms,
    pub(crate) selection: Selection,
}

/// The rank of a severity in words or as a grade: 1 mild, 2 moderate, 3 severe, 4 life-threatening, 5 fatal (CTCAE 5.0,
/// "Grades"); 0 where it is none of these.
pub(crate) fn rank(severity: &str) -> u8 {
    let words: String =
        severity.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { ' ' }).collect();
    let words: Vec<&str> = words.split_whitespace().filter(|w| !matches!(*w, "GRADE" | "CTCAE")).collect();
    match words.join(" ").as_str() {
        "MILD" | "1" | "I" => 1,
        "MODERATE" | "2" | "II" => 2,
        "SEVERE" | "3" | "III" => 3,
        "LIFE THREATENING" | "POTENTIALLY LIFE THREATENING" | "DISABLING" | "4" | "IV" => 4,
        "FATAL" | "DEATH" | "5" | "V" => 5,
        _ => 0,
    }
}

/// How treatment-emergent reports are told.
enum Emergent<'s> {
    All,
    Flag,
    Day(Option<std::borrow::Cow<'s, [Option<f64>]>>),
}

impl Emergent<'_> {
    fn holds(&self, events: &AdverseEvents, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::Flag => events.treatment_emergent.get(row).copied().flatten() == Some(true),
            // A report whose onset is not known may be treatment-emergent: it counts.
            Self::Day(first) => {
                let start = events.start_day.get(row).copied().flatten();
                let subject = events.subject.get(row).map_or(usize::MAX, |s| *s as usize);
                let first = first.as_deref().and_then(|f| f.get(subject).copied().flatten()).unwrap_or(1.0);
                start.is_none_or(|day| day >= first)
            }
        }
    }

    fn rule(&self) -> &'static str {
        match self {
            Self::All => "all reports of the safety population count, as the protocol has it",
            Self::Flag => {
                "reports whose flag treatment_emergent is true count, as the protocol has it; reports without the flag do not"
            }
            Self::Day(_) => {
                "no report has the flag treatment_emergent: instead, reports count that began on or after the first day of \
                 treatment (study day 1 where that is not known), and those whose onset is not known"
            }
        }
    }
}

/// Choose the reports that count.
pub(crate) fn choose(study: &Study, treated: &Treated) -> Chosen {
    let events = &study.adverse_events;
    let emergent = match study.protocol.ae.analysis_set {
        AnalysisSet::All => Emergent::All,
        AnalysisSet::TreatmentEmergent if events.treatment_emergent.iter().any(Option::is_some) => {
            Emergent::Flag
        }
        AnalysisSet::TreatmentEmergent => {
            Emergent::Day(study.subjects.field("treatment_start").and_then(Column::numbers))
        }
    };
    let mut selection = Selection {
        analysis_set: match study.protocol.ae.analysis_set {
            AnalysisSet::All => "all",
            AnalysisSet::TreatmentEmergent => "treatment_emergent",
        }
        .to_owned(),
        rule: emergent.rule().to_owned(),
        records: events.subject.len() as u64,
        ..Selection::default()
    };
    let mut kept: Vec<(u32, u32, u32)> = Vec::with_capacity(events.subject.len());
    for (row, &subject) in (0u32..).zip(&events.subject) {
        let Some(arm) = treated.arm(subject) else {
            selection.outside_population += 1;
            continue;
        };
        if !emergent.holds(events, row as usize) {
            selection.not_in_set += 1;
            selection.flag_missing +=
                u64::from(events.treatment_emergent.get(row as usize).copied().flatten().is_none());
            continue;
        }
        kept.push((row, subject, arm as u32));
    }
    selection.counted = kept.len() as u64;
    selection.repeated =
        events.repeated.iter().filter(|row| kept.binary_search_by_key(*row, |k| k.0).is_ok()).count() as u64;
    coded(events, &kept, selection)
}

/// The code of a row's text, or that of [`NOT_CODED`], which follows the levels where none of them has its name.
fn code(coded: &Coded, row: u32, missing: &mut u64) -> u32 {
    coded.codes.get(row as usize).copied().flatten().unwrap_or_else(|| {
        *missing += 1;
        coded.code(NOT_CODED).unwrap_or(coded.levels.len() as u32)
    })
}

fn name(coded: &Coded, code: u32) -> String {
    coded.levels.get(code as usize).cloned().unwrap_or_else(|| NOT_CODED.to_owned())
}

fn coded(events: &AdverseEvents, kept: &[(u32, u32, u32)], mut selection: Selection) -> Chosen {
    let (mut without_soc, mut without_pt) = (0, 0);
    let codes: Vec<(u32, u32)> = kept
        .iter()
        .map(|k| (code(&events.soc, k.0, &mut without_soc), code(&events.pt, k.0, &mut without_pt)))
        .collect();
    (selection.without_soc, selection.without_pt) = (without_soc, without_pt);
    let mut pairs = codes.clone();
    pairs.sort_unstable();
    pairs.dedup();
    let mut soc_codes: Vec<u32> = pairs.iter().map(|p| p.0).collect();
    soc_codes.dedup();
    let (severities, severity_of) = severities(events, kept, &mut selection.without_severity);
    let place = |found: Result<usize, usize>| found.unwrap_or_else(|at| at) as u32;
    let chosen = kept
        .iter()
        .zip(&codes)
        .zip(&severity_of)
        .map(|((&(row, subject, arm), pair), &severity)| Event {
            row,
            subject,
            arm,
            severity,
            soc: place(soc_codes.binary_search(&pair.0)),
            term: place(pairs.binary_search(pair)),
        })
        .collect();
    let terms = Terms {
        socs: soc_codes.iter().map(|c| name(&events.soc, *c)).collect(),
        pts: pairs.iter().map(|(s, p)| (place(soc_codes.binary_search(s)), name(&events.pt, *p))).collect(),
        severities,
    };
    Chosen { events: chosen, terms, selection }
}

/// The severities that occur, ascending, and the place of each report's one: the word, else the grade, else not recorded.
fn severities(
    events: &AdverseEvents,
    kept: &[(u32, u32, u32)],
    missing: &mut u64,
) -> (Vec<(u8, String)>, Vec<u32>) {
    let mut names: Vec<(u8, String)> = events.severity.levels.iter().map(|l| (rank(l), l.clone())).collect();
    names.extend((1..=5).map(|grade| (grade, format!("GRADE {grade}"))));
    names.push((0, NOT_RECORDED.to_owned()));
    names.sort();
    names.dedup();
    let place = |label: &str| names.iter().position(|(_, l)| l == label).unwrap_or(0);
    let of_word: Vec<usize> = events.severity.levels.iter().map(|l| place(l)).collect();
    let of_grade: Vec<usize> = (1..=5).map(|grade| place(&format!("GRADE {grade}"))).collect();
    let none = place(NOT_RECORDED);
    let places: Vec<usize> = kept
        .iter()
        .map(|k| {
            let word = events.severity.codes.get(k.0 as usize).copied().flatten();
            let grade = events.grade.get(k.0 as usize).copied().flatten().filter(|g| (1.0..6.0).contains(g));
            word.and_then(|w| of_word.get(w as usize))
                .or_else(|| grade.and_then(|g| of_grade.get(g as usize - 1)))
                .copied()
                .unwrap_or_else(|| {
                    *missing += 1;
                    none
                })
        })
        .collect();
    let mut used = vec![false; names.len()];
    places.iter().for_each(|p| used[*p] = true);
    let mut next = 0u32;
    let renumbered: Vec<u32> = used
        .iter()
        .map(|u| {
            let at = next;
            next += u32::from(*u);
            at
        })
        .collect();
    let kept_names = names.into_iter().zip(&used).filter_map(|(name, used)| used.then_some(name)).collect();
    (kept_names, places.into_iter().map(|p| renumbered[p]).collect())
}
