//! PostgreSQL for the tests: found, or installed as Debian's package, and started as a private server.

use std::path::Path;

use anyhow::{Context, Result};
use heddle_test_postgres::{Postgres, find};

use crate::toolchain;

/// A server for the tests, made in that way, which is stopped when this is dropped. None where there is none to be had.
///
/// # Errors
/// If it cannot be had and CI requires it, or does not start.
pub(crate) fn start(required: bool, make: fn(&Path) -> Result<Postgres>) -> Result<Option<Postgres>> {
    if find().is_none() {
        println!(
            "Missing: PostgreSQL, for the tests of the store. Installing Debian's package (about 1 minute)."
        );
        match toolchain::apt_install(&["postgresql"]) {
            Ok(()) => {}
            Err(error) if required => {
                return Err(error.context("CI needs PostgreSQL for the tests of the store"));
            }
            Err(error) => {
                println!("Going on without it: {error:#}");
                return Ok(None);
            }
        }
    }
    let bin = find().context("PostgreSQL was installed, but its programs are not found")?;
    let server = make(&bin)
        .with_context(|| format!("the PostgreSQL of {} cannot be used for tests", bin.display()))?;
    println!("Started a private PostgreSQL for the tests ({}).", bin.display());
    Ok(Some(server))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_server_that_is_started_is_gone_with_its_directory_afterwards() {
        let Some(server) = Postgres::for_test().unwrap() else { return };
        let url = server.url("postgres");
        let directory = Path::new(url.split_once("?host=").unwrap().1).to_owned();
        let socket = directory.join(".s.PGSQL.5432");
        assert!(socket.exists());
        drop(server);
        assert!(!directory.exists());
    }
}
