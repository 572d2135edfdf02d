//! What the phase is given: the tickets, how to read them, and everything else of the run's input, which is checked here so
//! that a mistake in what only a later phase uses is told before the run starts.

use std::collections::BTreeSet;

use heddle_sdk::prelude::*;
use jiff::{Timestamp, tz::Offset};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    bounded::{MOST_INLINE_BYTES, MOST_RECORDS, TicketData},
    draft::{Batch, Reading},
    normalise::{self, Rules},
    sources, time,
};
use crate::{
    analytics::AnalyticsDashboard, categorization, priority::PriorityScoring, solutions::SolutionGeneration,
};

/// Up to so much text in the input is taken apart already before the run; of more only the size is looked at, because the
/// quick look has two seconds.
const LOOKED_AT: usize = 16 << 20;
/// How many problems an error lists.
const SHOWN: usize = 20;

/// The run's input: the tickets and how to read them. What other phases use is only checked here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// The tickets: an array of objects in any accepted form, or an object such as a Jira search result. Absent or
    /// null where the tickets are in uploaded files. At most 50,000 records and 32 MiB; files may have 64 MiB.
    pub ticket_data: TicketData,
    /// Where the tickets come from, in words.
    pub source: Option<String>,
    /// The moment as of which the tickets are looked at (RFC 3339, a date, or seconds or milliseconds since
    /// 1970). Absent, that of the run.
    pub as_of: Option<Value>,
    /// What to do with ids that occur more than once.
    pub on_duplicate: OnDuplicate,
    /// Offset from UTC of times that name no zone, such as those of Jira's CSV export: `+02:00`. Absent, UTC.
    pub utc_offset: Option<String>,
    /// Used by `categorization`.
    pub categories: Option<Value>,
    /// Used by `priority_scoring` and `analytics_dashboard`.
    pub sla_policy: Option<Value>,
    /// Used by `priority_scoring` and `analytics_dashboard`.
    pub teams: Option<Value>,
    /// Used by `solution_generation`.
    pub knowledge_base: Option<Value>,
    /// Used by `analytics_dashboard`.
    pub forecast: Option<Value>,
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

/// Everything that is wrong with the input as far as a quick look can tell.
pub(super) fn look(input: &Input) -> Vec<Problem> {
    let mut problems = settings(input, Timestamp::UNIX_EPOCH).err().unwrap_or_default();
    let mut ids = None;
    match &input.ticket_data {
        TicketData::None => {}
        TicketData::TooLarge { .. } => problems.extend(too_large(input)),
        TicketData::Given { bytes, .. } if *bytes > LOOKED_AT => {}
        TicketData::Given { value, .. } => match sources::read_value(value) {
            Err(found) => problems.extend(found),
            Ok(batch) => {
                ids = Some(ids_of(&batch));
                if input.on_duplicate == OnDuplicate::Error {
                    problems.extend(normalise::duplicate_problem(&[batch]));
                }
            }
        },
    }
    problems.extend(categorization::problems(input.categories.as_ref(), ids.as_ref()));
    at_most(problems)
}

fn ids_of(batch: &Batch) -> BTreeSet<String> {
    let ids = batch.readings.iter().filter_map(|reading| match reading {
        Reading::Ticket(draft) => Some(draft.ticket.id.clone()),
        Reading::Excluded(_) => None,
    });
    ids.collect()
}

/// Why the tickets inside the input are too many, if they are.
pub(super) fn too_large(input: &Input) -> Option<Problem> {
    let TicketData::TooLarge { records, bytes } = input.ticket_data else { return None };
    let message = if records > MOST_RECORDS {
        too_many(records)
    } else {
        format!(
            "the tickets have about {} MiB of text, and at most {} MiB are read from a run's input: upload them as a file \
             (up to {} MiB), or give a shorter period",
            bytes.div_ceil(1 << 20),
            MOST_INLINE_BYTES >> 20,
            super::MOST_BYTES >> 20
        )
    };
    Some(Problem::new("/ticket_data", message))
}

/// Why so many records are refused.
pub(super) fn too_many(records: usize) -> String {
    format!(
        "there are {records} tickets, and at most {MOST_RECORDS} are analysed in one run: give a shorter period, or one \
         product or repository at a time"
    )
}

/// The settings of the input; `now` stands in for an absent `as_of`. What later phases use is checked as well.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn settings(input: &Input, now: Timestamp) -> Result<Rules, Vec<Problem>> {
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
    later_phases(input, &mut problems);
    if problems.is_empty() {
        Ok(Rules { as_of, offset, on_duplicate: input.on_duplicate })
    } else {
        Err(problems)
    }
}

/// What the phases that use the rest of the input say to it.
fn later_phases(input: &Input, problems: &mut Vec<Problem>) {
    let (mut scoring, mut solving, mut showing) =
        <(crate::priority::Input, crate::solutions::Input, crate::analytics::Input)>::default();
    scoring.sla_policy = read("sla_policy", input.sla_policy.as_ref(), problems);
    scoring.teams = read("teams", input.teams.as_ref(), problems);
    solving.knowledge_base = read("knowledge_base", input.knowledge_base.as_ref(), problems);
    // The policy was read and is checked above; here it is about the forecast and the teams' capacity.
    showing.teams = input.teams.as_ref().and_then(|teams| serde_json::from_value(teams.clone()).ok());
    showing.forecast = read("forecast", input.forecast.as_ref(), problems);
    problems.extend(PriorityScoring::validate(&scoring));
    problems.extend(SolutionGeneration::validate(&solving));
    problems.extend(AnalyticsDashboard::validate(&showing));
}

/// A part of the input as the phase that uses it reads it.
fn read<T: DeserializeOwned>(key: &str, value: Option<&Value>, problems: &mut Vec<Problem>) -> Option<T> {
    let value = value.filter(|value| !value.is_null())?;
    match serde_json::from_value(value.clone()) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.push(Problem::new(format!("/{key}"), format!("{key} cannot be read: {error}")));
            None
        }
    }
}

/// The first problems, and how many more there are.
pub(super) fn at_most(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(SHOWN);
    if more > 0 {
        problems.truncate(SHOWN);
        problems.push(Problem::new("", format!("and {more} more problems")));
    }
    problems
}
