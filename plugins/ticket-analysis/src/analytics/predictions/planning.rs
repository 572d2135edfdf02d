//! Resource planning: what arrivals, throughput, backlog and stated capacity say together, with the sums shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, Forecast};
use crate::{
    analytics::{
        calendar::{DAY, day_of, monday_of},
        data::Dataset,
        metrics::{Maybe, Metrics},
        words::{hours, plural},
    },
    ticket::Priority,
};

/// Arrivals and resolutions are averaged over so many complete weeks.
const WEEKS: i64 = 8;
/// Below this many resolutions a median says little of a tier.
const LEAST_FOR_MEDIAN: usize = 5;

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

/// Tickets created and resolved in the latest complete weeks.
struct Flow {
    weeks: f64,
    created: usize,
    resolved: usize,
}

fn flow(data: &Dataset, of: impl Fn(&crate::analytics::data::Row) -> bool) -> Flow {
    let end = monday_of(day_of(data.as_of)) * DAY;
    let start = end - WEEKS * 7 * DAY;
    let within = |time: Option<i64>| time.is_some_and(|t| t >= start && t < end);
    let rows = || data.rows.iter().filter(|row| of(row));
    Flow {
        weeks: WEEKS as f64,
        created: rows().filter(|r| within(r.created)).count(),
        resolved: rows().filter(|r| within(r.resolved)).count(),
    }
}

pub(super) fn recommend(
    data: &Dataset,
    metrics: &Metrics,
    weekly: &Maybe<Forecast>,
    teams: &[TeamCapacity],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = flow(data, |_| true);
    let has_dates = data.rows.iter().any(|r| r.resolved.is_some()) && all.created + all.resolved > 0;
    if has_dates {
        findings.push(balance(&all, metrics));
        findings.extend(expected(&all, weekly));
    }
    findings.extend(teams.iter().filter_map(|team| capacity(data, team)));
    findings.extend(urgent(data));
    findings.extend(tiers(metrics));
    findings.extend(crowded_day(data));
    findings
}

fn open(metrics: &Metrics) -> Option<usize> {
    metrics.resolution_hours.known().map(|r| r.open_at_as_of)
}

/// Is more coming in than going out, and what is the backlog worth.
fn balance(flow: &Flow, metrics: &Metrics) -> Finding {
    let (arrivals, throughput) = (flow.created as f64 / flow.weeks, flow.resolved as f64 / flow.weeks);
    let gap = arrivals - throughput;
    let (title, mut text) = if flow.created > flow.resolved {
        (
            "More arrives than is resolved",
            format!(
                "Over the last {WEEKS} complete weeks {arrivals:.1} tickets a week arrived and {throughput:.1} were resolved: keeping up took {gap:.1} more resolutions a week."
            ),
        )
    } else if flow.created < flow.resolved {
        (
            "The backlog is shrinking",
            format!(
                "Over the last {WEEKS} complete weeks {throughput:.1} tickets a week were resolved and {arrivals:.1} arrived: {:.1} a week came off the backlog.",
                -gap
            ),
        )
    } else {
        (
            "Arrivals and resolutions are even",
            format!(
                "Over the last {WEEKS} complete weeks {arrivals:.1} tickets a week arrived and as many were resolved."
            ),
        )
    };
    let mut sums = format!(
        "{} created / {WEEKS} = {arrivals:.2} a week; {} resolved / {WEEKS} = {throughput:.2} a week.",
        flow.created, flow.resolved
    );
    if let Some(open) = open(metrics).filter(|open| *open > 0) {
        if flow.resolved > 0 {
            let weeks = open as f64 / throughput;
            text.push_str(&format!(
                " The {} are as much as {weeks:.1} weeks of work at that throughput.",
                plural(open, "open ticket")
            ));
            sums.push_str(&format!(" {open} open / {throughput:.2} = {weeks:.1} weeks."));
        } else {
            text.push_str(&format!(
                " {} wait, and none was resolved in that time.",
                plural(open, "open ticket")
            ));
        }
    }
    Finding { title: title.to_owned(), text, arithmetic: sums }
}

/// Does the throughput suffice for the forecast.
fn expected(flow: &Flow, weekly: &Maybe<Forecast>) -> Option<Finding> {
    let forecast = weekly.known()?;
    let n = forecast.ahead.len();
    let total: f64 = forecast.ahead.iter().map(|p| p.mean).sum();
    let throughput = flow.resolved as f64 / flow.weeks;
    let can = throughput * n as f64;
    let difference = total - can;
    let comparison = if difference.abs() < 0.5 {
        "about as many as".to_owned()
    } else if difference > 0.0 {
        format!("{difference:.0} more than")
    } else {
        format!("{:.0} fewer than", -difference)
    };
    Some(Finding {
        title: format!("The next {}", plural(n, "week")),
        text: format!(
            "{total:.0} tickets are expected in {}, {comparison} the throughput of the last {WEEKS} weeks would resolve.",
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
    let of_team = |row: &crate::analytics::data::Row| row.team.as_deref() == Some(name);
    let routed = data.rows.iter().any(of_team);
    let flow = flow(data, of_team);
    let arrivals = flow.created as f64 / flow.weeks;
    if !routed || *capacity <= 0.0 {
        return None;
    }
    let use_pct = 100.0 * arrivals / capacity;
    let verdict = if arrivals > *capacity { "more than it can do" } else { "within what it can do" };
    Some(Finding {
        title: format!("{name}: {use_pct:.0} % of its capacity"),
        text: format!(
            "{arrivals:.1} tickets a week are routed to {name}, which states a capacity of {capacity:.1} a week: {verdict}."
        ),
        arithmetic: format!(
            "{} routed / {WEEKS} weeks = {arrivals:.2}; {arrivals:.2} / {capacity:.2} = {use_pct:.0} %.",
            flow.created
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

/// The tier that fares worst against its target.
fn tiers(metrics: &Metrics) -> Option<Finding> {
    let sla = metrics.sla.known()?;
    let (tier, worst) =
        sla.by_tier.iter().filter(|(_, t)| t.tally.met + t.tally.breached >= LEAST_FOR_MEDIAN).min_by(
            |a, b| {
                a.1.tally
                    .compliance_pct
                    .partial_cmp(&b.1.tally.compliance_pct)
                    .unwrap_or(std::cmp::Ordering::Equal)
            },
        )?;
    let pct = worst.tally.compliance_pct.filter(|pct| *pct < 100.0)?;
    let decided = worst.tally.met + worst.tally.breached;
    let target = worst.target_hours.map_or_else(String::new, |h| format!(" (target {})", hours(h)));
    let median = metrics.resolution_hours.known().and_then(|r| r.by_tier.known()?.get(tier));
    let usual = median.filter(|m| m.n >= LEAST_FOR_MEDIAN).map_or_else(String::new, |m| {
        format!(" Half of the tier's resolved tickets took longer than {} (wall-clock).", hours(m.median))
    });
    Some(Finding {
        title: format!("SLA: {tier} fares worst"),
        text: format!("{pct:.1} % of the decided {tier} tickets met their SLA{target}.{usual}"),
        arithmetic: format!(
            "{} met / ({} met + {} breached = {decided}) = {pct:.1} %; tiers with fewer than {LEAST_FOR_MEDIAN} decided tickets are left aside.",
            worst.tally.met, worst.tally.met, worst.tally.breached
        ),
    })
}

/// The weekday with the most arrivals.
fn crowded_day(data: &Dataset) -> Option<Finding> {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let mut counts = [0_usize; 7];
    for day in data.rows.iter().filter_map(|r| r.created_day()) {
        counts[usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)] += 1;
    }
    let total: usize = counts.iter().sum();
    // With fewer, the largest of seven counts is mostly chance.
    if total < 100 {
        return None;
    }
    let (day, most) = counts.iter().enumerate().max_by_key(|(k, n)| (**n, 7 - *k))?;
    let weekend = counts[5] + counts[6];
    let pct = |n: usize| 100.0 * n as f64 / total as f64;
    Some(Finding {
        title: format!("{} is the busiest day", NAMES[day]),
        text: format!(
            "{:.1} % of the tickets arrived on a {}, {:.1} % at the weekend (UTC); with even arrivals it would be 14.3 % and 28.6 %.",
            pct(*most),
            NAMES[day],
            pct(weekend)
        ),
        arithmetic: format!("{most} / {total} and {weekend} / {total}."),
    })
}
