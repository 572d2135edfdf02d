//! The DAG of a list of steps: who comes after whom, and on what condition. Pure, without input or output.

mod reach;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use petgraph::{algo::kosaraju_scc, graphmap::DiGraphMap};

pub(crate) use self::reach::Reach;
use super::{
    expression::{Expression, Root, hint},
    problems::{Problems, list},
    work,
};
use crate::model::{Node, Problem, StepDefinition};

/// The longest name of a step or a workflow, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 63;
/// So many problems of a definition come with a suggestion of what may have been meant: each is looked for in all names.
const HINTS: usize = 20;

/// That a step comes after another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The earlier step, by its place.
    pub(crate) from: usize,
    pub(crate) kind: EdgeKind,
}

/// What the earlier step must have done for the later one to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// Ended, in a way that the run goes on from.
    After,
    /// Taken one of these cases.
    Cases(BTreeSet<String>),
    /// Failed: the later step is its fallback.
    Fallback,
    /// Nothing: the earlier one is the fallback of a step that this one comes after, and has only to have ended.
    StandIn,
}

/// The steps by their place in the list, and their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graph {
    /// What each step comes after directly, ascending.
    pub(crate) predecessors: Vec<Vec<Edge>>,
    /// What comes after each step directly, ascending.
    pub(crate) successors: Vec<Vec<usize>>,
    /// All steps, each after those that it comes after.
    pub(crate) order: Vec<usize>,
}

impl Graph {
    /// The DAG of the steps, or everything that keeps it from being one. Paths begin with `at`, a JSON Pointer.
    pub(crate) fn of(steps: &[StepDefinition], at: &str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let places = places(steps, at, &mut problems);
        let mut edges = Edges { steps, places, list: HashMap::new() };
        for i in 0..steps.len() {
            edges.of_step(i, &format!("{at}/{i}"), &mut problems);
        }
        edges.stand_ins();
        let mut graph = DiGraphMap::<usize, ()>::new();
        for i in 0..steps.len() {
            graph.add_node(i);
        }
        // In one order, so that the same steps have the same.
        let mut pairs: Vec<(usize, usize)> = edges.list.keys().copied().collect();
        pairs.sort_unstable();
        for (from, to) in pairs {
            graph.add_edge(from, to, ());
        }
        let mut order: Vec<usize> = Vec::with_capacity(steps.len());
        // Kosaraju's algorithm goes without recursion, which a long chain would take too deep. It returns components in
        // reverse topological order; each of a single node, unless there is a cycle.
        for mut component in kosaraju_scc(&graph).into_iter().rev() {
            if component.len() > 1 {
                component.sort_unstable();
                let names = list(component.iter().map(|&i| steps[i].name.as_str()));
                problems.push(Problem::new(
                    format!("{at}/{}", component[0]),
                    format!("the steps {names} wait for each other in a circle, so none of them could start"),
                ));
            }
            order.extend(component);
        }
        problems.none()?;
        let mut predecessors: Vec<Vec<Edge>> = vec![Vec::new(); steps.len()];
        let mut successors = vec![Vec::new(); steps.len()];
        for ((from, to), kind) in edges.list {
            predecessors[to].push(Edge { from, kind });
            successors[from].push(to);
        }
        predecessors.iter_mut().for_each(|list| list.sort_unstable_by_key(|edge| edge.from));
        successors.iter_mut().for_each(|list| list.sort_unstable());
        Ok(Self { predecessors, successors, order })
    }

    /// All that a step comes after, directly or not.
    pub(crate) fn ancestors(&self, i: usize) -> BTreeSet<usize> {
        closure([i], |j| self.predecessors[j].iter().map(|edge| edge.from))
    }

    /// All that comes after a step, directly or not.
    pub(crate) fn descendants(&self, i: usize) -> BTreeSet<usize> {
        self.descendants_of([i])
    }

    /// All that comes after any of these steps, directly or not.
    pub(crate) fn descendants_of(&self, steps: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        closure(steps, |j| self.successors[j].iter().copied())
    }

    /// What comes before what, of all steps at once.
    pub(crate) fn reach(&self) -> Reach {
        Reach::of(self)
    }
}

/// All that is reached from somewhere by steps of `next`, each looked at once.
fn closure<I: Iterator<Item = usize>>(
    from: impl IntoIterator<Item = usize>,
    next: impl Fn(usize) -> I,
) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = from.into_iter().flat_map(&next).collect();
    while let Some(j) = open.pop() {
        work::count(1);
        if found.insert(j) {
            open.extend(next(j));
        }
    }
    found
}

fn places<'a>(steps: &'a [StepDefinition], at: &str, problems: &mut Problems) -> HashMap<&'a str, usize> {
    if steps.is_empty() {
        problems.push(Problem::new(at, "a workflow needs at least one step"));
    }
    let mut places = HashMap::new();
    for (i, step) in steps.iter().enumerate() {
        if !is_name(&step.name) {
            problems.push(Problem::new(
                format!("{at}/{i}/name"),
                format!(
                    "{:?} is no name: lower-case letters, digits, `_`, starting with a letter, at most 63",
                    step.name
                ),
            ));
        }
        // What is too long to be a name is compared with none.
        if step.name.len() > MAX_NAME_BYTES {
            continue;
        }
        if let Some(first) = places.insert(step.name.as_str(), i) {
            problems.push(Problem::new(
                format!("{at}/{i}/name"),
                format!("{:?} is the name of step {first} as well", step.name),
            ));
        }
    }
    places
}

/// The edges while they are found, by the places of their ends.
struct Edges<'a> {
    steps: &'a [StepDefinition],
    places: HashMap<&'a str, usize>,
    list: HashMap<(usize, usize), EdgeKind>,
}

impl Edges<'_> {
    fn of_step(&mut self, i: usize, at: &str, problems: &mut Problems) {
        let step = &self.steps[i];
        for (k, text) in step.depends_on.iter().enumerate() {
            let path = format!("{at}/depends_on/{k}");
            let (name, case) = match text.split_once('.') {
                Some((name, case)) => (name, Some(case)),
                None => (text.as_str(), None),
            };
            let Some(from) = self.find(i, name, &path, problems) else { continue };
            let Some(case) = case else {
                self.add(from, i, EdgeKind::After);
                continue;
            };
            match &self.steps[from].condition {
                Some(condition) if condition.names().contains(&case) => {
                    self.stands_in_for(from, case, &path, problems);
                    self.add(from, i, EdgeKind::Cases([case.to_owned()].into()));
                }
                Some(condition) => problems.push(Problem::new(
                    path,
                    format!("{name:?} has no case {case:?}; it has: {}", list(condition.names())),
                )),
                None => {
                    problems.push(Problem::new(path, format!("{name:?} is no condition and has no cases")));
                }
            }
        }
        for (path, text) in expressions(step) {
            // Those that do not parse are reported where the step is checked.
            let Ok(expression) = Expression::parse(text) else { continue };
            for reference in expression.references() {
                // Of one that is not there it is told where the expression is checked, with the place in it.
                if let Root::Output(name) | Root::Step(name) = &reference.root
                    && self.places.contains_key(name.as_str())
                    && let Some(from) = self.find(i, name, &format!("{at}{path}"), problems)
                {
                    self.add(from, i, EdgeKind::After);
                }
            }
        }
        if let Some(name) = &step.fallback
            && let Some(to) = self.find(i, name, &format!("{at}/fallback"), problems)
        {
            self.add(i, to, EdgeKind::Fallback);
        }
    }

    /// What goes the way of a condition's case goes that way if its fallback says so, which must be able to.
    fn stands_in_for(&self, from: usize, case: &str, path: &str, problems: &mut Problems) {
        let step = &self.steps[from];
        let Some(spare) = step.fallback.as_deref().and_then(|name| self.places.get(name)) else { return };
        let cases = self.steps[*spare].condition.as_ref().map(|condition| condition.names());
        if cases.is_none_or(|cases| !cases.contains(&case)) {
            let (name, spare) = (&step.name, &self.steps[*spare].name);
            let message = format!(
                "{spare:?} stands in for {name:?} if that fails, and is no condition with a case {case:?}"
            );
            problems.push(Problem::new(path, message));
        }
    }

    fn find(&self, i: usize, name: &str, path: &str, problems: &mut Problems) -> Option<usize> {
        match self.places.get(name) {
            Some(&j) if j == i => problems.push(Problem::new(path, format!("{name:?} depends on itself"))),
            Some(&j) => return Some(j),
            None => {
                // Of many names that are wrong, those that are told first are looked for.
                let hint = match problems.len() < HINTS {
                    true => hint(name, self.places.keys().copied()),
                    false => String::new(),
                };
                problems.push(Problem::new(path, format!("there is no step {name:?}{hint}")));
            }
        }
        None
    }

    /// What is asked more closely stands: `a.yes` beside a mere `a`. Cases of one condition are alternatives.
    fn add(&mut self, from: usize, to: usize, kind: EdgeKind) {
        let known = self.list.entry((from, to)).or_insert(EdgeKind::After);
        match (&mut *known, kind) {
            (EdgeKind::Cases(known), EdgeKind::Cases(more)) => known.extend(more),
            (known @ EdgeKind::After, kind) => *known = kind,
            _ => {}
        }
    }

    /// What comes after a step comes after its fallback as well, unless it is the fallback.
    fn stand_ins(&mut self) {
        let mut after: HashMap<usize, Vec<usize>> = HashMap::new();
        for (from, to) in self.list.keys().filter(|(from, _)| self.steps[*from].fallback.is_some()) {
            after.entry(*from).or_default().push(*to);
        }
        for (i, step) in self.steps.iter().enumerate() {
            let Some(&fallback) = step.fallback.as_deref().and_then(|name| self.places.get(name)) else {
                continue;
            };
            // A fallback may have a fallback of its own: what stands in for it comes after that as well.
            for to in after.get(&i).cloned().unwrap_or_default().into_iter().filter(|to| *to != fallback) {
                if let Entry::Vacant(place) = self.list.entry((fallback, to)) {
                    place.insert(EdgeKind::StandIn);
                    if self.steps[fallback].fallback.is_some() {
                        after.entry(fallback).or_default().push(to);
                    }
                }
            }
        }
    }
}

/// All expressions of a step, with their places in it as JSON Pointers; those of a body too, since it sees what its map
/// or loop sees.
pub(crate) fn expressions(step: &StepDefinition) -> Vec<(String, &str)> {
    fn mapping<'a>(at: &str, mapping: &'a crate::model::Mapping, found: &mut Vec<(String, &'a str)>) {
        for (key, text) in mapping.expressions() {
            let key = key.map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
            found.push((format!("{at}{}", key.unwrap_or_default()), text));
        }
    }
    let mut found = Vec::new();
    if let Some(input) = &step.input {
        mapping("/input", input, &mut found);
    }
    if let Some(text) = &step.skip_when {
        found.push(("/skip_when".to_owned(), text));
    }
    for node in step.nodes() {
        match node {
            Node::Phase(_) | Node::Workflow(_) | Node::Join(_) => {}
            Node::Transform(document) => mapping("/transform", document, &mut found),
            Node::Condition(crate::model::Condition::When(text)) => {
                found.push(("/condition".to_owned(), text));
            }
            Node::Condition(crate::model::Condition::Cases(cases)) => {
                for (k, case) in cases.cases.iter().enumerate() {
                    found.push((format!("/condition/cases/{k}/when"), &case.when));
                }
            }
            Node::Checkpoint(checkpoint) => {
                if let Some(show) = &checkpoint.show {
                    mapping("/checkpoint/show", show, &mut found);
                }
            }
            Node::Wait(wait) => {
                found.extend(wait.until.as_deref().map(|text| ("/wait/until".to_owned(), text)));
                found.extend(wait.event.as_deref().map(|text| ("/wait/event".to_owned(), text)));
            }
            Node::Map(map) => {
                found.push(("/map/over".to_owned(), &map.over));
                found.extend(expressions(&map.body).into_iter().map(|(p, t)| (format!("/map/body{p}"), t)));
            }
            Node::Loop(repeat) => {
                found.push(("/loop/until".to_owned(), &repeat.until));
                found.extend(
                    expressions(&repeat.body).into_iter().map(|(p, t)| (format!("/loop/body{p}"), t)),
                );
            }
        }
    }
    found
}

/// Whether a text may name a step or a workflow. Expressions name steps, so hyphens are out.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
