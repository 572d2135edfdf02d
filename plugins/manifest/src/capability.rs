//! What a plugin has only if an admin grants it.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A granted import, named as its WIT interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Consult models.
    Agents,
    /// Call granted hosts.
    Http,
    /// Ask people.
    Approvals,
    /// Read granted secrets.
    Secrets,
    /// Memory across runs.
    State,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Agents, Self::Http, Self::Approvals, Self::Secrets, Self::State];

    /// As in the WIT, the manifest and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Http => "http",
            Self::Approvals => "approvals",
            Self::Secrets => "secrets",
            Self::State => "state",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCapability(String);

impl fmt::Display for UnknownCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Capability::ALL.map(Capability::as_str).join(", ");
        write!(f, "{:?} is no capability; there are {all}", self.0)
    }
}

impl std::error::Error for UnknownCapability {}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, UnknownCapability> {
        let named = Self::ALL.into_iter().find(|capability| capability.as_str() == text);
        named.ok_or_else(|| UnknownCapability(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.as_str());
            assert_eq!(capability.as_str().parse(), Ok(capability));
        }
        let error = "shell".parse::<Capability>().unwrap_err().to_string();
        assert!(error.contains("shell") && error.contains("approvals"), "{error}");
    }
}
