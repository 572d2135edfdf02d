//! What can be told of a step's output before it runs: the schema that the expressions after it are checked against.

use serde_json::{Map, Value, json};

use super::{Surroundings, split_phase};
use crate::model::{Mapping, Node, Schema, StepDefinition};

/// The schema of a step's output; `None` where nothing is known.
pub(super) fn schema(step: &StepDefinition, surroundings: &impl Surroundings) -> Option<Schema> {
    // Another step's output may be taken for this one's.
    if step.fallback.is_some() {
        return None;
    }
    Some(match step.node()? {
        Node::Phase(phase) => {
            let (plugin, name) = split_phase(phase)?;
            let (_, manifest) = surroundings.plugin(plugin)?;
            manifest.phase(name)?.output_schema.clone()
        }
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
        Node::Map(map) => object([
            ("results", json!({ "type": "array", "items": inner(&map.body, surroundings) })),
            (
                "failures",
                json!({ "type": "array", "items": object([
                    ("index", json!({ "type": "integer" })), ("message", json!({ "type": "string" })),
                ]) }),
            ),
        ]),
        Node::Loop(repeat) => object([
            ("result", inner(&repeat.body, surroundings)),
            ("iterations", json!({ "type": "integer" })),
        ]),
    })
}

/// What a body makes. Inside another schema its references would lead elsewhere, so one that has any says nothing.
fn inner(body: &StepDefinition, surroundings: &impl Surroundings) -> Value {
    schema(body, surroundings)
        .filter(|schema| !schema.to_string().contains("\"$ref\""))
        .unwrap_or_else(|| json!({}))
}

fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
