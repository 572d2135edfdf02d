//! Taking up the runs of earlier hosts.

use std::sync::Arc;

use super::{
    Engine,
    core::{Input, Machine, Snapshot},
    driver::Message,
    plan::Plan,
};
use crate::{
    error::{Error, Result},
    model::{RunId, TenantId},
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
        for (tenant, run) in runs {
            match self.snapshot(&tenant, run).await {
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

    async fn snapshot(&self, tenant: &TenantId, id: RunId) -> Result<Snapshot> {
        let store = self.store.tenant(tenant);
        let run = store.run_get(id).await?.ok_or_else(|| Error::not_found("run", id))?;
        let plan = store.plan_get(run.plan).await?.ok_or_else(|| Error::not_found("plan", run.plan))?;
        let plan =
            Plan::stored(&plan).map_err(|error| Error::internal("the run's plan cannot be read", error))?;
        Ok(Snapshot {
            tenant: tenant.clone(),
            plan: Arc::new(plan),
            steps: store.step_list(id).await?,
            attempts: store.attempt_list(id).await?,
            artifacts: store.artifact_list(id).await?,
            shared: store.shared_state(id).await?,
            run,
        })
    }
}
