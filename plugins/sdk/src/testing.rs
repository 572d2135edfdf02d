//! Run a phase natively, in a unit test, with the rules of the host: only declared files can be read and written.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    marker::PhantomData,
    rc::Rc,
};

use heddle_manifest::{ApprovalRequest, Capability, Decision, PhaseSpec};
use serde_json::Value;

use crate::{Entry, Host, Level, Outcome, Phase, PhaseError, Plugin, PluginPhase, host::HostWriter};

/// Sets up one execution of a phase.
pub struct Harness<P> {
    config: Value,
    now_ms: u64,
    seed: [u8; 32],
    files: BTreeMap<String, Vec<u8>>,
    shared: BTreeMap<String, String>,
    decisions: VecDeque<Decision>,
    phase: PhantomData<P>,
}

impl<P: Phase> Default for Harness<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Phase> Harness<P> {
    /// With an empty configuration, no files, and the clock at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self {
            config: Value::Object(serde_json::Map::new()),
            now_ms: 1_767_225_600_000,
            seed: [7; 32],
            files: BTreeMap::new(),
            shared: BTreeMap::new(),
            decisions: VecDeque::new(),
            phase: PhantomData,
        }
    }

    /// With that configuration.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }

    /// With the clock at that time (milliseconds since 1970-01-01T00:00:00Z).
    #[must_use]
    pub fn now_ms(mut self, now: u64) -> Self {
        self.now_ms = now;
        self
    }

    /// With an artifact of an earlier step, or an uploaded file (`input/NAME`).
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.into(), bytes.into());
        self
    }

    /// With all files of an earlier execution.
    #[must_use]
    pub fn files_of(mut self, earlier: &TestRun) -> Self {
        self.files.extend(earlier.files.clone());
        self
    }

    /// With a shared-state value.
    #[must_use]
    pub fn shared(mut self, key: impl Into<String>, value: &Value) -> Self {
        self.shared.insert(key.into(), value.to_string());
        self
    }

    /// With the answer to its next question.
    #[must_use]
    pub fn decision(mut self, decision: Decision) -> Self {
        self.decisions.push_back(decision);
        self
    }

    /// Execute the phase on an input.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!(…)")]
    pub fn run(self, input: Value) -> TestRun {
        let plugin = Plugin {
            name: "test",
            version: "0.0.0",
            description: "",
            phases: vec![PluginPhase::of::<P>()],
            workflows: Vec::new(),
        };
        let mut host = MemoryHost {
            spec: P::info().spec::<P>(),
            config: self.config.to_string(),
            now_ms: self.now_ms,
            seed: self.seed,
            readable: self.files,
            shared: self.shared,
            written: Rc::default(),
            log: Vec::new(),
            progress: Vec::new(),
            decisions: self.decisions,
            asked: Vec::new(),
        };
        let result = plugin.execute(&mut host, P::NAME, &input.to_string()).map(|outcome| match outcome {
            Outcome::Completed(json) => {
                Outcome::Completed(serde_json::from_str(&json).expect("the SDK wrote it with serde_json"))
            }
            Outcome::Skipped(reason) => Outcome::Skipped(reason),
        });
        let files = host.written.take().into_iter().filter_map(|(name, file)| Some((name, file?))).collect();
        let MemoryHost { shared, log, progress, asked, .. } = host;
        TestRun { result, files, shared, log, progress, asked }
    }
}

/// What an execution left.
#[derive(Debug)]
pub struct TestRun {
    /// How it ended.
    pub result: Result<Outcome<Value>, PhaseError>,
    /// The files that it finished.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The shared state afterwards (JSON).
    pub shared: BTreeMap<String, String>,
    /// Its log.
    pub log: Vec<(Level, String)>,
    /// Its progress reports.
    pub progress: Vec<(f64, String)>,
    /// What it asked.
    pub asked: Vec<ApprovalRequest>,
}

impl TestRun {
    /// The output.
    ///
    /// # Panics
    /// If the phase did not complete.
    pub fn output(&self) -> &Value {
        match &self.result {
            Ok(Outcome::Completed(output)) => output,
            other => panic!("the phase did not complete: {other:?}"),
        }
    }

    /// The error.
    ///
    /// # Panics
    /// If the phase ended well.
    pub fn error(&self) -> &PhaseError {
        match &self.result {
            Err(error) => error,
            Ok(outcome) => panic!("the phase ended well: {outcome:?}"),
        }
    }

    /// The bytes of a file.
    ///
    /// # Panics
    /// If it was not written.
    pub fn bytes(&self, name: &str) -> &[u8] {
        self.files
            .get(name)
            .unwrap_or_else(|| panic!("{name} was not written; there are {:?}", self.files.keys()))
    }

    /// The text of a file.
    ///
    /// # Panics
    /// If it was not written or is not UTF-8.
    pub fn text(&self, name: &str) -> &str {
        std::str::from_utf8(self.bytes(name)).expect("a text file is UTF-8")
    }

    /// The JSON of a file.
    ///
    /// # Panics
    /// If it was not written or is not JSON.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(self.bytes(name)).expect("a .json file is JSON")
    }
}

/// A name is there from `create` on, so that a second `create` is refused; its bytes are there from `finish` on.
type Written = Rc<RefCell<BTreeMap<String, Option<Vec<u8>>>>>;

struct MemoryHost {
    spec: PhaseSpec,
    config: String,
    now_ms: u64,
    seed: [u8; 32],
    readable: BTreeMap<String, Vec<u8>>,
    shared: BTreeMap<String, String>,
    written: Written,
    log: Vec<(Level, String)>,
    progress: Vec<(f64, String)>,
    decisions: VecDeque<Decision>,
    asked: Vec<ApprovalRequest>,
}

fn all_right(what: &str, findings: &[(String, String)]) -> Result<(), PhaseError> {
    let found: Vec<String> = findings.iter().map(|(path, message)| format!("{path}: {message}")).collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(PhaseError::Failed(format!("{what}: {}", found.join("; ")))),
    }
}

impl Host for MemoryHost {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn prompt(&self) -> Option<String> {
        self.spec.prompt_template.clone()
    }

    fn now(&self) -> u64 {
        self.now_ms
    }

    fn seed(&self) -> [u8; 32] {
        self.seed
    }

    fn shared_get(&self, key: &str) -> Result<Option<String>, PhaseError> {
        if !self.spec.shared_reads.iter().any(|k| k == key) {
            return Err(PhaseError::Failed(format!("shared key {key:?} is not among shared_reads")));
        }
        Ok(self.shared.get(key).cloned())
    }

    fn shared_set(&mut self, key: &str, value: &str) -> Result<(), PhaseError> {
        if !self.spec.shared_writes.iter().any(|k| k == key) {
            return Err(PhaseError::Failed(format!("shared key {key:?} is not among shared_writes")));
        }
        self.shared.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    fn list(&self) -> Vec<Entry> {
        self.readable
            .iter()
            .filter(|(name, _)| self.spec.may_read(name))
            .map(|(name, bytes)| Entry {
                name: name.clone(),
                media_type: "application/octet-stream".to_owned(),
                size: bytes.len() as u64,
            })
            .collect()
    }

    fn read(&self, name: &str, offset: u64, length: u32) -> Result<Vec<u8>, PhaseError> {
        if !self.spec.may_read(name) {
            return Err(PhaseError::Failed(format!("{name:?} is not among the reads of {}", self.spec.name)));
        }
        let bytes = self
            .readable
            .get(name)
            .ok_or_else(|| PhaseError::Failed(format!("there is no artifact {name:?}")))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(length as usize).min(bytes.len());
        Ok(bytes[start..end].to_vec())
    }

    fn create(&mut self, name: &str) -> Result<Box<dyn HostWriter>, PhaseError> {
        if self.spec.output(name).is_none() {
            return Err(PhaseError::Failed(format!(
                "{name:?} is not among the outputs of {}",
                self.spec.name
            )));
        }
        if self.written.borrow_mut().insert(name.to_owned(), None).is_some() {
            return Err(PhaseError::Failed(format!("{name:?} was written before")));
        }
        Ok(Box::new(MemoryWriter {
            name: name.to_owned(),
            bytes: Vec::new(),
            written: Rc::clone(&self.written),
        }))
    }

    fn progress(&mut self, fraction: f64, message: &str) {
        self.progress.push((fraction, message.to_owned()));
    }

    fn log(&mut self, level: Level, message: &str) {
        self.log.push((level, message.to_owned()));
    }

    fn approve(&mut self, request: &str) -> Result<String, PhaseError> {
        if !self.spec.capabilities.iter().flatten().any(|c| *c == Capability::Approvals) {
            let phase = &self.spec.name;
            return Err(PhaseError::Failed(format!(
                "phase {phase} asks, and approvals is not among its capabilities"
            )));
        }
        let request: ApprovalRequest = serde_json::from_str(request)?;
        all_right("this approval cannot be requested", &request.findings())?;
        let decision = self.decisions.pop_front().ok_or_else(|| {
            PhaseError::Failed(format!(
                "no decision is left for {:?}; Harness::decision adds one",
                request.title
            ))
        })?;
        all_right("this decision cannot be made", &request.decision_findings(&decision))?;
        self.asked.push(request);
        Ok(serde_json::to_string(&decision)?)
    }
}

struct MemoryWriter {
    name: String,
    bytes: Vec<u8>,
    written: Written,
}

impl HostWriter for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PhaseError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), PhaseError> {
        self.written.borrow_mut().insert(self.name, Some(self.bytes));
        Ok(())
    }
}
