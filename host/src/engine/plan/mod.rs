//! What a run executes: its own copy of the definition, and the digests of its plugins (law 4).

pub(crate) mod bounds;
mod check;
mod known;
mod outputs;
mod shared;
mod step;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use self::bounds::MAX_DEPTH;
use super::{
    expression::{Expression, Root},
    graph::{EdgeKind, Graph},
    problems::Problems,
};
use crate::model::{Digest, Manifest, Mapping, Node, Problem, StepDefinition, Workflow};

/// What a run executes. It never changes under the run; runs that have the same plan share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanBody {
    /// The definition.
    pub(crate) workflow: Workflow,
    /// The definitions of the workflows that it runs as parts of itself, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) workflows: BTreeMap<String, Workflow>,
    /// The component of each plugin that the steps use, by the plugin's name.
    pub(crate) plugins: BTreeMap<String, Digest>,
}

/// A list of steps that is run as a whole: the run's own, a sub-workflow's, or the body of a map or a loop.
#[derive(Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) steps: Vec<StepDefinition>,
    pub(crate) graph: Graph,
    /// Of each step that contains steps, their layout.
    pub(crate) inner: Vec<Option<usize>>,
    pub(crate) kind: LayoutKind,
    /// What the expressions of each step read, those of a body inside it included.
    pub(crate) roots: Vec<BTreeSet<Root>>,
    /// The workflow's result, if it is one and says.
    pub(crate) output: Option<Mapping>,
    /// What that reads.
    pub(crate) output_roots: BTreeSet<Root>,
    /// Of each step that has a fallback, the place of that.
    pub(crate) fallbacks: Vec<Option<usize>>,
    /// Of each step its turn: the place that it has in the graph's order.
    pub(crate) turns: Vec<usize>,
    /// The steps' places, by name.
    places: HashMap<String, usize>,
}

/// What a list of steps is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayoutKind {
    /// A workflow: it has an input and names of its own.
    Workflow,
    /// The body of a map, which sees what is around it, and an item.
    Map,
    /// The body of a loop, which sees what is around it, and what was made before.
    Loop,
}

impl Layout {
    pub(crate) fn is_workflow(&self) -> bool {
        self.kind == LayoutKind::Workflow
    }

    /// The place of the step of that name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

/// A plan with what is derived from it.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) digest: Digest,
    pub(crate) body: PlanBody,
    /// The body as it is stored.
    pub(crate) json: String,
    /// The run's own steps are the first.
    pub(crate) layouts: Vec<Layout>,
}

/// `PLUGIN/PHASE` taken apart.
pub(crate) fn split_phase(phase: &str) -> Option<(&str, &str)> {
    phase.split_once('/').filter(|(plugin, name)| !plugin.is_empty() && !name.is_empty())
}

/// What planning must know of the plugins and of the other workflows.
pub(crate) trait Surroundings {
    /// The active plugin of that name.
    fn plugin(&self, name: &str) -> Option<(Digest, Arc<Manifest>)>;
    /// The names of the active plugins, for messages.
    fn plugin_names(&self) -> Vec<String>;
    /// The workflow of that name.
    fn workflow(&self, name: &str) -> Option<Arc<Workflow>>;
    /// The names of the workflows, for messages.
    fn workflow_names(&self) -> Vec<String>;
}

impl Plan {
    /// Where a step is by the name that it has in a run (`fan[3]`, `part/extract`): its layout, its place there, and how many
    /// bytes of the name are those of what it is inside of.
    pub(crate) fn place_of(&self, name: &str) -> Option<(usize, usize, usize)> {
        let (mut layout, mut around) = (0, 0);
        loop {
            let rest = &name[around..];
            let mut end = rest.find(['[', '/']).unwrap_or(rest.len());
            let mut local = self.layouts[layout].place(&rest[..end])?;
            while rest[end..].starts_with('[') {
                layout = self.layouts[layout].inner[local]?;
                local = 0;
                end += rest[end..].find(']')? + 1;
            }
            if end == rest.len() {
                return Some((layout, local, around));
            }
            rest[end..].strip_prefix('/')?;
            layout = self.layouts[layout].inner[local]?;
            around += end + 1;
        }
    }

    /// Check a definition and pin its plugins and sub-workflows, or say everything that is wrong. Paths point into the
    /// definition.
    pub(crate) fn new(workflow: &Workflow, surroundings: &impl Surroundings) -> Result<Self, Vec<Problem>> {
        let body = check::check(workflow, surroundings, true)?;
        Self::of(body)
    }

    /// Everything that is wrong with a definition of which parts are left out: nothing is said of its order.
    pub(crate) fn problems_of_draft(workflow: &Workflow, surroundings: &impl Surroundings) -> Vec<Problem> {
        check::check(workflow, surroundings, false).err().unwrap_or_default()
    }

    /// A plan as it was stored.
    pub(crate) fn stored(json: &str) -> Result<Self, String> {
        let body: PlanBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Self::of(body).map_err(|problems| format!("{problems:?}"))
    }

    pub(crate) fn of(body: PlanBody) -> Result<Self, Vec<Problem>> {
        let json = serde_json::to_string(&body).map_err(|error| vec![Problem::new("", error.to_string())])?;
        let mut layouts = Layouts { body: &body, list: Vec::new(), by_name: BTreeMap::new() };
        layouts.workflow(&body.workflow)?;
        let layouts = layouts.list.into_iter().flatten().collect();
        Ok(Self { digest: Digest::of(&json), body, json, layouts })
    }

    /// The component of a phase's plugin, and the phase's name within it.
    pub(crate) fn component<'a>(&self, phase: &'a str) -> Option<(Digest, &'a str)> {
        let (plugin, phase) = split_phase(phase)?;
        Some((*self.body.plugins.get(plugin)?, phase))
    }
}

/// The layouts while they are made. A place is taken before what is inside it is known, so that the run's own comes first.
struct Layouts<'a> {
    body: &'a PlanBody,
    list: Vec<Option<Layout>>,
    by_name: BTreeMap<&'a str, usize>,
}

impl<'a> Layouts<'a> {
    fn workflow(&mut self, workflow: &'a Workflow) -> Result<usize, Vec<Problem>> {
        let graph = Graph::of(&workflow.steps, "/steps").map_err(Problems::told)?;
        self.add(&workflow.steps, graph, LayoutKind::Workflow, workflow.output.clone())
    }

    fn add(
        &mut self,
        steps: &'a [StepDefinition],
        graph: Graph,
        kind: LayoutKind,
        output: Option<Mapping>,
    ) -> Result<usize, Vec<Problem>> {
        let place = self.list.len();
        self.list.push(None);
        let inner = steps.iter().map(|step| self.inner(step)).collect::<Result<_, _>>()?;
        let mut roots: Vec<BTreeSet<Root>> = steps.iter().map(|step| roots_of_step(step, kind)).collect();
        for (i, step) in steps.iter().enumerate().filter(|(_, step)| step.join.is_some()) {
            debug_assert!(!step.name.is_empty(), "a body is no join");
            let before = graph.predecessors[i].iter().filter(|edge| edge.kind != EdgeKind::StandIn);
            roots[i].extend(before.map(|edge| Root::Output(steps[edge.from].name.clone())));
        }
        let output_roots =
            output.iter().flat_map(Mapping::expressions).flat_map(|(_, text)| roots_of(text)).collect();
        let places: HashMap<String, usize> =
            steps.iter().enumerate().map(|(i, step)| (step.name.clone(), i)).collect();
        let fallback = |step: &StepDefinition| places.get(step.fallback.as_deref()?).copied();
        let fallbacks = steps.iter().map(fallback).collect();
        let mut turns = vec![0; steps.len()];
        graph.order.iter().enumerate().for_each(|(turn, &i)| turns[i] = turn);
        self.list[place] = Some(Layout {
            steps: steps.to_vec(),
            graph,
            inner,
            kind,
            roots,
            output,
            output_roots,
            fallbacks,
            turns,
            places,
        });
        Ok(place)
    }

    fn inner(&mut self, step: &'a StepDefinition) -> Result<Option<usize>, Vec<Problem>> {
        let Some(node) = step.node() else { return Ok(None) };
        if let Some(body) = node.body() {
            let graph =
                Graph { predecessors: vec![Vec::new()], successors: vec![Vec::new()], order: vec![0] };
            let kind = if step.map.is_some() { LayoutKind::Map } else { LayoutKind::Loop };
            return self.add(std::slice::from_ref(body), graph, kind, None).map(Some);
        }
        let Node::Workflow(sub) = node else { return Ok(None) };
        if let Some(known) = self.by_name.get(sub.name.as_str()) {
            return Ok(Some(*known));
        }
        let missing = || vec![Problem::new("", format!("the plan lacks the workflow {:?}", sub.name))];
        let workflow = self.body.workflows.get(&sub.name).ok_or_else(missing)?;
        self.by_name.insert(&sub.name, self.list.len());
        self.workflow(workflow).map(Some)
    }
}

fn roots_of(text: &str) -> Vec<Root> {
    // What does not parse is reported where the definition is checked.
    let expression = Expression::parse(text).ok();
    expression.iter().flat_map(Expression::references).map(|reference| reference.root.clone()).collect()
}

/// What a step reads. Where it says nothing of its input, that is the item of its map, or the workflow's input.
fn roots_of_step(step: &StepDefinition, kind: LayoutKind) -> BTreeSet<Root> {
    let mut roots: BTreeSet<Root> =
        super::graph::expressions(step).into_iter().flat_map(|(_, text)| roots_of(text)).collect();
    if step.input.is_none() && (step.phase.is_some() || step.workflow.is_some()) {
        roots.insert(if kind == LayoutKind::Map { Root::Item } else { Root::Input });
    }
    roots
}
