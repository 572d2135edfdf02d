//! The data directory: where it is, and who serves it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{artifacts::put_in_place, store::StoreLocation};

/// Where everything is kept
#[derive(Clone, clap::Args)]
pub(super) struct DataDir {
    /// Where everything is kept [default: $HEDDLE_DATA_DIR, else $XDG_DATA_HOME/heddle, else ~/.local/share/heddle]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the runs are kept, if not in the data directory: postgres://USER:PASSWORD@HOST:PORT/DATABASE, or the path of
    /// an SQLite file [default: $HEDDLE_DATABASE, in which others do not see the password]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Without the database, whose URL may hold a password.
impl fmt::Debug for DataDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataDir").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl DataDir {
    /// The directory: as given, or by the environment.
    ///
    /// # Errors
    /// If neither says where.
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
        let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let given = self.data_dir.clone().or_else(|| from("HEDDLE_DATA_DIR"));
        given
            .or_else(|| Some(from("XDG_DATA_HOME")?.join("heddle")))
            .or_else(|| Some(from("HOME")?.join(".local/share/heddle")))
            .context("there is no HOME to keep data in; name a directory with --data-dir")
    }

    /// The database, if it is not in the directory: as given, or by the environment.
    ///
    /// # Errors
    /// If it is no database that heddle knows.
    pub(super) fn database(&self) -> anyhow::Result<Option<StoreLocation>> {
        let from_environment = || std::env::var("HEDDLE_DATABASE").ok().filter(|value| !value.is_empty());
        let (source, text) = match &self.database {
            Some(text) => ("--database", Some(text.clone())),
            None => ("HEDDLE_DATABASE", from_environment()),
        };
        text.map(|text| text.parse().with_context(|| format!("{source} cannot be used"))).transpose()
    }
}

/// What `heddle serve` writes beside its data, so that other commands find it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ServerFile {
    /// `http://ADDR`
    pub(super) url: String,
    /// Of its process.
    pub(super) pid: u32,
}

impl ServerFile {
    fn at(data_dir: &Path) -> PathBuf {
        data_dir.join("server.json")
    }

    /// Write it, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let path = Self::at(data_dir);
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
            serde_json::to_writer(&mut file, self)?;
            put_in_place(file, &path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Read it, if it is there.
    pub(super) fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::at(data_dir)).ok()?).ok()
    }

    /// Remove it, if it is there.
    pub(super) fn remove(data_dir: &Path) {
        // If it stays, whoever reads it finds nobody at the address, and says so.
        let _ = fs::remove_file(Self::at(data_dir));
    }
}
