//! Shares and loads: by category, priority, team, assignee, product, component.

use std::collections::BTreeMap;

use heddle_kit::stats;
use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::analytics::{
    calendar::{DAY, month},
    data::{Dataset, Row},
    words::priority_name,
};

/// So many days make "recent" in loads.
const RECENT_DAYS: i64 = 28;

/// Part of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// Tickets.
    pub n: usize,
    /// Per cent of the tickets that have the property at all.
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
    /// Of those, P0 or P1.
    pub open_p0_p1: usize,
    /// Created in the 28 days before `as_of`.
    pub created_last_28_days: usize,
    /// Resolved in the 28 days before `as_of`.
    pub resolved_last_28_days: usize,
    /// Median hours from creation to resolution; absent if nothing was resolved.
    pub median_resolution_hours: Option<f64>,
}

/// The tickets of a product or a component.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupSummary {
    /// All tickets.
    pub n: usize,
    /// Per cent of the tickets that name one.
    pub pct: f64,
    /// Open at `as_of` (those whose state is known).
    pub open: usize,
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

fn shares(counts: BTreeMap<String, usize>) -> BTreeMap<String, Share> {
    let total: usize = counts.values().sum();
    counts.into_iter().map(|(key, n)| (key, Share { n, pct: 100.0 * n as f64 / total as f64 })).collect()
}

pub(super) fn categories(data: &Dataset) -> Maybe<CategoryMix> {
    let groups = grouped(data, |r| r.category.as_deref());
    if groups.is_empty() {
        return Maybe::because("no ticket has a category");
    }
    let mut months: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for row in &data.rows {
        let dated = row.created_day().filter(|_| row.created <= Some(data.as_of));
        if let (Some(day), Some(category)) = (dated, &row.category) {
            *months.entry(month(day)).or_default().entry(category.clone()).or_default() += 1;
        }
    }
    let counts: BTreeMap<String, usize> = groups.into_iter().map(|(key, rows)| (key, rows.len())).collect();
    Maybe::Known(CategoryMix {
        without: data.rows.len() - counts.values().sum::<usize>(),
        overall: shares(counts),
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
    if counts.is_empty() { Maybe::because("no ticket has a priority") } else { Maybe::Known(shares(counts)) }
}

fn is_open(row: &Row, as_of: i64) -> bool {
    row.open_now(as_of) == Some(true)
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
    let from = data.as_of - RECENT_DAYS * DAY;
    let recent = |time: Option<i64>| time.is_some_and(|t| t >= from && t < data.as_of);
    let summary = |rows: Vec<&Row>| LoadSummary {
        n: rows.len(),
        open: rows.iter().filter(|r| is_open(r, data.as_of)).count(),
        open_p0_p1: rows
            .iter()
            .filter(|r| is_open(r, data.as_of))
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
    let total: usize = groups.values().map(Vec::len).sum();
    let summary = |rows: Vec<&Row>| {
        let mut categories: BTreeMap<String, usize> = BTreeMap::new();
        for category in rows.iter().filter_map(|row| row.category.clone()) {
            *categories.entry(category).or_default() += 1;
        }
        GroupSummary {
            n: rows.len(),
            pct: 100.0 * rows.len() as f64 / total as f64,
            open: rows.iter().filter(|r| is_open(r, data.as_of)).count(),
            median_resolution_hours: median_hours(&rows),
            categories,
        }
    };
    Maybe::Known(groups.into_iter().map(|(key, rows)| (key, summary(rows))).collect())
}
