//! `supplementary_materials.pdf`.

use heddle_kit::document::{Document, Meta, Text};

use super::{
    figures,
    manuscript::{Book, shared},
    say,
    tables::{Item, Key},
};

/// Sections of tables: heading, and the tables below it.
const SECTIONS: [(&str, &[Key]); 5] = [
    ("Participants, exclusions and deviations", &[Key::Disposition, Key::Exclusions, Key::Deviations]),
    ("Baseline and balance", &[Key::Matching]),
    (
        "Efficacy: further analyses",
        &[Key::Sensitivity, Key::Families, Key::Subgroups, Key::SurvivalAt, Key::Cox],
    ),
    ("Harms: further tables", &[Key::Exposure, Key::Terms, Key::SeriousEvents, Key::Signals]),
    ("Laboratory values", &[Key::Labs, Key::LabChanges]),
];

/// Write it. Its tables and figures have numbers with an S, in the catalogue's order.
pub(super) fn write(book: Book<'_>, meta: Meta) -> Document {
    let mut document = Document::new(meta);
    document.number_prefix("S");
    document.paragraph(
        "Supplement to manuscript.md. All figures are computed from the validated data under masked ids; long tables show their first rows, \
         and say where all of them are.",
    );
    document.heading(1, "Detailed methods");
    document.heading(2, "Assignment to arms");
    let of = &book.sources.statistics.randomisation;
    document.paragraph(format!("{} {}", say::sentence(&of.evidence), say::sentence(&of.consequence)));
    if book.design.arms.len() > 1 {
        document.paragraph(shared::allocation(book));
        let propensity = &book.sources.statistics.propensity;
        document.paragraph(format!("Propensity scores: {}", say::sentence(&propensity.reason)));
    }
    document.heading(2, "Statistical methods");
    shared::analysis_sets(book, &mut document);
    shared::statistics(book, &mut document);
    shared::multiplicity(book, &mut document);
    shared::missing(book, &mut document);
    assumptions(book, &mut document);
    tables(book, &mut document);
    document.heading(1, "Further figures");
    for shown in &book.figures.supplement {
        document.figure(shown.picture());
    }
    document.bullets(figures::absent(book.figures));
    document
}

fn assumptions(book: Book<'_>, document: &mut Document) {
    let all: Vec<Text> = book
        .sources
        .efficacy
        .all()
        .into_iter()
        .take(25)
        .flat_map(|e| {
            let label = e.label.clone();
            e.assumptions
                .iter()
                .chain(&e.missing_data)
                .take(10)
                .map(move |words| Text::new().bold(format!("{label}: ")).plain(say::sentence(words)))
        })
        .collect();
    if !all.is_empty() {
        document.heading(2, "Checks of assumptions and of missing data");
        document.bullets(all);
    }
}

/// The supplement's tables in the catalogue's order, each section before the first of its tables.
fn tables(book: Book<'_>, document: &mut Document) {
    let mut section = "";
    for item in &book.tables.supplement {
        let heading = SECTIONS
            .iter()
            .find(|(_, keys)| keys.contains(&item.key.lead()))
            .map_or("Further tables", |s| s.0);
        if heading != section {
            section = heading;
            document.heading(1, heading);
        }
        place(document, item);
    }
}

fn place(document: &mut Document, item: &Item) {
    document.table(item.table());
}
