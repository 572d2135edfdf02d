//! The results.

use heddle_kit::document::{Document, Text};

use super::{Book, harms};
use crate::cohort::Entry;
use crate::publication::{
    design::{Guideline, Topic, told},
    say,
    sources::EndpointResult,
    tables::{Key, interactions},
};

/// Endpoints that are told in sentences; the table has all.
const MOST_TOLD: usize = 12;
/// Comparisons of an endpoint that are told in sentences.
const MOST_COMPARISONS: usize = 8;

pub(super) fn write(book: Book<'_>, document: &mut Document) {
    document.heading(1, "Results");
    let is_strobe = book.design.guideline == Guideline::Strobe;
    document.heading(2, if is_strobe { "Participants" } else { "Participant flow" });
    flow(book, document);
    recruitment(book, document);
    document.heading(2, "Baseline data");
    baseline(book, document);
    analysed(book, document);
    outcomes(book, document);
    ancillary(book, document);
    harms::write(book, document);
}

/// From the records received to the analyses, with the diagram.
pub(in crate::publication) fn flow(book: Book<'_>, document: &mut Document) {
    let (sources, design) = (book.sources, book.design);
    let flow = &sources.head.flow;
    let assigned: usize = flow.arms.iter().map(|arm| arm.subjects).sum();
    let outside = flow.without_arm + flow.unknown_arm;
    let left = flow.unreadable_records + flow.repeated_records;
    let mut words = format!(
        "{} received.",
        match flow.subject_records {
            1 => "1 subject record was".to_owned(),
            n => format!("{} subject records were", say::count(n)),
        }
    );
    if left > 0 {
        let mut why = Vec::new();
        if flow.unreadable_records > 0 {
            why.push(format!("{} could not be read", say::count(flow.unreadable_records)));
        }
        if flow.repeated_records > 0 {
            why.push(format!("{} repeated the id of an earlier record", say::count(flow.repeated_records)));
        }
        words.push_str(&format!(" {} left out: {}.", were(left), say::listed(&why)));
    }
    words.push_str(&format!(
        " {} of {}.",
        if left > 0 { "The others are" } else { "They are" },
        say::counted(flow.subjects, "subject", "subjects")
    ));
    if outside > 0 {
        let mut why = Vec::new();
        if flow.without_arm > 0 {
            why.push(format!("{} had no arm recorded", say::count(flow.without_arm)));
        }
        if flow.unknown_arm > 0 {
            why.push(format!("{} had an arm that is not in the protocol", say::count(flow.unknown_arm)));
        }
        words.push_str(&format!(" {} in no analysis: {}.", were(outside), say::listed(&why)));
    }
    words.push_str(&format!(" {} {}{}.", were(assigned), design.verb(), book.figures.see("flow")));
    document.paragraph(words);
    document.bullets(flow.arms.iter().take(20).map(|arm| {
        let follow = match (arm.completed, arm.discontinued) {
            (Some(done), Some(left)) => {
                format!("{} completed and {} discontinued the study", say::count(done), say::count(left))
            }
            _ => "completion of the study is not recorded".to_owned(),
        };
        Text::new().bold(format!("{}: ", arm.arm)).plain(format!(
            "{} {}; {follow}.",
            say::count(arm.subjects),
            design.verb()
        ))
    }));
    document.paragraph(format!(
        "Reasons for discontinuation and all exclusions with their reasons are tabulated{}.",
        book.tables.see_all(&[Key::Disposition, Key::Exclusions])
    ));
    document.paragraph(Text::new().placeholder(
        "investigator",
        "how many were assessed for eligibility and not enrolled, with reasons",
    ));
    if let Some(figure) = book.figures.find("flow") {
        document.figure(figure.picture());
    }
}

fn were(n: usize) -> String {
    format!("{} {}", say::count(n), if n == 1 { "was" } else { "were" })
}

/// Dates are not known here.
fn recruitment(book: Book<'_>, document: &mut Document) {
    document.heading(2, "Recruitment");
    document.paragraph(Text::from("Calendar dates are not passed on to the analyses, for privacy. ").then(
        told(
            book.sources,
            Topic::Recruitment,
            "sponsor",
            "dates of recruitment and follow-up, and why the study ended or was stopped",
        ),
    ));
}

/// Table 1, and how alike the arms are.
pub(in crate::publication) fn baseline(book: Book<'_>, document: &mut Document) {
    let (sources, design) = (book.sources, book.design);
    document.paragraph(format!(
        "Characteristics of {} are described by arm{}.",
        say::counted(sources.cohorts.n_subjects, "subject", "subjects"),
        book.tables.see(Key::Baseline)
    ));
    let balance = &sources.statistics.balance;
    if design.arms.len() > 1 {
        document.paragraph(match (balance.compared, balance.largest.value()) {
            (0, _) | (_, None) => "Standardised mean differences could not be computed.".to_owned(),
            (n, Some(largest)) => format!(
                "Of {}, {} exceeded 0.1 in size and {} exceeded 0.2; the largest was {}.",
                say::counted(n, "standardised mean difference", "standardised mean differences"),
                balance.above_0_1,
                balance.above_0_2,
                say::figure(largest)
            ),
        });
    }
    if sources.statistics.propensity.performed {
        let lead = match design.guideline {
            Guideline::ConsortUnconfirmed => "Whether the arms were assigned at random is not stated",
            _ => "The arms were not assigned at random",
        };
        document.paragraph(match unmatched(book) {
            Some(why) => format!("{lead}; {why}"),
            None => {
                format!(
                    "{lead}; matching by propensity score is tabulated{}.",
                    book.tables.see(Key::Matching)
                )
            }
        });
    }
    if let Some(item) = book.tables.main.iter().find(|item| item.key == Key::Baseline) {
        document.table(item.table());
    }
}

/// Why there is no matching of any arm, where it was tried in vain.
pub(super) fn unmatched(book: Book<'_>) -> Option<String> {
    let mut reasons: Vec<&str> = Vec::new();
    for entry in book.sources.statistics.propensity.by_arm.values() {
        match entry {
            Entry::Described(_) => return None,
            Entry::Missing { not_computable } if !reasons.contains(&not_computable.as_str()) => {
                reasons.push(not_computable);
            }
            Entry::Missing { .. } => {}
        }
    }
    let why = reasons.iter().take(3).map(|r| r.trim_start_matches("not computable: ").trim_end_matches('.'));
    let why: Vec<&str> = why.collect();
    Some(format!("matching by propensity score was tried and is not computable: {}.", why.join("; ")))
}

/// How the allocation fits the plan.
pub(in crate::publication) fn allocation(book: Book<'_>) -> String {
    let of = &book.sources.statistics.randomisation.allocation;
    match of.test.p.value() {
        Some(p) => format!(
            "Allocation against the planned ratio ({}): {}, {}.",
            of.ratio_from,
            of.test.name,
            say::p_equals("p", p)
        ),
        None => format!(
            "Allocation against the planned ratio: not computable: {}",
            say::sentence(of.test.p.reason().unwrap_or_default())
        ),
    }
}

/// Numbers analysed.
fn analysed(book: Book<'_>, document: &mut Document) {
    let (sources, design) = (book.sources, book.design);
    document.heading(2, "Numbers analysed");
    let mut items = Vec::new();
    for (name, population) in &sources.efficacy.populations {
        let arms: Vec<String> = design
            .arms
            .iter()
            .take(12)
            .map(|arm| format!("{arm} {}", say::count(population.n.get(arm).copied().unwrap_or(0))))
            .collect();
        items.push(
            Text::new()
                .bold(format!("{} analysis: ", say::capitalised(&crate::publication::flow::name(name))))
                .plain(format!("{} ({}).", arms.join(", "), population.who)),
        );
    }
    let safety: Vec<String> = sources
        .safety
        .population
        .arms
        .iter()
        .take(12)
        .map(|arm| format!("{arm} {}", say::count(sources.safety.safety.n.get(arm).copied().unwrap_or(0))))
        .collect();
    items.push(Text::new().bold("Safety analysis: ").plain(format!(
        "{} ({}).",
        safety.join(", "),
        sources.safety.population.by
    )));
    document.bullets(items);
    if let Some(primary) = sources.efficacy.primary().filter(|p| p.reason().is_none()) {
        let missing: u64 = primary.analysed.values().map(|a| a.missing).sum();
        let name = primary.primary_name();
        document.paragraph(match missing {
            0 => format!("Every subject of the population has a value of the {name}."),
            n => format!(
                "The {name} is missing for {} of the population, who are left out of its analysis.",
                say::counted(n as usize, "subject", "subjects")
            ),
        });
    }
    let lost = super::losses::without_covariate(book);
    if !lost.is_empty() {
        document.paragraph("Left out of adjusted analyses, because a covariate is missing:");
        document.bullets(lost);
    }
}

fn outcomes(book: Book<'_>, document: &mut Document) {
    let (sources, design) = (book.sources, book.design);
    document.heading(2, "Outcomes and estimation");
    let all: Vec<&EndpointResult> =
        sources.efficacy.all().into_iter().filter(|e| !e.is_exploratory()).collect();
    if all.is_empty() {
        document.paragraph("The protocol names no endpoint, and no result can be given.");
    }
    if !sources.efficacy.multiplicity.gate.is_empty() && design.arms.len() > 1 {
        document
            .paragraph(Text::new().bold("Multiplicity. ").plain(sources.efficacy.multiplicity.gate.as_str()));
    }
    for of in all.iter().take(MOST_TOLD) {
        endpoint(book, of, 3, document);
    }
    if all.len() > MOST_TOLD {
        document.paragraph(format!(
            "{} more endpoints are in the table{}.",
            say::count(all.len() - MOST_TOLD),
            book.tables.see(Key::Outcomes)
        ));
    }
    for key in [Key::Outcomes, Key::Survival] {
        if let Some(item) = book.tables.main.iter().find(|item| item.key == key) {
            document.table(item.table());
        }
    }
    if let Some(figure) = book.figures.main.iter().find(|f| f.key == "curves") {
        document.figure(figure.picture());
    }
}

/// An endpoint in sentences.
pub(in crate::publication) fn endpoint(
    book: Book<'_>,
    of: &EndpointResult,
    level: u8,
    document: &mut Document,
) {
    let design = book.design;
    document.heading(level, format!("{}: {}", say::capitalised(of.place()), of.label));
    if let Some(why) = of.reason() {
        document.paragraph(format!("Not computable: {}", say::sentence(why)));
        return;
    }
    let arms: Vec<String> = design
        .reference_first()
        .into_iter()
        .take(MOST_COMPARISONS + 1)
        .filter_map(|arm| {
            let found = of.analysed.get(arm)?;
            let mut missing = match found.missing {
                0 => String::new(),
                n => format!(", {} missing", say::count(n)),
            };
            if found.without_covariate > 0 {
                missing.push_str(&format!(", {} without covariate", say::count(found.without_covariate)));
            }
            Some(format!("{arm} (n = {}{missing}): {}", say::count(found.analysed), found.summary))
        })
        .collect();
    if !arms.is_empty() {
        document.paragraph(format!("{}.", arms.join(". ")));
    }
    let compared: Vec<_> = of.compared(&design.arms).collect();
    for comparison in compared.iter().take(MOST_COMPARISONS) {
        let benefit = comparison.direction_of_benefit.as_str();
        document.paragraph(format!(
            "{} {} {}",
            say::comparison(comparison, &design.level),
            say::sentence(benefit),
            say::verdict(of, comparison, design)
        ));
    }
    if compared.len() > MOST_COMPARISONS {
        document.paragraph(format!(
            "{} more comparisons are in the table{}.",
            say::count(compared.len() - MOST_COMPARISONS),
            book.tables.see(Key::Outcomes)
        ));
    }
    if compared.is_empty() {
        document.paragraph("There is no other arm to compare with; the results are described only.");
    }
    super::paragraphs(document, of.missing_data.iter().take(4).map(|m| say::sentence(m)));
    // Of the checks of other kinds only what bears on the interval above is told here; the supplement has all.
    let told = of.assumptions.iter().filter(|a| of.is_time() || a.contains("has no width"));
    super::paragraphs(document, told.take(4).map(|a| say::sentence(a)));
}

/// Tests of interaction in sentences.
pub(in crate::publication) fn subgroups(book: Book<'_>, document: &mut Document) {
    let found = interactions(book.sources);
    if found.is_empty() || book.design.arms.len() < 2 {
        document.paragraph(
            "There are no subgroup analyses: the protocol names no subgroups, or nothing can be compared.",
        );
        return;
    }
    document.paragraph(format!(
        "Subgroups were named in the protocol; their effects are those on the {}, and are exploratory{}; p-values of interaction are not \
         adjusted.",
        book.sources.efficacy.primary().map_or("primary outcome", EndpointResult::primary_name),
        match (book.figures.find("forest"), book.tables.find(Key::Subgroups)) {
            (Some(figure), Some(table)) => format!(" ({}, {})", figure.number, table.number),
            _ => book.tables.see(Key::Subgroups),
        }
    ));
    document.bullets(found.iter().take(20).map(|i| match i.p {
        Some(p) => format!("{}: {} ({}).", i.label, say::p_equals("interaction p", p), i.test),
        None => format!("{}: interaction not computable: {}", i.label, say::sentence(&i.reason)),
    }));
}

fn ancillary(book: Book<'_>, document: &mut Document) {
    document.heading(2, "Ancillary analyses");
    subgroups(book, document);
    if let Some(figure) = book.figures.main.iter().find(|f| f.key == "forest") {
        document.figure(figure.picture());
    }
    let exploratory: Vec<&EndpointResult> =
        book.sources.efficacy.all().into_iter().filter(|e| e.is_exploratory()).collect();
    if !exploratory.is_empty() {
        document.paragraph("Exploratory endpoints confirm nothing; they are marked as such.");
    }
    for of in exploratory.iter().take(MOST_TOLD) {
        endpoint(book, of, 3, document);
    }
    document.paragraph(format!("Sensitivity analyses are tabulated{}.", book.tables.see(Key::Sensitivity)));
}
