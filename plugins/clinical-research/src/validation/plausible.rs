//! What cannot be, or can hardly be, in a validated study: flagged, and left as it is.

use heddle_kit::report::counted;

use crate::study::{Coded, Column, Study};

use super::{convert::says_missing, ledger::Ledger};

const DAYS_OF_A_YEAR: f64 = 365.25;
/// Nobody is followed for longer, in years.
const LONGEST_LIFE: f64 = 100.0;
/// How far behind the end of the study an event is a mistake rather than a late one: so many times its length, and at least so many years.
const TIMES_ITS_LENGTH: f64 = 3.0;
const YEARS_BEHIND: f64 = 5.0;

/// Check the study.
pub(super) fn check(study: &Study, ledger: &mut Ledger) {
    dead_and_completed(study, ledger);
    event_times(study, ledger);
    living_with_event(study, ledger);
}

/// Words for the severity of an adverse event, and CTCAE grades.
const SEVERITIES: [&str; 18] = [
    "mild",
    "moderate",
    "severe",
    "life threatening",
    "potentially life threatening",
    "disabling",
    "fatal",
    "death",
    "1",
    "2",
    "3",
    "4",
    "5",
    "i",
    "ii",
    "iii",
    "iv",
    "v",
];

/// Severities of which later phases cannot tell how severe they are, each with its reports.
pub(super) fn unknown_severities(severity: &Coded, place: &str, ledger: &mut Ledger) {
    let mut reports = vec![0; severity.levels.len()];
    for code in severity.codes.iter().flatten() {
        if let Some(n) = reports.get_mut(*code as usize) {
            *n += 1;
        }
    }
    for (level, n) in severity.levels.iter().zip(reports) {
        let plain: String =
            level.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        let words: Vec<&str> =
            plain.split_whitespace().filter(|word| !matches!(*word, "grade" | "ctcae")).collect();
        if !SEVERITIES.contains(&words.join(" ").as_str()) && !says_missing(level) {
            let told = format!(
                "{} in {}: neither mild, moderate, severe, life-threatening nor fatal",
                level.chars().take(40).collect::<String>(),
                counted(n, "report", "reports")
            );
            ledger.rule("severity_not_understood", None, place, told);
        }
    }
}

/// Whether an event of this endpoint is a death, and nothing else is.
fn is_death(id: &str, label: &str) -> bool {
    let plain: String = format!("{id} {label}")
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let is_overall = words.windows(2).any(|pair| pair == ["overall", "survival"]);
    let is_composite = has(&[
        "or",
        "and",
        "composite",
        "free",
        "mace",
        "relapse",
        "progression",
        "recurrence",
        "hospitalisation",
        "hospitalization",
        "first",
    ]);
    (has(&["death", "deaths", "died", "dead", "mortality", "os"]) || is_overall) && !is_composite
}

/// Who had an event of an endpoint that is death, and is not dead.
fn living_with_event(study: &Study, ledger: &mut Ledger) {
    let subjects = &study.subjects;
    let Some(deaths) = subjects.field("death").and_then(Column::booleans) else { return };
    for (id, events) in &subjects.events {
        let endpoint = study.protocol.endpoints.time_to_event.iter().find(|endpoint| endpoint.id == *id);
        if !is_death(id, endpoint.map_or("", |endpoint| endpoint.label.as_str())) {
            continue;
        }
        let field = format!("study_data.subjects[].events.{id}.event");
        for ((event, death), mask) in events.event.iter().zip(deaths.iter()).zip(&subjects.id) {
            if *event == Some(true) && *death == Some(false) {
                let told = "an event of an endpoint of death, and death is false";
                ledger.rule("death_endpoint_of_a_living_subject", Some(mask), &field, told);
            }
        }
    }
}

/// Who died did not complete the study, unless the death came behind its end: a person has to look.
fn dead_and_completed(study: &Study, ledger: &mut Ledger) {
    let subjects = &study.subjects;
    let Some(deaths) = subjects.field("death").and_then(Column::booleans) else { return };
    let completed = subjects.field("completed").and_then(Column::booleans);
    let reasons = ["disposition", "discontinuation_reason"].map(|field| {
        let column = subjects.field(field)?;
        let coded = column.categories().into_owned();
        let is: Vec<bool> =
            coded.levels.iter().map(|l| l.trim().to_lowercase().starts_with("completed")).collect();
        Some((field, coded, is))
    });
    for (row, mask) in subjects.id.iter().enumerate() {
        if deaths.get(row).copied().flatten() != Some(true) {
            continue;
        }
        let mut said = Vec::new();
        if completed.as_ref().and_then(|c| c.get(row).copied().flatten()) == Some(true) {
            said.push("completed is true".to_owned());
        }
        for (field, coded, is) in reasons.iter().flatten() {
            let code = coded.codes.get(row).copied().flatten();
            if code.and_then(|code| is.get(code as usize)) == Some(&true) {
                said.push(format!("{field} says completed"));
            }
        }
        if !said.is_empty() {
            let told = format!("death is true, and {}", said.join(" and "));
            ledger.rule("death_and_completed", Some(mask), "study_data.subjects[].death", told);
        }
    }
}

fn event_times(study: &Study, ledger: &mut Ledger) {
    let length = length(study);
    for (id, events) in &study.subjects.events {
        let endpoint = study.protocol.endpoints.time_to_event.iter().find(|endpoint| endpoint.id == *id);
        let unit = endpoint.and_then(|endpoint| endpoint.unit.as_deref());
        let days = days_of(unit);
        let field = format!("study_data.subjects[].events.{id}.time");
        let planned =
            endpoint.map_or(0.0, |e| e.times.iter().copied().chain(e.rmst_tau).fold(0.0, f64::max)) * days;
        let far = length.map(|length| {
            let length = length.max(planned);
            (TIMES_ITS_LENGTH * length).max(length + YEARS_BEHIND * DAYS_OF_A_YEAR)
        });
        let unit = unit.unwrap_or("days, as no unit is given");
        for (time, mask) in events.time.iter().zip(&study.subjects.id) {
            let Some(time) = *time else { continue };
            if time * days > LONGEST_LIFE * DAYS_OF_A_YEAR {
                let told = format!("{time} is more than 100 years (in {unit})");
                ledger.rule("event_time_impossible", Some(mask), &field, told);
            } else if far.is_some_and(|far| time * days > far) {
                let told = format!("{time} is far behind the end of the study (in {unit})");
                ledger.rule("event_time_beyond_study", Some(mask), &field, told);
            }
        }
    }
}

/// Days in a unit of time; a day where it is not known.
fn days_of(unit: Option<&str>) -> f64 {
    let unit = unit.map(|unit| unit.trim().to_lowercase()).unwrap_or_default();
    match unit.trim_end_matches('s') {
        "h" | "hour" | "hr" => 1.0 / 24.0,
        "w" | "wk" | "week" => 7.0,
        "m" | "mo" | "month" => DAYS_OF_A_YEAR / 12.0,
        "y" | "yr" | "year" => DAYS_OF_A_YEAR,
        _ => 1.0,
    }
}

/// The study's length in days: the latest study day of any date or visit but for the highest hundredth, which may be mistakes.
fn length(study: &Study) -> Option<f64> {
    let days = study.subjects.fields.values().filter_map(|column| match column {
        Column::Day(days) => Some(days),
        _ => None,
    });
    days.chain([&study.visits.day]).filter_map(|days| high(days)).reduce(f64::max)
}

fn high(days: &[Option<f64>]) -> Option<f64> {
    let mut days: Vec<f64> = days.iter().flatten().copied().filter(|day| *day > 0.0).collect();
    let at = days.len().checked_sub(1)? * 99 / 100;
    let (_, day, _) = days.select_nth_unstable_by(at, f64::total_cmp);
    Some(*day)
}
