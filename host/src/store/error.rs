//! What goes wrong in the database, in the words that the engine decides by.

use sqlx::{error::DatabaseError, migrate::MigrateError, postgres::PgDatabaseError};

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
    /// There is one of that name already, and it is another one.
    #[error("there is one of that name already")]
    Exists,
    /// The tenant has as many of it as it may have.
    #[error("there are as many as a tenant may have")]
    Full,
    /// A signal was taken by another transition.
    #[error("the signal was taken by another step")]
    SignalTaken,
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
    /// This database is not for this host, and trying again does not mend it.
    #[error("{0}")]
    Unusable(String),
    /// The file is no SQLite database, or parts of it are overwritten.
    #[error("the database is damaged: {0}")]
    Damaged(#[source] sqlx::Error),
    /// A statement failed for a reason that trying again does not mend.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if is_damage(&**database) => Self::Damaged(error),
            sqlx::Error::Database(database) if is_refusal(&**database) => Self::Refused(error),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
                Self::Corrupt { table: "(unknown)", message: error.to_string() }
            }
            _ => Self::Unavailable(error),
        }
    }
}

/// `SQLITE_CORRUPT`, `SQLITE_NOTADB`. PostgreSQL's server has its own words for that, and its own people.
fn is_damage(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    error.try_downcast_ref::<PgDatabaseError>().is_none()
        && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 11 | 26))
}

/// Whether the same statement would be refused again. All else passes: a lost connection, a server that shuts down
/// (57P01) or starts (57P03), a deadlock (40P01), a full disk (53100, `SQLITE_FULL`), a lock (`SQLITE_BUSY`).
fn is_refusal(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        // The classes of SQLSTATE: feature not supported, cardinality, data, integrity constraint, syntax or access, a limit
        // of the program.
        return ["0A", "21", "22", "23", "42", "54"].iter().any(|class| code.starts_with(class));
    }
    // SQLite's extended codes have the primary code in their lowest byte: SQLITE_TOOBIG, SQLITE_CONSTRAINT,
    // SQLITE_MISMATCH.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 18..=20))
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) => Self::Unusable(format!(
                "the database was written by a later version of heddle (its schema has number {version}, which this \
                 one does not know); use that version, or another database"
            )),
            MigrateError::VersionMismatch(version) => Self::Unusable(format!(
                "the database was made by another build of heddle, whose schema number {version} differs from this \
                 one's; use that build, or another database"
            )),
            other => Self::Unusable(format!("the database's schema cannot be brought up to date: {other}")),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale | StoreError::Exists | StoreError::Full | StoreError::SignalTaken => {
                Self::new(Code::Conflict, error.to_string())
            }
            StoreError::Unusable(_) => Self::unavailable(error.to_string(), error),
            StoreError::KeyInUse => Self::new(Code::IdempotencyMismatch, error.to_string()),
            StoreError::Unavailable(_) => {
                Self::unavailable("the database cannot be reached for the moment; try again", error)
            }
            StoreError::Damaged(_) => {
                Self::internal("the database is damaged: stop the host, and restore a backup", error)
            }
            StoreError::Corrupt { .. } | StoreError::Refused(_) => {
                Self::internal("the host could not read or write its database", error)
            }
        }
    }
}
