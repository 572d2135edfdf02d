//! The language: CEL with its standard library, optionals, and the extensions for texts, lists and numbers.

use std::{
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
};

use cel::{DeclarationError, Env, extensions};

/// What a call costs beyond looking at what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Nothing.
    Linear,
    /// Nothing but a look at the length: of a list or map it is known.
    Length,
    /// What it is given is copied.
    Copy,
    /// The product of the lengths of two texts.
    Product,
    /// `replace`: the new text may be longer than the old.
    Replace,
    /// `join`: the separator is repeated.
    Join,
    /// `split`: each part is a value.
    Split,
    /// `sort`, `sortBy`: each element is compared several times.
    Sort,
    /// `distinct`: each element is compared with each other.
    Distinct,
    /// `lists.range`: as many elements as the number says.
    Range,
}

/// A function that can be called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name, with the namespace.
    pub(super) name: &'static str,
    /// Whether it is called on a value, `a.f()`.
    pub(super) member: bool,
    /// How many arguments it takes.
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) cost: Cost,
    /// Whether it yields a boolean.
    pub(super) boolean: bool,
}

const fn global(name: &'static str, arguments: RangeInclusive<usize>, cost: Cost) -> Function {
    Function { name, member: false, arguments, cost, boolean: false }
}

const fn member(name: &'static str, arguments: RangeInclusive<usize>, cost: Cost) -> Function {
    Function { name, member: true, arguments, cost, boolean: false }
}

const fn test(name: &'static str, member: bool, arguments: usize) -> Function {
    Function { name, member, arguments: arguments..=arguments, cost: Cost::Linear, boolean: true }
}

/// All that can be called. A function that is not here cannot be, whatever the crate has: each has its cost.
static FUNCTIONS: &[Function] = &[
    global("size", 1..=1, Cost::Length),
    global("bool", 1..=1, Cost::Linear),
    global("bytes", 1..=1, Cost::Copy),
    global("double", 1..=1, Cost::Linear),
    global("duration", 1..=1, Cost::Linear),
    global("dyn", 1..=1, Cost::Linear),
    global("int", 1..=1, Cost::Linear),
    global("string", 1..=1, Cost::Copy),
    global("timestamp", 1..=1, Cost::Linear),
    global("type", 1..=1, Cost::Length),
    global("uint", 1..=1, Cost::Linear),
    test("matches", false, 2),
    global("lists.range", 1..=1, Cost::Range),
    global("math.abs", 1..=1, Cost::Linear),
    global("math.bitAnd", 2..=2, Cost::Linear),
    global("math.bitNot", 1..=1, Cost::Linear),
    global("math.bitOr", 2..=2, Cost::Linear),
    global("math.bitShiftLeft", 2..=2, Cost::Linear),
    global("math.bitShiftRight", 2..=2, Cost::Linear),
    global("math.bitXor", 2..=2, Cost::Linear),
    global("math.ceil", 1..=1, Cost::Linear),
    global("math.floor", 1..=1, Cost::Linear),
    test("math.isFinite", false, 1),
    test("math.isInf", false, 1),
    test("math.isNaN", false, 1),
    global("math.round", 1..=1, Cost::Linear),
    global("math.sign", 1..=1, Cost::Linear),
    global("math.sqrt", 1..=1, Cost::Linear),
    global("math.trunc", 1..=1, Cost::Linear),
    // What the macros `math.greatest` and `math.least` stand for.
    global("math.@max", 1..=2, Cost::Linear),
    global("math.@min", 1..=2, Cost::Linear),
    global("optional.none", 0..=0, Cost::Linear),
    global("optional.of", 1..=1, Cost::Copy),
    global("optional.ofNonZeroValue", 1..=1, Cost::Copy),
    global("strings.quote", 1..=1, Cost::Copy),
    test("contains", true, 1),
    test("endsWith", true, 1),
    test("hasValue", true, 0),
    test("matches", true, 1),
    test("startsWith", true, 1),
    member("charAt", 1..=1, Cost::Linear),
    member("distinct", 0..=0, Cost::Distinct),
    member("flatten", 0..=1, Cost::Copy),
    member("format", 1..=1, Cost::Copy),
    member("getDate", 0..=1, Cost::Linear),
    member("getDayOfMonth", 0..=1, Cost::Linear),
    member("getDayOfWeek", 0..=1, Cost::Linear),
    member("getDayOfYear", 0..=1, Cost::Linear),
    member("getFullYear", 0..=1, Cost::Linear),
    member("getHours", 0..=1, Cost::Linear),
    member("getMilliseconds", 0..=1, Cost::Linear),
    member("getMinutes", 0..=1, Cost::Linear),
    member("getMonth", 0..=1, Cost::Linear),
    member("getSeconds", 0..=1, Cost::Linear),
    member("indexOf", 1..=2, Cost::Product),
    member("join", 0..=1, Cost::Join),
    member("lastIndexOf", 1..=2, Cost::Product),
    member("lowerAscii", 0..=0, Cost::Copy),
    member("or", 1..=1, Cost::Copy),
    member("orValue", 1..=1, Cost::Copy),
    member("replace", 2..=3, Cost::Replace),
    member("reverse", 0..=0, Cost::Copy),
    member("size", 0..=0, Cost::Length),
    member("slice", 2..=2, Cost::Copy),
    member("sort", 0..=0, Cost::Sort),
    member("split", 1..=2, Cost::Split),
    member("substring", 1..=2, Cost::Copy),
    member("trim", 0..=0, Cost::Copy),
    member("upperAscii", 0..=0, Cost::Copy),
    member("value", 0..=0, Cost::Copy),
    // What the macro `sortBy` stands for.
    member("@sortByAssociatedKeys", 1..=1, Cost::Sort),
];

/// What the parser replaces by something else, if it has as many arguments as it should; for messages.
static MACROS: &[(&str, &str)] = &[
    ("has", "has(a.b)"),
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("existsOne", "list.existsOne(x, condition)"),
    ("filter", "list.filter(x, condition)"),
    ("map", "list.map(x, value) or list.map(x, condition, value)"),
    ("sortBy", "list.sortBy(x, key)"),
    ("optMap", "optional.optMap(x, value)"),
    ("optFlatMap", "optional.optFlatMap(x, optional)"),
    ("greatest", "math.greatest(a, b)"),
    ("least", "math.least(a, b)"),
];

/// The names of types, which are values: `type(x) == int`.
static TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "optional_type",
    "string",
    "type",
    "uint",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
];

/// Whether a name is that of a type.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

/// The function of that name, on a value or not.
pub(super) fn function(name: &str, member: bool) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name && function.member == member)
}

/// What to say of a call that is none: of a macro how it is written, else what may have been meant.
pub(super) fn no_function(name: &str, member: bool) -> String {
    let plain = name.rsplit('.').next().unwrap_or(name);
    if let Some((_, usage)) = MACROS.iter().find(|(known, _)| *known == plain) {
        return format!("{plain:?} is written {usage}");
    }
    if let Some(other) = function(plain, !member) {
        return match other.member {
            true => format!("{plain:?} is called on a value, as in value.{plain}(…)"),
            false => format!("{plain:?} is not called on a value: write {plain}(…)"),
        };
    }
    let known = FUNCTIONS.iter().map(|f| f.name).filter(|name| !name.contains('@'));
    let hint = super::syntax::hint(name, known.chain(MACROS.iter().map(|(name, _)| *name)));
    format!("there is no function {name:?}{hint}")
}

/// Of the known names, the one that is most like another.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

/// The crate's environment, the same for all expressions.
pub(super) fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> =
        LazyLock::new(|| Arc::new(extended().unwrap_or_else(|_| Env::stdlib())));
    &ENVIRONMENT
}

fn extended() -> Result<Env, DeclarationError> {
    let mut environment = Env::stdlib();
    environment.add_extension(extensions::strings)?;
    environment.add_extension(extensions::lists)?;
    environment.add_extension(extensions::math)?;
    Ok(environment)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_extensions_go_together() {
        assert!(extended().is_ok());
    }

    #[test]
    fn a_call_that_is_none_is_told_what_was_meant() {
        for (name, member, part) in [
            ("startWith", true, "did you mean \"startsWith\"?"),
            ("startsWith", false, "value.startsWith(…)"),
            ("int", true, "write int(…)"),
            ("map", true, "list.map(x, value)"),
            ("math.cell", false, "did you mean \"math.ceil\"?"),
            ("frobnicate", false, "there is no function \"frobnicate\""),
        ] {
            let message = no_function(name, member);
            assert!(message.contains(part), "{message}");
        }
    }
}
