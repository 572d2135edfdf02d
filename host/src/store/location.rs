//! Where a database is: a file, or a PostgreSQL server.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use sqlx::postgres::PgConnectOptions;
use url::Url;

/// The parameters of a URL that mean something; a misspelt one would be ignored in silence.
const PARAMETERS: [&str; 16] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Where the database is. Its text form never holds the password.
#[derive(Clone)]
pub struct StoreLocation(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// A text that names no database. The text itself is not repeated, since it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, or the path of an SQLite file")]
pub struct LocationError(String);

impl StoreLocation {
    /// An SQLite file, made if it is not there.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self(Kind::Sqlite(path.as_ref().to_owned()))
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Sqlite(path) => Some(path),
            Kind::Postgres(_) => None,
        }
    }
}

impl FromStr for StoreLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, _)) = text.split_once("://") else {
            return if text.is_empty() || text.contains('\0') {
                Err(LocationError("the database's name is empty or no path".to_owned()))
            } else {
                Ok(Self::sqlite(text))
            };
        };
        if !matches!(scheme, "postgres" | "postgresql") {
            let shown: String = scheme.chars().take(20).collect();
            return Err(LocationError(format!("the scheme {shown:?} is no database that heddle knows")));
        }
        let unusable = |reason: &str| LocationError(format!("the database's URL cannot be used: {reason}"));
        let url = Url::parse(text).map_err(|error| unusable(&error.to_string()))?;
        for (key, _) in url.query_pairs() {
            let known = PARAMETERS.contains(&&*key) || (key.starts_with("options[") && key.ends_with(']'));
            if !known {
                return Err(unusable(&format!(
                    "it has no parameter {:?}",
                    key.chars().take(40).collect::<String>()
                )));
            }
        }
        let options =
            text.parse::<PgConnectOptions>().map_err(|_| unusable("a parameter's value is wrong"))?;
        Ok(Self(Kind::Postgres(Box::new(options))))
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(path) => write!(f, "{}", path.display()),
            Kind::Postgres(options) => {
                let (user, database) = (options.get_username(), options.get_database().unwrap_or_default());
                match options.get_socket() {
                    Some(socket) => {
                        write!(f, "postgres://{user}@/{database}?host={}", socket.display())?;
                        write!(f, "&port={}", options.get_port())
                    }
                    None => {
                        write!(
                            f,
                            "postgres://{user}@{}:{}/{database}",
                            options.get_host(),
                            options.get_port()
                        )
                    }
                }
            }
        }
    }
}

impl fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        for text in [
            "postgres://ann:s3cret@db.example:5433/heddle",
            "postgresql://ann@db.example:5433/heddle?password=s3cret",
        ] {
            let location: StoreLocation = text.parse().unwrap();
            assert_eq!(location.to_string(), "postgres://ann@db.example:5433/heddle");
            assert!(!format!("{location:?}").contains("s3cret"));
        }
        let socket: StoreLocation = "postgres://ann:s3cret@%2Frun%2Fpg:5433/heddle".parse().unwrap();
        assert_eq!(socket.to_string(), "postgres://ann@/heddle?host=/run/pg&port=5433");
    }

    #[test]
    fn what_names_no_database_is_refused_without_its_password() {
        for (text, said) in [
            ("mysql://ann:s3cret@h/d", "\"mysql\""),
            ("postgres://ann:s3cret@h:99999/d", "port"),
            ("postgres://ann:s3cret@h/d?sslmode=sometimes", "value is wrong"),
            ("postgres://ann:s3cret@h/d?pasword=s3cret", "\"pasword\""),
            ("", "empty"),
        ] {
            let error = text.parse::<StoreLocation>().unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("s3cret"), "{text}: {error}");
            assert!(error.contains("expected postgres://"), "{error}");
        }
        assert_eq!("a/b.db".parse::<StoreLocation>().unwrap().to_string(), "a/b.db");
    }
}
