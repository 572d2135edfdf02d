//! What an expression may cost (law 5), each bound by its name and value.

use super::{value, value_in};
use crate::engine::expression::{bounds, *};

#[track_caller]
fn assert_refused(text: &str, scope: &Scope, part: &str) {
    let error = value_in(text, scope).unwrap_err();
    assert!(error.contains(part), "{text:.100}\n  said:     {error}\n  expected: {part}");
}

fn input(json: String) -> Scope {
    let mut scope = Scope::default();
    scope.insert(Root::Input, json);
    scope
}

fn chain(start: &str, link: &str, times: usize) -> String {
    start.to_owned() + &link.repeat(times)
}

#[test]
fn length_nesting_and_depth() {
    let scope = Scope::default();
    for (text, part) in [
        (format!("'{}'", "x".repeat(4095)), "the expression has 4097 bytes; at most 4096 are allowed"),
        ("(".repeat(10_000), "the expression has 10000 bytes; at most 4096"),
        ("(".repeat(4_000), "more than 32 brackets within each other"),
        (
            "[".repeat(31) + &chain("input", ".a", 80) + &"]".repeat(31),
            "more than 100 operations within each other",
        ),
        (chain("input", ".a", 101), "more than 100 selections in one chain"),
        (chain("input", ".a", 2_000), "more than 100 selections in one chain"),
        (chain("input", "[0]", 1_300), "more than 100 selections in one chain"),
        (chain("'a'", ".trim()", 500), "more than 100 selections in one chain"),
        (chain("1", "+1", 2_000), "more than 100 operators in one chain"),
        (chain("1", "==1", 1_000), "more than 100 operators in one chain"),
        (chain("", "true?1:", 500) + "1", "more than 100 operators in one chain"),
        (chain("[1]", ".map(x,x)", 120), "more than 100 selections in one chain"),
    ] {
        assert_refused(&text, &scope, part);
    }
    let loops = |times: usize| chain("", "[1].all(x,", times) + "true" + &")".repeat(times);
    assert_refused(&loops(5), &scope, "more than 4 loops (all, exists, filter, map, …) within each other");
    assert_eq!(value(&loops(4)), Ok(Some("true".to_owned())));
    assert_eq!(value(&chain("1", "+1", 95)), Ok(Some("96".to_owned())));
}

/// What is within the bounds has a stack that suffices: half of what a blocking thread has.
#[test]
fn what_is_allowed_needs_little_stack() {
    let texts = [
        "(".repeat(32) + "1" + &")".repeat(32),
        "[".repeat(32) + "1" + &"]".repeat(32),
        "{'a':".repeat(32) + "1" + &"}".repeat(32),
        "dyn(".repeat(32) + "1" + &")".repeat(32),
        "[0][".repeat(16) + "0" + &"]".repeat(16),
        chain("1", "+1", 95),
        chain("'a'", ".trim()", 95),
        chain("[1]", ".map(x,x)", 40),
        chain("[1]", ".filter(x,has({}.a)||x==1)", 40),
        chain("1", "-1", 90) + "==0&&" + &chain("true", "&&true", 600),
        chain("", "1==2?1:", 48) + "1",
        "!(".repeat(32) + "true" + &")".repeat(32),
        "[1].map(a,".repeat(4) + &chain("a", "+1", 60) + &")".repeat(4),
        "dyn(".repeat(30) + "input" + &")".repeat(30),
        "(".repeat(4_000),
        chain("input", ".a", 2_000),
        chain("-1", "- -1", 60),
    ];
    let deep = "[".repeat(120) + &"]".repeat(120);
    let work = move || {
        for text in texts {
            let _ = value_in(&text, &input(deep.clone()));
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap();
    thread.join().unwrap();
}

#[test]
fn documents() {
    let text = "x".repeat(bounds::DOCUMENT_BYTES);
    let scope = input(format!(r#"{{"large": {text:?}, "small": [1, 2]}}"#));
    // A selection is text; of other expressions only what they name is read.
    assert_eq!(value_in("input.large", &scope).unwrap().unwrap().len(), bounds::DOCUMENT_BYTES + 2);
    assert_eq!(value_in("size(input.small)", &scope), Ok(Some("2".to_owned())));
    assert_refused(
        "size(input.large)",
        &scope,
        "at character 6: input cannot be read: the documents that are read have more than 8 MiB",
    );
    assert_refused("input == 1", &scope, "more than 8 MiB");
    let mut scope = input(format!("{:?}", "x".repeat(5 << 20)));
    scope.insert(Root::Item, format!("{:?}", "x".repeat(5 << 20)));
    assert_refused("input == item", &scope, "more than 8 MiB");
    let numbers = format!("[{}1]", "1,".repeat(4_000_000));
    assert_refused("size(input)", &input(numbers), "128 MiB of memory");
    assert_refused("input == 1", &input("[".repeat(200)), "input cannot be read: recursion limit exceeded");
    assert_refused("input == 1", &input("1e999".to_owned()), "input cannot be read: number out of range");
}

#[test]
fn results() {
    let scope = input(format!("[{:?}]", "x".repeat(3 << 20)));
    assert_eq!(value_in("input + input", &scope).unwrap().unwrap().len(), 2 * (3 << 20) + 7);
    assert_refused("input + input + input", &scope, "at character 1: the value has more than 8 MiB");
    assert_refused("input.map(x, x + x + x)", &scope, "the value has more than 8 MiB");
    let scope = input(format!("\"{}\"", "\\u0001".repeat(1 << 20)));
    assert_refused("[input, input]", &scope, "the value has more than 8 MiB");
}

#[test]
fn steps_and_memory() {
    let numbers = input(format!("[{}1]", "1,".repeat(99_999)));
    let large = input(format!("{:?}", "ab ".repeat(2_000_000)));
    let doubling = |times: usize| chain("['0123456789']", ".map(a, a + a)", times);
    let steps = "the evaluation takes more than 20000000 steps";
    let memory = "the evaluation takes more than 128 MiB of memory";
    for (text, scope, part) in [
        ("input.all(a, input.all(b, a == b))", &numbers, steps),
        ("input.all(a, input == input)", &numbers, steps),
        ("input.all(a, !(7 in input))", &numbers, steps),
        ("input.distinct()", &numbers, steps),
        ("input.map(a, lists.range(100000))", &numbers, memory),
        (
            "lists.range(1000).map(a, lists.range(1000).map(b, lists.range(1000)))",
            &numbers,
            "the evaluation takes more than",
        ),
        ("input.map(a, input)", &numbers, memory),
        ("lists.range(1000000).all(a, lists.range(1000000) != [a])", &numbers, steps),
        // What goes wrong is as dear as what goes well.
        ("input.exists(a, input + 1 == 2)", &numbers, "the evaluation takes more than"),
        ("input.replace('a', input)", &large, steps),
        ("input.replace('', '0123456789012345678901234567890123456789')", &large, memory),
        ("input.split('')", &large, memory),
        ("[input, input].join(input) + input + input + input", &large, "the evaluation takes more than"),
        ("input.indexOf(input.substring(3000000))", &large, steps),
        ("lists.range(100).map(x, input.split(' ').join(input))", &large, memory),
        (
            "[input].map(a, [a + a, a + a, a + a, a + a, a + a, a + a, a + a, a + a, a + a, a + a, a + a, a + a])",
            &large,
            memory,
        ),
        ("lists.range(1000).exists(a, input.matches('[ab]{3}c'))", &large, "the evaluation takes more than"),
        (
            "'%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s'.format(lists.range(30).map(x, input + input))",
            &large,
            memory,
        ),
    ] {
        let started = std::time::Instant::now();
        let error = value_in(text, scope).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
        // Steps are counted, not timed; a build without optimisation on a busy machine is allowed much.
        assert!(started.elapsed().as_secs() < 20, "{text}: {:?}", started.elapsed());
    }
    let scope = Scope::default();
    assert_refused(&doubling(30), &scope, memory);
    assert_eq!(value_in(&doubling(5), &scope).unwrap().unwrap().len(), 10 * 32 + 4);
    // No other operand makes a bound that is broken undone.
    assert_refused("input.all(a, input.all(b, a == b)) || true", &numbers, steps);
    assert_refused("[1].exists(x, input.all(a, input.all(b, a == b)) || true)", &numbers, steps);
}

#[test]
fn patterns() {
    let scope = Scope::default();
    let text = format!("'a'.matches('{}')", "a".repeat(1025));
    assert_refused(&text, &scope, "the pattern has 1025 bytes; at most 1024 are allowed");
    assert_refused(r"'a'.matches('\\w{900}')", &scope, "compiled, at most 262144 bytes are allowed");
    // A pattern that is only known later is bounded as well, and compiled once for a whole loop.
    assert_refused("'a'.matches(lists.range(400).map(x, 'aaa').join())", &scope, "at most 1024 are allowed");
    let scope = input(format!("[{}\"b\"]", "\"aaa\",".repeat(50_000)));
    assert_eq!(value_in("input.filter(x, x.matches('^b$' + ''))", &scope), Ok(Some(r#"["b"]"#.to_owned())));
}
