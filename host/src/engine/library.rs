//! A tenant's workflows: those that plugins ship, which nobody changes, and its own, of which every version stays.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use super::{
    Tenant,
    plan::{Plan, Surroundings},
    plugins::ActivePlugins,
};
use crate::{
    error::{Code, Error, Result},
    model::{Digest, Manifest, Problem, StepDefinition, Timestamp, Workflow},
    store::{StoreError, WorkflowRow},
};

/// A workflow that a run can be started from.
#[derive(Debug, Clone)]
pub struct WorkflowInfo {
    /// The definition.
    pub workflow: Arc<Workflow>,
    /// Where it comes from.
    pub source: WorkflowSource,
}

/// Where a workflow comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkflowSource {
    /// A plugin ships it.
    Plugin {
        /// Its name.
        name: String,
        /// Of its component.
        digest: Digest,
    },
    /// The tenant saved it.
    Custom {
        /// Of the definition.
        digest: Digest,
        /// When it was saved.
        created_at: Timestamp,
    },
}

/// What planning must know of: the active plugins, and those of the tenant's own workflows that a definition needs.
pub(super) struct Library {
    pub(super) plugins: ActivePlugins,
    custom: BTreeMap<String, Arc<Workflow>>,
}

impl Surroundings for Library {
    fn plugin(&self, name: &str) -> Option<(Digest, Arc<Manifest>)> {
        self.plugins.plugin(name)
    }

    fn plugin_names(&self) -> Vec<String> {
        self.plugins.plugin_names()
    }

    fn workflow(&self, name: &str) -> Option<Workflow> {
        self.plugins.workflow(name).or_else(|| self.custom.get(name).map(|found| (**found).clone()))
    }

    fn workflow_names(&self) -> Vec<String> {
        self.plugins.workflow_names().into_iter().chain(self.custom.keys().cloned()).collect()
    }
}

impl Tenant {
    /// The workflows that a run can be started from, by name; of the tenant's own the newest version.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn workflows(&self) -> Result<Vec<WorkflowInfo>> {
        let mut found = self.engine.plugins.active(self.id()).await?.workflows();
        for row in self.store().workflow_list().await? {
            // The newest comes first, and a plugin's before any.
            if let Entry::Vacant(place) = found.entry(row.name.clone()) {
                place.insert(custom(&row)?);
            }
        }
        Ok(found.into_values().collect())
    }

    /// A workflow by name; of the tenant's own the newest version, unless one is named.
    ///
    /// # Errors
    /// `NotFound`, with the names that there are.
    pub async fn workflow(&self, name: &str, version: Option<&str>) -> Result<WorkflowInfo> {
        let plugins = self.engine.plugins.active(self.id()).await?;
        self.workflow_of(&plugins, name, version).await
    }

    pub(super) async fn workflow_of(
        &self,
        plugins: &ActivePlugins,
        name: &str,
        version: Option<&str>,
    ) -> Result<WorkflowInfo> {
        let shipped = plugins.workflows();
        let is_wanted = |info: &&WorkflowInfo| version.is_none_or(|version| version == info.workflow.version);
        if let Some(info) = shipped.get(name).filter(is_wanted) {
            return Ok(info.clone());
        }
        if let Some(row) = self.store().workflow_get(name, version).await? {
            return custom(&row);
        }
        let own = self.store().workflow_list().await?;
        let versions: Vec<&str> = match shipped.get(name) {
            Some(info) => vec![&info.workflow.version],
            None => own.iter().filter(|row| row.name == name).map(|row| row.version.as_str()).collect(),
        };
        if let (Some(version), false) = (version, versions.is_empty()) {
            let message =
                format!("workflow {name} has no version {version}; there are: {}", versions.join(", "));
            return Err(Error::new(Code::NotFound, message));
        }
        let names: BTreeSet<&str> =
            shipped.keys().map(String::as_str).chain(own.iter().map(|row| row.name.as_str())).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let message = format!("there is no workflow {name:?}; there are: {}", names.join(", "));
        Err(Error::new(Code::NotFound, message))
    }

    /// Every version of one of the tenant's own workflows, the newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow_versions(&self, name: &str) -> Result<Vec<WorkflowInfo>> {
        let rows = self.store().workflow_list().await?;
        let found: Vec<WorkflowInfo> =
            rows.iter().filter(|row| row.name == name).map(custom).collect::<Result<_>>()?;
        if found.is_empty() {
            return Ok(vec![self.workflow(name, None).await?]);
        }
        Ok(found)
    }

    /// Everything that is wrong with a definition; nothing if it can run.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn workflow_problems(&self, workflow: &Workflow) -> Result<Vec<Problem>> {
        let plugins = self.engine.plugins.active(self.id()).await?;
        let library = self.library(plugins, workflow).await?;
        Ok(Plan::new(workflow, &library).err().unwrap_or_default())
    }

    /// Save a version of a workflow. A version never changes; saved again it is the same.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong; `Conflict` if that version has another definition, or the name is a
    /// plugin's.
    pub async fn workflow_create(&self, workflow: Workflow) -> Result<WorkflowInfo> {
        let name = &workflow.name;
        let plugins = self.engine.plugins.active(self.id()).await?;
        if let Some(info) = plugins.workflows().get(name) {
            let by = match &info.source {
                WorkflowSource::Plugin { name, .. } => format!("plugin {name}"),
                WorkflowSource::Custom { .. } => "a plugin".to_owned(),
            };
            return Err(Error::conflict(format!("workflow {name} is shipped by {by}; give it another name")));
        }
        let version = &workflow.version;
        if let Err(error) = semver::Version::parse(version) {
            let problem = Problem::new("/version", format!("{version:?} is no semantic version: {error}"));
            return Err(
                Error::invalid(format!("workflow {name} cannot be saved")).with_problems(vec![problem])
            );
        }
        let problems = self.workflow_problems(&workflow).await?;
        if !problems.is_empty() {
            return Err(Error::invalid(format!("workflow {name} cannot run")).with_problems(problems));
        }
        let body = serde_json::to_string(&workflow)
            .map_err(|error| Error::internal("the definition cannot be stored", error))?;
        let row = WorkflowRow {
            name: name.clone(),
            version: version.clone(),
            digest: Digest::of(&body),
            body,
            created_at: Timestamp::now(),
        };
        match self.store().workflow_put(&row).await {
            Ok(()) => custom(&row),
            Err(StoreError::Exists) => Err(Error::conflict(format!(
                "version {version} of workflow {name} is saved with another definition, and never changes; raise the version"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Let no new run take a version of a workflow, or any of its versions. Runs that were started go on.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if a plugin ships it.
    pub async fn workflow_delete(&self, name: &str, version: Option<&str>) -> Result<()> {
        if self.store().workflow_delete(name, version).await? {
            return Ok(());
        }
        let info = self.workflow(name, version).await?;
        Err(Error::conflict(format!("workflow {} is a plugin's: remove the plugin", info.workflow.name)))
    }

    /// The plugins, with those of the tenant's own workflows that a definition is made of, and those that these are.
    pub(super) async fn library(&self, plugins: ActivePlugins, workflow: &Workflow) -> Result<Library> {
        let mut library = Library { plugins, custom: BTreeMap::new() };
        let mut open: Vec<String> = parts(&workflow.steps);
        while let Some(name) = open.pop() {
            if library.workflow(&name).is_some() {
                continue;
            }
            // What is not there, planning says with its place.
            let Some(row) = self.store().workflow_get(&name, None).await? else { continue };
            let info = custom(&row)?;
            open.extend(parts(&info.workflow.steps));
            library.custom.insert(name, info.workflow);
        }
        Ok(library)
    }
}

/// The names of the workflows that steps run as parts of theirs.
fn parts(steps: &[StepDefinition]) -> Vec<String> {
    let mut names = Vec::new();
    let mut open: Vec<&StepDefinition> = steps.iter().collect();
    while let Some(step) = open.pop() {
        names.extend(step.workflow.as_ref().map(|part| part.name.clone()));
        open.extend(step.nodes().filter_map(|node| node.body()));
    }
    names
}

fn custom(row: &WorkflowRow) -> Result<WorkflowInfo> {
    let workflow: Workflow = serde_json::from_str(&row.body).map_err(|error| {
        let message = format!("the stored workflow {} {} cannot be read", row.name, row.version);
        Error::internal(message, error)
    })?;
    let source = WorkflowSource::Custom { digest: row.digest, created_at: row.created_at };
    Ok(WorkflowInfo { workflow: Arc::new(workflow), source })
}
