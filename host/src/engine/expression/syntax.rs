//! From text to a syntax tree, and the parser's complaints in plain words.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{IdedExpr, ParseError, common::ast::SourceInfo};

use super::{
    bounds::{HINT_BYTES, HINT_NAMES, NESTING},
    error::ExpressionError,
    language::{self, nearest},
    scan,
};

/// A syntax tree, and where each of its nodes is in the text.
pub(super) struct Syntax {
    pub(super) tree: IdedExpr,
    pub(super) places: Places,
}

/// Parse a text.
pub(super) fn parse(text: &str) -> Result<Syntax, ExpressionError> {
    scan::check(text)?;
    let parser = language::environment()
        .parser()
        .max_recursion_depth(NESTING as u16 + 1)
        .enable_ident_escape_syntax(true);
    // A panic of the parser is its mistake, not the host's end.
    let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse_with_source_info(text)));
    match parsed {
        Ok(Ok((tree, source))) => Ok(Syntax { tree, places: Places { text: text.to_owned(), source } }),
        Ok(Err(errors)) => {
            // Of one mistake the parser may tell several times; what it says of the text itself is nearest to it.
            let first = errors.errors.iter().min_by_key(|e| (!e.msg.starts_with("Syntax error"), e.pos));
            Err(first.map_or_else(
                || ExpressionError::at(text, 1, "this is no expression"),
                |error| ExpressionError::at(text, position(text, error), explain(&error.msg)),
            ))
        }
        Err(_) => Err(ExpressionError::at(text, 1, "the parser cannot make sense of this")),
    }
}

/// Where the nodes of a tree are.
pub(super) struct Places {
    text: String,
    source: SourceInfo,
}

impl Places {
    /// The character (from 1) at which a node's own token is: the name, the operator, the opening parenthesis.
    pub(super) fn of(&self, node: u64) -> usize {
        self.character(self.offset(node))
    }

    /// The character of what is selected, behind the `.` or `[` of a selection.
    pub(super) fn selected(&self, node: u64) -> usize {
        let offset = self.offset(node);
        let rest = &self.text[offset..];
        let skipped =
            rest.len() - rest.trim_start_matches(|c: char| ".[?".contains(c) || c.is_whitespace()).len();
        self.character(offset + skipped)
    }

    /// The character of the name in front of the opening parenthesis of a call.
    pub(super) fn name(&self, node: u64) -> usize {
        let offset = self.offset(node);
        let before = self.text[..offset].trim_end();
        let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        self.character(if name.len() < before.len() { name.len() } else { offset })
    }

    fn offset(&self, node: u64) -> usize {
        let offset = self.source.offset_for(node).map_or(0, |(start, _)| start as usize).min(self.text.len());
        (0..=offset).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }

    fn character(&self, offset: usize) -> usize {
        self.text[..offset].chars().count() + 1
    }
}

/// The character (from 1) of a complaint, which has a line and a column.
fn position(text: &str, error: &ParseError) -> usize {
    let (line, column) = error.pos;
    let before = usize::try_from(line - 1).unwrap_or(0);
    let lines: usize = text.split_inclusive('\n').take(before).map(|line| line.chars().count()).sum();
    (lines + usize::try_from(column).unwrap_or(1)).clamp(1, text.chars().count() + 1)
}

/// What a complaint means.
fn explain(complaint: &str) -> String {
    let complaint = complaint.strip_prefix("Syntax error: ").unwrap_or(complaint);
    let quoted = |after: &str| {
        let rest = complaint.strip_prefix(after)?;
        Some(rest.strip_prefix('\'').unwrap_or(rest))
    };
    if let Some(found) = quoted("token recognition error at: ") {
        return match found.trim_end_matches('\'').trim() {
            "=" => "to compare, write `==`".to_owned(),
            "&" => "expected `&&`".to_owned(),
            "|" => "expected `||`".to_owned(),
            other => format!("`{other}` means nothing here; keys with such characters are written [\"key\"]"),
        };
    }
    if let Some(found) = quoted("no viable alternative at input ") {
        let word = found.trim_end_matches('\'').trim_start_matches('.');
        return match word {
            "in" | "true" | "false" | "null" => {
                format!("`{word}` has a meaning of its own; as a key, write [\"{word}\"]")
            }
            _ => "expected a name after the `.`".to_owned(),
        };
    }
    for kind in ["mismatched input ", "extraneous input "] {
        if let Some((found, expected)) = quoted(kind).and_then(|rest| rest.split_once("' expecting ")) {
            let found = match found {
                "<EOF>" => "the text ends here".to_owned(),
                other => format!("`{other}` is unexpected"),
            };
            return format!("{found}; expected {}", explain_expected(expected));
        }
    }
    if let Some(name) = complaint.strip_prefix("reserved identifier: ") {
        return format!("`{name}` is a reserved word");
    }
    match complaint {
        "invalid argument to has() macro" => "has(…) takes a selection, as in has(input.a.b)".to_owned(),
        "argument must be a simple name" => {
            "expected the name that each element is to have, as in list.map(x, x.a)".to_owned()
        }
        "invalid int literal" | "invalid uint literal" => "this number does not fit in 64 bits".to_owned(),
        "invalid double literal" => "this number is too large".to_owned(),
        "UNKNOWN" => format!("more than {NESTING} expressions within each other"),
        other => other.to_owned(),
    }
}

fn explain_expected(expected: &str) -> String {
    if expected.contains("IDENTIFIER") && expected.contains("NUM_INT") {
        return "a value".to_owned();
    }
    if expected == "<EOF>" {
        return "an operator or the end".to_owned();
    }
    let tokens = || expected.trim_matches(['{', '}']).split(", ").map(|token| token.trim_matches('\''));
    let operators =
        ["==", "!=", "in", "<", "<=", ">=", ">", "&&", "||", "[", ".", "-", "+", "*", "/", "%", "?"];
    let mut words: Vec<String> =
        tokens().filter(|t| !operators.contains(t)).map(|token| format!("`{token}`")).collect();
    if tokens().any(|t| operators.contains(&t)) {
        words.push("an operator".to_owned());
    }
    words.join(" or ").replace("`IDENTIFIER`", "a name")
}

/// What may have been meant by a name that is not there, as the end of a message.
pub(in crate::engine) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Likeness takes time by the lengths of both.
    if name.len() > HINT_BYTES {
        return String::new();
    }
    let known = known.into_iter().filter(|known| known.len() <= HINT_BYTES).take(HINT_NAMES);
    nearest(name, known).map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_in_plain_words_and_at_the_character() {
        for (text, expected) in [
            ("", "at character 1: the text ends here; expected a value"),
            ("input.a +", "at character 10: the text ends here; expected a value"),
            ("input..a", "at character 7: expected a name after the `.`"),
            ("input.", "at character 7: expected a name after the `.`"),
            ("input.a b", "at character 9: `b` is unexpected; expected an operator or the end"),
            ("input.a[]", "at character 9: `]` is unexpected; expected a value"),
            ("input.a = 1", "at character 9: to compare, write `==`"),
            ("input.a & 1", "at character 9: expected `&&`"),
            ("input.in", "at character 7: `in` has a meaning of its own; as a key, write [\"in\"]"),
            ("input.ä", "at character 7: `ä` means nothing here"),
            ("'é' + input.a 1", "at character 15: `1` is unexpected"),
            ("a ? b", "at character 6: the text ends here; expected `:` or an operator"),
            ("has(1)", "at character 5: has(…) takes a selection"),
            ("a.map(1, 2)", "at character 7: expected the name that each element is to have"),
            ("1 + 99999999999999999999", "at character 5: this number does not fit in 64 bits"),
            ("if", "at character 1: `if` is a reserved word"),
            ("a\n  + \n  * b", "at line 3, character 3: `*` is unexpected; expected a value"),
        ] {
            let error = parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn nodes_know_their_character() {
        let text = "'é' + input . a[ 0 ].startsWith ('x')";
        let syntax = parse(text).unwrap();
        let all: Vec<(usize, usize, usize)> = (1..=9)
            .map(|id| (syntax.places.of(id), syntax.places.selected(id), syntax.places.name(id)))
            .collect();
        assert!(all.iter().any(|(of, _, _)| *of == 7), "{all:?}: `input`");
        assert!(all.iter().any(|(_, selected, _)| *selected == 15), "{all:?}: `a`");
        assert!(all.iter().any(|(_, selected, _)| *selected == 18), "{all:?}: `0`");
        assert!(all.iter().any(|(_, _, name)| *name == 22), "{all:?}: `startsWith`");
    }
}
