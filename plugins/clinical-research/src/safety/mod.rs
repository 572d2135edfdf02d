//! Phase `safety_analysis`: adverse events, exposure, deaths and laboratory values of the safety population, as treated.

mod causality;
mod compare;
mod disposition;
mod events;
mod exposure;
mod figures;
mod first;
mod labs;
mod listing;
mod overview;
mod picture;
mod report;
mod report_events;
mod report_labs;
mod shorten;
mod signals;
mod summary;
mod table;
mod tally;
mod treated;
mod words;

use std::io::{BufWriter, Write as _};

use heddle_sdk::{manifest::LimitRequest, prelude::*};

pub use self::{
    causality::{Causality, Criterion},
    compare::{Comparison, Incidence},
    events::Selection,
    exposure::{Exposure, Rate},
    figures::{AdverseEventFigures, CommonTerm, FlaggedTerm, SafetyFigures, SafetyMetrics, SafetyPopulation},
    first::{FirstOfArm, TimeToFirst},
    labs::{Change, HysLaw, LabMetrics, LabRecords, LabTest, LiverPeak, Shift, WorstVsNormal},
    listing::{Listed, Listing},
    signals::Disproportionality,
    tally::{Soc, Term},
};
use crate::study::{self, Study};

/// The file with all figures.
pub const SUMMARY: &str = "safety_summary.json";
/// The table of adverse events.
pub const TABLE: &str = "ae_table.csv";
/// The picture.
pub const PICTURE: &str = "safety_profile.png";
/// The report.
pub const REPORT: &str = "safety_report.md";

/// Nothing: the study comes from `data_validation`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {}

/// What the phase tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// Figures by arm.
    pub safety_metrics: SafetyMetrics,
    /// The adverse events themselves.
    pub adverse_events: AdverseEventFigures,
}

/// All figures of a study, without files: what the output holds of a study that is small enough to be told in full.
pub fn figures(study: &Study) -> Output {
    let summary = summary::summary(study);
    Output { safety_metrics: summary.metrics, adverse_events: summary.adverse_events }
}

/// What the file holds: the figures of the output at its top, in full.
#[derive(Serialize)]
struct File<'a> {
    #[serde(flatten)]
    metrics: &'a SafetyMetrics,
    adverse_events: &'a AdverseEventFigures,
}

/// The phase.
pub struct SafetyAnalysis;

impl Phase for SafetyAnalysis {
    const NAME: &'static str = "safety_analysis";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Safety analysis",
            "Adverse events by class, term and severity, with risks compared between arms; exposure, deaths, discontinuations, \
             signals of disproportionality, and laboratory values.",
        )
        .agent_type("safety_analyst")
        .reads(study::FILE)
        .deliverable(SUMMARY, FileKind::Json, "All figures of the safety analysis")
        .deliverable(TABLE, FileKind::Csv, "Adverse events by class, term and severity")
        .output(PICTURE, FileKind::Png)
        .output(REPORT, FileKind::Markdown)
        .limits(LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() })
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, _: Input) -> PhaseResult<Output> {
        let study: Study = study::read_events_and_labs(ctx)?;
        ctx.progress(0.2, "counting");
        let summary = summary::summary(&study);
        ctx.progress(0.7, "writing");
        let mut out = BufWriter::with_capacity(1 << 20, ctx.writer(SUMMARY)?);
        let file = File { metrics: &summary.metrics, adverse_events: &summary.adverse_events };
        serde_json::to_writer_pretty(&mut out, &file)?;
        out.write_all(b"\n")?;
        out.into_inner().map_err(|error| PhaseError::failed(error.error()))?.finish()?;
        ctx.write(TABLE, table::csv(&summary, study.protocol.confidence_level).map_err(PhaseError::failed)?)?;
        ctx.write(PICTURE, picture::picture(&study, &summary).map_err(PhaseError::failed)?)?;
        ctx.write(REPORT, report::report(&study, &summary))?;
        ctx.info(format!(
            "{} subjects, {} adverse events, {} laboratory records",
            summary.treated.total(),
            summary.adverse_events.selection.counted,
            summary.metrics.labs.records.records
        ));
        done(shorten::output(summary.metrics, &summary.adverse_events))
    }
}
