//! The trait that a phase implements.

use heddle_manifest::{Capability, FileKind, LimitRequest, OutputFile, PhaseSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Context, PhaseError, Problem};

/// A unit of work.
pub trait Phase {
    /// Lower-case letters, digits, `_` and `-`, starting with a letter.
    const NAME: &'static str;
    /// What it works on. The manifest's input schema is derived from this type.
    type Input: DeserializeOwned + JsonSchema;
    /// What it makes of it. The manifest's output schema is derived from this type.
    type Output: Serialize + JsonSchema;
    /// Its settings ([`NoConfig`] if it has none).
    type Config: DeserializeOwned + JsonSchema;

    /// Names, files and wishes for the manifest.
    fn info() -> PhaseInfo;

    /// A quick look at the input before the run starts. Pure: no host function may be called.
    fn validate(_input: &Self::Input) -> Vec<Problem> {
        Vec::new()
    }

    /// Do the work.
    ///
    /// # Errors
    /// See [`PhaseError`].
    fn execute(ctx: &mut Context<'_, Self::Config>, input: Self::Input) -> PhaseResult<Self::Output>;
}

/// What [`Phase::execute`] returns.
pub type PhaseResult<T> = Result<Outcome<T>, PhaseError>;

/// How a phase ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// With an output.
    Completed(T),
    /// There was nothing to do, and why.
    Skipped(String),
}

/// End a phase with its output.
///
/// # Errors
/// Never; the type is that of [`Phase::execute`].
pub fn done<T>(output: T) -> PhaseResult<T> {
    Ok(Outcome::Completed(output))
}

/// End a phase that had nothing to do.
///
/// # Errors
/// Never; the type is that of [`Phase::execute`].
pub fn skipped<T>(reason: impl Into<String>) -> PhaseResult<T> {
    Ok(Outcome::Skipped(reason.into()))
}

/// The configuration of a phase that has none: an empty object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// The part of a phase's manifest entry that is not derived from its types.
#[derive(Debug, Clone, Default)]
pub struct PhaseInfo {
    display_name: String,
    description: String,
    agent_type: String,
    prompt_template: Option<String>,
    outputs: Vec<OutputFile>,
    reads: Vec<String>,
    shared_reads: Vec<String>,
    shared_writes: Vec<String>,
    agents: Vec<String>,
    capabilities: Vec<Capability>,
    limits: LimitRequest,
}

impl PhaseInfo {
    /// With a name and a description for people.
    pub fn new(display_name: impl Into<String>, description: impl Into<String>) -> Self {
        Self { display_name: display_name.into(), description: description.into(), ..Self::default() }
    }

    /// The persona whose work this is: `data_analyst`.
    #[must_use]
    pub fn agent_type(mut self, agent_type: impl Into<String>) -> Self {
        self.agent_type = agent_type.into();
        self
    }

    /// The prompt template (minijinja) of a phase that consults a model.
    #[must_use]
    pub fn prompt(mut self, template: impl Into<String>) -> Self {
        self.prompt_template = Some(template.into());
        self
    }

    fn file(mut self, file: &str, kind: FileKind, deliverable: bool, description: &str) -> Self {
        let order = self.outputs.len() as u32 + 1;
        let (file, description) = (file.to_owned(), description.to_owned());
        self.outputs.push(OutputFile { file, kind, deliverable, restricted: false, order, description });
        self
    }

    /// A file that it writes.
    #[must_use]
    pub fn output(self, file: &str, kind: FileKind) -> Self {
        self.file(file, kind, false, "")
    }

    /// A file that it writes, and that the workflow's user wants to have.
    #[must_use]
    pub fn deliverable(self, file: &str, kind: FileKind, description: &str) -> Self {
        self.file(file, kind, true, description)
    }

    /// A file that it writes, and that not everybody who may see the run may see: see
    /// [`OutputFile::restricted`](crate::manifest::OutputFile::restricted).
    #[must_use]
    pub fn restricted(mut self, file: &str, kind: FileKind, description: &str) -> Self {
        self = self.file(file, kind, false, description);
        if let Some(output) = self.outputs.last_mut() {
            output.restricted = true;
        }
        self
    }

    /// An artifact that it reads: a file name among those of earlier steps, or `input/*` for uploaded files.
    #[must_use]
    pub fn reads(mut self, artifact: impl Into<String>) -> Self {
        self.reads.push(artifact.into());
        self
    }

    /// A shared-state key that it reads.
    #[must_use]
    pub fn shared_read(mut self, key: impl Into<String>) -> Self {
        self.shared_reads.push(key.into());
        self
    }

    /// A shared-state key that it writes.
    #[must_use]
    pub fn shared_write(mut self, key: impl Into<String>) -> Self {
        self.shared_writes.push(key.into());
        self
    }

    /// A granted import that it calls, for example [`Capability::Approvals`]. It runs only where an admin granted that.
    #[must_use]
    pub fn capability(mut self, capability: Capability) -> Self {
        self.capabilities.push(capability);
        self
    }

    /// An agent that it requires. Implies [`Capability::Agents`].
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>) -> Self {
        self.agents.push(name.into());
        self
    }

    /// Ask for limits other than the host's defaults.
    #[must_use]
    pub fn limits(mut self, limits: LimitRequest) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) fn spec<P: Phase>(mut self) -> PhaseSpec {
        if !self.agents.is_empty() {
            self.capabilities.push(Capability::Agents);
        }
        self.capabilities.sort();
        self.capabilities.dedup();
        PhaseSpec {
            name: P::NAME.to_owned(),
            display_name: self.display_name,
            description: self.description,
            agent_type: self.agent_type,
            prompt_template: self.prompt_template,
            outputs: self.outputs,
            input_schema: schemars::schema_for!(P::Input).into(),
            output_schema: schemars::schema_for!(P::Output).into(),
            config_schema: schemars::schema_for!(P::Config).into(),
            reads: self.reads,
            shared_reads: self.shared_reads,
            shared_writes: self.shared_writes,
            agents: self.agents,
            capabilities: Some(self.capabilities),
            limits: self.limits,
        }
    }
}
