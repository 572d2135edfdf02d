//! Events as the database has them: those that a run has in one commit are one row, since it is rows that cost. Of more than a
//! page, several.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    StoreError, StoreResult, Transition,
    read::{Columns, Record},
};
use crate::model::{Event, EventKind, RunId, Timestamp};

/// So many events a page has at the most.
pub(super) const MOST: usize = 256;

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) first: u64,
    pub(super) last: u64,
    /// JSON.
    pub(super) body: String,
}

/// An event in a page.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    seq: u64,
    #[serde(rename = "type")]
    kind: EventKind,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    step: Option<Cow<'a, str>>,
    /// µs.
    at: i64,
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    data: Cow<'a, serde_json::Value>,
}

/// The pages of a group of transitions, each with the last transition that has a part in it.
pub(super) fn of<'a>(group: &[&'a Transition]) -> StoreResult<Vec<(&'a Transition, Page)>> {
    let mut runs: Vec<&Transition> = group.iter().copied().filter(|t| !t.events.is_empty()).collect();
    // Of one run they stay in their order.
    runs.sort_by_key(|t| t.run.id);
    let mut pages = Vec::with_capacity(runs.len());
    for of_run in runs.chunk_by(|a, b| a.run.id == b.run.id) {
        let Some(last) = of_run.last() else { continue };
        let events: Vec<&Event> = of_run.iter().flat_map(|t| &t.events).collect();
        for events in events.chunks(MOST) {
            pages.push((*last, page(events)?));
        }
    }
    Ok(pages)
}

fn page(events: &[&Event]) -> StoreResult<Page> {
    let lines = events.iter().map(|event| Line {
        seq: event.seq,
        kind: event.kind,
        step: event.step.as_deref().map(Into::into),
        at: event.at.as_micros(),
        data: Cow::Borrowed(&event.data),
    });
    let body = serde_json::to_string(&lines.collect::<Vec<_>>());
    let body = body.map_err(|error| StoreError::Unusable(format!("an event cannot be written: {error}")))?;
    let (first, last) =
        (events.first().map_or(0, |event| event.seq), events.last().map_or(0, |event| event.seq));
    Ok(Page { first, last, body })
}

/// The events of a row.
pub(super) fn events(row: &dyn Columns) -> StoreResult<Vec<Event>> {
    let r = Record::of("events", row);
    let run_id: RunId = r.parse("run_id")?;
    let body = r.text("body")?;
    let lines: Vec<Line<'_>> = serde_json::from_str(&body)
        .map_err(|error| StoreError::Corrupt { table: "events", message: format!("body: {error}") })?;
    let event = |line: Line<'_>| Event {
        run_id,
        seq: line.seq,
        kind: line.kind,
        step: line.step.map(Cow::into_owned),
        at: Timestamp::from_micros(line.at),
        data: line.data.into_owned(),
    };
    Ok(lines.into_iter().map(event).collect())
}
