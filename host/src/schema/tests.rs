//! What schemas of untrusted origin may cost: each bound is broken, and told.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

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
    assert!(compile(&json!({"description": "x".repeat(MAX_SCHEMA_BYTES)})).unwrap_err().contains("bytes"));
    let schema = compile(&json!({"items": {"type": "null"}})).unwrap();
    assert_eq!(check(&schema, &json!(vec![1; 1000])).len(), MAX_PROBLEMS + 1);
    let schema = compile(&json!({"type": "null"})).unwrap();
    assert!(check(&schema, &json!(vec!["long"; 100_000]))[0].message.len() < 1000);
}

/// Definitions that each name the next one twice, by whatever the caller makes of two references.
fn doubling(links: usize, leaf: Value, both: impl Fn(Value) -> Value) -> Value {
    let mut defs = serde_json::Map::new();
    for i in 0..links {
        defs.insert(format!("d{i}"), both(json!({ "$ref": format!("#/$defs/d{}", i + 1) })));
    }
    defs.insert(format!("d{links}"), leaf);
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

/// An array in an array in an array …
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn said(schema: &Value, document: &Value) -> String {
    let schema = compile(schema).unwrap();
    let problems = check(&schema, document);
    assert_eq!(problems.is_empty(), schema.is_valid(document), "{problems:?}");
    problems.first().map(|problem| problem.message.clone()).unwrap_or_default()
}

#[test]
fn schemas_that_double_with_each_reference_are_refused() {
    for leaf in [json!({}), json!(true), json!(false), json!({ "type": "null" })] {
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let schema = doubling(40, leaf.clone(), |next| json!({ keyword: [next.clone(), next] }));
            let error = compile(&schema).unwrap_err();
            assert!(error.contains(&format!("more than {MAX_EXPANSION} schemas on one value")), "{error}");
        }
        let schema = doubling(40, leaf, |next| json!({ "if": next, "then": next, "else": next }));
        assert!(compile(&schema).unwrap_err().contains("schemas on one value"));
    }
    // A few are nothing.
    let schema = doubling(8, json!({ "type": "null" }), |next| json!({ "allOf": [next.clone(), next] }));
    assert!(said(&schema, &json!(1)).contains("is not of type \"null\""));
    assert!(compile(&schema).unwrap().is_valid(&json!(null)));
}

#[test]
fn schemas_that_refer_to_themselves_in_place_are_refused() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/a" }], "$defs": { "a": { "not": { "$ref": "#" } } } }),
        json!({ "$anchor": "me", "oneOf": [{ "$ref": "#me" }] }),
        json!({ "$id": "urn:me", "allOf": [{ "$ref": "urn:me" }] }),
        json!({ "$dynamicAnchor": "me", "allOf": [{ "$dynamicRef": "#me" }] }),
        json!({ "$ref": "#/$defs/a%62", "$defs": { "ab": { "$ref": "#" } } }),
    ] {
        let error = compile(&schema).unwrap_err();
        assert!(error.contains("refers to itself without going to a part"), "{schema}: {error}");
    }
}

#[test]
fn trees_may_refer_to_themselves() {
    let tree = json!({ "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": { "name": { "type": "string" }, "children": { "items": { "$ref": "#" } } } });
    let schema = compile(&tree).unwrap();
    assert!(schema.is_valid(&json!({ "name": "a", "children": [{ "name": "b", "children": [] }] })));
    let problems = check(&schema, &json!({ "name": "a", "children": [{ "name": "b", "children": [{}] }] }));
    assert_eq!(problems[0].path, "/children/0/children/0");
    let schema = json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" });
    let schema = compile(&schema).unwrap();
    assert!(schema.is_valid(&json!({ "type": "null" })) && !schema.is_valid(&json!({ "type": 1 })));
}

#[test]
fn going_through_each_element_twice_is_counted() {
    for two_ways in [
        json!({ "allOf": [{ "items": { "$ref": "#" } }, { "items": { "$ref": "#" } }] }),
        json!({ "contains": { "$ref": "#" }, "items": { "$ref": "#" }, "unevaluatedItems": false }),
        json!({ "anyOf": [{ "items": { "$ref": "#" } }, { "contains": { "$ref": "#" } }] }),
        json!({ "oneOf": [{ "prefixItems": [{ "$ref": "#" }] }, { "items": { "$ref": "#" } }] }),
    ] {
        let mut schema = two_ways;
        schema["type"] = json!("array");
        // Each violation at the bottom is one of each way to it.
        let problems = check(&compile(&schema).unwrap(), &nested(100));
        assert!((1..=MAX_PROBLEMS + 1).contains(&problems.len()), "{schema}");
    }
    // Nothing is remembered of values that are no containers, and there is no violation that could be counted.
    let ways = json!({ "if": { "items": { "$ref": "#" } }, "then": { "items": { "$ref": "#" } }, "else": { "items": { "$ref": "#" } }, "not": { "items": { "not": { "$ref": "#" } }, "minItems": 1 } });
    let problems = check(&compile(&ways).unwrap(), &nested(100));
    assert!(problems.len() <= MAX_PROBLEMS + 1);
}

#[test]
fn steps_are_counted_and_told() {
    let error =
        said(&json!({ "items": { "allOf": vec![json!({ "minimum": 0 }); 9_000] } }), &json!(vec![1; 10_000]));
    assert!(error.contains(&format!("more than {MAX_STEPS} steps")), "{error}");
}

#[test]
fn depth_by_references_takes_no_stack_that_is_not_there() {
    for next in [
        |i: usize| json!({ "$ref": format!("#/$defs/d{i}") }),
        |i: usize| json!({ "items": { "$ref": format!("#/$defs/d{i}") } }),
    ] {
        let deep = |links: usize| {
            let mut defs = serde_json::Map::new();
            for i in 0..links {
                let inner = (0..40).fold(next(i + 1), |inner, _| json!({ "allOf": [inner] }));
                defs.insert(format!("d{i}"), inner);
            }
            defs.insert(format!("d{links}"), json!({ "type": "null" }));
            json!({ "$ref": "#/$defs/d0", "$defs": defs })
        };
        let error = compile(&deep(1_000)).unwrap_err();
        assert!(
            error.contains(&format!("at most {MAX_DEPTH} are allowed")) || error.contains("on one value"),
            "{error}"
        );
        let schema = compile(&deep(220)).unwrap();
        schema.is_valid(&nested(100));
        check(&schema, &nested(100));
    }
    // Deep by the document, on the stack of whoever asks.
    let schema = compile(&json!({ "allOf": [{ "anyOf": [{ "items": { "$ref": "#" } }] }] })).unwrap();
    assert!(schema.is_valid(&nested(120)));
}

#[test]
fn the_parts_of_a_schema_are_bounded() {
    let many = vec![json!(1); MAX_VALUES + 1];
    assert!(compile(&json!({ "examples": many })).unwrap_err().contains("more than 100000 values"));
    let list: Vec<usize> = (0..=MAX_ENUM).collect();
    assert!(compile(&json!({ "enum": list })).unwrap_err().contains("at most 10000 are allowed"));
    let long = "a".repeat(MAX_PATTERN_BYTES + 1);
    for schema in [json!({ "pattern": long }), json!({ "patternProperties": { long.clone(): {} } })] {
        assert!(compile(&schema).unwrap_err().contains("at most 4096 are allowed"));
    }
    let list: Vec<Value> = (0..=MAX_PATTERNS).map(|i| json!({ "pattern": format!("a{i}") })).collect();
    assert!(compile(&json!({ "anyOf": list })).unwrap_err().contains("more than 500 patterns"));
    let error = compile(&json!({ "pattern": "(a{100}){1000}" })).unwrap_err();
    assert!(error.contains("at most 1048576 bytes"), "{error}");
    let list: Vec<Value> = (1000..1300).map(|i| json!({ "pattern": format!("a{{{i}}}") })).collect();
    let error = compile(&json!({ "anyOf": list })).unwrap_err();
    assert!(error.contains(&format!("at most {MAX_PATTERN_STATES} states")), "{error}");
}

#[test]
fn large_patterns_on_much_text_are_counted() {
    let schema = json!({ "pattern": "^(a?){2000}b$" });
    let error = said(&schema, &json!("a".repeat(2 << 20)));
    assert!(error.contains("steps") && error.contains("patterns"), "{error}");
    assert!(said(&schema, &json!("b")).is_empty());
    assert!(said(&json!({ "pattern": "^[a-z]+$" }), &json!("a".repeat(2 << 20))).is_empty());
    let keys: serde_json::Map<String, Value> = (0..2000).map(|i| (format!("{i:01000}"), json!(1))).collect();
    let schema = json!({ "patternProperties": { "^(a?){2000}b$": {}, "^(b?){2000}c$": {} } });
    assert!(said(&schema, &Value::Object(keys)).contains("steps"));
}

#[test]
fn unique_items_by_what_they_say() {
    let unique = json!({ "uniqueItems": true });
    for (document, fits) in [
        (json!([1, 1.0]), false),
        (json!([0, -0.0, 1]), false),
        (json!([{ "a": 1, "b": [2] }, { "b": [2.0], "a": 1 }]), false),
        (json!([[[1], [2]], [[1, 2]], [1, [2]], [1, 2], "1", 1, true, null, "null"]), true),
        (json!([1e300, 1e300]), false),
        (json!([u64::MAX, u64::MAX - 1, i64::MIN, 1.5, 2.5, 1e300, 1e301]), true),
        (json!(["ab", "a", "b"]), true),
    ] {
        assert_eq!(said(&unique, &document).is_empty(), fits, "{document}");
    }
    // Whose hashes are all the same if only what is in the innermost counts.
    let trees: Vec<Value> = (0..30_000_u32)
        .map(|n| {
            (0..16).fold(
                json!([]),
                |tree, bit| if n >> bit & 1 == 1 { json!([tree]) } else { json!([tree, []]) },
            )
        })
        .collect();
    assert!(said(&unique, &json!(trees)).is_empty());
    // Sets within sets within sets: each is gone through for each that it is in.
    let schema = json!({ "uniqueItems": true, "items": { "$ref": "#" } });
    let wide = (0..100).fold(json!(vec![1; 1]), |inner, _| json!([inner, [2]]));
    assert!(said(&schema, &wide).is_empty());
}

#[test]
fn more_violations_than_are_gathered() {
    let schema = compile(&json!({ "items": { "type": "null" } })).unwrap();
    let problems = check(&schema, &json!(vec![1; 2 * MAX_ERRORS as usize]));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0].path, "/0");
    assert!(problems[1].message.contains("over 10000"), "{problems:?}");
}

#[test]
fn enums_are_compared_within_the_bound() {
    let large: Vec<Value> = (0..500).map(|i| json!(vec![i; 100])).collect();
    let schema = json!({ "items": { "enum": large } });
    assert!(said(&schema, &json!([vec![499; 100], vec![0; 100]])).is_empty());
    let same = json!((0..9000).map(|i| json!({ "a": "same", "b": i })).collect::<Vec<_>>());
    let schema = json!({ "items": { "enum": same } });
    let document = json!(vec![json!({ "a": "same", "b": "none" }); 9000]);
    assert!(said(&schema, &document).contains("steps"));
}

#[test]
fn of_alternatives_what_keeps_from_the_one_that_was_meant_is_told() {
    let node = json!({ "type": "object", "properties": { "over": { "type": "string" }, "max_parallel": { "type": "integer" } },
                       "required": ["over"], "additionalProperties": false });
    let nullable = json!({ "properties": { "map": { "anyOf": [node, { "type": "null" }] } } });
    let told = |schema: &Value, document: Value| -> Vec<(String, String)> {
        let problems = check(&compile(schema).unwrap(), &document);
        problems.into_iter().map(|problem| (problem.path, problem.message)).collect()
    };
    let found = told(&nullable, json!({ "map": { "max_paralel": 3, "over": 1 } }));
    assert!(
        found.iter().any(|(path, why)| path == "/map" && why.contains("'max_paralel' was unexpected")),
        "{found:?}"
    );
    assert!(found.iter().any(|(path, why)| path == "/map/over" && why.contains("string")), "{found:?}");
    assert_eq!(found.len(), 2);

    let tagged = |tag: &str, more: &str| json!({ "type": "object", "properties": { "how": { "const": tag }, more: { "type": "string" } }, "required": ["how", more] });
    let how = json!({ "oneOf": [tagged("skipped", "message"), tagged("failed", "why")] });
    assert_eq!(
        told(&how, json!({ "how": "bad" })),
        [("/how".into(), "\"bad\" is none of \"skipped\", \"failed\"".into())]
    );
    let found = told(&how, json!({ "how": "failed", "message": "x" }));
    assert!(found.len() == 1 && found[0].1.contains("\"why\" is a required property"), "{found:?}");
    let found = told(&how, json!({}));
    assert!(found.len() == 1 && found[0].1.contains("\"how\" is a required property"), "{found:?}");
    // Where nothing tells which was meant, none is guessed.
    let either = json!({ "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] });
    let found = told(&either, json!({}));
    assert!(found.len() == 1 && found[0].1.contains("anyOf"), "{found:?}");
    // Where it is for none of them, it is told what there could be.
    let mode = json!({ "oneOf": [{ "const": "all" }, { "const": "any" }] });
    assert_eq!(
        told(&mode, json!("some")),
        [(String::new(), "\"some\" is none of these: \"all\", \"any\"".into())]
    );
    let mapping = json!({ "anyOf": [{ "type": "string" }, { "type": "object" }] });
    assert_eq!(
        told(&mapping, json!(1)),
        [(String::new(), "1 is none of these: of type object, of type string".into())]
    );
}
