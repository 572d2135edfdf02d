//! What a host keeps, read at one moment: the rows of its database, on either, and its blobs.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use heddle::model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

const TABLES: [&str; 17] = [
    "approvals",
    "artifacts",
    "attempts",
    "blobs",
    "events",
    "grants",
    "host_calls",
    "idempotency_keys",
    "plans",
    "plugins",
    "runs",
    "shared_state",
    "signals",
    "steps",
    "tokens",
    "uploads",
    "workflows",
];

/// A row of a table: texts and numbers by the names of the columns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Row(Map<String, Value>);

impl Row {
    /// A text; empty if it is null.
    pub fn text(&self, column: &str) -> &str {
        self.0.get(column).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number; 0 if it is null.
    pub fn number(&self, column: &str) -> i64 {
        self.0.get(column).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Whether it is null.
    pub fn is_null(&self, column: &str) -> bool {
        self.0.get(column).is_none_or(Value::is_null)
    }

    /// A document that is kept as text; null if it is none.
    pub fn json(&self, column: &str) -> Value {
        serde_json::from_str(self.text(column)).unwrap_or_default()
    }
}

/// What was found in the place of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: String,
    pub(super) size: u64,
}

/// What SQLite says of a database that is damaged.
#[derive(Debug)]
struct Damage(String);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damage {}

/// Whether the database itself is at fault, and not what it was asked.
fn is_damage(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref().and_then(sqlx::Error::as_database_error).and_then(|error| error.code());
    // SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB.
    let code = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    error.is::<Damage>() || code.is_some_and(|code| [10, 11, 26].contains(&code))
}

impl Blob {
    fn read(path: &Path) -> io::Result<Self> {
        /// Of files that nobody has written to since: by disk, number, length and time. Disks that are compared share what
        /// they have in common.
        static KNOWN: Mutex<BTreeMap<[u64; 5], String>> = Mutex::new(BTreeMap::new());
        let meta = fs::metadata(path)?;
        let [seconds, nanos] = [meta.mtime(), meta.mtime_nsec()].map(i64::cast_unsigned);
        let same = [meta.dev(), meta.ino(), meta.size(), seconds, nanos];
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = known().get(&same).cloned();
        let digest = match earlier {
            Some(digest) => digest,
            None => Digest::of(fs::read(path)?).to_string(),
        };
        // What has one name only is not seen again.
        if meta.nlink() > 1 {
            known().insert(same, digest.clone());
        }
        Ok(Self { digest, size: meta.size() })
    }
}

/// What a host keeps.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Why the database cannot be read, if it cannot.
    pub(super) unreadable: Option<String>,
    tables: BTreeMap<&'static str, Vec<Row>>,
    /// What is in the place of each blob, by its tenant and its name.
    pub(super) blobs: BTreeMap<(String, String), Blob>,
    /// Of the admin's token in its file.
    pub(super) token: Option<String>,
}

impl Snapshot {
    /// Of a data directory with the database in it. A database that was never made has no rows; one that is damaged makes a
    /// snapshot that says so.
    ///
    /// # Errors
    /// If files cannot be read.
    pub async fn of_directory(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("heddle.db");
        let read = if path.exists() { Self::read_sqlite(&path).await } else { Ok(BTreeMap::new()) };
        // After the rows: what they name was there before them.
        let files = Self::of_files(data_dir)?;
        Ok(match read {
            Ok(tables) => Self { tables, ..files },
            Err(error) if is_damage(&error) => {
                Self { unreadable: Some(format!("{}: {error:#}", path.display())), ..files }
            }
            Err(error) => return Err(error),
        })
    }

    /// Of a data directory whose database is on a PostgreSQL server.
    ///
    /// # Errors
    /// If the database or files cannot be read.
    pub async fn of_postgres(url: &str, data_dir: &Path) -> Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut connection).await?;
        let mut tables = BTreeMap::new();
        for table in TABLES {
            let sql = format!("SELECT coalesce(json_agg(t), '[]')::text FROM {table} t");
            let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
            tables.insert(table, rows_of(table, &rows)?);
        }
        connection.close().await?;
        Ok(Self { tables, ..Self::of_files(data_dir)? })
    }

    async fn read_sqlite(path: &Path) -> Result<BTreeMap<&'static str, Vec<Row>>> {
        let options =
            SqliteConnectOptions::new().filename(path).busy_timeout(std::time::Duration::from_secs(10));
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await?;
        if check != "ok" {
            return Err(Damage(check).into());
        }
        sqlx::query("BEGIN").execute(&mut connection).await?;
        let mut tables = BTreeMap::new();
        for table in TABLES {
            let columns = r#"SELECT group_concat(quote(name) || ', "' || name || '"', ', ') FROM pragma_table_info(?1)"#;
            let columns: Option<String> =
                sqlx::query_scalar(columns).bind(table).fetch_one(&mut connection).await?;
            // One that the first start has not come to make has none.
            let Some(columns) = columns else { continue };
            let sql = format!("SELECT json_group_array(json_object({columns})) FROM {table}");
            let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
            tables.insert(table, rows_of(table, &rows)?);
        }
        sqlx::query("COMMIT").execute(&mut connection).await?;
        connection.close().await?;
        Ok(tables)
    }

    fn of_files(data_dir: &Path) -> Result<Self> {
        let mut blobs = BTreeMap::new();
        let root = data_dir.join("blobs");
        for tenant in names(&root)? {
            for part in names(&root.join(&tenant))? {
                let part = root.join(&tenant).join(part);
                for name in names(&part)? {
                    let path = part.join(&name);
                    let blob = Blob::read(&path).with_context(|| path.display().to_string())?;
                    blobs.insert((tenant.clone(), name), blob);
                }
            }
        }
        let token = fs::read_to_string(data_dir.join("admin-token")).ok();
        let token = token.map(|secret| Digest::of(secret.trim()).to_string());
        Ok(Self { blobs, token, ..Self::default() })
    }

    /// Write all rows to a file, as JSON.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_vec_pretty(&self.tables)?).with_context(|| path.display().to_string())
    }

    /// The rows of a table.
    pub fn rows(&self, table: &str) -> &[Row] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// The row of a table with such a text in a column.
    pub fn row(&self, table: &str, column: &str, text: &str) -> Option<&Row> {
        self.rows(table).iter().find(|row| row.text(column) == text)
    }

    /// The events of each run, by their numbers.
    pub(super) fn events(&self) -> BTreeMap<&str, Vec<&Row>> {
        let mut events: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for event in self.rows("events") {
            events.entry(event.text("run_id")).or_default().push(event);
        }
        events.values_mut().for_each(|events| events.sort_by_key(|event| event.number("seq")));
        events
    }
}

/// A table's rows from JSON. Of the pages of events there is a row for each event.
fn rows_of(table: &str, rows: &str) -> Result<Vec<Row>> {
    let rows: Vec<Row> = serde_json::from_str(rows)?;
    if table != "events" {
        return Ok(rows);
    }
    let mut events = Vec::new();
    for page in &rows {
        let lines: Vec<Map<String, Value>> =
            serde_json::from_str(page.text("body")).context("a page of events")?;
        let numbers: Vec<_> = lines.iter().filter_map(|line| line["seq"].as_i64()).collect();
        let said: Vec<_> = (page.number("first_seq")..=page.number("last_seq")).collect();
        ensure!(numbers == said, "a page of the events {said:?} has {numbers:?}");
        for mut line in lines {
            line.insert("run_id".to_owned(), page.text("run_id").into());
            if let Some(data) = line.remove("data") {
                line.insert("data".to_owned(), data.to_string().into());
            }
            let kind = line.remove("type").unwrap_or_default();
            line.insert("kind".to_owned(), kind);
            events.push(Row(line));
        }
    }
    Ok(events)
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
    }
}
