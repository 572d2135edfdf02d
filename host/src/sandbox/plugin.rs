//! A component that was compiled, looked at and asked for its manifest: ready to run.

use std::collections::{BTreeMap, BTreeSet};

use super::{bindings::PluginPre, inspect::Imports, manifest::PhaseChecks, state::GuestState};
use crate::model::{Capability, Digest, Failure, FailureKind, Manifest, PhaseSpec};

/// A plugin that can run. [`super::Sandbox::load`] makes it.
pub struct LoadedPlugin {
    digest: Digest,
    size: u64,
    manifest: Manifest,
    imports: Imports,
    /// Every import resolved. There is one for all grant sets: what a component imports must all be granted before it
    /// runs, so that no two attempts of it are linked differently.
    pub(super) pre: PluginPre<GuestState>,
    checks: Vec<PhaseChecks>,
    by_name: BTreeMap<String, usize>,
}

impl std::fmt::Debug for LoadedPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Manifest { name, version, .. } = &self.manifest;
        write!(f, "LoadedPlugin({name} {version}, {})", self.digest)
    }
}

impl LoadedPlugin {
    pub(super) fn new(
        digest: Digest,
        size: u64,
        manifest: Manifest,
        imports: Imports,
        pre: PluginPre<GuestState>,
        checks: Vec<PhaseChecks>,
    ) -> Self {
        let by_name = manifest.phases.iter().enumerate().map(|(i, phase)| (phase.name.clone(), i)).collect();
        Self { digest, size, manifest, imports, pre, checks, by_name }
    }

    /// SHA-256 of the component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Size of the component, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it says of itself, checked.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The granted imports that the component has. All must be granted before it runs.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.imports.capabilities
    }

    /// Whether the component imports WASI.
    pub fn uses_wasi(&self) -> bool {
        self.imports.wasi
    }

    pub(super) fn phase(&self, name: &str) -> Result<(usize, &PhaseSpec, &PhaseChecks), Failure> {
        let Some(&index) = self.by_name.get(name) else {
            let there: Vec<_> = self.by_name.keys().map(String::as_str).collect();
            let Manifest { name: plugin, version, .. } = &self.manifest;
            let there = there.join(", ");
            let message = format!("plugin {plugin} {version} has no phase {name:?}; it has {there}");
            return Err(Failure::new(FailureKind::PluginUnavailable, message));
        };
        Ok((index, &self.manifest.phases[index], &self.checks[index]))
    }

    /// Check an input (JSON) against the phase's schema.
    ///
    /// # Errors
    /// [`FailureKind::InvalidInput`] with the paths of what does not fit, and [`FailureKind::PluginUnavailable`] if
    /// there is no such phase.
    pub fn check_input(&self, phase: &str, input: &str) -> Result<(), Failure> {
        let (_, spec, checks) = self.phase(phase)?;
        checks.input.check(&format!("the input of phase {}", spec.name), input, FailureKind::InvalidInput)
    }

    /// Check a configuration (JSON) against the phase's schema.
    ///
    /// # Errors
    /// As [`LoadedPlugin::check_input`].
    pub fn check_config(&self, phase: &str, config: &str) -> Result<(), Failure> {
        let (_, spec, checks) = self.phase(phase)?;
        let what = format!("the configuration of phase {}", spec.name);
        checks.config.check(&what, config, FailureKind::InvalidInput)
    }

    pub(super) fn check_output(&self, phase: usize, output: &str) -> Result<(), Failure> {
        let what = format!("the output of phase {}", self.manifest.phases[phase].name);
        self.checks[phase].output.check(&what, output, FailureKind::InvalidOutput)
    }
}
