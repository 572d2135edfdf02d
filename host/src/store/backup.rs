//! All rows out of one database and into another, in one form for both: a table's columns, and rows as JSON arrays.
//!
//! What is read is one snapshot, while the host goes on writing: a transaction that reads, on SQLite beside the log, on
//! PostgreSQL with REPEATABLE READ. What is written is one transaction.

use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::AssertSqlSafe;
use tokio::sync::mpsc;

use super::{
    Store, StoreError, StoreLocation, StoreResult,
    database::{Connection, Connector, Moment, on},
    read::{Columns, Record},
    sql::{Cell, cells},
};
use crate::model::{Digest, TenantId, Timestamp};

/// Every table. The first comes first, since others refer to it.
pub(crate) const TABLES: [&str; 21] = [
    "tenants",
    "approvals",
    "artifacts",
    "attempts",
    "blobs",
    "commands",
    "events",
    "grants",
    "host_calls",
    "hosts",
    "idempotency_keys",
    "plans",
    "plugins",
    "runs",
    "schedules",
    "shared_state",
    "signals",
    "steps",
    "tokens",
    "uploads",
    "workflows",
];
/// Those whose ids the database counts.
const COUNTED: [&str; 2] = ["commands", "signals"];
/// A part has so many bytes, and one row more, at the most.
const PART: usize = 1 << 20;
/// Blobs that are asked for at once.
const PAGE: u32 = 10_000;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    Int,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Column(String, Kind);

/// Some rows of a table: a line with the columns, and a line for each row.
#[derive(Debug)]
pub(crate) struct Part {
    /// The table.
    pub(crate) table: &'static str,
    /// JSON lines.
    pub(crate) lines: Vec<u8>,
    /// How many rows.
    pub(crate) rows: u64,
}

/// The database as it was at one moment.
pub(crate) struct Snapshot {
    moment: Moment,
}

impl Store {
    /// The database as it is now, all tenants', to be read in peace.
    pub(crate) async fn snapshot(&self) -> StoreResult<Snapshot> {
        let mut moment = self.readers.moment().await?;
        if let Moment::Postgres(transaction) = &mut moment {
            // Whoever takes the rows may be slow.
            let sql = "SET LOCAL idle_in_transaction_session_timeout = 0";
            sqlx::query(sql).execute(&mut **transaction).await?;
        }
        let mut snapshot = Snapshot { moment };
        // The moment is that of the first look.
        snapshot.schema().await?;
        Ok(snapshot)
    }
}

impl Snapshot {
    /// Number of the schema.
    pub(crate) async fn schema(&mut self) -> StoreResult<i64> {
        schema(&mut self.moment).await
    }

    /// Blobs that rows name, those that come after one in the order of tenants and digests.
    pub(crate) async fn blobs(
        &mut self,
        after: Option<&(TenantId, Digest)>,
    ) -> StoreResult<Vec<(TenantId, Digest)>> {
        let sql = "SELECT tenant_id, digest FROM blobs WHERE (tenant_id, digest) > ($1, $2)
                   ORDER BY tenant_id, digest LIMIT $3";
        let (tenant, digest) = after.map_or_else(Default::default, |(t, d)| (t.to_string(), d.to_string()));
        let read = |row: &dyn Columns| {
            let r = Record::of("blobs", row);
            Ok((r.parse("tenant_id")?, r.parse("digest")?))
        };
        self.moment.all(sql, &cells![tenant, digest, PAGE], read).await
    }

    /// Send all rows of a table, part by part. A table without rows sends nothing.
    ///
    /// # Errors
    /// Also if nobody takes them any more.
    pub(crate) async fn rows(&mut self, table: &'static str, to: &mpsc::Sender<Part>) -> StoreResult<()> {
        let columns = columns(&mut self.moment, table).await?;
        let sql = format!("SELECT {} FROM {table}", list(&columns));
        let head = to_line(table, &columns)?;
        let gone = || StoreError::Unusable("nobody takes the backup any more".to_owned());
        let mut part = Part { table, lines: head.clone(), rows: 0 };
        on!(Moment, &mut self.moment, transaction => {
            let mut found = sqlx::query(AssertSqlSafe(sql)).fetch(&mut **transaction);
            while let Some(row) = found.try_next().await? {
                part.lines.extend(to_line(table, &cells_of(table, &row, &columns)?)?);
                part.rows += 1;
                if part.lines.len() >= PART {
                    let full = std::mem::replace(&mut part, Part { table, lines: head.clone(), rows: 0 });
                    to.send(full).await.map_err(|_| gone())?;
                }
            }
        });
        if part.rows > 0 {
            to.send(part).await.map_err(|_| gone())?;
        }
        Ok(())
    }

    /// Let go of it.
    pub(crate) async fn close(self) {
        // It has changed nothing: however it ends, nothing is lost.
        let _ = on!(Moment, self.moment, transaction => transaction.rollback().await);
    }
}

/// An empty database that is being filled. Dropped before [`Import::finish`], it stays empty.
pub(crate) struct Import {
    connection: Connection,
}

impl Import {
    /// Open a database in which nothing is yet.
    ///
    /// # Errors
    /// `Exists` if there is something in it.
    pub(crate) async fn open(location: &StoreLocation) -> StoreResult<Self> {
        let connector = Connector::new(location);
        let mut connection = connector.connect().await?;
        if is_used(&mut connection).await? {
            return Err(StoreError::Exists);
        }
        connection.migrate(&connector).await?;
        connection.begin().await?;
        if is_used(&mut connection).await? {
            return Err(StoreError::Exists);
        }
        Ok(Self { connection })
    }

    /// Number of the schema.
    pub(crate) async fn schema(&mut self) -> StoreResult<i64> {
        schema(&mut self.connection).await
    }

    /// Write the rows of a part.
    ///
    /// # Errors
    /// `Unusable` if they do not fit the table.
    pub(crate) async fn part(&mut self, table: &str, lines: &[u8]) -> StoreResult<()> {
        let table =
            *TABLES.iter().find(|known| **known == table).ok_or_else(|| unfit(table, "is not known"))?;
        let text = std::str::from_utf8(lines).map_err(|error| unfit(table, error))?;
        let mut lines = text.lines();
        let given: Vec<Column> = from_line(table, lines.next().unwrap_or_default())?;
        let mut known = columns(&mut self.connection, table).await?;
        known.sort_by(|a, b| a.0.cmp(&b.0));
        let mut sorted = given.clone();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        if sorted != known {
            return Err(unfit(
                table,
                format_args!("has the columns {}, not {}", list(&sorted), list(&known)),
            ));
        }
        let rows = lines.map(|line| row(table, &given, line)).collect::<StoreResult<Vec<_>>>()?;
        self.insert(table, &given, &rows).await
    }

    async fn insert(&mut self, table: &str, columns: &[Column], rows: &[Vec<Cell<'_>>]) -> StoreResult<()> {
        let names = list(columns);
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let places: Vec<String> = (0..columns.len()).map(|i| format!("value ->> {i}")).collect();
                let sql =
                    format!("INSERT INTO {table} ({names}) SELECT {} FROM json_each($1)", places.join(", "));
                let rows = serde_json::to_string(rows).map_err(|error| unfit(table, error))?;
                connection.execute(&sql, &cells![rows])?;
            }
            Connection::Postgres(connection) => {
                let arrays: Vec<String> = columns
                    .iter()
                    .enumerate()
                    .map(|(i, Column(_, kind))| match kind {
                        Kind::Text => format!("${}::text[]", i + 1),
                        Kind::Int => format!("${}::bigint[]", i + 1),
                    })
                    .collect();
                let sql = format!(
                    "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT * FROM unnest({})",
                    arrays.join(", ")
                );
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for (i, Column(_, kind)) in columns.iter().enumerate() {
                    query = match kind {
                        Kind::Text => query.bind(super::database::texts(rows, i)),
                        Kind::Int => query.bind(super::database::ints(rows, i)),
                    };
                }
                query.execute(connection).await?;
            }
        }
        Ok(())
    }

    /// Make it durable. No host of before is there any more, and none has crashed: its attempts go on, and count no crash.
    /// Tokens of the name given open nothing here.
    pub(crate) async fn finish(mut self, tokens_left_behind: &str) -> StoreResult<()> {
        let connection = &mut self.connection;
        connection.execute("DELETE FROM tokens WHERE name = $1", &cells![tokens_left_behind]).await?;
        let sql = "UPDATE hosts SET stopped_at = $1 WHERE stopped_at IS NULL";
        connection.execute(sql, &cells![Timestamp::now()]).await?;
        if let Connection::Postgres(connection) = connection {
            for table in COUNTED {
                let sql = format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'),
                                   coalesce((SELECT max(id) FROM {table}), 0) + 1, false)"
                );
                sqlx::query(AssertSqlSafe(sql)).execute(connection as &mut sqlx::PgConnection).await?;
            }
        }
        self.connection.end(Ok(())).await?;
        self.connection.close().await
    }
}

/// A host that opens a database makes a tenant, first of all.
async fn is_used(connection: &mut Connection) -> StoreResult<bool> {
    let count = |row: &dyn Columns| Record::of("tenants", row).count::<i64>("n");
    let sql = match connection {
        Connection::Sqlite(_) => "SELECT count(*) AS n FROM sqlite_master WHERE name = 'tenants'",
        Connection::Postgres(_) => {
            "SELECT count(*) AS n FROM information_schema.tables
             WHERE table_schema = current_schema() AND table_name = 'tenants'"
        }
    };
    if connection.all(sql, &[], count).await? == [0] {
        return Ok(false);
    }
    Ok(connection.all("SELECT count(*) AS n FROM tenants", &[], count).await? != [0])
}

/// Whoever can be asked what is in a database.
trait Reader {
    fn is_sqlite(&self) -> bool;

    fn all<T: Send>(
        &mut self,
        sql: &'static str,
        cells: &[Cell<'_>],
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> impl Future<Output = StoreResult<Vec<T>>> + Send;
}

macro_rules! readers {
    ($($reader:ident),*) => {$(
        impl Reader for $reader {
            fn is_sqlite(&self) -> bool {
                matches!(self, Self::Sqlite(_))
            }

            async fn all<T: Send>(
                &mut self,
                sql: &'static str,
                cells: &[Cell<'_>],
                read: fn(&dyn Columns) -> StoreResult<T>,
            ) -> StoreResult<Vec<T>> {
                self.all(sql, cells, read).await
            }
        }
    )*};
}
readers!(Connection, Moment);

async fn schema(reader: &mut impl Reader) -> StoreResult<i64> {
    let read = |row: &dyn Columns| Record::of("_sqlx_migrations", row).count("version");
    let sql = "SELECT max(version) AS version FROM _sqlx_migrations";
    Ok(reader.all(sql, &[], read).await?.pop().unwrap_or_default())
}

/// A table's columns, as the database has them.
async fn columns(reader: &mut impl Reader, table: &'static str) -> StoreResult<Vec<Column>> {
    let sql = if reader.is_sqlite() {
        "SELECT name, type AS kind FROM pragma_table_info($1)"
    } else {
        "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS kind FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
    };
    let read = |row: &dyn Columns| {
        let r = Record::of("(columns)", row);
        let kind = match r.text("kind")?.as_str() {
            "TEXT" | "text" => Kind::Text,
            "INTEGER" | "bigint" => Kind::Int,
            other => return Err(unfit("(columns)", format_args!("has a column of the type {other}"))),
        };
        Ok(Column(r.text("name")?, kind))
    };
    let columns = reader.all(sql, &cells![table], read).await?;
    if columns.is_empty() { Err(unfit(table, "is not there")) } else { Ok(columns) }
}

fn list(columns: &[Column]) -> String {
    columns.iter().map(|Column(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn unfit(table: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("the table {table} {why}"))
}

fn cells_of(table: &'static str, row: &dyn Columns, columns: &[Column]) -> StoreResult<Vec<Cell<'static>>> {
    let cell = |Column(name, kind): &Column| {
        let cell = match kind {
            Kind::Text => row.text(name).map(|text| Cell::Text(text.map(|text| text.to_owned().into()))),
            Kind::Int => row.int(name).map(Cell::Int),
        };
        cell.map_err(|error| StoreError::Corrupt { table, message: format!("{name}: {error}") })
    };
    columns.iter().map(cell).collect()
}

fn to_line(table: &str, value: &impl Serialize) -> StoreResult<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(|error| unfit(table, error))?;
    line.push(b'\n');
    Ok(line)
}

fn from_line<T: serde::de::DeserializeOwned>(table: &str, line: &str) -> StoreResult<T> {
    serde_json::from_str(line)
        .map_err(|error| unfit(table, format_args!("has a line that cannot be read: {error}")))
}

fn row(table: &str, columns: &[Column], line: &str) -> StoreResult<Vec<Cell<'static>>> {
    let values: Vec<Json> = from_line(table, line)?;
    if values.len() != columns.len() {
        return Err(unfit(table, format_args!("has a row of {} values", values.len())));
    }
    let cells = std::iter::zip(columns, values).map(|(Column(name, kind), value)| match (kind, value) {
        (Kind::Text, Json::Null) => Ok(Cell::Text(None)),
        (Kind::Int, Json::Null) => Ok(Cell::Int(None)),
        (Kind::Text, Json::String(text)) => Ok(Cell::Text(Some(text.into()))),
        (Kind::Int, Json::Number(number)) if number.as_i64().is_some() => Ok(Cell::Int(number.as_i64())),
        (_, other) => Err(unfit(table, format_args!("has {other} in the column {name}"))),
    });
    cells.collect()
}
