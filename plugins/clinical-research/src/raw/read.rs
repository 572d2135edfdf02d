//! From JSON text to tables.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{Cell, Table, table::Texts};

/// `study_data`.
#[derive(Debug, Default)]
pub struct RawStudy {
    /// Its own id.
    pub study_id: Option<String>,
    /// Names of laboratory tests by code.
    pub lab_tests: BTreeMap<String, String>,
    /// The subjects; None where the key is absent.
    pub subjects: Option<Table>,
    /// Assessments at visits.
    pub visits: Table,
    /// Adverse events.
    pub adverse_events: Table,
    /// Laboratory values.
    pub labs: Table,
    /// Keys that are not known, with the texts below them by path: only looked through for identifiers.
    pub unknown: BTreeMap<String, Texts>,
    seen: Vec<String>,
    /// What has the wrong shape, by path below `study_data`.
    pub problems: Vec<(String, String)>,
}

/// `study_data` and `protocol`, where they are there.
#[derive(Debug, Default)]
pub struct Raw {
    /// The data.
    pub study_data: Option<RawStudy>,
    /// The protocol as it was given.
    pub protocol: Option<Value>,
    /// Top-level keys that are not known.
    pub unknown: Vec<String>,
    /// The whole is not an object.
    pub problem: Option<&'static str>,
}

/// Give a visitor all that is not an object or a list: `scalar(self, what)`.
macro_rules! scalars {
    ($value:ty) => {
        fn visit_unit<E>(self) -> Result<$value, E> {
            self.scalar("null")
        }
        fn visit_bool<E>(self, _: bool) -> Result<$value, E> {
            self.scalar("true or false")
        }
        fn visit_i64<E>(self, _: i64) -> Result<$value, E> {
            self.scalar("a number")
        }
        fn visit_u64<E>(self, _: u64) -> Result<$value, E> {
            self.scalar("a number")
        }
        fn visit_f64<E>(self, _: f64) -> Result<$value, E> {
            self.scalar("a number")
        }
        fn visit_str<E>(self, _: &str) -> Result<$value, E> {
            self.scalar("a text")
        }
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON")
        }
    };
}

struct RawVisitor;

impl RawVisitor {
    fn scalar<E>(self, what: &'static str) -> Result<Raw, E> {
        Ok(Raw { problem: Some(what), ..Raw::default() })
    }
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;
    scalars!(Raw);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.scalar("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let mut bare = RawStudy::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "study_data" => raw.study_data = map.next_value()?,
                "protocol" => raw.protocol = Some(map.next_value()?),
                // A file may be the study itself.
                "study_id" | "subjects" | "visits" | "adverse_events" | "labs" | "lab_tests" => {
                    bare.key(&key, &mut map)?;
                }
                _ => {
                    raw.unknown.push(key);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if raw.study_data.is_none() && (bare.subjects.is_some() || !bare.problems.is_empty()) {
            raw.study_data = Some(bare);
        }
        Ok(raw)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

impl RawStudy {
    fn key<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let problems = &mut self.problems;
        let is_table = matches!(key, "subjects" | "visits" | "adverse_events" | "labs");
        if is_table && self.seen.iter().any(|seen| seen == key) {
            problems.push((key.to_owned(), "occurs twice: give one list".to_owned()));
        }
        self.seen.push(key.to_owned());
        let mut table = |map: &mut A| -> Result<Table, A::Error> {
            let mut table = Table::default();
            map.next_value_seed(TableSeed(&mut table))?;
            if let Some(problem) = &table.problem {
                problems.push((key.to_owned(), problem.clone()));
            }
            Ok(table)
        };
        match key {
            "subjects" => self.subjects = Some(table(map)?),
            "visits" => self.visits = table(map)?,
            "adverse_events" => self.adverse_events = table(map)?,
            "labs" => self.labs = table(map)?,
            "study_id" => {
                let value: Value = map.next_value()?;
                self.study_id = match value {
                    Value::String(text) => Some(text),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                };
            }
            "lab_tests" => {
                if let Value::Object(names) = map.next_value()? {
                    let text = |(code, name): (String, Value)| Some((code, name.as_str()?.to_owned()));
                    self.lab_tests = names.into_iter().filter_map(text).collect();
                }
            }
            _ => {
                self.unknown.entry(key.to_owned()).or_default();
                let mut texts = Table::default();
                map.next_value_seed(NestedSeed { table: &mut texts, path: key })?;
                self.unknown.append(&mut texts.nested);
            }
        }
        Ok(())
    }
}

struct StudyVisitor;

impl StudyVisitor {
    fn scalar<E>(self, what: &'static str) -> Result<RawStudy, E> {
        let message = format!("an object with subjects is expected, and {what} is there");
        Ok(RawStudy { problems: vec![(String::new(), message)], ..RawStudy::default() })
    }
}

impl<'de> Visitor<'de> for StudyVisitor {
    type Value = RawStudy;
    scalars!(RawStudy);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawStudy, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.scalar("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawStudy, A::Error> {
        let mut study = RawStudy::default();
        while let Some(key) = map.next_key::<String>()? {
            study.key(&key, &mut map)?;
        }
        Ok(study)
    }
}

impl<'de> Deserialize<'de> for RawStudy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(StudyVisitor)
    }
}

/// A list of objects, or `{"columns": […], "rows": [[…], …]}`.
struct TableSeed<'t>(&'t mut Table);

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
        self.table.unreadable.push(super::Unreadable { position, what });
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

/// A value of the record that is being read.
struct ValueSeed<'t> {
    table: &'t mut Table,
    node: u32,
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

/// What is not passed on: its texts by path.
struct NestedSeed<'t> {
    table: &'t mut Table,
    path: &'t str,
}

impl<'de> DeserializeSeed<'de> for NestedSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NestedSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.table.nested_text(self.path, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let path = if self.path.ends_with("[]") { self.path.to_owned() } else { format!("{}[]", self.path) };
        while list.next_element_seed(NestedSeed { table: &mut *self.table, path: &path })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            // Keys without end would make paths without end.
            let path = match self.table.nested.len() < 10_000 {
                true => format!("{}.{key}", self.path),
                false => self.path.to_owned(),
            };
            map.next_value_seed(NestedSeed { table: &mut *self.table, path: &path })?;
        }
        Ok(())
    }
}
