//! The tree that is evaluated means what the author's tree means: what counts its cost changes nothing else.

use std::sync::Arc;

use cel::{Context, Value, common::value::Val};
use proptest::prelude::*;

use crate::engine::expression::{evaluate, language, meter::Meter, output, syntax, *};

const DOCUMENT: &str = r#"{
    "n": 3, "m": -1, "f": 2.5, "u": 18446744073709551615, "t": "abc", "e": "", "no": null, "yes": true,
    "list": [3, 1, 2], "words": ["b", "a", "b"], "mixed": [1, "a", null, 2.5, [1]], "none": [],
    "items": [{"id": 1, "name": "x", "tags": ["p"]}, {"id": 2, "name": "y", "tags": []}, {"id": 3}],
    "map": {"k": 1}
}"#;

/// The types that expressions are made of here.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Int,
    Double,
    Text,
    Boolean,
    Ints,
    Texts,
    Items,
    Any,
}

/// Expressions of a type, by what they are made of: `$1` stands for an expression of the first type, and so on. Inside
/// loops `x` is what the list has, else a number.
#[rustfmt::skip]
const FORMS: &[(Type, &str, &[Type])] = {
    use Type::*;
    &[
        (Int, "1", &[]), (Int, "input.n", &[]), (Int, "input.m", &[]), (Int, "y", &[]), (Int, "input.items[0].id", &[]),
        (Int, "($1 + $2)", &[Int, Int]), (Int, "($1 - $2) * 2", &[Int, Int]), (Int, "$1 / $2", &[Int, Int]), (Int, "$1 % 3", &[Int]),
        (Int, "-($1)", &[Int]), (Int, "size($1)", &[Text]), (Int, "($1).size()", &[Ints]), (Int, "($1)[0]", &[Ints]), (Int, "($1)[$2]", &[Ints, Int]),
        (Int, "($1 ? $2 : $3)", &[Boolean, Int, Int]), (Int, "($1).indexOf($2)", &[Text, Text]), (Int, "math.greatest($1, $2)", &[Int, Int]),
        (Int, "math.least($1)", &[Ints]), (Int, "int($1)", &[Double]), (Int, "input.?zzz.orValue($1)", &[Int]), (Int, "input.?map.?k.orValue($1)", &[Int]),
        (Int, "optional.of($1).optMap(x, x + $2).value()", &[Int, Int]), (Int, "{'a': $1, 'b': $2}.b", &[Int, Any]), (Int, "timestamp('2026-01-01T00:00:00Z').getFullYear()", &[]),
        (Double, "2.5", &[]), (Double, "input.f", &[]), (Double, "double($1)", &[Int]), (Double, "($1 + $2)", &[Double, Double]), (Double, "math.ceil($1)", &[Double]),
        (Text, "'ab'", &[]), (Text, "input.t", &[]), (Text, "input.e", &[]), (Text, "($1 + $2)", &[Text, Text]), (Text, "string($1)", &[Int]),
        (Text, "($1).upperAscii()", &[Text]), (Text, "($1).replace('a', $2)", &[Text, Text]), (Text, "($1).join($2)", &[Texts, Text]), (Text, "($1)[0]", &[Texts]),
        (Text, "'%s-%d'.format([$1, $2])", &[Any, Int]), (Text, "($1).substring(1)", &[Text]), (Text, "($1).reverse()", &[Text]), (Text, "string(duration('90s'))", &[]),
        (Text, "($1 ? $2 : $3)", &[Boolean, Text, Text]),
        (Boolean, "true", &[]), (Boolean, "input.yes", &[]), (Boolean, "$1 == $2", &[Any, Any]), (Boolean, "$1 < $2", &[Int, Int]), (Boolean, "$1 >= $2", &[Text, Text]),
        (Boolean, "$1 < $2", &[Int, Double]), (Boolean, "($1 && $2)", &[Boolean, Boolean]), (Boolean, "($1 || $2)", &[Boolean, Boolean]), (Boolean, "!($1)", &[Boolean]),
        (Boolean, "$1 in $2", &[Int, Ints]), (Boolean, "$1 in $2", &[Any, Texts]), (Boolean, "($1).all(x, $2)", &[Ints, Boolean]), (Boolean, "($1).exists(x, $2)", &[Ints, Boolean]),
        (Boolean, "($1).exists(x, x > $2)", &[Ints, Int]), (Boolean, "($1).exists_one(x, x == $2)", &[Ints, Int]), (Boolean, "($1).startsWith($2)", &[Text, Text]),
        (Boolean, "has(input.map.k)", &[]), (Boolean, "has(input.zzz)", &[]), (Boolean, "type($1) == int", &[Any]), (Boolean, "input.items.exists(i, has(i.name) && $1)", &[Boolean]),
        (Boolean, "($1 || input.zzz == 1)", &[Boolean]), (Boolean, "($1).all(x, x > 1 || input.zzz == x)", &[Ints]), (Boolean, "($1 && 1 / 0 == 1)", &[Boolean]),
        (Ints, "[1, 2, 3]", &[]), (Ints, "input.list", &[]), (Ints, "[$1, $2]", &[Int, Int]), (Ints, "($1 + $2)", &[Ints, Ints]), (Ints, "($1).filter(x, $2)", &[Ints, Boolean]),
        (Ints, "($1).filter(x, x > $2)", &[Ints, Int]), (Ints, "($1).map(x, $2)", &[Ints, Int]), (Ints, "($1).map(x, x * $2)", &[Ints, Int]), (Ints, "($1).map(x, $2, x)", &[Ints, Boolean]),
        (Ints, "($1).sort()", &[Ints]), (Ints, "($1).sortBy(x, -x)", &[Ints]), (Ints, "($1).distinct()", &[Ints]), (Ints, "($1).reverse()", &[Ints]), (Ints, "[$1, $2].flatten()", &[Ints, Ints]),
        (Ints, "lists.range(3)", &[]), (Ints, "($1).map(i, i.id)", &[Items]), (Ints, "($1).slice(0, 1)", &[Ints]),
        (Texts, "input.words", &[]), (Texts, "($1).split($2)", &[Text, Text]), (Texts, "[$1]", &[Text]), (Texts, "($1).map(x, string(x))", &[Ints]), (Texts, "($1).filter(w, w != $2)", &[Texts, Text]),
        (Texts, "($1).map(i, has(i.name), i.name)", &[Items]), (Texts, "($1 + $2)", &[Texts, Texts]),
        (Items, "input.items", &[]), (Items, "($1).filter(i, i.id > $2)", &[Items, Int]), (Items, "($1).sortBy(i, -i.id)", &[Items]), (Items, "($1).filter(i, i.name == 'x')", &[Items]),
        (Any, "null", &[]), (Any, "input.mixed", &[]), (Any, "input.zzz", &[]), (Any, "input.items[1]", &[]), (Any, "{'v': $1}", &[Any]), (Any, "$1", &[Int]), (Any, "$1", &[Text]),
        (Any, "$1", &[Boolean]), (Any, "$1", &[Ints]), (Any, "$1", &[Items]), (Any, "$1", &[Double]), (Any, "b'x'", &[]), (Any, "input.u", &[]),
    ]
};

/// Expressions that are well formed and well typed, as far as one can tell.
fn expression(of: Type, depth: u32) -> BoxedStrategy<String> {
    let forms = FORMS.iter().filter(|(made, _, parts)| *made == of && (depth > 0 || parts.is_empty()));
    let choices = forms.map(|(_, form, parts)| {
        let parts: Vec<_> =
            parts.iter().map(|part| expression_later(*part, depth.saturating_sub(1))).collect();
        let fill = move |parts: Vec<String>| {
            let numbered = parts.iter().enumerate();
            numbered.fold((*form).to_owned(), |form, (i, part)| form.replace(&format!("${}", i + 1), part))
        };
        parts.prop_map(fill).boxed()
    });
    prop::strategy::Union::new(choices.collect::<Vec<_>>()).boxed()
}

/// The same, made when it is needed: all at once would be a great many.
fn expression_later(of: Type, depth: u32) -> BoxedStrategy<String> {
    // What has no constants needs one level more.
    let depth = if FORMS.iter().any(|(made, _, parts)| *made == of && parts.is_empty()) {
        depth
    } else {
        depth.max(1)
    };
    Just(()).prop_flat_map(move |()| expression(of, depth)).boxed()
}

/// What the crate makes of the author's tree, with nothing around it.
fn plain(expression: &Expression, scope: &Scope) -> Result<Option<String>, String> {
    let syntax = syntax::parse(expression.text()).unwrap();
    let mut context = Context::with_env(Arc::clone(language::environment()));
    let variables =
        evaluate::variables(expression.references(), scope, &Meter::default()).map_err(|fault| fault.1)?;
    for (name, value) in variables {
        context.add_variable_as_val(name, value);
    }
    let value = Value::resolve(&syntax.tree, &context).map_err(|error| error.to_string())?;
    // A type is a text among the crate's values.
    let value: Box<dyn Val> = value.try_into().map_err(|_| "no value".to_owned())?;
    output::write(value.as_ref())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counting_changes_nothing(text in expression(Type::Any, 4)) {
        let text = format!("[1].map(x, [2].map(y, {text}))");
        let Ok(expression) = Expression::parse(&text) else { return Ok(()) };
        let mut scope = Scope::default();
        scope.insert(Root::Input, DOCUMENT);
        let counted = expression.evaluate(&scope).map_err(|error| error.to_string());
        match (counted, plain(&expression, &scope)) {
            (Err(counted), Ok(_)) => {
                // Of maps the crate's order is another each time, so they do not become lists here.
                let ours = ["does not go with an object", "of type type", "takes more than", "an index is a whole number"];
                prop_assert!(ours.iter().any(|part| counted.contains(part)), "{text}\n{counted}");
            }
            (Ok(counted), plain) => prop_assert_eq!(Ok(counted), plain, "{}", text),
            (Err(_), Err(_)) => {}
        }
    }
}
