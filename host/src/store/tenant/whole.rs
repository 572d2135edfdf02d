//! A run with all that belongs to it, as it was at one moment.

use std::collections::BTreeMap;

use super::TenantStore;
use crate::{
    model::{RunId, Value},
    store::{
        ApprovalRow, ArtifactRow, AttemptRow, HostCallRow, RunRow, StepRow, StoreError, StoreResult,
        database::Patience,
        decode,
        read::{Columns, Record},
        sql::cells,
    },
};

pub(super) const RUN: &str = "SELECT * FROM runs WHERE tenant_id = $1 AND id = $2";
pub(super) const PLAN: &str = "SELECT body FROM plans WHERE tenant_id = $1 AND digest = $2";
pub(super) const STEPS: &str = "SELECT * FROM steps WHERE tenant_id = $1 AND run_id = $2 ORDER BY ord, name";
pub(super) const ATTEMPTS: &str =
    "SELECT * FROM attempts WHERE tenant_id = $1 AND run_id = $2 ORDER BY step, number";
pub(super) const APPROVALS: &str = "SELECT * FROM approvals WHERE tenant_id = $1 AND run_id = $2 ORDER BY id";
/// Those of steps that are no more come last: their versions are not given again.
const ALL_ARTIFACTS: &str = "SELECT artifacts.* FROM artifacts
     LEFT JOIN steps ON steps.run_id = artifacts.run_id AND steps.name = artifacts.step
     WHERE artifacts.tenant_id = $1 AND artifacts.run_id = $2
     ORDER BY coalesce(steps.ord, 9223372036854775807), artifacts.step, artifacts.ord, artifacts.name,
              artifacts.version";
const SHARED: &str = "SELECT key, value FROM shared_state WHERE tenant_id = $1 AND run_id = $2";
const HOST_CALLS: &str =
    "SELECT * FROM host_calls WHERE tenant_id = $1 AND run_id = $2 ORDER BY attempt_id, seq";

/// A run with all that belongs to it, as it was at one moment.
#[derive(Debug, Clone)]
pub struct WholeRun {
    /// The run.
    pub run: RunRow,
    /// Its plan (JSON).
    pub plan: String,
    /// Its steps, in the definition's order.
    pub steps: Vec<StepRow>,
    /// Its attempts, by step and number.
    pub attempts: Vec<AttemptRow>,
    /// Its files in all versions: by the step's place, the file's place, and version. Those of steps that are no more
    /// come last.
    pub artifacts: Vec<ArtifactRow>,
    /// Its shared state.
    pub shared: BTreeMap<String, Value>,
    /// What its attempts asked the host, by attempt and in order.
    pub host_calls: Vec<HostCallRow>,
    /// Its approvals, the oldest first.
    pub approvals: Vec<ApprovalRow>,
}

impl TenantStore {
    /// A run with all that belongs to it, as it is at one moment, whatever is being written.
    pub async fn run_whole(&self, run: RunId) -> StoreResult<Option<WholeRun>> {
        let mut patience = Patience::new();
        loop {
            let answer = self.try_run_whole(run).await;
            if !patience.tries_again(&answer).await {
                return answer;
            }
        }
    }

    async fn try_run_whole(&self, id: RunId) -> StoreResult<Option<WholeRun>> {
        let cells = cells![self.tenant, id];
        let mut moment = self.store.readers.moment().await?;
        let Some(run) = moment.all(RUN, &cells, decode::run).await?.pop() else { return Ok(None) };
        let body = |row: &dyn Columns| Record::of("plans", row).text("body");
        let plan = moment.all(PLAN, &cells![self.tenant, run.plan], body).await?.pop();
        let pair = |row: &dyn Columns| {
            let r = Record::of("shared_state", row);
            Ok((r.text("key")?, r.json("value")?))
        };
        Ok(Some(WholeRun {
            plan: plan.ok_or_else(|| StoreError::Corrupt {
                table: "plans",
                message: format!("nothing of digest {}, which run {id} needs", run.plan),
            })?,
            run,
            steps: moment.all(STEPS, &cells, decode::step).await?,
            attempts: moment.all(ATTEMPTS, &cells, decode::attempt).await?,
            artifacts: moment.all(ALL_ARTIFACTS, &cells, decode::artifact).await?,
            shared: moment.all(SHARED, &cells, pair).await?.into_iter().collect(),
            host_calls: moment.all(HOST_CALLS, &cells, decode::host_call).await?,
            approvals: moment.all(APPROVALS, &cells, decode::approval).await?,
        }))
    }
}
