//! Arrivals by week, and what was open at each week's end.

use std::collections::BTreeMap;

use heddle_kit::stats;
use schemars::JsonSchema;
use serde::Serialize;

use super::Maybe;
use crate::{
    analytics::{
        calendar::{DAY, day_of, iso, monday_of},
        data::{Dataset, Row},
    },
    standing::Standing,
};

/// A week beyond this many robust standard deviations above the median is called unusual.
const OUTLIER_Z: f64 = 3.0;
/// A week whose days are all known has this many.
pub(in crate::analytics) const WEEK: i64 = 7;
/// Where the state of more than one in so many dated tickets is unknown, nobody can say how large the backlog was.
const FEW_UNKNOWN: usize = 20;
/// No series is longer: a ticket dated centuries ago is a slip of the pen, and must not cost memory.
const MOST_WEEKS: i64 = 52 * 120;

/// Arrivals by week.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Volume {
    /// Weeks are those of UTC, Monday to Sunday.
    pub week_starts_monday_utc: bool,
    /// Tickets created, by the week's Monday; weeks without one included, up to the week of `as_of`.
    pub weekly: BTreeMap<String, u64>,
    /// Whether the week of `as_of` is not over, so that its count is not final.
    pub last_week_is_incomplete: bool,
    /// Mondays of weeks with 0.6745 * (count - median) / MAD > 3 (Iglewicz and Hoaglin's modified z, upper side).
    pub outlier_weeks_robust_z_gt_3: Maybe<Vec<String>>,
    /// Mean of the last 8 complete weeks, and of the 8 before; absent with fewer than 16 complete weeks.
    pub mean_last_8_weeks: Option<f64>,
    /// See `mean_last_8_weeks`.
    pub mean_8_weeks_before: Option<f64>,
    /// 95 % interval of the difference of the two, tickets a week; only where it excludes 0 has the volume changed by more
    /// than weeks differ anyway.
    pub difference_ci_95: Option<[f64; 2]>,
    /// Tickets without a creation date up to `as_of`.
    pub undated: usize,
}

/// The first and the last Monday that the weekly figures cover.
fn weeks(data: &Dataset) -> Result<(i64, i64), String> {
    let last = monday_of(day_of(data.as_of));
    let days = data.rows.iter().filter_map(Row::created_day).filter(|day| monday_of(*day) <= last);
    let first = days.min().map(monday_of).ok_or("no ticket has a creation date at or before as_of")?;
    if (last - first) / WEEK > MOST_WEEKS {
        return Err(format!(
            "the earliest ticket is dated {}, more than {} years before as_of; correct that date",
            iso(first),
            MOST_WEEKS / 52
        ));
    }
    Ok((first, last))
}

/// Tickets created at or before `as_of` in each period of `step` days from `first`, `n` periods.
pub(in crate::analytics) fn counts(data: &Dataset, first: i64, step: i64, n: usize) -> Vec<u64> {
    let mut counts = vec![0; n];
    for day in data.rows.iter().filter_map(Row::created_day) {
        let slot = usize::try_from((day - first).div_euclid(step)).ok();
        if let Some(count) = slot.and_then(|slot| counts.get_mut(slot)) {
            *count += 1;
        }
    }
    counts
}

/// The complete weeks: the first Monday and the counts.
pub(in crate::analytics) fn complete_weeks(data: &Dataset) -> Result<(i64, Vec<u64>), String> {
    let (first, last) = weeks(data)?;
    let n = usize::try_from((last - first) / WEEK).unwrap_or(0);
    Ok((first, counts(data, first, WEEK, n)))
}

pub(super) fn volume(data: &Dataset) -> Maybe<Volume> {
    let (first, last) = match weeks(data) {
        Ok(span) => span,
        Err(reason) => return Maybe::because(reason),
    };
    let n = usize::try_from((last - first) / WEEK + 1).unwrap_or(0);
    let counts = counts(data, first, WEEK, n);
    let mondays = (0..).map(|k| iso(first + k * WEEK));
    let outliers = outliers(&counts).map_or_else(Maybe::because, |weeks| {
        Maybe::Known(weeks.into_iter().map(|k| iso(first + k as i64 * WEEK)).collect())
    });
    let complete = &counts[..n - 1];
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len() as f64;
    let recent = complete.len().checked_sub(16).map(|at| complete[at..].split_at(8));
    let difference = recent.and_then(|(before, now)| {
        let weeks = |part: &[u64]| part.iter().map(|n| *n as f64).collect::<Vec<_>>();
        stats::count_difference_interval(&weeks(now), &weeks(before), 0.95)
    });
    Maybe::Known(Volume {
        difference_ci_95: difference.map(|(low, high)| [low, high]),
        week_starts_monday_utc: true,
        weekly: mondays.zip(counts.iter().copied()).collect(),
        last_week_is_incomplete: data.as_of < (last + WEEK) * DAY,
        outlier_weeks_robust_z_gt_3: outliers,
        mean_last_8_weeks: recent.map(|(_, now)| mean(now)),
        mean_8_weeks_before: recent.map(|(before, _)| mean(before)),
        undated: data.rows.iter().filter(|row| row.created.is_none()).count(),
    })
}

/// Indices of the unusual weeks.
fn outliers(counts: &[u64]) -> Result<Vec<usize>, &'static str> {
    let values: Vec<f64> = counts.iter().map(|c| *c as f64).collect();
    let z = stats::robust_z(&values)
        .ok_or("more than half of the weeks have the same count, so the robust deviation is zero")?;
    Ok((0..z.len()).filter(|k| z[*k] > OUTLIER_Z).collect())
}

pub(super) fn backlog(data: &Dataset) -> Maybe<BTreeMap<String, u64>> {
    let (first, last) = match weeks(data) {
        Ok(span) => span,
        Err(reason) => return Maybe::because(reason),
    };
    let n = usize::try_from((last - first) / WEEK + 1).unwrap_or(0);
    let dated = || data.rows.iter().filter(|row| row.created.is_some());
    if !dated().any(Row::open_span_known) {
        return Maybe::because(
            "no dated ticket states whether it is open: neither status nor resolution date is given",
        );
    }
    let (unknown, all) = (dated().filter(|row| row.standing == Standing::Unknown).count(), dated().count());
    if unknown * FEW_UNKNOWN > all {
        return Maybe::because(format!(
            "{unknown} of {all} dated tickets state neither a status nor a resolution date, so how many were open at any \
             time is not known"
        ));
    }
    let mut change = vec![0_i64; n];
    // A ticket counts from its week on, and no more from the week of its resolution on.
    for row in dated().filter(|row| row.open_span_known()) {
        let Some(created) = row.created_day() else { continue };
        let ends = [(Some(created), 1), (row.resolved.map(|t| day_of(t).max(created)), -1)];
        for (day, step) in ends {
            let slot = day.and_then(|day| usize::try_from((day - first).div_euclid(WEEK)).ok());
            if let Some(slot) = slot.and_then(|slot| change.get_mut(slot)) {
                *slot += step;
            }
        }
    }
    let mut open = 0;
    let levels = change.iter().map(|step| {
        open += step;
        u64::try_from(open).unwrap_or(0)
    });
    Maybe::Known((0..).map(|k| iso(first + k * WEEK)).zip(levels).collect())
}
