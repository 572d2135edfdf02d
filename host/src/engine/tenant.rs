//! What a tenant can do: the door through which the API and the CLI come in.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::{Engine, attempt::read_value, blocking};
use crate::{
    error::{Code, Error, Result},
    events::Follow,
    model::{Digest, Event, Manifest, RunId, TenantId, Timestamp, UploadId, io_reason},
    sandbox::LogLine,
    store::{
        ArtifactPlace, ArtifactRow, AttemptRow, ListedArtifact, PluginRow, PluginSource, RunFilter, RunRow,
        Statistics, StatisticsFilter, StoreError, TenantStore, UploadRow,
    },
};

/// The engine as one tenant may use it. Cheap to clone.
#[derive(Clone)]
pub struct Tenant {
    pub(super) engine: Engine,
    store: TenantStore,
    actor: Option<Arc<str>>,
}

impl Tenant {
    pub(super) fn new(engine: Engine, id: &TenantId) -> Self {
        Self { store: engine.store.tenant(id), engine, actor: None }
    }

    /// The same for somebody: what they ask for is recorded with that name.
    #[must_use]
    pub fn acting(self, name: &str) -> Self {
        Self { actor: Some(name.into()), ..self }
    }

    /// Who asks, if it is not the host itself.
    pub(super) fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        self.store.id()
    }

    pub(super) fn store(&self) -> &TenantStore {
        &self.store
    }

    /// Load a component; new runs take it in place of the one of the same name.
    ///
    /// # Errors
    /// `Invalid` if it is no plugin, with what was found instead.
    pub async fn plugin_add(&self, bytes: Bytes) -> Result<PluginRow> {
        self.engine.plugins.add(self.id(), bytes, PluginSource::Uploaded).await
    }

    /// The plugins that new runs take, by name.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn plugins(&self) -> Result<Vec<PluginRow>> {
        Ok(self.store.plugin_list().await?)
    }

    /// A plugin by name, or by the digest of its component.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn plugin(&self, name_or_digest: &str) -> Result<(PluginRow, Arc<Manifest>)> {
        let row = match name_or_digest.parse::<Digest>() {
            Ok(digest) => self.store.plugin_get(digest).await?,
            Err(_) => self.store.plugin_list().await?.into_iter().find(|row| row.name == name_or_digest),
        };
        let row = row.ok_or_else(|| Error::not_found("plugin", name_or_digest))?;
        let manifest = self.engine.plugins.manifest(&row)?;
        Ok((row, manifest))
    }

    /// Let new runs take no plugin of that name. Runs that are pinned to it go on.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn plugin_remove(&self, name: &str) -> Result<()> {
        let removed = self.store.plugin_deactivate(name).await;
        self.engine.plugins.changed(self.id());
        match removed? {
            true => Ok(()),
            false => Err(Error::not_found("plugin", name)),
        }
    }

    /// Store a file for runs to come.
    ///
    /// # Errors
    /// `Invalid` for its name, `TooLarge`, `Conflict` if too many are kept, or whatever the stream ends with.
    pub async fn upload<S>(&self, filename: &str, media_type: Option<&str>, mut body: S) -> Result<UploadRow>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
    {
        check_filename(filename).map_err(|message| Error::invalid(format!("the file name: {message}")))?;
        let limit = self.engine.config.max_upload_bytes;
        let most = self.engine.config.bounds.uploads;
        let full = || {
            Error::conflict(format!(
                "{most} uploaded files are kept, and no more may be; those that no run takes are removed after a while"
            ))
        };
        // Before anything is read; it is looked at again when the file is there.
        if self.store.upload_count().await? >= most {
            return Err(full());
        }
        let unstored = |error: io::Error| {
            Error::unavailable(format!("the upload could not be stored: {}", io_reason(&error)), error)
        };
        let _session = self.engine.blobs.session();
        let mut writer = self.engine.blobs.create(self.id()).map_err(unstored)?;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Error::invalid(format!("the upload broke off: {error}")))?;
            if writer.size() + chunk.len() as u64 > limit {
                return Err(Error::new(
                    Code::TooLarge,
                    format!("{filename:?} is larger than the {limit} bytes allowed"),
                ));
            }
            writer = blocking(move || writer.write(&chunk).map(|()| writer)).await.map_err(unstored)?;
        }
        let (digest, size) = blocking(move || writer.finish()).await.map_err(unstored)?;
        let row = UploadRow {
            id: UploadId::new(),
            filename: filename.to_owned(),
            media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
            digest,
            size,
            created_at: Timestamp::now(),
        };
        match self.store.upload_put(&row, most).await {
            Ok(()) => Ok(row),
            Err(StoreError::Full) => Err(full()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn upload_get(&self, id: UploadId) -> Result<UploadRow> {
        self.store.upload_get(id).await?.ok_or_else(|| Error::not_found("upload", id))
    }

    pub(crate) async fn run_row(&self, id: RunId) -> Result<RunRow> {
        self.store.run_get(id).await?.ok_or_else(|| Error::not_found("run", id))
    }

    /// Runs, newest first, older than `after`.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn runs(&self, filter: RunFilter, after: Option<RunId>, limit: u32) -> Result<Vec<RunRow>> {
        Ok(self.store.run_list(&filter, after, limit).await?)
    }

    /// Statistics over runs.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn statistics(&self, filter: &StatisticsFilter) -> Result<Statistics> {
        Ok(self.store.statistics(filter).await?)
    }

    /// A run's events with numbers above `after`, in order.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn events(&self, id: RunId, after: u64, limit: u32) -> Result<Vec<Event>> {
        let events = self.store.event_list(id, after, limit).await?;
        if events.is_empty() {
            self.run_row(id).await?;
        }
        Ok(events)
    }

    /// Be told what happens to a run from now on. Follow first, read the events then: none is missed.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn follow(&self, id: RunId) -> Result<Follow> {
        let follow = self.engine.bus.follow(id);
        self.run_row(id).await?;
        Ok(follow)
    }

    /// A run's artifacts after that place, in all versions or the latest ones alone: by the step's place, the file's
    /// place, and version.
    ///
    /// # Errors
    /// `NotFound` for the run.
    pub async fn artifacts(
        &self,
        id: RunId,
        only_latest: bool,
        after: Option<&ArtifactPlace>,
        limit: u32,
    ) -> Result<Vec<ListedArtifact>> {
        self.run_row(id).await?;
        Ok(self.store.artifact_page(id, only_latest, after, limit).await?)
    }

    /// An artifact, open for reading; the latest version unless one is named.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn artifact(
        &self,
        id: RunId,
        step: &str,
        name: &str,
        version: Option<u32>,
    ) -> Result<(ArtifactRow, tokio::fs::File)> {
        self.run_row(id).await?;
        let found = self.store.artifact_get(id, step, name, version).await?;
        let row = found.ok_or_else(|| Error::not_found("artifact", format!("{step}/{name} of run {id}")))?;
        let (blobs, tenant, digest) = (self.engine.blobs.clone(), self.id().clone(), row.digest);
        let file = blocking(move || blobs.open_blob(&tenant, &digest))
            .await
            .map_err(|error| Error::internal(format!("artifact {step}/{name} cannot be read"), error))?;
        Ok((row, tokio::fs::File::from_std(file.into_file())))
    }

    /// The log of a step's attempt; of the last one unless one is named.
    ///
    /// # Errors
    /// `NotFound` for the run or the attempt.
    pub async fn step_log(&self, id: RunId, step: &str, attempt: Option<u32>) -> Result<Vec<LogLine>> {
        self.run_row(id).await?;
        let wanted = |a: &AttemptRow| attempt.is_none_or(|number| number == a.number);
        let attempts = self.store.attempt_list_of(id, step).await?;
        let found = attempts.into_iter().filter(wanted).max_by_key(|a| a.number);
        let row = found.ok_or_else(|| Error::not_found("attempt", format!("at step {step} of run {id}")))?;
        let Some(log) = row.log else { return Ok(Vec::new()) };
        serde_json::from_str(&self.text(&log).await?)
            .map_err(|error| Error::internal("the attempt's log cannot be read", error))
    }

    async fn text(&self, value: &crate::model::Value) -> Result<String> {
        read_value(&self.engine.blobs, self.id(), value)
            .await
            .map_err(|error| Error::internal("a stored value cannot be read", error))
    }
}

/// Whether a text may name a file: the phases see it, and it becomes part of paths when results are saved.
pub(super) fn check_filename(name: &str) -> std::result::Result<(), String> {
    let shown: String = name.chars().take(80).collect();
    if name.is_empty() || name.len() > 255 {
        return Err(format!("{shown:?} has {} bytes; a name has 1 to 255", name.len()));
    }
    if name == "." || name == ".." || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
        return Err(format!("{shown:?} may not contain `/`, `\\` or control characters, nor be `.` or `..`"));
    }
    Ok(())
}
