//! From database rows to the store's rows.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::{FromRow, Row, sqlite::SqliteRow};

use super::{ArtifactRow, AttemptRow, PluginRow, RunRow, StepRow, StoreError, StoreResult, UploadRow};
use crate::model::{Event, RunId, Timestamp};

/// A text column that holds an id, a state or a digest.
pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(table: &'static str, text: &str) -> StoreResult<T> {
    text.parse().map_err(|error: T::Err| StoreError::Corrupt { table, message: error.to_string() })
}

fn column<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &SqliteRow,
    name: &str,
) -> sqlx::Result<T> {
    let text: &str = row.try_get(name)?;
    text.parse().map_err(|error: T::Err| decode(name, error))
}

fn optional<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &SqliteRow,
    name: &str,
) -> sqlx::Result<Option<T>> {
    let text: Option<&str> = row.try_get(name)?;
    text.map(|text| text.parse().map_err(|error: T::Err| decode(name, error))).transpose()
}

fn json<T: DeserializeOwned>(row: &SqliteRow, name: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(name)?;
    serde_json::from_str(text).map_err(|error| decode(name, error))
}

fn optional_json<T: DeserializeOwned>(row: &SqliteRow, name: &str) -> sqlx::Result<Option<T>> {
    let text: Option<&str> = row.try_get(name)?;
    text.map(|text| serde_json::from_str(text).map_err(|error| decode(name, error))).transpose()
}

/// An enum whose text form is that of serde.
fn name<T: DeserializeOwned>(row: &SqliteRow, name: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(name)?;
    serde_json::from_value(text.into()).map_err(|error| decode(name, error))
}

fn decode(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: name.to_owned(), source: Box::new(error) }
}

fn at(row: &SqliteRow, name: &str) -> sqlx::Result<Timestamp> {
    row.try_get(name).map(Timestamp::from_micros)
}

fn optional_at(row: &SqliteRow, name: &str) -> sqlx::Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_micros))
}

fn count<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(
    row: &SqliteRow,
    name: &str,
) -> sqlx::Result<T> {
    T::try_from(row.try_get::<i64, _>(name)?).map_err(|error| decode(name, error))
}

impl FromRow<'_, SqliteRow> for RunRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: column(row, "id")?,
            workflow: row.try_get("workflow")?,
            workflow_version: row.try_get("workflow_version")?,
            plan: column(row, "plan")?,
            state: column(row, "state")?,
            input: json(row, "input")?,
            files: json(row, "files")?,
            seed: column(row, "seed")?,
            as_of: at(row, "as_of")?,
            owner: column(row, "owner")?,
            epoch: count(row, "epoch")?,
            rev: count(row, "rev")?,
            event_seq: count(row, "event_seq")?,
            failure: optional_json(row, "failure")?,
            created_at: at(row, "created_at")?,
            started_at: optional_at(row, "started_at")?,
            finished_at: optional_at(row, "finished_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for StepRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            name: row.try_get("name")?,
            ord: count(row, "ord")?,
            phase: row.try_get("phase")?,
            state: column(row, "state")?,
            attempt: count(row, "attempt")?,
            not_before: optional_at(row, "not_before")?,
            step_key: optional(row, "step_key")?,
            output: optional_json(row, "output")?,
            reason: row.try_get("reason")?,
            failure: optional_json(row, "failure")?,
            ready_at: optional_at(row, "ready_at")?,
            started_at: optional_at(row, "started_at")?,
            finished_at: optional_at(row, "finished_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for AttemptRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: column(row, "id")?,
            step: row.try_get("step")?,
            number: count(row, "number")?,
            state: column(row, "state")?,
            host: column(row, "host")?,
            crashes: count(row, "crashes")?,
            failure: optional_json(row, "failure")?,
            usage: optional_json(row, "usage")?,
            log: optional_json(row, "log")?,
            started_at: at(row, "started_at")?,
            finished_at: optional_at(row, "finished_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for ArtifactRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            step: row.try_get("step")?,
            name: row.try_get("name")?,
            version: count(row, "version")?,
            attempt: count(row, "attempt")?,
            digest: column(row, "digest")?,
            size: count(row, "size")?,
            kind: name(row, "kind")?,
            media_type: row.try_get("media_type")?,
            deliverable: count::<u8>(row, "deliverable")? != 0,
            order: count(row, "ord")?,
            description: row.try_get("description")?,
            created_at: at(row, "created_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for PluginRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            digest: column(row, "digest")?,
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            manifest: row.try_get("manifest")?,
            size: count(row, "size")?,
            source: name(row, "source")?,
            active: count::<u8>(row, "active")? != 0,
            created_at: at(row, "created_at")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for UploadRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: column(row, "id")?,
            filename: row.try_get("filename")?,
            media_type: row.try_get("media_type")?,
            digest: column(row, "digest")?,
            size: count(row, "size")?,
            created_at: at(row, "created_at")?,
        })
    }
}

/// Events carry their run's id in the model, but the query that reads them knows it already.
pub(super) struct EventRow(pub(super) Event);

impl FromRow<'_, SqliteRow> for EventRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self(Event {
            run_id: column::<RunId>(row, "run_id")?,
            seq: count(row, "seq")?,
            kind: column(row, "kind")?,
            step: row.try_get("step")?,
            at: at(row, "at")?,
            data: optional_json(row, "data")?.unwrap_or_default(),
        }))
    }
}
