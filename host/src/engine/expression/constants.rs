//! Constants that a text writes and a function reads: a time, a span of time, a pattern. What is wrong with one is
//! wrong whatever the documents are, so it is told when the text is parsed.

use cel::{
    IdedExpr,
    common::{
        ast::{CallExpr, Expr, LiteralValue},
        types::CelString,
        value::CowVal,
    },
};

use super::{
    language::{self, Function},
    patterns::Pattern,
};

/// The constant of a call that cannot be read, and why.
pub(super) fn wrong<'a>(function: &Function, call: &'a CallExpr) -> Option<(&'a IdedExpr, String)> {
    let constant = match function.name {
        "timestamp" | "duration" => call.args.first()?,
        "matches" => call.args.last()?,
        _ => return None,
    };
    let Expr::Literal(LiteralValue::String(text)) = &constant.expr else { return None };
    let problem = match function.name {
        "matches" => Pattern::new(text.inner()).err(),
        "duration" => duration(text.inner()).err().or_else(|| convert(function.name, text)),
        _ => convert(function.name, text),
    };
    problem.map(|problem| (constant, problem))
}

fn convert(name: &str, text: &CelString<'static>) -> Option<String> {
    let arguments = vec![CowVal::Borrowed(text)];
    let convert = language::environment().find_overload(name, &arguments)?;
    let error = convert(arguments).err()?;
    let example = if name == "timestamp" { "2026-01-31T12:00:00Z" } else { "1h30m" };
    Some(super::fault::explain(&error, &[], 0).1 + &format!("; it is written as in {name}({example:?})"))
}

/// Refuse what is no span of time. The crate reads as far as it understands, and is content.
pub(super) fn duration(text: &str) -> Result<(), String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut rest = unsigned;
    while !rest.is_empty() && rest != "0" {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = match number.strip_prefix('.') {
            Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => number,
        };
        let unit = ["ms", "us", "ns", "h", "m", "s"].iter().find_map(|unit| number.strip_prefix(unit));
        match unit {
            Some(after) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
            _ => break,
        }
    }
    match !unsigned.is_empty() && (rest.is_empty() || unsigned == "0") {
        true => Ok(()),
        false => Err(format!(
            "{text:?} is no duration; it is written as in duration(\"1h30m\"), with h, m, s, ms, us, ns"
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::engine::expression::Expression;

    #[test]
    fn durations_are_read_to_their_end() {
        for text in ["1h", "1h30m", "1.5s", "-2m", "0", "100ms", "1h2m3s4ms5us6ns"] {
            duration(text).unwrap();
        }
        for text in ["", "-", "1", "h", "1h garbage", "1d", "1h0", ".5s", "infs", "1e3s", "- 1h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_constants_are_told_when_the_text_is_parsed() {
        for (text, expected) in [
            ("as_of > timestamp('2026-13-01T00:00:00Z')", "at character 19: timestamp: "),
            ("as_of + duration('1h later')", "at character 18: \"1h later\" is no duration"),
            ("as_of + duration('9999999h')", "at character 18: duration: range error"),
            ("input.a.matches('(')", "at character 17: \"(\" is no pattern: unclosed group"),
            ("matches(input.a, '(?=a)')", "at character 18: \"(?=a)\" is no pattern: look-around"),
        ] {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
