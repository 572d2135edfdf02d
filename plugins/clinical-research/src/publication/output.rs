//! The phase's output: what was written, and what a person must still write.

use heddle_kit::document::{Block, Document};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    figures::{Gallery, Shown},
    flow::Sum,
    grid::Grid,
    manuscript::{Abstract, Book, Entry, Manuscript, State},
    tables::Catalogue,
};

/// What the phase tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The manuscript and the documents beside it.
    pub manuscript: ManuscriptOut,
    /// The figures, numbered as in the manuscript and the supplement.
    pub figures: FiguresOut,
    /// The tables, numbered as in the manuscript and the supplement.
    pub tables: TablesOut,
}

/// The manuscript.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ManuscriptOut {
    /// Its title.
    pub title: String,
    /// The files: Markdown, DOCX, supplement and report shell.
    pub files: Vec<String>,
    /// `CONSORT 2010` or `STROBE`.
    pub guideline: String,
    /// Why this guideline.
    pub guideline_reason: String,
    /// Who wrote the prose: `template` (composed from the computed results; no model was asked).
    pub written_by: String,
    /// The structured abstract.
    #[serde(rename = "abstract")]
    pub summary: Abstract,
    /// The headings in order, with their levels.
    pub sections: Vec<Section>,
    /// What a person must still write, in the order of each document.
    pub placeholders: Vec<Placeholder>,
    /// The guideline's items, where they are, and how they stand.
    pub checklist: Vec<Entry>,
    /// Items that a person must supply in whole.
    pub items_for_a_person: usize,
    /// The sums of the participant flow.
    pub flow: Vec<Sum>,
    /// Whether all of them hold.
    pub flow_reconciles: bool,
}

/// A heading.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Section {
    /// 1 to 4.
    pub level: u8,
    /// The heading.
    pub heading: String,
}

/// What a person must still write.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Placeholder {
    /// The document.
    pub file: String,
    /// The heading that it stands under; empty above the first.
    pub section: String,
    /// The marked words.
    pub text: String,
}

/// The figures.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FiguresOut {
    /// The package.
    pub file: String,
    /// Each figure.
    pub list: Vec<FigureOut>,
    /// Figures that there are none of, and why.
    pub absent: Vec<String>,
}

/// A figure.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FigureOut {
    /// As the documents call it.
    pub number: String,
    /// What it shows.
    pub caption: String,
    /// Its files in the package.
    pub files: Vec<String>,
    /// The phase and file that it is from.
    pub source: String,
}

/// The tables.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TablesOut {
    /// The workbook.
    pub file: String,
    /// Each table.
    pub list: Vec<TableOut>,
}

/// A table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TableOut {
    /// As the documents call it.
    pub number: String,
    /// What it shows.
    pub title: String,
    /// Its sheet in the workbook.
    pub sheet: String,
    /// Rows with figures in the workbook.
    pub rows: usize,
    /// Population, tests, and how missing values were handled.
    pub footnotes: Vec<String>,
}

/// Put together what was written.
pub(super) fn output(
    book: Book<'_>,
    title: String,
    written: &Manuscript,
    documents: &[(&str, &Document)],
    flow: Vec<Sum>,
) -> Output {
    let placeholders = documents.iter().flat_map(|(file, document)| {
        document.placeholders().into_iter().map(|(section, text)| Placeholder {
            file: (*file).to_owned(),
            section,
            text,
        })
    });
    let sections = written.document.blocks().iter().filter_map(|block| match block {
        Block::Heading(level, text) => Some(Section { level: *level, heading: text.plain_text() }),
        _ => None,
    });
    Output {
        manuscript: ManuscriptOut {
            title,
            files: ["manuscript.md", "manuscript.docx", "supplementary_materials.pdf", "csr_shell.docx"]
                .map(str::to_owned)
                .to_vec(),
            guideline: book.design.guideline.name().to_owned(),
            guideline_reason: book.design.guideline.reason(book.design.arms.len()),
            written_by: "template".to_owned(),
            summary: written.summary.clone(),
            sections: sections.collect(),
            placeholders: placeholders.collect(),
            items_for_a_person: written.checklist.iter().filter(|e| e.state == State::ForAPerson).count(),
            checklist: written.checklist.clone(),
            flow_reconciles: flow.iter().all(|sum| sum.holds),
            flow,
        },
        figures: figures(book.figures),
        tables: tables(book.tables),
    }
}

fn figures(gallery: &Gallery) -> FiguresOut {
    let of = |shown: &Shown| FigureOut {
        number: shown.number.clone(),
        caption: shown.caption.clone(),
        files: std::iter::once(format!("{}.png", shown.file))
            .chain(shown.has_svg.then(|| format!("{}.svg", shown.file)))
            .collect(),
        source: shown.source.to_owned(),
    };
    FiguresOut {
        file: super::FIGURES.to_owned(),
        list: gallery.all().map(of).collect(),
        absent: gallery.absent.clone(),
    }
}

fn tables(catalogue: &Catalogue) -> TablesOut {
    let list = catalogue.all().map(|item| {
        let grid: &Grid = item.whole();
        TableOut {
            number: item.number.clone(),
            title: grid.title.clone(),
            sheet: item.sheet.clone(),
            rows: grid.rows(),
            footnotes: grid.notes.clone(),
        }
    });
    TablesOut { file: super::TABLES.to_owned(), list: list.collect() }
}
