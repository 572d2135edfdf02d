//! Cursors of pages: opaque to clients, and of use only with the filter that they were made for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::error::{ApiError, ApiResult};
use crate::{
    model::{Digest, RunId},
    store::RunFilter,
};

/// How many are wanted on a page: `usual` unless said, 1 to `most`.
///
/// # Errors
/// If it is another number.
pub(super) fn limit(wanted: Option<u32>, usual: u32, most: u32) -> ApiResult<u32> {
    let limit = wanted.unwrap_or(usual);
    match (1..=most).contains(&limit) {
        true => Ok(limit),
        false => Err(ApiError::invalid(format!("limit: {limit} is not in 1 to {most}"))),
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    after: RunId,
    /// Of the filter.
    filter: Digest,
}

fn filter_digest(filter: &RunFilter) -> Digest {
    let RunFilter { states, workflow, since, until, forked_from, schedule, search } = filter;
    Digest::of(serde_json::json!([states, workflow, since, until, forked_from, schedule, search]).to_string())
}

/// The cursor of the page after `after`.
pub(super) fn write(filter: &RunFilter, after: RunId) -> String {
    let cursor = Cursor { after, filter: filter_digest(filter) };
    URL_SAFE_NO_PAD.encode(serde_json::json!(cursor).to_string())
}

/// Where the page of a cursor begins.
///
/// # Errors
/// If it is no cursor, or that of another filter.
pub(super) fn read(filter: &RunFilter, text: &str) -> ApiResult<RunId> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let cursor: Option<Cursor> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let cursor = cursor.ok_or_else(|| {
        ApiError::invalid("cursor: it is none; give what next_cursor of the page before said, unchanged")
    })?;
    if cursor.filter != filter_digest(filter) {
        let message = "cursor: it belongs to another filter; ask for the first page again, without a cursor";
        return Err(ApiError::invalid(message));
    }
    Ok(cursor.after)
}

/// The cursor of a run's steps, or files, after that place.
pub(super) fn after(place: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!(place).to_string())
}

/// Where the page of a cursor of a run's steps, or files, begins.
///
/// # Errors
/// If it is no such cursor.
pub(super) fn place<T: DeserializeOwned>(text: &str) -> ApiResult<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(|| {
        ApiError::invalid("cursor: it is none; give what steps_cursor or next_cursor said, unchanged")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::RunState,
        store::{ArtifactPlace, StepPlace},
    };

    #[test]
    fn a_cursor_serves_its_own_filter_only() {
        let run = RunId::new();
        let filter = RunFilter { states: vec![RunState::Failed], ..RunFilter::default() };
        let cursor = write(&filter, run);
        assert_eq!(read(&filter, &cursor).ok(), Some(run));
        assert!(read(&RunFilter::default(), &cursor).is_err());
        let searched = RunFilter { search: Some("x".to_owned()), ..filter.clone() };
        assert!(read(&searched, &cursor).is_err());
        assert!(read(&filter, "bm90aGluZw").is_err());
        assert!(read(&filter, "ä").is_err());
        let step: StepPlace = (7, "each[3]/ü".to_owned());
        assert_eq!(place(&after(&step)).ok(), Some(step.clone()));
        assert!(place::<StepPlace>(&cursor).is_err() && place::<StepPlace>("ä").is_err());
        assert!(place::<ArtifactPlace>(&after(&step)).is_err());
    }
}
