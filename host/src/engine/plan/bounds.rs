//! How large a definition may be (law 5): what is larger is refused before anything else of it is looked at.

use heddle_manifest::approval::{LABEL_MAX, MESSAGE_BYTES_MAX, TITLE_MAX};

use crate::{
    engine::graph::expressions,
    model::{Checkpoint, Condition, Node, Problem, StepDefinition, Workflow},
    schema,
};

/// A definition may have so many steps, those inside maps and loops counted.
pub(crate) const MAX_STEPS: usize = 10_000;
/// The steps of a definition may depend on so many, each named dependency counted.
pub(crate) const MAX_DEPENDENCIES: usize = 50_000;
/// A definition may have so many expressions: each is parsed by itself.
pub(crate) const MAX_EXPRESSIONS: usize = 20_000;
/// A condition may have so many cases.
pub(crate) const MAX_CASES: usize = 100;
/// The kinds of failures that a step is retried on are no more than this.
const MAX_RETRY_KINDS: usize = 20;
/// Workflows may contain each other so deep, and so may maps and loops.
pub(crate) const MAX_DEPTH: usize = 8;
/// A workflow may be made of so many other workflows, those inside others counted.
pub(crate) const MAX_PARTS: usize = 100;
/// All workflows that one is made of may have so many steps together.
pub(crate) const MAX_PLAN_STEPS: usize = 50_000;
/// All workflows that one is made of may be so long together, in bytes of JSON.
pub(crate) const MAX_PARTS_BYTES: usize = 16 << 20;
/// A map has so many items at once at the most.
pub(crate) const MAX_PARALLEL: u32 = 10_000;
/// A loop is gone through so often at the most.
pub(crate) const MAX_ITERATIONS: u32 = 10_000;
/// A step is attempted so often at the most.
pub(crate) const MAX_ATTEMPTS: u32 = 100;
/// A delay between attempts grows so many times at the most.
pub(crate) const MAX_RETRY_FACTOR: f64 = 100.0;
/// The longest name of a concurrency limit, in bytes.
pub(crate) const MAX_CONCURRENCY_KEY_BYTES: usize = 200;
/// A checkpoint offers so many options at the most.
pub(crate) const MAX_OPTIONS: usize = 10;
/// The longest version of a definition, in bytes.
const MAX_VERSION_BYTES: usize = 100;
/// The longest description for people, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 64 << 10;
/// Nothing takes longer, and nobody waits longer, than a hundred years: in seconds.
pub(crate) const MAX_SECONDS: u64 = 100 * 366 * 24 * 60 * 60;

/// What of a definition is too large, or is no version.
pub(super) fn check_size(workflow: &Workflow) -> Vec<Problem> {
    let (mut problems, mut wrong) = (Vec::new(), texts(workflow));
    let mut too_many = |path: &str, what: &str, count: usize, most: usize| {
        if count > most {
            let message = format!("{count} {what}; at most {most} are allowed");
            problems.push(Problem::new(path, message));
        }
    };
    let (mut steps, mut dependencies, mut schemas) = (0, 0, vec![&workflow.input_schema]);
    let mut open: Vec<(usize, &StepDefinition)> = workflow.steps.iter().enumerate().collect();
    let mut found = 0;
    while let Some((i, step)) = open.pop() {
        steps += 1;
        dependencies += step.depends_on.len();
        if let Some(Condition::Cases(cases)) = &step.condition {
            too_many(&format!("/steps/{i}/condition/cases"), "cases", cases.cases.len(), MAX_CASES);
        }
        let kinds = step.retry.on.as_ref().map_or(0, Vec::len);
        too_many(&format!("/steps/{i}/retry/on"), "kinds", kinds, MAX_RETRY_KINDS);
        schemas.extend(step.checkpoint.iter().filter_map(|checkpoint| checkpoint.input_schema.as_ref()));
        wrong
            .extend(step.checkpoint.iter().flat_map(|found| words(found, &format!("/steps/{i}/checkpoint"))));
        for node in step.nodes() {
            open.extend(node.body().map(|body| (i, body)));
            // A step that says several things is no step; here it counts with all of them.
            if let Node::Checkpoint(checkpoint) = node {
                let at = format!("/steps/{i}/checkpoint/options");
                too_many(&at, "options", checkpoint.options.len(), MAX_OPTIONS);
            }
        }
    }
    found += workflow.steps.iter().map(|step| expressions(step).len()).sum::<usize>();
    found += workflow.output.as_ref().map_or(0, |output| output.expressions().count());
    too_many("/steps", "steps, those inside maps and loops counted", steps, MAX_STEPS);
    too_many("/steps", "dependencies", dependencies, MAX_DEPENDENCIES);
    too_many("/steps", "expressions", found, MAX_EXPRESSIONS);
    problems.append(&mut wrong);
    if let Err(error) = schema::measure_together(schemas.iter().copied()) {
        problems.push(Problem::new("", format!("all schemas of a definition count as one: {error}")));
    }
    problems
}

/// What is wrong with the version and the texts for people: they are in every list of runs and workflows.
fn texts(workflow: &Workflow) -> Vec<Problem> {
    let mut problems = Vec::new();
    let version = &workflow.version;
    if version.len() > MAX_VERSION_BYTES {
        let message = format!("it has {} bytes; at most {MAX_VERSION_BYTES} are allowed", version.len());
        problems.push(Problem::new("/version", message));
    } else if let Err(error) = semver::Version::parse(version) {
        problems.push(Problem::new("/version", format!("{version:?} is no semantic version: {error}")));
    }
    problems.extend(length("/display_name", &workflow.display_name, 0, TITLE_MAX));
    problems.extend(bytes("/description", &workflow.description, MAX_DESCRIPTION_BYTES));
    problems
}

/// What is wrong with the words of a checkpoint: a phase that asks has the same bounds.
fn words(checkpoint: &Checkpoint, at: &str) -> Vec<Problem> {
    let labels = checkpoint.options.iter().take(MAX_OPTIONS).enumerate();
    let labels = labels
        .filter_map(|(k, option)| length(&format!("{at}/options/{k}/label"), &option.label, 0, LABEL_MAX));
    let title = length(&format!("{at}/title"), &checkpoint.title, 1, TITLE_MAX);
    let message = bytes(&format!("{at}/message"), &checkpoint.message, MESSAGE_BYTES_MAX);
    title.into_iter().chain(message).chain(labels).collect()
}

fn length(path: &str, text: &str, least: usize, most: usize) -> Option<Problem> {
    let length = text.chars().count();
    let message = || format!("it has {length} characters; {least} to {most} are allowed");
    (!(least..=most).contains(&length)).then(|| Problem::new(path, message()))
}

fn bytes(path: &str, text: &str, most: usize) -> Option<Problem> {
    let message = || format!("it has {} bytes; at most {most} are allowed", text.len());
    (text.len() > most).then(|| Problem::new(path, message()))
}
