//! A definition looked at as a whole: everything that is wrong with it, before anything runs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    PlanBody, Surroundings,
    bounds::{MAX_DEPTH, MAX_PARTS, MAX_PARTS_BYTES, MAX_PLAN_STEPS, check_size},
    known::Known,
    shared::check_shared,
    step::{Seen, check_expression, check_step},
};
use crate::{
    engine::{
        graph::{Graph, MAX_NAME_BYTES, Reach, is_name},
        problems::{Problems, list},
    },
    model::{Digest, Problem, Schema, Workflow},
};

/// What the checks of a definition share.
pub(super) struct Check<'a, S> {
    pub(super) known: &'a Known<'a, S>,
    pub(super) workflow: &'a Workflow,
    pub(super) problems: Problems,
    pub(super) plugins: BTreeMap<String, Digest>,
    /// What is known of each step's output, by its place.
    pub(super) outputs: Vec<Option<Arc<Schema>>>,
    /// The places of the steps, by name.
    pub(super) places: HashMap<&'a str, usize>,
    /// What comes before what; absent if that cannot be told.
    pub(super) reach: Option<Reach>,
    /// The sub-workflows that it names, with the place of the first that does.
    pub(super) parts: BTreeMap<String, String>,
}

/// Check a definition. If it is not whole, it is not known what comes before what.
pub(super) fn check(
    workflow: &Workflow,
    surroundings: &impl Surroundings,
    is_whole: bool,
) -> Result<PlanBody, Vec<Problem>> {
    let known = Known::new(surroundings);
    let mut parts = Parts {
        known: &known,
        body: PlanBody { workflow: workflow.clone(), workflows: BTreeMap::new(), plugins: BTreeMap::new() },
        problems: Problems::default(),
        deepest: HashMap::new(),
        steps: workflow.steps.len(),
        bytes: 0,
    };
    let named = one(workflow, &known, is_whole, &mut parts.body.plugins, &mut parts.problems);
    let mut path = vec![workflow.name.clone()];
    for (name, at) in named {
        parts.add(&name, &at, &mut path);
    }
    parts.problems.none().map_err(Problems::told)?;
    Ok(parts.body)
}

/// The workflows that a definition is made of, each looked at once.
struct Parts<'a, S> {
    known: &'a Known<'a, S>,
    body: PlanBody,
    problems: Problems,
    /// How deep each contains others, itself counted.
    deepest: HashMap<String, usize>,
    steps: usize,
    bytes: usize,
}

impl<S: Surroundings> Parts<'_, S> {
    /// Add a workflow that the last of a path names as a part, and those that it is made of itself.
    fn add(&mut self, name: &str, at: &str, path: &mut Vec<String>) {
        if path.iter().any(|around| around == name) {
            path.push(name.to_owned());
            let circle = path.join(" → ");
            path.pop();
            self.problems.push(Problem::new(at, format!("the workflow would contain itself: {circle}")));
            return;
        }
        let inside = self.deepest.get(name).copied();
        if path.len() + inside.unwrap_or(1) > MAX_DEPTH {
            let message =
                format!("workflows contain each other more than {MAX_DEPTH} deep: {}", path.join(" → "));
            self.problems.push(Problem::new(at, message));
            return;
        }
        if inside.is_some() {
            return;
        }
        let Some(part) = self.known.workflow(name) else {
            let known = list(self.known.surroundings.workflow_names());
            let message = format!(
                "there is no workflow {name:?}; there are: {known} (`heddle workflow create FILE` saves one)"
            );
            self.problems.push(Problem::new(at, message));
            self.deepest.insert(name.to_owned(), 1);
            return;
        };
        if !self.has_room(&part, at) {
            self.deepest.insert(name.to_owned(), 1);
            return;
        }
        let mut inside = Problems::default();
        let named = one(&part, self.known, true, &mut self.body.plugins, &mut inside);
        self.problems.append(inside, |p| {
            Problem::new(at, format!("workflow {name:?} cannot run: {}: {}", p.path, p.message))
        });
        path.push(name.to_owned());
        let mut deepest = 1;
        for more in named.keys() {
            self.add(more, at, path);
            deepest = deepest.max(1 + self.deepest.get(more).copied().unwrap_or(0));
        }
        path.pop();
        self.deepest.insert(name.to_owned(), deepest);
        self.body.workflows.insert(name.to_owned(), (*part).clone());
    }

    /// Whether all together is not too much with one more.
    fn has_room(&mut self, part: &Workflow, at: &str) -> bool {
        self.steps += part.steps.len();
        self.bytes += serde_json::to_string(part).map_or(0, |text| text.len());
        let message = if self.body.workflows.len() >= MAX_PARTS {
            format!("a workflow may be made of {MAX_PARTS} others at the most")
        } else if self.steps > MAX_PLAN_STEPS {
            format!("with the workflows that it is made of it has more than {MAX_PLAN_STEPS} steps")
        } else if self.bytes > MAX_PARTS_BYTES {
            format!("the workflows that it is made of have more than {MAX_PARTS_BYTES} bytes together")
        } else {
            return true;
        };
        self.problems.push(Problem::new(at, message));
        false
    }
}

/// One definition, without what is in its sub-workflows. Returns their names, with the place that first names each.
fn one<S: Surroundings>(
    workflow: &Workflow,
    known: &Known<'_, S>,
    is_whole: bool,
    plugins: &mut BTreeMap<String, Digest>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let too_large = check_size(workflow);
    if !too_large.is_empty() {
        problems.extend(too_large);
        return BTreeMap::new();
    }
    let mut check = Check {
        known,
        workflow,
        problems: std::mem::take(problems),
        plugins: std::mem::take(plugins),
        outputs: workflow.steps.iter().map(|step| super::outputs::schema(step, known)).collect(),
        places: workflow.steps.iter().enumerate().map(|(i, step)| (step.name.as_str(), i)).collect(),
        reach: None,
        parts: BTreeMap::new(),
    };
    if !is_name(&workflow.name) {
        let rule =
            format!("lower-case letters, digits, `_`, starting with a letter, at most {MAX_NAME_BYTES}");
        check.problems.push(Problem::new("/name", format!("{:?} is no name: {rule}", workflow.name)));
    }
    if let Err(error) = crate::schema::compile(&workflow.input_schema) {
        check.problems.push(Problem::new("/input_schema", error));
    }
    match Graph::of(&workflow.steps, "/steps") {
        Ok(graph) => {
            for (i, condition) in graph.never_reached(&workflow.steps) {
                let condition = &workflow.steps[condition].name;
                let message = format!(
                    "it can never be reached: it comes after cases of {condition:?} that exclude each other"
                );
                check.problems.push(Problem::new(format!("/steps/{i}"), message));
            }
            check.reach = is_whole.then(|| graph.reach());
        }
        Err(more) => check.problems.append(more, |problem| problem),
    }
    for (i, step) in workflow.steps.iter().enumerate() {
        // What is beyond the graph's own problems is checked against all names.
        let seen = if check.reach.is_some() { Seen::before(i) } else { Seen::default() };
        check_step(&mut check, step, &format!("/steps/{i}"), 0, seen);
    }
    if let Some(output) = &workflow.output {
        for (key, text) in output.expressions() {
            let at = key.map_or_else(|| "/output".to_owned(), |key| format!("/output/{key}"));
            check_expression(&mut check, text, &at, Seen::default());
        }
    }
    if let Some(reach) = check.reach.take() {
        let keys: Vec<_> = workflow.steps.iter().map(|step| known.keys(step, 0)).collect();
        check_shared(&workflow.steps, &keys, &reach, &mut check.problems);
    }
    *plugins = check.plugins;
    *problems = check.problems;
    check.parts
}
