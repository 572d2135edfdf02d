//! What goes wrong between a caller and the host, without a word of HTTP.
//!
//! What the client may see is in [`Error`]'s `Display`; what only the log gets is its `source`. The API turns a
//! [`Code`] into a status at the edge, in one table.

use std::fmt;

use crate::model::Problem;

/// A result whose error a caller may see.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of errors that callers can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// What was sent is wrong.
    Invalid,
    /// It is larger than what is allowed.
    TooLarge,
    /// Who asks is not known.
    Unauthenticated,
    /// Who asks may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It does not fit the state of things.
    Conflict,
    /// A key of idempotency was used for another request.
    IdempotencyMismatch,
    /// Storage or another part cannot be reached for the moment.
    Unavailable,
    /// The host is at fault.
    Internal,
}

/// An error that a caller may see.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: String,
    problems: Vec<Problem>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// With a message for the caller: what, where, what to do.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), problems: Vec::new(), source: None }
    }

    /// What was sent is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// There is no such thing: `kind` is "run", `name` what was asked for.
    pub fn not_found(kind: &str, name: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {kind} {name}"))
    }

    /// It does not fit the state of things.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// The host is at fault. The caller sees `message`, the log sees the source as well.
    pub fn internal(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(source.into()), ..Self::new(Code::Internal, message) }
    }

    /// A part cannot be reached for the moment.
    pub fn unavailable(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(source.into()), ..Self::new(Code::Unavailable, message) }
    }

    /// With the single things that are wrong.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// The kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The single things that are wrong.
    pub fn list(&self) -> &[Problem] {
        &self.problems
    }

    /// The message with every problem on a line of its own, for a terminal.
    pub fn long(&self) -> String {
        let mut text = self.message.clone();
        for problem in &self.problems {
            text.push_str("\n  ");
            text.push_str(&problem.to_string());
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
