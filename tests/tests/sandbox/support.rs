//! A sandbox with files in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use heddle::{
    model::{Digest, Failure, FailureKind, Limits},
    sandbox::{
        AttemptReport, AttemptRequest, FileEntry, FileWriter, Files, GuestOutcome, Journal, LoadedPlugin,
        Progress, Sandbox, SandboxConfig, StoredFile,
    },
};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// What the guests of one test wrote and finished, by digest.
pub(crate) type Stored = Arc<Mutex<BTreeMap<Digest, Vec<u8>>>>;

/// One sandbox for all tests of this file, as one host has one; with a cache that starts empty.
pub(crate) fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<(Sandbox, TempDir)> = OnceLock::new();
    let (sandbox, _) = SANDBOX.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        (Sandbox::new(config(&dir)).unwrap(), dir)
    });
    sandbox.clone()
}

/// The usual configuration, with its cache in that directory.
pub(crate) fn config(dir: &TempDir) -> SandboxConfig {
    SandboxConfig::new(dir.path().join("cache"), heddle_tests::heddle_bin())
}

/// A plugin of `plugins/examples`.
pub(crate) async fn example(name: &str) -> Arc<LoadedPlugin> {
    let path = heddle_tests::plugin(&format!("examples/{name}"));
    sandbox().load_file(&path).await.unwrap()
}

/// Sets up an attempt.
pub(crate) struct Attempt {
    pub request: AttemptRequest,
    pub stored: Stored,
    pub progress: Arc<Mutex<Vec<Progress>>>,
}

impl Attempt {
    /// Of a phase, with an input, the default limits, and no files.
    pub(crate) fn new(phase: &str, input: &Value) -> Self {
        let (stored, progress) = (Stored::default(), Arc::<Mutex<Vec<Progress>>>::default());
        let told = Arc::clone(&progress);
        let request = AttemptRequest {
            phase: phase.to_owned(),
            input: input.to_string(),
            config: "{}".to_owned(),
            prompt: None,
            now_ms: 1_767_225_600_000,
            seed: [7; 32],
            shared: BTreeMap::new(),
            limits: Limits { wall_ms: 20_000, cpu_ms: 20_000, ..Limits::default() },
            granted: Arc::new(BTreeSet::new()),
            calls: Box::new(Arc::<Mutex<Journal>>::default()),
            files: Box::new(MemoryFiles {
                entries: Vec::new(),
                bytes: Vec::new(),
                stored: Arc::clone(&stored),
            }),
            progress: Arc::new(move |p| told.lock().unwrap().push(p)),
            cancel: CancellationToken::new(),
        };
        Self { request, stored, progress }
    }

    /// With other limits.
    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.request.limits);
        self
    }

    /// With other things of the request.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut AttemptRequest)) -> Self {
        change(&mut self.request);
        self
    }

    /// With files to read.
    pub(crate) fn files(mut self, files: &[(&str, &[u8])]) -> Self {
        let entries = files.iter().map(|(name, bytes)| FileEntry {
            name: (*name).to_owned(),
            media_type: "application/octet-stream".to_owned(),
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
        });
        self.request.files = Box::new(MemoryFiles {
            entries: entries.collect(),
            bytes: files.iter().map(|(_, bytes)| bytes.to_vec()).collect(),
            stored: Arc::clone(&self.stored),
        });
        self
    }

    /// Run it.
    pub(crate) async fn run(self, plugin: &Arc<LoadedPlugin>) -> Ran {
        let began = Instant::now();
        let report = sandbox().execute(plugin, self.request).await;
        Ran { report, took: began.elapsed(), stored: self.stored, progress: self.progress }
    }
}

/// What came of an attempt.
pub(crate) struct Ran {
    pub report: AttemptReport,
    pub took: Duration,
    pub stored: Stored,
    pub progress: Arc<Mutex<Vec<Progress>>>,
}

impl Ran {
    /// The output of a completed attempt.
    #[track_caller]
    pub(crate) fn output(&self) -> Value {
        match &self.report.result {
            Ok(GuestOutcome::Completed(json)) => serde_json::from_str(json).unwrap(),
            other => panic!("not completed: {other:?}; log: {:?}", self.report.log),
        }
    }

    /// The failure, which must be of that kind.
    #[track_caller]
    pub(crate) fn failure(&self, kind: FailureKind) -> &Failure {
        match &self.report.result {
            Err(failure) if failure.kind == kind => failure,
            other => panic!("expected {kind:?}, got {other:?}; log: {:?}", self.report.log),
        }
    }

    /// The failure, which must be the breach of that limit with that value, and more used.
    #[track_caller]
    pub(crate) fn breach(&self, limit: &str, value: u64) -> &Failure {
        let failure = self.failure(FailureKind::LimitExceeded);
        let breach = failure.breach.as_ref().unwrap();
        assert_eq!((breach.limit.as_str(), breach.value), (limit, value), "{failure:?}");
        assert!(breach.used >= value, "{failure:?}");
        for figure in [limit, &value.to_string(), &breach.used.to_string()] {
            assert!(failure.message.contains(figure), "{figure} is not in {:?}", failure.message);
        }
        failure
    }

    /// The bytes of a file that the report names.
    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let file = self.report.files.iter().find(|f| f.name == name).unwrap();
        self.stored.lock().unwrap()[&file.stored.digest].clone()
    }
}

/// Files in memory.
pub(crate) struct MemoryFiles {
    entries: Vec<FileEntry>,
    bytes: Vec<Vec<u8>>,
    stored: Stored,
}

impl Files for MemoryFiles {
    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read(&mut self, name: &str, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let index = self.entries.iter().position(|e| e.name == name).ok_or(io::ErrorKind::NotFound)?;
        let bytes = &self.bytes[index];
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(length as usize).min(bytes.len());
        Ok(bytes[start..end].to_vec())
    }

    fn create(&mut self) -> io::Result<Box<dyn FileWriter>> {
        Ok(Box::new(MemoryWriter { bytes: Vec::new(), stored: Arc::clone(&self.stored) }))
    }
}

struct MemoryWriter {
    bytes: Vec<u8>,
    stored: Stored,
}

impl FileWriter for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<StoredFile> {
        let (digest, size) = (Digest::of(&self.bytes), self.bytes.len() as u64);
        self.stored.lock().unwrap().insert(digest, self.bytes);
        Ok(StoredFile { digest, size })
    }
}
