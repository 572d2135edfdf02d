//! Expressions of input mappings and conditions, in CEL (Common Expression Language).

// Conditions are evaluated by the steps that have them; what they need is complete here.
#![allow(dead_code)]

mod error;
mod scope;
mod selection;

pub(crate) use error::{EvaluationError, ExpressionError};
pub(crate) use scope::{Reference, Root, Scope, Selector};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    text: String,
    references: Vec<Reference>,
}

impl Expression {
    /// Parse a text. The error tells at which character (from 1) it went wrong and what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser { text, at: 0 };
        let root = parser.name()?;
        let root = match root.as_str() {
            "input" => Root::Input,
            "item" => Root::Item,
            "index" => Root::Index,
            "previous" => Root::Previous,
            "as_of" => Root::AsOf,
            "steps" => {
                let Some(Selector::Key(step)) = parser.selector()? else {
                    return Err(
                        parser.error("expected the name of a step after `steps`, as in steps.NAME.output")
                    );
                };
                match parser.selector()? {
                    Some(Selector::Key(part)) if part == "output" => Root::Output(step),
                    Some(Selector::Key(part)) if part == "state" => Root::Step(step),
                    _ => return Err(parser.error(&format!("expected steps.{step}.output"))),
                }
            }
            other => {
                let message = format!(
                    "{other:?} is not known; an expression begins with `input` or `steps.NAME.output`"
                );
                return Err(ExpressionError::at(text, 1, message));
            }
        };
        let mut path = Vec::new();
        while let Some(selector) = parser.selector()? {
            path.push(selector);
        }
        Ok(Self { text: text.to_owned(), references: vec![Reference { root, path, position: 1 }] })
    }

    /// The text that it was parsed from.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Every place that it reads, in the order of the text.
    pub(crate) fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Evaluate to JSON text. `None` if there is nothing at the place that it selects.
    ///
    /// # Errors
    /// Why there is no value.
    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<Option<String>, EvaluationError> {
        let selected = self.references.first().and_then(|reference| {
            selection::select(scope.get(&reference.root)?, &reference.path).map(str::to_owned)
        });
        Ok(selected)
    }

    /// Evaluate as a condition.
    ///
    /// # Errors
    /// Why there is no value, or what it is if it is not a boolean.
    pub(crate) fn is_true(&self, scope: &Scope) -> Result<bool, EvaluationError> {
        match self.evaluate(scope)?.as_deref() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(EvaluationError::at(
                &self.text,
                1,
                format!("a condition is true or false, this is {other}"),
            )),
            None => Err(EvaluationError::at(&self.text, 1, "there is nothing at this place")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, message: &str) -> ExpressionError {
        ExpressionError::at(self.text, self.text[..self.at].chars().count() + 1, message)
    }

    fn name(&mut self) -> Result<String, ExpressionError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.error("expected a name (letters, digits, `_`)"));
        }
        self.at += end;
        Ok(name)
    }

    fn selector(&mut self) -> Result<Option<Selector>, ExpressionError> {
        if self.rest().is_empty() {
            return Ok(None);
        }
        if self.rest().starts_with('.') {
            self.at += 1;
            return self.name().map(|name| Some(Selector::Key(name)));
        }
        let Some(inner) = self.rest().strip_prefix('[') else {
            return Err(
                self.error("expected `.name`, `[\"key\"]` or `[0]`; other operators are not supported here")
            );
        };
        let Some(end) = inner.find(']') else { return Err(self.error("the `[` is never closed")) };
        let inside = &inner[..end];
        let selector = match serde_json::from_str::<serde_json::Value>(inside) {
            Ok(serde_json::Value::String(key)) => Selector::Key(key),
            Ok(serde_json::Value::Number(n)) if n.as_u64().is_some() => {
                Selector::Index(usize::try_from(n.as_u64().unwrap_or_default()).unwrap_or(usize::MAX))
            }
            _ => {
                return Err(
                    self.error("expected a string in double quotes or a number from 0 between `[` and `]`")
                );
            }
        };
        self.at += end + 2;
        Ok(Some(selector))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn selects_along_the_path() {
        let document = r#"{"a": {"b c": [10, {"d": "x"}]}, "a2": null}"#;
        let mut scope = Scope::default();
        scope.insert(Root::Input, document);
        scope.insert(Root::Output("first".to_owned()), document);
        let select = |text: &str| Expression::parse(text).unwrap().evaluate(&scope).unwrap();
        assert_eq!(select(r#"input.a["b c"][1].d"#).as_deref(), Some("\"x\""));
        assert_eq!(select("steps.first.output.a2").as_deref(), Some("null"));
        assert_eq!(select("input.a.zzz"), None);
        assert_eq!(select(r#"input.a["b c"][2]"#), None);
        assert_eq!(select("input").as_deref(), Some(document));
    }

    #[test]
    fn says_where_it_went_wrong() {
        for (text, part) in [
            ("", "at character 1"),
            ("outputs.x", "begins with `input`"),
            ("steps", "name of a step"),
            ("steps.a.result", "steps.a.output"),
            ("input.a + 1", "at character 8"),
            ("input.a[", "never closed"),
            ("input.a[-1]", "at character 8"),
            ("input..a", "at character 7"),
        ] {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
