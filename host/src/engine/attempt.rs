//! One attempt: gather what it may see, run it in the sandbox, make what it made durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    blocking,
    core::{AttemptEnd, AttemptOutcome, Launch},
    expression::{Expression, Reference, Root, Scope},
    plugins::Plugins,
};
use crate::{
    artifacts::{BlobReader, BlobStore, BlobWriter},
    events::{EventBus, Live},
    model::{
        Digest, Failure, FailureKind, INLINE_LIMIT, Limits, PhaseSpec, TenantId, Timestamp, Usage, Value,
    },
    sandbox::{
        AttemptReport, AttemptRequest, FileEntry, FileWriter, Files, GuestOutcome, Journal, Sandbox,
        StoredFile, WrittenFile,
    },
    store::{ArtifactRow, BlobRef},
};

/// What attempts need of the host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Executor {
    pub(crate) sandbox: Sandbox,
    pub(crate) plugins: Plugins,
    pub(crate) blobs: BlobStore,
    pub(crate) bus: EventBus,
}

impl Executor {
    /// Run an attempt to its end. Whatever goes wrong is in the answer.
    pub(crate) async fn run(&self, launch: Launch, cancel: CancellationToken) -> AttemptEnd {
        match self.try_run(&launch, cancel).await {
            Ok(end) => end,
            Err(failure) => {
                AttemptEnd { result: Err(failure), usage: Usage::default(), log: None, blobs: Vec::new() }
            }
        }
    }

    async fn try_run(&self, launch: &Launch, cancel: CancellationToken) -> Result<AttemptEnd, Failure> {
        let step = launch.plan.step(launch.step);
        let (component, phase) = launch.plan.component(launch.step).ok_or_else(|| {
            Failure::new(
                FailureKind::PluginUnavailable,
                format!("the plan pins no plugin for {}", step.phase),
            )
        })?;
        let plugin = self.plugins.load(&launch.tenant, component).await?;
        let spec = plugin.manifest().phase(phase).ok_or_else(|| {
            Failure::new(FailureKind::PluginUnavailable, format!("the pinned plugin has no phase {phase:?}"))
        })?;
        let input = self.input(launch).await?;
        let config = step.config.to_string();
        let shared = self.shared(launch, spec).await?;
        let mut limits = Limits::default().with(&spec.limits, &Limits::ceiling());
        if let Some(timeout) = step.timeout_ms {
            limits.wall_ms = limits.wall_ms.min(timeout);
        }
        let files = BlobFiles::new(self.blobs.clone(), launch);
        let seed = seed_of(&launch.run.seed, &step.name);
        let step_key = StepKey {
            component,
            phase,
            input: &input,
            config: &config,
            prompt: spec.prompt_template.as_deref(),
            files: &files.entries,
            spec,
            shared: &shared,
            now_ms: launch.run.as_of.as_millis(),
            seed: &seed,
            limits: &limits,
        }
        .digest();
        let (bus, run, name) = (self.bus.clone(), launch.run.id, step.name.clone());
        let request = AttemptRequest {
            phase: phase.to_owned(),
            input,
            config,
            prompt: spec.prompt_template.clone(),
            now_ms: launch.run.as_of.as_millis(),
            seed,
            shared,
            limits,
            granted: BTreeSet::new(),
            calls: Box::new(Arc::<Mutex<Journal>>::default()),
            files: Box::new(files),
            progress: Arc::new(move |progress| {
                bus.live(run, || Live {
                    step: name.clone(),
                    fraction: progress.fraction,
                    message: progress.message.clone(),
                });
            }),
            cancel,
        };
        let report = self.sandbox.execute(&plugin, request).await;
        self.store_report(launch, spec, step_key, report).await
    }

    /// The phase's input: the run's whole input, or what the mapping selects. Text in, text out: what is not selected
    /// is never parsed.
    async fn input(&self, launch: &Launch) -> Result<String, Failure> {
        let Some(mapping) = &launch.plan.step(launch.step).input else {
            return self.text(&launch.tenant, &launch.run.input).await;
        };
        let mut scope = Scope::default();
        let mut members = Vec::new();
        for (key, text) in mapping {
            let unusable = |error: &dyn std::fmt::Display| {
                Failure::new(
                    FailureKind::InvalidInput,
                    format!("the input mapping of {key:?} is unusable: {text:?}: {error}"),
                )
            };
            let expression = Expression::parse(text).map_err(|error| unusable(&error))?;
            for Reference { root, .. } in expression.references() {
                let value = match root {
                    _ if scope.get(root).is_some() => continue,
                    Root::Input => &launch.run.input,
                    // A predecessor that was skipped, or failed and may: it has no output.
                    Root::Output(step) => match launch.outputs.get(step) {
                        Some(value) => value,
                        None => continue,
                    },
                    _ => continue,
                };
                scope.insert(root.clone(), self.text(&launch.tenant, value).await?);
            }
            let value = expression.evaluate(&scope).map_err(|error| unusable(&error))?;
            if let Some(value) = value {
                members.push(format!("{}:{value}", serde_json::Value::from(key.as_str())));
            }
        }
        Ok(format!("{{{}}}", members.join(",")))
    }

    async fn shared(&self, launch: &Launch, spec: &PhaseSpec) -> Result<BTreeMap<String, String>, Failure> {
        let mut shared = BTreeMap::new();
        for key in &spec.shared_reads {
            if let Some(value) = launch.shared.get(key) {
                shared.insert(key.clone(), self.text(&launch.tenant, value).await?);
            }
        }
        Ok(shared)
    }

    async fn text(&self, tenant: &TenantId, value: &Value) -> Result<String, Failure> {
        read_value(&self.blobs, tenant, value)
            .await
            .map_err(|error| Failure::new(FailureKind::Host, format!("a value cannot be read: {error}")))
    }

    async fn store_report(
        &self,
        launch: &Launch,
        spec: &PhaseSpec,
        step_key: Digest,
        report: AttemptReport,
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
            Ok(GuestOutcome::Skipped(reason)) => Ok(AttemptOutcome::Skipped(reason)),
            // Of nothing that suspends an attempt is anything granted.
            Ok(GuestOutcome::Suspended) => {
                let message = "the phase waits for an answer, and nobody is there to give one";
                Err(Failure::new(FailureKind::PluginUnavailable, message))
            }
            Ok(GuestOutcome::Completed(output)) => {
                let output = self.value(&launch.tenant, output, &mut blobs).await?;
                let mut shared = BTreeMap::new();
                for (key, text) in report.shared {
                    shared.insert(key, self.value(&launch.tenant, text, &mut blobs).await?);
                }
                let step = &launch.plan.step(launch.step).name;
                let artifacts: Vec<ArtifactRow> =
                    report.files.iter().filter_map(|file| artifact(step, spec, file)).collect();
                blobs.extend(artifacts.iter().map(|a| BlobRef { digest: a.digest, size: a.size }));
                Ok(AttemptOutcome::Completed { output, step_key, artifacts, shared })
            }
        };
        Ok(AttemptEnd { result, usage: report.usage, log, blobs })
    }

    async fn value(
        &self,
        tenant: &TenantId,
        json: String,
        named: &mut Vec<BlobRef>,
    ) -> Result<Value, Failure> {
        let value = write_value(&self.blobs, tenant, json).await.map_err(|error| {
            Failure::new(FailureKind::Host, format!("a result cannot be stored: {error}"))
        })?;
        if let Value::Blob { blob, size } = value {
            named.push(BlobRef { digest: blob, size });
        }
        Ok(value)
    }
}

/// The document of a value.
pub(crate) async fn read_value(blobs: &BlobStore, tenant: &TenantId, value: &Value) -> io::Result<String> {
    match value {
        Value::Inline { json } => Ok(json.clone()),
        Value::Blob { blob, .. } => {
            let (blobs, tenant, blob) = (blobs.clone(), tenant.clone(), *blob);
            let bytes = blocking(move || blobs.get(&tenant, &blob)).await?;
            String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
}

/// A value for a document: in the row if it is small, else a durable blob.
pub(crate) async fn write_value(blobs: &BlobStore, tenant: &TenantId, json: String) -> io::Result<Value> {
    if json.len() <= INLINE_LIMIT {
        return Ok(Value::Inline { json });
    }
    let (blobs, tenant) = (blobs.clone(), tenant.clone());
    let size = json.len() as u64;
    let blob = blocking(move || blobs.put(&tenant, json.as_bytes())).await?;
    Ok(Value::Blob { blob, size })
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
        order: declared.order,
        description: declared.description.clone(),
        created_at: Timestamp::default(),
    })
}

/// A step's seed: from the run's lineage and the step, so that a fork or a later attempt sees the same (law 6).
fn seed_of(run: &Digest, step: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"heddle step seed 1\0");
    hasher.update(run.as_bytes());
    hasher.update(step.as_bytes());
    hasher.finalize().into()
}

/// Everything that an attempt can observe.
struct StepKey<'a> {
    component: Digest,
    phase: &'a str,
    input: &'a str,
    config: &'a str,
    prompt: Option<&'a str>,
    files: &'a [FileEntry],
    spec: &'a PhaseSpec,
    shared: &'a BTreeMap<String, String>,
    now_ms: u64,
    seed: &'a [u8; 32],
    limits: &'a Limits,
}

impl StepKey<'_> {
    /// The hash of it. Each part is preceded by its length, so that no two different lists hash alike.
    fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(b"heddle step key 1");
        part(self.component.as_bytes());
        part(self.phase.as_bytes());
        part(self.input.as_bytes());
        part(self.config.as_bytes());
        part(self.prompt.map_or(&[0][..], str::as_bytes));
        part(&self.now_ms.to_le_bytes());
        part(self.seed);
        part(&serde_json::to_vec(self.limits).unwrap_or_default());
        for file in self.files.iter().filter(|file| self.spec.may_read(&file.name)) {
            part(file.name.as_bytes());
            part(file.digest.as_bytes());
        }
        part(b"shared");
        for (key, value) in self.shared {
            part(key.as_bytes());
            part(value.as_bytes());
        }
        Digest::from_bytes(hasher.finalize().into())
    }
}

/// An attempt's files over the tenant's blobs.
struct BlobFiles {
    blobs: BlobStore,
    tenant: TenantId,
    entries: Vec<FileEntry>,
    open: BTreeMap<String, BlobReader>,
}

impl BlobFiles {
    fn new(blobs: BlobStore, launch: &Launch) -> Self {
        let mut entries: BTreeMap<String, FileEntry> = BTreeMap::new();
        for file in &launch.run.files {
            let name = format!("input/{}", file.name);
            let entry = FileEntry {
                name: name.clone(),
                media_type: file.media_type.clone(),
                size: file.size,
                digest: file.digest,
            };
            entries.insert(name, entry);
        }
        // Of two files of the same name, that of the step that is later in the definition counts.
        for artifact in &launch.artifacts {
            let entry = FileEntry {
                name: artifact.name.clone(),
                media_type: artifact.media_type.clone(),
                size: artifact.size,
                digest: artifact.digest,
            };
            entries.insert(artifact.name.clone(), entry);
        }
        let entries = entries.into_values().collect();
        Self { blobs, tenant: launch.tenant.clone(), entries, open: BTreeMap::new() }
    }
}

impl Files for BlobFiles {
    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read(&mut self, name: &str, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        if !self.open.contains_key(name) {
            let entry =
                self.entries.iter().find(|entry| entry.name == name).ok_or(io::ErrorKind::NotFound)?;
            self.open.insert(name.to_owned(), self.blobs.open_blob(&self.tenant, &entry.digest)?);
        }
        self.open[name].read_at(offset, length as usize)
    }

    fn create(&mut self) -> io::Result<Box<dyn FileWriter>> {
        Ok(Box::new(FileBlob(self.blobs.create(&self.tenant)?)))
    }
}

struct FileBlob(BlobWriter);

impl FileWriter for FileBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes)
    }

    fn finish(self: Box<Self>) -> io::Result<StoredFile> {
        let (digest, size) = self.0.finish()?;
        Ok(StoredFile { digest, size })
    }
}
