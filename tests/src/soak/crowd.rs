//! Clients that keep so many runs in flight, whatever becomes of the host meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use heddle::model::Digest;
use heddle_test_disk::Random;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    Server,
    history::Ack,
    workload::{Client, Job, Witness, in_path},
};

/// So long it may take until a client finds out that its host is gone.
const QUIET: Duration = Duration::from_secs(30);

/// Where clients find the host that works just now, if there is one, and note what it tells. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    hosts: watch::Receiver<Option<Arc<Server>>>,
    witness: Witness,
    /// Clients that have found a host, and not found out that it is gone.
    busy: watch::Sender<usize>,
}

impl Desk {
    pub(super) fn new(hosts: watch::Receiver<Option<Arc<Server>>>, witness: Witness) -> Self {
        Self { hosts, witness, busy: watch::Sender::default() }
    }

    /// Wait until all have found out that there is no host: they have noted all that the last one told.
    pub(super) async fn is_quiet(&self) -> Result<()> {
        let mut busy = self.busy.subscribe();
        let quiet = tokio::time::timeout(QUIET, busy.wait_for(|n| *n == 0)).await;
        quiet.context("somebody still waits for the answer of a host that is gone")??;
        Ok(())
    }

    /// Ask the host that works, as soon as there is one. `None` if it went away meanwhile.
    async fn ask<T>(&mut self, question: impl AsyncFnOnce(Arc<Server>) -> Result<T>) -> Result<Option<T>> {
        let host = self.hosts.wait_for(Option::is_some).await.context("there will be no more hosts")?.clone();
        let server = host.context("a host")?;
        let answered = {
            let _busy = Busy::new(&self.busy);
            question(server.clone()).await
        };
        let is_gone = self.hosts.borrow().as_ref().is_none_or(|now| !Arc::ptr_eq(now, &server));
        match answered {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_gone && is_cut_off(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// One who waits for an answer.
struct Busy<'a>(&'a watch::Sender<usize>);

impl<'a> Busy<'a> {
    fn new(busy: &'a watch::Sender<usize>) -> Self {
        busy.send_modify(|n| *n += 1);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

/// Whether no answer came, or not all of it.
fn is_cut_off(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<reqwest::Error>())
}

/// Clients of one place.
pub(super) struct Crowd {
    pub(super) desk: Desk,
    /// So many runs are in flight at once.
    pub(super) in_flight: usize,
    /// When this says so, no more are started.
    pub(super) enough: watch::Receiver<bool>,
}

impl Crowd {
    /// Have one job after the other done until there were enough, and see all to their ends. Returns how many there were.
    pub(super) async fn work(mut self, mut jobs: impl Iterator<Item = Job> + Send) -> Result<usize> {
        let (mut tasks, mut asked) = (JoinSet::new(), 0);
        loop {
            while tasks.len() < self.in_flight && !*self.enough.borrow() {
                let job = jobs.next().context("there is always another job")?;
                tasks.spawn(follow(self.desk.clone(), job));
                asked += 1;
            }
            match tasks.join_next().await {
                Some(ended) => ended??,
                None if *self.enough.borrow() => return Ok(asked),
                None => self.enough.changed().await?,
            }
        }
    }
}

/// See one run to its end, from one host to the next.
async fn follow(mut desk: Desk, job: Job) -> Result<()> {
    loop {
        let (job, witness, key) = (job.clone(), desk.witness.clone(), job.key.clone());
        let ended = desk.ask(async move |server| Client::new(server, job, witness).run().await).await;
        if ended.with_context(|| format!("the run of key {key}"))?.is_some() {
            return Ok(());
        }
    }
}

/// Somebody who reads outputs of steps while their runs go on, here and there, until the task is aborted.
pub(super) async fn look_around(mut desk: Desk, seed: u64) -> Result<()> {
    let mut random = Random::new(seed);
    loop {
        let witness = desk.witness.clone();
        desk.ask(async |server| look(&server, &witness, &mut random).await).await?;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

async fn look(server: &Server, witness: &Witness, random: &mut Random) -> Result<()> {
    let Some(run) = witness.run_before(random.below(100) as usize) else { return Ok(()) };
    let Some(now) = read(server, &format!("/runs/{run}")).await? else { return Ok(()) };
    let now: Value = serde_json::from_slice(&now)?;
    let steps = now["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let completed: Vec<&str> = steps
        .iter()
        .filter(|step| step["state"] == "completed")
        .filter_map(|step| step["name"].as_str())
        .collect();
    if completed.is_empty() {
        return Ok(());
    }
    let step = completed[random.below(completed.len() as u64) as usize].to_owned();
    match read(server, &format!("/runs/{run}/steps/{}/output", in_path(&step))).await? {
        Some(bytes) => witness.saw(Ack::Read { run, step, digest: Digest::of(bytes).to_string() }),
        None => Ok(()),
    }
}

/// What is answered; `None` if it cannot be said just now.
async fn read(server: &Server, path: &str) -> Result<Option<Vec<u8>>> {
    let response = server.request(Method::GET, path).send().await?;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Ok(None);
    }
    let status = response.status();
    let bytes = response.bytes().await?.to_vec();
    ensure!(status.is_success(), "{path} answered {status}: {}", String::from_utf8_lossy(&bytes));
    Ok(Some(bytes))
}
