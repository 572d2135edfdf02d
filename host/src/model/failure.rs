//! Why a step failed: what the guest said, or what the host had to do.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) into the document; "" is the whole.
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "(the whole)" } else { &self.path };
        write!(f, "{path}: {}", self.message)
    }
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The input does not fit the phase: by its schema, or by the phase's own word.
    InvalidInput,
    /// The phase said that it may work if tried again.
    Retryable,
    /// The phase said that it failed.
    Failed,
    /// The output does not fit the phase's own schema, or is no JSON.
    InvalidOutput,
    /// The guest trapped: a panic, an unreachable, an access out of bounds.
    Trapped,
    /// The guest's call stack overflowed.
    StackOverflow,
    /// A limit was reached; see [`LimitBreach`].
    LimitExceeded,
    /// It took longer than the wall time that it has.
    TimedOut,
    /// Somebody cancelled it.
    Cancelled,
    /// The plugin cannot be had: not loaded, another world, or a capability that was not granted.
    PluginUnavailable,
    /// Replayed after a host call, it did not ask what it had asked before.
    Nondeterminism,
    /// The host died while the attempt ran, three times.
    HostCrashed,
    /// The host could not do its part: storage failed.
    Host,
    /// An expression of the definition could not be evaluated.
    InvalidExpression,
    /// Somebody decided against it.
    Rejected,
    /// What was waited for did not come in time.
    Deadline,
}

impl FailureKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::InvalidInput,
        Self::Retryable,
        Self::Failed,
        Self::InvalidOutput,
        Self::Trapped,
        Self::StackOverflow,
        Self::LimitExceeded,
        Self::TimedOut,
        Self::Cancelled,
        Self::PluginUnavailable,
        Self::HostCrashed,
        Self::Host,
        Self::Nondeterminism,
        Self::InvalidExpression,
        Self::Rejected,
        Self::Deadline,
    ];

    /// As in the API and in retry policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Retryable => "retryable",
            Self::Failed => "failed",
            Self::InvalidOutput => "invalid_output",
            Self::Trapped => "trapped",
            Self::StackOverflow => "stack_overflow",
            Self::LimitExceeded => "limit_exceeded",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::PluginUnavailable => "plugin_unavailable",
            Self::HostCrashed => "host_crashed",
            Self::Host => "host",
            Self::Nondeterminism => "nondeterminism",
            Self::InvalidExpression => "invalid_expression",
            Self::Rejected => "rejected",
            Self::Deadline => "deadline",
        }
    }

    /// Whether trying again may mend it without anything else being changed.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Retryable | Self::TimedOut | Self::Host => true,
            Self::InvalidInput
            | Self::Failed
            | Self::InvalidOutput
            | Self::Trapped
            | Self::StackOverflow
            | Self::LimitExceeded
            | Self::Cancelled
            | Self::PluginUnavailable
            | Self::Nondeterminism
            | Self::HostCrashed
            | Self::InvalidExpression
            | Self::Rejected
            | Self::Deadline => false,
        }
    }
}

/// Which limit, what it is, and what was used when it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitBreach {
    /// As in [`crate::model::Limits`]: `memory_bytes`, `log_bytes`, …
    pub limit: String,
    /// Its value, in the unit that its name says.
    pub value: u64,
    /// What was used or asked for.
    pub used: u64,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// For people: what, where, what to do.
    pub message: String,
    /// The single things that are wrong, for invalid input or output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// The limit that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<LimitBreach>,
}

impl Failure {
    /// A failure with a message alone.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), problems: Vec::new(), breach: None }
    }

    /// A limit that was reached. `what` begins the message: "the guest asked for more memory".
    pub fn limit(limit: &str, value: u64, used: u64, what: impl fmt::Display) -> Self {
        Self {
            kind: FailureKind::LimitExceeded,
            message: format!("{what}: {limit} is {value}, {used} was reached"),
            problems: Vec::new(),
            breach: Some(LimitBreach { limit: limit.to_owned(), value, used }),
        }
    }

    /// The host's storage failed: no fault of the guest's. `what` begins the message, which names none of the host's paths.
    pub fn storage(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(FailureKind::Host, format!("{what}: {}", io_reason(error)))
    }

    /// Problems with a document. `what` begins the message.
    pub fn problems(kind: FailureKind, what: impl fmt::Display, problems: Vec<Problem>) -> Self {
        use fmt::Write as _;
        let mut message = what.to_string();
        for (i, problem) in problems.iter().take(5).enumerate() {
            let _ = write!(message, "{} {problem}", if i == 0 { ":" } else { ";" });
        }
        if problems.len() > 5 {
            let _ = write!(message, "; and {} more", problems.len() - 5);
        }
        Self { kind, message, problems, breach: None }
    }
}

/// What an I/O error says to those who may not see the host's paths, which some libraries write into their errors.
pub fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the host's disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the quota of the host's disk is used up".to_owned(),
        // The system's own words have no path in them.
        _ if error.raw_os_error().is_some() => error.to_string(),
        kind => kind.to_string(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_is_told_without_paths() {
        let with_path = io::Error::new(io::ErrorKind::StorageFull, "No space left at path \"/srv/secret\"");
        let failure = Failure::storage("\"a.png\" could not be written", &with_path);
        assert_eq!(failure.message, "\"a.png\" could not be written: the host's disk is full");
        let with_path = io::Error::new(io::ErrorKind::PermissionDenied, "at path \"/srv/secret\"");
        assert_eq!(io_reason(&with_path), "permission denied");
        assert_eq!(io_reason(&io::Error::from_raw_os_error(5)), "Input/output error (os error 5)");
    }
}
