//! Runs of every kind, and a client that starts them, does what they wait for, and notes what it was told.

mod client;
mod jobs;
mod witness;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
pub use client::Client;
pub(crate) use client::in_path;
use heddle::model::Digest;
pub use jobs::{Job, endless, jobs};
use reqwest::{Method, StatusCode};
use serde_json::json;
pub use witness::{Counts, Witness};

use crate::{
    Server,
    history::{Ack, History},
};

/// What has to be there before the jobs can be started.
///
/// # Errors
/// If the host refuses it.
pub async fn prepare(server: &Server, witness: &Witness) -> Result<()> {
    witness.saw(Ack::Listening { token: Digest::of(server.token()).to_string() })?;
    let plugin = server.load_plugin("examples/echo").await?;
    witness.saw(Ack::Loaded { digest: plugin["digest"].as_str().context("a digest")?.to_owned() })?;
    let grant = server.request(Method::PUT, "/plugins/echo/grants/approvals");
    grant.send().await?.error_for_status()?;
    witness.saw(Ack::Granted { plugin: "echo".to_owned(), capability: "approvals".to_owned() })?;
    let saved =
        json!({ "name": "kept", "version": "1.0.0", "steps": [{ "name": "s", "phase": "echo/noop" }] });
    let answer = server.request(Method::POST, "/workflows").json(&saved).send().await?;
    // When this is done again after a crash, it may be there already.
    ensure!(
        answer.status().is_success() || answer.status() == StatusCode::CONFLICT,
        "{}",
        answer.text().await?
    );
    witness.saw(Ack::Saved { workflow: "kept".to_owned(), version: "1.0.0".to_owned() })
}

/// Have all of the jobs done, and see their runs to their ends; those that were asked for before are not started again.
///
/// # Errors
/// If the host goes away, refuses something, or a run does not end.
pub async fn drive(server: &Arc<Server>, jobs: &[Job], witness: &Witness) -> Result<()> {
    drive_for(server, jobs, witness, Duration::MAX).await
}

/// The same for so long at the most.
///
/// # Errors
/// As [`drive`].
pub async fn drive_for(server: &Arc<Server>, jobs: &[Job], witness: &Witness, time: Duration) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for job in jobs {
        let (server, job, witness) = (server.clone(), job.clone(), witness.clone());
        tasks.spawn(async move {
            let key = job.key.clone();
            Client::new(server, job, witness).run().await.with_context(|| format!("the run of key {key}"))
        });
    }
    let all = async {
        let mut result = Ok(());
        while let Some(ended) = tasks.join_next().await {
            // Those that can go on do.
            result = result.and(ended?);
        }
        result
    };
    match tokio::time::timeout(time, all).await {
        Ok(result) => result,
        Err(_) => {
            tasks.shutdown().await;
            Ok(())
        }
    }
}

/// Runs of the same key have the same results, whatever happened to the host meanwhile; returns where they have not.
pub fn differences(one: &History, other: &History) -> Vec<String> {
    let (one, other) = (one.results(), other.results());
    let keys: BTreeMap<&str, _> = one.iter().map(|(key, results)| (*key, *results)).collect();
    keys.into_iter()
        .filter_map(|(key, results)| {
            let others = *other.get(key)?;
            (others != results).then(|| format!("{key}: {results:?} and {others:?}"))
        })
        .collect()
}
