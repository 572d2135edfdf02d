//! What sections of the report are filled with, those on harms apart.

use heddle_kit::document::{Document, Text};

use crate::publication::{
    design::{Topic, told},
    manuscript::{Book, shared},
    say,
    sources::EndpointResult,
    tables::Key,
};

pub(super) fn table(book: Book<'_>, key: Key, document: &mut Document) {
    match book.tables.find(key) {
        Some(item) => {
            document.table(item.table());
        }
        None => {
            document.paragraph("There is no such table: the data hold nothing for it.");
        }
    }
}

pub(super) fn figure(book: Book<'_>, key: &str, document: &mut Document) {
    if let Some(shown) = book.figures.find(key) {
        document.figure(shown.picture());
    }
}

/// A reference to a section where something is shown in full.
pub(super) fn see(document: &mut Document, words: &str) {
    document.paragraph(words);
}

pub(super) fn title_page(book: Book<'_>, document: &mut Document) {
    let protocol = &book.sources.head.protocol;
    let known = [
        ("Study", protocol.study_id.clone().or_else(|| book.sources.head.study_id.clone())),
        ("Title", protocol.title.clone()),
        ("Phase", protocol.phase.clone()),
        ("Indication", protocol.indication.clone()),
        ("Design", protocol.design.clone()),
    ];
    document.bullets(known.into_iter().map(|(name, value)| {
        let lead = Text::new().bold(format!("{name}: "));
        match value {
            Some(value) => lead.plain(value),
            None => lead.placeholder("sponsor", "not in the protocol that was given"),
        }
    }));
    document.paragraph(Text::new().placeholder(
        "sponsor",
        "name of the product, sponsor, dates of first and last patient, investigators, responsible officer, statement of GCP, date of the report",
    ));
}

pub(super) fn synopsis(book: Book<'_>, document: &mut Document) {
    let summary = crate::publication::manuscript::summary(book);
    for (name, words) in [("Methods", &summary.methods), ("Results", &summary.results)] {
        document.paragraph(Text::new().bold(format!("{name}. ")).plain(words.as_str()));
    }
    document.paragraph(
        Text::new()
            .bold("Conclusions. ")
            .plain(summary.concluded.as_str())
            .plain(" ")
            .placeholder("medical writer", "overall conclusion"),
    );
}

pub(super) fn abbreviations(_: Book<'_>, document: &mut Document) {
    document.bullets([
        "AE: adverse event; SAE: serious adverse event",
        "ANCOVA: analysis of covariance",
        "CI: confidence interval",
        "CTCAE: Common Terminology Criteria for Adverse Events",
        "HR: hazard ratio",
        "PRR, ROR: proportional reporting ratio, reporting odds ratio",
        "PT, SOC: preferred term, system organ class (MedDRA)",
        "SD: standard deviation; SMD: standardised mean difference",
    ]);
    document.paragraph(Text::new().placeholder("medical writer", "further abbreviations"));
}

fn primary_words(primary: &EndpointResult) -> String {
    let label = primary.label.trim_end_matches('.');
    if primary.is_adopted() {
        format!("Endpoint taken as primary, as the protocol names none: {label}.")
    } else {
        format!("Primary endpoint: {label}.")
    }
}

pub(super) fn objectives(book: Book<'_>, document: &mut Document) {
    if let Some(primary) = book.sources.efficacy.primary() {
        document.paragraph(primary_words(primary));
    }
    document.paragraph(told(
        book.sources,
        Topic::Objectives,
        "sponsor",
        "objectives in the protocol's words",
    ));
}

pub(super) fn design(book: Book<'_>, document: &mut Document) {
    document.paragraph(say::sentence(&shared::design_words(book)));
    document.paragraph(
        Text::new().placeholder("sponsor", "diagram of the study's periods and schedule of assessments"),
    );
}

pub(super) fn assignment(book: Book<'_>, document: &mut Document) {
    let of = &book.sources.statistics.randomisation;
    document.paragraph(format!("{} {}", say::sentence(&of.evidence), say::sentence(&of.consequence)));
    if book.design.arms.len() > 1 {
        document.paragraph(shared::allocation(book));
    }
    document.paragraph(told(
        book.sources,
        Topic::Randomisation,
        "sponsor",
        "method of assignment, codes in appendix 16.1.7",
    ));
}

pub(super) fn variables(book: Book<'_>, document: &mut Document) {
    let all = book.sources.efficacy.all();
    document.bullets(all.iter().take(40).map(|e| format!("{}: {}.", say::capitalised(e.place()), e.label)));
    document.paragraph(
        Text::new()
            .placeholder("sponsor", "methods and schedule of measurements, definitions of adverse events"),
    );
}

pub(super) fn primary_variable(book: Book<'_>, document: &mut Document) {
    document.paragraph(match book.sources.efficacy.primary() {
        Some(primary) => primary_words(primary),
        None => "The protocol names no primary variable.".to_owned(),
    });
}

pub(super) fn quality(book: Book<'_>, document: &mut Document) {
    let quality = &book.sources.head.quality_metrics;
    let complete = quality.completeness_pct.map_or_else(
        || "the protocol requires no field".to_owned(),
        |pct| format!("required fields are {pct:.1}\u{a0}% complete"),
    );
    document.paragraph(format!(
        "Data validation read {}, {}, {} and {}; {complete}. Findings are in 10.2.",
        say::counted(quality.n_subject_records, "subject record", "subject records"),
        say::counted(quality.n_visits, "visit", "visits"),
        say::counted(quality.n_adverse_events, "adverse event", "adverse events"),
        say::counted(quality.n_labs, "laboratory value", "laboratory values"),
    ));
    document.paragraph(Text::new().placeholder("sponsor", "monitoring, training, audits"));
}

pub(super) fn statistics(book: Book<'_>, document: &mut Document) {
    shared::statistics(book, document);
    shared::multiplicity(book, document);
    shared::missing(book, document);
}

pub(super) fn statistics_again(_: Book<'_>, document: &mut Document) {
    see(
        document,
        "The methods are in 9.7.1; where each formula is from is said in statistical_analysis_plan_report.md.",
    );
}

pub(super) fn disposition(book: Book<'_>, document: &mut Document) {
    shared::flow(book, document);
    table(book, Key::Disposition, document);
}

pub(super) fn deviations(book: Book<'_>, document: &mut Document) {
    table(book, Key::Deviations, document);
    document.paragraph(
        Text::new().placeholder("sponsor", "which deviations are important, and their effect on the results"),
    );
}

pub(super) fn sets(book: Book<'_>, document: &mut Document) {
    shared::analysis_sets(book, document);
    see(document, "Numbers by arm are in 10.1.");
    document.bullets(shared::without_covariate(book));
}

pub(super) fn baseline(book: Book<'_>, document: &mut Document) {
    shared::baseline(book, document);
}

pub(super) fn efficacy(book: Book<'_>, document: &mut Document) {
    let all = book.sources.efficacy.all();
    if all.is_empty() {
        document.paragraph("The protocol names no endpoint, and no result can be given.");
    }
    for of in all.iter().take(12) {
        shared::endpoint(book, of, 4, document);
    }
    table(book, Key::Outcomes, document);
    figure(book, "curves", document);
}

/// What is said of the endpoints one after the other, each thing once.
fn of_endpoints(book: Book<'_>, said: impl Fn(&EndpointResult) -> Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for words in book.sources.efficacy.all().into_iter().flat_map(said) {
        if !all.contains(&words) {
            all.push(words);
        }
        if all.len() == 25 {
            break;
        }
    }
    all
}

pub(super) fn covariates(book: Book<'_>, document: &mut Document) {
    let found = of_endpoints(book, |e| {
        e.compared(&book.design.arms)
            .flat_map(|c| std::iter::once(&c.main).chain(&c.sensitivity))
            .filter(|t| t.measure.starts_with("adjusted"))
            .map(|t| format!("{}: {} ({}).", e.label, t.test, t.measure))
            .collect()
    });
    if found.is_empty() {
        document.paragraph("No analysis was adjusted for covariates.");
    }
    document.bullets(found);
}

pub(super) fn missing(book: Book<'_>, document: &mut Document) {
    shared::missing(book, document);
    let found = of_endpoints(book, |e| {
        e.missing_data.iter().take(4).map(|m| format!("{}: {}", e.label, say::sentence(m))).collect()
    });
    document.bullets(found);
}

pub(super) fn sites(book: Book<'_>, document: &mut Document) {
    let sites = &book.sources.statistics.randomisation.sites;
    document.paragraph(match sites.n {
        0 => "The data do not name sites.".to_owned(),
        n => {
            let test = match sites.test.p.value() {
                Some(p) => format!("allocation by site: {}, {}", sites.test.name, say::p_equals("p", p)),
                None => format!(
                    "allocation by site: not computable: {}",
                    sites.test.p.reason().unwrap_or_default().trim_end_matches('.')
                ),
            };
            format!(
                "{} (masked); {} had subjects of one arm only; {test}.",
                say::capitalised(&say::counted(n, "site", "sites")),
                say::count(sites.one_arm_only)
            )
        }
    });
    document.paragraph(Text::new().placeholder("statistician", "effects by site, which were not analysed"));
}

pub(super) fn multiplicity(book: Book<'_>, document: &mut Document) {
    if book.design.arms.len() < 2 {
        document.paragraph("Nothing is compared, so that no hypothesis is tested.");
    }
    shared::multiplicity(book, document);
    table(book, Key::Families, document);
}

pub(super) fn subset(book: Book<'_>, document: &mut Document) {
    let flow = &book.sources.head.flow;
    let outside: usize =
        flow.arms.iter().filter_map(|arm| arm.populations.get("efficacy")).map(|p| p.not_in_population).sum();
    document.paragraph(match outside {
        0 => "All subjects of the protocol's arms are in the efficacy population.".to_owned(),
        1 => "1 subject of the protocol's arms is not in the efficacy population; the reason is listed in 16.2.3.".to_owned(),
        n => format!(
            "{} subjects of the protocol's arms are not in the efficacy population; the reasons are listed in 16.2.3.",
            say::count(n)
        ),
    });
}

pub(super) fn subgroups(book: Book<'_>, document: &mut Document) {
    shared::subgroups(book, document);
    if book.tables.find(Key::Subgroups).is_some() {
        table(book, Key::Subgroups, document);
    }
    figure(book, "forest", document);
}

pub(super) fn efficacy_conclusions(book: Book<'_>, document: &mut Document) {
    document.paragraph(
        Text::from(crate::publication::manuscript::conclusion(book))
            .plain(" ")
            .placeholder("medical writer", "conclusions on efficacy"),
    );
}

pub(super) fn discussion(book: Book<'_>, document: &mut Document) {
    document.paragraph(crate::publication::manuscript::conclusion(book));
    document.bullets(shared::limitations(book));
    document.paragraph(
        Text::new().placeholder("medical writer", "discussion of efficacy, safety, benefit and risk"),
    );
}

pub(super) fn tables_demographic(_: Book<'_>, document: &mut Document) {
    see(
        document,
        "The table of baseline characteristics is in 11.2; every figure is in tables_package.xlsx.",
    );
}

pub(super) fn tables_efficacy(book: Book<'_>, document: &mut Document) {
    for key in [Key::Sensitivity, Key::Survival, Key::SurvivalAt, Key::Cox] {
        if book.tables.find(key).is_some() {
            table(book, key, document);
        }
    }
    if book.tables.find(Key::Sensitivity).is_none() {
        document.paragraph("There are no comparisons to tabulate.");
    }
}

pub(super) fn excluded(book: Book<'_>, document: &mut Document) {
    table(book, Key::Exclusions, document);
}
