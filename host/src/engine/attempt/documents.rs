//! The documents that a step's expressions read, and what is made of them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Executor,
    memory::{Draft, check_documents},
};
use crate::{
    engine::{
        core::{Document, Launch},
        expression::{Expression, Root, Scope},
        plan::LayoutKind,
    },
    model::{Failure, FailureKind, Mapping, TenantId, Value},
};

/// A map goes over so many items at the most.
const MAX_ITEMS: usize = 10_000;

/// The documents by what names them, as JSON text.
pub(super) struct Documents {
    scope: Scope,
    texts: BTreeMap<Root, Arc<str>>,
}

impl Documents {
    /// Read what a launch names.
    pub(super) async fn gather(executor: &Executor, launch: &Launch) -> Result<Self, Failure> {
        Self::read(executor, &launch.tenant, &launch.documents).await
    }

    /// What reading them takes, in bytes.
    ///
    /// # Errors
    /// If it is more than one step may read.
    pub(super) fn size(documents: &BTreeMap<Root, Document>) -> Result<u64, Failure> {
        let size = |document: &Document| match document {
            Document::Json(json) => json.len() as u64,
            // Of an array the whole is read before it is taken apart.
            Document::Whole(value) | Document::Element(value, _) => value.size(),
        };
        let bytes = documents.values().map(size).sum();
        check_documents(bytes)?;
        Ok(bytes)
    }

    /// Read documents. Their size has been looked at.
    pub(super) async fn read(
        executor: &Executor,
        tenant: &TenantId,
        documents: &BTreeMap<Root, Document>,
    ) -> Result<Self, Failure> {
        let mut scope = Scope::default();
        let mut texts = BTreeMap::new();
        for (root, document) in documents {
            let text: Arc<str> = match document {
                Document::Json(json) => json.as_str().into(),
                Document::Whole(value) => executor.text(tenant, value).await?.into(),
                Document::Element(value, index) => executor.element(tenant, value, *index).await?.into(),
            };
            scope.insert(root.clone(), Arc::clone(&text));
            texts.insert(root.clone(), text);
        }
        Ok(Self { scope, texts })
    }

    /// All of them, by their names in expressions.
    pub(super) fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        self.texts.iter().map(|(root, text)| (root.to_string(), text.as_ref()))
    }

    pub(super) fn get(&self, root: &Root) -> Option<&str> {
        self.texts.get(root).map(AsRef::as_ref)
    }

    /// Evaluate an expression to JSON text; `None` if it selects what is not there.
    pub(super) fn evaluate(&self, text: &str) -> Result<Option<String>, Failure> {
        let expression = Expression::parse(text).map_err(|error| invalid(text, &error))?;
        expression.evaluate(&self.scope).map_err(|error| invalid(text, &error))
    }

    /// Evaluate a condition.
    pub(super) fn holds(&self, text: &str) -> Result<bool, Failure> {
        let expression = Expression::parse(text).map_err(|error| invalid(text, &error))?;
        expression.is_true(&self.scope).map_err(|error| invalid(text, &error))
    }

    /// Make a document of expressions. Text in, text out: what is merely selected is never parsed.
    pub(super) fn map(&self, mapping: &Mapping) -> Result<String, Failure> {
        let mut draft = Draft::default();
        let keys = match mapping {
            Mapping::Whole(text) => {
                if !self.add(text, None, &mut draft)? {
                    draft.push("null")?;
                }
                return Ok(draft.finish());
            }
            Mapping::Keys(keys) => keys,
        };
        draft.push("{")?;
        for (key, text) in keys {
            // A predecessor that was skipped, or failed and may: it has no output.
            self.add(text, Some(key), &mut draft)?;
        }
        draft.push("}")?;
        Ok(draft.finish())
    }

    /// Add the value of an expression, as the member of that key if one is given; returns whether there is one.
    fn add(&self, text: &str, key: Option<&str>, draft: &mut Draft) -> Result<bool, Failure> {
        let expression = Expression::parse(text).map_err(|error| invalid(text, &error))?;
        let computed;
        let value = match expression.selected(&self.scope) {
            Some(selected) => selected,
            None => {
                computed = expression.evaluate(&self.scope).map_err(|error| invalid(text, &error))?;
                computed.as_deref()
            }
        };
        let Some(value) = value else { return Ok(false) };
        if let Some(key) = key {
            draft.key(key)?;
        }
        draft.push(value)?;
        Ok(true)
    }

    /// The input of a phase or a sub-workflow.
    pub(super) fn input(&self, launch: &Launch) -> Result<String, Failure> {
        if let Some(mapping) = &launch.definition().input {
            return self.map(mapping);
        }
        let root = if launch.layout().kind == LayoutKind::Map { Root::Item } else { Root::Input };
        let mut draft = Draft::default();
        draft.push(self.get(&root).unwrap_or("null"))?;
        Ok(draft.finish())
    }
}

impl Executor {
    /// One element of an array.
    async fn element(&self, tenant: &TenantId, array: &Value, index: usize) -> Result<String, Failure> {
        let digest = array.digest();
        let known = self.array.lock().ok().and_then(|known| known.clone());
        let items = match known.filter(|(of, _)| *of == digest) {
            Some((_, items)) => items,
            None => {
                let text = self.text(tenant, array).await?;
                let items: Arc<[Box<str>]> = elements(&text)?.into();
                if let Ok(mut known) = self.array.lock() {
                    *known = Some((digest, Arc::clone(&items)));
                }
                items
            }
        };
        let missing = || Failure::new(FailureKind::Host, format!("the map's array has no item {index}"));
        items.get(index).map(|item| item.to_string()).ok_or_else(missing)
    }
}

/// The elements of a JSON array, as text.
fn elements(array: &str) -> Result<Vec<Box<str>>, Failure> {
    let (items, _) = items(array)?;
    Ok(items.into_iter().map(|item| item.get().into()).collect())
}

/// How many elements a JSON array has, of those that a map may go over.
pub(super) fn count(array: &str) -> Result<usize, Failure> {
    let (_, count) = items(array)?;
    if count <= MAX_ITEMS {
        return Ok(count);
    }
    Err(Failure::limit("map_items", MAX_ITEMS as u64, count as u64, "the map's array is too long"))
}

/// The elements of an array, and how many there are. Of one that is too long the rest is only counted: even a reference
/// is larger than a small element.
fn items(array: &str) -> Result<(Vec<&RawValue>, usize), Failure> {
    struct Items;

    impl<'de> Visitor<'de> for Items {
        type Value = (Vec<&'de RawValue>, usize);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while items.len() < MAX_ITEMS {
                let Some(item) = access.next_element()? else { break };
                items.push(item);
            }
            let mut count = items.len();
            while access.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
            Ok((items, count))
        }
    }

    serde_json::Deserializer::from_str(array).deserialize_seq(Items).map_err(|_| {
        let shown: String = array.chars().take(60).collect();
        Failure::new(FailureKind::InvalidInput, format!("a map goes over an array; this is none: {shown}"))
    })
}

fn invalid(text: &str, error: &dyn fmt::Display) -> Failure {
    Failure::new(FailureKind::InvalidExpression, format!("{text:?}: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn of_an_array_that_is_too_long_the_rest_is_counted() {
        assert_eq!(count("[]").unwrap(), 0);
        assert_eq!(
            elements(r#" [1, {"a": [2]}, "x" ]"#).unwrap(),
            ["1".into(), r#"{"a": [2]}"#.into(), "\"x\"".into()]
        );
        let array = |n: usize| format!("[{}0]", "0,".repeat(n - 1));
        assert_eq!(count(&array(MAX_ITEMS)).unwrap(), MAX_ITEMS);
        let long = array(MAX_ITEMS + 5);
        let breach = count(&long).unwrap_err().breach.unwrap();
        assert_eq!((breach.limit.as_str(), breach.value, breach.used), ("map_items", 10_000, 10_005));
        assert_eq!(items(&long).unwrap().0.len(), MAX_ITEMS);
        for text in ["{}", "[1", "null"] {
            assert!(count(text).unwrap_err().message.contains("goes over an array"), "{text}");
        }
    }
}
