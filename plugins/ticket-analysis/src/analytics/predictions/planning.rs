//! Resource planning: what arrivals, throughput, backlog and stated capacity say together, with the sums shown.

use heddle_kit::stats::{count_interval, paired_count_interval};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, Forecast, ForecastPoint, contrasts};
use crate::{
    analytics::{
        calendar::{DAY, day_of, monday_of},
        data::{Dataset, Row},
        metrics::{Maybe, Metrics},
        words::{hours, plural},
    },
    ticket::Priority,
};

/// Arrivals and resolutions are averaged over so many complete weeks.
const WEEKS: i64 = 8;

/// A team as this phase needs it: its name, or an object with a name. Other keys belong to `priority_scoring`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TeamCapacity {
    /// Its name alone.
    Name(String),
    /// With what it can do.
    Team {
        /// As `priority_scoring` routes to it.
        name: String,
        /// Tickets that it can resolve in a week.
        #[serde(default, alias = "capacity_per_week")]
        capacity: Option<f64>,
    },
}

/// Tickets created and resolved in each of the latest complete weeks.
struct Flow {
    created: Vec<f64>,
    resolved: Vec<f64>,
}

impl Flow {
    fn arrivals(&self) -> f64 {
        total(&self.created) / WEEKS as f64
    }

    fn throughput(&self) -> f64 {
        total(&self.resolved) / WEEKS as f64
    }
}

fn total(counts: &[f64]) -> f64 {
    counts.iter().sum()
}

fn flow(data: &Dataset, of: impl Fn(&Row) -> bool) -> Flow {
    let start = (monday_of(day_of(data.as_of)) - WEEKS * 7) * DAY;
    let weekly = |time: fn(&Row) -> Option<i64>| {
        let mut counts = vec![0.0; WEEKS as usize];
        for at in data.rows.iter().filter(|row| of(row)).filter_map(time) {
            let week = usize::try_from((at - start).div_euclid(7 * DAY)).ok();
            if let Some(count) = week.and_then(|week| counts.get_mut(week)) {
                *count += 1.0;
            }
        }
        counts
    };
    Flow { created: weekly(|row| row.created), resolved: weekly(|row| row.resolved) }
}

pub(super) fn recommend(
    data: &Dataset,
    metrics: &Metrics,
    weekly: &Maybe<Forecast>,
    teams: &[TeamCapacity],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = flow(data, |_| true);
    let has_dates =
        data.rows.iter().any(|r| r.resolved.is_some()) && total(&all.created) + total(&all.resolved) > 0.0;
    if has_dates {
        findings.push(balance(&all, metrics));
        findings.extend(expected(&all, weekly));
    }
    findings.extend(teams.iter().filter_map(|team| capacity(data, team)));
    findings.extend(urgent(data));
    findings.extend(contrasts::tiers(metrics));
    findings.extend(contrasts::weekdays(data));
    findings
}

fn open(metrics: &Metrics) -> Option<usize> {
    metrics.resolution_hours.known().map(|r| r.open_at_as_of)
}

/// Is more coming in than going out, and what is the backlog worth. Which of the two is said only where the interval of the
/// weekly difference excludes zero.
fn balance(flow: &Flow, metrics: &Metrics) -> Finding {
    let (arrivals, throughput) = (flow.arrivals(), flow.throughput());
    let interval = paired_count_interval(&flow.created, &flow.resolved, 0.95);
    let title = match interval {
        Some((low, _)) if low > 0.0 => "More arrived than was resolved",
        Some((_, high)) if high < 0.0 => "More was resolved than arrived",
        _ => "Arrivals and resolutions: no clear difference",
    };
    let mut text = format!(
        "Over the last {WEEKS} complete weeks {arrivals:.1} tickets a week arrived and {throughput:.1} were resolved."
    );
    let mut sums = format!(
        "{} created / {WEEKS} = {arrivals:.2} a week; {} resolved / {WEEKS} = {throughput:.2} a week.",
        total(&flow.created),
        total(&flow.resolved)
    );
    if let Some((low, high)) = interval {
        sums.push_str(&format!(
            " Difference {:+.2} a week, 95 % interval {low:+.2} to {high:+.2} (Student's t over {WEEKS} weeks).",
            arrivals - throughput
        ));
    }
    if let Some(open) = open(metrics).filter(|open| *open > 0) {
        if throughput > 0.0 {
            let weeks = |rate: f64| open as f64 / rate;
            let range = match count_interval(&flow.resolved, 0.95) {
                Some((low, high)) if low > 0.0 => format!(" ({:.1} to {:.1}", weeks(high), weeks(low)),
                Some((_, high)) => format!(" (at least {:.1}", weeks(high)),
                None => " (one throughput".to_owned(),
            };
            text.push_str(&format!(
                " The {} are as much as {:.1} weeks of work{range} by the 95 % interval of the throughput), were none to arrive.",
                plural(open, "open ticket"),
                weeks(throughput)
            ));
            sums.push_str(&format!(" {open} open / {throughput:.2} = {:.1} weeks.", weeks(throughput)));
        } else {
            text.push_str(&format!(
                " {} wait, and none was resolved in that time.",
                plural(open, "open ticket")
            ));
        }
    }
    Finding { title: title.to_owned(), text, arithmetic: sums }
}

/// What the throughput would resolve, beside the forecast and the range of its weeks.
fn expected(flow: &Flow, weekly: &Maybe<Forecast>) -> Option<Finding> {
    let forecast = weekly.known()?;
    let n = forecast.ahead.len();
    let total: f64 = forecast.ahead.iter().map(|p| p.mean).sum();
    let throughput = flow.throughput();
    let can = throughput * n as f64;
    let bound = |of: fn(&ForecastPoint) -> Option<f64>| forecast.ahead.iter().map(of).sum::<Option<f64>>();
    let range = bound(|p| p.lower_80).zip(bound(|p| p.upper_80));
    let verdict = match range {
        Some((low, _)) if can < low => "less than even the lower bounds add up to",
        Some((_, high)) if can > high => "more than even the upper bounds add up to",
        Some(_) => "which is within that range",
        None => "which cannot be compared without intervals",
    };
    let range = range.map_or_else(
        || "too few past forecasts for an interval".to_owned(),
        |(low, high)| format!("the bounds of the weeks' 80 % intervals add up to {low:.0} and {high:.0}"),
    );
    Some(Finding {
        title: format!("The next {}", plural(n, "week")),
        text: format!(
            "{total:.0} tickets are expected in {} ({range}); the throughput of the last {WEEKS} weeks would resolve {can:.0}, {verdict}.",
            plural(n, "week")
        ),
        arithmetic: format!(
            "Sum of the point forecasts = {total:.1}; {throughput:.2} resolved a week x {n} = {can:.1}. The forecast's intervals are in analytics_summary.json."
        ),
    })
}

/// A team's arrivals against what it says it can do.
fn capacity(data: &Dataset, team: &TeamCapacity) -> Option<Finding> {
    let TeamCapacity::Team { name, capacity: Some(capacity) } = team else { return None };
    let of_team = |row: &Row| row.team.as_deref() == Some(name);
    let routed = data.rows.iter().any(of_team);
    let flow = flow(data, of_team);
    let arrivals = flow.arrivals();
    if !routed || *capacity <= 0.0 {
        return None;
    }
    let use_pct = 100.0 * arrivals / capacity;
    let (low, high) = count_interval(&flow.created, 0.95)?;
    let verdict = if low > *capacity {
        "more than it can do"
    } else if high < *capacity {
        "within what it can do"
    } else {
        "too close to tell whether it is more than it can do"
    };
    Some(Finding {
        title: format!("{name}: {use_pct:.0} % of its capacity"),
        text: format!(
            "{arrivals:.1} tickets a week (95 % interval {:.1} to {high:.1}) were routed to {name}, which states a capacity of {capacity:.1} a week: {verdict}.",
            low.max(0.0)
        ),
        arithmetic: format!(
            "{} routed / {WEEKS} weeks = {arrivals:.2}; {arrivals:.2} / {capacity:.2} = {use_pct:.0} %.",
            total(&flow.created)
        ),
    })
}

/// Urgent work that waits.
fn urgent(data: &Dataset) -> Option<Finding> {
    let waiting: Vec<_> = data
        .rows
        .iter()
        .filter(|r| r.priority.is_some_and(|p| p <= Priority::P1) && r.open_now() == Some(true))
        .collect();
    let oldest =
        waiting.iter().filter_map(|r| r.created.map(|c| (c, r))).min_by_key(|(c, r)| (*c, r.id.clone()))?;
    let age = (data.as_of - oldest.0) as f64 / 3600.0;
    let immediate = waiting.iter().filter(|r| r.priority == Some(Priority::P0)).count();
    Some(Finding {
        title: "Urgent tickets wait".to_owned(),
        text: format!(
            "{} of priority P0 or P1 {} open ({immediate} of them P0); the oldest, {}, has been for {}.",
            plural(waiting.len(), "ticket"),
            if waiting.len() == 1 { "is" } else { "are" },
            oldest.1.id,
            hours(age)
        ),
        arithmetic: String::new(),
    })
}
