//! What is read of the protocol's JSON, with a problem for each value that has the wrong shape.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::study::ProtocolProblem;

use super::Known;

/// The most unknown keys of an object that are told, and the most characters of each.
const MOST_UNKNOWN: usize = 20;
const LONGEST_KEY: usize = 60;

/// The key that was probably meant: one that differs in up to two letters, or that begins with it.
pub(super) fn nearest<'r>(key: &str, read: &[&'r str]) -> Option<&'r str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let key = plain(key);
    if key.chars().count() > LONGEST_KEY {
        return None;
    }
    let is_part = |of: &str| key.len() >= 4 && of.starts_with(&key);
    let far = |of: &&str| {
        let of = plain(of);
        if is_part(&of) { 0 } else { edits(&key, &of) }
    };
    // Two letters of a short key are half of it.
    let most = if key.chars().count() < 6 { 1 } else { 2 };
    read.iter().map(|of| (far(of), *of)).filter(|(far, _)| *far <= most).min().map(|(_, of)| of)
}

/// Letters to insert, delete or replace (Levenshtein 1966).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((j, b), pair) in b.iter().enumerate().zip(row.windows(2)) {
            if let ([diagonal, above], Some(left)) = (pair, next.get(j)) {
                next.push((diagonal + usize::from(a != *b)).min(above + 1).min(left + 1));
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// What is read of an object, with the problems found so far.
pub(super) struct Reader<'k> {
    pub(super) known: &'k Known,
    pub(super) problems: Vec<ProtocolProblem>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, path: &str, message: impl Into<String>, consequence: &str) {
        let path = if path.is_empty() { "protocol".to_owned() } else { format!("protocol.{path}") };
        self.problems.push(ProtocolProblem {
            path,
            message: message.into(),
            consequence: consequence.to_owned(),
        });
    }

    /// Tells the keys of an object that nothing reads.
    pub(super) fn unknown(&mut self, path: &str, map: &Map<String, Value>, read: &[&str]) {
        for key in map.keys().filter(|key| !read.contains(&key.as_str())).take(MOST_UNKNOWN) {
            let meant = nearest(key, read).map_or_else(String::new, |k| format!("; perhaps {k} is meant"));
            let key: String = key.chars().take(LONGEST_KEY).collect();
            self.problem(path, format!("the key {key:?} is not known{meant}"), "it is not read");
        }
    }

    pub(super) fn text(&mut self, path: &str, value: Option<&Value>) -> Option<String> {
        match value? {
            Value::Null => None,
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            other => {
                self.problem(
                    path,
                    format!("a text is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                None
            }
        }
    }

    pub(super) fn number(&mut self, path: &str, value: Option<&Value>) -> Option<f64> {
        match value? {
            Value::Null => None,
            Value::Number(number) => number.as_f64().filter(|v| v.is_finite()),
            Value::String(text) if text.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
                text.trim().parse().ok()
            }
            other => {
                self.problem(
                    path,
                    format!("a number is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                None
            }
        }
    }

    pub(super) fn list<'v>(&mut self, path: &str, value: Option<&'v Value>) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.problem(
                    path,
                    format!("a list is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                &[]
            }
        }
    }

    pub(super) fn texts(&mut self, path: &str, value: Option<&Value>) -> Vec<String> {
        let list = self.list(path, value);
        let mut texts: Vec<String> = Vec::new();
        for (at, item) in list.iter().enumerate() {
            let path = format!("{path}[{at}]");
            let Some(text) = self.text(&path, Some(item)) else { continue };
            if texts.contains(&text) {
                self.problem(&path, format!("{text:?} is named twice"), "it counts once");
            } else {
                texts.push(text);
            }
        }
        texts
    }

    pub(super) fn object<'v>(
        &mut self,
        path: &str,
        value: Option<&'v Value>,
    ) -> Option<&'v Map<String, Value>> {
        match value? {
            Value::Null => None,
            Value::Object(map) => Some(map),
            other => {
                self.problem(
                    path,
                    format!("an object is expected, and {} is there", kind(other)),
                    "it is ignored",
                );
                None
            }
        }
    }

    pub(super) fn ranges(&mut self, path: &str, value: Option<&Value>) -> BTreeMap<String, [f64; 2]> {
        let mut ranges = BTreeMap::new();
        for (field, range) in self.object(path, value).into_iter().flatten() {
            let path = format!("{path}.{field}");
            let bounds: Vec<Option<f64>> =
                self.list(&path, Some(range)).iter().map(|v| v.as_f64().filter(|v| v.is_finite())).collect();
            match bounds.as_slice() {
                [low, high] if low.is_some() || high.is_some() => {
                    let (low, high) = (low.unwrap_or(f64::MIN), high.unwrap_or(f64::MAX));
                    if low > high {
                        self.problem(
                            &path,
                            format!("the lowest value {low} is above the highest {high}"),
                            "they are exchanged",
                        );
                    }
                    ranges.insert(field.clone(), [low.min(high), low.max(high)]);
                }
                _ => self.problem(
                    &path,
                    "a lowest and a highest value are expected: [low, high]",
                    "it is ignored",
                ),
            }
        }
        ranges
    }

    /// Whether the subjects have a field, or one below it.
    pub(super) fn expects_field(&mut self, path: &str, field: &str, consequence: &str) {
        let below = format!("{field}.");
        let has = self.known.fields.contains(field)
            || self.known.fields.range(below.clone()..).next().is_some_and(|f| f.starts_with(&below));
        if !has && !self.known.fields.is_empty() {
            self.problem(path, format!("no subject has a field {field}"), consequence);
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn the_key_that_was_meant_is_near() {
        assert_eq!([edits("secondry", "secondary"), edits("", "ab"), edits("ab", "ab")], [1, 2, 0]);
        let read = ["primary", "secondary", "baseline_field", "cut_points", "id", "type"];
        let of = |key| nearest(key, &read);
        assert_eq!([of("secondry"), of("cutpoints")], [Some("secondary"), Some("cut_points")]);
        assert_eq!([of("baseline"), of("Primary")], [Some("baseline_field"), Some("primary")]);
        assert_eq!([of("visit"), of("is"), of("description")], [None, Some("id"), None]);
    }
}
