//! What goes over the wire: the API's own shapes, apart from the rows.
//!
//! Each conversion takes its row apart field by field, so that a new field does not compile before somebody has decided
//! whether clients see it.

mod control;
mod event;
mod run;
mod schedule;
mod statistics;
mod step;
mod token;

pub use control::{ApprovalBody, ApprovalPage, SignalBody, StepVerificationBody, VerificationBody};
pub use event::{EventBody, EventPage};
pub use run::{InputFileBody, RunBody, RunPage, RunSummary, StepPageBody, WaitingBody};
pub(crate) use schedule::missed;
pub use schedule::{ScheduleBody, ScheduleList};
use serde::{Deserialize, Serialize};
pub use statistics::{DistributionBody, PhaseStatisticsBody, RunStatisticsBody, StatisticsBody};
pub use step::{AttemptBody, StepBody};
pub use token::TokenBody;
pub(crate) use token::role;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    model::{Failure, LimitBreach, Problem, RunId, Timestamp, Usage},
    sandbox::{LogLevel, LogLine},
    store::{ArtifactRow, ListedArtifact, PluginRow, PluginSource, UploadRow},
};

/// Schema of a text with a format or a pattern that its description tells.
fn text(description: &str, pattern: Option<&str>, format: Option<&str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(pattern)
        .format(format.map(|format| utoipa::openapi::SchemaFormat::Custom(format.to_owned())))
        .into()
}

/// Schema of a run's id.
pub(crate) fn run_id() -> RefOr<Schema> {
    text("Id of a run.", Some("^run_[0-9a-hjkmnp-tv-z]{26}$"), None)
}

/// Schema of an upload's id.
pub(crate) fn upload_id() -> RefOr<Schema> {
    text("Id of an upload.", Some("^upl_[0-9a-hjkmnp-tv-z]{26}$"), None)
}

/// Schema of an attempt's id.
pub(crate) fn attempt_id() -> RefOr<Schema> {
    text("Id of an attempt.", Some("^att_[0-9a-hjkmnp-tv-z]{26}$"), None)
}

/// Schema of a digest.
pub(crate) fn digest() -> RefOr<Schema> {
    text("SHA-256 (FIPS 180-4), hexadecimal.", Some("^[0-9a-f]{64}$"), None)
}

/// Schema of a moment.
pub(crate) fn time() -> RefOr<Schema> {
    text("RFC 3339.", None, Some("date-time"))
}

fn shown(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// Schema of one of the texts given.
pub(crate) fn one_of(description: &str, values: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(values))
        .into()
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProblemItem)]
pub struct ProblemBody {
    /// JSON Pointer (RFC 6901) into the document; empty for the whole.
    #[schema(example = "/ticket_data/3/created_at")]
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl From<Problem> for ProblemBody {
    fn from(Problem { path, message }: Problem) -> Self {
        Self { path, message }
    }
}

/// Why a run, a step or an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureBody {
    /// `invalid_input`, `retryable`, `failed`, `invalid_output`, `trapped`, `stack_overflow`, `limit_exceeded`,
    /// `timed_out`, `cancelled`, `plugin_unavailable`, `nondeterminism`, `host_crashed` or `host`.
    pub kind: String,
    /// For people: what, where, what to do.
    pub message: String,
    /// The single things that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemBody>,
    /// The limit that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<BreachBody>,
}

/// Which limit, what it is, and what was used when it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LimitBreach)]
pub struct BreachBody {
    /// Its name ends in its unit.
    #[schema(example = "memory_bytes")]
    pub limit: String,
    /// Its value.
    pub value: u64,
    /// What was used or asked for.
    pub used: u64,
}

impl From<Failure> for FailureBody {
    fn from(Failure { kind, message, problems, breach }: Failure) -> Self {
        Self {
            kind: serde_word(&kind),
            message,
            problems: problems.into_iter().map(Into::into).collect(),
            breach: breach.map(|LimitBreach { limit, value, used }| BreachBody { limit, value, used }),
        }
    }
}

/// The text that a unit variant serialises to.
fn serde_word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What an attempt used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Usage)]
pub struct UsageBody {
    /// From start to end, in microseconds.
    pub wall_us: u64,
    /// Processor time, in microseconds.
    pub cpu_us: u64,
    /// The most memory at once, in bytes.
    pub peak_memory_bytes: u64,
    /// Output JSON and artifacts, in bytes.
    pub output_bytes: u64,
    /// Calls to the host.
    pub host_calls: u64,
}

impl From<Usage> for UsageBody {
    fn from(Usage { wall_us, cpu_us, peak_memory_bytes, output_bytes, host_calls }: Usage) -> Self {
        Self { wall_us, cpu_us, peak_memory_bytes, output_bytes, host_calls }
    }
}

/// A file that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Artifact)]
pub struct ArtifactBody {
    /// The step that made it.
    pub step: String,
    /// File name, without directories.
    pub name: String,
    /// From 1, within the run and step.
    pub version: u32,
    /// Whether it is the latest version, and part of its step's result.
    pub latest: bool,
    /// Of its bytes.
    #[schema(schema_with = digest)]
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// What it is: `json`, `csv`, `markdown`, `html`, `png`, `svg`, `pdf`, `xlsx`, `docx`, `pptx`, `zip`, `text`, `binary`.
    pub kind: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Whether it is a result that the workflow's user wants to have.
    pub deliverable: bool,
    /// Whether it is for those only who may read the run's own input, such as a key from masked to original ids: no other step is given
    /// it, and no archive holds it unless it is asked for.
    pub restricted: bool,
    /// Place among the step's files, from 1.
    pub order: u32,
    /// For people.
    pub description: String,
    /// Number of the attempt that made it.
    pub attempt: u32,
    /// When it was committed.
    #[schema(schema_with = time)]
    pub created_at: String,
    /// Where its content is, relative to the server.
    pub url: String,
}

impl ArtifactBody {
    pub(crate) fn new(run: RunId, listed: ListedArtifact) -> Self {
        let ListedArtifact { row, latest, .. } = listed;
        let ArtifactRow {
            step,
            name,
            version,
            attempt,
            digest,
            size,
            kind,
            media_type,
            deliverable,
            restricted,
            order,
            description,
            created_at,
        } = row;
        let url = format!(
            "/api/v1/runs/{run}/artifacts/{}/{}?version={version}",
            crate::api::uri::segment(&step),
            crate::api::uri::segment(&name)
        );
        Self {
            digest: digest.to_string(),
            kind: serde_word(&kind),
            created_at: created_at.to_string(),
            step,
            name,
            version,
            latest,
            size,
            media_type,
            deliverable,
            restricted,
            order,
            description,
            attempt,
            url,
        }
    }
}

/// A page of a run's artifacts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArtifactPage {
    /// In the order of steps, files and versions.
    pub items: Vec<ArtifactBody>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Plugin)]
pub struct PluginBody {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Of the component's bytes.
    #[schema(schema_with = digest)]
    pub digest: String,
    /// Bytes of the component.
    pub size: u64,
    /// `bundled` (the host's binary carries it) or `uploaded`.
    pub source: String,
    /// Whether new runs take it.
    pub active: bool,
    /// When it was first loaded.
    #[schema(schema_with = time)]
    pub created_at: String,
}

impl From<PluginRow> for PluginBody {
    fn from(row: PluginRow) -> Self {
        let PluginRow { digest, name, version, manifest: _, size, source, active, created_at } = row;
        Self {
            name,
            version,
            digest: digest.to_string(),
            size,
            source: match source {
                PluginSource::Bundled => "bundled",
                PluginSource::Uploaded => "uploaded",
            }
            .to_owned(),
            active,
            created_at: created_at.to_string(),
        }
    }
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Upload)]
pub struct UploadBody {
    /// Its id: what `POST /runs` names.
    #[schema(schema_with = upload_id)]
    pub id: String,
    /// As the client named it.
    pub filename: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Of its bytes.
    #[schema(schema_with = digest)]
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// When it was uploaded.
    #[schema(schema_with = time)]
    pub created_at: String,
}

impl From<UploadRow> for UploadBody {
    fn from(UploadRow { id, filename, media_type, digest, size, created_at }: UploadRow) -> Self {
        Self {
            id: id.to_string(),
            filename,
            media_type,
            digest: digest.to_string(),
            size,
            created_at: created_at.to_string(),
        }
    }
}

/// A line of an attempt's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogLine)]
pub struct LogLineBody {
    /// Since the attempt's start, in microseconds.
    pub at_us: u64,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text.
    pub message: String,
}

impl From<LogLine> for LogLineBody {
    fn from(LogLine { at_us, level, message }: LogLine) -> Self {
        let level = match level {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        Self { at_us, level: level.to_owned(), message }
    }
}

/// The log of an attempt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogBody {
    /// In the order in which they were written.
    pub lines: Vec<LogLineBody>,
}

/// A reference to a schema that comes from the manifest's own types, which describe themselves by schemars.
macro_rules! manifest_reference {
    ($($(#[$doc:meta])* $name:ident = $schema:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub crate::model::$name);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                utoipa::openapi::Ref::from_schema_name($schema).into()
            }
        }

        // No name of its own: it is written in place, as the reference that it is.
        impl ToSchema for $name {}
    )+};
}

manifest_reference!(
    /// A plugin's manifest.
    Manifest = "Manifest";
    /// A workflow's definition.
    Workflow = "Workflow";
    /// A phase type.
    PhaseSpec = "PhaseSpec";
);
