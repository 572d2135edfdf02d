//! The manuscript: the sections of CONSORT 2010, or of STROBE where nothing was randomised.

mod checklist;
mod closing;
mod conclusion;
mod front;
mod harms;
mod losses;
mod methods;
mod results;

use heddle_kit::document::{Document, Meta, Text};

use super::{design::Design, figures::Gallery, sources::Sources, tables::Catalogue};
pub use checklist::{Entry, State};
pub(super) use conclusion::conclusion;
pub use front::Abstract;
pub(super) use front::summary;

/// What all sections are written from.
#[derive(Clone, Copy)]
pub(super) struct Book<'b> {
    pub(super) sources: &'b Sources,
    pub(super) design: &'b Design,
    pub(super) tables: &'b Catalogue,
    pub(super) figures: &'b Gallery,
}

/// The manuscript with what is told of it beside the text.
pub(super) struct Manuscript {
    pub(super) document: Document,
    pub(super) summary: Abstract,
    pub(super) checklist: Vec<Entry>,
}

/// Write it.
pub(super) fn write(book: Book<'_>, meta: Meta) -> Manuscript {
    let summary = summary(book);
    let checklist = checklist::entries(book);
    let mut document = Document::new(meta);
    front::title(book, &mut document);
    summary.write(&mut document);
    front::introduction(book, &mut document);
    methods::write(book, &mut document);
    results::write(book, &mut document);
    closing::discussion(book, &mut document);
    closing::other(book, &mut document);
    checklist::write(book, &checklist, &mut document);
    Manuscript { document, summary, checklist }
}

/// The sections that other documents share with the manuscript.
pub(super) mod shared {
    pub(in crate::publication) use super::{
        closing::limitations,
        front::design_words,
        harms::{deaths, events, exposure, labs},
        losses::without_covariate,
        methods::{analysis_sets, missing, multiplicity, statistics},
        results::{allocation, baseline, endpoint, flow, subgroups},
    };
}

/// Paragraphs one after the other.
pub(super) fn paragraphs(document: &mut Document, texts: impl IntoIterator<Item = String>) {
    for text in texts {
        document.paragraph(Text::from(text));
    }
}
