//! Why an evaluation failed, in plain words, and where.

use cel::{ExecutionError, OverloadError};

use super::{
    evaluate::Fault,
    instrument::{Site, SiteKind},
};

/// A message may be this long: it may name a value.
const MESSAGE_CHARACTERS: usize = 300;

/// Explain an error. `last` is the operation that was last about to happen; it is the one that failed, unless a loop or
/// a condition went on after a failure to see whether another element decides.
pub(super) fn explain(error: &ExecutionError, sites: &[Site], last: usize) -> Fault {
    let fits = |site: &Site| match error {
        ExecutionError::NoSuchKey(key) => match &site.kind {
            SiteKind::Key(name) => name == key.as_str(),
            kind => *kind == SiteKind::Index,
        },
        ExecutionError::IndexOutOfBounds(_) => site.kind == SiteKind::Index,
        _ => true,
    };
    let named = |site: &&Site| fits(site) && site.kind != SiteKind::Index;
    let site = sites.get(last).filter(|site| fits(site));
    let site = site.or_else(|| sites.iter().find(named)).or_else(|| sites.iter().find(|site| fits(site)));
    let site = site.or_else(|| sites.get(last));
    let message = words(error);
    let message = match message.chars().nth(MESSAGE_CHARACTERS) {
        Some(_) => message.chars().take(MESSAGE_CHARACTERS).chain(['…']).collect(),
        None => message,
    };
    (site.map_or(1, |site| site.position), message)
}

fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => {
            format!("there is no {key:?} here; has(…) tells whether there is, and .? goes on without")
        }
        ExecutionError::IndexOutOfBounds(index) => format!("the list has no element {}", number(index)),
        ExecutionError::NoSuchOverload(overload) => no_overload(overload),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let symbol = match *operator {
                "add" => "+",
                "sub" => "-",
                "mul" => "*",
                "div" => "/",
                "rem" => "%",
                other => other,
            };
            let (left, right) = (kind(left), kind(right));
            format!("`{symbol}` does not go with {left} and {right}{}", convert(&left, &right))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => {
            "the number does not fit in 64 bits, or the time in the calendar".to_owned()
        }
        ExecutionError::UnexpectedType { got, want } => format!("expected {want}, this is {got}"),
        ExecutionError::DuplicateKey(key) => format!("the key {} is there twice", number(key)),
        ExecutionError::UnsupportedKeyType(key) => {
            format!("a value of type {} cannot be a key", kind(key))
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("{} and {} cannot be compared", kind(left), kind(right))
        }
        ExecutionError::FunctionError { function, message } if function.is_empty() => message.clone(),
        ExecutionError::FunctionError { function, message } => format!("{}: {message}", written(function)),
        other => other.to_string(),
    }
}

fn no_overload(overload: &OverloadError) -> String {
    let types = overload.argument_types();
    let name = overload.function();
    match (name, types) {
        ("_._" | "_?._", [value, ..]) => format!("a value of type {value} has no keys"),
        ("_[_]" | "_[?_]", [value, index]) => {
            format!("a value of type {value} has no element by a value of type {index}")
        }
        ("@in", [value, list]) => format!("`in` does not go with {value} and {list}"),
        _ if name.starts_with('_') && types.len() == 2 => {
            let symbol = name.trim_matches('_');
            format!(
                "`{symbol}` does not go with {} and {}{}",
                types[0],
                types[1],
                convert(&types[0], &types[1])
            )
        }
        _ if name.ends_with('_') && types.len() == 1 => {
            format!("`{}` does not go with {}", name.trim_matches('_'), types[0])
        }
        ("@sortByAssociatedKeys", [value, ..]) => format!("sortBy goes with lists, this is {value}"),
        _ => format!("{} does not go with {}", written(name), types.join(", ")),
    }
}

/// The name by which an author writes a function that a macro stands for.
fn written(function: &str) -> &str {
    match function {
        "math.@max" => "math.greatest",
        "math.@min" => "math.least",
        other => other,
    }
}

/// Numbers of different types do not mix: the most frequent mistake.
fn convert(left: &str, right: &str) -> &'static str {
    let numbers = ["int", "uint", "double"];
    match numbers.contains(&left) && numbers.contains(&right) {
        true => "; convert one of them with int(…), uint(…) or double(…)",
        false => "",
    }
}

/// The type of a value, as the language calls it.
fn kind(value: &cel::Value) -> String {
    match value {
        cel::Value::Float(_) => "double".to_owned(),
        other => other.type_of().to_string(),
    }
}

fn number(value: &cel::Value) -> String {
    match value {
        cel::Value::Int(number) => number.to_string(),
        cel::Value::UInt(number) => number.to_string(),
        cel::Value::Bool(value) => value.to_string(),
        cel::Value::String(text) => format!("{text:?}"),
        other => kind(other),
    }
}
