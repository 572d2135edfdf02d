//! The arrays that maps go over. One is taken apart once: each of its items asks for it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Executor;
use crate::model::{Digest, Failure, FailureKind, TenantId, Value};

/// A map goes over so many items at the most.
const MAX_ITEMS: usize = 10_000;
/// So much is kept of arrays that were taken apart, in bytes; the last one is kept whatever its size.
const KEPT_BYTES: usize = 128 << 20;
/// What an item takes beside its text, in bytes, about.
const ITEM_BYTES: usize = 32;

/// The JSON texts of an array's items.
type Items = Arc<[Box<str>]>;

/// Arrays that were taken apart, the one asked for last first.
#[derive(Debug, Default)]
pub(crate) struct Arrays {
    kept: VecDeque<(Digest, Items)>,
}

impl Arrays {
    fn get(&mut self, digest: Digest) -> Option<Items> {
        let found = self.kept.iter().position(|(known, _)| *known == digest)?;
        let entry = self.kept.remove(found)?;
        self.kept.push_front(entry);
        self.kept.front().map(|(_, items)| Arc::clone(items))
    }

    fn keep(&mut self, digest: Digest, items: Items) {
        self.kept.retain(|(known, _)| *known != digest);
        self.kept.push_front((digest, items));
        let mut bytes = 0;
        let mut fits = |items: &Items| {
            bytes += items.iter().map(|item| item.len() + ITEM_BYTES).sum::<usize>();
            bytes <= KEPT_BYTES
        };
        let count = self.kept.iter().take_while(|(_, items)| fits(items)).count();
        self.kept.truncate(count.max(1));
    }
}

impl Executor {
    /// One element of an array.
    pub(super) async fn element(
        &self,
        tenant: &TenantId,
        array: &Value,
        index: usize,
    ) -> Result<String, Failure> {
        let digest = array.digest();
        let known = lock(&self.arrays).get(digest);
        let items = match known {
            Some(items) => items,
            None => {
                let items: Items = elements(&self.text(tenant, array).await?)?.into();
                lock(&self.arrays).keep(digest, Arc::clone(&items));
                items
            }
        };
        let missing = || Failure::new(FailureKind::Host, format!("the map's array has no item {index}"));
        items.get(index).map(|item| item.to_string()).ok_or_else(missing)
    }
}

/// Nothing in it is half done when somebody panics.
fn lock(arrays: &Mutex<Arrays>) -> std::sync::MutexGuard<'_, Arrays> {
    arrays.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

    #[test]
    fn what_is_kept_of_arrays_is_bounded() {
        let array = |bytes: usize| -> Items { [" ".repeat(bytes).into_boxed_str()].into() };
        let [a, b, c] = ["a", "b", "c"].map(Digest::of);
        let mut arrays = Arrays::default();
        arrays.keep(a, array(KEPT_BYTES / 3));
        arrays.keep(b, array(KEPT_BYTES / 3));
        assert!(arrays.get(a).is_some() && arrays.get(c).is_none());
        // The one that was not asked for the longest goes first; one that is too large for all goes alone.
        arrays.keep(c, array(KEPT_BYTES / 2));
        assert!(arrays.get(b).is_none() && arrays.get(a).is_some() && arrays.get(c).is_some());
        arrays.keep(b, array(KEPT_BYTES + 1));
        assert!(arrays.get(b).is_some() && arrays.get(a).is_none() && arrays.kept.len() == 1);
    }
}
