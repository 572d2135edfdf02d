//! What is wrong with an expression, and where.

use std::fmt;

/// Why a text is no usable expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpressionError {
    place: String,
    message: String,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EvaluationError {
    place: String,
    message: String,
}

impl ExpressionError {
    /// What went wrong at a character (from 1) of the text.
    pub(super) fn at(text: &str, position: usize, message: impl Into<String>) -> Self {
        Self { place: place(text, position), message: message.into() }
    }
}

impl EvaluationError {
    /// What went wrong at a character (from 1) of the text.
    pub(super) fn at(text: &str, position: usize, message: impl Into<String>) -> Self {
        Self { place: place(text, position), message: message.into() }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for ExpressionError {}
impl std::error::Error for EvaluationError {}

/// Where a character (from 1) is, for people: with the line if there are several.
pub(super) fn place(text: &str, position: usize) -> String {
    if !text.contains('\n') {
        return format!("at character {position}");
    }
    let before: String = text.chars().take(position.saturating_sub(1)).collect();
    let line = before.matches('\n').count() + 1;
    let character = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("at line {line}, character {character}")
}
