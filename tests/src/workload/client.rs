//! A client that wants one run.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use heddle::model::Digest;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::{Job, Witness};
use crate::{
    PATIENCE, Server,
    history::{Ack, Results},
};

/// Who wants one run.
pub struct Client {
    server: Arc<Server>,
    job: Job,
    witness: Witness,
}

impl Client {
    /// Of a job, at a host.
    pub fn new(server: Arc<Server>, job: Job, witness: Witness) -> Self {
        Self { server, job, witness }
    }

    /// Have the run started, if it was not, do what it waits for, and see it to its end.
    ///
    /// # Errors
    /// If the host goes away, refuses something, or the run does not end.
    pub async fn run(&self) -> Result<()> {
        let run = self.start().await?;
        let begin = Instant::now();
        let (mut after, mut ended) = (0, false);
        loop {
            (after, ended) = self.watch(&run, after, ended).await?;
            let now = self.get(&format!("/runs/{run}")).await?;
            // The stream may have been cut off before it told the end.
            if let Some(state @ ("completed" | "failed" | "cancelled")) = now["state"].as_str()
                && ended
            {
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
        let path = if self.job.waits { "/runs?wait=10s" } else { "/runs" };
        let request = self.server.request(Method::POST, path).header("idempotency-key", &self.job.key);
        let now: Value = answer(request.json(&body)).await?.json().await?;
        let run = now["id"].as_str().context("a run has an id")?.to_owned();
        self.witness.saw(Ack::Started { run: run.clone(), key: self.job.key.clone() })?;
        if let Some(state @ ("completed" | "failed")) = now["state"].as_str() {
            let output = |step: &Value| {
                let [name, digest] = ["name", "output_digest"].map(|field| step[field].as_str());
                Some((name?.to_owned(), digest?.to_owned()))
            };
            let outputs = now["steps"].as_array().into_iter().flatten().filter_map(output).collect();
            let results = Results { state: state.to_owned(), outputs, ..Results::default() };
            self.witness.saw(Ack::Over { run: run.clone(), results })?;
        }
        Ok(run)
    }

    /// The upload of the job's file, from before if it was answered: the request under one key must stay the same.
    async fn upload(&self, file: &[u8]) -> Result<String> {
        let digest = Digest::of(file).to_string();
        if let Some(id) = self.witness.uploaded(&digest) {
            return Ok(id);
        }
        let request = self.server.request(Method::POST, "/uploads?filename=f.bin").body(file.to_owned());
        let upload: Value = answer(request).await?.json().await?;
        ensure!(upload["digest"] == *digest, "{upload}: {digest} was sent");
        let id = upload["id"].as_str().context("an upload has an id")?.to_owned();
        self.witness.saw(Ack::Uploaded { id: id.clone(), digest })?;
        Ok(id)
    }

    /// Follow the run's events until the stream ends, and do what it waits for. Returns the number of the last one, and whether
    /// it is the run's end.
    async fn watch(&self, run: &str, mut after: u64, mut ended: bool) -> Result<(u64, bool)> {
        let path = format!("/runs/{run}/events?after={after}");
        let request = self.server.request(Method::GET, &path).header("accept", "text/event-stream");
        let response = answer(request).await?;
        let (mut bytes, mut text) = (response.bytes_stream(), String::new());
        while let Some(chunk) = bytes.next().await {
            let chunk = match chunk {
                // A request takes so long at the most; the stream is taken up from there.
                Err(error) if error.is_timeout() => break,
                chunk => chunk?,
            };
            text.push_str(std::str::from_utf8(&chunk)?);
            while let Some((block, rest)) = text.split_once("\n\n") {
                let data =
                    block.lines().find_map(|line| line.strip_prefix("data: ")).map(serde_json::from_str);
                let rest = rest.to_owned();
                let event: Value = data.transpose()?.unwrap_or_default();
                if let Some(number) = event["seq"].as_u64() {
                    ensure!(number == after + 1, "event {number} was told after event {after}");
                    after = number;
                    ended = matches!(
                        event["type"].as_str(),
                        Some("run.completed" | "run.failed" | "run.cancelled")
                    );
                    self.witness.saw(Ack::Told { event: event.clone() })?;
                    self.act(run, &event).await?;
                } else if event["type"] == "step.progress" {
                    let step = event["step"].as_str().context("a step's progress names it")?.to_owned();
                    self.witness.saw(Ack::Shown { run: run.to_owned(), step })?;
                }
                text = rest;
            }
        }
        Ok((after, ended))
    }

    async fn act(&self, run: &str, event: &Value) -> Result<()> {
        match event["type"].as_str() {
            Some("approval.requested") => {
                let id = event["data"]["approval"].as_str().context("an approval has an id")?;
                let asked = self.get(&format!("/approvals/{id}")).await?;
                let step = event["step"].as_str().context("a step asks")?.to_owned();
                let (run, approval, question) = (run.to_owned(), id.to_owned(), asked["request"].clone());
                self.witness.saw(Ack::Asked { run, step, approval, question })?;
                if asked["state"] == "open" {
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
                results.outputs.insert(
                    name.to_owned(),
                    bytes(format!("/runs/{run}/steps/{}/output", in_path(name))).await?,
                );
            }
        }
        let files = self.get(&format!("/runs/{run}/artifacts")).await?;
        for file in files["items"].as_array().into_iter().flatten() {
            let [step, name] = ["step", "name"].map(|field| file[field].as_str().unwrap_or_default());
            let digest =
                bytes(format!("/runs/{run}/artifacts/{}/{name}?version={}", in_path(step), file["version"]))
                    .await?;
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

/// The name of a step in a path: one inside another is named by both.
pub(crate) fn in_path(step: &str) -> String {
    step.replace('/', "%2F").replace('[', "%5B").replace(']', "%5D")
}
