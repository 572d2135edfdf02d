//! JSON that somebody else wrote, parsed under a bound: what a text of a few bytes a value takes as a tree is many
//! times its size.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values that one document may have. As a tree they take about 200 MiB.
pub(crate) const MAX_VALUES: u32 = 2_000_000;

/// Parse a document of at most [`MAX_VALUES`] values. Depth is bounded by serde_json (128).
///
/// # Errors
/// If it is no JSON, or too large; the message says where.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    parse_within(text, MAX_VALUES)
}

/// Parse a document of at most so many values.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_within(text: &str, most: u32) -> Result<Value, serde_json::Error> {
    let mut left = Left { left: most, most };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Tree { left: &mut left }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Check that a text is a document of at most [`MAX_VALUES`] values, without making a tree of it.
///
/// # Errors
/// As [`parse`].
pub(super) fn check(text: &str) -> Result<(), serde_json::Error> {
    let mut left = Left { left: MAX_VALUES, most: MAX_VALUES };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Shape { left: &mut left }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Values that a document may have yet, and that it might have.
struct Left {
    left: u32,
    most: u32,
}

fn count<E: serde::de::Error>(left: &mut Left) -> Result<(), E> {
    let Left { left, most } = left;
    *left = left
        .checked_sub(1)
        .ok_or_else(|| E::custom(format_args!("more than {most} values in one document")))?;
    Ok(())
}

struct Tree<'a> {
    left: &'a mut Left,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        count(self.left)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Tree { left: &mut *self.left })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            map.insert(key, access.next_value_seed(Tree { left: &mut *self.left })?);
        }
        Ok(Value::Object(map))
    }
}

/// As [`Tree`], of which nothing is kept.
struct Shape<'a> {
    left: &'a mut Left,
}

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        count(self.left)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while access.next_element_seed(Shape { left: &mut *self.left })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while access.next_key_seed(Shape { left: &mut *self.left })?.is_some() {
            access.next_value_seed(Shape { left: &mut *self.left })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn equals_what_serde_json_reads() {
        let text = r#" {"a": [1, -2, 3.5, "x\u00e9", null, true], "b": {}, "c": 18446744073709551615} "#;
        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert!(check(text).is_ok());
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        for text in ["", "{} x", "{1: 2}", "[1,]", "NaN", &deep] {
            assert!(parse(text).is_err() && check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn many_small_values_are_refused() {
        let text = format!("[{}0]", "0,".repeat(MAX_VALUES as usize));
        assert!(parse(&text).unwrap_err().to_string().starts_with("more than 2000000 values"));
        assert!(check(&text).unwrap_err().to_string().starts_with("more than 2000000 values"));
    }
}
