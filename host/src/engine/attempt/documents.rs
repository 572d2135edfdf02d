//! The documents that a step's expressions read, and what is made of them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{
    Executor, Expressions,
    memory::{Draft, check_documents},
};
use crate::{
    engine::{
        core::{Document, Launch},
        expression::{Expression, Root, Scope},
        plan::LayoutKind,
    },
    model::{Failure, FailureKind, Mapping, TenantId},
};

/// The documents by what names them, as JSON text.
pub(super) struct Documents {
    scope: Scope,
    texts: BTreeMap<Root, Arc<str>>,
    expressions: Expressions,
}

/// Of documents so large, in bytes, a part is selected where others wait for the thread.
const SELECTED_AT_ONCE: usize = 64 << 10;

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
        Ok(Self { scope, texts, expressions: executor.expressions.clone() })
    }

    /// All of them, by their names in expressions.
    pub(super) fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        self.texts.iter().map(|(root, text)| (root.to_string(), text.as_ref()))
    }

    pub(super) fn get(&self, root: &Root) -> Option<&str> {
        self.texts.get(root).map(AsRef::as_ref)
    }

    fn parsed(&self, text: &str) -> Result<Arc<Expression>, Failure> {
        let parsed = self.expressions.get_or_make(&text.into(), text.len(), || Expression::parse(text));
        parsed.map_err(|error| invalid(text, &error))
    }

    /// Whether a mapping takes next to no time: it only selects, and of little.
    pub(super) fn selects(&self, mapping: Option<&Mapping>) -> Result<bool, Failure> {
        if self.texts.values().map(|text| text.len()).sum::<usize>() > SELECTED_AT_ONCE {
            return Ok(false);
        }
        Ok(match mapping {
            None => true,
            Some(Mapping::Whole(text)) => self.parsed(text)?.only_selects(),
            Some(Mapping::Keys(keys)) => {
                for text in keys.values() {
                    if !self.parsed(text)?.only_selects() {
                        return Ok(false);
                    }
                }
                true
            }
        })
    }

    /// Evaluate an expression to JSON text; `None` if it selects what is not there.
    pub(super) fn evaluate(&self, text: &str) -> Result<Option<String>, Failure> {
        let expression = self.parsed(text)?;
        expression.evaluate(&self.scope).map_err(|error| invalid(text, &error))
    }

    /// Evaluate a condition.
    pub(super) fn holds(&self, text: &str) -> Result<bool, Failure> {
        let expression = self.parsed(text)?;
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
        let expression = self.parsed(text)?;
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

fn invalid(text: &str, error: &dyn fmt::Display) -> Failure {
    Failure::new(FailureKind::InvalidExpression, format!("{text:?}: {error}"))
}
