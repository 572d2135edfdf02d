//! The directory of results: whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use super::umask;
use crate::{
    api::{outputs::provenance::Provenance, wire::ArtifactBody},
    engine::Tenant,
    error::Error,
    model::RunId,
};

/// Where a run's results will be.
#[derive(Debug)]
pub(super) struct OutDir {
    path: PathBuf,
    parent: PathBuf,
    force: bool,
}

impl OutDir {
    /// Check, before anything is run, that the directory can be made.
    ///
    /// # Errors
    /// If something is there that would be lost, unless `force` says that it may be.
    pub(super) fn new(path: &Path, force: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
            Ok(true) if !force => bail!(Error::invalid(format!(
                "{shown} is there and not empty; name another --out, or replace it with --force"
            ))),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("--out {shown} cannot be a directory of results"));
            }
        }
        let path = std::path::absolute(path).with_context(|| format!("--out {shown}"))?;
        let Some(parent) = path.parent().map(Path::to_path_buf) else {
            bail!(Error::invalid(format!("--out {shown} is the root of the file system")));
        };
        Ok(Self { path, parent, force })
    }

    /// Write the files of a run and put the directory in its place.
    ///
    /// # Errors
    /// If a file cannot be read or written. Then there is nothing new, and what was there is untouched.
    pub(super) async fn save(
        &self,
        tenant: &Tenant,
        id: RunId,
        provenance: &Provenance,
        latest: &[ArtifactBody],
    ) -> anyhow::Result<()> {
        let shown = self.path.display();
        self.make_parents().with_context(|| format!("the directory above {shown}"))?;
        let staging = tempfile::Builder::new()
            .prefix(".heddle-results-")
            .tempdir_in(&self.parent)
            .with_context(|| format!("nothing can be written beside {shown}"))?;
        for file in &provenance.files {
            let path = staging.path().join(&file.path);
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory)?;
            }
            let artifact =
                latest.iter().find(|artifact| format!("{}/{}", artifact.step, artifact.name) == file.path);
            let written = match artifact {
                Some(artifact) => copy(tenant, id, artifact, &path).await,
                None => write_output(tenant, id, &file.step, &path).await,
            };
            written.with_context(|| format!("{} could not be saved", file.path))?;
        }
        fs::write(staging.path().join("run.json"), provenance.text())?;
        self.put(staging).with_context(|| format!("the results could not be put at {shown}"))
    }

    /// Make the directories above, as other directories of the user are.
    fn make_parents(&self) -> io::Result<()> {
        let new = self.parent.ancestors().take_while(|directory| !directory.exists()).last();
        fs::create_dir_all(&self.parent)?;
        new.map_or(Ok(()), umask::as_users)
    }

    fn put(&self, staging: TempDir) -> anyhow::Result<()> {
        // What this process makes is for its owner alone; results are as other files of the user are.
        umask::as_users(staging.path())?;
        // Checked again: somebody may have written there while the run went on.
        if !self.force {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).context("something was written there while the run went on");
                }
                _ => {}
            }
        }
        if self.force && self.path.exists() {
            // The old and the new change places at once; the old one goes with the temporary directory.
            renameat_with(CWD, staging.path(), CWD, &self.path, RenameFlags::EXCHANGE)?;
            return Ok(());
        }
        let staged = staging.keep();
        if let Err(error) = renameat_with(CWD, &staged, CWD, &self.path, RenameFlags::NOREPLACE) {
            // What cannot be put in its place is not left lying about.
            let _ = fs::remove_dir_all(&staged);
            return Err(error.into());
        }
        Ok(())
    }
}

async fn copy(tenant: &Tenant, id: RunId, artifact: &ArtifactBody, path: &Path) -> anyhow::Result<()> {
    let (_, mut content) =
        tenant.artifact(id, &artifact.step, &artifact.name, Some(artifact.version)).await?;
    let mut file = tokio::fs::File::create_new(path).await?;
    let size = tokio::io::copy(&mut content, &mut file).await?;
    file.flush().await?;
    if size != artifact.size {
        bail!("it has {size} bytes, not {}", artifact.size);
    }
    Ok(())
}

async fn write_output(tenant: &Tenant, id: RunId, step: &str, path: &Path) -> anyhow::Result<()> {
    let output = tenant.step_output(id, step).await?.context("it is not there")?;
    Ok(tokio::fs::write(path, output).await?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn staged(parent: &Path, text: &str) -> TempDir {
        let staging = tempfile::tempdir_in(parent).unwrap();
        fs::write(staging.path().join("run.json"), text).unwrap();
        staging
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn results_are_put_whole_and_nothing_else_is_left() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out");
        let out = OutDir::new(&path, false).unwrap();
        out.put(staged(home.path(), "first")).unwrap();
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), "first");
        assert_eq!(names(home.path()), ["out"]);

        assert!(OutDir::new(&path, false).unwrap_err().to_string().contains("--force"));
        let late = out.put(staged(home.path(), "late")).unwrap_err();
        assert!(late.to_string().contains("while the run went on"), "{late}");
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), "first");

        fs::write(path.join("old.txt"), "old").unwrap();
        OutDir::new(&path, true).unwrap().put(staged(home.path(), "second")).unwrap();
        assert_eq!(names(&path), ["run.json"]);
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), "second");
        assert_eq!(names(home.path()), ["out"]);
    }

    #[test]
    fn a_file_in_its_place_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out");
        fs::write(&path, "mine").unwrap();
        assert!(OutDir::new(&path, true).is_err());
    }
}
