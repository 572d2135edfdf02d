//! Taking up runs: those of earlier hosts at the start, and those that had ended when somebody opens them again.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use tokio::sync::mpsc;

use super::{
    Engine,
    cache::Cache,
    core::{Head, Input, Machine, Rest, Snapshot},
    driver::Message,
    plan::Plan,
};
use crate::{
    error::{Code, Error, Result},
    model::{AttemptState, Digest, Failure, FailureKind, HostId, RunId, StepState, TenantId, Timestamp},
    store::{StepRow, Store, StoreError, UnfinishedRun, WholeRun},
};

/// After a failure of storage it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(1);
/// So many runs are looked at at once when they are taken up.
const PAGE: u32 = 500;
/// A run of which the store has refused more transitions than this, one after the other, is ended.
const MAX_REFUSALS: u32 = 5;
/// A refusal so much later than the last one is a new affair.
const PEACE: Duration = Duration::from_secs(600);

impl Engine {
    /// Own every run that has not ended, under a new epoch, and go on with it.
    ///
    /// A run that cannot be read is logged and left alone: one damaged row must not keep the host from starting. A database
    /// that is away is waited for: nobody else would go on with the runs that are owned by now.
    pub(super) async fn take_up_runs(&self) -> Result<()> {
        let runs = self.store.runs_take_up(self.host).await?;
        if runs > 0 {
            tracing::info!(runs, "taking up unfinished runs");
        }
        let loader = self.loader();
        let mut last = None;
        loop {
            let page =
                insist(|| async { Ok(self.store.runs_unfinished(self.host, last, PAGE).await?) }).await?;
            let Some(run) = page.last() else { break };
            last = Some(run.id);
            for run in page {
                self.driver.send(Message::Input(loader.take_up(run).await));
            }
        }
        self.driver.send(Message::Input(Input::TakenUp));
        Ok(())
    }
}

impl Engine {
    pub(super) fn loader(&self) -> Loader {
        Loader { store: self.store.clone(), host: self.host, plans: self.plans.clone() }
    }
}

/// A run that cannot be read stays as it is.
fn left(run: RunId, error: &Error) -> Input {
    tracing::error!(%run, error = %error.long(), "the run cannot be read and is left as it is");
    let why = format!("its host cannot read it, and has left it as it is: {error}");
    Input::NotRecovered { run, why, stays: true }
}

/// Read, until the database can be read.
async fn insist<T, F: Future<Output = Result<T>>>(read: impl Fn() -> F) -> Result<T> {
    loop {
        match read().await {
            Err(error) if error.code() == Code::Unavailable => {
                tracing::warn!(%error, "a run cannot be read; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// What the store has refused of late, run by run.
#[derive(Default)]
pub(super) struct Refusals(HashMap<RunId, Refusal>);

/// How often a run's transitions were refused without a longer time of peace, and why the last one was.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    times: u32,
    epoch: u64,
    at: Instant,
    why: String,
}

impl Refusals {
    /// A transition was refused. Those that followed it under the same epoch are, too, and say nothing new.
    pub(super) fn add(&mut self, run: RunId, epoch: u64, error: &StoreError) {
        self.0.retain(|_, refusal| refusal.at.elapsed() < PEACE);
        let before = self.0.get(&run);
        if before.is_some_and(|refusal| refusal.epoch == epoch) {
            return;
        }
        tracing::error!(%error, %run, "a transition was refused; the run is read again");
        let times = before.map_or(0, |refusal| refusal.times) + 1;
        self.0.insert(run, Refusal { times, epoch, at: Instant::now(), why: error.to_string() });
    }

    /// The last one.
    pub(super) fn last(&self, run: RunId) -> Option<Refusal> {
        self.0.get(&run).cloned()
    }
}

/// Reads runs from the database.
#[derive(Clone)]
pub(super) struct Loader {
    pub(super) store: Store,
    pub(super) host: HostId,
    pub(super) plans: Cache<(TenantId, Digest), Plan>,
}

impl Loader {
    /// What becomes of a run that the host owns since its start: one that only waits is not read before it is woken.
    async fn take_up(&self, unfinished: UnfinishedRun) -> Input {
        let UnfinishedRun { id: run, ref tenant, plan, epoch, rev, .. } = unfinished;
        // One that cannot be read is told of where all of the run is.
        let plan = match unfinished.steps.is_empty() {
            true => None,
            false => insist(|| self.plan(tenant, plan)).await.ok(),
        };
        if let Some(rest) = Rest::of(&unfinished, plan.as_deref(), Timestamp::now()) {
            return Input::Rests { run, tenant: tenant.clone(), head: Head { epoch, rev }, rest };
        }
        match insist(|| self.snapshot(tenant, run)).await {
            Ok(snapshot) => Input::Recover(Box::new(Machine::restore(snapshot))),
            Err(error) => left(run, &error),
        }
    }

    /// Read a run that rests. Nobody can have changed it.
    pub(super) async fn wake(self, tenant: TenantId, run: RunId, head: Head) -> Input {
        let read = async {
            let snapshot = insist(|| self.snapshot(&tenant, run)).await?;
            let row = &snapshot.run;
            if row.epoch != head.epoch || row.owner != self.host || row.finished_at.is_some() {
                return Err(Error::not_found("run of this host", run));
            }
            if Head::of(row) != head {
                let message = format!("its last transition is {}, not {}", row.rev, head.rev);
                return Err(Error::new(Code::Internal, message));
            }
            Ok(Machine::restore(snapshot))
        };
        // Whatever its rows are, they must not take a place among those that are being read for ever.
        let read = AssertUnwindSafe(read).catch_unwind().await.unwrap_or_else(|_| {
            Err(Error::new(Code::Internal, "the host has a defect: what it found makes no run".to_owned()))
        });
        match read {
            Ok(machine) => Input::Woken(Box::new(machine)),
            Err(error) => {
                tracing::error!(%run, error = %error.long(), "a run that waits cannot be read");
                let gone = error.code() == Code::NotFound;
                let why = match gone {
                    true => "another host owns it, or has ended it".to_owned(),
                    false => format!("its host cannot read it now: {error}"),
                };
                Input::NotWoken { run, why, gone }
            }
        }
    }

    /// Own a run that has ended; `None` if there is none, or it has not ended.
    pub(super) async fn reopen(&self, run: RunId) -> Result<Option<Machine>> {
        let Some(tenant) = self.store.run_reopen(run, self.host).await? else { return Ok(None) };
        Ok(Some(Machine::restore(self.snapshot(&tenant, run).await?)))
    }

    /// Bring back a run of which the store has refused a transition, under a new epoch, each time a little later; when it
    /// was refused too often, to be ended.
    pub(super) async fn reload(
        self,
        run: RunId,
        refusal: Option<Refusal>,
        driver: mpsc::UnboundedSender<Message>,
    ) {
        let (times, why) = refusal.map_or((1, String::new()), |refusal| (refusal.times, refusal.why));
        tokio::time::sleep(PAUSE * 2u32.pow(times.min(6) - 1)).await;
        let input = match insist(|| self.retake(run)).await {
            Ok(Some(machine)) if times > MAX_REFUSALS => {
                tracing::error!(%run, why, "transitions of the run were refused {times} times; it ends as failed");
                let message = format!("the database refused what became of the run {times} times: {why}");
                Input::GiveUp(Box::new(machine), Failure::new(FailureKind::Host, message))
            }
            Ok(Some(machine)) => Input::Recover(Box::new(machine)),
            Ok(None) => {
                let why = "it has ended, or another host owns it".to_owned();
                Input::NotRecovered { run, why, stays: false }
            }
            Err(error) => left(run, &error),
        };
        let _ = driver.send(Message::Input(input));
        let _ = driver.send(Message::CommandsWait);
    }

    /// Own a run that this host owns, and that has not ended, under a new epoch.
    async fn retake(&self, run: RunId) -> Result<Option<Machine>> {
        let Some(tenant) = self.store.run_retake(run, self.host).await? else { return Ok(None) };
        Ok(Some(Machine::restore(self.snapshot(&tenant, run).await?)))
    }

    /// A plan, as it was stored.
    async fn plan(&self, tenant: &TenantId, digest: Digest) -> Result<Arc<Plan>> {
        let read = async {
            let plan = self.store.tenant(tenant).plan_get(digest).await?;
            plan.ok_or_else(|| Error::not_found("plan", digest))
        };
        self.kept_plan(tenant, digest, read).await
    }

    async fn kept_plan(
        &self,
        tenant: &TenantId,
        digest: Digest,
        read: impl Future<Output = Result<String>>,
    ) -> Result<Arc<Plan>> {
        let read = async {
            Plan::stored(&read.await?)
                .map_err(|error| Error::internal("the run's plan cannot be read", error))
        };
        self.plans.get_or_read((tenant.clone(), digest), |plan| plan.json.len(), read).await
    }

    /// A run as the database has it.
    pub(super) async fn snapshot(&self, tenant: &TenantId, id: RunId) -> Result<Snapshot> {
        let found = self.store.tenant(tenant).run_whole(id).await?;
        let WholeRun { run, plan, steps, attempts, artifacts, shared, host_calls, approvals } =
            found.ok_or_else(|| Error::not_found("run", id))?;
        let plan = self.kept_plan(tenant, run.plan, async { Ok(plan) }).await?;
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
            plan,
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
