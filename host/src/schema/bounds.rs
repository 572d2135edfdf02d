//! What a schema may be, as far as it can be told before a document is validated.

use std::collections::BTreeMap;

use regex_automata::nfa::thompson::{self, NFA};
use serde_json::Value;

use super::{
    expansion::{Expansion, REFERENCES, decoded},
    metered::Weights,
    on_stack,
};

/// A schema's text may be this long, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;
/// A schema may be made of so many JSON values.
pub const MAX_VALUES: usize = 100_000;
/// An `enum` may list so many values: each is compared with each when the schema is compiled.
pub const MAX_ENUM: usize = 10_000;
/// A schema may have so many patterns.
pub const MAX_PATTERNS: usize = 500;
/// A pattern may be this long, in bytes.
pub const MAX_PATTERN_BYTES: usize = 4096;
/// A compiled pattern may take so much memory, in bytes.
pub const MAX_COMPILED_PATTERN_BYTES: usize = 1 << 20;
/// All patterns of a schema, compiled, may have so many states. One takes some 30 bytes, and up to a nanosecond for each
/// byte of a text.
pub const MAX_PATTERN_STATES: usize = 200_000;
/// Schemas may contain each other and refer to each other so deep: nothing is deeper than the schema's own text and, one
/// after the other, all that it refers to.
pub const MAX_DEPTH: usize = 20_000;

/// What is known of a schema before it is compiled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measure {
    /// How deep it is at the most, references followed.
    pub(super) depth: usize,
    /// What its patterns cost.
    pub(super) weights: Weights,
}

/// Measure a schema, or say which bound it breaks.
pub(super) fn measure(schema: &Value) -> Result<Measure, String> {
    let size = schema.to_string().len();
    if size > MAX_SCHEMA_BYTES {
        return Err(format!("the schema has {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed"));
    }
    let mut found = Found::default();
    found.look(schema)?;
    let whole = nesting(schema);
    let targets = found.references.keys().map(|reference| {
        let pointer = reference.strip_prefix('#').and_then(decoded);
        pointer.and_then(|pointer| schema.pointer(&pointer)).map_or(whole, nesting)
    });
    let depth = whole + targets.sum::<usize>();
    if depth > MAX_DEPTH {
        return Err(format!(
            "what the schema refers to may be {depth} deep; at most {MAX_DEPTH} are allowed: use fewer references"
        ));
    }
    let expansion = on_stack(depth, || Expansion::of(schema))??;
    // Trying a schema that looks at nothing takes less than a look.
    Ok(Measure { depth, weights: Weights { visit: expansion / 8, ..weights(&found.patterns)? } })
}

/// Whether several schemas together are as large as one may be.
pub(crate) fn measure_together<'a>(schemas: impl Iterator<Item = &'a Value>) -> Result<(), String> {
    let mut found = Found::default();
    let mut size = 0;
    for schema in schemas {
        size += schema.to_string().len();
        found.look(schema)?;
    }
    if size > MAX_SCHEMA_BYTES {
        return Err(format!("they have {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed"));
    }
    weights(&found.patterns).map(drop)
}

/// What counts, wherever in a schema it is: also where it is data, since a reference may make a schema of it.
#[derive(Default)]
struct Found<'a> {
    values: usize,
    references: BTreeMap<&'a str, ()>,
    patterns: BTreeMap<&'a str, ()>,
}

impl<'a> Found<'a> {
    fn look(&mut self, schema: &'a Value) -> Result<(), String> {
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(format!("the schema has more than {MAX_VALUES} values"));
            }
            match value {
                Value::Object(members) => {
                    self.keywords(members)?;
                    open.extend(members.values());
                }
                Value::Array(values) => open.extend(values),
                _ => {}
            }
        }
        Ok(())
    }

    fn keywords(&mut self, members: &'a serde_json::Map<String, Value>) -> Result<(), String> {
        for keyword in REFERENCES {
            if let Some(reference) = members.get(keyword).and_then(Value::as_str) {
                self.references.insert(reference, ());
            }
        }
        if let Some(values) = members.get("enum").and_then(Value::as_array).filter(|v| v.len() > MAX_ENUM) {
            let count = values.len();
            return Err(format!("an enum of the schema has {count} values; at most {MAX_ENUM} are allowed"));
        }
        let keys = members.get("patternProperties").and_then(Value::as_object);
        let keys = keys.into_iter().flat_map(|keys| keys.keys()).map(String::as_str);
        for pattern in members.get("pattern").and_then(Value::as_str).into_iter().chain(keys) {
            if pattern.len() > MAX_PATTERN_BYTES {
                let length = pattern.len();
                return Err(format!(
                    "a pattern of the schema has {length} bytes; at most {MAX_PATTERN_BYTES} are allowed"
                ));
            }
            self.patterns.insert(pattern, ());
        }
        if self.patterns.len() > MAX_PATTERNS {
            return Err(format!("the schema has more than {MAX_PATTERNS} patterns"));
        }
        Ok(())
    }
}

/// What trying the patterns costs, from how large they are when compiled.
fn weights(patterns: &BTreeMap<&str, ()>) -> Result<Weights, String> {
    let (mut all, mut largest) = (0, 0);
    for pattern in patterns.keys() {
        // What is no pattern is reported when the schema is compiled, if it is meant as one.
        let Ok(translated) = jsonschema_regex::to_rust_regex(pattern) else { continue };
        let config = thompson::Config::new().nfa_size_limit(Some(MAX_COMPILED_PATTERN_BYTES));
        let compiled: Result<NFA, _> = thompson::Compiler::new().configure(config).build(&translated);
        let states = match compiled {
            Ok(nfa) => nfa.states().len(),
            Err(error) if error.size_limit().is_some() => {
                return Err(format!(
                    "the pattern {pattern:?} is too large: compiled, at most {MAX_COMPILED_PATTERN_BYTES} bytes are allowed"
                ));
            }
            Err(_) => continue,
        };
        largest = largest.max(states);
        all += states;
        if all > MAX_PATTERN_STATES {
            return Err(format!(
                "the patterns of the schema are too large: compiled, at most {MAX_PATTERN_STATES} states are allowed"
            ));
        }
    }
    // A step is some 10 ns, in which about ten states can be gone through.
    Ok(Weights { text: largest as u64 * 1024 / 64, key: all as u64 * 1024 / 64, visit: 0 })
}

/// How deep values are within each other.
fn nesting(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(nesting).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(nesting).max().unwrap_or(0),
        _ => 0,
    }
}
