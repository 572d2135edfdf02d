//! The directory of results: whole or not at all.

use std::{
    collections::BTreeSet,
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

/// What made the files, beside them.
const PROVENANCE: &str = "run.json";

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
                "{shown} is there and not empty; name another --out, or replace earlier results with --force"
            ))),
            Ok(true) => replaceable(path)?,
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("--out {shown} cannot be a directory of results"));
            }
        }
        let path = std::path::absolute(path).with_context(|| format!("--out {shown}"))?;
        let Some(parent) = path.parent().map(Path::to_path_buf) else {
            bail!(Error::invalid(format!("--out {shown} is the root of the file system")));
        };
        // Whoever cannot write there should not hear of it when everything has run.
        let there = parent.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&parent);
        tempfile::tempdir_in(there)
            .with_context(|| format!("--out {shown}: nothing can be written in {}", there.display()))?;
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
        fs::write(staging.path().join(PROVENANCE), provenance.text())?;
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
            if fs::read_dir(&self.path)?.next().is_some() {
                replaceable(&self.path)?;
            }
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

/// `--force` replaces results that heddle put there, and nothing else: whatever else is in the directory would be lost with it.
fn replaceable(path: &Path) -> anyhow::Result<()> {
    let refused = |why: String| {
        let shown = path.display();
        Error::invalid(format!(
            "--force replaces results of an earlier run only, and {shown} {why}; name another --out"
        ))
    };
    let document = fs::read(path.join(PROVENANCE)).ok();
    let known: Provenance = document
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| refused(format!("has no {PROVENANCE} of one")))?;
    let files: BTreeSet<&Path> = known.files.iter().map(|file| Path::new(&file.path)).collect();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let at = entry.path();
            let name = at.strip_prefix(path)?;
            // A link is never followed, and none is made by a run.
            let is_directory = entry.file_type()?.is_dir();
            if is_directory && files.iter().any(|file| file.starts_with(name)) {
                open.push(at);
            } else if is_directory || !(files.contains(name) || name == Path::new(PROVENANCE)) {
                bail!(refused(format!("holds {}, which no run put there", name.display())));
            }
        }
    }
    Ok(())
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
    let mut file = tokio::fs::File::create_new(path).await?;
    Ok(output.write_to(&mut file).await?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::api::outputs::provenance::FileProvenance;

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

    /// The document beside results of that run, which has one file.
    fn document(run: &str) -> String {
        let file = FileProvenance {
            path: "step/a.txt".to_owned(),
            step: "step".to_owned(),
            sha256: String::new(),
            size: Some(1),
            version: Some(1),
            deliverable: true,
        };
        let document = Provenance {
            run: run.to_owned(),
            workflow: "w".to_owned(),
            workflow_version: "1.0.0".to_owned(),
            state: "completed".to_owned(),
            failure: None,
            plan: String::new(),
            plugins: [].into(),
            input: String::new(),
            input_files: Vec::new(),
            seed: String::new(),
            as_of: String::new(),
            created_at: String::new(),
            finished_at: None,
            steps: Vec::new(),
            files: vec![file],
            left_out: Vec::new(),
        };
        serde_json::to_string(&document).unwrap()
    }

    #[test]
    fn results_are_put_whole_and_nothing_else_is_left() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out");
        let out = OutDir::new(&path, false).unwrap();
        let (first, second) = (document("first"), document("second"));
        out.put(staged(home.path(), &first)).unwrap();
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), first);
        assert_eq!(names(home.path()), ["out"]);

        assert!(OutDir::new(&path, false).unwrap_err().to_string().contains("--force"));
        let late = out.put(staged(home.path(), "late")).unwrap_err();
        assert!(late.to_string().contains("while the run went on"), "{late}");
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), first);

        fs::create_dir(path.join("step")).unwrap();
        fs::write(path.join("step/a.txt"), "1").unwrap();
        OutDir::new(&path, true).unwrap().put(staged(home.path(), &second)).unwrap();
        assert_eq!(names(&path), ["run.json"]);
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), second);
        assert_eq!(names(home.path()), ["out"]);
    }

    #[test]
    fn force_replaces_what_a_run_put_there_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mine");
        fs::create_dir_all(path.join("step")).unwrap();
        fs::write(path.join("thesis.txt"), "years of work").unwrap();
        let refused = |what: &str| {
            let error = OutDir::new(&path, true).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        refused("has no run.json of one");
        fs::write(path.join("run.json"), "{}").unwrap();
        refused("has no run.json of one");
        fs::write(path.join("run.json"), document("run")).unwrap();
        refused("holds thesis.txt, which no run put there");
        fs::remove_file(path.join("thesis.txt")).unwrap();
        fs::write(path.join("step/b.txt"), "by hand").unwrap();
        refused("holds step/b.txt");
        fs::remove_file(path.join("step/b.txt")).unwrap();
        std::os::unix::fs::symlink(home.path(), path.join("step/a.txt")).unwrap();
        let out = OutDir::new(&path, true).unwrap();
        // And again when the run has ended: somebody may have come meanwhile.
        fs::write(path.join("late.txt"), "new").unwrap();
        let late = out.put(staged(home.path(), &document("second"))).unwrap_err().to_string();
        assert!(late.contains("holds late.txt"), "{late}");
        assert_eq!(names(&path), ["late.txt", "run.json", "step"]);
        assert_eq!(names(home.path()), ["mine"]);
    }

    #[test]
    fn a_file_in_its_place_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out");
        fs::write(&path, "mine").unwrap();
        assert!(OutDir::new(&path, true).is_err());
    }
}
