//! Whatever the text and the documents: an answer, never a panic; and a selection is what the language makes of it.

use proptest::prelude::*;

use crate::engine::expression::*;

/// Pieces of the language, valid or not when put together.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "input",
        "item",
        "index",
        "previous",
        "as_of",
        "steps.a.output",
        "steps.a.state",
        ".a",
        ".b",
        ".?a",
        "['a']",
        "[0]",
        "[?1]",
        "[-1]",
        "[1u]",
        "[0.5]",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        " in ",
        "1",
        "0",
        "2.5",
        "1e308",
        "7u",
        "-9223372036854775808",
        "'x'",
        "'é'",
        "b'x'",
        "r'\\'",
        "'''",
        "true",
        "false",
        "null",
        "x",
        "y",
        ".map(x, x)",
        ".map(x,",
        ".filter(y,",
        ".all(x, x == 1)",
        ".exists(x,",
        ".exists_one(x, true)",
        ".sortBy(x, x)",
        "has(",
        "size(",
        "int(",
        "double(",
        "string(",
        "timestamp(",
        "duration('1h')",
        "duration('-1ns')",
        ".matches('a+')",
        ".replace('a', 'bb')",
        ".split('')",
        ".join('-')",
        ".substring(1, 2)",
        ".charAt(0)",
        ".indexOf('')",
        ".lastIndexOf('a', 1)",
        ".format([1, 'a', 2.5, null])",
        ".sort()",
        ".distinct()",
        ".flatten(3)",
        ".slice(0, 1)",
        ".reverse()",
        "lists.range(5)",
        "math.abs(",
        "math.bitShiftLeft(1, 64)",
        "math.sqrt(-1)",
        "math.greatest(1, 2.0)",
        "optional.of(1)",
        "optional.none()",
        ".orValue(1)",
        ".value()",
        ".optMap(z, z)",
        ".getHours('Europe/Paris')",
        ".getDate('nowhere')",
        "type(",
        "dyn(",
        "bytes(",
        "uint(-1)",
        "int",
        "google.protobuf.Timestamp",
        "`a-b`",
        ".`a-b`",
        "//",
        "\n",
        "\\",
        "@",
        "é",
        "Foo{a: 1}",
    ]);
    prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.concat())
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-10i64..10).prop_map(Into::into),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Into::into),
        "[ab\"\\\\\u{0}-\u{ff}]{0,4}".prop_map(Into::into),
        Just("2026-01-02T03:04:05Z".into()),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map("[ab\"\u{e9}]{1,2}", inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn scope(documents: &[serde_json::Value]) -> Scope {
    let roots = [
        Root::Input,
        Root::Item,
        Root::Index,
        Root::Previous,
        Root::AsOf,
        Root::Output("a".to_owned()),
        Root::Step("a".to_owned()),
    ];
    let mut scope = Scope::default();
    for (root, document) in roots.into_iter().zip(documents) {
        scope.insert(root, document.to_string());
    }
    scope
}

/// Evaluate, and check what must hold of any answer.
fn answer(text: &str, scope: &Scope) -> Result<(), TestCaseError> {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            prop_assert!(error.to_string().starts_with("at "), "{error}");
            return Ok(());
        }
    };
    prop_assert_eq!(expression.text(), text);
    for reference in expression.references() {
        prop_assert!((1..=text.chars().count()).contains(&reference.position));
    }
    let _ = check_references(&expression, &Surroundings::default());
    match expression.evaluate(scope) {
        Ok(Some(json)) => prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json),
        Ok(None) => {}
        Err(error) => {
            let error = error.to_string();
            prop_assert!(!error.contains("evaluator failed"), "{error}");
            prop_assert!(!error.contains('@') || text.contains('@'), "what is inside shows: {error}");
        }
    }
    prop_assert_eq!(expression.evaluate(scope), expression.evaluate(scope));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_the_language_have_an_answer(text in pieces(), documents in prop::collection::vec(document(), 0..8)) {
        answer(&text, &scope(&documents))?;
    }

    #[test]
    fn any_text_has_an_answer(text in "\\PC{0,60}", other in "[a-z0-9.()\\[\\]{}'\"+*/&|?:,\\\\ \n]{0,60}") {
        answer(&text, &Scope::default())?;
        answer(&other, &Scope::default())?;
    }

    #[test]
    fn a_selection_is_what_the_language_makes_of_it(
        document in document(),
        path in prop::collection::vec(prop_oneof![
            "[ab\u{e9}]{1,2}".prop_map(|key| format!("[{key:?}]")),
            "[ab]{1,2}".prop_map(|key| format!(".{key}")),
            (0usize..4).prop_map(|index| format!("[{index}]")),
        ], 0..4),
    ) {
        let scope = scope(&[document]);
        let text = format!("input{}", path.concat());
        let selected = Expression::parse(&text).unwrap().evaluate(&scope).unwrap();
        let evaluated = Expression::parse(&format!("dyn({text})")).unwrap().evaluate(&scope);
        match (selected, evaluated) {
            (Some(selected), Ok(Some(evaluated))) => {
                let parsed = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
                prop_assert_eq!(parsed(&selected), parsed(&evaluated));
            }
            (None, Err(_)) => {}
            (selected, evaluated) => prop_assert!(false, "{text}: {selected:?} is not {evaluated:?}"),
        }
    }
}
