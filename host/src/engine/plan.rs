//! What a run executes: its own copy of the definition, and the digests of its plugins (law 4).

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    expression::{Expression, Root, Selector},
    graph::Graph,
};
use crate::model::{Digest, Manifest, PhaseSpec, Problem, StepDefinition, Workflow};

/// What a run executes. It never changes under the run; runs that have the same plan share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanBody {
    /// The definition.
    pub(crate) workflow: Workflow,
    /// The component of each plugin that the steps use, by the plugin's name.
    pub(crate) plugins: BTreeMap<String, Digest>,
}

/// A plan with what is derived from it.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) digest: Digest,
    pub(crate) body: PlanBody,
    /// The body as it is stored.
    pub(crate) json: String,
    pub(crate) graph: Graph,
}

/// `PLUGIN/PHASE` taken apart.
pub(crate) fn split_phase(phase: &str) -> Option<(&str, &str)> {
    phase.split_once('/').filter(|(plugin, name)| !plugin.is_empty() && !name.is_empty())
}

/// What planning must know of the plugins.
pub(crate) trait Phases {
    /// The active plugin of that name.
    fn plugin(&self, name: &str) -> Option<(Digest, Arc<Manifest>)>;
    /// The names of the active plugins, for messages.
    fn names(&self) -> Vec<String>;
}

impl Plan {
    /// Check a definition and pin its plugins, or say everything that is wrong. Paths point into the definition.
    pub(crate) fn new(workflow: &Workflow, phases: &impl Phases) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if !super::graph::is_name(&workflow.name) {
            problems.push(Problem::new(
                "/name",
                format!(
                    "{:?} is no name: lower-case letters, digits, `_`, starting with a letter, at most 63",
                    workflow.name
                ),
            ));
        }
        if let Err(error) = crate::schema::compile(&workflow.input_schema) {
            problems.push(Problem::new("/input_schema", error));
        }
        let graph = Graph::of(workflow).map_err(|more| problems.extend(more)).ok();
        let mut plugins = BTreeMap::new();
        for (i, step) in workflow.steps.iter().enumerate() {
            match find_phase(step, phases) {
                Ok((plugin, digest, spec)) => {
                    plugins.insert(plugin, digest);
                    check_step(i, step, &spec, workflow, &mut problems);
                }
                Err(message) => problems.push(Problem::new(format!("/steps/{i}/phase"), message)),
            }
        }
        match graph {
            Some(graph) if problems.is_empty() => {
                Self::with_graph(PlanBody { workflow: workflow.clone(), plugins }, graph)
            }
            _ => Err(problems),
        }
    }

    /// A plan as it was stored.
    pub(crate) fn stored(json: &str) -> Result<Self, String> {
        let body: PlanBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let graph = Graph::of(&body.workflow).map_err(|problems| format!("{problems:?}"))?;
        Self::with_graph(body, graph).map_err(|problems| format!("{problems:?}"))
    }

    fn with_graph(body: PlanBody, graph: Graph) -> Result<Self, Vec<Problem>> {
        let json = serde_json::to_string(&body).map_err(|error| vec![Problem::new("", error.to_string())])?;
        Ok(Self { digest: Digest::of(&json), body, json, graph })
    }

    /// A step's definition by its place.
    pub(crate) fn step(&self, i: usize) -> &StepDefinition {
        &self.body.workflow.steps[i]
    }

    /// The component of a step's plugin, and the phase's name within it.
    pub(crate) fn component(&self, i: usize) -> Option<(Digest, &str)> {
        let (plugin, phase) = split_phase(&self.step(i).phase)?;
        Some((*self.body.plugins.get(plugin)?, phase))
    }
}

fn find_phase(step: &StepDefinition, phases: &impl Phases) -> Result<(String, Digest, PhaseSpec), String> {
    let (plugin, name) = split_phase(&step.phase)
        .ok_or_else(|| format!("{:?} names no phase; the form is PLUGIN/PHASE", step.phase))?;
    let (digest, manifest) = phases.plugin(plugin).ok_or_else(|| {
        format!(
            "there is no plugin {plugin:?}; there are: {}",
            list(phases.names().iter().map(String::as_str))
        )
    })?;
    let spec = manifest.phase(name).ok_or_else(|| {
        let names = manifest.phases.iter().map(|p| p.name.as_str());
        format!("plugin {plugin:?} has no phase {name:?}; it has: {}", list(names))
    })?;
    Ok((plugin.to_owned(), digest, spec.clone()))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}

fn check_step(
    i: usize,
    step: &StepDefinition,
    spec: &PhaseSpec,
    workflow: &Workflow,
    problems: &mut Vec<Problem>,
) {
    match crate::schema::compile(&spec.config_schema) {
        Ok(schema) => {
            for problem in crate::schema::check(&schema, &step.config) {
                problems.push(Problem::new(format!("/steps/{i}/config{}", problem.path), problem.message));
            }
        }
        Err(error) => problems.push(Problem::new(format!("/steps/{i}/config"), error)),
    }
    let retry = &step.retry;
    let mut policy = |key: &str, fits: bool, expected: &str| {
        if !fits {
            problems.push(Problem::new(format!("/steps/{i}/retry/{key}"), format!("expected {expected}")));
        }
    };
    policy("max_attempts", (1..=100).contains(&retry.max_attempts), "a number from 1 to 100");
    policy(
        "factor",
        retry.factor.is_finite() && (1.0..=100.0).contains(&retry.factor),
        "a number from 1 to 100",
    );
    policy("jitter", (0.0..=1.0).contains(&retry.jitter), "a number from 0 to 1");
    if step.timeout_ms == Some(0) {
        problems.push(Problem::new(format!("/steps/{i}/timeout_ms"), "expected at least 1"));
    }
    for (key, text) in step.input.iter().flatten() {
        let at = || format!("/steps/{i}/input/{}", key.replace('~', "~0").replace('/', "~1"));
        if closed_against(&spec.input_schema, key) {
            problems.push(Problem::new(at(), format!("phase {} takes no {key:?}", step.phase)));
        }
        let Ok(expression) = Expression::parse(text) else { continue };
        for reference in expression.references() {
            if let (Root::Input, Some(Selector::Key(first))) = (&reference.root, reference.path.first())
                && closed_against(&workflow.input_schema, first)
            {
                problems.push(Problem::new(at(), format!("{text:?}: the workflow's input has no {first:?}")));
            }
        }
    }
}

/// Whether an object schema plainly has no place for a key. Anything less plain is left to the validation of the
/// value itself.
fn closed_against(schema: &serde_json::Value, key: &str) -> bool {
    schema.get("additionalProperties") == Some(&serde_json::Value::Bool(false))
        && schema.get("patternProperties").is_none()
        && schema.get("$ref").is_none()
        && schema.get("properties").and_then(|p| p.get(key)).is_none()
}
