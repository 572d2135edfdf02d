//! What can be told of a step's output before it runs: the schema that the expressions after it are checked against.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Surroundings, known::Known};
use crate::model::{Mapping, Node, Schema, StepDefinition};

/// The schema of a step's output; `None` where nothing is known.
pub(super) fn schema<S: Surroundings>(step: &StepDefinition, known: &Known<'_, S>) -> Option<Arc<Schema>> {
    // Another step's output may be taken for this one's.
    if step.fallback.is_some() {
        return None;
    }
    Some(Arc::new(match step.node()? {
        Node::Phase(phase) => return known.phase(phase).ok().map(|phase| phase.output.clone()),
        Node::Transform(Mapping::Whole(_)) | Node::Workflow(_) | Node::Join(_) => return None,
        Node::Transform(Mapping::Keys(keys)) => object(keys.keys().map(|key| (key.as_str(), json!({})))),
        Node::Condition(_) => object([("case", json!({ "type": ["string", "null"] }))]),
        Node::Checkpoint(checkpoint) => object([
            ("option", json!({ "type": "string" })),
            ("feedback", json!({ "type": ["string", "null"] })),
            ("modification", checkpoint.input_schema.clone().unwrap_or_else(|| json!({ "type": "null" }))),
            ("decided_by", json!({ "type": "string" })),
        ]),
        Node::Wait(_) => object([("woken_by", json!({ "type": "string" })), ("data", json!({}))]),
        Node::Map(map) => return Some(repeated("map", &map.body, known)),
        Node::Loop(repeat) => return Some(repeated("loop", &repeat.body, known)),
    }))
}

/// What repeating a body makes. Where many steps repeat the same phase, it is made once.
fn repeated<S: Surroundings>(kind: &'static str, body: &StepDefinition, known: &Known<'_, S>) -> Arc<Schema> {
    let inner = schema(body, known);
    let key = inner.as_ref().map(|inner| (kind, Arc::as_ptr(inner) as usize));
    if let Some(made) = key.and_then(|key| known.repeated.borrow().get(&key).cloned()) {
        return made;
    }
    // Inside another schema its references would lead elsewhere, so one that has any says nothing.
    let plain = inner.as_ref().filter(|schema| !schema.to_string().contains("\"$ref\""));
    let plain = plain.map_or_else(|| json!({}), |schema| (**schema).clone());
    let made = Arc::new(match kind {
        "map" => object([
            ("results", json!({ "type": "array", "items": plain })),
            (
                "failures",
                json!({ "type": "array", "items": object([
                    ("index", json!({ "type": "integer" })), ("message", json!({ "type": "string" })),
                ]) }),
            ),
        ]),
        _ => object([("result", plain), ("iterations", json!({ "type": "integer" }))]),
    });
    // Only of what stays: an address may be taken again.
    if let Some(key) = key.filter(|_| inner.is_some_and(|inner| Arc::strong_count(&inner) > 1)) {
        known.repeated.borrow_mut().insert(key, Arc::clone(&made));
    }
    made
}

fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
