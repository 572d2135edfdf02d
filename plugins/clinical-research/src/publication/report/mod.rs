//! `csr_shell.docx`: the shell of a clinical study report with the sections of ICH E3 (1995, "Structure and content of clinical study
//! reports"), filled where results were computed, and with the summaries of efficacy and of safety (ISE, ISS).

mod contents;
mod fill;
mod harms;
mod integrated;

use heddle_kit::document::{Document, Meta, Text};

use self::contents::{Fill, SECTIONS};
use super::{manuscript::Book, tables::Key};

/// The tables in the order of the sections that show them.
const TABLES: [Key; 18] = [
    Key::Disposition,
    Key::Deviations,
    Key::Baseline,
    Key::Outcomes,
    Key::Families,
    Key::Subgroups,
    Key::Exposure,
    Key::Overview,
    Key::CommonEvents,
    Key::Labs,
    Key::Sensitivity,
    Key::Survival,
    Key::SurvivalAt,
    Key::Cox,
    Key::Terms,
    Key::SeriousEvents,
    Key::LabChanges,
    Key::Exclusions,
];
/// The figures in that order.
const FIGURES: [&str; 4] = ["flow", "curves", "forest", "safety"];

/// Write it. It has its own numbers of tables and figures.
pub(super) fn write(book: Book<'_>, meta: Meta) -> Document {
    let (tables, figures) = (book.tables.reordered(&TABLES), book.figures.reordered(&FIGURES));
    let book = Book { tables: &tables, figures: &figures, ..book };
    let mut document = Document::new(meta);
    document.paragraph(
        "Shell of a clinical study report in the structure of ICH E3. Sections are filled where results were computed from the validated data; \
         everything else is marked for the person who must write it. It is no finished report.",
    );
    for section in SECTIONS {
        let level = section.number.split('.').filter(|part| !part.is_empty()).count().clamp(1, 4) as u8;
        document.heading(level, format!("{} {}", section.number, section.title));
        match section.fill {
            Fill::Parts => {}
            Fill::Person(who, what) => {
                document.paragraph(Text::new().placeholder(who, what));
            }
            Fill::Protocol(topic, who, what) => {
                document.paragraph(super::design::told(book.sources, topic, who, what));
            }
            Fill::Computed(write) => write(book, &mut document),
        }
    }
    integrated::efficacy(book, &mut document);
    integrated::safety(book, &mut document);
    document
}
