//! Shares and loads: by category, priority, team, assignee, product, component.

use std::collections::BTreeMap;

use heddle_kit::stats;
use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::{
    analytics::{
        calendar::{DAY, month},
        data::{Dataset, Row},
        words::priority_name,
    },
    standing::Standing,
};

/// So many days up to `as_of` make "recent", here and in the dashboard.
const RECENT_DAYS: i64 = 28;

/// Part of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// Tickets.
    pub n: usize,
    /// Per cent of all tickets.
    pub pct: f64,
}

/// The categories, overall and by month of creation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CategoryMix {
    /// All tickets.
    pub overall: BTreeMap<String, Share>,
    /// Tickets by month (`2024-09`) and category; months without a ticket are absent.
    pub over_time: Maybe<BTreeMap<String, BTreeMap<String, usize>>>,
    /// Tickets without a category.
    pub without: usize,
}

/// The work of a team or a person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoadSummary {
    /// All tickets.
    pub n: usize,
    /// Open at `as_of` (those whose state is known).
    pub open: usize,
    /// Tickets whose state is unknown.
    pub state_unknown: usize,
    /// Of the open ones, P0 or P1.
    pub open_p0_p1: usize,
    /// Created in the 28 days (of 24 hours) that end at `as_of`.
    pub created_last_28_days: usize,
    /// Resolved in the same time.
    pub resolved_last_28_days: usize,
    /// Median hours from creation to resolution; absent if nothing was resolved.
    pub median_resolution_hours: Option<f64>,
}

/// The tickets of a product or a component.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupSummary {
    /// All tickets.
    pub n: usize,
    /// Per cent of all tickets, also of those that name none.
    pub pct: f64,
    /// Open at `as_of` (those whose state is known).
    pub open: usize,
    /// Tickets whose state is unknown.
    pub state_unknown: usize,
    /// Median hours from creation to resolution; absent if nothing was resolved.
    pub median_resolution_hours: Option<f64>,
    /// By category.
    pub categories: BTreeMap<String, usize>,
}

fn grouped<'a>(
    data: &'a Dataset,
    key: impl Fn(&'a Row) -> Option<&'a str>,
) -> BTreeMap<String, Vec<&'a Row>> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in &data.rows {
        if let Some(key) = key(row) {
            groups.entry(key.to_owned()).or_default().push(row);
        }
    }
    groups
}

fn shares(counts: BTreeMap<String, usize>, all: usize) -> BTreeMap<String, Share> {
    counts.into_iter().map(|(key, n)| (key, Share { n, pct: 100.0 * n as f64 / all as f64 })).collect()
}

pub(super) fn categories(data: &Dataset) -> Maybe<CategoryMix> {
    let groups = grouped(data, |r| r.category.as_deref());
    if groups.is_empty() {
        return Maybe::because("no ticket has a category");
    }
    let mut months: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for row in &data.rows {
        if let (Some(day), Some(category)) = (row.created_day(), &row.category) {
            *months.entry(month(day)).or_default().entry(category.clone()).or_default() += 1;
        }
    }
    let counts: BTreeMap<String, usize> = groups.into_iter().map(|(key, rows)| (key, rows.len())).collect();
    Maybe::Known(CategoryMix {
        without: data.rows.len() - counts.values().sum::<usize>(),
        overall: shares(counts, data.rows.len()),
        over_time: match months.is_empty() {
            true => Maybe::because("no ticket with a category has a creation date"),
            false => Maybe::Known(months),
        },
    })
}

pub(super) fn priorities(data: &Dataset) -> Maybe<BTreeMap<String, Share>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for priority in data.rows.iter().filter_map(|row| row.priority) {
        *counts.entry(priority_name(priority)).or_default() += 1;
    }
    if counts.is_empty() {
        Maybe::because("no ticket has a priority")
    } else {
        Maybe::Known(shares(counts, data.rows.len()))
    }
}

fn is_open(row: &Row) -> bool {
    row.standing == Standing::Open
}

fn unknown(rows: &[&Row]) -> usize {
    rows.iter().filter(|row| row.standing == Standing::Unknown).count()
}

fn median_hours(rows: &[&Row]) -> Option<f64> {
    stats::median(&rows.iter().filter_map(|row| row.resolution_hours()).collect::<Vec<_>>())
}

pub(super) fn load<'a>(
    data: &'a Dataset,
    key: impl Fn(&'a Row) -> Option<&'a str>,
    none: &str,
) -> Maybe<BTreeMap<String, LoadSummary>> {
    let groups = grouped(data, key);
    if groups.is_empty() {
        return Maybe::because(none);
    }
    // What happened in the second of `as_of` belongs to it.
    let end = data.as_of + 1;
    let recent = |time: Option<i64>| time.is_some_and(|t| t >= end - RECENT_DAYS * DAY && t < end);
    let summary = |rows: Vec<&Row>| LoadSummary {
        n: rows.len(),
        open: rows.iter().filter(|r| is_open(r)).count(),
        state_unknown: unknown(&rows),
        open_p0_p1: rows
            .iter()
            .filter(|r| is_open(r))
            .filter(|r| r.priority.is_some_and(|p| p <= crate::ticket::Priority::P1))
            .count(),
        created_last_28_days: rows.iter().filter(|r| recent(r.created)).count(),
        resolved_last_28_days: rows.iter().filter(|r| recent(r.resolved)).count(),
        median_resolution_hours: median_hours(&rows),
    };
    Maybe::Known(groups.into_iter().map(|(key, rows)| (key, summary(rows))).collect())
}

pub(super) fn by<'a>(
    data: &'a Dataset,
    key: impl Fn(&'a Row) -> Option<&'a str>,
    none: &str,
) -> Maybe<BTreeMap<String, GroupSummary>> {
    let groups = grouped(data, key);
    if groups.is_empty() {
        return Maybe::because(none);
    }
    let summary = |rows: Vec<&Row>| {
        let mut categories: BTreeMap<String, usize> = BTreeMap::new();
        for category in rows.iter().filter_map(|row| row.category.clone()) {
            *categories.entry(category).or_default() += 1;
        }
        GroupSummary {
            n: rows.len(),
            pct: 100.0 * rows.len() as f64 / data.rows.len() as f64,
            open: rows.iter().filter(|r| is_open(r)).count(),
            state_unknown: unknown(&rows),
            median_resolution_hours: median_hours(&rows),
            categories,
        }
    };
    Maybe::Known(groups.into_iter().map(|(key, rows)| (key, summary(rows))).collect())
}
