//! JSON Schemas of a plugin's making: compiled once per plugin, and what a guest takes and gives checked against them.

use super::json;
use crate::{
    model::{Failure, FailureKind, Problem, Schema},
    schema,
};

/// A compiled schema.
#[derive(Debug)]
pub(super) enum Check {
    /// Everything that is JSON fits, within [`json::MAX_VALUES`].
    Any,
    /// The schema decides.
    Schema(Box<schema::Validator>),
}

impl Check {
    /// Compile a schema.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn compile(schema: &Schema) -> Result<Self, String> {
        if schema == &Schema::Bool(true) || schema.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(Self::Any);
        }
        Ok(Self::Schema(Box::new(schema::compile(schema)?)))
    }

    /// Check a document. `what` says which one it is: "the input of phase x".
    ///
    /// # Errors
    /// A failure of that kind with the paths of what does not fit.
    pub(super) fn check(&self, what: &str, text: &str, kind: FailureKind) -> Result<(), Failure> {
        let no_json = |error: serde_json::Error| {
            let problem = Problem::new("", format!("not JSON that can be used: {error}"));
            Failure::problems(kind, what, vec![problem])
        };
        let validator = match self {
            Self::Any => {
                return json::check(text).map_err(no_json);
            }
            Self::Schema(validator) => validator,
        };
        let document = json::parse(text).map_err(no_json)?;
        if validator.is_valid(&document) {
            return Ok(());
        }
        let problems = schema::check(validator, &document);
        Err(Failure::problems(kind, format_args!("{what} does not fit its schema"), problems))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_named_by_path() {
        let schema = json!({
            "type": "object",
            "properties": { "n": { "type": "array", "items": { "type": "integer" } } },
            "required": ["m"],
        });
        let check = Check::compile(&schema).unwrap();
        let failure = check.check("the input", r#"{"n": [1, "x"]}"#, FailureKind::InvalidInput).unwrap_err();
        let paths: Vec<_> = failure.problems.iter().map(|p| p.path.as_str()).collect();
        assert!(paths.contains(&"/n/1") && paths.contains(&""), "{failure:?}");
        assert!(failure.message.contains("/n/1"), "{failure}");
        let failure = check.check("the input", "{", FailureKind::InvalidInput).unwrap_err();
        assert!(failure.message.contains("line 1"), "{failure}");
    }
}
