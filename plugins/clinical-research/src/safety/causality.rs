//! What the data say of the cause of adverse events, and what they do not say.
//!
//! The investigator's own judgement is counted by arm. The scales of the WHO-UMC ("The use of the WHO-UMC system for standardised
//! case causality assessment") and of Naranjo et al. (1981, Clinical Pharmacology and Therapeutics 30) ask for facts that trial
//! data hold only in part: of each criterion it is told for how many reports it can be judged, and no category or score is given.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{events::Chosen, treated::Treated};
use crate::study::{Column, Study};

/// The categories of the WHO-UMC, by their first words.
const WHO_UMC: [&str; 7] =
    ["CERTAIN", "PROBABLE", "POSSIBLE", "UNLIKELY", "CONDITIONAL", "UNASSESSABLE", "UNCLASSIFI"];

/// What is known of causes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Causality {
    /// Which scale the data use.
    pub scale: String,
    /// Reports by arm and by the investigator's judgement: `related`, `not related`, `not recorded`.
    pub related: BTreeMap<String, BTreeMap<String, u64>>,
    /// Reports by arm and by the investigator's word (`PROBABLE`, `POSSIBLE` …).
    pub relationship: BTreeMap<String, BTreeMap<String, u64>>,
    /// Reports whose word and whose flag `related` contradict each other.
    pub contradictions: u64,
    /// For how many reports each criterion of the WHO-UMC can be judged.
    pub who_umc: Vec<Criterion>,
    /// For how many reports each question of Naranjo's scale can be answered.
    pub naranjo: Vec<Criterion>,
    /// What follows from that.
    pub statement: String,
}

/// A criterion of a scale.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// The criterion.
    pub criterion: String,
    /// Reports for which the data answer it.
    pub answered: u64,
    /// Those for which the answer speaks for the treatment.
    pub in_favour: u64,
    /// What is missing.
    pub missing: String,
}

/// Facts about the reports, counted.
#[derive(Default)]
struct Facts {
    timed: u64,
    after_start: u64,
    dechallenge: u64,
    recovered_after: u64,
}

fn facts(study: &Study, chosen: &Chosen) -> Facts {
    let table = &study.adverse_events;
    let start = study.subjects.field("treatment_start").and_then(Column::numbers);
    let mut facts = Facts::default();
    for event in &chosen.events {
        let row = event.row as usize;
        let first = start.as_deref().and_then(|s| s.get(event.subject as usize).copied().flatten());
        if let (Some(onset), Some(first)) = (table.start_day.get(row).copied().flatten(), first) {
            facts.timed += 1;
            facts.after_start += u64::from(onset >= first);
        }
        let withdrawn = super::overview::Kind::Discontinuation.of(event, table, &chosen.terms.severities);
        if let (Some(true), Some(outcome)) = (withdrawn, table.outcome.get(row)) {
            facts.dechallenge += 1;
            facts.recovered_after +=
                u64::from(outcome.starts_with("RECOVER") || outcome.starts_with("RESOLV"));
        }
    }
    facts
}

pub(crate) fn causality(study: &Study, chosen: &Chosen, treated: &Treated) -> Causality {
    let table = &study.adverse_events;
    let mut related = vec![BTreeMap::<String, u64>::new(); treated.arms.len()];
    let mut words = related.clone();
    let mut contradictions = 0;
    for event in &chosen.events {
        let (row, arm) = (event.row as usize, event.arm as usize);
        let flag = table.related.get(row).copied().flatten();
        let word = table.relationship.get(row);
        let flag_word = match flag {
            Some(true) => "related",
            Some(false) => "not related",
            None => "not recorded",
        };
        *related[arm].entry(flag_word.to_owned()).or_default() += 1;
        *words[arm].entry(word.unwrap_or("not recorded").to_owned()).or_default() += 1;
        contradictions += u64::from(match (flag, word) {
            (Some(true), Some(word)) => matches!(word, "NONE" | "NOT RELATED" | "UNRELATED"),
            (Some(false), Some(word)) => matches!(word, "PROBABLE" | "DEFINITE" | "CERTAIN" | "RELATED"),
            _ => false,
        });
    }
    let facts = facts(study, chosen);
    Causality {
        scale: scale(&table.relationship.levels),
        related: treated.by_arm(|arm| related[arm].clone()),
        relationship: treated.by_arm(|arm| words[arm].clone()),
        contradictions,
        who_umc: who_umc(&facts),
        naranjo: naranjo(&facts),
        statement: "no WHO-UMC category and no Naranjo score is given: alternative causes, rechallenge and drug levels are not in \
                    the data, and neither can be assigned without them. The judgement shown is the investigator's. It is a \
                    statement about single cases; the comparison with the reference arm is the stronger evidence of cause."
            .to_owned(),
    }
}

fn scale(levels: &[String]) -> String {
    let in_who = |l: &String| WHO_UMC.iter().any(|w| l.starts_with(w));
    if levels.is_empty() {
        "the investigator's flag related (yes or no); the data have no further scale".to_owned()
    } else if levels.iter().all(in_who) {
        format!(
            "the investigator's words, all of which are names of WHO-UMC categories: {}; whether its criteria were applied is not recorded",
            levels.join(", ")
        )
    } else {
        format!("the sponsor's own words, which are not the WHO-UMC's categories: {}", levels.join(", "))
    }
}

fn criterion(criterion: &str, (answered, in_favour): (u64, u64), missing: &str) -> Criterion {
    Criterion { criterion: criterion.to_owned(), answered, in_favour, missing: missing.to_owned() }
}

fn who_umc(facts: &Facts) -> Vec<Criterion> {
    vec![
        criterion(
            "onset in a plausible time after the treatment began",
            (facts.timed, facts.after_start),
            "only the order in time is known, not what is plausible for the substance",
        ),
        criterion(
            "unlikely to be due to disease or other drugs",
            (0, 0),
            "no causes other than the treatment are in the data",
        ),
        criterion(
            "response to withdrawal (dechallenge)",
            (facts.dechallenge, facts.recovered_after),
            "known only where the treatment was withdrawn for the event and an outcome is recorded",
        ),
        criterion("response to a new exposure (rechallenge)", (0, 0), "not in the data"),
    ]
}

fn naranjo(facts: &Facts) -> Vec<Criterion> {
    let absent = "not in the data";
    vec![
        criterion("1 previous conclusive reports", (0, 0), absent),
        criterion(
            "2 onset after the drug was given",
            (facts.timed, facts.after_start),
            "days of onset or of treatment that are not recorded",
        ),
        criterion(
            "3 improvement after withdrawal or an antagonist",
            (facts.dechallenge, facts.recovered_after),
            "known only where the treatment was withdrawn for the event and an outcome is recorded",
        ),
        criterion("4 reappearance after a new exposure", (0, 0), absent),
        criterion("5 alternative causes", (0, 0), absent),
        criterion("6 reappearance with placebo", (0, 0), absent),
        criterion("7 toxic concentration in body fluids", (0, 0), absent),
        criterion("8 dose and severity go together within the subject", (0, 0), absent),
        criterion("9 similar reaction to an earlier exposure", (0, 0), absent),
        criterion("10 confirmed by objective evidence", (0, 0), absent),
    ]
}
