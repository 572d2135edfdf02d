//! Phase `publication_package`: the manuscript, its figures and tables, the supplement, and the shell of the study report.
//!
//! Nothing is computed anew: every number is one that an earlier phase left in a file ([`sources`]). `design` says what kind of
//! study it is and which guideline of reporting fits; `flow` follows the participants; `tables` and `figures` are numbered
//! before any text refers to them; `manuscript`, `supplement` and `report` are documents of one model, which the kit writes as
//! Markdown, DOCX and PDF. What only a person can write is a marked placeholder. No model writes prose here.

mod design;
mod figures;
mod flow;
mod grid;
mod manuscript;
mod output;
mod report;
mod say;
mod sources;
mod supplement;
mod tables;

use heddle_kit::document::Meta;
use heddle_sdk::{manifest::LimitRequest, prelude::*};
use jiff::Timestamp;

pub(crate) use self::design::is_told;
use self::{design::Design, figures::Gallery, manuscript::Book, sources::Sources, tables::Catalogue};
pub use self::{
    flow::Sum,
    manuscript::{Abstract, Entry, State},
    output::{FigureOut, FiguresOut, ManuscriptOut, Output, Placeholder, Section, TableOut, TablesOut},
};
use crate::{cohort::COHORT_FILE, efficacy, safety, study};

/// The manuscript.
pub const MANUSCRIPT: &str = "manuscript.md";
/// The package of figures.
pub const FIGURES: &str = "figures_package.zip";
/// The workbook of tables.
pub const TABLES: &str = "tables_package.xlsx";
/// The manuscript for word processors.
pub const MANUSCRIPT_DOCX: &str = "manuscript.docx";
/// The supplement.
pub const SUPPLEMENT: &str = "supplementary_materials.pdf";
/// The shell of the clinical study report.
pub const REPORT: &str = "csr_shell.docx";

/// Nothing: all comes from the files of the phases before.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {}

/// The phase.
pub struct PublicationPackage;

impl Phase for PublicationPackage {
    const NAME: &'static str = "publication_package";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        let mut info = PhaseInfo::new(
            "Publication package",
            "A manuscript in the form of CONSORT or STROBE with flow diagram, tables and figures, supplementary material, and the shell of \
             a clinical study report, from the results of the phases before; what a person must write is marked.",
        )
        .agent_type("medical_writer")
        .reads(study::FILE)
        .reads(COHORT_FILE)
        .reads(efficacy::RESULTS)
        .reads(safety::SUMMARY);
        for picture in sources::PICTURES {
            info = info.reads(picture);
        }
        info.deliverable(
            MANUSCRIPT,
            FileKind::Markdown,
            "The manuscript, with placeholders for what a person must write",
        )
        .deliverable(FIGURES, FileKind::Zip, "All figures with their captions")
        .deliverable(TABLES, FileKind::Xlsx, "All tables, a sheet for each")
        .output(MANUSCRIPT_DOCX, FileKind::Docx)
        .output(SUPPLEMENT, FileKind::Pdf)
        .output(REPORT, FileKind::Docx)
        .limits(LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() })
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, _: Input) -> PhaseResult<Output> {
        let sources = Sources::read(ctx)?;
        ctx.progress(0.2, "results read");
        let design = Design::of(&sources);
        let catalogue = Catalogue::of(&sources, &design);
        let gallery = Gallery::of(&sources, &design);
        let book = Book { sources: &sources, design: &design, tables: &catalogue, figures: &gallery };
        let created = created(ctx.now_ms());
        let title = title(&sources, &design);
        let meta = |kind: &str| {
            let title = if kind.is_empty() { title.clone() } else { format!("{kind}: {title}") };
            Meta::new(title, created).subject("Composed from computed results; placeholders are marked")
        };

        let written = manuscript::write(book, meta(""));
        ctx.write(MANUSCRIPT, written.document.markdown())?;
        ctx.progress(0.4, "manuscript written");
        ctx.write(FIGURES, gallery.package(&title, created).map_err(PhaseError::failed)?)?;
        ctx.write(TABLES, catalogue.workbook(meta("Tables")).map_err(PhaseError::failed)?)?;
        ctx.progress(0.6, "figures and tables packed");
        ctx.write(MANUSCRIPT_DOCX, written.document.docx().map_err(PhaseError::failed)?)?;
        let supplement = supplement::write(book, meta("Supplement"));
        ctx.write(SUPPLEMENT, supplement.pdf().map_err(PhaseError::failed)?)?;
        ctx.progress(0.9, "supplement written");
        let report = report::write(book, meta("Clinical study report"));
        ctx.write(REPORT, report.docx().map_err(PhaseError::failed)?)?;

        let flow = flow::sums(&sources);
        for sum in flow.iter().filter(|sum| !sum.holds) {
            ctx.warn(format!(
                "the participant flow does not add up: {} ({} against {})",
                sum.what, sum.from, sum.to
            ));
        }
        let documents = [(MANUSCRIPT, &written.document), (SUPPLEMENT, &supplement), (REPORT, &report)];
        let output = output::output(book, title, &written, &documents, flow);
        ctx.info(format!(
            "{} tables, {} figures, {} placeholders for a person",
            output.tables.list.len(),
            output.figures.list.len(),
            output.manuscript.placeholders.len()
        ));
        done(output)
    }
}

/// The run's time; the epoch for one beyond what a date can hold.
fn created(now_ms: u64) -> Timestamp {
    i64::try_from(now_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The protocol's title, with the kind of study where the title does not say it (CONSORT 1a, STROBE 1).
fn title(sources: &Sources, design: &Design) -> String {
    let protocol = &sources.head.protocol;
    let given = protocol
        .title
        .clone()
        .or_else(|| protocol.study_id.clone())
        .or_else(|| sources.head.study_id.clone());
    let given = given.map_or_else(|| "Untitled study".to_owned(), |title| say::shortened(title.trim(), 300));
    let lower = given.to_lowercase();
    let is_said = lower.contains("randomi") || (design.arms.len() == 1 && lower.contains("single-arm"));
    // What is not known has no place in a title.
    if is_said || design.guideline == design::Guideline::ConsortUnconfirmed {
        given
    } else {
        format!("{given}: {}", design.kind())
    }
}
