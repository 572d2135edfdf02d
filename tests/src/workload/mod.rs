//! Runs of every kind, and a client that starts them, does what they wait for, and notes what it was told.

mod jobs;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use heddle::model::Digest;
use heddle_test_disk::Notes;
pub use jobs::{Job, jobs};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    Server,
    history::{Ack, History, Results},
};

/// So long a run may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a client notes what it was told. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    history: Arc<Mutex<History>>,
    /// In a log of what the host does to its disk, so that the order of both is known.
    notes: Option<Notes>,
}

impl Witness {
    /// One that knows what was told before.
    pub fn new(history: History, notes: Option<Notes>) -> Self {
        Self { history: Arc::new(Mutex::new(history)), notes }
    }

    /// Note it.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn saw(&self, ack: Ack) -> Result<()> {
        if let Some(notes) = &self.notes {
            notes.add(&serde_json::to_vec(&ack)?)?;
        }
        self.lock().acks.push(ack);
        Ok(())
    }

    /// All that was told so far.
    pub fn history(&self) -> History {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
            Client { server, job, witness }.run().await.with_context(|| format!("the run of key {key}"))
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

/// Who wants one run.
struct Client {
    server: Arc<Server>,
    job: Job,
    witness: Witness,
}

impl Client {
    async fn run(&self) -> Result<()> {
        let run = self.start().await?;
        let begin = Instant::now();
        let mut after = 0;
        loop {
            after = self.watch(&run, after).await?;
            let now = self.get(&format!("/runs/{run}")).await?;
            if let Some(state @ ("completed" | "failed" | "cancelled")) = now["state"].as_str() {
                let results = self.results(&run, state, &now).await?;
                return self.witness.saw(Ack::Ended { run, results });
            }
            if begin.elapsed() > PATIENCE {
                bail!("run {run} does not end: {now:#}");
            }
        }
    }

    async fn start(&self) -> Result<String> {
        let mut body = self.job.body.clone();
        if let Some(file) = &self.job.file {
            body["files"] = json!([{ "upload": self.upload(file).await? }]);
        }
        let request = self.server.request(Method::POST, "/runs").header("idempotency-key", &self.job.key);
        let run: Value = answer(request.json(&body)).await?.json().await?;
        let run = run["id"].as_str().context("a run has an id")?.to_owned();
        self.witness.saw(Ack::Started { run: run.clone(), key: self.job.key.clone() })?;
        Ok(run)
    }

    /// The upload of the job's file, from before if it was answered: the request under one key must stay the same.
    async fn upload(&self, file: &[u8]) -> Result<String> {
        let digest = Digest::of(file).to_string();
        let mut earlier = self.witness.history().acks.into_iter();
        let earlier = earlier.find_map(|ack| match ack {
            Ack::Uploaded { id, digest: of } if of == digest => Some(id),
            _ => None,
        });
        if let Some(id) = earlier {
            return Ok(id);
        }
        let request = self.server.request(Method::POST, "/uploads?filename=f.bin").body(file.to_owned());
        let upload: Value = answer(request).await?.json().await?;
        ensure!(upload["digest"] == *digest, "{upload}: {digest} was sent");
        let id = upload["id"].as_str().context("an upload has an id")?.to_owned();
        self.witness.saw(Ack::Uploaded { id: id.clone(), digest })?;
        Ok(id)
    }

    /// Follow the run's events until the stream ends, and do what it waits for. Returns the number of the last one.
    async fn watch(&self, run: &str, mut after: u64) -> Result<u64> {
        let path = format!("/runs/{run}/events?after={after}");
        let request = self.server.request(Method::GET, &path).header("accept", "text/event-stream");
        let response = answer(request).await?;
        let (mut bytes, mut text) = (response.bytes_stream(), String::new());
        while let Some(chunk) = bytes.next().await {
            text.push_str(std::str::from_utf8(&chunk?)?);
            while let Some((block, rest)) = text.split_once("\n\n") {
                let data =
                    block.lines().find_map(|line| line.strip_prefix("data: ")).map(serde_json::from_str);
                let rest = rest.to_owned();
                if let Some(event) = data.transpose()?
                    && let event @ Value::Object(_) = event
                    && let Some(number) = event["seq"].as_u64()
                {
                    ensure!(number == after + 1, "event {number} was told after event {after}");
                    after = number;
                    self.witness.saw(Ack::Told { event: event.clone() })?;
                    self.act(run, &event).await?;
                }
                text = rest;
            }
        }
        Ok(after)
    }

    async fn act(&self, run: &str, event: &Value) -> Result<()> {
        match event["type"].as_str() {
            Some("approval.requested") => {
                let id = event["data"]["approval"].as_str().context("an approval has an id")?;
                if self.get(&format!("/approvals/{id}")).await?["state"] == "open" {
                    self.decide(id, "approve").await?;
                }
                Ok(())
            }
            Some("step.waiting") if self.job.body["input"]["key"].is_string() => {
                let now = self.get(&format!("/runs/{run}")).await?;
                if now["steps"][0]["state"] != "waiting" {
                    return Ok(());
                }
                let key = self.job.body["input"]["key"].as_str().context("a key")?.to_owned();
                let signal = json!({ "key": key, "data": "paid" });
                answer(self.server.request(Method::POST, "/signals").json(&signal)).await?;
                self.witness.saw(Ack::Signalled { key })
            }
            _ => Ok(()),
        }
    }

    async fn decide(&self, id: &str, option: &str) -> Result<()> {
        let decision = json!({ "option": option });
        let decide = self.server.request(Method::POST, &format!("/approvals/{id}/decide")).json(&decision);
        if let Err(error) = answer(decide).await {
            // It may have been taken although that could not be said, and we have asked again.
            let now = self.get(&format!("/approvals/{id}")).await?;
            ensure!(now["state"] == "decided" && now["decision"]["option"] == option, "{error:#}: {now:#}");
        }
        self.witness.saw(Ack::Decided { approval: id.to_owned(), option: option.to_owned() })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        Ok(answer(self.server.request(Method::GET, path)).await?.json().await?)
    }

    async fn results(&self, run: &str, state: &str, now: &Value) -> Result<Results> {
        let bytes = async |path: String| -> Result<String> {
            let response = answer(self.server.request(Method::GET, &path)).await?;
            Ok(Digest::of(response.bytes().await?).to_string())
        };
        let mut results = Results { state: state.to_owned(), ..Results::default() };
        for step in now["steps"].as_array().into_iter().flatten() {
            let name = step["name"].as_str().context("a step has a name")?;
            if step["state"] == "completed" {
                results
                    .outputs
                    .insert(name.to_owned(), bytes(format!("/runs/{run}/steps/{name}/output")).await?);
            }
        }
        let files = self.get(&format!("/runs/{run}/artifacts")).await?;
        for file in files["items"].as_array().into_iter().flatten() {
            let [step, name] = ["step", "name"].map(|field| file[field].as_str().unwrap_or_default());
            let digest =
                bytes(format!("/runs/{run}/artifacts/{step}/{name}?version={}", file["version"])).await?;
            ensure!(file["digest"] == *digest, "the file {step}/{name} has the digest {digest}: {file}");
            results.files.insert(format!("{step}/{name}@{}", file["version"]), digest);
        }
        Ok(results)
    }
}

/// The answer to a request, asked again as long as the host says that its database is away.
async fn answer(request: RequestBuilder) -> Result<Response> {
    let begin = Instant::now();
    loop {
        let again = request.try_clone().context("a request that can be sent twice")?;
        let response = again.send().await?;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE && begin.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        let (status, url) = (response.status(), response.url().clone());
        if status.is_success() {
            return Ok(response);
        }
        bail!("{url} answered {status}: {}", response.text().await?);
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
