//! What goes wrong in the database, in the words that the engine decides by.

use crate::error::{Code, Error};

/// A result of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The write was refused because another epoch owns the run, or the transition does not follow the last one.
    #[error("the run has moved on: another owner holds it, or a transition is missing")]
    Stale,
    /// The idempotency key was used before.
    #[error("the idempotency key is in use")]
    KeyInUse,
    /// The database cannot be reached or cannot write. Nothing is known to be committed, nor known not to be.
    #[error("the database cannot be reached or cannot write: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A row cannot be read: the database was written by another version, or is damaged.
    #[error("table {table} holds what cannot be read: {message}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What was found.
        message: String,
    },
    /// A statement failed for a reason that trying again does not mend.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database)
                if database.is_unique_violation()
                    || database.is_foreign_key_violation()
                    || database.is_check_violation() =>
            {
                Self::Refused(error)
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
                Self::Corrupt { table: "(unknown)", message: error.to_string() }
            }
            _ => Self::Unavailable(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::new(Code::Conflict, error.to_string()),
            StoreError::KeyInUse => Self::new(Code::IdempotencyMismatch, error.to_string()),
            StoreError::Unavailable(_) => {
                Self::unavailable("the database cannot be reached for the moment; try again", error)
            }
            StoreError::Corrupt { .. } | StoreError::Refused(_) => {
                Self::internal("the host could not read or write its database", error)
            }
        }
    }
}
