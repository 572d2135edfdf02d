//! The two databases as one: how to connect, a connection that writes, and a pool that reads.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    StoreError, StoreLocation, StoreResult,
    location::Kind,
    read::Columns,
    sql::{Batch, Cell, GroupRows, pieces},
    sqlite::SqliteWriter,
};

/// So many statements stay prepared.
pub(super) const STATEMENTS: usize = 200;
/// So long a write waits for another process that holds an SQLite file.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// So long who asks waits for a database that cannot be reached.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How to reach the database.
#[derive(Clone)]
pub(super) enum Connector {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// A connection that writes.
pub(super) enum Connection {
    Sqlite(SqliteWriter),
    Postgres(PgConnection),
}

/// Connections that read.
#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Several tables read as they were at one moment. Dropped, it is over.
pub(super) enum Moment {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Do the same on either database.
macro_rules! on {
    ($kind:ident, $value:expr, $inner:ident => $body:expr) => {
        match $value {
            $kind::Sqlite($inner) => $body,
            $kind::Postgres($inner) => $body,
        }
    };
}

pub(super) use on;

/// Bind cells in the order of `$1`, `$2` …
macro_rules! bind {
    ($sql:expr, $cells:expr) => {{
        let mut query = sqlx::query($sql);
        for cell in $cells {
            query = match cell {
                Cell::Text(text) => query.bind(text.as_deref()),
                Cell::Int(int) => query.bind(*int),
            };
        }
        query
    }};
}

/// Bind rows as an array for each column.
macro_rules! bind_rows {
    ($sql:expr, $rows:expr) => {{
        let mut query = sqlx::query($sql);
        for i in 0..$rows[0].len() {
            query = match $rows[0][i] {
                Cell::Text(_) => query.bind(texts($rows, i)),
                Cell::Int(_) => query.bind(ints($rows, i)),
            };
        }
        query
    }};
}

impl Connector {
    pub(super) fn new(location: &StoreLocation) -> Self {
        match &location.0 {
            Kind::Sqlite(path) => Self::Sqlite(sqlite(path)),
            Kind::Postgres(options) => Self::Postgres(postgres((**options).clone())),
        }
    }

    /// A connection that writes.
    pub(super) async fn connect(&self) -> StoreResult<Connection> {
        match self {
            Self::Sqlite(options) => Ok(Connection::Sqlite(SqliteWriter::open(options.get_filename())?)),
            Self::Postgres(options) => {
                let mut connection = options.connect().await?;
                // A commit is on the disk when it returns, whatever the server's default is (law 11).
                sqlx::query(
                    "SELECT set_config('synchronous_commit', 'on', false)
                     WHERE current_setting('synchronous_commit') = 'off'",
                )
                .execute(&mut connection)
                .await?;
                Ok(Connection::Postgres(connection))
            }
        }
    }

    /// Connections that read.
    pub(super) async fn pool(&self) -> StoreResult<Pool> {
        Ok(match self {
            Self::Sqlite(options) => {
                let read_only = options.clone().read_only(true);
                Pool::Sqlite(SqlitePoolOptions::new().max_connections(4).connect_with(read_only).await?)
            }
            Self::Postgres(options) => {
                let read_only = options.clone().options([("default_transaction_read_only", "on")]);
                let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(5));
                Pool::Postgres(pool.connect_with(read_only).await?)
            }
        })
    }
}

fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on the disk when it returns, not merely in the page cache (law 11).
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
}

fn postgres(options: PgConnectOptions) -> PgConnectOptions {
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("heddle"),
    };
    // A host that is cut off holds its locks until the server notices; by default that takes two hours.
    options.options([
        ("idle_in_transaction_session_timeout", "60s"),
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
    ])
}

impl Connection {
    /// Bring the schema up to date. The connection is one of the connector's.
    pub(super) async fn migrate(&mut self, connector: &Connector) -> StoreResult<()> {
        let result = match self {
            Self::Sqlite(_) => {
                let Connector::Sqlite(options) = connector else { return Ok(()) };
                let mut connection = options.connect().await?;
                let result = sqlx::migrate!("../migrations/sqlite").run(&mut connection).await;
                connection.close().await?;
                result
            }
            Self::Postgres(connection) => {
                let encoding: String =
                    sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut *connection).await?;
                if encoding != "UTF8" {
                    return Err(StoreError::Unusable(format!(
                        "the database's encoding is {encoding}; make one with `ENCODING 'UTF8' TEMPLATE template0`"
                    )));
                }
                sqlx::migrate!("../migrations/postgres").run(connection).await
            }
        };
        result.map_err(StoreError::from)
    }

    /// Begin a transaction that writes.
    pub(super) async fn begin(&mut self) -> StoreResult<()> {
        let sql = match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        };
        self.execute(sql, &[]).await.map(drop)
    }

    /// Commit what succeeded, roll back what did not.
    pub(super) async fn end<T>(&mut self, result: StoreResult<T>) -> StoreResult<T> {
        let error = match result {
            Ok(value) => match self.execute("COMMIT", &[]).await {
                Ok(_) => return Ok(value),
                Err(StoreError::Refused(error)) => StoreError::Unavailable(error),
                Err(error) => error,
            },
            Err(error) => error,
        };
        // Also after a COMMIT that failed: it may leave the transaction open, and the next BEGIN would fail for ever.
        // That the ROLLBACK itself fails is the normal case then (there is none open), so its result says nothing.
        let _ = self.execute("ROLLBACK", &[]).await;
        Err(error)
    }

    /// Run a statement; returns how many rows it changed.
    pub(super) async fn execute(&mut self, sql: &'static str, cells: &[Cell<'_>]) -> StoreResult<u64> {
        match self {
            Self::Sqlite(writer) => writer.execute(sql, cells),
            Self::Postgres(connection) => Ok(bind!(sql, cells).execute(connection).await?.rows_affected()),
        }
    }

    /// The rows that a query finds.
    pub(super) async fn all<T>(
        &mut self,
        sql: &'static str,
        cells: &[Cell<'_>],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        match self {
            Self::Sqlite(writer) => writer.all(sql, cells, read),
            Self::Postgres(connection) => {
                bind!(sql, cells).fetch_all(connection).await?.iter().map(|row| read(row)).collect()
            }
        }
    }

    /// Run a statement on rows; returns how many it changed. Without rows there is nothing to do.
    pub(super) async fn batch<'a, R>(
        &mut self,
        batch: &'static Batch<R>,
        rows: GroupRows<'a, R>,
    ) -> StoreResult<u64> {
        let mut changed = 0;
        match self {
            Self::Sqlite(writer) => {
                let rows = batch.of_each_key(rows);
                if !rows.is_empty() {
                    changed = writer.batch(batch.sqlite(), rows.into_iter().map(|row| batch.cells(row)))?;
                }
            }
            Self::Postgres(connection) => {
                for rows in pieces(&batch.all(rows)) {
                    let query = bind_rows!(batch.postgres(&rows[0]), rows);
                    changed += query.execute(&mut *connection).await?.rows_affected();
                }
            }
        }
        Ok(changed)
    }

    /// What a query on rows finds.
    pub(super) async fn batch_all<'a, R, T>(
        &mut self,
        batch: &'static Batch<R>,
        rows: GroupRows<'a, R>,
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut found = Vec::new();
        match self {
            Self::Sqlite(writer) => {
                found =
                    writer.batch_all(batch.sqlite(), rows.into_iter().map(|row| batch.cells(row)), read)?;
            }
            Self::Postgres(connection) => {
                for rows in pieces(&batch.all(rows)) {
                    for row in bind_rows!(batch.postgres(&rows[0]), rows).fetch_all(&mut *connection).await? {
                        found.push(read(&row)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// End it, as politely as the server still lets us.
    pub(super) async fn close(self) -> StoreResult<()> {
        match self {
            Self::Sqlite(writer) => writer.close(),
            Self::Postgres(connection) => Ok(connection.close().await?),
        }
    }
}

/// Whoever reads should not notice that the server is being restarted: for a short while they read again.
pub(super) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: Duration::from_millis(10) }
    }

    /// Wait before the next try, if the answer is none and there is to be one.
    pub(super) async fn tries_again<T>(&mut self, answer: &StoreResult<T>) -> bool {
        let again =
            matches!(answer, Err(StoreError::Unavailable(_))) && Instant::now() + self.pause < self.until;
        if again {
            tokio::time::sleep(self.pause).await;
            self.pause *= 2;
        }
        again
    }
}

impl Moment {
    /// The rows that a query finds.
    pub(super) async fn all<T>(
        &mut self,
        sql: &'static str,
        cells: &[Cell<'_>],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        on!(Self, self, transaction => {
            bind!(sql, cells).fetch_all(&mut **transaction).await?.iter().map(|row| read(row)).collect()
        })
    }
}

/// A column of texts.
pub(super) fn texts<'r>(rows: &'r [Vec<Cell<'_>>], i: usize) -> Vec<Option<&'r str>> {
    fn text<'r>(cell: &'r Cell<'_>) -> Option<&'r str> {
        match cell {
            Cell::Text(text) => text.as_deref(),
            Cell::Int(_) => None,
        }
    }
    rows.iter().map(|row| text(&row[i])).collect()
}

/// A column of integers.
pub(super) fn ints(rows: &[Vec<Cell<'_>>], i: usize) -> Vec<Option<i64>> {
    let int = |cell: &Cell<'_>| match cell {
        Cell::Int(int) => *int,
        Cell::Text(_) => None,
    };
    rows.iter().map(|row| int(&row[i])).collect()
}

impl Pool {
    /// The rows that a query finds.
    ///
    /// A server that is being restarted is waited for, for a short while.
    pub(super) async fn all<T>(
        &self,
        sql: &'static str,
        cells: &[Cell<'_>],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut patience = Patience::new();
        loop {
            let answer = self.try_all(sql, cells, read).await;
            if !patience.tries_again(&answer).await {
                return answer;
            }
        }
    }

    /// A moment to read several tables at: that of the first look at any.
    pub(super) async fn moment(&self) -> StoreResult<Moment> {
        Ok(match self {
            Self::Sqlite(pool) => Moment::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => {
                Moment::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// The row that a query finds, if it finds one.
    pub(super) async fn optional<T>(
        &self,
        sql: &'static str,
        cells: &[Cell<'_>],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        Ok(self.all(sql, cells, read).await?.into_iter().next())
    }

    /// Go through the rows that a query finds, without holding them all.
    pub(super) async fn each(
        &self,
        sql: &'static str,
        cells: &[Cell<'_>],
        mut visit: impl FnMut(&dyn Columns) -> StoreResult<()> + Send,
    ) -> StoreResult<()> {
        on!(Self, self, pool => {
            let mut rows = bind!(sql, cells).fetch(pool);
            while let Some(row) = rows.try_next().await? {
                visit(&row)?;
            }
        });
        Ok(())
    }

    async fn try_all<T>(
        &self,
        sql: &'static str,
        cells: &[Cell<'_>],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        on!(Self, self, pool => {
            bind!(sql, cells).fetch_all(pool).await?.iter().map(|row| read(row)).collect()
        })
    }

    /// Whether the database answers, now.
    pub(super) async fn ping(&self) -> StoreResult<()> {
        on!(Self, self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }
}
