//! The JSON documents that a plugin and the host exchange: the manifest, and requests and answers of granted imports.
//!
//! Both sides use these very types, so that they cannot drift apart: the SDK to write the manifest, the host to read
//! it. A key that is not known is an error, because a misspelt policy that is silently ignored is worse than none.
//!
//! This crate knows nothing of WebAssembly, of storage, or of how a run is executed.

pub mod approval;
mod builder;
mod capability;
mod definition;
mod node;
mod policy;

pub use approval::{ApprovalOption, ApprovalRequest, DecidedBy, Decision};
pub use capability::{Capability, UnknownCapability};
pub use definition::{FilesSpec, Step, Workflow};
pub use node::{
    Case, Cases, Checkpoint, Choice, Condition, Join, JoinMode, Loop, Map, Mapping, Node, OnDeadline,
    SubWorkflow, Then, Wait,
};
pub use policy::{Concurrency, RetryPolicy};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A JSON Schema (draft 2020-12) document.
pub type Schema = serde_json::Value;

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Lower-case letters, digits and hyphens, starting with a letter: `ticket-analysis`.
    pub name: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One or two sentences for people.
    #[serde(default)]
    pub description: String,
    /// The granted imports that the plugin wants. Wanting is not having: an admin grants them per tenant.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// The phases that it implements.
    pub phases: Vec<PhaseSpec>,
    /// The workflows that it ships.
    #[serde(default)]
    pub workflows: Vec<Workflow>,
}

/// A phase type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseSpec {
    /// Lower-case letters, digits, `_` and `-`, starting with a letter: `ticket_ingestion`.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub display_name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The persona whose work this is: `data_analyst`.
    #[serde(default)]
    pub agent_type: String,
    /// A minijinja template; only phases that consult a model have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_template: Option<String>,
    /// The files that the phase may write. Writing any other is refused.
    #[serde(default)]
    pub outputs: Vec<OutputFile>,
    /// Schema of the input.
    #[serde(default = "any_schema")]
    pub input_schema: Schema,
    /// Schema of the output; an output that breaks it fails the step.
    #[serde(default = "any_schema")]
    pub output_schema: Schema,
    /// Schema of the configuration.
    #[serde(default = "any_schema")]
    pub config_schema: Schema,
    /// The artifacts that the phase reads, by file name among those of the steps it comes after, or `input/NAME` for
    /// uploaded files. A `*` at the end matches any rest.
    #[serde(default)]
    pub reads: Vec<String>,
    /// The shared-state keys that it reads.
    #[serde(default)]
    pub shared_reads: Vec<String>,
    /// The shared-state keys that it writes.
    #[serde(default)]
    pub shared_writes: Vec<String>,
    /// The agents that it requires.
    #[serde(default)]
    pub agents: Vec<String>,
    /// The granted imports that it calls: they must be granted before it runs, and it may call no other. Absent: all
    /// that the component imports. With it, the other phases of a plugin run although what one of them wants was not
    /// granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// The limits that it asks for; the host's own ceiling holds all the same.
    #[serde(default)]
    pub limits: LimitRequest,
}

fn any_schema() -> Schema {
    serde_json::Value::Bool(true)
}

/// A file that a phase may write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputFile {
    /// File name, without directories.
    pub file: String,
    /// What it is.
    pub kind: FileKind,
    /// Whether it is a result that the workflow's user wants to have (else it is a by-product).
    #[serde(default)]
    pub deliverable: bool,
    /// Whether it holds what not everybody who may see the run may see, such as a key from masked to original ids. Such a file
    /// is for those only who may read the run's own input: no preview, no other phase's input, in no bundle of all files unless it
    /// is asked for. What a host does about it, it says; a host that knows nothing of it treats it as any other file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// Place among the phase's files, from 1.
    #[serde(default)]
    pub order: u32,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// The kind of a file, which decides its media type and its preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// `application/json`
    Json,
    /// `text/csv`
    Csv,
    /// `text/markdown`
    Markdown,
    /// `text/html`
    Html,
    /// `image/png`
    Png,
    /// `image/svg+xml`
    Svg,
    /// `application/pdf`
    Pdf,
    /// Office Open XML workbook
    Xlsx,
    /// Office Open XML document
    Docx,
    /// Office Open XML presentation
    Pptx,
    /// `application/zip`
    Zip,
    /// `text/plain`
    Text,
    /// `application/octet-stream`
    Binary,
}

impl FileKind {
    /// The media type (RFC 6838).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
            Self::Pdf => "application/pdf",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Zip => "application/zip",
            Self::Text => "text/plain; charset=utf-8",
            Self::Binary => "application/octet-stream",
        }
    }
}

/// Limits that a phase asks for. What is absent is the host's default; what is above the host's ceiling is the ceiling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitRequest {
    /// Linear memory and tables of all instances together, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Time from start to end of one attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Output JSON and artifacts together, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

impl Manifest {
    /// The JSON Schema of the manifest document.
    pub fn json_schema() -> Schema {
        schemars::schema_for!(Manifest).into()
    }

    /// The phase of that name.
    pub fn phase(&self, name: &str) -> Option<&PhaseSpec> {
        self.phases.iter().find(|p| p.name == name)
    }
}

impl PhaseSpec {
    /// Whether the phase declared to read the artifact.
    pub fn may_read(&self, artifact: &str) -> bool {
        self.reads.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => artifact.starts_with(prefix),
            None => pattern == artifact,
        })
    }

    /// The declared output of that name.
    pub fn output(&self, file: &str) -> Option<&OutputFile> {
        self.outputs.iter().find(|o| o.file == file)
    }
}
