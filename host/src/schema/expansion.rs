//! How often schemas are tried on one and the same value: in alternatives and conjunctions, references followed.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// On one value so many schemas may be tried, each counted as often as it is named. Chains of schemas that each name the
/// next one twice would double with every link.
pub const MAX_EXPANSION: u64 = 10_000;

/// Keywords that apply a schema, or several, to the same value.
const SAME_VALUE: [&str; 6] = ["not", "if", "then", "else", "dependentSchemas", "dependencies"];
const SAME_VALUE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords by which a schema refers to another one.
pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The schemas of a document, as far as they are looked at.
pub(super) struct Expansion<'a> {
    root: &'a Value,
    /// The parts that have a name of their own, by `$id`, `$anchor` and the like.
    named: HashMap<&'a str, Vec<&'a Value>>,
    /// The parts that references may be relative to, with their identifiers.
    bases: Vec<(&'a str, &'a Value)>,
    /// How often schemas are tried where this one is; absent while that is found out.
    known: HashMap<usize, Option<u64>>,
}

impl<'a> Expansion<'a> {
    /// How many schemas are tried on one value at the most.
    pub(super) fn of(root: &'a Value) -> Result<u64, String> {
        let mut all = Vec::new();
        let mut open = vec![root];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    all.push(value);
                    // What lists data is no schema, unless something refers to it.
                    let lists =
                        |key: &str, value: &Value| matches!(key, "enum" | "examples") && value.is_array();
                    open.extend(members.iter().filter(|(k, v)| !lists(k, v)).map(|(_, value)| value));
                }
                Value::Array(values) => open.extend(values),
                _ => {}
            }
        }
        let mut this = Self { root, named: HashMap::new(), bases: Vec::new(), known: HashMap::new() };
        for value in &all {
            for keyword in ["$anchor", "$dynamicAnchor", "$id", "id"] {
                let Some(name) = value.get(keyword).and_then(Value::as_str) else { continue };
                if keyword.ends_with("id") {
                    this.bases.push((name.trim_end_matches('#'), value));
                }
                // Earlier drafts name anchors by identifiers.
                this.named.entry(name.trim_start_matches('#')).or_default().push(value);
            }
        }
        let mut most = 0;
        for value in all {
            most = most.max(this.visit(value)?);
        }
        Ok(most)
    }

    fn visit(&mut self, schema: &'a Value) -> Result<u64, String> {
        let Value::Object(members) = schema else { return Ok(1) };
        let key = std::ptr::from_ref(schema) as usize;
        match self.known.get(&key) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                return Err(
                    "the schema refers to itself without going to a part of the value: it would never end"
                        .to_owned(),
                );
            }
            None => self.known.insert(key, None),
        };
        let mut sum: u64 = 1;
        for next in self.same_value(members)? {
            sum = sum.saturating_add(self.visit(next)?);
        }
        if sum > MAX_EXPANSION {
            return Err(format!(
                "the schema tries more than {MAX_EXPANSION} schemas on one value, references followed; that is what is allowed"
            ));
        }
        self.known.insert(key, Some(sum));
        Ok(sum)
    }

    /// The schemas that a schema applies to the value that it is applied to itself.
    fn same_value(&self, members: &'a Map<String, Value>) -> Result<Vec<&'a Value>, String> {
        let mut found = Vec::new();
        for keyword in SAME_VALUE {
            match members.get(keyword) {
                Some(Value::Object(inner)) if keyword.starts_with("depend") => found.extend(inner.values()),
                Some(schema) => found.push(schema),
                None => {}
            }
        }
        for keyword in SAME_VALUE_LISTS {
            found.extend(members.get(keyword).and_then(Value::as_array).into_iter().flatten());
        }
        for keyword in REFERENCES {
            if let Some(reference) = members.get(keyword).and_then(Value::as_str) {
                // The dialects themselves are there, and known.
                if ["http://json-schema.org/", "https://json-schema.org/"]
                    .iter()
                    .any(|d| reference.starts_with(d))
                {
                    continue;
                }
                let targets = self.targets(reference);
                if targets.is_empty() {
                    return Err(format!("the schema cannot be used: {keyword} {reference:?} is not in it"));
                }
                found.extend(targets);
            }
        }
        Ok(found)
    }

    /// Everything that a reference may mean, whatever it is relative to.
    fn targets(&self, reference: &str) -> Vec<&'a Value> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let Some(fragment) = decoded(fragment) else { return Vec::new() };
        let mut bases: Vec<&'a Value> = match base {
            "" => self.bases.iter().map(|(_, value)| *value).collect(),
            _ => self.bases.iter().filter(|(id, _)| id.ends_with(base)).map(|(_, value)| *value).collect(),
        };
        if base.is_empty() {
            bases.push(self.root);
        }
        let mut targets = if fragment.is_empty() || fragment.starts_with('/') {
            let mut targets: Vec<&'a Value> =
                bases.into_iter().filter_map(|value| value.pointer(&fragment)).collect();
            // Without a pointer a reference means what it stands in, of which the whole is enough.
            if fragment.is_empty() && base.is_empty() && self.bases.len() <= 1 {
                targets = vec![self.root];
            }
            targets
        } else {
            self.named.get(fragment.as_str()).cloned().unwrap_or_default()
        };
        targets.sort_unstable_by_key(|target| std::ptr::from_ref(*target) as usize);
        targets.dedup_by_key(|target| std::ptr::from_ref(*target) as usize);
        targets
    }
}

/// A fragment without its percent-encoding.
pub(super) fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
