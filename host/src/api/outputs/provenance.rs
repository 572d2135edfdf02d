//! Where a run's files come from: the document beside them in an archive and in a directory of results.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::api::wire::{ArtifactBody, FailureBody, InputFileBody, RunBody};

/// Name of a step's output among its files.
pub(crate) const OUTPUT_FILE: &str = "output.json";

/// What made the files beside this document, and their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Provenance {
    /// The run's id.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub workflow_version: String,
    /// How the run ended.
    pub state: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureBody>,
    /// Digest of the plan: definition and plugins.
    pub plan: String,
    /// Digest of each plugin's component.
    pub plugins: BTreeMap<String, String>,
    /// Digest of the input.
    pub input: String,
    /// The uploaded files.
    pub input_files: Vec<InputFileBody>,
    /// All randomness came from it.
    pub seed: String,
    /// The clock that the phases saw.
    pub as_of: String,
    /// When the run was created.
    pub created_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The steps, in the definition's order.
    pub steps: Vec<StepProvenance>,
    /// The files beside this document.
    pub files: Vec<FileProvenance>,
    /// `STEP/FILE` of each restricted file that is not beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// Where a step's outputs come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepProvenance {
    /// Its name.
    pub step: String,
    /// `PLUGIN/PHASE`.
    pub phase: String,
    /// How it ended.
    pub state: String,
    /// Hash of everything that it could observe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_key: Option<String>,
}

/// A file beside this document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileProvenance {
    /// `STEP/FILE`.
    pub path: String,
    /// The step that made it.
    pub step: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Bytes; absent for a step's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Version within the run; absent for a step's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Whether it is a result that the workflow's user wants to have.
    pub deliverable: bool,
}

/// The artifacts of each step, in their order.
pub(super) fn by_step(artifacts: &[ArtifactBody]) -> HashMap<&str, Vec<&ArtifactBody>> {
    let mut steps: HashMap<&str, Vec<&ArtifactBody>> = HashMap::new();
    for artifact in artifacts {
        steps.entry(&artifact.step).or_default().push(artifact);
    }
    steps
}

impl Provenance {
    /// Of a run with the latest version of each of its artifacts. Files come in the order of the steps: each step's
    /// artifacts by their place, then its output, unless a file of that name takes its place. Restricted files are left out unless
    /// they are asked for.
    pub(crate) fn new(run: &RunBody, latest: &[ArtifactBody], restricted: bool) -> Self {
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        let by_step = by_step(latest);
        for step in &run.steps {
            let made = by_step.get(step.name.as_str()).map_or(&[][..], Vec::as_slice);
            let (with, without): (Vec<&ArtifactBody>, Vec<_>) =
                made.iter().partition(|artifact| restricted || !artifact.restricted);
            left_out.extend(without.iter().map(|artifact| format!("{}/{}", step.name, artifact.name)));
            files.extend(with.iter().map(|artifact| FileProvenance {
                path: format!("{}/{}", step.name, artifact.name),
                step: step.name.clone(),
                sha256: artifact.digest.clone(),
                size: Some(artifact.size),
                version: Some(artifact.version),
                deliverable: artifact.deliverable,
            }));
            if let Some(digest) = &step.output_digest
                && !made.iter().any(|artifact| artifact.name == OUTPUT_FILE)
            {
                files.push(FileProvenance {
                    path: format!("{}/{OUTPUT_FILE}", step.name),
                    step: step.name.clone(),
                    sha256: digest.clone(),
                    size: None,
                    version: None,
                    deliverable: false,
                });
            }
        }
        Self {
            run: run.run.id.clone(),
            workflow: run.run.workflow.clone(),
            workflow_version: run.run.workflow_version.clone(),
            state: run.run.state.clone(),
            failure: run.run.failure.clone(),
            plan: run.run.plan.clone(),
            plugins: run.pins.clone(),
            input: run.run.input_digest.clone(),
            input_files: run.files.clone(),
            seed: run.run.seed.clone(),
            as_of: run.run.as_of.clone(),
            created_at: run.run.created_at.clone(),
            finished_at: run.run.finished_at.clone(),
            steps: run
                .steps
                .iter()
                .map(|step| StepProvenance {
                    step: step.name.clone(),
                    phase: step.phase.clone(),
                    state: step.state.clone(),
                    step_key: step.step_key.clone(),
                })
                .collect(),
            files,
            left_out,
        }
    }

    /// As the text of a file.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
