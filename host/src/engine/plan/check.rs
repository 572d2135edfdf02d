//! A definition looked at as a whole: everything that is wrong with it, before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_DEPTH, PlanBody, Surroundings, step::check_step};
use crate::{
    engine::graph::{Graph, is_name},
    model::{Digest, Node, PhaseSpec, Problem, Schema, StepDefinition, Workflow},
};

/// What the checks of a definition share.
pub(super) struct Check<'a, S> {
    pub(super) surroundings: &'a S,
    pub(super) workflow: &'a Workflow,
    pub(super) problems: Vec<Problem>,
    pub(super) plugins: BTreeMap<String, Digest>,
    /// What is known of each step's output, by name.
    pub(super) outputs: BTreeMap<String, Option<Schema>>,
    /// The sub-workflows that it names, with the place of the first that does.
    pub(super) parts: BTreeMap<String, String>,
}

pub(super) fn check(workflow: &Workflow, surroundings: &impl Surroundings) -> Result<PlanBody, Vec<Problem>> {
    let mut body =
        PlanBody { workflow: workflow.clone(), workflows: BTreeMap::new(), plugins: BTreeMap::new() };
    let mut problems = Vec::new();
    let parts = one(workflow, surroundings, &mut body.plugins, &mut problems);
    let mut open: Vec<(String, String, Vec<String>)> =
        parts.into_iter().map(|(name, at)| (name, at, vec![workflow.name.clone()])).collect();
    while let Some((name, at, path)) = open.pop() {
        if path.contains(&name) {
            let circle = [path.as_slice(), &[name]].concat().join(" → ");
            problems.push(Problem::new(at, format!("the workflow would contain itself: {circle}")));
            continue;
        }
        if path.len() >= MAX_DEPTH {
            let message =
                format!("workflows contain each other more than {MAX_DEPTH} deep: {}", path.join(" → "));
            problems.push(Problem::new(at, message));
            continue;
        }
        let Some(part) = surroundings.workflow(&name) else {
            let known = surroundings.workflow_names().join(", ");
            let message = format!(
                "there is no workflow {name:?}; there are: {known} (`heddle workflow create FILE` saves one)"
            );
            problems.push(Problem::new(at, message));
            continue;
        };
        let mut inside = Vec::new();
        let more = one(&part, surroundings, &mut body.plugins, &mut inside);
        problems.extend(inside.into_iter().map(|p| {
            Problem::new(at.clone(), format!("workflow {name:?} cannot run: {}: {}", p.path, p.message))
        }));
        let path = [path.as_slice(), std::slice::from_ref(&name)].concat();
        open.extend(more.into_keys().map(|inner| (inner, at.clone(), path.clone())));
        body.workflows.insert(name, part);
    }
    if problems.is_empty() { Ok(body) } else { Err(problems) }
}

/// One definition, without what is in its sub-workflows. Returns their names, with the place that first names each.
fn one(
    workflow: &Workflow,
    surroundings: &impl Surroundings,
    plugins: &mut BTreeMap<String, Digest>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let mut check = Check {
        surroundings,
        workflow,
        problems: Vec::new(),
        plugins: std::mem::take(plugins),
        outputs: workflow
            .steps
            .iter()
            .map(|step| (step.name.clone(), super::outputs::schema(step, surroundings)))
            .collect(),
        parts: BTreeMap::new(),
    };
    if !is_name(&workflow.name) {
        let rule = "lower-case letters, digits, `_`, starting with a letter, at most 63";
        check.problems.push(Problem::new("/name", format!("{:?} is no name: {rule}", workflow.name)));
    }
    if let Err(error) = crate::schema::compile(&workflow.input_schema) {
        check.problems.push(Problem::new("/input_schema", error));
    }
    let graph = Graph::of(&workflow.steps, "/steps").map_err(|more| check.problems.extend(more)).ok();
    let mut phases = Vec::with_capacity(workflow.steps.len());
    for (i, step) in workflow.steps.iter().enumerate() {
        phases.push(check_step(&mut check, step, &format!("/steps/{i}"), 0, graph.as_ref().map(|g| (g, i))));
    }
    if let Some(output) = &workflow.output {
        for (key, text) in output.expressions() {
            let at = key.map_or_else(|| "/output".to_owned(), |key| format!("/output/{key}"));
            super::step::check_expression(&mut check, text, &at, &super::step::Seen::all(workflow));
        }
    }
    for (step, specs) in std::iter::zip(&workflow.steps, &mut phases) {
        phases_inside(std::slice::from_ref(step), surroundings, 0, specs);
    }
    if let Some(graph) = &graph {
        shared_state(&workflow.steps, &phases, graph, &mut check.problems);
    }
    *plugins = check.plugins;
    problems.append(&mut check.problems);
    check.parts
}

/// The phases of the workflows that steps run as parts of theirs.
fn phases_inside(
    steps: &[StepDefinition],
    surroundings: &impl Surroundings,
    depth: usize,
    found: &mut Vec<PhaseSpec>,
) {
    // What contains itself is reported elsewhere.
    if depth > MAX_DEPTH {
        return;
    }
    for step in steps {
        if let Some(body) = step.node().and_then(Node::body) {
            phases_inside(std::slice::from_ref(body), surroundings, depth + 1, found);
        }
        let Some(part) = step.workflow.as_ref().and_then(|part| surroundings.workflow(&part.name)) else {
            continue;
        };
        phases_inside(&part.steps, surroundings, depth + 1, found);
        let mut open: Vec<&StepDefinition> = part.steps.iter().collect();
        while let Some(step) = open.pop() {
            open.extend(step.node().and_then(Node::body));
            let named = step.phase.as_deref().and_then(super::split_phase);
            let spec = named.and_then(|(plugin, phase)| surroundings.plugin(plugin)?.1.phase(phase).cloned());
            found.extend(spec);
        }
    }
}

/// Two steps of which neither comes after the other may not both write a key, nor one write what the other reads: what
/// the reader saw, or which value stayed, would be chance.
fn shared_state(
    steps: &[StepDefinition],
    phases: &[Vec<PhaseSpec>],
    graph: &Graph,
    problems: &mut Vec<Problem>,
) {
    let mut writers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (i, specs) in phases.iter().enumerate() {
        for spec in specs {
            for key in &spec.shared_writes {
                writers.entry(key).or_default().insert(i);
            }
            for key in &spec.shared_reads {
                readers.entry(key).or_default().insert(i);
            }
        }
        let many = matches!(steps[i].node(), Some(Node::Map(_)));
        for spec in specs.iter().filter(|spec| many && !spec.shared_writes.is_empty()) {
            let keys = spec.shared_writes.join(", ");
            let message =
                format!("the items of a map run side by side, and each would write the shared key {keys}");
            problems.push(Problem::new(format!("/steps/{i}/map/body"), message));
        }
    }
    for (key, writing) in &writers {
        for &i in writing {
            let before = graph.ancestors(i);
            let after = graph.descendants(i);
            let apart = |j: &usize| *j != i && !before.contains(j) && !after.contains(j);
            for &j in writing.iter().filter(|j| **j > i && apart(j)) {
                let message = format!(
                    "steps {} and {} both write the shared key {key:?}, and neither comes after the other",
                    steps[i].name, steps[j].name
                );
                problems.push(Problem::new(format!("/steps/{j}"), message));
            }
            for &j in readers.get(key).into_iter().flatten().filter(|j| apart(j)) {
                let message = format!(
                    "step {} reads the shared key {key:?} that step {} writes, and neither comes after the other",
                    steps[j].name, steps[i].name
                );
                problems.push(Problem::new(format!("/steps/{j}"), message));
            }
        }
    }
}
