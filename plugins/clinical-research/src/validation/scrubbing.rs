//! Texts of the protocol and of names: free of identifiers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    privacy::Scrubber,
    study::{Protocol, ProtocolProblem},
};

use super::ledger::Ledger;

/// A text without identifiers.
pub(super) fn text(text: &str, place: &str, scrubber: &Scrubber, ledger: &mut Ledger) -> String {
    match scrubber.scrub(text, true) {
        None => text.to_owned(),
        Some((clean, kinds)) => {
            kinds.iter().for_each(|kind| ledger.identifier(place, *kind, "value", "masked", 1));
            clean
        }
    }
}

/// Names by code.
pub(super) fn names(
    given: &BTreeMap<String, String>,
    scrubber: &Scrubber,
    ledger: &mut Ledger,
) -> BTreeMap<String, String> {
    let place = "study_data.lab_tests";
    given
        .iter()
        .map(|(code, name)| (text(code, place, scrubber, ledger), text(name, place, scrubber, ledger)))
        .collect()
}

/// The protocol's own texts. Names of arms and visits stay: the data are compared with them.
pub(super) fn protocol(
    protocol: &mut Protocol,
    problems: &mut [ProtocolProblem],
    scrubber: &Scrubber,
    ledger: &mut Ledger,
) {
    let mut clean = |place: &str, value: &mut String| *value = text(value, place, scrubber, ledger);
    let texts = [
        ("protocol.study_id", &mut protocol.study_id),
        ("protocol.title", &mut protocol.title),
        ("protocol.phase", &mut protocol.phase),
        ("protocol.design", &mut protocol.design),
        ("protocol.indication", &mut protocol.indication),
    ];
    for (place, value) in texts {
        value.iter_mut().for_each(|value| clean(place, value));
    }
    let endpoints = &mut protocol.endpoints;
    let valued =
        endpoints.primary.iter_mut().chain(&mut endpoints.secondary).chain(&mut endpoints.exploratory);
    valued.for_each(|endpoint| clean("protocol.endpoints", &mut endpoint.label));
    endpoints.time_to_event.iter_mut().for_each(|endpoint| clean("protocol.endpoints", &mut endpoint.label));
    protocol.subgroups.iter_mut().for_each(|subgroup| clean("protocol.subgroups", &mut subgroup.label));
    // A field whose path names a person is not passed on, so that nothing can be computed of it either.
    let mut fields: Vec<&mut String> = Vec::new();
    fields.extend(&mut protocol.table1.continuous);
    fields.extend(&mut protocol.table1.categorical);
    fields.extend(&mut protocol.required_fields);
    for pair in &mut protocol.date_order {
        fields.extend(pair);
    }
    for subgroup in &mut protocol.subgroups {
        fields.push(&mut subgroup.field);
    }
    for endpoint in &mut endpoints.time_to_event {
        fields.extend(&mut endpoint.covariates);
    }
    fields.extend(endpoints.primary.as_mut().and_then(|endpoint| endpoint.baseline_field.as_mut()));
    for list in [&mut endpoints.secondary, &mut endpoints.exploratory] {
        fields.extend(list.iter_mut().filter_map(|endpoint| endpoint.baseline_field.as_mut()));
    }
    for field in fields {
        clean("protocol", field);
    }
    for ranges in [&mut protocol.ranges, &mut protocol.lab_ranges] {
        *ranges = std::mem::take(ranges)
            .into_iter()
            .map(|(mut field, range)| {
                clean("protocol", &mut field);
                (field, range)
            })
            .collect();
    }
    for (key, value) in &mut protocol.other {
        other(&format!("protocol.{key}"), value, &mut clean);
    }
    for problem in problems {
        for text in [&mut problem.path, &mut problem.message, &mut problem.consequence] {
            if let Some((clean, _)) = scrubber.scrub(text, true) {
                *text = clean;
            }
        }
    }
}

fn other(place: &str, value: &mut Value, clean: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) => clean(place, text),
        Value::Array(list) => list.iter_mut().for_each(|value| other(place, value, clean)),
        Value::Object(map) => map.values_mut().for_each(|value| other(place, value, clean)),
        _ => {}
    }
}
