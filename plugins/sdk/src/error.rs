//! How a phase says that it failed.

use std::fmt;

/// One thing that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) into the input; "" is the whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at a JSON Pointer.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// How a phase ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseError {
    /// The input cannot be worked on; trying again would not help.
    InvalidInput(Vec<Problem>),
    /// It may work if tried again.
    Retryable(String),
    /// It failed; trying again would not help.
    Failed(String),
}

impl PhaseError {
    /// The input is wrong at one place.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidInput(vec![Problem::new(path, message)])
    }

    /// It failed, and trying again would not help.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }
}

impl fmt::Display for PhaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput(problems) => {
                f.write_str("the input cannot be worked on")?;
                for Problem { path, message } in problems {
                    write!(f, "; {}: {message}", if path.is_empty() { "the input" } else { path })?;
                }
                Ok(())
            }
            Self::Retryable(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

/// Any error can be passed on with `?`: it fails the phase for good, with the error's chain as the message.
impl<E: std::error::Error> From<E> for PhaseError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Failed(message)
    }
}
