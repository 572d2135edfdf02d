//! Texts of the protocol and of names: free of identifiers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::privacy::{Identifier, Scrubber, kind_of_path};

use super::{ledger::Ledger, protocol::READ};

/// A number of so many digits is one of a person.
const LONG_NUMBER: u64 = 100_000_000;

/// A text without identifiers.
pub(super) fn text(text: &str, place: &str, scrubber: &Scrubber, ledger: &mut Ledger) -> String {
    clean(text, place, true, scrubber, ledger)
}

fn clean(text: &str, place: &str, prose: bool, scrubber: &Scrubber, ledger: &mut Ledger) -> String {
    match scrubber.scrub(text, prose) {
        None => text.to_owned(),
        Some((clean, kinds)) => {
            kinds.iter().for_each(|kind| ledger.identifier(place, *kind, "value", "masked", 1));
            clean
        }
    }
}

/// Names by code. Codes are cleaned as those of the values are.
pub(super) fn names(
    given: &BTreeMap<String, String>,
    scrubber: &Scrubber,
    ledger: &mut Ledger,
) -> BTreeMap<String, String> {
    let place = "study_data.lab_tests";
    given
        .iter()
        .map(|(code, name)| {
            (clean(code, place, false, scrubber, ledger), text(name, place, scrubber, ledger))
        })
        .collect()
}

/// Texts under keys of the protocol that say that they identify: `investigator_name`. Only keys that are not read have a say: those
/// that are read are names of fields, tests and visits.
pub(super) fn learn(protocol: &Map<String, Value>, scrubber: &mut Scrubber) {
    for (key, value) in protocol.iter().filter(|(key, _)| !READ.contains(&key.as_str())) {
        learn_value(kind_of_path(key), value, scrubber);
    }
}

fn learn_value(kind: Option<Identifier>, value: &Value, scrubber: &mut Scrubber) {
    match value {
        Value::String(text) => kind.into_iter().for_each(|kind| scrubber.learn(text, kind)),
        Value::Number(number) => kind.into_iter().for_each(|kind| scrubber.learn(&number.to_string(), kind)),
        Value::Array(list) => list.iter().for_each(|value| learn_value(kind, value, scrubber)),
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| learn_value(kind_of_path(key).or(kind), value, scrubber));
        }
        Value::Bool(_) | Value::Null => {}
    }
}

/// The protocol without identifiers, before anything is read of it: texts, ids and keys. What the data are compared with (arms, visits,
/// tests, fields) is cleaned there in the same way, so that both stay the same.
pub(super) fn protocol(
    given: &Map<String, Value>,
    scrubber: &Scrubber,
    ledger: &mut Ledger,
) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in given {
        let is_read = READ.contains(&key.as_str());
        let name = scrubber.scrub_key(key).unwrap_or_else(|| key.clone());
        let place = format!("protocol.{name}");
        if name != *key {
            ledger.identifier(&place, Identifier::Other, "value", "masked", 1);
        }
        let cleaner = Cleaner {
            place: &place,
            prose: !matches!(key.as_str(), "visit_windows" | "lab_ranges"),
            is_read,
            scrubber,
        };
        let value = cleaner.value(if is_read { None } else { kind_of_path(key) }, value, ledger);
        out.insert(name, value);
    }
    out
}

struct Cleaner<'c> {
    place: &'c str,
    prose: bool,
    /// Whether its keys are names of fields and tests, which say nothing of their values.
    is_read: bool,
    scrubber: &'c Scrubber,
}

impl Cleaner<'_> {
    /// A value; `kind`: what its key says that it is.
    fn value(&self, kind: Option<Identifier>, value: &Value, ledger: &mut Ledger) -> Value {
        match value {
            Value::Array(list) => list.iter().map(|value| self.value(kind, value, ledger)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| self.entry(kind, key, value, ledger)).collect()
            }
            Value::String(_) | Value::Number(_) if kind.is_some() => {
                let kind = kind.unwrap_or(Identifier::Other);
                ledger.identifier(self.place, kind, "key", "masked", 1);
                Value::String(kind.mask().to_owned())
            }
            Value::String(text) => clean(text, self.place, self.prose, self.scrubber, ledger).into(),
            Value::Number(number) if number.as_u64().is_some_and(|n| n >= LONG_NUMBER) => {
                ledger.identifier(self.place, Identifier::Other, "value", "masked", 1);
                Value::String(Identifier::Other.mask().to_owned())
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => value.clone(),
        }
    }

    fn entry(
        &self,
        kind: Option<Identifier>,
        key: &str,
        value: &Value,
        ledger: &mut Ledger,
    ) -> (String, Value) {
        let of_key = if self.is_read { None } else { kind_of_path(key) };
        let name = clean(key, self.place, self.prose, self.scrubber, ledger);
        let name = if self.is_read { name } else { self.scrubber.scrub_key(&name).unwrap_or(name) };
        (name, self.value(of_key.or(kind), value, ledger))
    }
}
