//! A table: its forms, its records.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{
    super::{Table, Unreadable},
    nested::NestedSeed,
    scalars,
    value::ValueSeed,
};

/// A list of objects, or `{"columns": […], "rows": [[…], …]}`.
pub(super) struct TableSeed<'t>(pub(super) &'t mut Table);

impl<'de> DeserializeSeed<'de> for TableSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

const FORMS: &str = "a list of objects, or {\"columns\": […], \"rows\": [[…]]}, is expected";

impl TableSeed<'_> {
    fn scalar<E>(self, what: &'static str) -> Result<(), E> {
        if what != "null" {
            self.0.problem = Some(format!("{FORMS}, and {what} is there"));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for TableSeed<'_> {
    type Value = ();
    scalars!(());

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(RecordSeed { table: self.0, listed: false })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names: Option<Vec<String>> = None;
        let mut rows = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "columns" => {
                    if let Value::Array(given) = map.next_value()? {
                        let name = |(at, name): (usize, Value)| match name {
                            Value::String(name) => name,
                            _ => format!("column {at}"),
                        };
                        names = Some(given.into_iter().enumerate().map(name).collect());
                    }
                }
                "rows" => {
                    rows = true;
                    map.next_value_seed(RowsSeed(&mut *self.0))?;
                }
                key => map.next_value_seed(NestedSeed { table: &mut *self.0, path: key })?,
            }
        }
        match names {
            Some(names) => self.0.name_columns(&names),
            None if rows || self.0.problem.is_none() => {
                self.0.problem = Some(format!("{FORMS}, and an object without a list of columns is there"));
            }
            None => {}
        }
        Ok(())
    }
}

struct RowsSeed<'t>(&'t mut Table);

impl RowsSeed<'_> {
    fn scalar<E>(self, what: &'static str) -> Result<(), E> {
        if what != "null" {
            self.0.problem = Some(format!("rows are expected as a list of lists, and {what} is there"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = ();
    scalars!(());

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(RecordSeed { table: self.0, listed: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.scalar("an object")
    }
}

/// One record: an object, or a list of values where the table is `listed`.
struct RecordSeed<'t> {
    table: &'t mut Table,
    listed: bool,
}

impl RecordSeed<'_> {
    fn scalar<E>(self, what: &'static str) -> Result<(), E> {
        let position = self.table.records();
        self.table.unreadable.push(Unreadable { position, what });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = ();
    scalars!(());

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if !self.listed {
            while list.next_element_seed(NestedSeed { table: &mut *self.table, path: "[]" })?.is_some() {}
            return self.scalar("a list");
        }
        let root = self.table.root();
        for at in 0.. {
            let node = self.table.nth_child(root, at);
            if list.next_element_seed(ValueSeed { table: self.table, node })?.is_none() {
                break;
            }
        }
        self.table.rows += 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        if self.listed {
            return NestedSeed { table: &mut *self.table, path: "[]" }
                .visit_map(map)
                .and_then(|()| self.scalar("an object"));
        }
        let root = self.table.root();
        ValueSeed { table: self.table, node: root }.visit_map(map)?;
        self.table.rows += 1;
        Ok(())
    }
}
