//! A phase: run its plugin in the sandbox, and make durable what it made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    Executor,
    documents::Documents,
    files::BlobFiles,
    key::{StepKey, seed_of},
    memory::{Room, check_documents},
    progress::HeldProgress,
};
use crate::{
    engine::{
        core::{AttemptEnd, AttemptOutcome, Known, Launch, Suspension},
        driver::Durable,
    },
    model::{Capability, Digest, Failure, FailureKind, Limits, PhaseSpec, TenantId, Timestamp, Value},
    sandbox::{
        AttemptReport, AttemptRequest, GuestOutcome, HostCall, Journal, JournalEntry, LoadedPlugin,
        WrittenFile,
    },
    store::{ApprovalKind, ArtifactRow, BlobRef, HostCallRow},
};

impl Executor {
    /// Run a phase. If nothing that it could observe is other than it was for the step's last result, it is not run.
    pub(super) async fn guest(
        &self,
        launch: &Launch,
        phase: &str,
        (documents, room): (Documents, Room),
        mut durable: Durable,
        cancel: CancellationToken,
    ) -> Result<AttemptEnd, Failure> {
        let step = launch.definition();
        let (component, phase) = launch.plan.component(phase).ok_or_else(|| {
            Failure::new(FailureKind::PluginUnavailable, format!("the plan pins no plugin for {phase}"))
        })?;
        let plugin = self.plugin(&launch.tenant, component).await?;
        let spec = plugin.manifest().phase(phase).ok_or_else(|| {
            Failure::new(FailureKind::PluginUnavailable, format!("the pinned plugin has no phase {phase:?}"))
        })?;
        let input = match &launch.overrides.input {
            Some(input) => input.to_string(),
            None if documents.selects(launch.definition().input.as_ref())? => documents.input(launch)?,
            None => self.evaluate(|| documents.input(launch)).await?,
        };
        // While the guest runs, only its input is there, which its limits and the places for guests bound.
        drop((documents, room));
        let prompt = launch.overrides.prompt.clone().or_else(|| spec.prompt_template.clone());
        let config = step.config.to_string();
        let shared = self.shared(launch, spec).await?;
        let mut limits = Limits::default().with(&spec.limits, &Limits::ceiling());
        if let Some(timeout) = step.timeout_ms {
            limits.wall_ms = limits.wall_ms.min(timeout);
        }
        let files = BlobFiles::new(self.blobs.clone(), launch);
        let seed = seed_of(&launch.run.seed, &launch.name);
        let step_key = StepKey {
            component,
            phase,
            input: &input,
            config: &config,
            prompt: prompt.as_deref(),
            files: &files.entries,
            spec,
            shared: &shared,
            now_ms: launch.run.as_of.as_millis(),
            seed: &seed,
            limits: &limits,
        }
        .digest();
        // What was under way goes on: it has asked the host already.
        let goes_on = matches!(launch.known, Known::Result(_)) && !launch.journal.is_empty();
        if let Some(outcome) = launch.known.outcome(step_key).filter(|_| !goes_on) {
            return Ok(super::ended(outcome));
        }
        let journal = Arc::new(Mutex::new(Journal::new(entries(&launch.journal)?)));
        let progress = Arc::new(HeldProgress::new(self.bus.clone(), launch, durable.clone()));
        let reports = Arc::clone(&progress);
        let request = AttemptRequest {
            phase: phase.to_owned(),
            input,
            config,
            prompt,
            now_ms: launch.run.as_of.as_millis(),
            seed,
            shared,
            limits,
            granted: self.granted(&launch.tenant, &plugin.manifest().name).await?,
            calls: Box::new(Arc::clone(&journal)),
            files: Box::new(files),
            progress: Arc::new(move |progress| reports.report(progress)),
            cancel,
        };
        let mut execute = std::pin::pin!(self.sandbox.execute_here(&plugin, request));
        let report = tokio::select! {
            biased;
            report = &mut execute => report,
            true = durable.wait() => {
                progress.release();
                execute.await
            }
        };
        let new = journal.lock().unwrap_or_else(PoisonError::into_inner).new_calls().to_vec();
        self.store_report(launch, spec, step_key, report, &new).await
    }

    /// The compiled component. What is not in memory is read by those who hold the connections.
    async fn plugin(&self, tenant: &TenantId, component: Digest) -> Result<Arc<LoadedPlugin>, Failure> {
        if let Some(plugin) = self.plugins.loaded(component) {
            return Ok(plugin);
        }
        let (plugins, tenant) = (self.plugins.clone(), tenant.clone());
        on(&self.main, async move { plugins.load(&tenant, component).await }).await
    }

    async fn granted(&self, tenant: &TenantId, plugin: &str) -> Result<Arc<BTreeSet<Capability>>, Failure> {
        if let Some(granted) = self.plugins.granted_known(tenant, plugin) {
            return Ok(granted);
        }
        let (plugins, tenant, plugin) = (self.plugins.clone(), tenant.clone(), plugin.to_owned());
        on(&self.main, async move { plugins.granted(&tenant, &plugin).await }).await
    }

    async fn shared(&self, launch: &Launch, spec: &PhaseSpec) -> Result<BTreeMap<String, String>, Failure> {
        let values = spec.shared_reads.iter().filter_map(|key| launch.shared(key));
        check_documents(values.map(Value::size).sum())?;
        let mut shared = BTreeMap::new();
        for key in &spec.shared_reads {
            if let Some(value) = launch.shared(key) {
                shared.insert(key.clone(), self.text(&launch.tenant, value).await?);
            }
        }
        Ok(shared)
    }

    async fn store_report(
        &self,
        launch: &Launch,
        spec: &PhaseSpec,
        step_key: Digest,
        report: AttemptReport,
        new_calls: &[HostCall],
    ) -> Result<AttemptEnd, Failure> {
        let mut blobs = Vec::new();
        let log = match report.log.is_empty() {
            true => None,
            false => {
                let text = serde_json::to_string(&report.log).unwrap_or_default();
                Some(self.value(&launch.tenant, text, &mut blobs).await?)
            }
        };
        let result = match report.result {
            Err(failure) => Err(failure),
            Ok(GuestOutcome::Suspended) => {
                Ok(AttemptOutcome::Suspended(self.asks(launch, new_calls, &mut blobs).await?))
            }
            Ok(GuestOutcome::Skipped(reason)) => Ok(AttemptOutcome::Skipped(reason)),
            Ok(GuestOutcome::Completed(output)) => {
                let output = self.value(&launch.tenant, output, &mut blobs).await?;
                let mut shared = BTreeMap::new();
                for (key, text) in report.shared {
                    shared.insert(key, self.value(&launch.tenant, text, &mut blobs).await?);
                }
                let step = &launch.name;
                let artifacts: Vec<ArtifactRow> =
                    report.files.iter().filter_map(|file| artifact(step, spec, file)).collect();
                blobs.extend(artifacts.iter().map(|a| BlobRef { digest: a.digest, size: a.size }));
                Ok(AttemptOutcome::Completed { output, step_key, artifacts, shared, chosen: None })
            }
        };
        Ok(AttemptEnd { result, usage: report.usage, log, blobs })
    }

    /// What a guest that was suspended waits for: its last call.
    async fn asks(
        &self,
        launch: &Launch,
        new_calls: &[HostCall],
        blobs: &mut Vec<BlobRef>,
    ) -> Result<Suspension, Failure> {
        let (Some(call), 1) = (new_calls.last(), new_calls.len()) else {
            let message = "the guest was suspended without having asked anything new";
            return Err(Failure::new(FailureKind::Host, message));
        };
        let now = Timestamp::now();
        let request: serde_json::Value = serde_json::from_str(&call.request)
            .map_err(|error| Failure::new(FailureKind::Host, format!("a request is no JSON: {error}")))?;
        let row = HostCallRow {
            attempt: launch.attempt,
            seq: u32::try_from(launch.journal.len()).unwrap_or(u32::MAX),
            kind: call.kind.to_string(),
            request: self.value(&launch.tenant, call.request.clone(), blobs).await?,
            request_digest: call.digest(),
            answer: None,
            started_at: now,
            answered_at: None,
        };
        let seconds = request.get("deadline_seconds").and_then(serde_json::Value::as_u64);
        Ok(Suspension::Approval {
            kind: ApprovalKind::Guest,
            deadline: seconds.map(|seconds| now.plus(std::time::Duration::from_secs(seconds))),
            request,
            call: Some(Box::new(row)),
            key: None,
        })
    }
}

/// Do something on other threads.
async fn on<T: Send + 'static>(
    threads: &Handle,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let broken = |error| Err(Failure::new(FailureKind::Host, format!("the host's own fault: {error}")));
    threads.spawn(work).await.unwrap_or_else(broken)
}

/// The journal as the sandbox replays it.
fn entries(rows: &[HostCallRow]) -> Result<Vec<JournalEntry>, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(FailureKind::Host, format!("the attempt's journal cannot be read: {error}"))
    };
    let entry = |row: &HostCallRow| {
        let answer = match &row.answer {
            Some(Value::Inline { json }) => Some(serde_json::from_str(json).map_err(|e| unreadable(&e))?),
            Some(Value::Blob { .. }) => return Err(unreadable(&"an answer is a blob")),
            None => None,
        };
        let kind = row.kind.parse().map_err(|e| unreadable(&e))?;
        Ok(JournalEntry { kind, request_digest: row.request_digest, answer })
    };
    rows.iter().map(entry).collect()
}

fn artifact(step: &str, spec: &PhaseSpec, file: &WrittenFile) -> Option<ArtifactRow> {
    // The sandbox lets a guest write declared files only.
    let declared = spec.output(&file.name)?;
    Some(ArtifactRow {
        step: step.to_owned(),
        name: file.name.clone(),
        version: 0,
        attempt: 0,
        digest: file.stored.digest,
        size: file.stored.size,
        kind: declared.kind,
        media_type: declared.kind.media_type().to_owned(),
        deliverable: declared.deliverable,
        restricted: declared.restricted,
        order: declared.order,
        description: declared.description.clone(),
        created_at: Timestamp::default(),
    })
}
