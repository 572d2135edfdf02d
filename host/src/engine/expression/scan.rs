//! A look at the text before the parser's: the parser recurses, so nesting is bounded before it starts, and what is
//! never closed is told where it was opened.

use super::{
    bounds::{DEPTH, NESTING, TEXT_BYTES},
    error::ExpressionError,
};

/// Refuse what is too long or nested too deep, and texts and brackets that are never closed.
pub(super) fn check(text: &str) -> Result<(), ExpressionError> {
    if text.len() > TEXT_BYTES {
        let message = format!("the expression has {} bytes; at most {TEXT_BYTES} are allowed", text.len());
        return Err(ExpressionError::at(text, TEXT_BYTES, message));
    }
    let characters: Vec<char> = text.chars().collect();
    let mut scan = Scan { text, characters: &characters, at: 0, open: vec![Level::new('\0', 0)] };
    while scan.at < scan.characters.len() {
        scan.token()?;
    }
    match scan.open.last() {
        Some(level) if scan.open.len() > 1 => {
            Err(scan.error(level.at, format!("the `{}` is never closed", level.bracket)))
        }
        _ => Ok(()),
    }
}

struct Scan<'a> {
    text: &'a str,
    characters: &'a [char],
    at: usize,
    open: Vec<Level>,
}

/// A bracket that is open.
struct Level {
    bracket: char,
    at: usize,
    /// Operators since it was opened, or since what ends a chain of them.
    operators: usize,
    /// Selections and calls since the last operator.
    selections: usize,
}

impl Level {
    fn new(bracket: char, at: usize) -> Self {
        Self { bracket, at, operators: 0, selections: 0 }
    }
}

impl Scan<'_> {
    fn error(&self, at: usize, message: impl Into<String>) -> ExpressionError {
        ExpressionError::at(self.text, at + 1, message)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn token(&mut self) -> Result<(), ExpressionError> {
        let start = self.at;
        let Some(c) = self.peek(0) else { return Ok(()) };
        match c {
            '"' | '\'' => self.literal(start, false),
            '/' if self.peek(1) == Some('/') => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                Ok(())
            }
            '(' | '[' | '{' => {
                if self.open.len() > NESTING {
                    let message = format!("more than {NESTING} brackets within each other");
                    return Err(self.error(start, message));
                }
                if c == '[' {
                    self.select(start)?;
                }
                self.open.push(Level::new(c, start));
                self.at += 1;
                Ok(())
            }
            ')' | ']' | '}' => self.close(start, c),
            '.' => {
                self.at += 1;
                self.select(start)
            }
            ',' => {
                self.chain_ends();
                self.at += 1;
                Ok(())
            }
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '?' | ':' => {
                self.operator(start)
            }
            c if c.is_ascii_alphanumeric() || c == '_' => {
                while self.peek(0).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.at += 1;
                }
                let word: String = self.characters[start..self.at].iter().collect();
                if matches!(self.peek(0), Some('"' | '\'')) {
                    match word.to_ascii_lowercase().as_str() {
                        "r" | "br" | "rb" => return self.literal(start, true),
                        "b" => return self.literal(start, false),
                        _ => {}
                    }
                }
                if word == "in" { self.count(start) } else { Ok(()) }
            }
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    fn close(&mut self, start: usize, c: char) -> Result<(), ExpressionError> {
        let level = self.open.last().map_or('\0', |level| level.bracket);
        let expected = match level {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            _ => return Err(self.error(start, format!("this `{c}` closes nothing"))),
        };
        if c != expected {
            let place = self.open.last().map_or(0, |level| level.at) + 1;
            let message = format!("expected `{expected}`, which closes the `{level}` at character {place}");
            return Err(self.error(start, message));
        }
        self.open.pop();
        self.at += 1;
        Ok(())
    }

    /// A run of operators without blanks between them counts once: `==`, `!!`, `&&-`.
    fn operator(&mut self, start: usize) -> Result<(), ExpressionError> {
        let mut run = String::new();
        while let Some(c) = self.peek(0).filter(|c| "+-*/%<>=!&|?:".contains(*c)) {
            if c == '/' && self.peek(1) == Some('/') {
                break;
            }
            run.push(c);
            self.at += 1;
        }
        // The parser makes a balanced tree of these two, however long the chain.
        if run.starts_with("&&") || run.starts_with("||") {
            self.chain_ends();
            return Ok(());
        }
        self.count(start)
    }

    fn count(&mut self, start: usize) -> Result<(), ExpressionError> {
        let too_many = self.open.last_mut().is_some_and(|level| {
            level.operators += 1;
            level.selections = 0;
            level.operators > DEPTH
        });
        match too_many {
            true => Err(self.error(
                start,
                format!("more than {DEPTH} operators in one chain; use parentheses or a list"),
            )),
            false => Ok(()),
        }
    }

    fn select(&mut self, start: usize) -> Result<(), ExpressionError> {
        let too_many = self.open.last_mut().is_some_and(|level| {
            level.selections += 1;
            level.selections > DEPTH
        });
        match too_many {
            true => Err(self.error(start, format!("more than {DEPTH} selections in one chain"))),
            false => Ok(()),
        }
    }

    fn chain_ends(&mut self) {
        if let Some(level) = self.open.last_mut() {
            level.operators = 0;
            level.selections = 0;
        }
    }

    /// A text in quotes, from its first quote on.
    fn literal(&mut self, start: usize, raw: bool) -> Result<(), ExpressionError> {
        let Some(quote) = self.peek(0) else { return Ok(()) };
        let triple = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        self.at += if triple { 3 } else { 1 };
        loop {
            match self.peek(0) {
                None => return Err(self.error(start, "the text that begins here is never closed")),
                Some('\n' | '\r') if !triple => {
                    let message = format!(
                        "the text that begins here does not end on its line; over several lines it is written in {quote}{quote}{quote}"
                    );
                    return Err(self.error(start, message));
                }
                Some('\\') if !raw => self.escape()?,
                Some(c) if c == quote => {
                    if !triple {
                        self.at += 1;
                        return Ok(());
                    }
                    if self.peek(1) == Some(quote) && self.peek(2) == Some(quote) {
                        self.at += 3;
                        return Ok(());
                    }
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), ExpressionError> {
        let (first, digits): (fn(char) -> bool, usize) = match self.peek(1) {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => {
                self.at += 2;
                return Ok(());
            }
            Some('x' | 'X') => (|c| c.is_ascii_hexdigit(), 2),
            Some('u') => (|c| c.is_ascii_hexdigit(), 4),
            Some('U') => (|c| c.is_ascii_hexdigit(), 8),
            Some('0'..='3') => (|c| ('0'..='7').contains(&c), 2),
            _ => return Err(self.error(self.at, "no such escape; a backslash itself is written `\\\\`")),
        };
        for i in 0..digits {
            if !self.peek(2 + i).is_some_and(first) {
                return Err(self.error(self.at, format!("expected {digits} digits in this escape")));
            }
        }
        self.at += 2 + digits;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_closed_is_told_where_it_was_opened() {
        for (text, part) in [
            ("f(a[1)", "at character 6: expected `]`, which closes the `[` at character 4"),
            ("f(a", "at character 2: the `(` is never closed"),
            ("a)", "at character 2: this `)` closes nothing"),
            ("a + 'b", "at character 5: the text that begins here is never closed"),
            ("'''a'", "at character 1: the text"),
            ("a +\n'b\n'", "at line 2, character 1: the text that begins here does not end on its line"),
            (r"'é\q'", "at character 3: no such escape"),
            (r"'\u12'", "at character 2: expected 4 digits"),
        ] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.starts_with(part), "{text}: {error}");
        }
        for text in
            [r#"r"\q(" + 'a"' + """ " ( """ + '''\'''' // ((("#, "{'a': [1, (2)]}", r"b'\x00\377'", "R'\\'"]
        {
            check(text).unwrap();
        }
    }

    #[test]
    fn nesting_chains_and_length_are_bounded() {
        for (text, part) in [
            ("(".repeat(4000), "more than 32 brackets"),
            (format!("{}1{}", "[".repeat(33), "]".repeat(33)), "at character 33: more than 32 brackets"),
            (format!("1{}", "+1".repeat(101)), "more than 100 operators in one chain"),
            (format!("1{}", " in a".repeat(101)), "more than 100 operators"),
            ("- ".repeat(200), "more than 100 operators"),
            ("a?b:".repeat(101), "more than 100 operators"),
            (format!("a{}", ".a".repeat(101)), "at character 202: more than 100 selections in one chain"),
            (format!("a{}", "[0]".repeat(101)), "more than 100 selections"),
            ("x".repeat(4097), "has 4097 bytes; at most 4096"),
            ("(".repeat(10_000), "at most 4096"),
        ] {
            let error = check(&text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        for text in [
            format!("{}1{}", "(".repeat(32), ")".repeat(32)),
            format!("1{}", "+1".repeat(100)),
            format!("1{}", "==1&&1".repeat(600)),
            format!("[{}]", "1+1,".repeat(900)),
            format!("a{}", ".a".repeat(100)),
        ] {
            check(&text).unwrap();
        }
    }
}
