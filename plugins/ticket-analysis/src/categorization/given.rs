//! The run's `categories`: absent, names, names with examples, or labels of tickets.

use std::collections::{BTreeMap, BTreeSet};

use heddle_sdk::prelude::*;
use serde_json::Value;

/// A category as the input gives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GivenCategory {
    /// Its name, as written.
    pub(crate) name: String,
    /// Keywords and words of the description.
    pub(crate) words: Vec<String>,
    /// Texts that belong to it.
    pub(crate) examples: Vec<String>,
}

/// What the input says of categories.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Given {
    /// The categories, in the input's order; empty if it names none.
    pub(crate) categories: Vec<GivenCategory>,
    /// Ticket id → the name of its category.
    pub(crate) labels: BTreeMap<String, String>,
}

const SHAPES: &str = "give a list of names, a list of objects with `name` and optional `examples` (texts or ticket ids), \
                      `keywords` and `description`, an object of name → examples, or an object of ticket id → name";

impl Given {
    /// Read the input's `categories`. `ids` are the tickets' ids.
    ///
    /// # Errors
    /// [`PhaseError::InvalidInput`], naming the place, for anything that is not one of the accepted shapes.
    pub(crate) fn read(categories: Option<&Value>, ids: &BTreeSet<&str>) -> Result<Self, PhaseError> {
        let mut given = Self::default();
        match categories {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    given.item(item, &format!("/categories/{at}"), ids)?;
                }
            }
            Some(Value::Object(map)) if map.keys().any(|key| key == "names" || key == "labels") => {
                if let Some(names) = map.get("names") {
                    let names = names.as_array().ok_or_else(|| wrong("/categories/names"))?;
                    for (at, item) in names.iter().enumerate() {
                        given.item(item, &format!("/categories/names/{at}"), ids)?;
                    }
                }
                if let Some(labels) = map.get("labels") {
                    for (id, name) in labels.as_object().ok_or_else(|| wrong("/categories/labels"))? {
                        let path = format!("/categories/labels/{}", escape(id));
                        given.label(id, name.as_str().ok_or_else(|| wrong(&path))?, &path, ids)?;
                    }
                }
            }
            Some(Value::Object(map)) => {
                for (key, value) in map {
                    let path = format!("/categories/{}", escape(key));
                    match value {
                        Value::String(name) if ids.contains(key.as_str()) => {
                            given.label(key, name, &path, ids)?;
                        }
                        Value::String(description) => {
                            let words = heddle_kit::text::tokens(description);
                            given.category(key, &path)?.words.extend(words);
                        }
                        Value::Array(examples) => {
                            given.category(key, &path)?;
                            given.examples(key, examples, &path, ids)?;
                        }
                        _ => return Err(wrong(&path)),
                    }
                }
            }
            Some(_) => return Err(wrong("/categories")),
        }
        Ok(given)
    }

    fn item(&mut self, item: &Value, path: &str, ids: &BTreeSet<&str>) -> Result<(), PhaseError> {
        let map = match item {
            Value::String(name) => return self.category(name, path).map(|_| ()),
            Value::Object(map) => map,
            _ => return Err(wrong(path)),
        };
        let text = |key: &str| map.get(key).and_then(Value::as_str);
        if let (Some(id), Some(name)) = (text("id").or(text("ticket_id")), text("category").or(text("label")))
        {
            return self.label(id, name, path, ids);
        }
        let name = text("name").ok_or_else(|| wrong(path))?;
        let mut words = text("description").map(heddle_kit::text::tokens).unwrap_or_default();
        for key in ["keywords", "synonyms"] {
            for word in map.get(key).and_then(Value::as_array).into_iter().flatten() {
                words.extend(word.as_str().map(heddle_kit::text::tokens).unwrap_or_default());
            }
        }
        self.category(name, path)?.words.extend(words);
        for key in ["examples", "labels"] {
            if let Some(examples) = map.get(key) {
                let path = format!("{path}/{key}");
                self.examples(name, examples.as_array().ok_or_else(|| wrong(&path))?, &path, ids)?;
            }
        }
        Ok(())
    }

    /// The category of that name, made if it is new.
    fn category(&mut self, name: &str, path: &str) -> Result<&mut GivenCategory, PhaseError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(PhaseError::invalid(path, "the name of a category is empty"));
        }
        let at = match self.categories.iter().position(|category| same_name(&category.name, name)) {
            Some(at) => at,
            None => {
                self.categories.push(GivenCategory { name: name.to_owned(), ..GivenCategory::default() });
                self.categories.len() - 1
            }
        };
        Ok(&mut self.categories[at])
    }

    /// Examples are ticket ids, texts, or objects with `subject` and `description` or `text`.
    fn examples(
        &mut self,
        name: &str,
        examples: &[Value],
        path: &str,
        ids: &BTreeSet<&str>,
    ) -> Result<(), PhaseError> {
        for (at, example) in examples.iter().enumerate() {
            let path = format!("{path}/{at}");
            let text = match example {
                Value::String(id) if ids.contains(id.as_str()) => {
                    self.label(id, name, &path, ids)?;
                    continue;
                }
                Value::String(text) => text.clone(),
                Value::Object(map) => {
                    let parts = ["subject", "text", "description"];
                    let parts: Vec<&str> =
                        parts.iter().filter_map(|key| map.get(*key).and_then(Value::as_str)).collect();
                    parts.join("\n")
                }
                _ => String::new(),
            };
            if text.trim().is_empty() {
                return Err(PhaseError::invalid(
                    path,
                    "an example must be a ticket's id or a text that is not empty",
                ));
            }
            self.category(name, &path)?.examples.push(text);
        }
        Ok(())
    }

    fn label(&mut self, id: &str, name: &str, path: &str, ids: &BTreeSet<&str>) -> Result<(), PhaseError> {
        if !ids.contains(id) {
            return Err(PhaseError::invalid(path, format!("there is no ticket {id:?} to label")));
        }
        let name = name.trim();
        if name.is_empty() {
            return Err(PhaseError::invalid(path, "the name of a category is empty"));
        }
        match self.labels.insert(id.to_owned(), name.to_owned()) {
            Some(earlier) if !same_name(&earlier, name) => Err(PhaseError::invalid(
                path,
                format!("ticket {id:?} is labelled {earlier:?} and {name:?}; give one of them"),
            )),
            _ => Ok(()),
        }
    }
}

/// Whether two names differ only in case, spaces, hyphens or underscores.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    plain_name(a) == plain_name(b)
}

/// A name without regard to case, spaces, hyphens and underscores.
pub(crate) fn plain_name(name: &str) -> String {
    name.to_lowercase().replace(['_', '-'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wrong(path: &str) -> PhaseError {
    PhaseError::invalid(path, format!("this says nothing of categories: {SHAPES}"))
}

/// A key as a part of a JSON Pointer (RFC 6901).
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Given, PhaseError> {
        Given::read(Some(value), &BTreeSet::from(["T1", "T2"]))
    }

    #[test]
    fn every_shape_is_read() {
        assert_eq!(Given::read(None, &BTreeSet::new()).unwrap(), Given::default());
        let names = |given: &Given| given.categories.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&read(&json!(["Bug", "feature", "BUG"])).unwrap()), ["Bug", "feature"]);
        let given =
            read(&json!([{ "name": "Hardware", "keywords": ["printer"], "examples": ["T1", "paper jam"] }]))
                .unwrap();
        assert_eq!(given.categories[0].words, ["printer"]);
        assert_eq!(given.categories[0].examples, ["paper jam"]);
        assert_eq!(given.labels["T1"], "Hardware");
        assert_eq!(read(&json!({ "T2": "bug" })).unwrap().labels["T2"], "bug");
        assert_eq!(read(&json!({ "bug": ["T2", "it breaks"] })).unwrap().labels["T2"], "bug");
        assert_eq!(read(&json!({ "names": ["a1"], "labels": { "T1": "a1" } })).unwrap().labels["T1"], "a1");
        assert_eq!(read(&json!([{ "id": "T1", "category": "x1" }])).unwrap().labels["T1"], "x1");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (value, path) in [
            (json!(7), "/categories"),
            (json!([7]), "/categories/0"),
            (json!(["bug", " "]), "/categories/1"),
            (json!({ "labels": { "T9": "bug" } }), "/categories/labels/T9"),
            (json!({ "a/b": 7 }), "/categories/a~1b"),
            (json!({ "bug": ["T1"], "feature": ["T1"] }), "/categories/feature/0"),
            (json!([{ "name": "x", "examples": [""] }]), "/categories/0/examples/0"),
        ] {
            let Err(PhaseError::InvalidInput(problems)) = read(&value) else {
                panic!("{value} was accepted")
            };
            assert_eq!(problems[0].path, path, "{value}");
        }
    }
}
