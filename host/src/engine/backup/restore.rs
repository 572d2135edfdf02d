//! Restoring: everything is checked and unpacked beside its place, and put there at the very end.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::archive::{self, BackupSummary, Target};
use crate::{
    artifacts::BlobStore,
    engine::{blocking, database, tokens},
    error::{Error, Result},
    model::io_reason,
    store::{Import, StoreError, StoreLocation},
};

/// Restore a backup into a data directory, and a database if it is to be elsewhere, in which nothing is yet.
///
/// # Errors
/// `Conflict` if something is there, `Invalid` if the backup is not whole; nothing is left then.
pub async fn restore(
    archive: File,
    data_dir: PathBuf,
    database: Option<StoreLocation>,
) -> Result<BackupSummary> {
    refuse_used(&data_dir, database.as_ref())?;
    let failed = |error: io::Error| {
        let message = format!("{} cannot be written: {}", data_dir.display(), io_reason(&error));
        Error::unavailable(message, error)
    };
    let parent = match data_dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => return Err(Error::invalid("the root is no data directory")),
    };
    let made = blocking(move || {
        fs::create_dir_all(&parent)?;
        // On the same disk, and its owner's alone, as the data directory will be.
        tempfile::Builder::new().prefix(".heddle-restore-").tempdir_in(parent)
    });
    let place = made.await.map_err(failed)?;
    let directory = place.path().to_owned();
    let unpack = tokio::task::spawn_blocking(move || unpack(archive, &directory));
    let (schema, summary) =
        unpack.await.map_err(|error| Error::internal("the backup could not be unpacked", error))??;

    let own = StoreLocation::sqlite(place.path().join("heddle.db"));
    let location = database.clone().unwrap_or(own);
    let result = import(&location, schema, place.path(), &data_dir, database.as_ref()).await;
    if let (Err(_), Some(file)) = (&result, database.as_ref().and_then(StoreLocation::file)) {
        for ending in ["", "-wal", "-shm"] {
            // It was not there before.
            let _ = fs::remove_file(format!("{}{ending}", file.display()));
        }
    }
    result?;
    let to = data_dir.clone();
    blocking(move || {
        let from = place.path();
        fs::remove_dir_all(from.join("rows"))?;
        rustix::fs::syncfs(File::open(from)?)?;
        fs::rename(from, &to)?;
        // It has moved, and nothing of it is left to remove.
        let _ = place.keep();
        File::open(to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
            .sync_all()
    })
    .await
    .map_err(failed)?;
    Ok(summary)
}

fn refuse_used(data_dir: &Path, database: Option<&StoreLocation>) -> Result<()> {
    let used = match fs::read_dir(data_dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    if used {
        let message = format!("there is something in {} already; name a new directory", data_dir.display());
        return Err(Error::conflict(message));
    }
    match database.and_then(StoreLocation::file) {
        Some(file) if file.exists() => {
            Err(Error::conflict(format!("{} is there already; name a new database", file.display())))
        }
        _ => Ok(()),
    }
}

/// Check the whole archive, and unpack it.
fn unpack(file: File, directory: &Path) -> Result<(i64, BackupSummary)> {
    let failed = |error: io::Error| Error::unavailable("the backup cannot be unpacked", error);
    let rows = directory.join("rows");
    fs::create_dir(&rows).map_err(failed)?;
    let blobs = BlobStore::open(directory).map_err(failed)?;
    let target = Target { blobs: &blobs, rows: &rows };
    let (head, summary) = archive::read(io::BufReader::new(file), Some(&target))?;
    Ok((head.schema, summary))
}

/// Fill the database, in one transaction.
async fn import(
    location: &StoreLocation,
    schema: i64,
    directory: &Path,
    data_dir: &Path,
    named: Option<&StoreLocation>,
) -> Result<()> {
    let refused = |error: StoreError| match error {
        StoreError::Exists => Error::conflict(format!(
            "there is something in the database {location} already; name an empty one"
        )),
        StoreError::Unavailable(cause) => {
            Error::unavailable(format!("the database {location} cannot be written: {cause}"), cause)
        }
        StoreError::Unusable(message) => {
            Error::invalid(format!("the backup does not fit the database {location}: {message}"))
        }
        other => other.into(),
    };
    let mut import = Import::open(location).await.map_err(refused)?;
    let known = import.schema().await.map_err(refused)?;
    if schema != known {
        return Err(Error::invalid(format!(
            "the backup was made by {} version of heddle (its schema has number {schema}, here it is {known}); restore it \
             with that version{}",
            if schema > known { "a later" } else { "an earlier" },
            if schema > known { "" } else { ", and start this one on what it restored" }
        )));
    }
    for table in crate::store::TABLES {
        for file in parts(&directory.join("rows"), table)
            .map_err(|error| Error::internal("the unpacked backup cannot be read", error))?
        {
            let lines = blocking(move || fs::read(file)).await;
            let lines =
                lines.map_err(|error| Error::internal("the unpacked backup cannot be read", error))?;
            import.part(table, &lines).await.map_err(refused)?;
        }
    }
    if named.is_some() {
        database::remember(directory, location)?;
    }
    // Once more: it took a while.
    refuse_used(data_dir, None)?;
    import.finish(tokens::ADMIN).await.map_err(refused)
}

/// The files of a table's parts, in order.
fn parts(directory: &Path, table: &str) -> io::Result<Vec<PathBuf>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().split_once('.').is_some_and(|(of, _)| of == table) {
            parts.push(entry.path());
        }
    }
    parts.sort();
    Ok(parts)
}
