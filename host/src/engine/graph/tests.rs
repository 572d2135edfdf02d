//! What makes edges, and what keeps a list of steps from being a DAG.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{JoinMode, StepDefinition as Step};

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
    assert_eq!((0..4).map(|i| froms(&graph, i)).collect::<Vec<_>>(), [vec![], vec![0], vec![0], vec![1, 2]]);
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
            Step::for_each("each", "steps.work.output", Step::phase("", "p/x").map("b", "steps.big.output")),
        ],
        "/steps",
    )
    .unwrap();
    assert_eq!(graph.predecessors[1], [Edge { from: 0, kind: EdgeKind::Cases(["true".to_owned()].into()) }]);
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
            Step::phase("c", "p/x").after("b"),
            Step::phase("a", "p/x"),
            Step::phase("E-e", "p/x").after("E-e"),
            Step::condition("f", "true").after("f2.true"),
            Step::condition("f2", "true").after("f.maybe"),
        ],
        "/steps",
    )
    .unwrap_err()
    .told();
    let paths: Vec<&str> = problems.iter().map(|p| p.path.as_str()).collect();
    for path in [
        "/steps/3/name",
        "/steps/4/name",
        "/steps/0/fallback",
        "/steps/1/depends_on/1",
        "/steps/1/depends_on/2",
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
    .unwrap_err()
    .told();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("a, b, c"), "{}", problems[0].message);
    assert!(Graph::of(&[], "/steps").unwrap_err().told()[0].message.contains("at least one step"));
}

#[test]
fn a_fallback_of_a_condition_has_its_cases() {
    let spare = |spare: Step| {
        let steps = [
            Step::condition("q", "input.x").fallback("spare"),
            spare,
            Step::phase("a", "p/x").after("q.true"),
        ];
        Graph::of(&steps, "/steps")
    };
    assert!(spare(Step::condition("spare", "true")).is_ok());
    let found = spare(Step::phase("spare", "p/x")).unwrap_err().told();
    assert!(found.len() == 1 && found[0].path == "/steps/2/depends_on/0", "{found:?}");
    assert!(found[0].message.contains("no condition with a case \"true\""), "{found:?}");
}

#[test]
fn a_step_that_no_run_comes_to_is_found() {
    let q = || Step::condition("q", "input.x");
    let never = |steps: &[Step]| {
        let mut steps = steps.to_vec();
        steps.insert(0, q());
        Graph::of(&steps, "/steps").unwrap().never_reached(&steps)
    };
    let way = |name: &str, case: &str| Step::phase(name, "p/x").after(format!("q.{case}"));
    let (a, b) = (way("a", "true"), way("b", "false"));
    // What needs both ways, directly or by what it comes after; what follows it is not told.
    assert_eq!(never(&[Step::phase("s", "p/x").after("q.true").after("q.false")]), []);
    let s = || Step::phase("s", "p/x").after("a").after("b");
    assert_eq!(never(&[a.clone(), b.clone(), s(), Step::phase("t", "p/x").after("s")]), [(3, 0)]);
    assert_eq!(never(&[a.clone(), Step::phase("s", "p/x").after("a").after("q.false")]), [(2, 0)]);
    let join = |mode| Step::join("j", mode).after("a").after("b");
    assert_eq!(never(&[a.clone(), b.clone(), join(JoinMode::All)]), [(3, 0)]);
    assert_eq!(never(&[a.clone(), b.clone(), join(JoinMode::Any), Step::phase("t", "p/x").after("j")]), []);
    assert_eq!(never(&[a, b, join(JoinMode::Any), Step::phase("t", "p/x").after("j").after("a")]), []);
}
