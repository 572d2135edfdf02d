//! When subjects had their first adverse event.

use std::collections::BTreeMap;

use heddle_kit::{
    stats::NotComputable,
    survival::{FollowUp, KaplanMeier, Weights, log_rank},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    events::Event,
    exposure::{Rate, rate},
    treated::Treated,
};
use crate::study::{Column, Study};

/// Days of a mean Julian year.
const DAYS_OF_YEAR: f64 = 365.25;

/// The time to the first adverse event, by Kaplan and Meier, in days of the study (day 1 is the first).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeToFirst {
    /// Where the times come from and who is left out, in words.
    pub definition: String,
    /// By arm.
    pub by_arm: BTreeMap<String, FirstOfArm>,
    /// The log-rank test against the reference, by arm: an exploratory p-value, or the reason why there is none.
    pub log_rank_p: BTreeMap<String, Value>,
}

/// An arm's times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FirstOfArm {
    /// Subjects whose time is known.
    pub n: u64,
    /// Those with an event.
    pub events: u64,
    /// Subjects with an event whose day is not known: left out.
    pub day_unknown: u64,
    /// Subjects without an event whose end of observation is not known: left out.
    pub end_unknown: u64,
    /// The median, in days; "inf" where it is not reached, or a reason.
    pub median_days: Value,
    /// Its interval, in days; each bound a number or "inf".
    pub median_ci: Value,
    /// First events per 100 patient-years at risk: exposure-adjusted incidence.
    pub incidence_rate: Rate,
    /// In plain words.
    pub statement: String,
}

/// The day on which each subject's first event began: Some(None) where it had one but no day is known.
fn first_days(study: &Study, events: &[Event]) -> Vec<Option<Option<f64>>> {
    let mut first = vec![None; study.subjects.len()];
    for event in events {
        let day = study.adverse_events.start_day.get(event.row as usize).copied().flatten();
        if let Some(known) = first.get_mut(event.subject as usize) {
            let known: &mut Option<Option<f64>> = known;
            *known = Some(match (known.flatten(), day) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            });
        }
    }
    first
}

/// Times from the study's day 1 on: events that began before it have time 0.
pub(crate) fn time_to_first(
    study: &Study,
    events: &[Event],
    treated: &Treated,
    level: f64,
) -> Result<TimeToFirst, String> {
    let end_of = |path: &str| study.subjects.field(path).and_then(Column::numbers);
    let (last, what) = match (end_of("end_of_study"), end_of("treatment_end")) {
        (Some(days), _) => (days, "end_of_study"),
        (None, Some(days)) => (days, "treatment_end"),
        _ => {
            return Err("not computable: the end of observation is not known (neither end_of_study nor treatment_end)"
                .to_owned());
        }
    };
    let first = first_days(study, events);
    if !first.iter().flatten().any(Option::is_some) && first.iter().any(Option::is_some) {
        return Err("not computable: no report has a day of onset".to_owned());
    }
    let mut found = TimeToFirst {
        definition: format!(
            "days from the first day of the study to the onset of the first report of the analysis set; subjects without one are \
             censored at {what}. Subjects with an event of unknown day, or without an event and without an end of \
             observation after day 0, are left out"
        ),
        ..TimeToFirst::default()
    };
    let mut by_arm = vec![(Vec::new(), Vec::new(), FirstOfArm::default()); treated.arms.len()];
    for (row, first) in (0u32..).zip(&first) {
        let Some((times, happened, summary)) = treated.arm(row).and_then(|arm| by_arm.get_mut(arm)) else {
            continue;
        };
        let end = last.get(row as usize).copied().flatten();
        match (first, end) {
            (Some(Some(day)), _) => {
                times.push(day.max(0.0));
                happened.push(true);
            }
            (Some(None), _) => summary.day_unknown += 1,
            (None, Some(end)) if end > 0.0 => {
                times.push(end);
                happened.push(false);
            }
            (None, _) => summary.end_unknown += 1,
        }
    }
    let follow_ups: Vec<Result<FollowUp, NotComputable>> =
        by_arm.iter().map(|(times, events, _)| FollowUp::new(times, events)).collect();
    for ((arm, name), follow_up) in treated.arms.iter().enumerate().zip(&follow_ups) {
        let mut summary = by_arm[arm].2.clone();
        let reference = by_arm.get(treated.reference).map(|(times, happened, _)| years(times, happened));
        describe(&mut summary, follow_up.as_ref(), level);
        let (n, time) = years(&by_arm[arm].0, &by_arm[arm].1);
        summary.incidence_rate = rate(n, time, reference.filter(|_| arm != treated.reference), level);
        found.by_arm.insert(name.clone(), summary);
    }
    found.log_rank_p = treated.by_other_arm(|arm| {
        let (mut times, mut happened) =
            by_arm.get(treated.reference).map(|(t, h, _)| (t.clone(), h.clone())).unwrap_or_default();
        let mut groups = vec![0; times.len()];
        times.extend(&by_arm[arm].0);
        happened.extend(&by_arm[arm].1);
        groups.resize(times.len(), 1);
        FollowUp::new(&times, &happened)
            .and_then(|both| log_rank(&both, &groups, 2, Weights::LogRank, None))
            .map_or_else(|why| Value::from(format!("not computable: {why}")), |test| Value::from(test.test.p))
    });
    Ok(found)
}

/// First events and the years at risk of them.
fn years(times: &[f64], happened: &[bool]) -> (u64, Option<f64>) {
    let days: f64 = times.iter().sum();
    (happened.iter().filter(|e| **e).count() as u64, (days > 0.0).then_some(days / DAYS_OF_YEAR))
}

fn bound(value: Result<f64, NotComputable>) -> Value {
    match value {
        Ok(days) => Value::from(days),
        Err(NotComputable::NotReached) => Value::from("inf"),
        Err(why) => Value::from(format!("not computable: {why}")),
    }
}

fn describe(summary: &mut FirstOfArm, follow_up: Result<&FollowUp, &NotComputable>, level: f64) {
    let curve = follow_up.map_err(|why| *why).and_then(|f| KaplanMeier::new(f, level));
    match curve {
        Ok(curve) => {
            summary.n = curve.n as u64;
            summary.events = curve.events as u64;
            let (low, high) = curve.median_interval();
            summary.median_days = bound(curve.median());
            summary.median_ci = Value::from(vec![bound(low), bound(high)]);
            summary.statement = match curve.median() {
                Ok(days) => format!("half of the subjects had their first event by day {days}"),
                Err(NotComputable::NotReached) => {
                    "fewer than half of the subjects had an event while they were observed".to_owned()
                }
                Err(why) => format!("the median is not computable: {why}"),
            };
        }
        Err(why) => {
            let reason = format!("not computable: {why}");
            summary.median_days = Value::from(reason.clone());
            summary.median_ci = Value::from(reason.clone());
            summary.statement = reason;
        }
    }
}
