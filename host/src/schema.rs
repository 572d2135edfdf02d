//! JSON Schema (draft 2020-12) of untrusted origin: compiled with bounds, never fetching a reference (law 5).

use jsonschema::{PatternOptions, Validator};

use crate::model::{Problem, Schema};

/// A schema's text may be this long.
const MAX_SCHEMA_BYTES: usize = 1 << 20;
/// So many violations are reported of one document.
const MAX_PROBLEMS: usize = 50;

/// Compile a schema.
///
/// # Errors
/// What is wrong with it, for its author: not a schema, too large, or with a reference to another document.
pub fn compile(schema: &Schema) -> Result<Validator, String> {
    let size = schema.to_string().len();
    if size > MAX_SCHEMA_BYTES {
        return Err(format!("the schema has {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed"));
    }
    jsonschema::options()
        // Linear time: a tenant's pattern must not be able to hang the host.
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .build(schema)
        .map_err(|error| format!("the schema cannot be used: {error}"))
}

/// Everything in a document that breaks the schema, up to a bound.
pub fn check(schema: &Validator, document: &serde_json::Value) -> Vec<Problem> {
    let mut errors = schema.iter_errors(document);
    let mut problems: Vec<Problem> = errors
        .by_ref()
        .take(MAX_PROBLEMS)
        .map(|error| {
            let message: String = error.to_string();
            let message = if message.len() > 400 { shorten(&message) } else { message };
            Problem::new(error.instance_path().to_string(), message)
        })
        .collect();
    if errors.next().is_some() {
        problems.push(Problem::new("", format!("and more: the first {MAX_PROBLEMS} are shown")));
    }
    problems
}

/// The message quotes the offending value, which may be the whole document.
fn shorten(message: &str) -> String {
    let head: String = message.chars().take(150).collect();
    let skip = message.chars().count().saturating_sub(200);
    let tail: String = message.chars().skip(skip).collect();
    format!("{head} … {tail}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_named_and_references_to_elsewhere_are_refused() {
        let schema =
            compile(&json!({"type": "object", "properties": {"a": {"items": {"type": "integer"}}}})).unwrap();
        let problems = check(&schema, &json!({"a": [1, "x", 2.5]}));
        let paths: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["/a/1", "/a/2"]);
        for reference in ["file:///etc/passwd", "http://127.0.0.1:1/x.json", "other.json"] {
            let error = compile(&json!({"properties": {"a": {"$ref": reference}}})).unwrap_err();
            assert!(error.contains("cannot be used"), "{error}");
        }
    }

    #[test]
    fn what_a_schema_may_cost_is_bounded() {
        assert!(compile(&json!({"pattern": "(a+)+$"})).is_ok(), "the regular expressions are linear");
        assert!(compile(&json!({"pattern": "(?=a)b"})).is_err(), "look-around is not linear");
        assert!(
            compile(&json!({"description": "x".repeat(MAX_SCHEMA_BYTES)})).unwrap_err().contains("bytes")
        );
        let schema = compile(&json!({"items": {"type": "null"}})).unwrap();
        assert_eq!(check(&schema, &json!(vec![1; 1000])).len(), MAX_PROBLEMS + 1);
        let schema = compile(&json!({"type": "null"})).unwrap();
        assert!(check(&schema, &json!(vec!["long"; 100_000]))[0].message.len() < 1000);
    }
}
