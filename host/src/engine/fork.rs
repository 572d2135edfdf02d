//! New runs made of earlier ones: a fork at a step, and one phase by itself on a run's results.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{
    RunDetail, Tenant,
    core::{Machine, Snapshot},
    plan::{Plan, PlanBody, Surroundings as _, split_phase},
    problems::list,
};
use crate::{
    error::{Error, Result},
    model::{Overrides, RunId, RunState, StepDefinition, Timestamp},
    store::{Creation, RunRow},
};

/// How a run is forked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForkRun {
    /// The step that is done anew, and with it what comes after it. Absent: everything is.
    pub step: Option<String>,
    /// What is to be different at that step.
    pub overrides: Overrides,
    /// Take the plugins that are active now, in place of those that the run is pinned to.
    pub upgrade: bool,
}

/// A phase that is run by itself on a run's results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhaseRun {
    /// A step of the run, or else
    pub step: Option<String>,
    /// any phase, `PLUGIN/PHASE`.
    pub phase: Option<String>,
    /// Prompt and input. A phase that is no step of the run needs an input.
    pub overrides: Overrides,
    /// The configuration; absent, a step's own.
    pub config: Option<Value>,
}

impl Tenant {
    /// Fork a run at a step: a new run, which has taken over what does not depend on that step.
    ///
    /// # Errors
    /// `NotFound` for the run or the step; `Invalid` for the overrides, or if the workflow does not fit the active plugins;
    /// `Unavailable` if it could not be committed.
    pub async fn run_fork(&self, id: RunId, fork: ForkRun) -> Result<RunDetail> {
        let _session = self.engine.blobs.session();
        if let Some(step) = &fork.step {
            self.check_overrides(id, step, &fork.overrides).await?;
        } else if !fork.overrides.is_empty() {
            return Err(Error::invalid("name the step that is to have this prompt or input"));
        }
        let source = self.snapshot(id).await?;
        if let Some(step) = &fork.step {
            own_step(&source, step)?;
        }
        let body = match fork.upgrade {
            false => source.plan.body.clone(),
            true => {
                let workflow = source.plan.body.workflow.clone();
                let active = self.engine.plugins.active(self.id()).await?;
                let library = self.library(active, &workflow).await?;
                let problems = |problems| {
                    Error::invalid(format!("workflow {} does not fit the active plugins", workflow.name))
                        .with_problems(problems)
                };
                self.engine.checks.run(|| Plan::new(&workflow, &library)).await?.map_err(problems)?.body
            }
        };
        self.forked(source, body, fork.step, fork.overrides).await
    }

    /// Run one phase by itself on a run's results, as a run of its own that is forked from it.
    ///
    /// # Errors
    /// As [`Self::run_fork`]; `Conflict` if the steps that it needs have not ended well.
    pub async fn run_phase(&self, id: RunId, phase: PhaseRun) -> Result<RunDetail> {
        let _session = self.engine.blobs.session();
        let source = self.snapshot(id).await?;
        let mut body = source.plan.body.clone();
        body.workflow.output = None;
        let name = match (&phase.step, &phase.phase) {
            (Some(step), None) => {
                self.check_overrides(id, step, &phase.overrides).await?;
                let local = own_step(&source, step)?;
                let graph = &source.plan.layouts[0].graph;
                let mut wanted: BTreeSet<usize> = graph.ancestors(local);
                wanted.insert(local);
                body.workflow.steps =
                    wanted.iter().map(|&i| source.plan.layouts[0].steps[i].clone()).collect();
                step.clone()
            }
            (None, Some(name)) => self.add_phase(&source, &mut body, name, &phase.overrides).await?,
            _ => return Err(Error::invalid("say either a step of the run, or a phase")),
        };
        for step in body.workflow.steps.iter_mut().filter(|step| step.name == name) {
            step.config = phase.config.clone().unwrap_or_else(|| step.config.clone());
            step.fallback = None;
        }
        let needed = body.workflow.steps.iter().filter(|step| step.name != name);
        let open: Vec<String> = needed
            .filter(|step| {
                let row = source.steps.iter().find(|row| row.name == step.name);
                row.is_none_or(|row| !row.state.is_terminal())
            })
            .map(|step| step.name.clone())
            .collect();
        if !open.is_empty() {
            return Err(Error::conflict(format!(
                "{name} needs what has not ended in run {id}: {}",
                list(open)
            )));
        }
        self.forked(source, body, Some(name), phase.overrides).await
    }

    /// Let a plan have one more step, a phase that sees all that is there. Returns its name.
    async fn add_phase(
        &self,
        source: &Snapshot,
        body: &mut PlanBody,
        phase: &str,
        overrides: &Overrides,
    ) -> Result<String> {
        let (plugin, spec) = split_phase(phase)
            .ok_or_else(|| Error::invalid(format!("{phase:?} names no phase; the form is PLUGIN/PHASE")))?;
        let digest = match body.plugins.get(plugin) {
            Some(digest) => *digest,
            None => {
                let active = self.engine.plugins.active(self.id()).await?;
                active.plugin(plugin).ok_or_else(|| Error::not_found("plugin", plugin))?.0
            }
        };
        let (_, manifest) = self.plugin(&digest.to_string()).await?;
        let spec = manifest.phase(spec).ok_or_else(|| Error::not_found("phase", phase))?;
        let input = overrides.input.as_ref().ok_or_else(|| Error::invalid("input: the phase needs one"))?;
        let check =
            || crate::schema::compile(&spec.input_schema).map(|schema| crate::schema::check(&schema, input));
        let problems = (self.engine.checks.run(check).await?)
            .map_err(|error| Error::invalid(format!("phase {phase}: {error}")))?;
        if !problems.is_empty() {
            return Err(
                Error::invalid(format!("the input does not fit phase {phase}")).with_problems(problems)
            );
        }
        body.plugins.insert(plugin.to_owned(), digest);
        let layout = &source.plan.layouts[0];
        let completed = source.steps.iter().filter(|row| row.state == crate::model::StepState::Completed);
        let completed: BTreeSet<&str> = completed.map(|row| row.name.as_str()).collect();
        let ended: Vec<bool> =
            layout.steps.iter().map(|step| completed.contains(step.name.as_str())).collect();
        let reach = layout.graph.reach();
        let kept: BTreeSet<usize> =
            (0..layout.steps.len()).filter(|&i| ended[i] && reach.before(i).all(|j| ended[j])).collect();
        body.workflow.steps = kept.iter().map(|&i| layout.steps[i].clone()).collect();
        let mut name = spec.name.replace('-', "_");
        while body.workflow.steps.iter().any(|step| step.name == name) {
            name.push_str("_again");
        }
        let after = body.workflow.steps.iter().map(|step| step.name.clone()).collect();
        let step = StepDefinition { depends_on: after, ..StepDefinition::phase(&name, phase) };
        body.workflow.steps.push(step);
        Ok(name)
    }

    async fn forked(
        &self,
        source: Snapshot,
        body: PlanBody,
        step: Option<String>,
        overrides: Overrides,
    ) -> Result<RunDetail> {
        let name = body.workflow.name.clone();
        let plan = self.engine.checks.run(|| Plan::of(body)).await?.map_err(|problems| {
            Error::invalid(format!("workflow {name} cannot run")).with_problems(problems)
        })?;
        let now = Timestamp::now();
        let run = RunRow {
            id: RunId::new(),
            workflow_version: plan.body.workflow.version.clone(),
            plan: plan.digest,
            state: RunState::Pending,
            owner: self.engine.host,
            epoch: 1,
            rev: 0,
            event_seq: 0,
            failure: None,
            start_at: None,
            schedule: None,
            forked_from: Some(source.run.id),
            forked_at: step.clone(),
            created_at: now,
            started_at: None,
            finished_at: None,
            ..source.run.clone()
        };
        let creation = Creation { plan: plan.json.clone(), idempotency: None };
        let target = Snapshot {
            tenant: self.id().clone(),
            plan: Arc::new(plan),
            run: run.clone(),
            steps: Vec::new(),
            attempts: Vec::new(),
            artifacts: Vec::new(),
            shared: [].into(),
            host_calls: Vec::new(),
            approvals: Vec::new(),
        };
        let machine = Machine::fork(source, target, creation, step.as_deref(), &overrides, self.actor(), now);
        let started = self.created(machine, &run, None, None).await?;
        self.run(started.id).await
    }

    async fn snapshot(&self, id: RunId) -> Result<Snapshot> {
        let loader = self.engine.loader();
        loader.snapshot(self.id(), id).await
    }
}

/// The place of one of a run's own steps.
fn own_step(source: &Snapshot, name: &str) -> Result<usize> {
    let steps = &source.plan.layouts[0].steps;
    steps.iter().position(|step| step.name == name).ok_or_else(|| {
        let names = list(steps.iter().map(|step| &step.name));
        Error::new(
            crate::error::Code::NotFound,
            format!("run {} has no step {name:?} of its own; it has: {names}", source.run.id),
        )
    })
}
