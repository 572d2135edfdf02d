//! The DAG of a workflow: who comes after whom. Pure, without input or output.

use std::collections::{BTreeSet, HashMap};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};

use super::expression::{Expression, Root};
use crate::model::{Problem, Workflow};

/// The steps of a workflow by their place in the definition, and their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Direct predecessors of each step, ascending.
    pub(crate) predecessors: Vec<Vec<usize>>,
    /// Direct successors of each step, ascending.
    pub(crate) successors: Vec<Vec<usize>>,
    /// All that each step comes after, directly or not.
    pub(crate) ancestors: Vec<BTreeSet<usize>>,
}

impl Graph {
    /// The DAG of a workflow, or everything that keeps it from being one. Paths point into the definition.
    pub(crate) fn of(workflow: &Workflow) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let steps = &workflow.steps;
        if steps.is_empty() {
            problems.push(Problem::new("/steps", "a workflow needs at least one step"));
        }
        let mut places = HashMap::new();
        for (i, step) in steps.iter().enumerate() {
            if !is_name(&step.name) {
                problems.push(Problem::new(
                    format!("/steps/{i}/name"),
                    format!("{:?} is no name: lower-case letters, digits, `_`, starting with a letter, at most 63", step.name),
                ));
            }
            if let Some(first) = places.insert(step.name.as_str(), i) {
                problems.push(Problem::new(
                    format!("/steps/{i}/name"),
                    format!("{:?} is the name of step {first} as well", step.name),
                ));
            }
        }

        let mut edges = DiGraphMap::<usize, ()>::new();
        for i in 0..steps.len() {
            edges.add_node(i);
        }
        let mut depend = |path: String, i: usize, name: &str, problems: &mut Vec<Problem>| match places
            .get(name)
        {
            Some(&j) if j == i => problems.push(Problem::new(path, format!("{name:?} depends on itself"))),
            Some(&j) => {
                edges.add_edge(j, i, ());
            }
            None => problems.push(Problem::new(path, format!("there is no step {name:?}"))),
        };
        for (i, step) in steps.iter().enumerate() {
            for (k, name) in step.depends_on.iter().enumerate() {
                depend(format!("/steps/{i}/depends_on/{k}"), i, name, &mut problems);
            }
            for (key, text) in step.input.iter().flatten() {
                let path = format!("/steps/{i}/input/{}", key.replace('~', "~0").replace('/', "~1"));
                match Expression::parse(text) {
                    Ok(expression) => {
                        for reference in expression.references() {
                            if let Root::Output(name) | Root::Step(name) = &reference.root {
                                depend(path.clone(), i, name, &mut problems);
                            }
                        }
                    }
                    Err(error) => problems.push(Problem::new(path, format!("{text:?}: {error}"))),
                }
            }
        }

        let mut order: Vec<usize> = Vec::with_capacity(steps.len());
        // Tarjan returns components in reverse topological order; each of a single node, unless there is a cycle.
        for mut component in tarjan_scc(&edges).into_iter().rev() {
            if component.len() > 1 {
                component.sort_unstable();
                let names: Vec<&str> = component.iter().map(|&i| steps[i].name.as_str()).collect();
                problems.push(Problem::new(
                    format!("/steps/{}", component[0]),
                    format!(
                        "the steps {} wait for each other in a circle, so none of them could start",
                        names.join(", ")
                    ),
                ));
            }
            order.extend(component);
        }
        if !problems.is_empty() {
            return Err(problems);
        }

        let mut graph = Self {
            predecessors: vec![Vec::new(); steps.len()],
            successors: vec![Vec::new(); steps.len()],
            ancestors: vec![BTreeSet::new(); steps.len()],
        };
        for (from, to, ()) in edges.all_edges() {
            graph.predecessors[to].push(from);
            graph.successors[from].push(to);
        }
        graph.predecessors.iter_mut().chain(&mut graph.successors).for_each(|list| list.sort_unstable());
        for i in order {
            let all: BTreeSet<usize> = graph.predecessors[i]
                .iter()
                .flat_map(|&p| graph.ancestors[p].iter().copied().chain([p]))
                .collect();
            graph.ancestors[i] = all;
        }
        Ok(graph)
    }
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

    fn workflow(steps: &[Step]) -> Workflow {
        serde_json::from_value(serde_json::json!({ "name": "w", "steps": steps })).unwrap()
    }

    #[test]
    fn a_diamond_with_a_dependency_that_only_the_mapping_names() {
        let graph = Graph::of(&workflow(&[
            Step::new("a", "p/x"),
            Step::new("b", "p/x").after("a"),
            Step::new("c", "p/x").map("n", "steps.a.output.n"),
            Step::new("d", "p/x").after("b").after("c"),
        ]))
        .unwrap();
        assert_eq!(graph.predecessors, [vec![], vec![0], vec![0], vec![1, 2]]);
        assert_eq!(graph.successors, [vec![1, 2], vec![3], vec![3], vec![]]);
        assert_eq!(graph.ancestors[3], BTreeSet::from([0, 1, 2]));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = Graph::of(&workflow(&[
            Step::new("a", "p/x").after("c"),
            Step::new("b", "p/x").after("a").after("nobody"),
            Step::new("c", "p/x").after("b").map("k", "input.x +").map("m/n", "steps.nowhere.output"),
            Step::new("a", "p/x"),
            Step::new("E-e", "p/x").after("E-e"),
        ]))
        .unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|p| p.path.as_str()).collect();
        for path in [
            "/steps/3/name",
            "/steps/4/name",
            "/steps/1/depends_on/1",
            "/steps/2/input/k",
            "/steps/2/input/m~1n",
            "/steps/4/depends_on/0",
        ] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
    }

    #[test]
    fn a_circle_names_its_steps() {
        let problems = Graph::of(&workflow(&[
            Step::new("a", "p/x").after("c"),
            Step::new("b", "p/x").after("a"),
            Step::new("c", "p/x").after("b"),
            Step::new("d", "p/x").after("c"),
        ]))
        .unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.contains("a, b, c"), "{}", problems[0].message);
        assert!(Graph::of(&workflow(&[])).unwrap_err()[0].message.contains("at least one step"));
    }
}
