//! Definitions as people write them: JSON or YAML, read within bounds, with everything that is wrong told by its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde_json::Value;

use crate::{
    error::{Code, Error, Result},
    model::{Problem, StepDefinition, Workflow},
    sandbox::parse_within,
    schema,
};

/// The largest definition, in bytes.
pub const MAX_DEFINITION_BYTES: usize = 4 << 20;
/// JSON with more than this many values, or YAML that expands to more, is no definition but a bomb.
pub const MAX_VALUES: u32 = 500_000;
/// YAML's aliases are bounded more narrowly: no definition needs many.
pub const MAX_ALIASES: usize = 1_000;
/// So deep may a definition be nested: maps and loops contain each other at most eight deep.
pub const MAX_DEPTH: usize = 100;

/// A definition as far as it can be read.
#[derive(Debug)]
pub(super) struct Draft {
    /// What is wrong with its form.
    pub(super) problems: Vec<Problem>,
    /// It, without what is wrong; absent if nothing can be made of the rest.
    pub(super) workflow: Option<Workflow>,
    /// The steps of which something was left out, by their place.
    pub(super) partial: BTreeSet<usize>,
}

/// Read a definition: JSON where it begins with a brace, else YAML 1.2.
///
/// # Errors
/// `TooLarge`; `Invalid` with the place of what is wrong: by line and column where it is no JSON or YAML, by JSON Pointer
/// where it is no definition, all of it at once.
pub fn parse(text: &[u8]) -> Result<Workflow> {
    let draft = draft(document(text)?)?;
    match draft.workflow {
        Some(workflow) if draft.problems.is_empty() => Ok(workflow),
        _ => Err(no_definition(draft.problems)),
    }
}

pub(super) fn no_definition(problems: Vec<Problem>) -> Error {
    Error::invalid("this is no workflow definition").with_problems(problems)
}

/// The document of a definition, whether it is one or not.
///
/// # Errors
/// `TooLarge`; `Invalid` with the line and column where it is no JSON or YAML.
pub fn document(text: &[u8]) -> Result<Value> {
    if text.len() > MAX_DEFINITION_BYTES {
        let message =
            format!("the definition has {} bytes; at most {MAX_DEFINITION_BYTES} are allowed", text.len());
        return Err(Error::new(Code::TooLarge, message));
    }
    let text = std::str::from_utf8(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
        .map_err(|error| Error::invalid(format!("the definition is not UTF-8: {error}")))?;
    match text.trim_start().starts_with('{') {
        true => parse_within(text, MAX_VALUES)
            .map_err(|error| Error::invalid(format!("the definition is no JSON: {error}"))),
        false => yaml(text),
    }
}

/// What a document says, and what of it cannot be read.
pub(super) fn draft(mut document: Value) -> Result<Draft> {
    static SCHEMA: LazyLock<std::result::Result<schema::Validator, String>> =
        LazyLock::new(|| schema::compile(schemars::schema_for!(Workflow).as_value()));
    let schema = SCHEMA
        .as_ref()
        .map_err(|error| Error::internal("the schema of definitions cannot be used", error.clone()))?;
    let mut problems = schema::check(schema, &document);
    let partial = if problems.is_empty() { BTreeSet::new() } else { leave_out(&mut document, &problems) };
    let workflow = match serde_json::from_value(document) {
        Ok(workflow) => Some(workflow),
        Err(error) if problems.is_empty() => {
            problems.push(Problem::new("", error.to_string()));
            None
        }
        Err(_) => None,
    };
    Ok(Draft { problems, workflow, partial })
}

/// Leave out of a document what is wrong with its form, so that the rest can be looked at as well. Returns the steps that
/// were changed.
fn leave_out(document: &mut Value, problems: &[Problem]) -> BTreeSet<usize> {
    let mut partial = BTreeSet::new();
    let known = known_members();
    let Some(members) = document.as_object_mut() else { return partial };
    members.retain(|key, _| known.workflow.contains(key));
    let mut wrong_in_step: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for problem in problems {
        let mut path = problem.path.split('/').skip(1);
        match (path.next(), path.next().map(str::parse::<usize>), path.next()) {
            (Some("steps"), Some(Ok(i)), key) => {
                wrong_in_step.entry(i).or_default().extend(key.map(str::to_owned));
            }
            // Without its steps there is nothing to look at.
            (Some("steps"), ..) | (None, ..) => {}
            (Some(key), ..) => drop(members.remove(key)),
        }
    }
    members.entry("name").or_insert_with(|| "unnamed".into());
    for (i, wrong) in wrong_in_step {
        partial.insert(i);
        let Some(step) = members.get_mut("steps").and_then(|steps| steps.get_mut(i)) else { continue };
        if let Some(members) = step.as_object_mut() {
            members.retain(|key, _| known.step.contains(key) && !wrong.contains(key));
        }
        if serde_json::from_value::<StepDefinition>(step.clone()).is_err() {
            let name = step.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            *step = serde_json::json!({ "name": name });
        }
    }
    partial
}

/// The members that there are.
struct Members {
    workflow: BTreeSet<String>,
    step: BTreeSet<String>,
}

fn known_members() -> Members {
    let names = |schema: schemars::Schema| {
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    Members {
        workflow: names(schemars::schema_for!(Workflow)),
        step: names(schemars::schema_for!(StepDefinition)),
    }
}

fn yaml(text: &str) -> Result<Value> {
    let mut options = serde_saphyr::Options::default();
    // `on` and `no` are names, not booleans (YAML 1.2).
    options.strict_booleans = true;
    options.with_snippet = false;
    if let Some(budget) = &mut options.budget {
        budget.max_events = 2 * MAX_VALUES as usize;
        budget.max_nodes = MAX_VALUES as usize;
        budget.max_aliases = MAX_ALIASES;
        budget.max_depth = MAX_DEPTH;
        budget.max_documents = 1;
        budget.max_total_scalar_bytes = 2 * MAX_DEFINITION_BYTES;
    }
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // What follows is advice for programmers.
        let text = error.to_string();
        let what = text.split(", set DuplicateKeyPolicy").next().unwrap_or(&text);
        Error::invalid(format!("the definition is no YAML: {what}"))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const YAML: &str = "
name: greet
steps:
  - name: on_time
    condition: input.hour < 12
  - name: hello
    depends_on: [on_time.true]
    phase: echo/copy
    retry: { max_attempts: 3, on: [failed] }
";

    #[test]
    fn yaml_and_json_say_the_same() {
        let workflow = parse(YAML.as_bytes()).unwrap();
        assert_eq!(workflow.steps[1].retry.on.as_deref(), Some(["failed".to_owned()].as_slice()));
        let json = serde_json::to_string(&workflow).unwrap();
        assert_eq!(parse(json.as_bytes()).unwrap(), workflow);
        assert_eq!(parse(format!("\u{feff}{json}").as_bytes()).unwrap(), workflow);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let said = |text: &str| parse(text.as_bytes()).unwrap_err().long();
        let error = said("name: a\nsteps: [\n");
        assert!(error.contains("no YAML") && error.contains("line"), "{error}");
        let error = said("{\"name\": }");
        assert!(error.contains("no JSON") && error.contains("line 1 column 10"), "{error}");
        let error = said("name: a\nsteps:\n  - name: b\n    phas: x/y\n    priority: high\n");
        assert!(
            error.contains("/steps/0") && error.contains("phas") && error.contains("/steps/0/priority"),
            "{error}"
        );
        let error = said("name: a\nname: b\nsteps: []\n");
        assert!(error.contains("name"), "{error}");
        let error = said("just text");
        assert!(error.contains("\"object\""), "{error}");
        assert!(parse(&[0xff, 0xfe]).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_before_it_goes_off() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(",")));
        }
        let begin = std::time::Instant::now();
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("no YAML"), "{error}");
        assert!(begin.elapsed() < std::time::Duration::from_secs(30), "it was expanded");
        let deep = format!("a: {}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(parse(deep.as_bytes()).is_err());
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(parse(deep.as_bytes()).is_err());
        let large = parse(&vec![b' '; MAX_DEFINITION_BYTES + 1]).unwrap_err();
        assert_eq!(large.code(), Code::TooLarge);
    }
}
