//! Taking up runs: those of earlier hosts at the start, and those that had ended when somebody opens them again.

use std::{collections::HashSet, sync::Arc};

use super::{
    Engine,
    core::{Input, Machine, Snapshot},
    driver::Message,
    plan::Plan,
};
use crate::{
    error::{Error, Result},
    model::{AttemptState, HostId, RunId, StepState, TenantId},
    store::{StepRow, Store, WholeRun},
};

impl Engine {
    /// Own every run that has not ended, under a new epoch, and go on with it.
    ///
    /// A run that cannot be read is logged and left alone: one damaged row must not keep the host from starting.
    pub(super) async fn take_up_runs(&self) -> Result<()> {
        let runs = self.store.runs_take_up(self.host).await?;
        if !runs.is_empty() {
            tracing::info!(runs = runs.len(), "taking up unfinished runs");
        }
        let loader = Loader { store: self.store.clone(), host: self.host };
        for (tenant, run) in runs {
            match loader.snapshot(&tenant, run).await {
                Ok(snapshot) => {
                    let machine = Box::new(Machine::restore(snapshot));
                    self.driver.send(Message::Input(Input::Recover(machine)));
                }
                Err(error) => {
                    tracing::error!(%run, %tenant, %error, "the run cannot be read and is left as it is");
                }
            }
        }
        Ok(())
    }
}

/// Reads runs from the database.
#[derive(Clone)]
pub(super) struct Loader {
    pub(super) store: Store,
    pub(super) host: HostId,
}

impl Loader {
    /// Own a run that has ended; `None` if there is none, or it has not ended.
    pub(super) async fn reopen(&self, run: RunId) -> Result<Option<Machine>> {
        let Some(tenant) = self.store.run_reopen(run, self.host).await? else { return Ok(None) };
        Ok(Some(Machine::restore(self.snapshot(&tenant, run).await?)))
    }

    /// A run as the database has it.
    pub(super) async fn snapshot(&self, tenant: &TenantId, id: RunId) -> Result<Snapshot> {
        let found = self.store.tenant(tenant).run_whole(id).await?;
        let WholeRun { run, plan, steps, attempts, artifacts, shared, host_calls, approvals } =
            found.ok_or_else(|| Error::not_found("run", id))?;
        let plan =
            Plan::stored(&plan).map_err(|error| Error::internal("the run's plan cannot be read", error))?;
        let under_way: HashSet<&str> =
            attempts.iter().filter(|a| a.state == AttemptState::Running).map(|a| a.step.as_str()).collect();
        let lost =
            |step: &&StepRow| step.state == StepState::Running && !under_way.contains(step.name.as_str());
        if let Some(step) = steps.iter().find(lost) {
            let message = format!("step {} of run {id} is running without an attempt", step.name);
            return Err(Error::internal(message, "the database is damaged"));
        }
        Ok(Snapshot {
            tenant: tenant.clone(),
            plan: Arc::new(plan),
            run,
            steps,
            attempts,
            artifacts,
            shared,
            host_calls,
            approvals,
        })
    }
}
