//! Starting a run: everything is checked before the first row is written.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::oneshot;

use super::{
    Tenant,
    attempt::write_value,
    awaited::End,
    core::Machine,
    driver::Message,
    library::Library,
    plan::{Plan, Surroundings as _},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        Digest, FailureKind, Problem, RunId, RunState, ScheduleId, StepDefinition, Timestamp, UploadId,
        Workflow, io_reason,
    },
    schema::Validator,
    store::{BlobRef, Creation, IdempotencyKey, InputFile, RunRow, StoreError},
};

/// What a run is started with.
#[derive(Debug, Clone, Default)]
pub struct StartRun {
    /// The workflow's name.
    pub workflow: String,
    /// Which version of one of the tenant's own workflows. Absent, the newest.
    pub version: Option<String>,
    /// A definition for this run alone, in place of a workflow by name.
    pub definition: Option<Box<Workflow>>,
    /// The input: JSON text of an object.
    pub input: String,
    /// Uploaded files.
    pub files: Vec<StartFile>,
    /// All randomness of the run comes from it. Absent, it is derived from the plan and the input, so that the same
    /// run gives the same bytes.
    pub seed: Option<u64>,
    /// The clock that the phases see. Absent, it is the time of the start.
    pub as_of: Option<Timestamp>,
    /// Whether its steps begin by themselves; if not, each result waits for a review.
    pub auto_run: Option<bool>,
    /// Of the runs that wait for a place, the one with the highest goes first. Absent, 0.
    pub priority: Option<i32>,
    /// It starts no earlier. Absent, at once.
    pub start_at: Option<Timestamp>,
    /// The client's key for sending the same request again.
    pub idempotency_key: Option<String>,
    /// The schedule that starts it.
    pub schedule: Option<ScheduleId>,
}

/// A file that a run is started with.
#[derive(Debug, Clone)]
pub struct StartFile {
    /// The upload.
    pub upload: UploadId,
    /// Its name in the run; absent, as it was uploaded.
    pub name: Option<String>,
}

/// A run that was started, now or by an earlier request with the same key.
#[derive(Debug, Clone, Copy)]
pub struct StartedRun {
    /// The run.
    pub id: RunId,
    /// Whether an earlier request started it.
    pub replayed: bool,
}

/// What a run will execute, and how its input is looked at.
pub(super) struct Planned {
    workflow: Arc<Workflow>,
    library: Library,
    plan: Arc<Plan>,
    input_schema: Result<Validator, String>,
}

impl Tenant {
    /// Start a run. When this returns, the run is durable.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong, `NotFound` for the workflow or an upload, `Conflict` if too many runs are
    /// open, `IdempotencyMismatch` if the
    /// key was used for another request, `Unavailable` if it could not be committed.
    pub async fn run_start(&self, start: StartRun) -> Result<StartedRun> {
        self.start(start, None).await
    }

    /// The same; `end` is told of its end.
    pub(super) async fn start(&self, start: StartRun, end: Option<End>) -> Result<StartedRun> {
        if self.engine.observes() {
            let message = "no run can start here: this process only looks at the data directory, and none runs on it; start `heddle serve`, or use `heddle run`";
            return Err(Error::new(Code::Unavailable, message));
        }
        let _session = self.engine.blobs.session();
        // What is kept in memory does not tell: the run would wait until the database is back, and its caller with it.
        self.engine.store.check_writable().await?;
        let request = request_digest(&start);
        if let Some(key) = &start.idempotency_key
            && let Some(started) = self.replayed(key, request).await?
        {
            return Ok(started);
        }
        let limit = self.engine.config.max_input_bytes;
        if start.input.len() as u64 > limit {
            let message = format!("the input has {} bytes; at most {limit} are allowed", start.input.len());
            return Err(Error::new(Code::TooLarge, message));
        }
        let planned = self.planned(&start).await?;
        let Planned { workflow, plan, .. } = &*planned;
        let files = self.input_files(workflow, &start.files).await?;
        self.check_input(&planned, &start.input, !files.is_empty()).await?;

        let input_digest = Digest::of(&start.input);
        let seed = match start.seed {
            Some(seed) => Digest::of(seed.to_le_bytes()),
            None => Digest::of([plan.digest.as_bytes().as_slice(), input_digest.as_bytes()].concat()),
        };
        let unstored = |error| {
            Error::unavailable(format!("the input could not be stored: {}", io_reason(&error)), error)
        };
        let input = write_value(&self.engine.blobs, self.id(), start.input).await.map_err(unstored)?;
        let now = Timestamp::now();
        let run = RunRow {
            id: RunId::new(),
            workflow: workflow.name.clone(),
            workflow_version: workflow.version.clone(),
            plan: plan.digest,
            state: RunState::Pending,
            input,
            files: files.into(),
            seed,
            as_of: start.as_of.unwrap_or(now),
            owner: self.engine.host,
            epoch: 1,
            rev: 0,
            event_seq: 0,
            failure: None,
            auto_run: start.auto_run.unwrap_or(true),
            priority: start.priority.unwrap_or(0),
            start_at: start.start_at,
            schedule: start.schedule,
            forked_from: None,
            forked_at: None,
            created_at: now,
            started_at: None,
            finished_at: None,
        };
        let key = start.idempotency_key.map(|key| IdempotencyKey { key, request });
        self.create(run, Arc::clone(plan), key, end).await
    }

    /// Plan what is to be started.
    pub(super) async fn planned(&self, start: &StartRun) -> Result<Arc<Planned>> {
        if start.definition.is_some() {
            return Ok(Arc::new(self.plan(start).await?));
        }
        let key = (self.id().clone(), start.workflow.clone(), start.version.clone());
        let weight = |planned: &Planned| planned.plan.json.len();
        self.engine.plugins.planned().get_or_read(key, weight, self.plan(start)).await
    }

    async fn plan(&self, start: &StartRun) -> Result<Planned> {
        // One look at the plugins for all that follows: they may be replaced or removed meanwhile.
        let active = self.engine.plugins.active(self.id()).await?;
        let workflow = match &start.definition {
            Some(definition) => Arc::new((**definition).clone()),
            None => self.workflow_of(&active, &start.workflow, start.version.as_deref()).await?.workflow,
        };
        let library = self.library(active, &workflow).await?;
        let plan = self.engine.checks.run(|| Plan::new(&workflow, &library)).await?.map_err(|problems| {
            Error::invalid(format!("workflow {} cannot run", workflow.name)).with_problems(problems)
        })?;
        let input_schema = self.engine.checks.run(|| crate::schema::compile(&workflow.input_schema)).await?;
        Ok(Planned { workflow, library, plan: Arc::new(plan), input_schema })
    }

    async fn create(
        &self,
        run: RunRow,
        plan: Arc<Plan>,
        key: Option<IdempotencyKey>,
        end: Option<End>,
    ) -> Result<StartedRun> {
        let creation = Creation { plan: plan.json.clone(), idempotency: key.clone() };
        let mut machine =
            Machine::create(self.id().clone(), plan, run.clone(), creation, self.actor(), run.created_at);
        if let crate::model::Value::Blob { blob, size } = run.input {
            machine.name_blob(BlobRef { digest: blob, size });
        }
        self.created(machine, &run, key, end).await
    }

    /// Hand a new run to the driver, and wait until it is durable.
    pub(super) async fn created(
        &self,
        machine: Machine,
        run: &RunRow,
        key: Option<IdempotencyKey>,
        end: Option<End>,
    ) -> Result<StartedRun> {
        let (reply, answer) = oneshot::channel();
        self.engine.driver.send(Message::Create(Box::new(machine), reply, end));
        match answer.await {
            Ok(Ok(())) => Ok(StartedRun { id: run.id, replayed: false }),
            // Another request with the same key was faster.
            Ok(Err(StoreError::KeyInUse)) => match key {
                Some(key) => {
                    self.replayed(&key.key, key.request).await?.ok_or_else(|| StoreError::KeyInUse.into())
                }
                None => Err(StoreError::KeyInUse.into()),
            },
            Ok(Err(StoreError::Full)) => Err(Error::conflict(format!(
                "{} runs have not ended, and no more may be open; wait for some, or cancel them",
                self.engine.config.bounds.open_runs
            ))),
            Ok(Err(error)) => Err(error.into()),
            Err(closed) => Err(Error::unavailable("the host is shutting down", closed)),
        }
    }

    async fn replayed(&self, key: &str, request: Digest) -> Result<Option<StartedRun>> {
        let Some((earlier, run)) = self.store().idempotency_get(key).await? else { return Ok(None) };
        if earlier.request != request {
            let message = format!(
                "the idempotency key {key:?} was used for another request (run {run}); use a new key"
            );
            return Err(Error::new(Code::IdempotencyMismatch, message));
        }
        Ok(Some(StartedRun { id: run, replayed: true }))
    }

    async fn input_files(&self, workflow: &Workflow, files: &[StartFile]) -> Result<Vec<InputFile>> {
        let Some(spec) = &workflow.files else {
            return match files.is_empty() {
                true => Ok(Vec::new()),
                false => Err(Error::invalid(format!("workflow {} takes no files", workflow.name))),
            };
        };
        let (mut found, mut problems, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (i, file) in files.iter().enumerate() {
            let upload = self.upload_get(file.upload).await?;
            let name = file.name.clone().unwrap_or(upload.filename);
            let ending = name.to_lowercase();
            if !spec.accept.is_empty()
                && !spec.accept.iter().any(|accepted| ending.ends_with(accepted.as_str()))
            {
                let message =
                    format!("{name:?}: the workflow takes files that end in {}", spec.accept.join(", "));
                problems.push(Problem::new(format!("/files/{i}"), message));
            }
            if let Err(message) = super::tenant::check_filename(&name) {
                problems.push(Problem::new(format!("/files/{i}/name"), message));
            }
            if !names.insert(name.clone()) {
                problems.push(Problem::new(format!("/files/{i}/name"), format!("{name:?} is there twice")));
            }
            found.push(InputFile {
                name,
                media_type: upload.media_type,
                size: upload.size,
                digest: upload.digest,
            });
        }
        if !problems.is_empty() {
            return Err(Error::invalid("the files do not fit the workflow").with_problems(problems));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The input against the workflow's schema, then against the first phases' own quick looks.
    pub(super) async fn check_input(&self, planned: &Planned, input: &str, has_files: bool) -> Result<()> {
        let Planned { workflow, library: Library { plugins: active, .. }, .. } = planned;
        let mut problems = self.engine.checks.run(|| by_schema(planned, input)).await??;
        // With files the input may be incomplete by design; without them the phases say what is missing.
        if problems.is_empty() && !has_files {
            for step in workflow.steps.iter().filter(|step| is_certain_to_take_the_input(step, workflow)) {
                let Some((plugin, phase)) = step.phase.as_deref().and_then(super::plan::split_phase) else {
                    continue;
                };
                let Some((digest, _)) = active.plugin(plugin) else { continue };
                let loaded = self.engine.plugins.load(self.id(), digest).await.map_err(|failure| {
                    Error::internal(format!("plugin {plugin} cannot be loaded: {failure}"), failure)
                })?;
                match self.engine.sandbox.validate(&loaded, phase, input).await {
                    Ok(found) => problems.extend(found),
                    // By the phase's own schema.
                    Err(failure) if failure.kind == FailureKind::InvalidInput => {
                        problems.extend(failure.problems);
                    }
                    Err(failure) => {
                        let message =
                            format!("phase {plugin}/{phase} could not look at the input: {failure}");
                        return Err(Error::invalid(message));
                    }
                }
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(format!("the input does not fit workflow {}", workflow.name))
            .with_problems(problems))
    }
}

/// What of an input does not fit the workflow's schema.
fn by_schema(planned: &Planned, input: &str) -> Result<Vec<Problem>> {
    let document = crate::sandbox::parse_json(input)
        .map_err(|error| Error::invalid(format!("the input is not JSON: {error}")))?;
    let unusable = |error: &String| Error::invalid(format!("workflow {}: {error}", planned.workflow.name));
    let schema = planned.input_schema.as_ref().map_err(unusable)?;
    Ok(match document.is_object() {
        true => crate::schema::check(schema, &document),
        false => vec![Problem::new("", "the input of a run is an object")],
    })
}

/// Whether the phase of a step gets the run's input as it is, whatever happens. What a mapping will bring is not known yet,
/// and a step that comes after others or stands in for one may never run.
fn is_certain_to_take_the_input(step: &StepDefinition, workflow: &Workflow) -> bool {
    let stands_in = || workflow.steps.iter().any(|other| other.fallback.as_ref() == Some(&step.name));
    step.input.is_none() && step.depends_on.is_empty() && step.skip_when.is_none() && !stands_in()
}

/// Of everything that makes a request the same request.
fn request_digest(start: &StartRun) -> Digest {
    let files: Vec<_> = start.files.iter().map(|f| (f.upload, f.name.as_deref())).collect();
    let parts = serde_json::json!([
        start.workflow,
        start.version,
        start.definition,
        Digest::of(&start.input),
        files,
        start.seed,
        start.as_of,
        start.auto_run,
        start.priority,
        start.start_at
    ]);
    Digest::of(parts.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_steps_that_are_certain_to_run_on_the_runs_input_have_a_look_at_it() {
        let workflow = Workflow::new("w")
            .step(StepDefinition::phase("first", "p/x").fallback("spare"))
            .step(StepDefinition::phase("spare", "p/x"))
            .step(StepDefinition::phase("mapped", "p/x").map("a", "input.a"))
            .step(StepDefinition::phase("perhaps", "p/x").skip_when("input.a"))
            .step(StepDefinition::condition("big", "input.n > 3"))
            .step(StepDefinition::phase("branch", "p/x").after("big.true"))
            .step(StepDefinition::phase("behind", "p/x").after("branch"))
            .step(StepDefinition::phase("beside", "p/x"));
        let certain = workflow.steps.iter().filter(|step| is_certain_to_take_the_input(step, &workflow));
        let phases = certain.filter(|step| step.phase.is_some()).map(|step| step.name.as_str());
        assert_eq!(phases.collect::<Vec<_>>(), ["first", "beside"]);
    }
}
