//! What is wrong with a manifest. How a workflow's steps fit together is the engine's to check.

use std::collections::{BTreeMap, BTreeSet};

use super::{log::excerpt, schema::Check};
use crate::model::{Capability, Manifest, PhaseSpec, Problem};

/// The compiled schemas of a phase.
#[derive(Debug)]
pub(super) struct PhaseChecks {
    pub(super) input: Check,
    pub(super) output: Check,
    pub(super) config: Check,
}

/// At most so many of each kind of thing are in a manifest.
const MANY: usize = 256;
/// Names are at most this long, in bytes.
const NAME_MAX: usize = 63;
/// File names are at most this long, in bytes.
const FILE_NAME_MAX: usize = 200;

/// Check a manifest and compile its schemas. `imported` are the granted imports that the component has.
///
/// # Errors
/// Everything that is wrong, at once.
pub(super) fn check(
    manifest: &Manifest,
    imported: &BTreeSet<Capability>,
) -> Result<Vec<PhaseChecks>, Vec<Problem>> {
    let mut findings = Findings::default();
    findings.name("/name", &manifest.name, Separators::Hyphen);
    findings.version("/version", &manifest.version);
    for capability in imported {
        if !manifest.capabilities.contains(capability) {
            let name = capability.as_str();
            findings.add(
                "/capabilities",
                format!(
                    "the component imports heddle:plugin/{name}, and the manifest does not declare {name:?}"
                ),
            );
        }
    }
    if manifest.phases.is_empty() && manifest.workflows.is_empty() {
        findings.add("/phases", "a plugin has at least one phase or workflow");
    }
    findings.count("/phases", manifest.phases.len());
    findings.count("/workflows", manifest.workflows.len());
    findings.unique("/phases", "name", manifest.phases.iter().map(|p| p.name.as_str()));
    findings.unique("/workflows", "name", manifest.workflows.iter().map(|w| w.name.as_str()));
    let checks: Vec<_> = manifest
        .phases
        .iter()
        .enumerate()
        .map(|(i, phase)| findings.phase(&format!("/phases/{i}"), phase))
        .collect();
    for (i, phase) in manifest.phases.iter().enumerate() {
        for capability in phase.capabilities.iter().flatten() {
            if !manifest.capabilities.contains(capability) {
                let at = format!("/phases/{i}/capabilities");
                findings.add(&at, format!("{capability} is not among the capabilities of the manifest"));
            }
        }
    }
    for (i, workflow) in manifest.workflows.iter().enumerate() {
        let at = format!("/workflows/{i}");
        findings.name(&format!("{at}/name"), &workflow.name, Separators::Both);
        findings.version(&format!("{at}/version"), &workflow.version);
        findings.schema(&format!("{at}/input_schema"), &workflow.input_schema);
        findings.count(&format!("{at}/steps"), workflow.steps.len());
        findings.unique(&format!("{at}/steps"), "name", workflow.steps.iter().map(|s| s.name.as_str()));
        for (j, step) in workflow.steps.iter().enumerate() {
            findings.name(&format!("{at}/steps/{j}/name"), &step.name, Separators::Both);
        }
    }
    match (findings.problems.is_empty(), checks.into_iter().collect::<Option<Vec<_>>>()) {
        (true, Some(checks)) => Ok(checks),
        _ => Err(findings.problems),
    }
}

#[derive(Clone, Copy)]
enum Separators {
    Hyphen,
    Both,
}

#[derive(Default)]
struct Findings {
    problems: Vec<Problem>,
}

impl Findings {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    fn name(&mut self, path: &str, name: &str, separators: Separators) {
        let (fits, which): (fn(char) -> bool, _) = match separators {
            Separators::Hyphen => (|c| c == '-', "hyphens"),
            Separators::Both => (|c| c == '-' || c == '_', "hyphens and underscores"),
        };
        let good = (1..=NAME_MAX).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || fits(c));
        if !good {
            let name = excerpt(name, NAME_MAX);
            self.add(
                path,
                format!(
                    "{name:?} is no name: lower-case letters, digits and {which}, starting with a letter, \
                     at most {NAME_MAX}"
                ),
            );
        }
    }

    fn version(&mut self, path: &str, version: &str) {
        if let Err(error) = semver::Version::parse(version) {
            let version = excerpt(version, NAME_MAX);
            self.add(path, format!("{version:?} is no semantic version (1.2.3): {error}"));
        }
    }

    fn count(&mut self, path: &str, count: usize) {
        if count > MANY {
            self.add(path, format!("{count} of them; at most {MANY} are possible"));
        }
    }

    fn unique<'a>(&mut self, path: &str, key: &str, names: impl Iterator<Item = &'a str>) {
        let mut first = BTreeMap::new();
        for (i, name) in names.enumerate() {
            if let Some(other) = first.insert(name, i) {
                let name = excerpt(name, NAME_MAX);
                self.add(&format!("{path}/{i}/{key}"), format!("{name:?} is also that of number {other}"));
            }
        }
    }

    fn schema(&mut self, path: &str, schema: &crate::model::Schema) -> Option<Check> {
        match Check::compile(schema) {
            Ok(check) => Some(check),
            Err(error) => {
                self.add(path, format!("no JSON Schema that can be used: {}", excerpt(&error, 500)));
                None
            }
        }
    }

    fn phase(&mut self, at: &str, phase: &PhaseSpec) -> Option<PhaseChecks> {
        self.name(&format!("{at}/name"), &phase.name, Separators::Both);
        for (key, count) in [
            ("outputs", phase.outputs.len()),
            ("reads", phase.reads.len()),
            ("shared_reads", phase.shared_reads.len()),
            ("shared_writes", phase.shared_writes.len()),
            ("agents", phase.agents.len()),
        ] {
            self.count(&format!("{at}/{key}"), count);
        }
        self.unique(&format!("{at}/outputs"), "file", phase.outputs.iter().map(|o| o.file.as_str()));
        for (i, output) in phase.outputs.iter().enumerate() {
            if let Some(reason) = unfit_file_name(&output.file) {
                let name = excerpt(&output.file, NAME_MAX);
                self.add(&format!("{at}/outputs/{i}/file"), format!("{name:?} is no file name: {reason}"));
            }
        }
        for (i, pattern) in phase.reads.iter().enumerate() {
            let name = pattern.strip_suffix('*').unwrap_or(pattern);
            let name = name.strip_prefix("input/").unwrap_or(name);
            if let Some(reason) = (!name.is_empty()).then(|| unfit_file_name(name)).flatten() {
                let pattern = excerpt(pattern, NAME_MAX);
                self.add(
                    &format!("{at}/reads/{i}"),
                    format!(
                        "{pattern:?} is no artifact (a file name, input/NAME, with * at the end): {reason}"
                    ),
                );
            }
        }
        let input = self.schema(&format!("{at}/input_schema"), &phase.input_schema);
        let output = self.schema(&format!("{at}/output_schema"), &phase.output_schema);
        let config = self.schema(&format!("{at}/config_schema"), &phase.config_schema);
        Some(PhaseChecks { input: input?, output: output?, config: config? })
    }
}

/// Why a text is no file name, if it is none. A name is one that every file system and every archive can have.
fn unfit_file_name(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > FILE_NAME_MAX {
        return Some("it has 1 to 200 bytes");
    }
    if name.contains(['/', '\\']) {
        return Some("it is without directories");
    }
    if name.chars().any(|c| c.is_control() || "<>:\"|?*".contains(c)) {
        return Some("control characters and < > : \" | ? * are not possible");
    }
    if name.starts_with(['.', ' ']) || name.ends_with(['.', ' ']) {
        return Some("it neither begins nor ends with a dot or a space");
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let manifest: Manifest = serde_json::from_value(json!({
            "name": "Bad_Name",
            "version": "1",
            "phases": [
                { "name": "one", "outputs": [{ "file": "../x", "kind": "json" }, { "file": "a", "kind": "json" },
                    { "file": "a", "kind": "json" }], "reads": ["input/*", "*", "x/../y"] },
                { "name": "one", "input_schema": { "$ref": "https://example.com/x" }, "capabilities": ["state"] },
            ],
            "workflows": [{ "name": "w", "version": "0.1.0", "steps": [{ "name": "S", "phase": "p/one" }] }],
        }))
        .unwrap();
        let problems = check(&manifest, &BTreeSet::from([Capability::Http])).unwrap_err();
        let mut paths: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            [
                "/capabilities",
                "/name",
                "/phases/0/outputs/0/file",
                "/phases/0/outputs/2/file",
                "/phases/0/reads/2",
                "/phases/1/capabilities",
                "/phases/1/input_schema",
                "/phases/1/name",
                "/version",
                "/workflows/0/steps/0/name",
            ]
        );
    }

    #[test]
    fn file_names_stay_where_they_are_put() {
        for name in ["", "a/b", "..", ".hidden", "a\\b", "a\0b", "C:x", "x ", &"n".repeat(201)] {
            assert!(unfit_file_name(name).is_some(), "{name:?}");
        }
        for name in ["report.md", "über uns.csv", "a..b"] {
            assert_eq!(unfit_file_name(name), None, "{name:?}");
        }
    }
}
