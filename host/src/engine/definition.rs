//! Definitions as people write them: JSON or YAML, read within bounds, with everything that is wrong told by its place.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{
    error::{Code, Error, Result},
    model::Workflow,
    schema,
};

/// The largest definition, in bytes.
pub const MAX_DEFINITION_BYTES: usize = 4 << 20;
/// YAML that expands to more than this many values is no definition but a bomb.
const MAX_VALUES: usize = 500_000;
/// YAML's aliases are bounded more narrowly: no definition needs many.
const MAX_ALIASES: usize = 1_000;
/// So deep may a definition be nested: maps and loops contain each other at most eight deep.
const MAX_DEPTH: usize = 100;

/// Read a definition: JSON where it begins with a brace, else YAML 1.2.
///
/// # Errors
/// `TooLarge`; `Invalid` with the place of what is wrong: by line and column where it is no JSON or YAML, by JSON Pointer
/// where it is no definition, all of it at once.
pub fn parse(text: &[u8]) -> Result<Workflow> {
    if text.len() > MAX_DEFINITION_BYTES {
        let message =
            format!("the definition has {} bytes; at most {MAX_DEFINITION_BYTES} are allowed", text.len());
        return Err(Error::new(Code::TooLarge, message));
    }
    let text = std::str::from_utf8(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
        .map_err(|error| Error::invalid(format!("the definition is not UTF-8: {error}")))?;
    let document = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("the definition is no JSON: {error}")))?,
        false => yaml(text)?,
    };
    of_document(document)
}

/// A definition from its document.
///
/// # Errors
/// `Invalid`, with everything that is wrong by JSON Pointer.
pub fn of_document(document: Value) -> Result<Workflow> {
    static SCHEMA: LazyLock<std::result::Result<schema::Validator, String>> =
        LazyLock::new(|| schema::compile(schemars::schema_for!(Workflow).as_value()));
    let schema = SCHEMA
        .as_ref()
        .map_err(|error| Error::internal("the schema of definitions cannot be used", error.clone()))?;
    let problems = schema::check(schema, &document);
    if !problems.is_empty() {
        return Err(Error::invalid("this is no workflow definition").with_problems(problems));
    }
    serde_json::from_value(document)
        .map_err(|error| Error::invalid(format!("this is no workflow definition: {error}")))
}

fn yaml(text: &str) -> Result<Value> {
    let mut options = serde_saphyr::Options::default();
    // `on` and `no` are names, not booleans (YAML 1.2).
    options.strict_booleans = true;
    options.with_snippet = false;
    if let Some(budget) = &mut options.budget {
        budget.max_events = 2 * MAX_VALUES;
        budget.max_nodes = MAX_VALUES;
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
