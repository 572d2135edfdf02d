//! A database of a test's own, on the server that `HEDDLE_TEST_POSTGRES` names.

use std::env;

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use crate::VARIABLE;

/// A database. Dropped, it is removed from its server.
pub struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// A new one on the server for tests. Where there is none, this says so and is `None`; in CI it is a failure.
    ///
    /// # Panics
    /// In CI, if no server is named.
    ///
    /// # Errors
    /// If the server does not make one.
    pub async fn create() -> Result<Option<Self>> {
        match env::var(VARIABLE) {
            Ok(server) => Self::create_on(&server).await.map(Some),
            Err(_) => {
                assert!(env::var_os("CI").is_none(), "in CI {VARIABLE} must name a PostgreSQL server");
                println!(
                    "SKIPPED: no PostgreSQL server is named ({VARIABLE}; `cargo xtask test` starts one)"
                );
                Ok(None)
            }
        }
    }

    /// A new one on that server.
    ///
    /// # Errors
    /// If the server does not make one.
    pub async fn create_on(server: &str) -> Result<Self> {
        let name = format!("heddle_test_{}", uuid::Uuid::new_v4().simple());
        execute(server, format!("CREATE DATABASE {name}")).await?;
        Ok(Self { server: server.to_owned(), url: with_database(server, &name)?, name })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // The test's runtime may be the one that we are on.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(execute(&server, sql))
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the test's database {} could not be removed", self.name);
        }
    }
}

async fn execute(server: &str, sql: String) -> Result<()> {
    let options: PgConnectOptions = server.parse().with_context(|| format!("{VARIABLE} is no URL"))?;
    let mut connection = options.connect().await.with_context(|| format!("{VARIABLE} names no server"))?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// The same server's URL with another database.
fn with_database(server: &str, name: &str) -> Result<String> {
    let (before, parameters) =
        server.split_once('?').map_or((server, None), |(url, query)| (url, Some(query)));
    let host = before.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    anyhow::ensure!(host.contains("://"), "{VARIABLE} is no URL");
    Ok(match parameters {
        Some(parameters) => format!("{host}/{name}?{parameters}"),
        None => format!("{host}/{name}"),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_all_but_its_database() {
        for (server, expected) in [
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/d"),
            ("postgres://u@localhost/postgres?host=/tmp/x", "postgres://u@localhost/d?host=/tmp/x"),
            ("postgres://u@h", "postgres://u@h/d"),
        ] {
            assert_eq!(with_database(server, "d").unwrap(), expected);
        }
        assert!(with_database("h/d", "d").is_err());
    }
}
