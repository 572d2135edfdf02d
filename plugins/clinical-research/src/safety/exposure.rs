//! How long the subjects were treated, and rates over that time.

use std::collections::BTreeMap;

use heddle_kit::stats::{normal_critical, poisson_at_least, poisson_at_most};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::treated::Treated;
use crate::study::{Column, Study};

/// Days of a mean Julian year.
const DAYS_OF_YEAR: f64 = 365.25;

/// How long an arm was treated. From the first to the last day of treatment, both counted; years have 365.25 days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Subjects whose first and last day of treatment are known.
    pub subjects: u64,
    /// Subjects of whom one of them is not known: they add no time.
    pub without_dates: u64,
    /// Subjects whose treatment ended before it began, as the data have it.
    pub end_before_start: u64,
    /// The sum of all durations as recorded, also of negative ones; null where no dates are known.
    pub patient_years_as_recorded: Option<f64>,
    /// The sum without durations that are impossible: rates with intervals use this one.
    pub patient_years: Option<f64>,
    /// Mean duration in days, without impossible ones.
    pub mean_days: Option<f64>,
}

/// Events over time. Per 100 patient-years.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Reports of subjects whose time of treatment is known and possible.
    pub events: u64,
    /// Their time, in years.
    pub patient_years: f64,
    /// Reports per 100 patient-years.
    pub rate: Option<f64>,
    /// Its exact Poisson interval (Garwood 1936, "Fiducial limits for the Poisson distribution", Biometrika 28).
    pub ci: Option<(f64, f64)>,
    /// The rate over the reference's; null for the reference itself.
    pub rate_ratio: Option<f64>,
    /// Its log-normal interval (Rothman and Greenland 2008, "Modern Epidemiology", chapter 14).
    pub rate_ratio_ci: Option<(f64, f64)>,
    /// Reasons by figure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_computable: BTreeMap<String, String>,
}

/// Calendar days between two study days, which have no day 0.
fn days_between(start: f64, end: f64) -> f64 {
    let since = |day: f64| if day > 0.0 { day - 1.0 } else { day };
    since(end) - since(start)
}

/// Days of treatment of each subject, both ends counted; None where one is not known.
pub(crate) fn durations(study: &Study) -> Vec<Option<f64>> {
    let column = |path: &str| study.subjects.field(path).and_then(Column::numbers);
    let (Some(start), Some(end)) = (column("treatment_start"), column("treatment_end")) else {
        return vec![None; study.subjects.len()];
    };
    start.iter().zip(end.iter()).map(|(s, e)| Some(days_between((*s)?, (*e)?) + 1.0)).collect()
}

/// The exposure of each arm.
pub(crate) fn exposures(durations: &[Option<f64>], treated: &Treated) -> Vec<Exposure> {
    let mut exposures = vec![Exposure::default(); treated.arms.len()];
    let mut sums = vec![(0.0, 0.0); treated.arms.len()];
    for (days, arm) in durations.iter().zip(&treated.arm_of) {
        let Some(arm) = arm.map(|a| a as usize) else { continue };
        let (Some(exposure), Some((all, possible))) = (exposures.get_mut(arm), sums.get_mut(arm)) else {
            continue;
        };
        let Some(days) = days else {
            exposure.without_dates += 1;
            continue;
        };
        exposure.subjects += 1;
        *all += days;
        if *days > 0.0 {
            *possible += days;
        } else {
            exposure.end_before_start += 1;
        }
    }
    for (exposure, (all, possible)) in exposures.iter_mut().zip(sums) {
        let n = exposure.subjects - exposure.end_before_start;
        exposure.patient_years_as_recorded = (exposure.subjects > 0).then_some(all / DAYS_OF_YEAR);
        exposure.patient_years = (n > 0).then_some(possible / DAYS_OF_YEAR);
        exposure.mean_days = (n > 0).then(|| possible / n as f64);
    }
    exposures
}

/// The exact interval of a Poisson mean of which `count` was observed: the means under which so many or more, and so many or
/// fewer, have each half of what is outside `level` (Garwood 1936).
pub(crate) fn poisson_interval(count: u64, level: f64) -> Option<(f64, f64)> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let outside = (1.0 - level) / 2.0;
    let x = count as f64;
    // The bounds are well within ten standard deviations and ten counts.
    let most = x + 10.0 * x.sqrt() + 10.0 + 40.0 * -outside.ln();
    let upper = bisected(0.0, most, |mean| poisson_at_most(count, mean).is_some_and(|p| p > outside));
    let lower = if count == 0 {
        0.0
    } else {
        bisected(0.0, x, |mean| poisson_at_least(count, mean).is_some_and(|p| p < outside))
    };
    Some((lower, upper))
}

/// Where a condition stops to hold that holds below.
fn bisected(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low + (high - low) / 2.0
}

/// The rate of so many events, compared with the reference's count and years where this is not the reference.
pub(crate) fn rate(
    events: u64,
    years: Option<f64>,
    reference: Option<(u64, Option<f64>)>,
    level: f64,
) -> Rate {
    let mut result = Rate { events, patient_years: years.unwrap_or(0.0), ..Rate::default() };
    let Some(years) = years.filter(|y| *y > 0.0) else {
        result
            .not_computable
            .insert("all".to_owned(), "not computable: no time of treatment is known".to_owned());
        return result;
    };
    result.rate = Some(100.0 * events as f64 / years);
    result.ci = poisson_interval(events, level).map(|(l, u)| (100.0 * l / years, 100.0 * u / years));
    let Some((other, other_years)) = reference else { return result };
    let ratio = match other_years.filter(|y| *y > 0.0) {
        None => Err("no time of treatment is known in the reference arm"),
        Some(_) if events == 0 && other == 0 => Err("no events in either arm"),
        Some(_) if events == 0 => Err("no events in the arm"),
        Some(_) if other == 0 => Err("no events in the reference arm"),
        Some(other_years) => Ok((events as f64 / years) / (other as f64 / other_years)),
    };
    match ratio {
        Ok(ratio) => {
            result.rate_ratio = Some(ratio);
            let spread = normal_critical(level)
                .map(|z| (z * (1.0 / events as f64 + 1.0 / other as f64).sqrt()).exp())
                .ok();
            result.rate_ratio_ci = spread.map(|s| (ratio / s, ratio * s));
        }
        Err(reason) => {
            result.not_computable.insert("rate_ratio".to_owned(), format!("not computable: {reason}"));
        }
    }
    result
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_day_zero() {
        assert_eq!(days_between(1.0, 1.0), 0.0);
        assert_eq!(days_between(-1.0, 1.0), 1.0);
        assert_eq!(days_between(-3.0, -1.0), 2.0);
        assert_eq!(days_between(5.0, -5.0), -9.0);
    }

    #[test]
    fn garwoods_table() {
        // Garwood 1936, table of 95 % limits: 0, 1, 10 and 50 events.
        for (count, low, high) in
            [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (50, 37.1110, 65.9188)]
        {
            let (l, u) = poisson_interval(count, 0.95).unwrap();
            assert!((l - low).abs() < 1e-3 && (u - high).abs() < 1e-3, "{count}: {l} {u}");
        }
        assert_eq!(poisson_interval(1, 1.0), None);
        let (l, u) = poisson_interval(1_000_000, 0.95).unwrap();
        assert!((l - 998_041.0).abs() < 2.0 && (u - 1_001_961.9).abs() < 2.0, "{l} {u}");
    }
}
