//! A value of a record, put into its column.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use super::{
    super::{Cell, Table},
    nested::NestedSeed,
};

/// A value of the record that is being read.
pub(super) struct ValueSeed<'t> {
    pub(super) table: &'t mut Table,
    pub(super) node: u32,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.table.set(self.node, |_| Cell::NULL);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.table.set(self.node, |_| Cell::boolean(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        let float = value as f64;
        self.table.set(self.node, |column| match float as i64 == value {
            true => Cell::number(float),
            false => Cell::text(column.texts.place(&value.to_string())),
        });
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        // Long numbers are ids, and a float would round them.
        let float = value as f64;
        self.table.set(self.node, |column| match value < 1 << 53 {
            true => Cell::number(float),
            false => Cell::text(column.texts.place(&value.to_string())),
        });
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.table.set(self.node, |_| Cell::number(value));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.table.set(self.node, |column| Cell::text(column.texts.place(text)));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let path = format!("{}[]", self.table.path(self.node));
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(ItemSeed { table: self.table, path: &path })? {
            items.extend(item);
        }
        self.table.set(self.node, |column| {
            let places = items.iter().map(|item| column.texts.place(item)).collect();
            column.lists.push(places);
            Cell::list(column.lists.len() as u32 - 1)
        });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut next = 0;
        while let Some(node) =
            map.next_key_seed(KeySeed { table: &mut *self.table, node: self.node, next: &mut next })?
        {
            map.next_value_seed(ValueSeed { table: &mut *self.table, node })?;
        }
        Ok(())
    }
}

/// A key of an object, looked up without a copy of it.
struct KeySeed<'t> {
    table: &'t mut Table,
    node: u32,
    next: &'t mut usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = u32;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u32, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<u32, E> {
        Ok(self.table.child(self.node, key, self.next))
    }
}

/// An item of a list in a record: the text of a scalar; what is nested is only looked through.
struct ItemSeed<'t> {
    table: &'t mut Table,
    path: &'t str,
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<String>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Option<String>, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Option<String>, A::Error> {
        NestedSeed { table: self.table, path: self.path }.visit_seq(list).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<String>, A::Error> {
        NestedSeed { table: self.table, path: self.path }.visit_map(map).map(|()| None)
    }
}
