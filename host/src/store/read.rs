//! From a row of either database to typed columns.

use std::{fmt::Display, str::FromStr};

use serde::de::DeserializeOwned;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use super::{StoreError, StoreResult};
use crate::model::Timestamp;

/// A row of either database.
pub(super) trait Columns {
    /// A column of text.
    fn text(&self, name: &str) -> sqlx::Result<Option<&str>>;

    /// A column of 64-bit integers.
    fn int(&self, name: &str) -> sqlx::Result<Option<i64>>;
}

macro_rules! columns {
    ($($row:ty),*) => {$(
        impl Columns for $row {
            fn text(&self, name: &str) -> sqlx::Result<Option<&str>> {
                self.try_get(name)
            }

            fn int(&self, name: &str) -> sqlx::Result<Option<i64>> {
                self.try_get(name)
            }
        }
    )*};
}
columns!(SqliteRow, PgRow);

/// A row that knows its table, for the error that names it.
#[derive(Clone, Copy)]
pub(super) struct Record<'r> {
    table: &'static str,
    row: &'r dyn Columns,
}

impl<'r> Record<'r> {
    pub(super) fn of(table: &'static str, row: &'r dyn Columns) -> Self {
        Self { table, row }
    }

    fn corrupt(&self, name: &str, error: impl Display) -> StoreError {
        StoreError::Corrupt { table: self.table, message: format!("{name}: {error}") }
    }

    fn there<T>(&self, name: &str, value: Option<T>) -> StoreResult<T> {
        value.ok_or_else(|| self.corrupt(name, "is null"))
    }

    fn str(&self, name: &str) -> StoreResult<Option<&'r str>> {
        self.row.text(name).map_err(|error| self.corrupt(name, error))
    }

    /// Text.
    pub(super) fn text(&self, name: &str) -> StoreResult<String> {
        self.there(name, self.str(name)?).map(str::to_owned)
    }

    /// Text, or null.
    pub(super) fn optional_text(&self, name: &str) -> StoreResult<Option<String>> {
        Ok(self.str(name)?.map(str::to_owned))
    }

    /// An id, a state or a digest.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, name: &str) -> StoreResult<T> {
        self.there(name, self.optional(name)?)
    }

    /// An id, a state or a digest, or null.
    pub(super) fn optional<T: FromStr<Err: Display>>(&self, name: &str) -> StoreResult<Option<T>> {
        self.str(name)?.map(|text| text.parse().map_err(|error| self.corrupt(name, error))).transpose()
    }

    /// A document.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> StoreResult<T> {
        self.there(name, self.optional_json(name)?)
    }

    /// A document, or null.
    pub(super) fn optional_json<T: DeserializeOwned>(&self, name: &str) -> StoreResult<Option<T>> {
        let parse = |text| serde_json::from_str(text).map_err(|error| self.corrupt(name, error));
        self.str(name)?.map(parse).transpose()
    }

    /// An enum whose variant is in one column, and what it carries in another.
    pub(super) fn tagged<T: DeserializeOwned>(&self, kind: &str, data: &str) -> StoreResult<T> {
        let mut document = serde_json::json!({ "kind": self.text(kind)? });
        if let Some(data) = self.optional_json::<serde_json::Value>(data)? {
            document["data"] = data;
        }
        serde_json::from_value(document).map_err(|error| self.corrupt(kind, error))
    }

    /// An enum whose text is that of serde.
    pub(super) fn name<T: DeserializeOwned>(&self, name: &str) -> StoreResult<T> {
        let text = self.there(name, self.str(name)?)?;
        serde_json::from_value(text.into()).map_err(|error| self.corrupt(name, error))
    }

    fn int(&self, name: &str) -> StoreResult<Option<i64>> {
        self.row.int(name).map_err(|error| self.corrupt(name, error))
    }

    /// A number.
    pub(super) fn count<T: TryFrom<i64, Error: Display>>(&self, name: &str) -> StoreResult<T> {
        self.there(name, self.optional_count(name)?)
    }

    /// A number, or null.
    pub(super) fn optional_count<T: TryFrom<i64, Error: Display>>(
        &self,
        name: &str,
    ) -> StoreResult<Option<T>> {
        self.int(name)?.map(|int| T::try_from(int).map_err(|error| self.corrupt(name, error))).transpose()
    }

    /// 0 or 1.
    pub(super) fn flag(&self, name: &str) -> StoreResult<bool> {
        Ok(self.there(name, self.int(name)?)? != 0)
    }

    /// A time.
    pub(super) fn at(&self, name: &str) -> StoreResult<Timestamp> {
        self.there(name, self.optional_at(name)?)
    }

    /// A time, or null.
    pub(super) fn optional_at(&self, name: &str) -> StoreResult<Option<Timestamp>> {
        Ok(self.int(name)?.map(Timestamp::from_micros))
    }
}
