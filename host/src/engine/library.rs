//! A tenant's workflows: those that plugins ship, which nobody changes, and its own, of which every version stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Tenant,
    catalogue::NAMES_TOLD,
    definition::{Draft, document, draft, no_definition},
    plan::{
        Plan, Surroundings,
        bounds::{MAX_PARTS, MAX_PARTS_BYTES},
    },
    plugins::ActivePlugins,
};
use crate::{
    error::{Error, Result},
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
    pub(super) plugins: Arc<ActivePlugins>,
    custom: BTreeMap<String, Arc<Workflow>>,
    /// Names of the tenant's own, for whoever names one that is not there.
    own: Vec<String>,
}

impl Surroundings for Library {
    fn plugin(&self, name: &str) -> Option<(Digest, Arc<Manifest>)> {
        self.plugins.plugin(name)
    }

    fn plugin_names(&self) -> Vec<String> {
        self.plugins.plugin_names()
    }

    fn workflow(&self, name: &str) -> Option<Arc<Workflow>> {
        self.plugins.workflow(name).or_else(|| self.custom.get(name).cloned())
    }

    fn workflow_names(&self) -> Vec<String> {
        let names: BTreeSet<String> =
            self.plugins.workflow_names().into_iter().chain(self.own.iter().cloned()).collect();
        names.into_iter().collect()
    }
}

impl Tenant {
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
        Err(self.no_workflow(&shipped, name, version).await?)
    }

    /// Read a definition: JSON or YAML.
    ///
    /// # Errors
    /// As [`parse`](super::definition::parse), and then with what is wrong with the rest.
    pub async fn definition(&self, text: &[u8]) -> Result<Workflow> {
        let read = self.engine.checks.run(|| document(text).and_then(draft)).await??;
        let Draft { mut problems, workflow, partial } = read;
        let Some(workflow) = workflow else { return Err(no_definition(problems)) };
        if problems.is_empty() {
            return Ok(workflow);
        }
        // What is left is looked at as well, so that it need not be sent again to hear of the rest.
        let plugins = self.engine.plugins.active(self.id()).await?;
        let library = self.library(plugins, &workflow).await?;
        problems.extend(self.engine.checks.run(|| rest(&workflow, &partial, &library)).await?);
        Err(no_definition(problems))
    }

    /// Everything that is wrong with a definition; nothing if it can run.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn workflow_problems(&self, workflow: &Workflow) -> Result<Vec<Problem>> {
        let plugins = self.engine.plugins.active(self.id()).await?;
        let library = self.library(plugins, workflow).await?;
        let plan = self.engine.checks.run(|| Plan::new(workflow, &library)).await?;
        Ok(plan.err().unwrap_or_default())
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
        let most = self.engine.config.bounds.workflow_versions;
        let put = self.store().workflow_put(&row, most).await;
        self.engine.plugins.changed(self.id());
        match put {
            Ok(()) => custom(&row),
            Err(StoreError::Full) => Err(Error::conflict(format!(
                "there are {most} versions of workflows, deleted ones too, and no more may be; definitions can also be sent with the runs' starts"
            ))),
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
        let deleted = self.store().workflow_delete(name, version).await;
        self.engine.plugins.changed(self.id());
        if deleted? {
            return Ok(());
        }
        let info = self.workflow(name, version).await?;
        Err(Error::conflict(format!("workflow {} is a plugin's: remove the plugin", info.workflow.name)))
    }

    /// The plugins, with those of the tenant's own workflows that a definition is made of, and those that these are.
    pub(super) async fn library(&self, plugins: Arc<ActivePlugins>, workflow: &Workflow) -> Result<Library> {
        let mut library = Library { plugins, custom: BTreeMap::new(), own: Vec::new() };
        let mut open: Vec<String> = parts(&workflow.steps);
        let mut bytes = 0;
        while let Some(name) = open.pop() {
            if library.workflow(&name).is_some() {
                continue;
            }
            // What is not there, planning says with its place.
            let Some(row) = self.store().workflow_get(&name, None).await? else {
                library.own = self.store().workflow_names("", NAMES_TOLD).await?;
                continue;
            };
            // Planning says that it is too much: it sees that many, and refuses them.
            bytes += row.body.len();
            if library.custom.len() > MAX_PARTS || bytes > 2 * MAX_PARTS_BYTES {
                let message = format!(
                    "workflow {}: a workflow may be made of {MAX_PARTS} others with {MAX_PARTS_BYTES} bytes at the most",
                    workflow.name
                );
                return Err(Error::invalid(message));
            }
            let info = custom(&row)?;
            open.extend(parts(&info.workflow.steps));
            library.custom.insert(name, info.workflow);
        }
        Ok(library)
    }
}

/// What is wrong with the steps that could be read, while others could not: what these would be is left open.
fn rest(workflow: &Workflow, partial: &BTreeSet<usize>, library: &Library) -> Vec<Problem> {
    let place =
        |path: &str| -> Option<usize> { path.strip_prefix("/steps/")?.split('/').next()?.parse().ok() };
    let names: BTreeSet<&str> =
        partial.iter().filter_map(|&i| workflow.steps.get(i)).map(|step| step.name.as_str()).collect();
    let depends_on_partial = |problem: &Problem| {
        let mut path = problem.path.split('/').skip(3);
        let (key, k) = (path.next(), path.next().and_then(|k| k.parse::<usize>().ok()));
        let step = place(&problem.path).and_then(|i| workflow.steps.get(i));
        let name = step.zip(k).and_then(|(step, k)| step.depends_on.get(k));
        key == Some("depends_on")
            && name.is_some_and(|name| names.contains(name.split('.').next().unwrap_or_default()))
    };
    let problems = Plan::problems_of_draft(workflow, library);
    let told = |problem: &Problem| {
        // What was left out of the whole is not missed.
        place(&problem.path).is_some_and(|i| !partial.contains(&i)) && !depends_on_partial(problem)
    };
    problems.into_iter().filter(told).collect()
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

pub(super) fn custom(row: &WorkflowRow) -> Result<WorkflowInfo> {
    let workflow: Workflow = serde_json::from_str(&row.body).map_err(|error| {
        let message = format!("the stored workflow {} {} cannot be read", row.name, row.version);
        Error::internal(message, error)
    })?;
    let source = WorkflowSource::Custom { digest: row.digest, created_at: row.created_at };
    Ok(WorkflowInfo { workflow: Arc::new(workflow), source })
}
