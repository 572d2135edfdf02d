//! Phase `ticket_ingestion`: reads the run's tickets or uploaded exports, and writes `tickets_structured.json`.
//!
//! `sources` recognises the form and makes drafts, `normalise` makes tickets of them and counts what is wrong,
//! `entities` finds what the texts speak of. Nothing is guessed, and no record is left out without being listed.

mod bounded;
mod decode;
mod draft;
mod entities;
mod input;
mod normalise;
mod quality;
mod report;
mod sources;
mod time;
mod words;

use heddle_sdk::prelude::*;
use jiff::Timestamp;

pub use self::{
    bounded::{MOST_RECORDS, TicketData},
    input::{Input, OnDuplicate},
    quality::{DataQualityReport, Duplicate, ExcludedRecord, ImpossibleDate, SourceSummary, UnreadValue},
};
use self::{
    draft::{Batch, Reading},
    input::{at_most, settings, too_large, too_many},
};
use crate::{
    listed::{Listed, MOST_TICKETS, limits, write_json},
    ticket::{Entities, StructuredTickets, Ticket},
};

/// Uploaded files together. Parsed JSON takes several times its text, and the phase asks for memory accordingly.
const MOST_BYTES: u64 = 64 << 20;
/// Values of tickets in the output.
const MOST_VALUES: usize = 700_000;

/// What the phase found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// In the input's order; files in the order of their names, after `ticket_data`.
    pub normalized_tickets: Vec<Ticket>,
    /// One for each of these tickets, in the same order.
    pub extracted_entities: Vec<Entities>,
    /// What is missing, doubled, impossible or unreadable.
    pub data_quality_report: DataQualityReport,
    /// Present where the lists are cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
}

impl Output {
    /// As much as an output may list.
    fn of(tickets: StructuredTickets, mut quality: DataQualityReport) -> Self {
        let StructuredTickets { mut normalized_tickets, mut extracted_entities, .. } = tickets;
        let n_tickets = normalized_tickets.len();
        // A ticket with a thousand labels counts as many.
        let mut values = 0;
        let fits =
            normalized_tickets.iter().zip(&extracted_entities).take(MOST_TICKETS).take_while(|(t, e)| {
                let lists = [
                    &t.labels,
                    &e.features,
                    &e.error_messages,
                    &e.user_actions,
                    &e.severity_signs,
                    &e.versions,
                ];
                values += 50 + lists.iter().map(|list| list.len()).sum::<usize>();
                values <= MOST_VALUES
            });
        let n_listed = fits.count();
        normalized_tickets.truncate(n_listed);
        extracted_entities.truncate(n_listed);
        quality.shorten();
        Self {
            listed: Listed::of(n_tickets, n_listed, "tickets_structured.json"),
            normalized_tickets,
            extracted_entities,
            data_quality_report: quality,
        }
    }
}

/// `tickets_structured.json`.
#[derive(Serialize)]
struct StructuredFile<'a> {
    #[serde(flatten)]
    tickets: &'a StructuredTickets,
    data_quality_report: &'a DataQualityReport,
}

/// The phase.
pub struct TicketIngestion;

impl Phase for TicketIngestion {
    const NAME: &'static str = "ticket_ingestion";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Ticket ingestion",
            "Reads tickets of GitHub, Jira, Zendesk or our own form; normalises times, status, priority and customers; \
             extracts features, error messages, user actions, severity signs and versions; reports data quality.",
        )
        .agent_type("data_analyst")
        .reads("input/*")
        .deliverable("tickets_structured.json", FileKind::Json, "Normalised tickets, entities, data quality")
        .output("ingestion_report.md", FileKind::Markdown)
        .limits(limits())
    }

    fn validate(input: &Input) -> Vec<Problem> {
        input::look(input)
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let now = Timestamp::from_millisecond(i64::try_from(ctx.now_ms()).unwrap_or(i64::MAX))?;
        let rules = settings(&input, now).map_err(|found| PhaseError::InvalidInput(at_most(found)))?;
        let mut batches = read_all(ctx, &input)?;
        normalise::qualify_github_ids(&mut batches);
        refuse_empty(&batches)?;
        ctx.progress(0.4, "normalising");
        let source = input.source.filter(|s| !s.trim().is_empty()).unwrap_or_else(|| source_of(&batches));
        let (tickets, quality) = normalise::normalise(batches, &rules)
            .map_err(|problem| PhaseError::InvalidInput(vec![problem]))?;
        ctx.progress(0.6, "extracting entities");
        let structured = StructuredTickets {
            source,
            as_of: time::rfc3339(rules.as_of),
            extracted_entities: entities::extract(&tickets),
            normalized_tickets: tickets,
        };
        ctx.progress(0.9, "writing");
        let file = StructuredFile { tickets: &structured, data_quality_report: &quality };
        write_json(ctx, "tickets_structured.json", &file)?;
        ctx.write("ingestion_report.md", report::markdown(&structured, &quality))?;
        ctx.info(format!("{} tickets, {} records left out", quality.n_tickets, quality.n_excluded));
        done(Output::of(structured, quality))
    }
}

/// Read `ticket_data` and every uploaded file. All that is wrong is reported at once.
fn read_all(ctx: &mut Context<'_, NoConfig>, input: &Input) -> Result<Vec<Batch>, PhaseError> {
    let files = ctx.input_files();
    if let Some(problem) = too_large(input) {
        return Err(PhaseError::InvalidInput(vec![problem]));
    }
    let given = input.ticket_data.value();
    if given.is_none() && files.is_empty() {
        return Err(PhaseError::invalid(
            "",
            "there are no tickets: give ticket_data (an array of tickets) in the run's input, or upload an export of \
             GitHub (`gh issue list --json …`), Jira (CSV or JSON) or Zendesk (JSON)",
        ));
    }
    let total: u64 = files.iter().map(|file| file.size).sum();
    if total > MOST_BYTES {
        return Err(PhaseError::invalid(
            "",
            format!(
                "the uploaded files have {total} bytes together, and at most {MOST_BYTES} are read: export a shorter period",
            ),
        ));
    }
    let mut batches = Vec::new();
    let mut problems = Vec::new();
    let mut keep = |read: Result<Batch, Vec<Problem>>| match read {
        Ok(batch) => batches.push(batch),
        Err(found) => problems.extend(found),
    };
    if let Some(value) = given {
        keep(sources::read_value(value));
    }
    for (index, file) in files.iter().enumerate() {
        ctx.progress(0.4 * index as f64 / files.len() as f64, format!("reading {}", file.name));
        let bytes = ctx.read(&file.name)?;
        keep(sources::read_file(file.name.strip_prefix("input/").unwrap_or(&file.name), &bytes));
    }
    let records = batches.iter().map(|batch| batch.readings.len()).sum();
    if records > MOST_RECORDS {
        problems.insert(0, Problem::new("", too_many(records)));
    }
    if problems.is_empty() { Ok(batches) } else { Err(PhaseError::InvalidInput(at_most(problems))) }
}

/// A run without a single usable ticket has nothing to analyse.
fn refuse_empty(batches: &[Batch]) -> Result<(), PhaseError> {
    let readings = || batches.iter().flat_map(|batch| &batch.readings);
    if readings().any(|reading| matches!(reading, Reading::Ticket(_))) {
        return Ok(());
    }
    let mut problems = vec![Problem::new(
        "",
        format!("there is no usable ticket: each of the {} records is left out", readings().count()),
    )];
    problems.extend(readings().filter_map(|reading| match reading {
        Reading::Excluded(rejected) => Some(draft::problem_at(&rejected.place, &rejected.reason)),
        Reading::Ticket(_) => None,
    }));
    Err(PhaseError::InvalidInput(at_most(problems)))
}

fn source_of(batches: &[Batch]) -> String {
    let named = batches.iter().map(|batch| {
        if batch.name == "ticket_data" {
            batch.form.name().to_owned()
        } else {
            format!("{}: {}", batch.name, batch.form.name())
        }
    });
    named.collect::<Vec<_>>().join("; ")
}
