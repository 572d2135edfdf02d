//! From JSON text to tables.

mod nested;
mod table;
mod value;

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{Table, table::Texts};

use nested::NestedSeed;
use table::TableSeed;

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

use scalars;

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
