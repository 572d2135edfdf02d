//! Expressions of input mappings: where a phase's input comes from.
//!
//! The language is the part of CEL (Common Expression Language) that names a value and selects from it:
//! `input.tickets`, `steps.intake.output["total"][0]`.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) root: Root,
    path: Vec<Selector>,
}

/// What an expression selects from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// The run's input.
    Input,
    /// The output of the step of that name.
    Output(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Selector {
    Key(String),
    Index(usize),
}

impl Expression {
    /// Parse an expression. The error tells at which character (from 1) it went wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let root = parser.name()?;
        let root = match root.as_str() {
            "input" => Root::Input,
            "steps" => {
                let Some(Selector::Key(step)) = parser.selector()? else {
                    return Err(
                        parser.error("expected the name of a step after `steps`, as in steps.NAME.output")
                    );
                };
                match parser.selector()? {
                    Some(Selector::Key(part)) if part == "output" => Root::Output(step),
                    _ => return Err(parser.error(&format!("expected steps.{step}.output"))),
                }
            }
            other => {
                return Err(format!(
                    "{other:?} is not known; an expression begins with `input` or `steps.NAME.output`"
                ));
            }
        };
        let mut path = Vec::new();
        while let Some(selector) = parser.selector()? {
            path.push(selector);
        }
        Ok(Self { root, path })
    }

    /// Select from the root's document (JSON text). `None` if there is nothing at that place.
    pub(crate) fn select<'a>(&self, document: &'a str) -> Option<&'a str> {
        self.path.iter().try_fold(document, |json, selector| {
            // Only the levels on the way are looked into; what is beside it is skipped as text.
            let inner: &RawValue = match selector {
                Selector::Key(key) => {
                    serde_json::from_str::<BTreeMap<String, &RawValue>>(json).ok()?.get(key)?
                }
                Selector::Index(index) => serde_json::from_str::<Vec<&RawValue>>(json).ok()?.get(*index)?,
            };
            Some(inner.get())
        })
    }

    /// The key that it selects first, if any.
    pub(crate) fn first_key(&self) -> Option<&str> {
        match self.path.first()? {
            Selector::Key(key) => Some(key),
            Selector::Index(_) => None,
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

    fn error(&self, message: &str) -> String {
        format!("at character {}: {message}", self.text[..self.at].chars().count() + 1)
    }

    fn name(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.error("expected a name (letters, digits, `_`)"));
        }
        self.at += end;
        Ok(name)
    }

    fn selector(&mut self) -> Result<Option<Selector>, String> {
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
        let select = |text: &str| Expression::parse(text).unwrap().select(document).map(str::to_owned);
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
            let error = Expression::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
