//! From a list of phases to a plugin: the manifest, and the dispatch of a call to its phase.

use std::collections::BTreeSet;

use heddle_manifest::{Capability, Manifest, PhaseSpec, Workflow};

use crate::{Context, Host, Outcome, Phase, PhaseError, Problem};

/// A phase with its types erased. [`PluginPhase::of`] makes one.
pub struct PluginPhase {
    name: &'static str,
    spec: fn() -> PhaseSpec,
    validate: fn(&str) -> Vec<Problem>,
    execute: fn(&mut dyn Host, &str) -> Result<Outcome<String>, PhaseError>,
}

impl PluginPhase {
    /// Erase a phase's types.
    pub fn of<P: Phase>() -> Self {
        Self {
            name: P::NAME,
            spec: || P::info().spec::<P>(),
            validate: |input| match parse_input::<P::Input>(input) {
                Ok(input) => P::validate(&input),
                Err(problem) => vec![problem],
            },
            execute: |host, input| {
                let config = serde_json::from_str(&host.config()).map_err(|error| {
                    PhaseError::Failed(format!("the configuration of {} is unusable: {error}", P::NAME))
                })?;
                let input = parse_input::<P::Input>(input)
                    .map_err(|problem| PhaseError::InvalidInput(vec![problem]))?;
                match P::execute(&mut Context::new(host, config), input)? {
                    Outcome::Completed(output) => Ok(Outcome::Completed(serde_json::to_string(&output)?)),
                    Outcome::Skipped(reason) => Ok(Outcome::Skipped(reason)),
                }
            },
        }
    }
}

fn parse_input<T: serde::de::DeserializeOwned>(input: &str) -> Result<T, Problem> {
    serde_json::from_str(input).map_err(|error| Problem::new("", error.to_string()))
}

/// A plugin: its name, phases and workflows.
pub struct Plugin {
    /// See [`Manifest::name`].
    pub name: &'static str,
    /// See [`Manifest::version`].
    pub version: &'static str,
    /// See [`Manifest::description`].
    pub description: &'static str,
    /// Its phases.
    pub phases: Vec<PluginPhase>,
    /// Its workflows.
    pub workflows: Vec<Workflow>,
}

impl Plugin {
    /// What the plugin says of itself. It wants the granted imports that its phases declare.
    pub fn manifest(&self) -> Manifest {
        let phases: Vec<PhaseSpec> = self.phases.iter().map(|p| (p.spec)()).collect();
        let capabilities: BTreeSet<Capability> =
            phases.iter().flat_map(|p| p.capabilities.iter().flatten().copied()).collect();
        Manifest {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            description: self.description.to_owned(),
            capabilities: capabilities.into_iter().collect(),
            phases,
            workflows: self.workflows.clone(),
        }
    }

    fn phase(&self, name: &str) -> Result<&PluginPhase, PhaseError> {
        self.phases
            .iter()
            .find(|p| p.name == name)
            .ok_or_else(|| PhaseError::Failed(format!("plugin {} has no phase {name:?}", self.name)))
    }

    /// A quick look at an input (JSON).
    pub fn validate(&self, phase: &str, input: &str) -> Vec<Problem> {
        match self.phase(phase) {
            Ok(phase) => (phase.validate)(input),
            Err(error) => vec![Problem::new("", error.to_string())],
        }
    }

    /// Run a phase on an input (JSON).
    ///
    /// # Errors
    /// Those of the phase, and an unknown phase.
    pub fn execute(
        &self,
        host: &mut dyn Host,
        phase: &str,
        input: &str,
    ) -> Result<Outcome<String>, PhaseError> {
        (self.phase(phase)?.execute)(host, input)
    }
}

/// Make a component of phases. Once in a crate of type `cdylib`.
///
/// `version` is the crate's. Optional: `workflows: EXPR` (a `Vec<Workflow>`).
#[macro_export]
macro_rules! plugin {
    {
        name: $name:expr,
        description: $description:expr,
        phases: [$($phase:ty),+ $(,)?]
        $(, workflows: $workflows:expr)?
        $(,)?
    } => {
        /// The plugin, for native tests; the component's exports call it.
        pub fn plugin() -> $crate::Plugin {
            #[allow(unused_mut, unused_assignments)]
            let mut workflows = ::std::vec::Vec::new();
            $( workflows = $workflows; )?
            $crate::Plugin {
                name: $name,
                version: env!("CARGO_PKG_VERSION"),
                description: $description,
                phases: ::std::vec![$($crate::PluginPhase::of::<$phase>()),+],
                workflows,
            }
        }

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs, unused_qualifications)]
        mod __heddle_component {
            struct Component;

            impl $crate::bindings::Guest for Component {
                fn manifest() -> ::std::string::String {
                    $crate::__component::manifest(super::plugin())
                }
                fn validate(
                    phase: ::std::string::String,
                    input: ::std::string::String,
                ) -> ::std::vec::Vec<$crate::bindings::Problem> {
                    $crate::__component::validate(super::plugin(), &phase, &input)
                }
                fn execute(
                    phase: ::std::string::String,
                    input: ::std::string::String,
                ) -> ::std::result::Result<$crate::bindings::Outcome, $crate::bindings::PhaseError> {
                    $crate::__component::execute(super::plugin(), &phase, &input)
                }
            }

            $crate::bindings::export_plugin!(Component with_types_in $crate::bindings);
        }
    };
}
