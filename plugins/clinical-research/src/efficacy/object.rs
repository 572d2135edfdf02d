//! JSON objects in which a figure that cannot be computed is null and says why beside it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::frame::Frame;

/// A figure, or the reason in words why there is none.
pub(super) type Said<T> = Result<T, String>;

/// A key, and how its figure is taken from a result.
pub(super) type Part<'a, T> = (&'a str, &'a dyn Fn(&T) -> Value);

/// An object in the making. For each of its keys that is null, `not_computable` has the reason.
#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    fields: Map<String, Value>,
    reasons: Map<String, Value>,
}

/// Whether a value holds no null: what serde_json makes of a number that is not finite.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(list) => list.iter().all(is_whole),
        // An object has the reasons of its own nulls.
        _ => true,
    }
}

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A count, a text, an object, or a figure that always exists.
    pub(super) fn set(&mut self, key: &str, value: impl Serialize) -> &mut Self {
        self.computed(key, Ok(value))
    }

    /// A figure, or null and its reason.
    pub(super) fn computed<T: Serialize>(&mut self, key: &str, value: Said<T>) -> &mut Self {
        let value = value.and_then(|value| {
            let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
            if is_whole(&value) {
                Ok(value)
            } else {
                Err("the figure is beyond what a number can hold".to_owned())
            }
        });
        match value {
            Ok(value) => self.fields.insert(key.to_owned(), value),
            Err(reason) => {
                self.reasons.insert(key.to_owned(), Value::String(reason));
                self.fields.insert(key.to_owned(), Value::Null)
            }
        };
        self
    }

    /// Several figures that stand or fall together: from one result, each by its key.
    pub(super) fn all<T>(&mut self, from: &Said<T>, parts: &[Part<'_, T>]) -> &mut Self {
        for (key, part) in parts {
            self.computed(key, from.as_ref().map(part).map_err(Clone::clone));
        }
        self
    }

    pub(super) fn finish(mut self) -> Value {
        if !self.reasons.is_empty() {
            self.fields.insert("not_computable".to_owned(), Value::Object(self.reasons));
        }
        Value::Object(self.fields)
    }
}

/// An object from pairs.
pub(super) fn object<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::Object(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Counts under the names of their arms.
pub(super) fn by_arm(frame: &Frame<'_>, counts: &[usize]) -> Value {
    object(counts.iter().enumerate().map(|(arm, n)| (frame.arm(arm), Value::from(*n))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_null_has_its_reason_beside_it() {
        let mut made = Object::new();
        made.set("n", 3).computed::<f64>("p", Err("no events".into())).set("ci", (0.5, f64::INFINITY));
        let made = made.finish();
        assert_eq!((&made["n"], &made["p"], &made["ci"]), (&json!(3), &Value::Null, &Value::Null));
        assert_eq!(made["not_computable"]["p"], "no events");
        assert!(made["not_computable"]["ci"].as_str().is_some_and(|why| why.contains("beyond")));
        assert_eq!(Object::new().finish(), json!({}));
    }
}
