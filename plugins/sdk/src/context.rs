//! What a phase is given besides its input.

use std::io;

use rand_chacha::{ChaCha12Rng, rand_core::SeedableRng};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Entry, Host, Level, PhaseError,
    host::HostWriter,
    manifest::{ApprovalRequest, Decision},
};

/// How much one call to the host carries. The host refuses to return more than 1 MiB at once.
const CHUNK: usize = 1 << 20;

/// What a phase is given besides its input: configuration, files, clock, random, log.
pub struct Context<'h, C> {
    host: &'h mut dyn Host,
    config: C,
}

impl<'h, C> Context<'h, C> {
    pub(crate) fn new(host: &'h mut dyn Host, config: C) -> Self {
        Self { host, config }
    }

    /// The step's configuration.
    pub fn config(&self) -> &C {
        &self.config
    }

    /// The prompt template after the run's edits, if the phase has one.
    pub fn prompt(&self) -> Option<String> {
        self.host.prompt()
    }

    /// The run's as-of time in milliseconds since 1970-01-01T00:00:00Z. It does not advance while the phase runs.
    pub fn now_ms(&self) -> u64 {
        self.host.now()
    }

    /// A generator seeded by the host: the same in every attempt and replay of the step.
    pub fn rng(&self) -> ChaCha12Rng {
        ChaCha12Rng::from_seed(self.host.seed())
    }

    /// The files that may be read, sorted by name.
    pub fn files(&self) -> Vec<Entry> {
        self.host.list()
    }

    /// The uploaded files of the run, sorted by name.
    pub fn input_files(&self) -> Vec<Entry> {
        self.host.list().into_iter().filter(|e| e.name.starts_with("input/")).collect()
    }

    /// The whole of a file.
    ///
    /// # Errors
    /// [`PhaseError::Failed`] if there is no such file, or the manifest does not declare it.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, PhaseError> {
        // A list that grew would for a moment be there twice.
        let size = self.host.list().iter().find(|entry| entry.name == name).map_or(0, |entry| entry.size);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        loop {
            let chunk = self.host.read(name, bytes.len() as u64, CHUNK as u32)?;
            if chunk.is_empty() {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&chunk);
        }
    }

    /// The whole of a JSON file.
    ///
    /// # Errors
    /// As [`Context::read`], and if it is not JSON of that type.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, PhaseError> {
        serde_json::from_slice(&self.read(name)?)
            .map_err(|error| PhaseError::Failed(format!("{name} cannot be read: {error}")))
    }

    /// Write a file whole.
    ///
    /// # Errors
    /// [`PhaseError::Failed`] if the manifest does not declare the name, or it was written before.
    pub fn write(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), PhaseError> {
        let mut writer = self.host.create(name)?;
        for chunk in bytes.as_ref().chunks(CHUNK) {
            writer.write(chunk)?;
        }
        writer.finish()
    }

    /// Write a value as a JSON file, indented.
    ///
    /// # Errors
    /// As [`Context::write`].
    pub fn write_json(&mut self, name: &str, value: &impl Serialize) -> Result<(), PhaseError> {
        let mut bytes = serde_json::to_vec_pretty(value)?;
        bytes.push(b'\n');
        self.write(name, bytes)
    }

    /// Write a file piece by piece. It becomes an artifact when [`Writer::finish`] is called.
    ///
    /// # Errors
    /// As [`Context::write`].
    pub fn writer(&mut self, name: &str) -> Result<Writer, PhaseError> {
        Ok(Writer { inner: self.host.create(name)? })
    }

    /// Say how far the phase is. `fraction` is in 0..=1.
    pub fn progress(&mut self, fraction: f64, message: impl AsRef<str>) {
        self.host.progress(fraction.clamp(0.0, 1.0), message.as_ref());
    }

    /// Log what was done.
    pub fn info(&mut self, message: impl AsRef<str>) {
        self.host.log(Level::Info, message.as_ref());
    }

    /// Log something odd that the phase goes on from.
    pub fn warn(&mut self, message: impl AsRef<str>) {
        self.host.log(Level::Warn, message.as_ref());
    }

    /// Write a line to the attempt's log.
    pub fn log(&mut self, level: Level, message: impl AsRef<str>) {
        self.host.log(level, message.as_ref());
    }

    /// Ask a person, and go on with the decision. The phase declares [`PhaseInfo::capability`] with
    /// [`Capability::Approvals`].
    ///
    /// Nothing waits meanwhile: the phase ends here, and is executed again from its beginning when there is a decision,
    /// with the same input, files, clock and random. Every question that was answered has its answer at once; files that
    /// were written are written again. So a phase that asks must ask the same whenever it has seen the same.
    ///
    /// [`PhaseInfo::capability`]: crate::PhaseInfo::capability
    /// [`Capability::Approvals`]: crate::manifest::Capability::Approvals
    ///
    /// # Errors
    /// [`PhaseError::Failed`] if the request is no question that can be asked, or its deadline passed without a default.
    pub fn approve(&mut self, request: &ApprovalRequest) -> Result<Decision, PhaseError> {
        let request = serde_json::to_string(request)?;
        #[cfg(target_family = "wasm")]
        let decision = crate::wasm_host::approve(&request)?;
        #[cfg(not(target_family = "wasm"))]
        let decision = self.host.approve(&request)?;
        Ok(serde_json::from_str(&decision)?)
    }

    /// A shared-state value of the run.
    ///
    /// # Errors
    /// If the manifest does not declare that the phase reads the key, or the value is not of that type.
    pub fn shared_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, PhaseError> {
        match self.host.shared_get(key)? {
            Some(json) => Ok(Some(serde_json::from_str(&json)?)),
            None => Ok(None),
        }
    }

    /// Set a shared-state value of the run. It is committed with the step's result.
    ///
    /// # Errors
    /// If the manifest does not declare that the phase writes the key.
    pub fn shared_set(&mut self, key: &str, value: &impl Serialize) -> Result<(), PhaseError> {
        let json = serde_json::to_string(value)?;
        self.host.shared_set(key, &json)
    }
}

/// A file being written.
pub struct Writer {
    inner: Box<dyn HostWriter>,
}

impl Writer {
    /// Make the file an artifact. A writer dropped without this leaves nothing.
    ///
    /// # Errors
    /// If the host could not store it.
    pub fn finish(self) -> Result<(), PhaseError> {
        self.inner.finish()
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = &bytes[..bytes.len().min(CHUNK)];
        self.inner.write(chunk).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
