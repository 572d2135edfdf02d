//! The tickets with what the earlier phases found about each: the rows that everything here is computed from.

use std::collections::BTreeMap;

use heddle_sdk::prelude::*;
use jiff::Timestamp;

use super::{
    calendar::{day_of, seconds},
    upstream::{Categories, Patterns, Priorities},
};
use crate::{
    sla::{SlaClock, SlaPolicy, State as SlaState},
    standing::{Standing, StateCounts},
    ticket::{Priority, Status, StructuredTickets, Ticket},
};

/// One ticket.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) subject: String,
    /// Seconds since 1970; none if that is unknown, and for a ticket dated after `as_of`, which no figure by time counts.
    pub(super) created: Option<i64>,
    /// The creation as the source states it, also after `as_of`.
    pub(super) dated: Option<i64>,
    pub(super) resolved: Option<i64>,
    pub(super) response: Option<i64>,
    pub(super) standing: Standing,
    pub(super) status: Option<Status>,
    pub(super) priority: Option<Priority>,
    pub(super) tier: Option<String>,
    pub(super) product: Option<String>,
    pub(super) category: Option<String>,
    pub(super) component: Option<String>,
    pub(super) team: Option<String>,
    pub(super) assignee: Option<String>,
    pub(super) satisfaction: Option<f64>,
    pub(super) sla: Option<SlaState>,
    pub(super) first_response_sla: Option<SlaState>,
}

impl Row {
    pub(super) fn created_day(&self) -> Option<i64> {
        self.created.map(day_of)
    }

    /// From creation to resolution; none if either is unknown or they are the wrong way round.
    pub(super) fn resolution_hours(&self) -> Option<f64> {
        span_hours(self.created, self.resolved)
    }

    /// From creation to the first answer.
    pub(super) fn response_hours(&self) -> Option<f64> {
        span_hours(self.created, self.response)
    }

    /// Whether it is open at `as_of`; none if that is unknown, or it was made later.
    pub(super) fn open_now(&self) -> Option<bool> {
        match self.standing {
            Standing::Open => Some(true),
            Standing::Resolved => Some(false),
            Standing::Unknown | Standing::NotYet => None,
        }
    }

    /// Whether it is known from when to when it was open.
    pub(super) fn open_span_known(&self) -> bool {
        self.created.is_some() && (self.resolved.is_some() || self.standing == Standing::Open)
    }
}

fn span_hours(from: Option<i64>, to: Option<i64>) -> Option<f64> {
    let (from, to) = (from?, to?);
    (to >= from).then(|| (to - from) as f64 / 3600.0)
}

/// Everything the phase works on.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) source: String,
    /// Seconds since 1970.
    pub(super) as_of: i64,
    /// RFC 3339.
    pub(super) as_of_text: String,
    pub(super) rows: Vec<Row>,
    /// Where the tickets stand.
    pub(super) states: StateCounts,
    /// What the categorisation found to recur and to grow.
    pub(super) patterns: Patterns,
    /// Targets in hours by tier, in words, and the policy's kind of hours.
    pub(super) sla: Option<SlaFacts>,
    /// Remarks on the data, for the reader.
    pub(super) notes: Vec<String>,
}

/// What the SLA policy says, for display.
#[derive(Debug)]
pub(super) struct SlaFacts {
    /// `business` or `wall_clock`.
    pub(super) hours: &'static str,
    /// Resolution target by tier, hours.
    pub(super) targets: BTreeMap<String, f64>,
}

impl Dataset {
    /// First and last day of what the tickets tell of: the first creation, and `as_of`, or the last event if nothing has
    /// happened for a long time before `as_of`.
    pub(super) fn range(&self) -> Option<(i64, i64)> {
        let first = self.rows.iter().filter_map(Row::created_day).min()?;
        let as_of = day_of(self.as_of - 1);
        let last = self.last_event().map_or(as_of, day_of);
        Some((first, if as_of - last > STALE_DAYS { last } else { as_of.max(first) }))
    }

    /// The latest creation or resolution at or before `as_of`.
    pub(super) fn last_event(&self) -> Option<i64> {
        self.rows.iter().flat_map(|r| [r.created, r.resolved]).flatten().filter(|t| *t <= self.as_of).max()
    }
}

/// So long without an event makes an export that is older than `as_of` the likelier reading.
const STALE_DAYS: i64 = 60;

/// Read the tickets and join what the phases before found.
///
/// # Errors
/// If a file cannot be read, or the SLA policy is wrong.
pub(super) fn load(ctx: &Context<'_, NoConfig>, policy: Option<&SlaPolicy>) -> Result<Dataset, PhaseError> {
    let structured: StructuredTickets = ctx.read_json("tickets_structured.json")?;
    let there: Vec<String> = ctx.files().into_iter().map(|file| file.name).collect();
    let mut notes = Vec::new();
    let mut optional = |name: &str| {
        let found = there.iter().any(|file| file == name);
        if !found {
            notes.push(format!("{name} is not there, so what it would tell is missing."));
        }
        found
    };
    let categories = match optional("categorization_results.json") {
        true => ctx.read_json::<Categories>("categorization_results.json")?,
        false => Categories::default(),
    };
    let priorities = match optional("priority_scores.json") {
        true => ctx.read_json::<Priorities>("priority_scores.json")?,
        false => Priorities::default(),
    };
    let as_of_time = structured.as_of()?;
    let clock = policy
        .map(|policy| SlaClock::for_tickets(policy, &structured.normalized_tickets, as_of_time))
        .transpose()
        .map_err(PhaseError::InvalidInput)?;
    let by_category = categories.by_id();
    let by_priority = priorities.by_id();
    let rows: Vec<Row> = structured
        .normalized_tickets
        .iter()
        .map(|ticket| {
            let category = by_category.get(ticket.id.as_str());
            let scored = by_priority.get(ticket.id.as_str());
            Row {
                category: category.and_then(|c| c.category.clone()).or_else(|| ticket.category.clone()),
                component: category.and_then(|c| c.component()),
                priority: scored.and_then(|p| p.priority).or(ticket.priority),
                team: scored.and_then(|p| p.team()),
                sla: clock.as_ref().and_then(|c| c.resolution(ticket).ok()).map(|v| v.state),
                first_response_sla: clock
                    .as_ref()
                    .and_then(|c| c.first_response(ticket).ok())
                    .map(|v| v.state),
                ..row(ticket, as_of_time)
            }
        })
        .collect();
    let sla = policy.zip(clock.as_ref()).map(|(policy, clock)| SlaFacts {
        hours: clock.hours(),
        targets: policy
            .all_targets()
            .into_iter()
            .filter_map(|(tier, target)| Some((tier.to_owned(), target.resolution_hours?)))
            .collect(),
    });
    let mut data = Dataset {
        source: structured.source,
        as_of: as_of_time.as_second(),
        as_of_text: structured.as_of,
        states: rows.iter().map(|row| row.standing).collect(),
        rows,
        patterns: Patterns::default(),
        sla,
        notes,
    };
    data.patterns = categories.patterns;
    remark(&mut data);
    Ok(data)
}

fn row(ticket: &Ticket, as_of: Timestamp) -> Row {
    let time = |field: &Option<String>| field.as_deref().and_then(seconds);
    let standing = Standing::of(ticket, as_of);
    let dated = time(&ticket.created_at);
    Row {
        id: ticket.id.clone(),
        subject: ticket.subject.clone(),
        created: dated.filter(|_| standing != Standing::NotYet),
        dated,
        resolved: time(&ticket.resolved_at),
        response: time(&ticket.first_response_at),
        standing,
        status: ticket.status,
        priority: ticket.priority,
        tier: ticket.customer_tier.clone(),
        product: ticket.product.clone(),
        category: ticket.category.clone(),
        component: None,
        team: None,
        assignee: ticket.assignee.clone(),
        satisfaction: ticket.satisfaction.filter(|s| s.is_finite()),
        sla: None,
        first_response_sla: None,
    }
}

/// What a reader must know about the data before the numbers.
fn remark(data: &mut Dataset) {
    let as_of = &data.as_of_text;
    let n = data.rows.len();
    let count = |test: &dyn Fn(&Row) -> bool| data.rows.iter().filter(|row| test(row)).count();
    let undated = count(&|r| r.dated.is_none());
    let closed = count(&|r| r.standing == Standing::Resolved && r.resolved.is_none());
    let after = count(&|r| r.created.is_some() && r.resolved.is_some_and(|t| t > data.as_of));
    let mut notes = Vec::new();
    if undated > 0 {
        notes.push(format!(
            "{undated} of {n} tickets have no creation date: they are in no figure that needs one."
        ));
    }
    notes.extend(data.states.remarks(as_of));
    if closed > 0 {
        notes.push(format!(
            "{closed} of {n} tickets are closed without a date: they are in no backlog and no resolution time."
        ));
    }
    if after > 0 {
        notes.push(format!(
            "{after} of {n} tickets were resolved after {as_of}: open at that time, and their recorded resolution times count."
        ));
    }
    if let Some(last) = data.last_event() {
        let silent = day_of(data.as_of) - day_of(last);
        if silent > STALE_DAYS {
            notes.push(format!(
                "Nothing is recorded in the {silent} days before {as_of}. If the export is older than that, set as_of to its date: backlog, SLA and forecast depend on it."
            ));
        }
    }
    data.notes.extend(notes);
}
