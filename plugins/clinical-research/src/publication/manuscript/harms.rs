//! Harms.

use heddle_kit::document::{Document, Text};

use super::Book;
use crate::publication::{
    say,
    tables::{KINDS, Key},
};

/// The most tests without grades that are named.
const MOST_UNGRADED: usize = 12;

pub(super) fn write(book: Book<'_>, document: &mut Document) {
    document.heading(2, "Harms");
    exposure(book, document);
    events(book, document);
    for key in [Key::Overview, Key::CommonEvents] {
        if let Some(item) = book.tables.main.iter().find(|item| item.key == key) {
            document.table(item.table());
        }
    }
    deaths(book, document);
    labs(book, document);
    let caveats: Vec<String> = book.sources.safety.caveats.iter().map(|c| say::sentence(c)).collect();
    if !caveats.is_empty() {
        document.paragraph("What a reader of the safety results must bear in mind:");
        document.bullets(caveats);
    }
}

/// How long the arms were treated.
pub(in crate::publication) fn exposure(book: Book<'_>, document: &mut Document) {
    let safety = &book.sources.safety;
    let told: Vec<String> = safety
        .population
        .arms
        .iter()
        .take(12)
        .filter_map(|arm| {
            let of = safety.exposure.get(arm)?;
            Some(format!(
                "{arm} {} patient-years (mean {} days)",
                say::figure(of.patient_years?),
                say::figure(of.mean_days?)
            ))
        })
        .collect();
    if told.is_empty() {
        let why = safety
            .not_computable
            .get("exposure_patient_years")
            .map_or("no dates of treatment", String::as_str);
        document.paragraph(format!("Exposure: {}", say::sentence(why)));
    } else {
        document.paragraph(format!("Exposure: {}{}.", told.join("; "), book.tables.see(Key::Exposure)));
    }
}

/// How many had adverse events.
pub(in crate::publication) fn events(book: Book<'_>, document: &mut Document) {
    let safety = &book.sources.safety;
    let why = ["population", "adverse_events"].iter().find_map(|part| safety.not_computable.get(*part));
    if let Some(why) = why {
        document.paragraph(format!("Adverse events: {}", say::sentence(why)));
        return;
    }
    if safety.safety.overview.is_empty() {
        document.paragraph(
            "No adverse event of the analysis set is in the data, which does not mean that none happened.",
        );
        return;
    }
    let arms = &safety.population.arms;
    let mut items = Vec::new();
    for (kind, name) in KINDS {
        if let Some(why) = safety.not_computable.get(kind) {
            items.push(Text::new().bold(format!("{name}: ")).plain(say::sentence(why)));
            continue;
        }
        let Some(term) = safety.safety.overview.get(kind) else { continue };
        let told: Vec<String> = arms
            .iter()
            .take(8)
            .filter_map(|arm| {
                let of = term.incidence.get(arm)?;
                let n = safety.safety.n.get(arm)?;
                let pct = of.pct.map_or_else(String::new, |p| format!(" ({p:.1}\u{a0}%)"));
                Some(format!("{arm} {} of {}{pct}", say::count(of.subjects), say::count(*n)))
            })
            .collect();
        items.push(Text::new().bold(format!("{name}: ")).plain(format!("{}.", told.join(", "))));
    }
    document.paragraph(format!(
        "Subjects with at least one adverse event{}{}; by class and term{}:",
        book.tables.see(Key::Overview),
        match book.tables.find(Key::OverviewAgainst) {
            Some(item) => format!(", each arm against {} ({})", safety.population.reference_arm, item.number),
            None => String::new(),
        },
        book.tables.see(Key::Terms)
    ));
    document.bullets(items);
    let flagged = &safety.flagged_terms;
    if !flagged.is_empty() {
        let names: Vec<String> = flagged
            .iter()
            .take(10)
            .map(|f| format!("{} ({})", f.pt.as_deref().unwrap_or(f.soc.as_str()), f.arm))
            .collect();
        document.paragraph(format!(
            "Exploratory flags after adjustment for the number of terms (Benjamini and Hochberg): {}{}.",
            say::listed(&names),
            if flagged.len() > 10 { format!("; {} more", flagged.len() - 10) } else { String::new() }
        ));
    }
}

/// Deaths and discontinuations.
pub(in crate::publication) fn deaths(book: Book<'_>, document: &mut Document) {
    let safety = &book.sources.safety;
    match &safety.safety.deaths {
        Some(deaths) => {
            let told: Vec<String> = safety
                .population
                .arms
                .iter()
                .take(12)
                .map(|arm| format!("{arm} {}", say::count(deaths.get(arm).copied().unwrap_or(0))))
                .collect();
            document.paragraph(format!("Deaths as recorded for the subjects: {}.", told.join(", ")));
        }
        None => {
            let why =
                safety.not_computable.get("deaths").map_or("the data do not say who died", String::as_str);
            document.paragraph(format!("Deaths: {}", say::sentence(why)));
        }
    }
}

/// Laboratory values.
pub(in crate::publication) fn labs(book: Book<'_>, document: &mut Document) {
    let safety = &book.sources.safety;
    let labs = &safety.labs;
    if labs.by_test.is_empty() {
        let why =
            labs.not_computable.values().next().map_or("the data have no laboratory values", String::as_str);
        document.paragraph(format!("Laboratory values: {}", say::sentence(why)));
        return;
    }
    let arms = &safety.population.arms;
    let mut with: Vec<(u64, String)> = labs
        .by_test
        .iter()
        .map(|(code, test)| {
            let told: Vec<String> = arms
                .iter()
                .take(8)
                .map(|arm| {
                    let n = test.grade3_4_subjects.get(arm).copied().unwrap_or(0);
                    format!("{arm} {} of {}", n, test.graded_subjects.get(arm).copied().unwrap_or(0))
                })
                .collect();
            (test.grade3_4_subjects.values().sum(), format!("{code}: {}.", told.join(", ")))
        })
        .filter(|(n, _)| *n > 0)
        .collect();
    with.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let ungraded = labs.ungraded();
    let tests = match labs.by_test.len() {
        1 => "1 laboratory test was recorded".to_owned(),
        n => format!("{} laboratory tests were recorded", say::count(n)),
    };
    if ungraded.len() == labs.by_test.len() {
        document.paragraph(format!(
            "{tests}; no value after baseline has a usable grade, so that values of grade 3 or 4 were not assessed{}.",
            book.tables.see(Key::Labs)
        ));
    } else if with.is_empty() {
        document.paragraph(format!(
            "{tests}; no worst grade after baseline was 3 or 4 {}{}.",
            if ungraded.is_empty() {
                "among graded subjects".to_owned()
            } else {
                format!("in the {} of them with grades", say::count(labs.by_test.len() - ungraded.len()))
            },
            book.tables.see(Key::Labs)
        ));
    } else {
        document.paragraph(format!(
            "Laboratory values of grade 3 or 4 after baseline, among graded subjects{}:",
            book.tables.see(Key::Labs)
        ));
        document.bullets(with.into_iter().take(12).map(|(_, words)| words));
    }
    if !ungraded.is_empty() && ungraded.len() < labs.by_test.len() {
        let more = ungraded.len().saturating_sub(MOST_UNGRADED);
        let mut named: Vec<String> = ungraded.iter().take(MOST_UNGRADED).cloned().collect();
        if more > 0 {
            named.push(format!("{} more", say::count(more)));
        }
        document
            .paragraph(format!("Not assessed for grades, as none are recorded: {}.", say::listed(&named)));
    }
    if let Some(words) = labs.impossible_grades() {
        document.paragraph(say::sentence(&words));
    }
    let hys: Vec<String> = arms
        .iter()
        .filter_map(|arm| labs.hys_law.get(arm).map(|law| (arm, law)))
        .filter_map(|(arm, law)| Some(format!("{arm} {} of {}", law.hys_law_candidates?, law.assessed)))
        .collect();
    if !hys.is_empty() {
        document.paragraph(format!("Candidates for Hy's law: {}.", hys.join(", ")));
    }
}
