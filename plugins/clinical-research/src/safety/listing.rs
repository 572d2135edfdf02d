//! Adverse events one by one: serious ones, fatal ones and those that ended the treatment, under masked ids.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    events::{Chosen, Event},
    overview::Kind,
    treated::Treated,
};
use crate::study::Study;

/// The most that a file lists of one kind.
pub(crate) const MOST_IN_FILE: usize = 10_000;
/// The most that an output lists of one kind.
pub(crate) const MOST_IN_OUTPUT: usize = 200;

/// The reports of a kind, by subject and day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// All reports of the kind.
    pub total: usize,
    /// The first ones.
    pub reports: Vec<Listed>,
    /// Said where not all are listed, or where the source does not say which reports are of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// The subject's masked id.
    pub subject: String,
    /// The treatment that the subject had.
    pub arm: String,
    /// System organ class.
    pub soc: String,
    /// Preferred term.
    pub pt: String,
    /// As recorded.
    pub severity: String,
    /// Serious, as recorded.
    pub serious: Option<bool>,
    /// Related, as recorded.
    pub related: Option<bool>,
    /// Study day of the onset.
    pub start_day: Option<f64>,
    /// Study day of the end.
    pub end_day: Option<f64>,
    /// As recorded.
    pub outcome: Option<String>,
    /// What was done with the treatment, as recorded.
    pub action: Option<String>,
}

/// The reports of a kind.
pub(crate) fn listing(kind: Kind, study: &Study, chosen: &Chosen, treated: &Treated) -> Listing {
    let table = &study.adverse_events;
    let is = |event: &&Event| kind.of(event, table, &chosen.terms.severities) == Some(true);
    let said = chosen.events.iter().any(|event| kind.of(event, table, &chosen.terms.severities).is_some());
    let mut found: Vec<&Event> = chosen.events.iter().filter(is).collect();
    found.sort_by(|a, b| {
        let day = |e: &Event| table.start_day.get(e.row as usize).copied().flatten().unwrap_or(f64::MAX);
        a.subject.cmp(&b.subject).then(day(a).total_cmp(&day(b))).then(a.row.cmp(&b.row))
    });
    let mut listing = Listing {
        total: found.len(),
        reports: found.iter().take(MOST_IN_FILE).map(|event| listed(event, study, chosen, treated)).collect(),
        note: (!said && !chosen.events.is_empty())
            .then(|| format!("not computable: no report says it ({})", kind.definition())),
    };
    if listing.total > MOST_IN_FILE {
        listing.note = Some(format!("the first {MOST_IN_FILE} of {} are listed", listing.total));
    }
    listing
}

impl Listing {
    /// No more than an output holds.
    pub(crate) fn shortened(&self) -> Self {
        let mut short = Self {
            total: self.total,
            reports: self.reports.iter().take(MOST_IN_OUTPUT).cloned().collect(),
            note: self.note.clone(),
        };
        if short.reports.len() < short.total {
            short.note = Some(format!(
                "the first {} of {} are listed; more are in the file",
                short.reports.len(),
                short.total
            ));
        }
        short
    }
}

fn listed(event: &Event, study: &Study, chosen: &Chosen, treated: &Treated) -> Listed {
    let (table, row) = (&study.adverse_events, event.row as usize);
    let text = |found: Option<&String>| found.cloned().unwrap_or_default();
    Listed {
        subject: text(study.subjects.id.get(event.subject as usize)),
        arm: text(treated.arms.get(event.arm as usize)),
        soc: text(chosen.terms.socs.get(event.soc as usize)),
        pt: text(chosen.terms.pts.get(event.term as usize).map(|(_, name)| name)),
        severity: text(chosen.terms.severities.get(event.severity as usize).map(|(_, name)| name)),
        serious: table.serious.get(row).copied().flatten(),
        related: table.related.get(row).copied().flatten(),
        start_day: table.start_day.get(row).copied().flatten(),
        end_day: table.end_day.get(row).copied().flatten(),
        outcome: table.outcome.get(row).map(str::to_owned),
        action: table.action.get(row).map(str::to_owned),
    }
}
