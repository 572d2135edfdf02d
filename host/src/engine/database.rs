//! Which database belongs to a data directory, and how it is opened.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::{
    artifacts::{put_in_place, sync_directory},
    error::{Code, Error, Result},
    store::{Store, StoreError, StoreLocation},
};

/// Remembers in the data directory where its rows are, if they are not in it (without the password).
const ELSEWHERE: &str = "database";

/// Whether a data directory has ever been used.
pub(crate) fn is_used(data_dir: &Path) -> bool {
    data_dir.join("heddle.db").exists() || data_dir.join(ELSEWHERE).exists()
}

/// Open the database of a data directory: the one that is named, else the file in it.
pub(super) async fn open(data_dir: &Path, named: Option<&StoreLocation>) -> Result<Store> {
    let elsewhere = data_dir.join(ELSEWHERE);
    let location = match named {
        Some(location) => location.clone(),
        None => {
            // Its blobs would be there without the rows that name them: every run would seem to be gone.
            if let Ok(location) = fs::read_to_string(&elsewhere) {
                return Err(Error::invalid(format!(
                    "the runs of the data directory {} are in the database {}; name it with --database or \
                     HEDDLE_DATABASE (if they are no longer there, remove {})",
                    data_dir.display(),
                    location.trim(),
                    elsewhere.display()
                )));
            }
            StoreLocation::sqlite(data_dir.join("heddle.db"))
        }
    };
    let store = Store::open(&location).await.map_err(|error| {
        let message = match error {
            StoreError::Unavailable(cause) => format!("the database {location} cannot be opened: {cause}"),
            StoreError::Damaged(cause) => format!(
                "the database {location} is damaged or no SQLite database at all ({cause}): put it and what begins with its \
                 name away, and restore a backup"
            ),
            other => format!("the database {location} cannot be used: {other}"),
        };
        Error::new(Code::Unavailable, message)
    })?;
    if named.is_some() {
        remember(data_dir, &location)?;
    }
    Ok(store)
}

/// Remember where the rows of a data directory are.
pub(super) fn remember(data_dir: &Path, location: &StoreLocation) -> Result<()> {
    let elsewhere = data_dir.join(ELSEWHERE);
    let text = format!("{location}\n");
    if fs::read_to_string(&elsewhere).is_ok_and(|there| there == text) {
        return Ok(());
    }
    // Whole or not at all, and before anything is kept there: a host that did not know would begin anew.
    let write = || -> io::Result<()> {
        let mut file = NamedTempFile::new_in(data_dir)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        put_in_place(file, &elsewhere)?;
        sync_directory(data_dir)
    };
    write().map_err(|error| {
        Error::unavailable(format!("{} cannot be written: {error}", elsewhere.display()), error)
    })
}
