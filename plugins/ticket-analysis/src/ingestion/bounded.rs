//! The tickets inside a run's input, read only as far as they are not too many: what is too large is counted and not
//! kept, so that it can be refused with its figures instead of exhausting the memory.

use std::{borrow::Cow, cell::Cell, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// How many records a run reads, in its input and its files together.
pub const MOST_RECORDS: usize = 50_000;
/// How much JSON text the tickets inside the input may have. Parsed it takes several times that, and the quick look before
/// the run has 256 MiB for the text and the tree together.
pub(super) const MOST_INLINE_BYTES: usize = 32 << 20;

/// The run's `ticket_data`.
#[derive(Debug, Default)]
pub enum TicketData {
    /// Absent or null.
    #[default]
    None,
    /// Within the bounds.
    Given {
        /// As given.
        value: Value,
        /// About as many bytes of JSON text.
        bytes: usize,
    },
    /// Beyond them.
    TooLarge {
        /// Records in it.
        records: usize,
        /// About as many bytes of JSON text.
        bytes: usize,
    },
}

impl TicketData {
    /// The tickets, if they are there and within the bounds.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Self::Given { value, .. } => Some(value),
            Self::None | Self::TooLarge { .. } => None,
        }
    }
}

impl JsonSchema for TicketData {
    fn schema_name() -> Cow<'static, str> {
        "TicketData".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<Value>::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for TicketData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = Count::default();
        let value = Seed { count: &count, level: Level::Top }.deserialize(deserializer)?;
        let (records, bytes) = (count.records.get(), count.bytes.get());
        Ok(match value {
            _ if count.is_over() => Self::TooLarge { records, bytes },
            Value::Null => Self::None,
            value => Self::Given { value, bytes },
        })
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Count {
    records: Cell<usize>,
    bytes: Cell<usize>,
}

impl Count {
    fn is_over(&self) -> bool {
        self.records.get() > MOST_RECORDS || self.bytes.get() > MOST_INLINE_BYTES
    }

    fn add(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The whole, or a value of the envelope around the records.
    Top,
    /// An element of an array: a record, or a page of records.
    Element,
    /// Within a record.
    Inner,
}

/// Reads one value; once the count is over a bound, nothing is kept any more.
#[derive(Clone, Copy)]
struct Seed<'c> {
    count: &'c Count,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        self.count.add(5);
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        self.count.add(5);
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.count.add(8);
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.count.add(8);
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        self.count.add(8);
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        self.count.add(value.len() + 3);
        Ok(if self.count.is_over() { Value::Null } else { Value::String(value.to_owned()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let level = if self.level == Level::Inner { Level::Inner } else { Level::Element };
        let mut items = Vec::new();
        self.count.add(2);
        while let Some(item) = list.next_element_seed(Seed { level, ..self })? {
            if self.count.is_over() {
                items = Vec::new();
            } else {
                items.push(item);
            }
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let level = match self.level {
            Level::Top => Level::Top,
            Level::Element | Level::Inner => Level::Inner,
        };
        if self.level == Level::Element {
            self.count.records.set(self.count.records.get() + 1);
        }
        let mut items = Map::new();
        let mut most = self.count.records.get();
        self.count.add(2);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            self.count.add(key.len() + 4);
            if level == Level::Top {
                // Of an envelope's arrays only one holds the tickets; others hold what belongs to them.
                self.count.records.set(0);
            }
            let item = map.next_value_seed(Seed { level, ..self })?;
            most = most.max(self.count.records.get());
            if self.count.is_over() || most > MOST_RECORDS {
                items = Map::new();
            } else {
                items.insert(key.into_owned(), item);
            }
        }
        self.count.records.set(most.max(self.count.records.get()));
        Ok(Value::Object(items))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> TicketData {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_within_the_bounds_is_read_as_it_is() {
        for value in [
            json!([{ "id": 1, "a": [true, null, 1.5, -3, "é\n"], "b": { "c": {} } }]),
            json!({ "issues": [{}], "users": [{ "id": 1 }, { "id": 2 }] }),
            json!("text"),
        ] {
            let TicketData::Given { value: found, bytes } = read(&value.to_string()) else {
                panic!("{value}")
            };
            assert_eq!(found, value);
            assert!(bytes > 0 && bytes < 2 * value.to_string().len() + 20, "{bytes} for {value}");
        }
        assert!(matches!(read("null"), TicketData::None));
    }

    #[test]
    fn too_many_records_are_counted_and_not_kept() {
        let records = |n: usize| vec!["{\"id\":1}"; n].join(",");
        let n = MOST_RECORDS + 7;
        for text in [
            format!("[{}]", records(n)),
            format!("{{\"users\":[{}],\"tickets\":[{}],\"next\":null}}", records(9), records(n)),
            format!("[[{}],[{}]]", records(n - 3), records(3)),
        ] {
            let TicketData::TooLarge { records, .. } = read(&text) else { panic!("accepted") };
            assert_eq!(records, n);
        }
        // Side-loaded people are no tickets, and a ticket's own lists are none either.
        let text =
            format!("{{\"tickets\":[{}],\"users\":[{}]}}", records(MOST_RECORDS), records(MOST_RECORDS));
        assert!(matches!(read(&text), TicketData::Given { .. }));
        let text = format!("[{{\"comments\":[{}]}}]", records(n));
        assert!(matches!(read(&text), TicketData::Given { .. }));
    }

    #[test]
    fn too_much_text_is_measured_and_not_kept() {
        let ticket = format!("{{\"id\":1,\"description\":\"{}\"}}", "x".repeat(1 << 20));
        let TicketData::TooLarge { records, bytes } = read(&format!("[{}]", vec![ticket; 40].join(",")))
        else {
            panic!("accepted")
        };
        assert_eq!(records, 40);
        assert!((40 << 20..41 << 20).contains(&bytes), "{bytes}");
    }
}
