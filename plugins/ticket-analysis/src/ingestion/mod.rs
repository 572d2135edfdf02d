//! Phase `ticket_ingestion`: reads the run's tickets or uploaded exports, and writes `tickets_structured.json`.
//!
//! `sources` recognises the form and makes drafts, `normalise` makes tickets of them and counts what is wrong,
//! `entities` finds what the texts speak of. Nothing is guessed, and no record is left out without being listed.

mod decode;
mod draft;
mod entities;
mod normalise;
mod quality;
mod report;
mod sources;
mod time;
mod words;

use heddle_sdk::{manifest::LimitRequest, prelude::*};
use jiff::{Timestamp, tz::Offset};
use serde_json::Value;

pub use self::quality::{
    DataQualityReport, Duplicate, ExcludedRecord, ImpossibleDate, SourceSummary, UnreadValue,
};
use self::{
    draft::{Batch, Reading},
    normalise::Rules,
};
use crate::ticket::{Entities, StructuredTickets, Ticket};

/// How many problems an error lists.
const SHOWN: usize = 20;
/// Uploaded files together. Parsed JSON takes several times its text, and the phase asks for memory accordingly.
const MOST_BYTES: u64 = 64 << 20;

/// The tickets and how to read them. Keys of the run's input that other phases use are ignored here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// The tickets: an array of objects in any accepted form, or an object such as a Jira search result. Absent or
    /// null where the tickets are in uploaded files.
    pub ticket_data: Option<Value>,
    /// Where the tickets come from, in words.
    pub source: Option<String>,
    /// The moment as of which the tickets are looked at (RFC 3339, a date, or seconds or milliseconds since
    /// 1970). Absent, that of the run.
    pub as_of: Option<Value>,
    /// What to do with ids that occur more than once.
    pub on_duplicate: OnDuplicate,
    /// Offset from UTC of times that name no zone, such as those of Jira's CSV export: `+02:00`. Absent, UTC.
    pub utc_offset: Option<String>,
}

/// What to do with ids that occur more than once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDuplicate {
    /// It is an error that names them.
    #[default]
    Error,
    /// The first record is kept, the others are listed as excluded.
    KeepFirst,
}

/// What the phase found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// In the input's order; files in the order of their names, after `ticket_data`.
    pub normalized_tickets: Vec<Ticket>,
    /// One for each ticket, in the same order.
    pub extracted_entities: Vec<Entities>,
    /// What is missing, doubled, impossible or unreadable.
    pub data_quality_report: DataQualityReport,
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
        .limits(LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() })
    }

    fn validate(input: &Input) -> Vec<Problem> {
        let mut problems = settings(input, Timestamp::UNIX_EPOCH).err().unwrap_or_default();
        if let Some(value) = input.ticket_data.as_ref().filter(|value| !value.is_null()) {
            match sources::read_value(value) {
                Err(found) => problems.extend(found),
                Ok(batch) if input.on_duplicate == OnDuplicate::Error => {
                    problems.extend(normalise::duplicate_problem(&[batch]));
                }
                Ok(_) => {}
            }
        }
        at_most(problems)
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let now = Timestamp::from_millisecond(i64::try_from(ctx.now_ms()).unwrap_or(i64::MAX))?;
        let rules = settings(&input, now).map_err(PhaseError::InvalidInput)?;
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
        ctx.write_json("tickets_structured.json", &file)?;
        ctx.write("ingestion_report.md", report::markdown(&structured, &quality))?;
        ctx.info(format!("{} tickets, {} records left out", quality.n_tickets, quality.n_excluded));
        done(Output {
            normalized_tickets: structured.normalized_tickets,
            extracted_entities: structured.extracted_entities,
            data_quality_report: quality,
        })
    }
}

/// The settings of the input; `now` stands in for an absent `as_of`.
fn settings(input: &Input, now: Timestamp) -> Result<Rules, Vec<Problem>> {
    let mut problems = Vec::new();
    let offset = match input.utc_offset.as_deref() {
        None => Offset::UTC,
        Some(text) => time::offset(text).unwrap_or_else(|| {
            let message = format!("{text:?} is no offset from UTC: give one such as \"+02:00\" or \"Z\"");
            problems.push(Problem::new("/utc_offset", message));
            Offset::UTC
        }),
    };
    let reader = time::Reader { offset, slash_order: None };
    let given = input.as_of.as_ref().filter(|value| !value.is_null());
    let as_of = match given.map(|value| (value, reader.read(value))) {
        None => now,
        Some((_, time::Read::At { at, .. })) => at,
        Some((value, _)) => {
            let message = format!("{value} is no time: give one such as \"2024-09-30T00:00:00Z\"");
            problems.push(Problem::new("/as_of", message));
            now
        }
    };
    if problems.is_empty() {
        Ok(Rules { as_of, offset, on_duplicate: input.on_duplicate })
    } else {
        Err(problems)
    }
}

/// Read `ticket_data` and every uploaded file. All that is wrong is reported at once.
fn read_all(ctx: &mut Context<'_, NoConfig>, input: &Input) -> Result<Vec<Batch>, PhaseError> {
    let files = ctx.input_files();
    let given = input.ticket_data.as_ref().filter(|value| !value.is_null());
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

/// The first problems, and how many more there are.
fn at_most(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(SHOWN);
    if more > 0 {
        problems.truncate(SHOWN);
        problems.push(Problem::new("", format!("and {more} more problems")));
    }
    problems
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
