//! How many had any event, a serious, related, severe or fatal one, or one that ended the treatment.

use std::collections::BTreeMap;

use super::{
    events::{Chosen, Event},
    tally::{Counts, Term, tally, term},
    treated::Treated,
};
use crate::study::AdverseEvents;

/// The kinds of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Any,
    Serious,
    Related,
    SeriousRelated,
    Severe,
    Fatal,
    Discontinuation,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Any,
        Self::Serious,
        Self::Related,
        Self::SeriousRelated,
        Self::Severe,
        Self::Fatal,
        Self::Discontinuation,
    ];

    /// As the summary names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Serious => "serious",
            Self::Related => "related",
            Self::SeriousRelated => "serious_related",
            Self::Severe => "severe",
            Self::Fatal => "fatal",
            Self::Discontinuation => "leading_to_discontinuation",
        }
    }

    /// As a table names it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Any => "Any adverse event",
            Self::Serious => "Serious",
            Self::Related => "Related to treatment",
            Self::SeriousRelated => "Serious and related",
            Self::Severe => "Severe (or worse)",
            Self::Fatal => "Fatal",
            Self::Discontinuation => "Leading to discontinuation of treatment",
        }
    }

    /// What it goes by, in words.
    pub(crate) fn definition(self) -> &'static str {
        match self {
            Self::Any => "every report of the analysis set",
            Self::Serious => "the report's flag serious (ICH E2A)",
            Self::Related => "the report's flag related, which is the investigator's view",
            Self::SeriousRelated => "both flags, serious and related",
            Self::Severe => "severity SEVERE or worse; where no severity is recorded, CTCAE grade 3 or more",
            Self::Fatal => "the report's flag fatal; where it is missing, outcome FATAL or grade 5",
            Self::Discontinuation => "the action taken: treatment withdrawn or discontinued permanently",
        }
    }

    /// Whether a report is of this kind; None where the source does not say.
    pub(crate) fn of(
        self,
        event: &Event,
        events: &AdverseEvents,
        severities: &[(u8, String)],
    ) -> Option<bool> {
        let row = event.row as usize;
        let flag = |column: &[Option<bool>]| column.get(row).copied().flatten();
        match self {
            Self::Any => Some(true),
            Self::Serious => flag(&events.serious),
            Self::Related => flag(&events.related),
            Self::SeriousRelated => match (flag(&events.serious), flag(&events.related)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Severe => severities.get(event.severity as usize).and_then(|(rank, _)| match rank {
                0 => None,
                rank => Some(*rank >= 3),
            }),
            Self::Fatal => flag(&events.fatal).or_else(|| {
                let outcome = events.outcome.get(row);
                let grade = events.grade.get(row).copied().flatten();
                match (outcome, grade) {
                    (None, None) => None,
                    (outcome, grade) => Some(
                        outcome.is_some_and(|o| matches!(o.trim(), "FATAL" | "DEATH" | "DIED"))
                            || grade == Some(5.0),
                    ),
                }
            }),
            Self::Discontinuation => events.action.get(row).map(withdrawn),
        }
    }
}

/// Whether an action taken ended the treatment: `DRUG WITHDRAWN` of CDISC's terminology, or the same in other words.
fn withdrawn(action: &str) -> bool {
    let action = action.to_ascii_uppercase();
    let ends = ["WITHDRAWN", "DISCONTINUED", "DISCONTINUATION", "STOPPED PERMANENTLY", "PERMANENTLY STOPPED"];
    let not = ["NOT ", "TEMPORAR", "INTERRUPT"];
    ends.iter().any(|word| action.contains(word)) && !not.iter().any(|word| action.contains(word))
}

/// The overview.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overview {
    /// By kind.
    pub(crate) counts: BTreeMap<Kind, Counts>,
    /// The figures by the kind's name.
    pub(crate) terms: BTreeMap<String, Term>,
    /// Reports by kind of which the source does not say whether they are of that kind.
    pub(crate) not_said: BTreeMap<String, u64>,
    /// Kinds of which the source says nothing of any report, with the reason.
    pub(crate) not_computable: BTreeMap<String, String>,
}

pub(crate) fn overview(chosen: &Chosen, events: &AdverseEvents, treated: &Treated, level: f64) -> Overview {
    let mut overview = Overview::default();
    let severities = &chosen.terms.severities;
    for kind in Kind::ALL {
        let said: Vec<Option<bool>> = chosen.events.iter().map(|e| kind.of(e, events, severities)).collect();
        let unknown = said.iter().filter(|s| s.is_none()).count();
        if unknown > 0 && unknown == said.len() {
            let reason = format!("not computable: no report says it ({})", kind.definition());
            overview.not_computable.insert(kind.name().to_owned(), reason);
            continue;
        }
        if unknown > 0 {
            overview.not_said.insert(kind.name().to_owned(), unknown as u64);
        }
        let of_kind: Vec<Event> =
            chosen.events.iter().zip(&said).filter(|(_, s)| **s == Some(true)).map(|(e, _)| *e).collect();
        let counts = tally(&of_kind, 1, treated.arms.len(), |_| Some(0)).pop().unwrap_or_default();
        let mut figures = term(&counts, treated, severities, level);
        if kind == Kind::Severe {
            figures.severity.clear();
        }
        overview.terms.insert(kind.name().to_owned(), figures);
        overview.counts.insert(kind, counts);
    }
    overview
}

#[cfg(test)]
mod tests {
    use super::withdrawn;

    #[test]
    fn what_ends_the_treatment() {
        for action in ["DRUG WITHDRAWN", "Study drug discontinued", "PERMANENTLY DISCONTINUED"] {
            assert!(withdrawn(action), "{action}");
        }
        for action in [
            "DOSE NOT CHANGED",
            "DRUG INTERRUPTED",
            "NOT WITHDRAWN",
            "DOSE REDUCED",
            "TEMPORARILY DISCONTINUED",
        ] {
            assert!(!withdrawn(action), "{action}");
        }
    }
}
