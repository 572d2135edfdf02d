//! The language: values, their types, and what is said of mistakes.

use super::{scope, value, value_in};
use crate::engine::expression::*;

#[track_caller]
fn assert_values(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(value(text), Ok(Some((*expected).to_owned())), "{text}");
    }
}

#[track_caller]
fn assert_errors(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let error = value(text).expect_err(text);
        assert!(error.starts_with(expected), "{text}\n  said:     {error}\n  expected: {expected}");
    }
}

#[test]
fn selections_are_text_as_it_stands() {
    assert_values(&[
        (r#"input.a["b c"][1].d"#, r#""x""#),
        ("input.a['b c'][0]", "10"),
        ("input.f", "3.0"),
        ("input.exact", "9007199254740993"),
        ("steps.first.output.list[2]", "3"),
        ("steps['first'].output", r#"{"x": 1, "list": [1, 2, 3]}"#),
        ("steps.second.state", r#""skipped""#),
        ("item.id", "7"),
        ("index", "2"),
        ("previous", "null"),
        ("as_of", r#""2026-01-02T03:04:05Z""#),
        (" input . n // three", "3"),
        ("(input.n)", "3"),
    ]);
    for text in [
        "input.zzz",
        "input.a['b c'][2]",
        "input.n.x",
        "input[0]",
        "steps.second.output",
        "steps.first.output.y[0]",
    ] {
        assert_eq!(value(text), Ok(None), "{text}");
    }
}

#[test]
fn operators_macros_and_functions() {
    assert_values(&[
        ("input.n + 1", "4"),
        ("-input.n * 2 % 4", "-2"),
        ("7 / 2", "3"),
        ("7.0 / 2.0", "3.5"),
        ("input.n > 2 ? 'many' : 'few'", r#""many""#),
        ("input.n > 2 && !(input.text == 'x') || false", "true"),
        ("2 in [1, 2]", "true"),
        ("'z' in input.a", "true"),
        ("input.text.startsWith('h') && 'abc'.contains('b') && 'abc'.endsWith('c')", "true"),
        ("input.text.matches('^h.l+o$')", "true"),
        ("size(input.text)", "5"),
        ("input.items.size() + size(input.a)", "5"),
        ("has(input.a.z)", "true"),
        ("has(input.zzz)", "false"),
        ("has(steps.second.output) ? steps.second.output.x : 0", "0"),
        ("input.items.all(i, i.price > 2)", "true"),
        ("input.items.exists(i, i.price > 20)", "true"),
        ("input.items.exists_one(i, i.id == 2)", "true"),
        ("input.items.filter(i, i.price > 10).map(i, i.id)", "[2]"),
        ("input.items.map(i, i.price > 10, i.id)", "[2]"),
        ("[1, 2] + [3]", "[1,2,3]"),
        ("{'b': 1, 'a': [input.n, null, true]}", r#"{"a":[3,null,true],"b":1}"#),
        ("input.text.upperAscii() + ' ' + 'a,b'.split(',').join('-')", r#""HéLLO a-b""#),
        ("'%s has %d'.format([input.text, input.n])", r#""héllo has 3""#),
        ("input.items.sortBy(i, -i.id)[0].id", "2"),
        ("[3, 1, 2].sort().reverse()", "[3,2,1]"),
        ("[[1], [2, 3]].flatten()", "[1,2,3]"),
        ("[1, 1, 2].distinct()", "[1,2]"),
        ("lists.range(3)", "[0,1,2]"),
        ("math.greatest(1, 5, 3) + math.least([4, 2])", "7"),
        ("math.ceil(1.2)", "2.0"),
        ("input.?zzz.orValue('none')", r#""none""#),
        ("input.?a.?z", "1"),
        ("input.?n.optMap(n, n + 1).orValue(0)", "4"),
        ("type(input.n) == int && type(input.f) == double", "true"),
        ("type(as_of) == google.protobuf.Timestamp", "true"),
        ("[1, 2].map(input, input + 1)", "[2,3]"),
        ("[1].map(x, .input.n + x)", "[4]"),
        ("r'\\d' + \"\\n\" + '''a\nb'''", r#""\\d\na\nb""#),
        ("steps.first.state == 'completed' && steps.first.output.x == 1", "true"),
        ("previous == null ? index : 0", "2"),
    ]);
    assert_eq!(value("input.?zzz"), Ok(None), "an optional without a value is no value");
}

#[test]
fn numbers_keep_their_type_and_compare_by_value() {
    assert_values(&[
        ("input.n + 0", "3"),
        ("input.f + 0.0", "3.0"),
        ("double(input.n)", "3.0"),
        ("int(3.9)", "3"),
        ("input.n == input.f", "true"),
        ("1 == 1.0 && 1 < 1.5 && 2u > 1 && 1.5 > 1", "true"),
        ("input.big == 18446744073709551615u && type(input.big) == uint", "true"),
        ("input.big - 1u", "18446744073709551614"),
        ("input.exact + 1", "9007199254740994"),
        ("[input.big, input.exact, 1e100, -0.0]", "[18446744073709551615,9007199254740993,1e+100,-0.0]"),
        ("9223372036854775807", "9223372036854775807"),
        ("0x1F", "31"),
    ]);
    assert_errors(&[
        ("input.n + input.f", "at character 9: `+` does not go with int and double; convert one of them"),
        ("input.n * 2.0", "at character 9: `*` does not go with int and double"),
        ("1 + 1u", "at character 3: `+` does not go with int and uint"),
        ("9223372036854775807 + 1", "at character 21: the number does not fit in 64 bits"),
        ("1 / 0", "at character 3: division by zero"),
        ("1 % 0", "at character 3: division by zero"),
        ("0.0 / 0.0", "at character 1: the number NaN cannot be written as JSON"),
        ("[1.0 / 0.0]", "at character 1: the number inf cannot be written"),
    ]);
}

#[test]
fn times_and_spans_of_time() {
    assert_values(&[
        ("as_of + duration('1h')", r#""2026-01-02T04:04:05Z""#),
        ("as_of - timestamp(input.since)", r#""97445s""#),
        ("duration('1h')", r#""3600s""#),
        ("duration('1.5s')", r#""1.5s""#),
        ("as_of.getFullYear()", "2026"),
        ("as_of.getHours('America/New_York')", "22"),
        ("as_of > timestamp('2026-01-01T12:00:00+02:00')", "true"),
        ("timestamp('2026-01-01T12:00:00+02:00')", r#""2026-01-01T10:00:00Z""#),
        ("as_of - timestamp(input.since) > duration('24h')", "true"),
        ("string(as_of)", r#""2026-01-02T03:04:05Z""#),
        ("int(as_of)", "1767323045"),
        ("b'abc'", r#""YWJj""#),
    ]);
    assert_errors(&[
        ("timestamp(input.text)", "at character 1: timestamp: "),
        ("duration(input.text + ' 1h')", "at character 1: \"héllo 1h\" is no duration"),
        ("as_of + 1", "at character 7: `+` does not go with"),
        ("timestamp('9999-12-31T00:00:00Z') + duration('48h')", "at character 35: the number does not fit"),
    ]);
}

#[test]
fn what_is_not_there_is_told_with_its_character() {
    assert_errors(&[
        ("input.zzz + 1", "at character 7: there is no \"zzz\" here; has(…)"),
        ("input.a.zzz == 1", "at character 9: there is no \"zzz\" here"),
        ("input.a['zzz'] == 1", "at character 9: there is no \"zzz\" here"),
        ("input.a['b c'][7] == 1", "at character 16: the list has no element 7"),
        ("input.items.map(i, i.prize)", "at character 22: there is no \"prize\" here"),
        ("input.items.all(i, i.prize > 1)", "at character 22: there is no \"prize\" here"),
        ("1 + 1 == 2 &&\n  input.zzz == 1", "at line 2, character 9: there is no \"zzz\" here"),
        ("input.text.x == 1", "at character 12: a value of type string has no keys"),
        ("input.n[0] == 1", "at character 9: a value of type int has no element"),
        ("steps.second.output.x == 1", "at character 14: there is no \"output\" here"),
        ("input.no.x == 1", "at character 10: a value of type null_type has no keys"),
        ("input.items[0.5] == 1", "at character 13: an index is a whole number"),
        ("input.text > 1", "at character 12: `>` does not go with string and int"),
        ("input.text ? 1 : 2", "at character 12: expected bool, this is string"),
        ("input.text && true", "at character 12: `&&` does not go with string and bool"),
        ("!input.n", "at character 1: `!` does not go with int"),
        ("input.n.all(x, true)", "at character 9: expected iterable, this is int"),
        ("size(input.n)", "at character 1: size does not go with int"),
        ("input.a.sortBy(k, k)", "at character 9: sortBy goes with lists, this is map"),
        ("math.greatest(input.text, 1)", "at character 6: math.greatest does not go with string, int"),
        ("input.text.contains(1)", "at character 12: contains does not go with string, int"),
        ("{'a': 1, 'a': 2}", "at character 13: the key \"a\" is there twice"),
        ("[1] + {'a': 1}", "at character 5: `+` does not go with an object"),
        ("{1: 2}", "at character 1: an object has texts as keys, here is one of type int"),
        ("[input.?a]", "at character 1: an optional within a value"),
        ("int", "at character 1: a value of type type cannot be written"),
        ("int(input.text)", "at character 1: int: "),
    ]);
    let error = value_in("input.n + 1", &Scope::default()).unwrap_err();
    assert_eq!(error, "at character 1: there is no input here");
}

#[test]
fn names_are_checked_when_the_text_is_parsed() {
    assert_errors(&[
        (
            "imput.n",
            "refused: at character 1: \"imput\" is not known; there are input, steps, item, index, previous, as_of; did you mean \"input\"?",
        ),
        ("input.items.map(x, y.id)", "refused: at character 20: \"y\" is not known"),
        ("input.items.map(x, x.id) + x", "refused: at character 28: \"x\" is not known"),
        ("steps", "refused: at character 1: expected steps.NAME.output or steps.NAME.state"),
        ("size(steps)", "refused: at character 6: expected steps.NAME.output"),
        ("steps.first", "refused: at character 1: expected steps.first.output or steps.first.state"),
        (
            "steps.first.result",
            "refused: at character 13: a step has no \"result\"; expected steps.first.output",
        ),
        ("steps[input.text].output", "refused: at character 1: expected steps.NAME.output"),
        (
            "input.text.startWith('a')",
            "refused: at character 12: there is no function \"startWith\"; did you mean \"startsWith\"?",
        ),
        (
            "math.cell(1.0)",
            "refused: at character 6: there is no function \"math.cell\"; did you mean \"math.ceil\"?",
        ),
        ("size(1, 2)", "refused: at character 1: \"size\" takes 1 arguments, here are 2"),
        ("input.items.map(x)", "refused: at character 13: \"map\" is written list.map(x, value)"),
        ("_secret(1)", "refused: at character 1: there is no function \"_secret\""),
        ("Point{x: 1}", "refused: at character 6: there is no type \"Point\" to make"),
        ("input.n +", "refused: at character 10: the text ends here; expected a value"),
    ]);
}

#[test]
fn references_are_what_is_read() {
    let read = |text: &str| -> Vec<String> {
        let expression = Expression::parse(text).unwrap();
        let shown = |reference: &Reference| {
            let path = reference.path.iter().map(|selector| match selector {
                Selector::Key(key) => format!(".{key}"),
                Selector::Index(index) => format!("[{index}]"),
            });
            format!("{}{}@{}", reference.root, path.collect::<String>(), reference.position)
        };
        expression.references().iter().map(shown).collect()
    };
    for (text, expected) in [
        ("input.a['b c'][1].d", vec!["input.a.b c[1].d@1"]),
        ("1 + 2", vec![]),
        ("input.a + steps.x.output.b", vec!["input.a@1", "steps.x.output.b@11"]),
        ("steps.x.state == 'failed'", vec!["steps.x.state@1"]),
        ("input.items.map(i, i.price + item.n)", vec!["input.items@1", "item.n@30"]),
        ("input.items[index].id", vec!["input.items@1", "index@13"]),
        ("has(input.a.b)", vec!["input.a.b@5"]),
        ("has(steps.x.output)", vec!["steps.x.output@5"]),
        ("input.?a[?'b'].orValue(previous)", vec!["input.a.b@1", "previous@24"]),
        ("input.a.size() > 0 ? as_of : as_of", vec!["input.a@1", "as_of@22", "as_of@30"]),
        ("input.l.filter(i, i > 1)[0].x", vec!["input.l@1"]),
        ("{'a': input.x, 'b': [input.y]}", vec!["input.x@7", "input.y@22"]),
        ("[1].map(input, input.x)", vec![]),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn conditions_are_booleans() {
    let is_true =
        |text: &str| Expression::parse(text).unwrap().is_true(&scope()).map_err(|error| error.to_string());
    assert_eq!(is_true("input.n == 3"), Ok(true));
    assert_eq!(is_true("input.text == ''"), Ok(false));
    for (text, expected) in [
        ("input.n", "at character 1: a condition is true or false, this is 3"),
        ("input.zzz", "at character 1: a condition is true or false, there is nothing"),
        ("input.?zzz", "at character 1: a condition is true or false, there is nothing"),
        ("'true'", "at character 1: a condition is true or false, this is \"true\""),
    ] {
        let error = is_true(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn the_same_documents_give_the_same_text_always() {
    let keys = (0..50).map(|i| format!("'k{i}': {i}")).collect::<Vec<_>>().join(", ");
    for text in [
        format!("{{{keys}}}"),
        format!("{{{keys}}}.map(k, k)"),
        format!("{{{keys}}}.filter(k, k.contains('1'))"),
        format!("'%s'.format([{{{keys}}}])"),
        "input.a.map(k, k)".to_owned(),
        "input.a.map(k, input.a[k] == 1, k)".to_owned(),
    ] {
        let first = value(&text);
        assert!(first.is_ok(), "{first:?}");
        for _ in 0..20 {
            assert_eq!(value(&text), first, "{text}");
        }
    }
    assert_eq!(value("input.a.map(k, k)"), Ok(Some(r#"["b c","y","z"]"#.to_owned())));
}
