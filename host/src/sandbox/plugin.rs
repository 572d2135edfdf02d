//! A component that was compiled, looked at and asked for its manifest: ready to run.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    bindings::PluginPre,
    inspect::Imports,
    link::{self, Links},
    manifest::PhaseChecks,
    state::GuestState,
};
use crate::model::{Capability, Digest, Failure, FailureKind, Manifest, PhaseSpec};

/// A plugin that can run. [`super::Sandbox::load`] makes it.
pub struct LoadedPlugin {
    digest: Digest,
    size: u64,
    manifest: Manifest,
    imports: Imports,
    links: Links,
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
        links: Links,
        checks: Vec<PhaseChecks>,
    ) -> Self {
        let by_name = manifest.phases.iter().enumerate().map(|(i, phase)| (phase.name.clone(), i)).collect();
        Self { digest, size, manifest, imports, links, checks, by_name }
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

    /// The granted imports that the component has.
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

    /// The granted imports that the phase calls: they must be granted before it runs. No other may it call, granted or
    /// not.
    ///
    /// # Errors
    /// [`FailureKind::PluginUnavailable`] if there is no such phase.
    pub fn needs(&self, phase: &str) -> Result<BTreeSet<Capability>, Failure> {
        Ok(self.needs_of(self.phase(phase)?.1))
    }

    fn needs_of(&self, spec: &PhaseSpec) -> BTreeSet<Capability> {
        let imported = &self.imports.capabilities;
        match &spec.capabilities {
            None => imported.clone(),
            Some(declared) => declared.iter().copied().filter(|c| imported.contains(c)).collect(),
        }
    }

    /// The component with what one of its phases needs linked, if it was granted.
    ///
    /// # Errors
    /// [`FailureKind::PluginUnavailable`] if the phase needs what was not granted, or what no host of this version has.
    pub(super) fn linked(
        &self,
        spec: &PhaseSpec,
        granted: &BTreeSet<Capability>,
    ) -> Result<PluginPre<GuestState>, Failure> {
        let Manifest { name: plugin, .. } = &self.manifest;
        let unavailable = |why: &str| {
            let message = format!("phase {} of plugin {plugin} cannot run: {why}", spec.name);
            Failure::new(FailureKind::PluginUnavailable, message)
        };
        let needs = self.needs_of(spec);
        let missing: Vec<String> = needs
            .iter()
            .filter(|need| !granted.contains(need) || !link::OFFERED.contains(need))
            .map(|need| link::missing(plugin, *need))
            .collect();
        if !missing.is_empty() {
            return Err(unavailable(&missing.join("; ")));
        }
        self.links.with(&needs).map_err(|error| unavailable(&format!("{error:#}")))
    }

    /// The component for an export that may not call the host.
    pub(super) fn pure(&self) -> Result<PluginPre<GuestState>, Failure> {
        self.links
            .with_all()
            .map_err(|error| Failure::new(FailureKind::PluginUnavailable, format!("{error:#}")))
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
