//! Selecting from JSON text: only the levels on the way are looked into, what is beside it is skipped as text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::scope::Selector;

/// The text at the end of a path. `None` if there is nothing at that place.
pub(super) fn select<'a>(document: &'a str, path: &[Selector]) -> Option<&'a str> {
    path.iter().try_fold(document, |json, selector| {
        let inner: &RawValue = match selector {
            Selector::Key(key) => serde_json::from_str::<BTreeMap<String, &RawValue>>(json).ok()?.get(key)?,
            Selector::Index(index) => serde_json::from_str::<Vec<&RawValue>>(json).ok()?.get(*index)?,
        };
        Some(inner.get())
    })
}
