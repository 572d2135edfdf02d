//! What stands out among tiers and weekdays: named only where it differs by more than chance would give.

use heddle_kit::stats::{fisher_exact, holm, paired_count_interval, wilson_interval};

use super::Finding;
use crate::analytics::{
    calendar::{day_of, iso, monday_of},
    data::Dataset,
    metrics::{Metrics, SlaTier, WEEK, complete_weeks},
    words::hours,
};

/// Of a tier with fewer decided tickets, and fewer resolutions for a median, little can be said.
const LEAST_DECIDED: usize = 5;
/// Fewer complete weeks or dated tickets do not tell weekdays apart.
const LEAST_WEEKS: usize = 8;
const LEAST_TICKETS: usize = 100;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The tier with the lowest compliance, if it is lower than that of all others together.
pub(super) fn tiers(metrics: &Metrics) -> Option<Finding> {
    let sla = metrics.sla.known()?;
    let decided = |t: &SlaTier| t.tally.met + t.tally.breached;
    let tiers: Vec<(&String, &SlaTier)> =
        sla.by_tier.iter().filter(|(_, t)| decided(t) >= LEAST_DECIDED).collect();
    let lowest = |a: &&(&String, &SlaTier), b: &&(&String, &SlaTier)| {
        let pct = |t: &SlaTier| t.tally.compliance_pct.unwrap_or(f64::INFINITY);
        pct(a.1).total_cmp(&pct(b.1))
    };
    let (tier, worst) = tiers.iter().min_by(lowest)?;
    let pct = worst.tally.compliance_pct.filter(|pct| *pct < 100.0)?;
    // Each tier against the others together; the lowest was picked after the fact, so all tests count.
    let met: usize = tiers.iter().map(|(_, t)| t.tally.met).sum();
    let breached: usize = tiers.iter().map(|(_, t)| t.tally.breached).sum();
    let test = |t: &SlaTier| {
        let own = (t.tally.met as u64, t.tally.breached as u64);
        fisher_exact(own, (met as u64 - own.0, breached as u64 - own.1))
    };
    let p_values: Option<Vec<f64>> = tiers.iter().map(|(_, t)| test(t)).collect();
    let p = p_values.and_then(|p| {
        let at = tiers.iter().position(|(name, _)| name == tier)?;
        holm(&p).get(at).copied()
    });
    let title = match p {
        Some(p) if p < 0.05 => format!("SLA: {tier} fares worse than the other tiers"),
        Some(_) => "SLA: no tier clearly fares worse than the others".to_owned(),
        None => format!("SLA: {tier}"),
    };
    let n = decided(worst);
    let interval = wilson_interval(worst.tally.met as u64, n as u64, 0.95)
        .map_or_else(String::new, |(low, high)| {
            format!(" (95 % interval {:.1} to {:.1} %)", 100.0 * low, 100.0 * high)
        });
    let target = worst.target_hours.map_or_else(String::new, |h| format!("; its target is {}", hours(h)));
    let others = match (met + breached - n, p) {
        (others, Some(_)) if others > 0 => {
            let pct = 100.0 * (met - worst.tally.met) as f64 / others as f64;
            format!(" Of the {others} of the other tiers it was {pct:.1} %.")
        }
        _ => String::new(),
    };
    let median = metrics.resolution_hours.known().and_then(|r| r.by_tier.known()?.get(*tier));
    let usual = median.filter(|m| m.n >= LEAST_DECIDED).map_or_else(String::new, |m| {
        format!(
            " Half of the tier's {} resolved tickets took longer than {} (wall-clock).",
            m.n,
            hours(m.median)
        )
    });
    let p = p.map_or_else(String::new, |p| {
        format!(
            " Fisher's exact test against the others, adjusted for {} tiers (Holm): p = {p:.3}.",
            tiers.len()
        )
    });
    Some(Finding {
        title,
        text: format!(
            "{pct:.1} % of the {n} decided {tier} tickets met their SLA{interval}{target}.{others}{usual}"
        ),
        arithmetic: format!(
            "{} met / ({} met + {} breached = {n}) = {pct:.1} %; tiers with fewer than {LEAST_DECIDED} decided tickets are left aside.{p}",
            worst.tally.met, worst.tally.met, worst.tally.breached
        ),
    })
}

/// The weekday with the most arrivals, if it has more than the next one by more than the weeks differ anyway.
pub(super) fn weekdays(data: &Dataset) -> Option<Finding> {
    let (first, counts) = complete_weeks(data).ok()?;
    let total: u64 = counts.iter().sum();
    if counts.len() < LEAST_WEEKS || total < LEAST_TICKETS as u64 {
        return None;
    }
    let mut weeks = vec![vec![0.0; counts.len()]; 7];
    for day in data.rows.iter().filter_map(|r| r.created_day()) {
        let week = usize::try_from((monday_of(day) - first) / WEEK).ok().filter(|week| *week < counts.len());
        let weekday = usize::try_from((day + 3).rem_euclid(7)).ok();
        if let (Some(week), Some(weekday)) = (week, weekday) {
            weeks[weekday][week] += 1.0;
        }
    }
    let sum = |day: usize| weeks[day].iter().sum::<f64>();
    let mut days: Vec<usize> = (0..7).collect();
    days.sort_by(|a, b| sum(*b).total_cmp(&sum(*a)));
    let (top, next) = (days[0], days[1]);
    // The day was picked after the fact: it is compared with six others.
    let (low, high) = paired_count_interval(&weeks[top], &weeks[next], 1.0 - 0.05 / 6.0)?;
    let title = if low > 0.0 {
        format!("{} is the busiest day", WEEKDAYS[top])
    } else {
        "No weekday is clearly the busiest".to_owned()
    };
    let pct = |n: f64| 100.0 * n / total as f64;
    let weekend = sum(5) + sum(6);
    let n = counts.len();
    Some(Finding {
        title,
        text: format!(
            "In the {n} complete weeks from {} to {} {:.1} % of the tickets arrived on a {}, {:.1} % on a {} and {:.1} % at the weekend (UTC); with even arrivals it would be 14.3 %, 14.3 % and 28.6 %.",
            iso(first),
            iso(monday_of(day_of(data.as_of)) - 1),
            pct(sum(top)),
            WEEKDAYS[top],
            pct(sum(next)),
            WEEKDAYS[next],
            pct(weekend)
        ),
        arithmetic: format!(
            "{}, {} and {weekend} of {total}; {} less {} a week: {:+.2}, {low:+.2} to {high:+.2} (95 % interval over {n} weeks, adjusted for 6 comparisons).",
            sum(top),
            sum(next),
            WEEKDAYS[top],
            WEEKDAYS[next],
            (sum(top) - sum(next)) / n as f64
        ),
    })
}
