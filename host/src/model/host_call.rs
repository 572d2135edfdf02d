//! The calls of guests that are journaled.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a journaled call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostCallKind {
    /// `approvals.request`: a person's decision.
    Approval,
}

impl HostCallKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Approval];

    /// As in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
        }
    }
}

impl fmt::Display for HostCallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind of call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no such kind of host call")]
pub struct UnknownHostCall(String);

impl FromStr for HostCallKind {
    type Err = UnknownHostCall;

    fn from_str(text: &str) -> Result<Self, UnknownHostCall> {
        let named = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| UnknownHostCall(text.chars().take(40).collect()))
    }
}
