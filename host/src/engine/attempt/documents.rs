//! The documents that a step's expressions read, and what is made of them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::value::RawValue;

use super::Executor;
use crate::{
    engine::{
        core::{Document, Launch},
        expression::{Expression, Root, Scope},
        plan::LayoutKind,
    },
    model::{Failure, FailureKind, Mapping, TenantId, Value},
};

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

    /// Read documents.
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
        let keys = match mapping {
            Mapping::Whole(text) => return Ok(self.evaluate(text)?.unwrap_or_else(|| "null".to_owned())),
            Mapping::Keys(keys) => keys,
        };
        let mut members = Vec::new();
        for (key, text) in keys {
            // A predecessor that was skipped, or failed and may: it has no output.
            if let Some(value) = self.evaluate(text)? {
                members.push(format!("{}:{value}", serde_json::Value::from(key.as_str())));
            }
        }
        Ok(format!("{{{}}}", members.join(",")))
    }

    /// The input of a phase or a sub-workflow.
    pub(super) fn input(&self, launch: &Launch) -> Result<String, Failure> {
        if let Some(mapping) = &launch.definition().input {
            return self.map(mapping);
        }
        let root = if launch.layout().kind == LayoutKind::Map { Root::Item } else { Root::Input };
        Ok(self.get(&root).unwrap_or("null").to_owned())
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
pub(super) fn elements(array: &str) -> Result<Vec<Box<str>>, Failure> {
    let items: Vec<&RawValue> = serde_json::from_str(array).map_err(|_| {
        let shown: String = array.chars().take(60).collect();
        Failure::new(FailureKind::InvalidInput, format!("a map goes over an array; this is none: {shown}"))
    })?;
    Ok(items.into_iter().map(|item| item.get().into()).collect())
}

fn invalid(text: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::InvalidExpression, format!("{text:?}: {error}"))
}
