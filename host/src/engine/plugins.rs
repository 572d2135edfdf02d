//! The plugins of each tenant: which are active, what their manifests say, and their compiled components.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::{
    Tenant,
    cache::Cache,
    checks::Checks,
    library::{WorkflowInfo, WorkflowSource},
    plan::{Plan, Surroundings},
    start::Planned,
};
use crate::{
    artifacts::BlobStore,
    error::{Code, Error, Result},
    model::{Capability, Digest, Failure, FailureKind, Manifest, TenantId, Timestamp, Workflow, io_reason},
    sandbox::{LoadError, LoadedPlugin, Sandbox},
    store::{PluginRow, PluginSource, Store},
};

/// The plugins. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Plugins {
    store: Store,
    blobs: BlobStore,
    sandbox: Sandbox,
    checks: Checks,
    /// By the component's digest: code is the same whoever's it is.
    loaded: Arc<Mutex<HashMap<Digest, Arc<LoadedPlugin>>>>,
    manifests: Arc<Mutex<HashMap<Digest, Arc<Manifest>>>>,
    active: Cache<TenantId, ActivePlugins>,
    granted: Cache<(TenantId, String), BTreeSet<Capability>>,
    /// What runs were planned from, which changes with the plugins.
    planned: Cache<PlannedKey, Planned>,
}

/// So many tenants' lists of plugins are kept.
const ACTIVE_KEPT: usize = 1_000;
/// So many plugins' grants are kept.
const GRANTS_KEPT: usize = 10_000;
/// Plans whose definitions have so many bytes of JSON together are kept.
const PLANNED_KEPT: usize = 64 << 20;

/// A tenant's workflow, by name and version: absent, it is the newest.
pub(super) type PlannedKey = (TenantId, String, Option<String>);

impl Plugins {
    pub(crate) fn new(store: Store, blobs: BlobStore, sandbox: Sandbox, checks: Checks) -> Self {
        Self {
            store,
            blobs,
            sandbox,
            checks,
            loaded: Arc::default(),
            manifests: Arc::default(),
            active: Cache::new(ACTIVE_KEPT),
            granted: Cache::new(GRANTS_KEPT),
            planned: Cache::new(PLANNED_KEPT),
        }
    }

    /// The compiled component, if it is in memory.
    pub(crate) fn loaded(&self, digest: Digest) -> Option<Arc<LoadedPlugin>> {
        lock(&self.loaded).get(&digest).map(Arc::clone)
    }

    /// What the tenant has granted to the plugin, if that is in memory.
    pub(crate) fn granted_known(&self, tenant: &TenantId, plugin: &str) -> Option<Arc<BTreeSet<Capability>>> {
        self.granted.get(&(tenant.clone(), plugin.to_owned()))
    }

    /// The compiled component, which the tenant's run is pinned to.
    pub(crate) async fn load(&self, tenant: &TenantId, digest: Digest) -> Result<Arc<LoadedPlugin>, Failure> {
        if let Some(plugin) = self.loaded(digest) {
            return Ok(plugin);
        }
        let (blobs, owner) = (self.blobs.clone(), tenant.clone());
        let bytes = super::blocking(move || blobs.get(&owner, &digest)).await.map_err(|error| {
            Failure::storage(format!("the component of plugin {digest} cannot be read"), &error)
        })?;
        let plugin = self.sandbox.load(bytes).await.map_err(|error| not_loaded(digest, error))?;
        lock(&self.loaded).insert(digest, Arc::clone(&plugin));
        Ok(plugin)
    }

    /// Load a component, check what it says of itself, and let new runs of the tenant take it.
    pub(crate) async fn add(
        &self,
        tenant: &TenantId,
        bytes: Bytes,
        source: PluginSource,
    ) -> Result<PluginRow> {
        let plugin = self.sandbox.load(bytes.as_ref()).await.map_err(refused)?;
        let manifest = plugin.manifest();
        let row = PluginRow {
            digest: plugin.digest(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            manifest: serde_json::to_string(manifest)
                .map_err(|error| Error::internal("the manifest cannot be stored", error))?,
            size: bytes.len() as u64,
            source,
            active: true,
            created_at: Timestamp::now(),
        };
        self.check_workflows(tenant, manifest, row.digest).await?;
        lock(&self.loaded).insert(row.digest, Arc::clone(&plugin));
        let _session = self.blobs.session();
        let (blobs, owner) = (self.blobs.clone(), tenant.clone());
        super::blocking(move || blobs.put(&owner, &bytes)).await.map_err(|error| {
            Error::unavailable(format!("the component could not be stored: {}", io_reason(&error)), error)
        })?;
        let put = self.store.tenant(tenant).plugin_put(&row).await;
        // Also if its answer was lost.
        self.changed(tenant);
        put?;
        Ok(row)
    }

    /// A plugin whose own workflows could never start is refused at the door, with everything that is wrong with them.
    async fn check_workflows(&self, tenant: &TenantId, manifest: &Manifest, digest: Digest) -> Result<()> {
        let mut active = ActivePlugins::clone(&*self.active(tenant).await?);
        active.by_name.insert(manifest.name.clone(), (digest, Arc::new(manifest.clone())));
        let mut problems = Vec::new();
        for (i, workflow) in manifest.workflows.iter().enumerate() {
            if let Err(more) = self.checks.run(|| Plan::new(workflow, &active)).await? {
                problems.extend(more.into_iter().map(|mut problem| {
                    problem.path = format!("/workflows/{i}{}", problem.path);
                    problem
                }));
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let message = format!("plugin {} cannot be loaded: its workflows cannot run", manifest.name);
        Err(Error::invalid(message).with_problems(problems))
    }

    /// Load the plugins that the binary carries. One that somebody replaced stays replaced, and one that somebody removed
    /// stays removed, also when the binary carries a new version.
    pub(crate) async fn add_bundled(
        &self,
        tenant: &TenantId,
        bundled: &[(&str, &'static [u8])],
    ) -> Result<()> {
        let store = self.store.tenant(tenant);
        let active = store.plugin_list().await?;
        for (name, bytes) in bundled {
            let digest = Digest::of(bytes);
            let skip = match active.iter().find(|row| row.name == *name) {
                Some(row) => row.digest == digest || row.source == PluginSource::Uploaded,
                // It was here before, and somebody removed it.
                None => store.plugin_known(name).await?,
            };
            if !skip {
                let row = self.add(tenant, Bytes::from_static(bytes), PluginSource::Bundled).await?;
                tracing::info!(plugin = row.name, version = row.version, %digest, "bundled plugin loaded");
            }
        }
        Ok(())
    }

    /// The tenant's active plugins, as planning asks for them.
    pub(crate) async fn active(&self, tenant: &TenantId) -> Result<Arc<ActivePlugins>> {
        let read = async {
            let mut by_name = BTreeMap::new();
            for row in self.store.tenant(tenant).plugin_list().await? {
                let manifest = self.manifest(&row)?;
                by_name.insert(row.name, (row.digest, manifest));
            }
            Ok(ActivePlugins { by_name })
        };
        self.active.get_or_read(tenant.clone(), |_| 1, read).await
    }

    /// A plugin, a grant or a workflow of the tenant has been written: what is kept of them is read anew.
    pub(crate) fn changed(&self, tenant: &TenantId) {
        self.active.forget(|of| of == tenant);
        self.granted.forget(|(of, _)| of == tenant);
        self.planned.forget(|(of, ..)| of == tenant);
    }

    /// What runs of a workflow were planned from.
    pub(super) fn planned(&self) -> &Cache<PlannedKey, Planned> {
        &self.planned
    }

    /// What the tenant has granted to the plugin.
    pub(crate) async fn granted(
        &self,
        tenant: &TenantId,
        plugin: &str,
    ) -> Result<Arc<BTreeSet<Capability>>, Failure> {
        let read = async {
            let rows = self.store.tenant(tenant).grant_list(plugin).await.map_err(|error| {
                Failure::new(FailureKind::Host, format!("the plugin's grants cannot be read: {error}"))
            })?;
            Ok(rows.into_iter().map(|row| row.capability).collect())
        };
        self.granted.get_or_read((tenant.clone(), plugin.to_owned()), |_| 1, read).await
    }

    /// A plugin's manifest.
    pub(crate) fn manifest(&self, row: &PluginRow) -> Result<Arc<Manifest>> {
        if let Some(manifest) = lock(&self.manifests).get(&row.digest) {
            return Ok(Arc::clone(manifest));
        }
        let manifest: Manifest = serde_json::from_str(&row.manifest).map_err(|error| {
            Error::internal(format!("the stored manifest of plugin {} cannot be read", row.name), error)
        })?;
        let manifest = Arc::new(manifest);
        lock(&self.manifests).insert(row.digest, Arc::clone(&manifest));
        Ok(manifest)
    }
}

impl Tenant {
    /// Load a plugin that the binary carries, in place of the one of its name or because it was removed.
    ///
    /// # Errors
    /// `NotFound` if the binary carries none of that name.
    pub async fn plugin_add_bundled(&self, name: &str) -> Result<PluginRow> {
        let bundled = crate::plugins::bundled();
        let Some((_, bytes)) = bundled.iter().find(|(bundled, _)| *bundled == name) else {
            let names: Vec<&str> = bundled.iter().map(|(name, _)| *name).collect();
            let message = format!("heddle itself brings no plugin {name:?}; it brings: {}", names.join(", "));
            return Err(Error::new(Code::NotFound, message));
        };
        self.engine.plugins.add(self.id(), Bytes::from_static(bytes), PluginSource::Bundled).await
    }
}

/// A tenant's active plugins by name.
#[derive(Clone)]
pub(crate) struct ActivePlugins {
    by_name: BTreeMap<String, (Digest, Arc<Manifest>)>,
}

impl ActivePlugins {
    /// The workflows that they ship, by name. Of two with the same name, the first plugin's counts.
    pub(crate) fn workflows(&self) -> BTreeMap<String, WorkflowInfo> {
        let mut workflows = BTreeMap::new();
        for (plugin, (digest, manifest)) in &self.by_name {
            for workflow in &manifest.workflows {
                workflows.entry(workflow.name.clone()).or_insert_with(|| WorkflowInfo {
                    workflow: Arc::new(workflow.clone()),
                    source: WorkflowSource::Plugin { name: plugin.clone(), digest: *digest },
                });
            }
        }
        workflows
    }
}

impl Surroundings for ActivePlugins {
    fn plugin(&self, name: &str) -> Option<(Digest, Arc<Manifest>)> {
        self.by_name.get(name).cloned()
    }

    fn plugin_names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    fn workflow(&self, name: &str) -> Option<Arc<Workflow>> {
        let mut all = self.by_name.values().flat_map(|(_, manifest)| &manifest.workflows);
        all.find(|workflow| workflow.name == name).cloned().map(Arc::new)
    }

    fn workflow_names(&self) -> Vec<String> {
        self.workflows().into_keys().collect()
    }
}

/// Why an attempt has no component: whether the plugin or the host is at fault.
fn not_loaded(digest: Digest, error: LoadError) -> Failure {
    match error {
        LoadError::Storage { what, error } => {
            tracing::error!(plugin = %digest, %error, "{what} failed");
            Failure::storage(format!("plugin {digest} cannot be loaded: {what} failed"), &error)
        }
        LoadError::Compiler { message } => {
            Failure::new(FailureKind::Host, format!("plugin {digest} cannot be compiled: {message}"))
        }
        other => Failure::new(FailureKind::PluginUnavailable, other.to_string()),
    }
}

/// Why a component was not loaded, for the one who brought it.
fn refused(error: LoadError) -> Error {
    match error {
        LoadError::Manifest { problems } => {
            Error::invalid("the plugin's manifest cannot be used").with_problems(problems)
        }
        LoadError::TooLarge { .. } => Error::new(Code::TooLarge, error.to_string()),
        LoadError::Storage { .. } => Error::unavailable(error.to_string(), error),
        LoadError::Compiler { .. } => Error::internal(error.to_string(), error),
        other => Error::invalid(other.to_string()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
