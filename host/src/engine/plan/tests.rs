//! The bounds of definitions, each broken by one, and what is said of it.
#![allow(clippy::unwrap_used)]

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};

use super::{bounds::*, *};
use crate::{engine::problems::MAX_PROBLEMS, model::StepDefinition as Step};

/// Workflows and one plugin, with how often workflows were asked for.
#[derive(Default)]
struct Around {
    workflows: BTreeMap<String, Arc<Workflow>>,
    asked: Cell<usize>,
}

impl Surroundings for Around {
    fn plugin(&self, name: &str) -> Option<(Digest, Arc<Manifest>)> {
        static MANIFEST: LazyLock<Arc<Manifest>> = LazyLock::new(|| {
            let wide = json!({ "allOf": vec![json!({ "items": { "type": "integer" } }); 100] });
            let manifest = json!({ "name": "p", "version": "1.0.0", "phases": [
                { "name": "plain", "output_schema": { "type": "object", "properties": { "a": {} }, "additionalProperties": false } },
                { "name": "writer", "shared_writes": ["k"] },
                { "name": "reader", "shared_reads": ["k"] },
                { "name": "wide", "config_schema": wide } ] });
            Arc::new(serde_json::from_value(manifest).unwrap())
        });
        (name == "p").then(|| (Digest::of("p"), MANIFEST.clone()))
    }

    fn plugin_names(&self) -> Vec<String> {
        vec!["p".to_owned()]
    }

    fn workflow(&self, name: &str) -> Option<Arc<Workflow>> {
        self.asked.set(self.asked.get() + 1);
        self.workflows.get(name).cloned()
    }

    fn workflow_names(&self) -> Vec<String> {
        self.workflows.keys().cloned().collect()
    }
}

impl Around {
    fn with(workflows: impl IntoIterator<Item = Workflow>) -> Self {
        let named = workflows.into_iter().map(|workflow| (workflow.name.clone(), Arc::new(workflow)));
        Self { workflows: named.collect(), ..Self::default() }
    }

    fn problems(&self, workflow: &Workflow) -> Vec<Problem> {
        Plan::new(workflow, self).err().unwrap_or_default()
    }
}

fn transform(name: impl Into<String>, text: &str) -> Step {
    Step { transform: Some(Mapping::Whole(text.to_owned())), ..Step::transform(name) }
}

fn of(steps: impl IntoIterator<Item = Step>) -> Workflow {
    Workflow { steps: steps.into_iter().collect(), ..Workflow::new("w") }
}

fn problems(steps: impl IntoIterator<Item = Step>) -> Vec<Problem> {
    Around::default().problems(&of(steps))
}

/// That a step alone has one problem, at this place.
#[track_caller]
fn assert_refused(step: Step, path: &str, message: &str) {
    let found = problems([step]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].path == path && found[0].message.contains(message), "{found:?}");
}

/// A step from JSON, with a name.
fn step(mut members: Value) -> Step {
    members["name"] = json!("s");
    serde_json::from_value(members).unwrap()
}

#[test]
fn what_bounds_attempts_at_phases_is_said_of_phases() {
    for node in [
        json!({ "map": { "over": "[1]", "body": { "transform": "item" } } }),
        json!({ "loop": { "until": "true", "max_iterations": 2, "body": { "transform": "index" } } }),
        json!({ "wait": { "seconds": 1 } }),
        json!({ "checkpoint": { "title": "?" } }),
        json!({ "transform": "1" }),
    ] {
        let mut members = node.clone();
        members["timeout_ms"] = json!(5);
        assert_refused(step(members), "/steps/0/timeout_ms", "is bounded by step_timeout_ms");
        let mut members = node;
        members["step_timeout_ms"] = json!(5);
        assert_eq!(problems([step(members)]), []);
    }
}

#[test]
fn steps_are_found_by_the_names_that_they_have_in_a_run() {
    let body = json!({ "map": { "over": "[1]", "body": { "transform": "item" } } });
    let fan = step(json!({ "map": { "over": "[1]", "body": body } }));
    let plan = Plan::new(&of([transform("t", "1"), fan]), &Around::default()).unwrap();
    let kind = |name: &str| {
        let (layout, local, around) = plan.place_of(name)?;
        assert_eq!(around, 0);
        plan.layouts[layout].steps[local].node().map(|node| node.kind())
    };
    assert_eq!(
        [kind("t"), kind("s"), kind("s[0]"), kind("s[0][12]")].map(Option::unwrap),
        ["transform", "map", "map", "transform"]
    );
    for name in ["u", "t[0]", "s/t", "s[0][1][2]", "s[", "", "s[0]x"] {
        assert_eq!(kind(name), None, "{name}");
    }
    let part = Workflow {
        steps: vec![transform("a", "1"), transform("b", "steps.a.output")],
        ..Workflow::new("part")
    };
    let around = Around::with([part]);
    let plan = Plan::new(&of([Step::for_each("each", "[1]", Step::workflow("", "part"))]), &around).unwrap();
    let (layout, local, before) = plan.place_of("each[0]/b").unwrap();
    assert_eq!((plan.layouts[layout].steps[local].name.as_str(), &"each[0]/b"[..before]), ("b", "each[0]/"));
}

#[test]
fn as_many_steps_as_there_may_be_are_checked_and_one_more_is_refused() {
    let chain = |count: usize| {
        (0..count).map(|i| match i {
            0 => Step::phase("s0", "p/plain"),
            _ => Step::phase(format!("s{i}"), "p/plain").map("b", format!("steps.s{}.output.a", i - 1)),
        })
    };
    let plan = Plan::new(&of(chain(MAX_STEPS)), &Around::default()).unwrap();
    assert_eq!(plan.layouts[0].graph.order.len(), MAX_STEPS);
    let found = problems(chain(MAX_STEPS).map(|step| step.map("c", "steps.s0.output.b")));
    assert_eq!(found.len(), MAX_PROBLEMS + 1);
    assert!(found.last().unwrap().message.ends_with("more problems"), "{found:?}");
    let found = problems(chain(MAX_STEPS + 1));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.starts_with("10001 steps") && found[0].message.contains("at most 10000"));
    // Those inside others count.
    let each = (0..MAX_STEPS / 2).map(|i| Step::for_each(format!("s{i}"), "[1]", transform("", "item")));
    assert_eq!(problems(each.clone()), []);
    let found = problems(each.chain([transform("one_more", "1")]));
    assert!(found[0].message.starts_with("10001 steps"), "{found:?}");
}

#[test]
fn dependencies_expressions_and_cases_are_counted() {
    let many = vec!["a".to_owned(); MAX_DEPENDENCIES];
    let after = |depends_on| [transform("a", "1"), Step { depends_on, ..transform("b", "2") }];
    assert_eq!(problems(after(many.clone())), []);
    let found = problems(after([many, vec!["a".to_owned()]].concat()));
    assert!(found[0].message.contains("50001 dependencies; at most 50000"), "{found:?}");
    let keys = |count: usize| (0..count).fold(Step::transform("a"), |step, i| step.set(format!("k{i}"), "1"));
    assert_eq!(problems([keys(MAX_EXPRESSIONS)]), []);
    let found = problems([keys(MAX_EXPRESSIONS + 1)]);
    assert!(found[0].message.contains("20001 expressions; at most 20000"), "{found:?}");
    let cases = |count: usize| Step::cases("a", (0..count).map(|i| (format!("c{i}"), "true")), None);
    assert_eq!(problems([cases(MAX_CASES)]), []);
    assert_refused(cases(MAX_CASES + 1), "/steps/0/condition/cases", "101 cases; at most 100");
    let found = problems([cases(MAX_CASES), transform("b", "1").after("a.none")]);
    assert!(found[0].message.contains("c19, and 80 more"), "{found:?}");
    let kinds = vec!["failed".to_owned(); 21];
    let many = Step {
        retry: crate::model::RetryPolicy { on: Some(kinds), ..Default::default() },
        ..transform("a", "1")
    };
    assert_refused(many, "/steps/0/retry/on", "21 kinds; at most 20");
}

#[test]
fn what_is_wrong_and_large_is_told_short() {
    let long = "a".repeat(1 << 20);
    let near = format!("{long}b");
    let found = problems([transform(&long, "1"), transform(&near, "1").after(&long), transform("c", &long)]);
    let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert!(paths.contains(&"/steps/0/name") && paths.contains(&"/steps/1/depends_on/0"), "{paths:?}");
    assert!(found.iter().all(|problem| problem.message.len() <= 2_000), "they quote a part");
    let circle = (0..500).map(|i| transform(format!("s{i}"), "1").after(format!("s{}", (i + 1) % 500)));
    let found = problems(circle);
    assert!(found[0].message.contains(", and 480 more wait for each other"), "{found:?}");
    // Of thousands of names that are wrong, those that are told are looked for.
    let wrong = (0..MAX_STEPS).map(|i| transform(format!("step_{i}"), "1").after(format!("stpe_{i}")));
    let found = problems(wrong);
    assert_eq!(found.len(), MAX_PROBLEMS + 1);
    assert!(found[0].message.contains("did you mean"), "{found:?}");
    assert!(found[MAX_PROBLEMS].message.contains("and 9900 more"), "{found:?}");
}

#[test]
fn maps_and_loops_contain_each_other_so_deep() {
    let nested = |levels: usize| {
        (0..levels).fold(transform("", "1"), |body, i| match i % 2 {
            0 => Step::for_each(if i + 1 == levels { "s" } else { "" }, "[1]", body),
            _ => Step::repeat(if i + 1 == levels { "s" } else { "" }, body, "true", 2),
        })
    };
    assert_eq!(problems([nested(MAX_DEPTH - 1)]), []);
    let found = problems([nested(MAX_DEPTH)]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.contains("more than 8 deep") && found[0].path.ends_with("/body"), "{found:?}");
}

#[test]
fn workflows_contain_each_other_so_deep_and_never_themselves() {
    let chain = |count: usize| {
        let next = move |i: usize| match i + 1 == count {
            true => transform("s", "1"),
            false => Step::workflow("s", format!("w{}", i + 1)),
        };
        (0..count).map(move |i| Workflow { steps: vec![next(i)], ..Workflow::new(format!("w{i}")) })
    };
    let whole = |count: usize| {
        let around = Around::with(chain(count));
        around.problems(&around.workflows["w0"])
    };
    assert_eq!(whole(MAX_DEPTH), []);
    let found = whole(MAX_DEPTH + 1);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.contains("more than 8 deep: w0 → w1 → w2"), "{found:?}");
    // By the way that is longest, also if the inner ones are known by then.
    let around = Around::with(chain(MAX_DEPTH));
    let shortcut = Workflow {
        steps: vec![Step::workflow("short", "w7"), Step::workflow("long", "w0")],
        ..Workflow::new("outside")
    };
    assert!(around.problems(&shortcut)[0].message.contains("more than 8 deep"));
    let circle = Around::with([
        Workflow { steps: vec![Step::workflow("s", "b")], ..Workflow::new("a") },
        Workflow { steps: vec![Step::workflow("s", "c")], ..Workflow::new("b") },
        Workflow { steps: vec![Step::workflow("s", "b")], ..Workflow::new("c") },
    ]);
    let found = circle.problems(&circle.workflows["a"]);
    assert_eq!((found.len(), found[0].path.as_str()), (1, "/steps/0/workflow/name"), "{found:?}");
    assert!(found[0].message.contains("contain itself: a → b → c → b"), "{found:?}");
}

#[test]
fn workflows_that_are_parts_by_many_ways_are_looked_at_once() {
    let levels: Vec<Workflow> = (0..7)
        .flat_map(|level| {
            (0..10).map(move |i| {
                let steps = (0..10).map(|j| match level {
                    6 => Step::phase(format!("s{j}"), "p/plain"),
                    _ => Step::workflow(format!("s{j}"), format!("w{}_{j}", level + 1)),
                });
                Workflow { steps: steps.collect(), ..Workflow::new(format!("w{level}_{i}")) }
            })
        })
        .collect();
    let around = Around::with(levels);
    let top = of((0..10).map(|j| Step::workflow(format!("s{j}"), format!("w0_{j}"))));
    let plan = Plan::new(&top, &around).unwrap();
    assert_eq!((plan.body.workflows.len(), around.asked.get()), (70, 70));
}

#[test]
fn parts_are_bounded_together() {
    let parts = |count: usize, steps: usize| {
        Around::with((0..count).map(|i| Workflow {
            steps: (0..steps).map(|j| transform(format!("s{j}"), "1")).collect(),
            ..Workflow::new(format!("w{i}"))
        }))
    };
    let uses = |count: usize| of((0..count).map(|i| Step::workflow(format!("s{i}"), format!("w{i}"))));
    assert_eq!(parts(MAX_PARTS, 1).problems(&uses(MAX_PARTS)), []);
    let found = parts(MAX_PARTS + 1, 1).problems(&uses(MAX_PARTS + 1));
    assert!(found[0].message.contains("made of 100 others at the most"), "{found:?}");
    let found = parts(6, 9_000).problems(&uses(6));
    assert!(found.len() == 1 && found[0].message.contains("more than 50000 steps"), "{found:?}");
    let large = Around::with((0..6).map(|i| Workflow {
        steps: vec![Step { config: json!({ "d": "d".repeat(3 << 20) }), ..Step::phase("s", "p/plain") }],
        ..Workflow::new(format!("w{i}"))
    }));
    let found = large.problems(&uses(6));
    assert!(found[0].message.contains("more than 16777216 bytes together"), "{found:?}");
}

#[test]
fn numbers_of_policies_and_nodes_have_their_range() {
    let body = json!({ "transform": "1" });
    for (members, path, message) in [
        (
            json!({ "map": { "over": "[1]", "body": body, "max_parallel": 10_001 } }),
            "/map/max_parallel",
            "from 1 to 10000",
        ),
        (
            json!({ "map": { "over": "[1]", "body": body, "max_parallel": 0 } }),
            "/map/max_parallel",
            "from 1 to 10000",
        ),
        (
            json!({ "loop": { "until": "true", "body": body, "max_iterations": 10_001 } }),
            "/loop/max_iterations",
            "from 1 to 10000",
        ),
        (
            json!({ "loop": { "until": "true", "body": body, "max_iterations": 0 } }),
            "/loop/max_iterations",
            "from 1 to 10000",
        ),
        (json!({ "transform": "1", "retry": { "max_attempts": 0 } }), "/retry/max_attempts", "from 1 to 100"),
        (
            json!({ "transform": "1", "retry": { "max_attempts": 101 } }),
            "/retry/max_attempts",
            "from 1 to 100",
        ),
        (json!({ "transform": "1", "retry": { "factor": 0.5 } }), "/retry/factor", "from 1 to 100"),
        (json!({ "transform": "1", "retry": { "factor": 101 } }), "/retry/factor", "from 1 to 100"),
        (json!({ "transform": "1", "retry": { "jitter": 1.5 } }), "/retry/jitter", "from 0 to 1"),
        (json!({ "transform": "1", "retry": { "jitter": -0.1 } }), "/retry/jitter", "from 0 to 1"),
        (
            json!({ "transform": "1", "retry": { "initial_delay_ms": u64::MAX } }),
            "/retry/initial_delay_ms",
            "hundred years",
        ),
        (
            json!({ "transform": "1", "retry": { "max_delay_ms": u64::MAX } }),
            "/retry/max_delay_ms",
            "hundred years",
        ),
        (json!({ "phase": "p/plain", "timeout_ms": u64::MAX }), "/timeout_ms", "hundred years"),
        (json!({ "phase": "p/plain", "timeout_ms": 0 }), "/timeout_ms", "at least 1"),
        (json!({ "transform": "1", "step_timeout_ms": u64::MAX }), "/step_timeout_ms", "hundred years"),
        (json!({ "wait": { "seconds": u64::MAX } }), "/wait/seconds", "hundred years"),
        (
            json!({ "wait": { "event": "'e'", "deadline_seconds": u64::MAX } }),
            "/wait/deadline_seconds",
            "hundred years",
        ),
        (
            json!({ "checkpoint": { "title": "t", "deadline_seconds": MAX_SECONDS + 1 } }),
            "/checkpoint/deadline_seconds",
            "hundred years",
        ),
        (
            json!({ "transform": "1", "concurrency": { "key": "", "limit": 1 } }),
            "/concurrency/key",
            "1 to 200 bytes",
        ),
        (
            json!({ "transform": "1", "concurrency": { "key": "k".repeat(201), "limit": 1 } }),
            "/concurrency/key",
            "1 to 200 bytes",
        ),
        (
            json!({ "transform": "1", "concurrency": { "key": "k", "limit": 0 } }),
            "/concurrency/limit",
            "at least 1",
        ),
        (json!({ "checkpoint": { "title": "t", "options": [] } }), "/checkpoint/options", "1 to 10 options"),
        (
            json!({ "checkpoint": { "title": "t", "options": vec![json!({ "name": "o" }); 11] } }),
            "/checkpoint/options",
            "11 options; at most 10",
        ),
    ] {
        assert_refused(step(members), &format!("/steps/0{path}"), message);
    }
    for members in [
        json!({ "map": { "over": "[1]", "body": body, "max_parallel": MAX_PARALLEL } }),
        json!({ "loop": { "until": "true", "body": body, "max_iterations": MAX_ITERATIONS } }),
        json!({ "transform": "1", "retry": { "max_attempts": MAX_ATTEMPTS, "factor": MAX_RETRY_FACTOR, "jitter": 1, "max_delay_ms": MAX_SECONDS * 1000 } }),
        json!({ "transform": "1", "concurrency": { "key": "k".repeat(MAX_CONCURRENCY_KEY_BYTES), "limit": 1 } }),
        json!({ "wait": { "event": "'e'", "deadline_seconds": MAX_SECONDS } }),
    ] {
        assert_eq!(problems([step(members.clone())]), [], "{members}");
    }
}

#[test]
fn shared_keys_are_told_of_neighbours_that_are_apart() {
    let writers = (0..MAX_STEPS).map(|i| Step::phase(format!("s{i}"), "p/writer"));
    let in_a_row = writers.clone().enumerate().map(|(i, step)| match i {
        0 => step,
        _ => step.after(format!("s{}", i - 1)),
    });
    let reader = Step::phase("reader", "p/reader").after("s5");
    let mut row: Vec<Step> = in_a_row.take(MAX_STEPS - 1).collect();
    assert_eq!(problems(row.clone()), []);
    row.push(reader);
    let found = problems(row);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.contains("step reader reads the shared key \"k\" that step s"), "{found:?}");
    let found = problems(writers);
    assert_eq!(found.len(), MAX_PROBLEMS + 1);
    let around =
        Around::with([Workflow { steps: vec![Step::phase("s", "p/writer")], ..Workflow::new("inner") }]);
    let both = of([Step::workflow("a", "inner"), Step::for_each("b", "[1]", Step::workflow("", "inner"))]);
    let found = around.problems(&both);
    assert!(found.iter().any(|p| p.message.contains("steps a and b both write")), "{found:?}");
    assert!(found.iter().any(|p| p.path == "/steps/1/map/body"), "{found:?}");
    // The items of each round of a loop are side by side as well.
    let rounds = json!({ "loop": { "until": "true", "max_iterations": 2,
                                   "body": { "map": { "over": "[1]", "body": { "phase": "p/writer" } } } } });
    let found = problems([step(rounds)]);
    assert!(found.len() == 1 && found[0].path == "/steps/0/loop/body/map/body", "{found:?}");
    let rounds = json!({ "loop": { "until": "true", "max_iterations": 2, "body": { "phase": "p/writer" } } });
    assert_eq!(problems([step(rounds)]), []);
}

#[test]
fn whoever_holds_a_concurrency_key_waits_for_none() {
    let inner = |step: Step| Workflow { steps: vec![step], ..Workflow::new("inner") };
    let keyed = || Step::compute("", "1").at_most(1, "k");
    let waits = |around: &Around, step: Step| {
        let found = around.problems(&of([step]));
        found
            .iter()
            .any(|problem| problem.path == "/steps/0/concurrency" && problem.message.contains("inside"))
    };
    let nothing = Around::default();
    assert!(waits(&nothing, Step::for_each("s", "[1]", keyed()).at_most(1, "k")));
    assert!(waits(&nothing, Step::repeat("s", keyed(), "true", 2).at_most(5, "another")));
    assert!(!waits(&nothing, Step::for_each("s", "[1]", keyed())));
    assert!(!waits(&nothing, Step::for_each("s", "[1]", Step::compute("", "1")).at_most(1, "k")));
    let step = Step { name: "t".into(), ..keyed() };
    let around = Around::with([inner(step)]);
    let part = || Step::workflow("s", "inner");
    assert!(waits(&around, part().at_most(1, "k")) && !waits(&around, part()));
    let within = Step::for_each("s", "[1]", Step { name: String::new(), ..part() });
    assert!(waits(&around, within.at_most(1, "k")));
    let around = Around::with([inner(Step::workflow("t", "inner"))]);
    assert!(!waits(&around, part().at_most(1, "k")), "what contains itself is told as that");
}

#[test]
fn schemas_and_configurations_of_a_definition_are_bounded_together() {
    let ask = |i: usize| {
        let schema =
            json!({ "type": "object", "properties": { "a": { "pattern": format!("a{{{}}}", 900 + i) } } });
        let mut step = Step::checkpoint(format!("s{i}"), "t");
        step.checkpoint.as_mut().unwrap().input_schema = Some(schema);
        step
    };
    assert_eq!(problems((0..50).map(ask)), []);
    let found = problems((0..400).map(ask));
    assert!(found[0].message.contains("all schemas of a definition count as one"), "{found:?}");
    // Each of them is within what one may take, all of them are not.
    let long = json!(vec![0; 3000]);
    let costly = |i: usize| Step::phase(format!("s{i}"), "p/wide").config(long.clone());
    assert_eq!(problems((0..3).map(costly)), []);
    let found = problems((0..250).map(costly));
    assert!(found.iter().any(|p| p.message.contains("steps, which is what is allowed")), "{found:?}");
}

#[test]
fn texts_for_people_have_their_length() {
    let titled = |title: String| json!({ "checkpoint": { "title": title } });
    assert_refused(step(titled(String::new())), "/steps/0/checkpoint/title", "0 characters; 1 to 200");
    assert_refused(step(titled("ü".repeat(201))), "/steps/0/checkpoint/title", "201 characters; 1 to 200");
    assert_eq!(problems([step(titled("ü".repeat(200)))]), []);
    let message = json!({ "checkpoint": { "title": "t", "message": "m".repeat((64 << 10) + 1) } });
    assert_refused(step(message), "/steps/0/checkpoint/message", "at most 65536");
    let label =
        json!({ "checkpoint": { "title": "t", "options": [{ "name": "o", "label": "l".repeat(101) }] } });
    assert_refused(step(label), "/steps/0/checkpoint/options/0/label", "0 to 100");
    let told = |workflow: Workflow| {
        let found = Around::default().problems(&workflow);
        found.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    let one = of([transform("s", "1")]);
    assert_eq!(told(Workflow { version: "1.0".to_owned(), ..one.clone() }), ["/version"]);
    assert_eq!(told(Workflow { version: format!("1.0.0+{}", "v".repeat(100)), ..one.clone() }), ["/version"]);
    assert_eq!(told(Workflow { display_name: "d".repeat(201), ..one.clone() }), ["/display_name"]);
    assert_eq!(told(Workflow { description: "d".repeat((64 << 10) + 1), ..one.clone() }), ["/description"]);
    assert!(told(one).is_empty());
}
