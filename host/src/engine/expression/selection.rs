//! Selecting from JSON text: only the levels on the way are looked into, what is beside it is skipped as text, and
//! nothing is kept of it. A document of many small members would take many times its size.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

use super::scope::Selector;

/// The text at the end of a path. `None` if there is nothing at that place.
pub(super) fn select<'a>(document: &'a str, path: &[Selector]) -> Option<&'a str> {
    path.iter().try_fold(document, |json, selector| match selector {
        Selector::Key(key) => members(json, |name| name == key)?.remove(key).map(RawValue::get),
        Selector::Index(index) => element(json, *index).map(RawValue::get),
    })
}

/// The members of an object that are wanted; of several with one name the last, as everywhere. `None` if it is no object.
pub(super) fn members(json: &str, wanted: impl Fn(&str) -> bool) -> Option<BTreeMap<String, &RawValue>> {
    struct Members<F>(F);

    impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Members<F> {
        type Value = BTreeMap<String, &'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut found = BTreeMap::new();
            while let Some(name) = access.next_key::<String>()? {
                if (self.0)(&name) {
                    found.insert(name, access.next_value()?);
                } else {
                    access.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    Deserializer::from_str(json).deserialize_map(Members(wanted)).ok()
}

fn element(json: &str, index: usize) -> Option<&RawValue> {
    struct Element(usize);

    impl<'de> Visitor<'de> for Element {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            for _ in 0..self.0 {
                if access.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            let found = access.next_element()?;
            // A visitor is to take all.
            while access.next_element::<IgnoredAny>()?.is_some() {}
            Ok(found)
        }
    }

    Deserializer::from_str(json).deserialize_seq(Element(index)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_the_path_is_skipped() {
        let key = |key: &str| Selector::Key(key.to_owned());
        let json = r#" {"a": 1, "b": [0, {"c": "x"}, []], "a": {"k\u00e9y": null}} "#;
        assert_eq!(select(json, &[key("a"), key("kéy")]), Some("null"), "the last of two counts");
        assert_eq!(select(json, &[key("b"), Selector::Index(1), key("c")]), Some("\"x\""));
        assert_eq!(select(json, &[]), Some(json));
        for path in [vec![key("z")], vec![key("b"), Selector::Index(3)], vec![key("b"), key("c")]] {
            assert_eq!(select(json, &path), None, "{path:?}");
        }
        assert_eq!(select(json, &[Selector::Index(0)]), None);
    }
}
