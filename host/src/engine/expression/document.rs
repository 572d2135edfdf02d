//! From JSON text to values of the language. Of a document only what the expression names is read.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
};

use cel::common::{
    types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
    value::Val,
};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{meter::Meter, scope::Selector, selection};

/// A value whose texts are those of its document.
pub(super) type Value<'v> = Box<dyn Val + 'v>;

/// What of a document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Keys(BTreeMap<String, Wanted>),
}

impl Default for Wanted {
    fn default() -> Self {
        Self::Keys(BTreeMap::new())
    }
}

impl Wanted {
    /// Add what is at the end of a path. Elements of lists are not told apart.
    pub(super) fn add(&mut self, path: &[Selector]) {
        match (&mut *self, path) {
            (Self::All, _) => {}
            (Self::Keys(keys), [Selector::Key(key), rest @ ..]) => {
                keys.entry(key.clone()).or_default().add(rest);
            }
            _ => *self = Self::All,
        }
    }

    /// Read it. The number of bytes that were read is added to `read`.
    pub(super) fn read<'v>(
        &self,
        json: &'v str,
        meter: &Meter,
        read: &mut usize,
    ) -> Result<Value<'v>, String> {
        if let Self::Keys(keys) = self
            && let Some(members) = selection::members(json, |name| keys.contains_key(name))
        {
            let mut map = HashMap::new();
            for (key, wanted) in keys {
                if let Some(member) = members.get(key) {
                    let value = wanted.read(member.get(), meter, read)?;
                    map.insert(CelMapKey::String(CelString::from(key.clone())), value);
                }
            }
            return Ok(Box::new(CelMap::from(map)));
        }
        *read += json.len();
        if *read > super::bounds::DOCUMENT_BYTES {
            return Err(format!(
                "the documents that are read have more than {} MiB; a selection alone, as in input.a.b, has no such bound",
                super::bounds::DOCUMENT_BYTES >> 20
            ));
        }
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = Seed(meter).deserialize(&mut deserializer).map_err(|error| error.to_string())?;
        deserializer.end().map_err(|error| error.to_string())?;
        Ok(value)
    }
}

/// Makes values and counts them.
#[derive(Clone, Copy)]
struct Seed<'m>(&'m Meter);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        // A number that fits is an int; only what is beyond is a uint.
        Ok(match i64::try_from(value) {
            Ok(value) => Box::new(CelInt::from(value)),
            Err(_) => Box::new(CelUInt::from(value)),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(value)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        self.count(value.len() as u64)?;
        Ok(Box::new(CelString::from(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list: Vec<Value<'de>> = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            self.count(48)?;
            list.push(element);
        }
        Ok(Box::new(CelList::from(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map: HashMap<CelMapKey<'de>, Value<'de>> = HashMap::new();
        while let Some(Key(key)) = members.next_key()? {
            self.count(144)?;
            map.insert(CelMapKey::String(CelString::from(key)), members.next_value_seed(self)?);
        }
        Ok(Box::new(CelMap::from(map)))
    }
}

impl Seed<'_> {
    fn count<E: serde::de::Error>(self, bytes: u64) -> Result<(), E> {
        self.0.charge(3, bytes).map_err(|_| E::custom(self.0.broken().unwrap_or_default()))
    }
}

/// A key, borrowed from the document where it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(value.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Key)
    }
}
