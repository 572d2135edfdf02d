//! The protocol's rules beside the endpoints: subgroups, adverse events, windows of visits and the order of dates.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::study::{AeRules, AnalysisSet, Subgroup, VisitWindow};

use super::reader::Reader;

pub(super) fn subgroups(r: &mut Reader<'_>, value: Option<&Value>) -> Vec<Subgroup> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (at, value) in r.list("subgroups", value).iter().enumerate() {
        let path = format!("subgroups[{at}]");
        let Some(map) = r.object(&path, Some(value)) else { continue };
        let Some(field) = r.text(&format!("{path}.field"), map.get("field")) else {
            r.problem(&path, "has no field", "it is ignored");
            continue;
        };
        let id = r.text(&format!("{path}.id"), map.get("id")).unwrap_or_else(|| field.clone());
        if !seen.insert(id.clone()) {
            r.problem(&path, format!("the id {id} is taken by an earlier one"), "it is ignored");
            continue;
        }
        r.unknown(&path, map, &["id", "label", "field", "cut_points"]);
        r.expects_field(&format!("{path}.field"), &field, "it is not computable");
        let given: Vec<f64> = r
            .list(&format!("{path}.cut_points"), map.get("cut_points"))
            .iter()
            .filter_map(|v| v.as_f64().filter(|v| v.is_finite()))
            .collect();
        let mut cut_points = given.clone();
        cut_points.sort_by(f64::total_cmp);
        cut_points.dedup();
        if cut_points != given {
            r.problem(&format!("{path}.cut_points"), "cut points must ascend", "they are sorted, each once");
        }
        let label = r.text(&format!("{path}.label"), map.get("label")).unwrap_or_else(|| id.clone());
        all.push(Subgroup { id, label, field, cut_points });
    }
    all
}

pub(super) fn ae(r: &mut Reader<'_>, value: Option<&Value>) -> AeRules {
    let mut rules = AeRules::default();
    let Some(map) = r.object("ae", value) else { return rules };
    rules.analysis_set = match r.text("ae.analysis_set", map.get("analysis_set")).as_deref() {
        None | Some("all") => AnalysisSet::All,
        Some("treatment_emergent") => AnalysisSet::TreatmentEmergent,
        Some(other) => {
            let message = format!("the analysis set {other:?} is not known: give all or treatment_emergent");
            r.problem("ae.analysis_set", message, "all adverse events are analysed");
            AnalysisSet::All
        }
    };
    if let Some(signal) = r.object("ae.signal", map.get("signal")) {
        rules.prr_min = r.number("ae.signal.prr_min", signal.get("prr_min")).unwrap_or(rules.prr_min);
        rules.chi2_min = r.number("ae.signal.chi2_min", signal.get("chi2_min")).unwrap_or(rules.chi2_min);
        let reports = r.number("ae.signal.min_reports", signal.get("min_reports"));
        rules.min_reports = reports.filter(|n| *n >= 0.0).map_or(rules.min_reports, |n| n as u64);
    }
    rules
}

pub(super) fn windows(r: &mut Reader<'_>, value: Option<&Value>) -> Vec<VisitWindow> {
    let mut all: Vec<VisitWindow> = Vec::new();
    for (at, value) in r.list("visit_windows", value).iter().enumerate() {
        let path = format!("visit_windows[{at}]");
        let Some(map) = r.object(&path, Some(value)) else { continue };
        let visit = r.text(&format!("{path}.visit"), map.get("visit"));
        let low = r.number(&format!("{path}.low"), map.get("low"));
        let high = r.number(&format!("{path}.high"), map.get("high"));
        let (Some(visit), Some(low), Some(high)) = (visit, low, high) else {
            r.problem(&path, "a visit with its first (low) and last day (high) is expected", "it is ignored");
            continue;
        };
        if low > high {
            r.problem(
                &path,
                format!("the first day {low} is after the last day {high}"),
                "they are exchanged",
            );
        }
        let (low, high) = (low.min(high), low.max(high));
        if !r.known.visits.is_empty() && !r.known.visits.contains(&visit) {
            r.problem(&path, format!("there is no visit {visit:?}"), "there is nothing to check");
        }
        let target_day = r.number(&format!("{path}.target_day"), map.get("target_day"));
        if target_day.is_some_and(|day| day < low || day > high) {
            r.problem(&path, "the planned day is outside the window", "the window is used as given");
        }
        if all.iter().any(|window| window.visit == visit) {
            r.problem(&path, format!("{visit:?} has a window before"), "the first window counts");
            continue;
        }
        if let Some(other) = all.iter().find(|window| window.low <= high && low <= window.high) {
            let message = format!("the windows of {visit:?} and {:?} overlap", other.visit);
            r.problem(&path, message, "each visit is checked against its own window");
        }
        all.push(VisitWindow { visit, target_day, low, high });
    }
    all
}

pub(super) fn date_order(r: &mut Reader<'_>, value: Option<&Value>) -> Vec<[String; 2]> {
    let mut all = Vec::new();
    for (at, value) in r.list("date_order", value).iter().enumerate() {
        let path = format!("date_order[{at}]");
        match r.texts(&path, Some(value)).as_slice() {
            [first, second] => {
                r.expects_field(&path, first, "there is nothing to check");
                r.expects_field(&path, second, "there is nothing to check");
                all.push([first.clone(), second.clone()]);
            }
            _ => r.problem(
                &path,
                "two different date fields are expected, the earlier one first",
                "it is ignored",
            ),
        }
    }
    all
}
