//! The protocol's endpoints.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::study::{Direction, Endpoint, EndpointKind, Endpoints, TimeToEventEndpoint};

use super::reader::Reader;

pub(super) fn endpoints(r: &mut Reader<'_>, value: Option<&Value>) -> Endpoints {
    let Some(map) = r.object("endpoints", value) else {
        r.problem("endpoints", "no endpoint is named", "there is no efficacy to analyse");
        return Endpoints::default();
    };
    r.unknown("endpoints", map, &["primary", "secondary", "exploratory", "time_to_event"]);
    let mut seen = BTreeSet::new();
    let mut all = Endpoints::default();
    let (mut primary_time, mut more_times) = (None, Vec::new());
    if let Some(primary) = map.get("primary").filter(|v| !v.is_null()) {
        // A trial may have co-primary endpoints; the first stays primary.
        let list = primary.as_array().map_or(std::slice::from_ref(primary), Vec::as_slice);
        for (at, value) in list.iter().enumerate() {
            if at == 0 && is_time(value) {
                primary_time = Some(value);
                continue;
            }
            if is_time(value) {
                let message = "is one more primary endpoint, a time to an event";
                r.problem("endpoints.primary", message, "it is analysed as secondary");
                more_times.push(("endpoints.primary".to_owned(), value));
                continue;
            }
            let Some(endpoint) = endpoint(r, "endpoints.primary", value, &mut seen) else { continue };
            if at == 0 {
                all.primary = Some(endpoint);
            } else {
                r.problem(
                    "endpoints.primary",
                    format!("{} is one more primary endpoint", endpoint.id),
                    "it is analysed as secondary",
                );
                all.secondary.push(endpoint);
            }
        }
    }
    for (key, into) in [("secondary", &mut all.secondary), ("exploratory", &mut all.exploratory)] {
        let path = format!("endpoints.{key}");
        for (at, value) in r.list(&path, map.get(key)).iter().enumerate() {
            let path = format!("{path}[{at}]");
            if is_time(value) {
                if key == "exploratory" {
                    r.problem(&path, "is a time to an event", "it is analysed as secondary");
                }
                more_times.push((path, value));
            } else {
                into.extend(endpoint(r, &path, value, &mut seen));
            }
        }
    }
    for (at, value) in r.list("endpoints.time_to_event", map.get("time_to_event")).iter().enumerate() {
        all.time_to_event.extend(time_to_event(
            r,
            &format!("endpoints.time_to_event[{at}]"),
            value,
            &mut seen,
        ));
    }
    for (path, value) in more_times {
        let id = value.get("id").and_then(Value::as_str);
        if !all.time_to_event.iter().any(|endpoint| Some(endpoint.id.as_str()) == id) {
            all.time_to_event.extend(time_to_event(r, &path, value, &mut seen));
        }
    }
    if let Some(value) = primary_time {
        all.primary_is_time = primary_of_times(r, value, &mut all.time_to_event, &mut seen);
    }
    if seen.is_empty() {
        r.problem("endpoints", "no endpoint is named", "there is no efficacy to analyse");
    }
    all
}

/// Whether an endpoint is said to be a time to an event.
fn is_time(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    matches!(kind.replace(['-', ' '], "_").as_str(), "time_to_event" | "tte" | "survival")
}

/// Puts the primary endpoint first among the times to events, to which it is added if it is not one of them. What its entry there
/// leaves open is that of the primary endpoint. Returns whether there is one.
fn primary_of_times(
    r: &mut Reader<'_>,
    value: &Value,
    all: &mut Vec<TimeToEventEndpoint>,
    seen: &mut BTreeSet<String>,
) -> bool {
    let path = "endpoints.primary";
    let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
    if let Some(at) = all.iter().position(|endpoint| endpoint.id == id) {
        all[..=at].rotate_right(1);
        if let (Some(first), Some(map)) = (all.first_mut(), value.as_object()) {
            let said = direction(r, path, map);
            first.direction = first.direction.or(said);
            if first.label == first.id
                && let Some(label) = r.text(&format!("{path}.label"), map.get("label"))
            {
                first.label = label;
            }
        }
        return true;
    }
    let endpoint = time_to_event(r, path, value, seen);
    let is_there = endpoint.is_some();
    all.splice(..0, endpoint);
    is_there
}

/// An endpoint's id, once.
fn id(
    r: &mut Reader<'_>,
    path: &str,
    map: &Map<String, Value>,
    seen: &mut BTreeSet<String>,
) -> Option<String> {
    let Some(id) = r.text(&format!("{path}.id"), map.get("id")) else {
        r.problem(path, "has no id", "it is ignored");
        return None;
    };
    if !seen.insert(id.clone()) {
        r.problem(path, format!("the id {id} is taken by an earlier one"), "it is ignored");
        return None;
    }
    Some(id)
}

fn endpoint(r: &mut Reader<'_>, path: &str, value: &Value, seen: &mut BTreeSet<String>) -> Option<Endpoint> {
    let map = r.object(path, Some(value))?;
    let id = id(r, path, map, seen)?;
    r.unknown(path, map, &["id", "label", "type", "direction", "baseline_field", "unit"]);
    r.expects_field(path, &format!("endpoints.{id}"), "it is not computable");
    let kind = match r.text(&format!("{path}.type"), map.get("type")).as_deref() {
        Some("continuous") => EndpointKind::Continuous,
        Some("ordinal") => EndpointKind::Ordinal,
        Some("binary" | "boolean" | "dichotomous") => EndpointKind::Binary,
        other => {
            let said =
                other.map_or("has no type".to_owned(), |kind| format!("the type {kind:?} is not known"));
            r.problem(
                path,
                format!("{said}: give continuous, ordinal, binary or time_to_event"),
                "it is analysed as continuous",
            );
            EndpointKind::Continuous
        }
    };
    let direction = direction(r, path, map);
    let baseline_field = r.text(&format!("{path}.baseline_field"), map.get("baseline_field"));
    if let Some(field) = &baseline_field {
        r.expects_field(
            &format!("{path}.baseline_field"),
            field,
            "the analysis of covariance is not computable",
        );
    }
    Some(Endpoint {
        label: r.text(&format!("{path}.label"), map.get("label")).unwrap_or_else(|| id.clone()),
        unit: r.text(&format!("{path}.unit"), map.get("unit")),
        id,
        kind,
        direction,
        baseline_field,
    })
}

/// Which values, or times, are good.
fn direction(r: &mut Reader<'_>, path: &str, map: &Map<String, Value>) -> Option<Direction> {
    match r.text(&format!("{path}.direction"), map.get("direction")).as_deref() {
        Some("lower_is_better") => Some(Direction::LowerIsBetter),
        Some("higher_is_better") => Some(Direction::HigherIsBetter),
        None => None,
        Some(other) => {
            let message =
                format!("the direction {other:?} is not known: give lower_is_better or higher_is_better");
            r.problem(path, message, "no direction is said to be better");
            None
        }
    }
}

fn time_to_event(
    r: &mut Reader<'_>,
    path: &str,
    value: &Value,
    seen: &mut BTreeSet<String>,
) -> Option<TimeToEventEndpoint> {
    let map = r.object(path, Some(value))?;
    let id = id(r, path, map, seen)?;
    // "type" says what the list's name says too.
    let read = ["id", "label", "unit", "times", "rmst_tau", "covariates", "direction", "type"];
    r.unknown(path, map, &read);
    r.expects_field(path, &format!("events.{id}"), "it is not computable");
    let mut times: Vec<f64> = Vec::new();
    for (at, time) in r.list(&format!("{path}.times"), map.get("times")).iter().enumerate() {
        match r.number(&format!("{path}.times[{at}]"), Some(time)) {
            Some(time) if time >= 0.0 => times.push(time),
            Some(time) => {
                r.problem(&format!("{path}.times[{at}]"), format!("{time} is negative"), "it is ignored");
            }
            None => {}
        }
    }
    times.sort_by(f64::total_cmp);
    times.dedup();
    let covariates = r.texts(&format!("{path}.covariates"), map.get("covariates"));
    for field in &covariates {
        r.expects_field(&format!("{path}.covariates"), field, "the model is fitted without it");
    }
    let rmst_tau = r.number(&format!("{path}.rmst_tau"), map.get("rmst_tau"));
    if rmst_tau.is_some_and(|tau| tau <= 0.0) {
        r.problem(
            &format!("{path}.rmst_tau"),
            "the horizon is not above 0",
            "no restricted mean is computed",
        );
    }
    Some(TimeToEventEndpoint {
        label: r.text(&format!("{path}.label"), map.get("label")).unwrap_or_else(|| id.clone()),
        unit: r.text(&format!("{path}.unit"), map.get("unit")),
        rmst_tau: rmst_tau.filter(|tau| *tau > 0.0),
        direction: direction(r, path, map),
        id,
        times,
        covariates,
    })
}
