//! The checklist of the guideline: where each item is, or who must supply it.

use heddle_kit::document::{Column, Document, Table};
use schemars::JsonSchema;
use serde::Serialize;

use super::Book;
use crate::publication::design::{Guideline, Topic, said};

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Filled from computed results.
    Computed,
    /// Filled from the protocol.
    FromProtocol,
    /// In part; the rest is for a person.
    InPart,
    /// For a person to supply.
    ForAPerson,
    /// Does not apply here.
    NotApplicable,
}

impl State {
    fn words(self) -> &'static str {
        match self {
            Self::Computed => "filled from the results",
            Self::FromProtocol => "filled from the protocol",
            Self::InPart => "in part; a person must complete it",
            Self::ForAPerson => "a person must supply it",
            Self::NotApplicable => "does not apply",
        }
    }
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entry {
    /// The guideline's number: "12a".
    pub item: String,
    /// What it asks for, in few words.
    pub topic: String,
    /// The section.
    pub place: String,
    /// How it stands.
    pub state: State,
}

/// What decides how an item stands.
#[derive(Clone, Copy)]
enum By {
    Is(State),
    /// Filled if the protocol says something of it.
    Protocol(Topic),
    /// Partly filled always.
    Part,
}

type Item = (&'static str, &'static str, &'static str, By);

const COMPUTED: By = By::Is(State::Computed);
const PERSON: By = By::Is(State::ForAPerson);

/// CONSORT 2010 (Schulz, Altman and Moher 2010, BMJ 340:c332).
const CONSORT: &[Item] = &[
    ("1a", "Title tells that the trial is randomised", "Title", By::Part),
    ("1b", "Structured abstract", "Abstract", By::Part),
    ("2a", "Background and rationale", "Introduction, Background", By::Protocol(Topic::Background)),
    ("2b", "Objectives or hypotheses", "Introduction, Objectives", By::Protocol(Topic::Objectives)),
    ("3a", "Design and allocation ratio", "Methods, Trial design", By::Part),
    ("3b", "Changes of methods after the start", "Methods, Trial design", By::Protocol(Topic::Changes)),
    ("4a", "Eligibility", "Methods, Participants", By::Protocol(Topic::Eligibility)),
    ("4b", "Settings and locations", "Methods, Participants", By::Protocol(Topic::Settings)),
    ("5", "Interventions", "Methods, Interventions", By::Protocol(Topic::Interventions)),
    ("6a", "Outcomes, with how and when assessed", "Methods, Outcomes", By::Part),
    ("6b", "Changes of outcomes after the start", "Methods, Outcomes", PERSON),
    ("7a", "Sample size", "Methods, Sample size", By::Protocol(Topic::SampleSize)),
    ("7b", "Interim analyses and stopping", "Methods, Sample size", By::Protocol(Topic::Interim)),
    ("8a", "Random sequence: method", "Methods, Randomisation", By::Protocol(Topic::Randomisation)),
    (
        "8b",
        "Random sequence: type and restriction",
        "Methods, Randomisation",
        By::Protocol(Topic::Randomisation),
    ),
    ("9", "Concealment of the allocation", "Methods, Randomisation", By::Protocol(Topic::Concealment)),
    (
        "10",
        "Who generated, enrolled, assigned",
        "Methods, Randomisation",
        By::Protocol(Topic::Implementation),
    ),
    ("11a", "Who was blinded", "Methods, Blinding", By::Protocol(Topic::Blinding)),
    ("11b", "Similarity of interventions", "Methods, Blinding", By::Protocol(Topic::Blinding)),
    ("12a", "Statistical methods of the main outcomes", "Methods, Statistical methods", COMPUTED),
    ("12b", "Methods of further analyses", "Methods, Statistical methods", COMPUTED),
    ("13a", "Flow: assigned, treated, analysed", "Results, Participant flow", By::Part),
    ("13b", "Losses and exclusions with reasons", "Results, Participant flow; supplement", COMPUTED),
    ("14a", "Dates of recruitment and follow-up", "Results, Recruitment", By::Protocol(Topic::Recruitment)),
    ("14b", "Why the trial ended or was stopped", "Results, Recruitment", By::Protocol(Topic::Recruitment)),
    ("15", "Baseline table", "Results, Baseline data", COMPUTED),
    ("16", "Numbers analysed", "Results, Numbers analysed", COMPUTED),
    ("17a", "Estimates with intervals", "Results, Outcomes and estimation", COMPUTED),
    (
        "17b",
        "Absolute and relative effects of binary outcomes",
        "Results; supplement, sensitivity analyses",
        COMPUTED,
    ),
    (
        "18",
        "Subgroups and adjusted analyses, exploratory ones marked",
        "Results, Ancillary analyses",
        COMPUTED,
    ),
    ("19", "Harms", "Results, Harms", COMPUTED),
    ("20", "Limitations", "Discussion, Limitations", By::Part),
    ("21", "Generalisability", "Discussion, Generalisability", PERSON),
    ("22", "Interpretation", "Discussion, Interpretation", PERSON),
    ("23", "Registration", "Other information, Registration", By::Protocol(Topic::Registration)),
    ("24", "Protocol", "Other information, Protocol", By::Protocol(Topic::ProtocolAccess)),
    ("25", "Funding", "Other information, Funding", By::Protocol(Topic::Funding)),
];

/// STROBE for cohort studies (von Elm et al. 2007, Lancet 370).
const STROBE: &[Item] = &[
    ("1", "Title and abstract name the design", "Title, Abstract", By::Part),
    ("2", "Background and rationale", "Introduction, Background", By::Protocol(Topic::Background)),
    ("3", "Objectives", "Introduction, Objectives", By::Protocol(Topic::Objectives)),
    ("4", "Study design", "Methods, Study design", By::Part),
    (
        "5",
        "Setting, locations, dates",
        "Methods, Participants; Results, Recruitment",
        By::Protocol(Topic::Settings),
    ),
    (
        "6",
        "Participants: eligibility, selection, follow-up",
        "Methods, Participants",
        By::Protocol(Topic::Eligibility),
    ),
    ("7", "Variables", "Methods, Variables and outcomes", By::Part),
    ("8", "Sources of data and measurement", "Methods, Variables and outcomes", PERSON),
    ("9", "Bias", "Methods, Assignment to treatment", By::Part),
    ("10", "Study size", "Methods, Study size", By::Protocol(Topic::SampleSize)),
    ("11", "Quantitative variables", "Methods, Statistical methods", COMPUTED),
    (
        "12",
        "Statistical methods: confounding, subgroups, missing data",
        "Methods, Statistical methods",
        COMPUTED,
    ),
    ("13", "Participants at each stage, with a flow diagram", "Results, Participants", By::Part),
    ("14", "Descriptive data and missing values", "Results, Baseline data", COMPUTED),
    ("15", "Outcome data", "Results, Outcomes and estimation", COMPUTED),
    ("16", "Main results with intervals", "Results, Outcomes and estimation", COMPUTED),
    ("17", "Other analyses", "Results, Ancillary analyses", COMPUTED),
    ("18", "Key results", "Discussion, Key results", By::Part),
    ("19", "Limitations", "Discussion, Limitations", By::Part),
    ("20", "Interpretation", "Discussion, Interpretation", PERSON),
    ("21", "Generalisability", "Discussion, Generalisability", PERSON),
    ("22", "Funding", "Other information, Funding", By::Protocol(Topic::Funding)),
];

/// The items, as they stand in this manuscript.
pub(super) fn entries(book: Book<'_>) -> Vec<Entry> {
    let items = match book.design.guideline {
        Guideline::Strobe => STROBE,
        Guideline::Consort | Guideline::ConsortUnconfirmed => CONSORT,
    };
    let of = |(item, topic, place, by): &Item| Entry {
        item: (*item).to_owned(),
        topic: (*topic).to_owned(),
        place: (*place).to_owned(),
        state: exception(book, item).unwrap_or(match by {
            By::Is(state) => *state,
            By::Part => State::InPart,
            By::Protocol(topic) if said(book.sources, *topic).is_some() => State::FromProtocol,
            By::Protocol(_) => State::ForAPerson,
        }),
    };
    items.iter().map(of).collect()
}

/// Items whose results there are none of.
fn exception(book: Book<'_>, item: &str) -> Option<State> {
    let sources = book.sources;
    if book.design.guideline == Guideline::Strobe {
        let nothing =
            ["15", "16"].contains(&item) && sources.efficacy.primary().is_none_or(|p| p.reason().is_some());
        return nothing.then_some(State::ForAPerson);
    }
    let has_binary = sources.efficacy.endpoints.iter().any(|e| e.kind == "binary");
    match item {
        "17a" if sources.efficacy.primary().is_none_or(|p| p.reason().is_some()) => Some(State::ForAPerson),
        "17b" if !has_binary => Some(State::NotApplicable),
        "19" if sources.safety.safety.overview.is_empty() => Some(State::ForAPerson),
        _ => None,
    }
}

/// The checklist as the manuscript's last section.
pub(super) fn write(book: Book<'_>, entries: &[Entry], document: &mut Document) {
    let name = book.design.guideline.name();
    document.page_break();
    document.heading(1, format!("{name} checklist"));
    document.paragraph(book.design.guideline.reason(book.design.arms.len()));
    let mut table = Table::new(format!("{name} items: where they are, and what a person must supply"))
        .columns([Column::left("Item"), Column::left("What"), Column::left("Where"), Column::left("State")]);
    for entry in entries {
        table =
            table.row([entry.item.as_str(), entry.topic.as_str(), entry.place.as_str(), entry.state.words()]);
    }
    document.table(table);
}
