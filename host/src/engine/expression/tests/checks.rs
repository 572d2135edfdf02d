//! What is told of an expression when a definition is saved.

use std::{cell::Cell, collections::BTreeMap};

use serde_json::json;

use crate::engine::expression::*;

/// Steps by name: those that come before with the schema of their output.
impl Steps for BTreeMap<&str, Option<Option<&serde_json::Value>>> {
    fn place(&self, name: &str) -> StepPlace<'_> {
        match self.get(name) {
            None => StepPlace::Nowhere,
            Some(None) => StepPlace::Elsewhere,
            Some(Some(output)) => StepPlace::Before(*output),
        }
    }

    fn names(&self) -> Vec<&str> {
        self.keys().copied().collect()
    }
}

fn problems(text: &str, around: &Surroundings) -> Vec<(usize, String)> {
    check_references(&Expression::parse(text).unwrap(), around)
}

#[track_caller]
fn assert_problems(around: &Surroundings, cases: &[(&str, &[(usize, &str)])]) {
    for (text, expected) in cases {
        let found = problems(text, around);
        let fits = found.len() == expected.len()
            && found
                .iter()
                .zip(*expected)
                .all(|(found, expected)| found.0 == expected.0 && found.1.starts_with(expected.1));
        assert!(fits, "{text}\n  found:    {found:?}\n  expected: {expected:?}");
    }
}

#[test]
fn steps_come_before_and_names_have_their_place() {
    let steps = BTreeMap::from([("intake", Some(None)), ("later", None)]);
    let around = Surroundings { steps: &steps, ..Surroundings::default() };
    assert_problems(
        &around,
        &[
            ("steps.intake.output.anything + input.anything", &[]),
            (
                "1 + steps.later.output",
                &[(5, "step \"later\" exists, but is not before this step; add it to depends_on")],
            ),
            ("steps.later.state == 'failed'", &[(1, "step \"later\" exists")]),
            ("steps.intaek.output", &[(1, "there is no step \"intaek\"; did you mean \"intake\"?")]),
            (
                "item + index + previous",
                &[
                    (1, "there is no `item` here: it is inside a map only"),
                    (8, "there is no `index` here"),
                    (16, "there is no `previous` here"),
                ],
            ),
            (
                "steps.intake.state.x == 1",
                &[(20, "`steps.intake.state` is a text; nothing can be selected from it")],
            ),
            ("as_of.year == 1", &[(7, "`as_of` is a time")]),
        ],
    );
    let inside = Surroundings { item: true, index: true, previous: true, ..around };
    assert_problems(
        &inside,
        &[("item.x + index + previous.y", &[]), ("index.x == 1", &[(7, "`index` is a number")])],
    );
}

#[test]
fn schemas_tell_what_is_plainly_not_there() {
    let input = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "title": {"type": "string"},
            "open": {"type": "object"},
            "closed": {"$ref": "#/$defs/closed"},
            "maybe": {"anyOf": [{"$ref": "#/$defs/closed"}, {"type": "null"}]},
            "either": {"oneOf": [{"$ref": "#/$defs/closed"}, {"type": "object", "additionalProperties": false, "properties": {"c": true}}]},
            "tickets": {"type": "array", "items": {"$ref": "#/$defs/ticket"}},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"$ref": "#/$defs/closed"}], "items": false},
            "named": {"type": "object", "additionalProperties": {"$ref": "#/$defs/closed"}},
            "pattern": {"type": "object", "additionalProperties": false, "patternProperties": {"^x": {}}},
            "self": {"$ref": "#/properties/self"},
            "elsewhere": {"$ref": "https://example.com/schema"},
            "both": {"allOf": [{"$ref": "#/$defs/closed"}]},
            "number": {"type": ["integer", "null"]},
            "nothing": {"type": "null"}
        },
        "$defs": {
            "closed": {"type": "object", "additionalProperties": false, "properties": {"a": {"type": "integer"}, "b": {}}},
            "ticket": {"type": "object", "additionalProperties": false, "properties": {"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}}}
        }
    });
    let output = json!({"type": "object", "additionalProperties": false, "properties": {"total": {"type": "integer"}}});
    let steps = BTreeMap::from([("intake", Some(Some(&output)))]);
    let around = Surroundings {
        input: Some(&input),
        steps: &steps,
        item: true,
        item_schema: Some(&input),
        ..Surroundings::default()
    };
    assert_problems(
        &around,
        &[
            ("input.titel", &[(7, "`input` has no \"titel\"; did you mean \"title\"?")]),
            ("1 + input['titel']", &[(11, "`input` has no \"titel\"")]),
            ("item.titel", &[(6, "`item` has no \"titel\"")]),
            ("input.title.x", &[(13, "`input.title` is of type string; nothing can be selected from it")]),
            ("input.title[0]", &[(13, "`input.title` is of type string")]),
            ("input.number.x", &[(14, "`input.number` is of type integer")]),
            ("input.nothing.x", &[(15, "`input.nothing` is always null")]),
            ("input.open.x.y.z", &[]),
            (
                "input.closed.a + input.closed.c",
                &[(31, "`input.closed` has no \"c\"; there are \"a\", \"b\"")],
            ),
            ("input.closed.b.anything", &[]),
            ("input.maybe.a + input.maybe.x", &[(29, "`input.maybe` has no \"x\"")]),
            ("input.either.c + input.either.a", &[]),
            ("input.either.x", &[(14, "`input.either` has no \"x\"")]),
            (
                "input.tickets.id",
                &[(
                    15,
                    "`input.tickets` is a list and has no key \"id\"; select an element, as in [0], or use .map(x, x.id)",
                )],
            ),
            (
                "input.tickets[0].id + input.tickets[0].ib",
                &[(40, "`input.tickets[0]` has no \"ib\"; there are \"id\", \"tags\"")],
            ),
            ("input.tickets[input.number].ib", &[(29, "`input.tickets[…]` has no \"ib\"")]),
            ("input.tickets.map(t, t.ib)", &[(24, "`input.tickets[…]` has no \"ib\"")]),
            ("input.tickets.filter(t, t.id > 1).map(t, t.ib)", &[(44, "`input.tickets[…]` has no \"ib\"")]),
            ("input.tickets.filter(t, t.id > 1)[0].ib", &[(38, "`input.tickets[…]` has no \"ib\"")]),
            (
                "input.tickets.all(t, t.tags.exists(g, g.x == 1))",
                &[(41, "`input.tickets[…].tags[…]` is of type string")],
            ),
            ("input.tickets.map(t, t.tags[0].size())", &[]),
            ("input.title.map(t, t)", &[(7, "`input.title` is of type string")]),
            ("input.pair[1].a + input.pair[1].x", &[(33, "`input.pair[1]` has no \"x\"")]),
            ("input.pair[2]", &[(12, "`input.pair` has no more than 2 elements")]),
            ("input.named.x.a + input.named.x.y", &[(33, "`input.named.x` has no \"y\"")]),
            ("input.named.map(key, key.size())", &[]),
            ("input.closed[0]", &[(14, "`input.closed` is an object and has no element 0")]),
            ("input.pattern.whatever", &[]),
            ("input.self.x + input.elsewhere.x + input.both.x", &[]),
            ("has(input.closed.c) && has(input.closed.a)", &[(18, "`input.closed` has no \"c\"")]),
            ("input.?titel.orValue('')", &[(8, "`input` has no \"titel\"")]),
            (
                "steps.intake.output.totla > 1",
                &[(21, "`steps.intake.output` has no \"totla\"; did you mean \"total\"?")],
            ),
            (
                "input.x + input.y + input.x",
                &[(7, "`input` has no \"x\""), (17, "`input` has no \"y\""), (27, "`input` has no \"x\"")],
            ),
        ],
    );
}

#[test]
fn schemas_that_are_large_or_circular_are_accepted() {
    let wide: Vec<_> = (0..100)
        .map(
            |i| json!({"type": "object", "properties": {format!("p{i}"): {}}, "additionalProperties": false}),
        )
        .collect();
    let mut defs = serde_json::Map::new();
    for i in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
        defs.insert(format!("d{i}"), json!({"anyOf": [next, next]}));
    }
    defs.insert("d60".to_owned(), json!({"anyOf": []}));
    for schema in [
        json!({"anyOf": wide}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"$ref": "#/$defs/d0", "$defs": defs}),
        json!({"$ref": "#/$defs/none"}),
        json!(true),
        json!(false),
        json!({"type": 7, "properties": [], "anyOf": "x"}),
    ] {
        let around = Surroundings { input: Some(&schema), ..Surroundings::default() };
        assert_eq!(problems("input.a.b[0].c", &around), [], "{schema:.100}");
    }
}

#[test]
fn looks_at_schemas_are_counted() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {"a": {"$ref": "#"}}});
    let looks = Cell::new(1_000);
    let around = Surroundings { input: Some(&schema), looks: Some(&looks), ..Surroundings::default() };
    let long = format!("input{}.b", ".a".repeat(90));
    assert_eq!(problems(&long, &around).len(), 1);
    assert!((1..900).contains(&looks.get()), "{looks:?}");
    for _ in 0..20 {
        problems(&long, &around);
    }
    assert_eq!((looks.get(), problems(&long, &around)), (0, Vec::new()), "then anything is accepted");
}
