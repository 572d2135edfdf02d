//! The step key: a hash of everything that an attempt can observe (law 6).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    model::{Digest, Limits, PhaseSpec},
    sandbox::FileEntry,
};

/// A step's seed: from the run's lineage and the step, so that a fork or a later attempt sees the same (law 6).
pub(super) fn seed_of(run: &Digest, step: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"heddle step seed 1\0");
    hasher.update(run.as_bytes());
    hasher.update(step.as_bytes());
    hasher.finalize().into()
}

/// Everything that an attempt can observe.
pub(super) struct StepKey<'a> {
    pub(super) component: Digest,
    pub(super) phase: &'a str,
    pub(super) input: &'a str,
    pub(super) config: &'a str,
    pub(super) prompt: Option<&'a str>,
    pub(super) files: &'a [FileEntry],
    pub(super) spec: &'a PhaseSpec,
    pub(super) shared: &'a BTreeMap<String, String>,
    pub(super) now_ms: u64,
    pub(super) seed: &'a [u8; 32],
    pub(super) limits: &'a Limits,
}

impl StepKey<'_> {
    /// The hash of it. Each part is preceded by its length, so that no two different lists hash alike.
    pub(super) fn digest(&self) -> Digest {
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

/// The key of what the host itself evaluates: the step's definition, and the documents that it reads.
pub(super) fn node_key<'a>(definition: &str, documents: impl Iterator<Item = (String, &'a str)>) -> Digest {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(b"heddle node key 1");
    part(definition.as_bytes());
    for (root, json) in documents {
        part(root.as_bytes());
        part(json.as_bytes());
    }
    Digest::from_bytes(hasher.finalize().into())
}
