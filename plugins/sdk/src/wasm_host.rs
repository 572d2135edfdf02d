//! The host over the WIT imports, and the component's exports.

use crate::{
    Entry, Host, Level, Outcome, PhaseError, Plugin,
    bindings::{
        self,
        heddle::plugin::{approvals, artifacts, context, log, progress},
    },
    host::HostWriter,
};

struct WasmHost;

fn artifact_error(error: artifacts::ArtifactError) -> PhaseError {
    use artifacts::ArtifactError as E;
    PhaseError::Failed(match error {
        E::NotFound(message) | E::NotDeclared(message) | E::Failed(message) => message,
    })
}

impl Host for WasmHost {
    fn config(&self) -> String {
        context::config()
    }

    fn prompt(&self) -> Option<String> {
        context::prompt()
    }

    fn now(&self) -> u64 {
        context::now()
    }

    fn seed(&self) -> [u8; 32] {
        let bytes = context::seed();
        let mut seed = [0; 32];
        let length = bytes.len().min(32);
        seed[..length].copy_from_slice(&bytes[..length]);
        seed
    }

    fn shared_get(&self, key: &str) -> Result<Option<String>, PhaseError> {
        context::shared_get(key).map_err(PhaseError::Failed)
    }

    fn shared_set(&mut self, key: &str, value: &str) -> Result<(), PhaseError> {
        context::shared_set(key, value).map_err(PhaseError::Failed)
    }

    fn list(&self) -> Vec<Entry> {
        artifacts::list()
            .into_iter()
            .map(|e| Entry { name: e.name, media_type: e.media_type, size: e.size })
            .collect()
    }

    fn read(&self, name: &str, offset: u64, length: u32) -> Result<Vec<u8>, PhaseError> {
        artifacts::read(name, offset, length).map_err(artifact_error)
    }

    fn create(&mut self, name: &str) -> Result<Box<dyn HostWriter>, PhaseError> {
        Ok(Box::new(artifacts::create(name).map_err(artifact_error)?))
    }

    fn progress(&mut self, fraction: f64, message: &str) {
        progress::report(fraction, message);
    }

    fn log(&mut self, level: Level, message: &str) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::write(level, message);
    }
}

impl HostWriter for artifacts::Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PhaseError> {
        artifacts::Writer::write(self, bytes).map_err(artifact_error)
    }

    fn finish(self: Box<Self>) -> Result<(), PhaseError> {
        artifacts::Writer::finish(&self).map_err(artifact_error)
    }
}

/// See [`Host`] for why it is none of its functions.
pub(crate) fn approve(request: &str) -> Result<String, PhaseError> {
    approvals::request(request).map_err(PhaseError::Failed)
}

/// A panic's message would be lost without WASI: there is no standard error. The trap that follows has the host's own
/// message; this line in the log tells why.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| log::write(log::Level::Error, &info.to_string())));
}

#[allow(clippy::needless_pass_by_value, reason = "called by a macro with a temporary")]
pub fn manifest(plugin: Plugin) -> String {
    serde_json::to_string(&plugin.manifest()).unwrap_or_default()
}

fn problem(problem: crate::Problem) -> bindings::Problem {
    bindings::Problem { path: problem.path, message: problem.message }
}

#[allow(clippy::needless_pass_by_value, reason = "called by a macro with a temporary")]
pub fn validate(plugin: Plugin, phase: &str, input: &str) -> Vec<bindings::Problem> {
    plugin.validate(phase, input).into_iter().map(problem).collect()
}

#[allow(clippy::needless_pass_by_value, reason = "called by a macro with a temporary")]
pub fn execute(plugin: Plugin, phase: &str, input: &str) -> Result<bindings::Outcome, bindings::PhaseError> {
    log_panics();
    match plugin.execute(&mut WasmHost, phase, input) {
        Ok(Outcome::Completed(output)) => Ok(bindings::Outcome::Completed(output)),
        Ok(Outcome::Skipped(reason)) => Ok(bindings::Outcome::Skipped(reason)),
        Err(PhaseError::InvalidInput(problems)) => {
            Err(bindings::PhaseError::InvalidInput(problems.into_iter().map(problem).collect()))
        }
        Err(PhaseError::Retryable(message)) => Err(bindings::PhaseError::Retryable(message)),
        Err(PhaseError::Failed(message)) => Err(bindings::PhaseError::Failed(message)),
    }
}
