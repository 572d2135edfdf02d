//! Title, abstract and introduction.

use heddle_kit::document::{Document, Text};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Book, conclusion::conclusion};
use crate::publication::{
    design::{Topic, said, told},
    say,
    sources::EndpointResult,
};

/// The most comparisons of the abstract.
const MOST_COMPARISONS: usize = 6;

/// The structured abstract: what is computed as text, what is not as placeholders.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Abstract {
    /// Why the study was done.
    pub background: String,
    /// Design, participants, outcome and analysis.
    pub methods: String,
    /// Numbers, the primary outcome and harms.
    pub results: String,
    /// What follows, as far as the data say it.
    pub conclusions: String,
    /// Registration and funding.
    pub other: String,
    /// The conclusions without their placeholder.
    #[serde(skip)]
    pub(in crate::publication) concluded: String,
    #[serde(skip)]
    parts: Vec<(&'static str, Text)>,
}

impl Abstract {
    pub(super) fn write(&self, document: &mut Document) {
        document.heading(1, "Abstract");
        for (name, text) in &self.parts {
            document.paragraph(Text::new().bold(format!("{name}. ")).then(text.clone()));
        }
    }
}

/// The title's page.
pub(super) fn title(book: Book<'_>, document: &mut Document) {
    let design = book.design;
    document.paragraph(
        Text::new()
            .bold("Authors. ")
            .placeholder("authors", "names, affiliations, corresponding author, contributions (ICMJE)"),
    );
    document.paragraph(Text::new().bold("Design. ").plain(say::sentence(&design_words(book))));
    document.paragraph(
        Text::new()
            .bold("How this draft was made. ")
            .plain(
                "All figures are computed from the validated data, by the phases before this one, and are repeated here without change. The \
                 text around them was composed from templates; no model wrote any of it. What only a person can write is marked. ",
            )
            .plain(design.guideline.reason(design.arms.len())),
    );
}

/// The design in words, from the protocol where it has any.
pub(in crate::publication) fn design_words(book: Book<'_>) -> String {
    let protocol = &book.sources.head.protocol;
    let mut words = say::capitalised(&book.design.kind());
    if let Some(design) = &protocol.design {
        words.push_str(&format!("; the protocol calls it: {}", design.trim_end_matches('.')));
    }
    if let Some(phase) = &protocol.phase {
        words.push_str(&format!("; phase {phase}"));
    }
    words
}

/// The arms in a sentence.
fn arms(book: Book<'_>) -> String {
    let design = book.design;
    match design.arms.len() {
        0 => "No arm is known.".to_owned(),
        1 => format!("All subjects were in one arm, {}.", say::listed(&design.arms)),
        n if n <= 8 => {
            format!("The arms were {}; {} is the reference.", say::listed(&design.arms), design.reference)
        }
        n => format!("There were {n} arms; {} is the reference.", design.reference),
    }
}

fn primary_words(endpoint: Option<&EndpointResult>) -> String {
    match endpoint {
        Some(primary) if primary.is_adopted() => format!(
            "The protocol names no primary outcome; its first time to an event was taken as primary: {}.",
            primary.label.trim_end_matches('.')
        ),
        Some(primary) => format!("The primary outcome was: {}.", primary.label.trim_end_matches('.')),
        None => "The protocol names no primary outcome.".to_owned(),
    }
}

/// The abstract.
pub(in crate::publication) fn summary(book: Book<'_>) -> Abstract {
    let background = background(book);
    let methods = methods(book);
    let results = results(book);
    let conclusions = Text::from(conclusion(book))
        .plain(" ")
        .placeholder("authors", "interpretation in one or two sentences, no stronger than the results above");
    let other = Text::new()
        .plain("Registration: ")
        .then(told(book.sources, Topic::Registration, "sponsor", "name of the registry and number"))
        .plain(" Funding: ")
        .then(told(book.sources, Topic::Funding, "sponsor", "source of funding"));
    let parts = vec![
        ("Background", background),
        ("Methods", methods.into()),
        ("Results", results.into()),
        ("Conclusions", conclusions),
        ("Registration and funding", other),
    ];
    let text = |at: usize| parts.get(at).map_or_else(String::new, |(_, text)| text.plain_text());
    Abstract {
        background: text(0),
        methods: text(1),
        results: text(2),
        conclusions: text(3),
        other: text(4),
        concluded: conclusion(book),
        parts,
    }
}

fn background(book: Book<'_>) -> Text {
    let indication = book.sources.head.protocol.indication.as_deref();
    let lead =
        indication.map_or_else(String::new, |what| format!("Indication: {}. ", what.trim_end_matches('.')));
    Text::from(lead).then(told(book.sources, Topic::Background, "authors", "one sentence of background"))
}

fn methods(book: Book<'_>) -> String {
    let (sources, design) = (book.sources, book.design);
    let mut words = format!("{} {} ", say::sentence(&design_words(book)), arms(book));
    let primary = sources.efficacy.primary();
    words.push_str(&primary_words(primary));
    if let Some(first) = primary.and_then(|p| p.compared(&design.arms).next()) {
        words.push_str(&format!(
            " It was compared by: {}; {} confidence intervals; two-sided level {}.",
            first.main.test,
            design.level,
            say::percent(design.alpha)
        ));
        if primary.is_some_and(|p| p.comparisons.len() > 1) {
            words.push_str(" P-values of the primary comparisons were adjusted by Holm's procedure.");
        }
    } else if design.arms.len() == 1 {
        words.push_str(" Results are described, and nothing is compared.");
    }
    words
}

fn results(book: Book<'_>) -> String {
    let (sources, design) = (book.sources, book.design);
    let flow = &sources.head.flow;
    let assigned: usize = flow.arms.iter().map(|arm| arm.subjects).sum();
    let by_arm: Vec<String> =
        flow.arms.iter().take(8).map(|arm| format!("{} {}", arm.arm, say::count(arm.subjects))).collect();
    let mut parts = vec![match design.arms.len() {
        0 => format!("{} had no arm.", say::capitalised(&say::counted(flow.subjects, "subject", "subjects"))),
        1 => format!("{} included.", were(assigned)),
        _ if flow.arms.len() > 8 => format!("{} {}.", were(assigned), design.verb()),
        _ => format!("{} {} ({}).", were(assigned), design.verb(), by_arm.join(", ")),
    }];
    parts.extend(primary_results(book));
    parts.push(harm(book));
    parts.join(" ")
}

fn were(n: usize) -> String {
    format!("{} {}", say::counted(n, "subject", "subjects"), if n == 1 { "was" } else { "were" })
}

fn primary_results(book: Book<'_>) -> Vec<String> {
    let (sources, design) = (book.sources, book.design);
    let Some(primary) = sources.efficacy.primary() else {
        return vec!["There is no primary result, as the protocol names no primary outcome.".to_owned()];
    };
    if let Some(why) = primary.reason() {
        return vec![format!("The {} is not computable: {}", primary.primary_name(), say::sentence(why))];
    }
    let name = say::capitalised(primary.primary_name());
    let mut parts = Vec::new();
    if primary.comparisons.is_empty() {
        for arm in design.arms.iter().take(MOST_COMPARISONS) {
            if let Some(found) = primary.analysed.get(arm) {
                parts.push(format!("{name}, {arm}: {} (n = {}).", found.summary, say::count(found.analysed)));
            }
        }
    }
    let compared: Vec<_> = primary.compared(&design.arms).collect();
    for of in compared.iter().take(MOST_COMPARISONS) {
        parts.push(format!("{name}: {}", say::comparison(of, &design.level)));
        parts.extend(of.caution.as_deref().map(say::sentence));
        parts.push(say::verdict(primary, of, design));
    }
    if compared.len() > MOST_COMPARISONS {
        parts.push(format!(
            "{} more comparisons are in the results.",
            say::capitalised(&say::count(compared.len() - MOST_COMPARISONS))
        ));
    }
    // The same verdict of several comparisons is said once, behind the last of them.
    let mut at = 0;
    while at < parts.len() {
        let is_repeated = parts.get(at).is_some_and(|part| {
            part.starts_with("The hypothesis") && parts.iter().skip(at + 1).any(|later| later == part)
        });
        if is_repeated {
            parts.remove(at);
        } else {
            at += 1;
        }
    }
    parts
}

fn harm(book: Book<'_>) -> String {
    let safety = &book.sources.safety;
    if let Some(why) =
        safety.not_computable.get("adverse_events").or_else(|| safety.not_computable.get("population"))
    {
        return format!("Harms: {}", say::sentence(why));
    }
    if !safety.safety.overview.contains_key("any") {
        return "Harms: no adverse events are in the data.".to_owned();
    }
    let share = |kind: &str| -> Option<String> {
        let term = safety.safety.overview.get(kind)?;
        let arms: Vec<String> = safety
            .population
            .arms
            .iter()
            .take(8)
            .filter_map(|arm| {
                let of = term.incidence.get(arm)?;
                let n = safety.safety.n.get(arm)?;
                Some(format!("{} of {} in {arm}", say::count(of.subjects), say::count(*n)))
            })
            .collect();
        Some(arms.join(", "))
    };
    let mut words = format!("Harms: adverse events in {}", share("any").unwrap_or_default());
    let serious = share("serious").filter(|_| !safety.not_computable.contains_key("serious"));
    if let Some(serious) = serious {
        words.push_str(&format!("; serious ones in {serious}"));
    }
    words.push('.');
    words
}

/// Background and objectives.
pub(super) fn introduction(book: Book<'_>, document: &mut Document) {
    let sources = book.sources;
    document.heading(1, "Introduction");
    document.heading(2, "Background");
    document.paragraph(told(
        sources,
        Topic::Background,
        "authors",
        "scientific background and explanation of the rationale, with references to the evidence so far",
    ));
    document.heading(2, "Objectives");
    let objective = match (said(sources, Topic::Objectives), sources.efficacy.primary()) {
        (Some(words), _) => Text::from(format!("The protocol says: {words}")),
        (None, Some(primary)) if book.design.arms.len() > 1 => Text::from(format!(
            "{} compare the other arms with {} in: {}. ",
            if primary.is_adopted() {
                "The protocol states no objective and names no primary endpoint. By its first time to an event, which was taken as primary, \
                 the analysis was to"
            } else {
                "By the protocol's primary endpoint, the objective was to"
            },
            book.design.reference,
            primary.label.trim_end_matches('.')
        ))
        .placeholder("authors", "specific objectives or hypotheses in the protocol's words"),
        _ => Text::new().placeholder("authors", "specific objectives or hypotheses"),
    };
    document.paragraph(objective);
}
