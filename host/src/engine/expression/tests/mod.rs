//! Expressions as their authors see them.

mod bounds;
mod checks;
mod language;
mod meaning;
mod random;

use super::{Expression, Root, Scope};

/// Documents to evaluate over.
fn scope() -> Scope {
    let mut scope = Scope::default();
    scope.insert(
        Root::Input,
        r#"{
            "n": 3, "f": 3.0, "big": 18446744073709551615, "exact": 9007199254740993, "text": "héllo", "no": null,
            "a": {"b c": [10, {"d": "x"}], "z": 1, "y": 2},
            "items": [{"id": 1, "price": 3, "tags": ["x"]}, {"id": 2, "price": 20.5, "tags": []}],
            "since": "2026-01-01T00:00:00Z"
        }"#,
    );
    scope.insert(Root::Output("first".into()), r#"{"x": 1, "list": [1, 2, 3]}"#);
    scope.insert(Root::Step("first".into()), r#""completed""#);
    scope.insert(Root::Step("second".into()), r#""skipped""#);
    scope.insert(Root::Item, r#"{"id": 7}"#);
    scope.insert(Root::Index, "2");
    scope.insert(Root::Previous, "null");
    scope.insert(Root::AsOf, r#""2026-01-02T03:04:05Z""#);
    scope
}

/// The value of a text, or what is wrong with it.
fn value(text: &str) -> Result<Option<String>, String> {
    value_in(text, &scope())
}

fn value_in(text: &str, scope: &Scope) -> Result<Option<String>, String> {
    let expression = Expression::parse(text).map_err(|error| format!("refused: {error}"))?;
    expression.evaluate(scope).map_err(|error| error.to_string())
}
