//! What a JSON Schema says of a place in the documents that it describes, as far as it is plain.

use std::cell::Cell;

use serde_json::Value;

use super::{references::Part, scope::Selector, syntax::hint};
use crate::model::Schema;

/// So many alternatives of one place are looked at. With more, anything is accepted.
pub(super) const ALTERNATIVES: usize = 64;
/// So many references are followed one after the other.
const REFERENCES: usize = 32;

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    looks: &'a Cell<u64>,
    document: &'a Schema,
    /// Absent where the schema says nothing that is understood here.
    schema: Option<&'a Value>,
}

/// What is found at a place.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// What the schema says nothing of.
    Anything,
    Nodes(Vec<Node<'a>>),
    Nothing(Complaint),
}

/// Why there is nothing. The last is the one that tells most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Complaint {
    /// It is null.
    Null,
    /// It is of a type that has neither keys nor elements.
    Type(String),
    /// It is a list, and a key is selected.
    List(String),
    /// It is an object, and an element is selected.
    Object(usize),
    /// A list has fewer elements.
    Short(usize),
    /// An object has no such key, though it may have others.
    Key { key: String, hint: String },
}

impl Complaint {
    /// The complaint, behind the path.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Null => "is always null; nothing can be selected from it".to_owned(),
            Self::Type(kind) => format!("is of type {kind}; nothing can be selected from it"),
            Self::List(key) => {
                format!(
                    "is a list and has no key {key:?}; select an element, as in [0], or use .map(x, x.{key})"
                )
            }
            Self::Object(index) => format!("is an object and has no element {index}; keys are texts"),
            Self::Short(length) => format!("has no more than {length} elements"),
            Self::Key { key, hint } => format!("has no {key:?}{hint}"),
        }
    }
}

impl<'a> Node<'a> {
    /// The whole document.
    pub(super) fn root(document: &'a Schema, looks: &'a Cell<u64>) -> Self {
        Self { looks, document, schema: Some(document) }
    }

    fn at(&self, schema: &'a Value) -> Self {
        Self { schema: Some(schema), ..*self }
    }

    fn unknown(&self) -> Vec<Self> {
        vec![Self { schema: None, ..*self }]
    }

    /// What the place may be, each without references and alternatives of its own.
    pub(super) fn alternatives(&self) -> Vec<Self> {
        self.resolved(REFERENCES)
    }

    fn resolved(&self, references: usize) -> Vec<Self> {
        let Some(schema) = self.schema else { return vec![*self] };
        let left = self.looks.get().saturating_sub(1);
        self.looks.set(left);
        if references == 0
            || left == 0
            || ["allOf", "$dynamicRef", "not", "if"].iter().any(|key| schema.get(key).is_some())
        {
            return self.unknown();
        }
        let constrains = [
            "properties",
            "patternProperties",
            "additionalProperties",
            "unevaluatedProperties",
            "items",
            "prefixItems",
            "type",
        ];
        let constrained = constrains.iter().any(|key| schema.get(key).is_some());
        let among = [schema.get("$ref"), schema.get("anyOf"), schema.get("oneOf")];
        match among {
            [None, None, None] => vec![*self],
            // Together with constraints of its own it would have to be both.
            _ if constrained || among.iter().flatten().count() > 1 => self.unknown(),
            [Some(reference), _, _] => match reference.as_str().and_then(|reference| self.local(reference)) {
                Some(target) => self.at(target).resolved(references - 1),
                None => self.unknown(),
            },
            [_, Some(list), _] | [_, _, Some(list)] => match list.as_array() {
                Some(list) if (1..=ALTERNATIVES).contains(&list.len()) => list
                    .iter()
                    .flat_map(|schema| self.at(schema).resolved(references - 1))
                    .take(ALTERNATIVES + 1)
                    .collect(),
                _ => self.unknown(),
            },
        }
    }

    /// The target of a reference within the document.
    fn local(&self, reference: &str) -> Option<&'a Value> {
        let pointer = reference.strip_prefix('#')?;
        self.looks.set(self.looks.get().saturating_sub(pointer.len() as u64 / 8));
        // An identifier of its own may give a reference another base.
        match self.document.get("$id").is_some() && !pointer.is_empty() && !pointer.starts_with('/') {
            true => None,
            false => self.document.pointer(&pointer.replace("%25", "%")),
        }
    }

    /// What is selected from the place.
    pub(super) fn select(&self, part: &Part) -> Found<'a> {
        let Some(Value::Object(schema)) = self.schema else { return Found::Anything };
        let types: Option<Vec<&str>> = match schema.get("type") {
            Some(Value::String(kind)) => Some(vec![kind.as_str()]),
            Some(Value::Array(kinds)) => Some(kinds.iter().filter_map(Value::as_str).collect()),
            _ => None,
        };
        let may_be = |kind: &str| types.as_ref().is_none_or(|types| types.contains(&kind));
        let wanted = match part {
            Part::Selector(Selector::Key(_)) => may_be("object"),
            Part::Selector(Selector::Index(_)) => may_be("array"),
            // The keys of an object can be gone through as well as the elements of a list.
            Part::Any => may_be("array") || may_be("object"),
        };
        match (wanted, part) {
            (false, part) => Found::Nothing(self.misused(&types.unwrap_or_default(), part)),
            (true, Part::Selector(Selector::Key(key))) => self.member(schema, key),
            (true, Part::Selector(Selector::Index(index))) => self.element(schema, Some(*index)),
            (true, Part::Any) if may_be("object") => Found::Anything,
            (true, Part::Any) => self.element(schema, None),
        }
    }

    fn misused(&self, types: &[&str], part: &Part) -> Complaint {
        let kinds: Vec<&str> = types.iter().copied().filter(|kind| *kind != "null").collect();
        match part {
            _ if kinds.is_empty() => Complaint::Null,
            Part::Selector(Selector::Key(key)) if kinds.contains(&"array") => Complaint::List(key.clone()),
            Part::Selector(Selector::Index(index)) if kinds.contains(&"object") => Complaint::Object(*index),
            _ => Complaint::Type(kinds.join(" or ")),
        }
    }

    fn member(&self, schema: &'a serde_json::Map<String, Value>, key: &str) -> Found<'a> {
        let properties = schema.get("properties").and_then(Value::as_object);
        if let Some(member) = properties.and_then(|properties| properties.get(key)) {
            return Found::Nodes(vec![self.at(member)]);
        }
        if schema.contains_key("patternProperties") {
            return Found::Anything;
        }
        // A schema that names members and says nothing of others may well not mean them: whoever does can say so, whereas a
        // misspelt name would be null for ever.
        let others = schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties"));
        match others {
            None if properties.is_none_or(serde_json::Map::is_empty) => Found::Anything,
            None | Some(Value::Bool(false)) => {
                let known = properties.into_iter().flatten().map(|(name, _)| name.as_str());
                let listed: Vec<String> = known.clone().take(10).map(|name| format!("{name:?}")).collect();
                let mut hint = hint(key, known);
                if hint.is_empty() && !listed.is_empty() {
                    hint = format!("; there are {}", listed.join(", "));
                }
                if others.is_none() {
                    hint.push_str(" (a schema that means others too says additionalProperties: true)");
                }
                Found::Nothing(Complaint::Key { key: key.to_owned(), hint })
            }
            Some(schema @ Value::Object(_)) => Found::Nodes(vec![self.at(schema)]),
            _ => Found::Anything,
        }
    }

    fn element(&self, schema: &'a serde_json::Map<String, Value>, index: Option<usize>) -> Found<'a> {
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let rest = schema.get("items");
        if let (Some(most), Some(index)) = (schema.get("maxItems").and_then(Value::as_u64), index)
            && index as u64 >= most
        {
            return Found::Nothing(Complaint::Short(usize::try_from(most).unwrap_or(usize::MAX)));
        }
        match (first, index, rest) {
            (Some(first), Some(index), _) if index < first.len() => {
                Found::Nodes(vec![self.at(&first[index])])
            }
            (Some(first), Some(_), Some(Value::Bool(false))) => Found::Nothing(Complaint::Short(first.len())),
            (Some(_), None, _) => Found::Anything,
            (_, _, Some(items @ Value::Object(_))) => Found::Nodes(vec![self.at(items)]),
            _ => Found::Anything,
        }
    }
}
