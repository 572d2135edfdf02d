//! The sections on harms.

use heddle_kit::document::{Document, Text};

use super::fill::{figure, see, table};
use crate::publication::{
    manuscript::{Book, shared},
    say,
    tables::Key,
};

pub(super) fn exposure(book: Book<'_>, document: &mut Document) {
    shared::exposure(book, document);
    if book.tables.find(Key::Exposure).is_some() {
        table(book, Key::Exposure, document);
    }
}

pub(super) fn events(book: Book<'_>, document: &mut Document) {
    shared::events(book, document);
}

pub(super) fn event_display(book: Book<'_>, document: &mut Document) {
    table(book, Key::Overview, document);
    table(book, Key::CommonEvents, document);
}

pub(super) fn event_analysis(book: Book<'_>, document: &mut Document) {
    see(document, "Classes and terms with their comparisons are in 14.3.1.");
    document.bullets(book.sources.safety.caveats.iter().map(|c| say::sentence(c)));
    if let Some(causality) = &book.sources.events.causality {
        document.paragraph(format!(
            "Causality: {} {}",
            say::sentence(&causality.scale),
            say::sentence(&causality.statement)
        ));
    }
    document.paragraph(
        Text::new().placeholder("medical writer", "relation to dose, time, age, sex and other factors"),
    );
}

pub(super) fn serious(_: Book<'_>, document: &mut Document) {
    see(document, "Serious reports under masked ids are in 14.3.2.");
}

pub(super) fn deaths(book: Book<'_>, document: &mut Document) {
    shared::deaths(book, document);
    document.paragraph(Text::new().placeholder("investigator", "discussion of deaths and serious events"));
}

pub(super) fn labs(book: Book<'_>, document: &mut Document) {
    shared::labs(book, document);
    if book.tables.find(Key::Labs).is_some() {
        table(book, Key::Labs, document);
    }
    document.paragraph(Text::new().placeholder("medical writer", "changes that matter to single patients"));
}

pub(super) fn safety_conclusions(_: Book<'_>, document: &mut Document) {
    document.paragraph(
        Text::new().placeholder("medical writer", "conclusions on safety; none is drawn by computation"),
    );
}

pub(super) fn tables_events(book: Book<'_>, document: &mut Document) {
    table(book, Key::Terms, document);
    for item in book.tables.with_followers(Key::Terms).filter(|item| item.key != Key::Terms) {
        document.table(item.table());
    }
    figure(book, "safety", document);
}

pub(super) fn tables_serious(book: Book<'_>, document: &mut Document) {
    match book.tables.find(Key::SeriousEvents) {
        Some(_) => table(book, Key::SeriousEvents, document),
        None => {
            document.paragraph("No serious report is in the data.");
        }
    }
}

pub(super) fn tables_labs(book: Book<'_>, document: &mut Document) {
    match book.tables.find(Key::LabChanges) {
        Some(_) => {
            document.paragraph("Values of single patients are not listed; the mean changes by visit are:");
            table(book, Key::LabChanges, document);
        }
        None => {
            document.paragraph("The data have no laboratory values by visit.");
        }
    }
}
