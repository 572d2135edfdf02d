//! The DAG of a list of steps: who comes after whom, and on what condition. Pure, without input or output.

use std::collections::{BTreeSet, HashMap};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};

use super::expression::{Expression, Root};
use crate::model::{Node, Problem, StepDefinition};

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
    pub(crate) fn of(steps: &[StepDefinition], at: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
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
        for &(from, to) in edges.list.keys() {
            graph.add_edge(from, to, ());
        }
        let mut order: Vec<usize> = Vec::with_capacity(steps.len());
        // Tarjan returns components in reverse topological order; each of a single node, unless there is a cycle.
        for mut component in tarjan_scc(&graph).into_iter().rev() {
            if component.len() > 1 {
                component.sort_unstable();
                let names: Vec<&str> = component.iter().map(|&i| steps[i].name.as_str()).collect();
                let names = names.join(", ");
                problems.push(Problem::new(
                    format!("{at}/{}", component[0]),
                    format!("the steps {names} wait for each other in a circle, so none of them could start"),
                ));
            }
            order.extend(component);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
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
        self.closure(i, |j| self.predecessors[j].iter().map(|edge| edge.from).collect())
    }

    /// All that comes after a step, directly or not.
    pub(crate) fn descendants(&self, i: usize) -> BTreeSet<usize> {
        self.closure(i, |j| self.successors[j].clone())
    }

    fn closure(&self, i: usize, next: impl Fn(usize) -> Vec<usize>) -> BTreeSet<usize> {
        let (mut found, mut open) = (BTreeSet::new(), next(i));
        while let Some(j) = open.pop() {
            if found.insert(j) {
                open.extend(next(j));
            }
        }
        found
    }
}

fn places<'a>(steps: &'a [StepDefinition], at: &str, problems: &mut Vec<Problem>) -> HashMap<&'a str, usize> {
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
    fn of_step(&mut self, i: usize, at: &str, problems: &mut Vec<Problem>) {
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
                    self.add(from, i, EdgeKind::Cases([case.to_owned()].into()));
                }
                Some(condition) => problems.push(Problem::new(
                    path,
                    format!("{name:?} has no case {case:?}; it has: {}", condition.names().join(", ")),
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
                if let Root::Output(name) | Root::Step(name) = &reference.root
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

    fn find(&self, i: usize, name: &str, path: &str, problems: &mut Vec<Problem>) -> Option<usize> {
        match self.places.get(name) {
            Some(&j) if j == i => problems.push(Problem::new(path, format!("{name:?} depends on itself"))),
            Some(&j) => return Some(j),
            None => {
                let near = strsim_nearest(name, self.places.keys().copied());
                let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
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
        for (i, step) in self.steps.iter().enumerate() {
            let Some(&fallback) = step.fallback.as_deref().and_then(|name| self.places.get(name)) else {
                continue;
            };
            let after: Vec<usize> = self
                .list
                .keys()
                .filter(|(from, to)| *from == i && *to != fallback)
                .map(|(_, to)| *to)
                .collect();
            for to in after {
                self.list.entry((fallback, to)).or_insert(EdgeKind::StandIn);
            }
        }
    }
}

fn strsim_nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near =
        names.map(|known| (strsim::jaro_winkler(name, known), known)).filter(|(likeness, _)| *likeness > 0.8);
    near.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1))).map(|(_, known)| known)
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
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::StepDefinition as Step;

    fn froms(graph: &Graph, i: usize) -> Vec<usize> {
        graph.predecessors[i].iter().map(|edge| edge.from).collect()
    }

    #[test]
    fn a_diamond_with_a_dependency_that_only_the_mapping_names() {
        let graph = Graph::of(
            &[
                Step::phase("a", "p/x"),
                Step::phase("b", "p/x").after("a"),
                Step::phase("c", "p/x").map("n", "steps.a.output.n"),
                Step::phase("d", "p/x").after("b").after("c"),
            ],
            "/steps",
        )
        .unwrap();
        assert_eq!(
            (0..4).map(|i| froms(&graph, i)).collect::<Vec<_>>(),
            [vec![], vec![0], vec![0], vec![1, 2]]
        );
        assert_eq!(graph.successors, [vec![1, 2], vec![3], vec![3], vec![]]);
        assert_eq!(graph.ancestors(3), BTreeSet::from([0, 1, 2]));
        assert_eq!(graph.descendants(1), BTreeSet::from([3]));
    }

    #[test]
    fn cases_fallbacks_and_bodies_make_edges() {
        let graph = Graph::of(
            &[
                Step::condition("big", "input.n > 3"),
                Step::phase("work", "p/x").after("big.true").map("n", "steps.big.output").fallback("spare"),
                Step::phase("spare", "p/x"),
                Step::for_each(
                    "each",
                    "steps.work.output",
                    Step::phase("", "p/x").map("b", "steps.big.output"),
                ),
            ],
            "/steps",
        )
        .unwrap();
        assert_eq!(
            graph.predecessors[1],
            [Edge { from: 0, kind: EdgeKind::Cases(["true".to_owned()].into()) }]
        );
        assert_eq!(graph.predecessors[2], [Edge { from: 1, kind: EdgeKind::Fallback }]);
        assert_eq!(froms(&graph, 3), [0, 1, 2]);
        assert_eq!(graph.predecessors[3][2].kind, EdgeKind::StandIn);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = Graph::of(
            &[
                Step::phase("a", "p/x").after("c").fallback("x"),
                Step::phase("b", "p/x").after("a").after("nobody").after("a.yes"),
                Step::phase("c", "p/x").after("b").map("m/n", "steps.nowhere.output"),
                Step::phase("a", "p/x"),
                Step::phase("E-e", "p/x").after("E-e"),
                Step::condition("f", "true").after("f2.true"),
                Step::condition("f2", "true").after("f.maybe"),
            ],
            "/steps",
        )
        .unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|p| p.path.as_str()).collect();
        for path in [
            "/steps/3/name",
            "/steps/4/name",
            "/steps/0/fallback",
            "/steps/1/depends_on/1",
            "/steps/1/depends_on/2",
            "/steps/2/input/m~1n",
            "/steps/4/depends_on/0",
            "/steps/6/depends_on/0",
        ] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
    }

    #[test]
    fn a_circle_names_its_steps() {
        let problems = Graph::of(
            &[
                Step::phase("a", "p/x").after("c"),
                Step::phase("b", "p/x").after("a"),
                Step::phase("c", "p/x").after("b"),
                Step::phase("d", "p/x").after("c"),
            ],
            "/steps",
        )
        .unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.contains("a, b, c"), "{}", problems[0].message);
        assert!(Graph::of(&[], "/steps").unwrap_err()[0].message.contains("at least one step"));
    }
}
