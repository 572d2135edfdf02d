//! Where a test's hosts keep what they keep, on either database.

use std::{ffi::OsStr, path::PathBuf, process::Stdio};

use anyhow::Result;
use heddle_test_postgres::{Database, Postgres};

use super::{Server, Starting, history::Snapshot};

/// Where a host keeps everything: a data directory, and on PostgreSQL a database besides.
pub struct Kept {
    directory: tempfile::TempDir,
    database: Option<Database>,
}

impl Kept {
    /// On SQLite.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn on_sqlite() -> Result<Self> {
        Ok(Self { directory: super::data_dir(), database: None })
    }

    /// On PostgreSQL; `None` where there is no server for tests.
    ///
    /// # Errors
    /// If the database cannot be made.
    pub async fn on_postgres() -> Result<Option<Self>> {
        let Some(database) = Database::create().await? else { return Ok(None) };
        Ok(Some(Self { directory: super::data_dir(), database: Some(database) }))
    }

    /// A place in which nothing is yet, on SQLite.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn nothing_on_sqlite() -> Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, database: None })
    }

    /// A place in which nothing is yet, on PostgreSQL; `None` where there is no server for tests.
    ///
    /// # Errors
    /// If the database cannot be made.
    pub async fn nothing_on_postgres() -> Result<Option<Self>> {
        let Some(database) = Database::create().await? else { return Ok(None) };
        Ok(Some(Self { directory: tempfile::tempdir()?, database: Some(database) }))
    }

    /// The data directory.
    pub fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// On a server of the test's own.
    ///
    /// # Errors
    /// If the database cannot be made.
    pub async fn on(server: &Postgres) -> Result<Self> {
        let database = Database::create_on(&server.url("postgres")).await?;
        Ok(Self { directory: super::data_dir(), database: Some(database) })
    }

    /// The URL of the database, on PostgreSQL.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(Database::url)
    }

    /// Begin to start a host on it, with more arguments and more of an environment, and its log elsewhere.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn begin(&self, arguments: &[&str], environment: &[(&str, &OsStr)], log: Stdio) -> Result<Starting> {
        let mut arguments = arguments.to_vec();
        if let Some(database) = &self.database {
            arguments.extend(["--database", database.url()]);
        }
        Starting::new(self.path(), &arguments, environment, log)
    }

    /// All that is kept, whether a host works on it or not.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        match &self.database {
            Some(database) => Snapshot::of_postgres(database.url(), self.path()).await,
            None => Snapshot::of_directory(self.path()).await,
        }
    }

    /// Leave the data directory where it is when this is dropped; returns it. A database on PostgreSQL goes all the same.
    pub fn keep(self) -> PathBuf {
        self.directory.keep()
    }

    /// Start a host on it.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(&self) -> Result<Server> {
        self.start_with(&[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_with(&self, arguments: &[&str]) -> Result<Server> {
        self.begin(arguments, &[], Stdio::inherit())?.listens()
    }

    /// Run a command on it, and return what it prints.
    ///
    /// # Errors
    /// If it ends otherwise than well, with what it says.
    pub fn heddle(&self, arguments: &[&str]) -> Result<String> {
        self.heddle_at(self.directory.path(), arguments)
    }

    /// The same with another data directory.
    ///
    /// # Errors
    /// As [`Kept::heddle`].
    pub fn heddle_at(&self, data_dir: &std::path::Path, arguments: &[&str]) -> Result<String> {
        let mut command = std::process::Command::new(super::heddle_bin());
        command.args(arguments).arg("--data-dir").arg(data_dir);
        if let Some(database) = &self.database {
            command.env("HEDDLE_DATABASE", database.url());
        }
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{arguments:?}: {}: {said}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Change what is kept, behind the back of a host that is stopped.
    ///
    /// # Errors
    /// If the database refuses it.
    pub async fn forge(&self, sql: &'static str) -> Result<()> {
        use sqlx::{Connection as _, Executor as _};
        match &self.database {
            Some(database) => {
                let mut connection = sqlx::PgConnection::connect(database.url()).await?;
                connection.execute(sql).await?;
                Ok(connection.close().await?)
            }
            None => {
                let path = self.directory.path().join("heddle.db");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
                connection.execute(sql).await?;
                Ok(connection.close().await?)
            }
        }
    }
}
