//! The connection that writes an SQLite file, on the thread of whoever asks: a statement crosses to no other thread, and its
//! rows are bound as they are. Whoever uses it does not mind that it blocks: the writer, which has a thread of its own, and
//! the commands that fill an empty database.

use std::{borrow::Cow, fmt, path::Path};

use rusqlite::{
    CachedStatement, Statement,
    types::{ToSqlOutput, ValueRef},
};
use sqlx::error::{DatabaseError, ErrorKind};

use super::{
    StoreError, StoreResult,
    database::{BUSY, STATEMENTS},
    read::Columns,
    sql::Cell,
};

/// A connection that writes.
pub(super) struct SqliteWriter {
    connection: rusqlite::Connection,
}

/// The parameters of a statement that is written for both databases.
const PARAMETERS: [&str; 16] =
    ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$16"];

impl SqliteWriter {
    pub(super) fn open(path: &Path) -> StoreResult<Self> {
        let connection = rusqlite::Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A commit is on the disk when it returns, not merely in the page cache (law 11).
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { connection })
    }

    /// Run a statement; returns how many rows it changed.
    pub(super) fn execute(&mut self, sql: &str, cells: &[Cell]) -> StoreResult<u64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind_named(&mut statement, cells)?;
        Ok(statement.raw_execute()? as u64)
    }

    /// The rows that a query finds.
    pub(super) fn all<T>(
        &mut self,
        sql: &str,
        cells: &[Cell],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind_named(&mut statement, cells)?;
        let mut found = Vec::new();
        read_all(&mut statement, read, &mut found)?;
        Ok(found)
    }

    /// Run a statement for each row, whose cells stand in the order of its parameters; returns how many rows it changed.
    pub(super) fn batch<'a, R: IntoIterator<Item = Cell<'a>>>(
        &mut self,
        sql: &str,
        rows: impl Iterator<Item = R>,
    ) -> StoreResult<u64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut changed = 0;
        for cells in rows {
            bind(&mut statement, cells)?;
            changed += statement.raw_execute()? as u64;
        }
        Ok(changed)
    }

    /// What a query finds for each row.
    pub(super) fn batch_all<'a, T, R: IntoIterator<Item = Cell<'a>>>(
        &mut self,
        sql: &str,
        rows: impl Iterator<Item = R>,
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for cells in rows {
            bind(&mut statement, cells)?;
            read_all(&mut statement, read, &mut found)?;
        }
        Ok(found)
    }

    pub(super) fn close(self) -> StoreResult<()> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

fn bind<'a>(
    statement: &mut Statement<'_>,
    cells: impl IntoIterator<Item = Cell<'a>>,
) -> rusqlite::Result<()> {
    for (i, cell) in cells.into_iter().enumerate() {
        statement.raw_bind_parameter(i + 1, &cell)?;
    }
    Ok(())
}

/// SQLite counts `$1` and `$2` in the order in which it first meets them.
fn bind_named(statement: &mut CachedStatement<'_>, cells: &[Cell]) -> StoreResult<()> {
    for (name, cell) in PARAMETERS.iter().zip(cells) {
        if let Some(i) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(i, cell)?;
        }
    }
    match cells.len() <= PARAMETERS.len() {
        true => Ok(()),
        false => Err(rusqlite::Error::InvalidParameterCount(cells.len(), PARAMETERS.len()).into()),
    }
}

fn read_all<T>(
    statement: &mut Statement<'_>,
    read: fn(&dyn Columns) -> StoreResult<T>,
    found: &mut Vec<T>,
) -> StoreResult<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(())
}

impl rusqlite::ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Int(Some(int)) => ValueRef::Integer(*int),
            Self::Text(None) | Self::Int(None) => ValueRef::Null,
        }))
    }
}

impl Columns for rusqlite::Row<'_> {
    fn text(&self, name: &str) -> sqlx::Result<Option<&str>> {
        let value = self.get_ref(name).map_err(|error| unreadable(name, error))?;
        value.as_str_or_null().map_err(|error| unreadable(name, error))
    }

    fn int(&self, name: &str) -> sqlx::Result<Option<i64>> {
        let value = self.get_ref(name).map_err(|error| unreadable(name, error))?;
        value.as_i64_or_null().map_err(|error| unreadable(name, error))
    }
}

fn unreadable(name: &str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: name.to_owned(), source: Box::new(source) }
}

/// What SQLite says, to be judged as what it says to the connections that read.
#[derive(Debug)]
struct Said(rusqlite::Error);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.sqlite_error() {
            Some(code) => write!(f, "(code: {}) {}", code.extended_code, self.message()),
            None => self.0.fmt(f),
        }
    }
}

impl std::error::Error for Said {}

impl DatabaseError for Said {
    fn message(&self) -> &str {
        match &self.0 {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message,
            _ => "SQLite gave no reason",
        }
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.0.sqlite_error().map(|error| error.extended_code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        use rusqlite::ffi;
        match self.0.sqlite_error().map(|error| error.extended_code) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                ErrorKind::UniqueViolation
            }
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => ErrorKind::ForeignKeyViolation,
            Some(ffi::SQLITE_CONSTRAINT_NOTNULL) => ErrorKind::NotNullViolation,
            Some(ffi::SQLITE_CONSTRAINT_CHECK) => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        sqlx::Error::Database(Box::new(Said(error))).into()
    }
}
