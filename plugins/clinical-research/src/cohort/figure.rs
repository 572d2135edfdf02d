//! A figure, or the reason why there is none, as files and outputs have it.

use heddle_kit::stats::{Computed, NotComputable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number, or why it cannot be computed. As JSON: the number, or `{"not_computable": "…"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Figure {
    /// Always finite.
    Value(f64),
    /// There is none.
    Missing {
        /// Why.
        not_computable: String,
    },
}

impl Figure {
    /// No figure, for this reason.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self::Missing { not_computable: reason.into() }
    }

    /// The number, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Missing { .. } => None,
        }
    }

    /// Why there is no number.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Missing { not_computable } => Some(not_computable),
        }
    }
}

impl From<f64> for Figure {
    fn from(value: f64) -> Self {
        if value.is_finite() {
            Self::Value(value)
        } else {
            Self::missing(NotComputable::TooLarge.to_string())
        }
    }
}

impl From<Computed<f64>> for Figure {
    fn from(computed: Computed<f64>) -> Self {
        match computed {
            Ok(value) => value.into(),
            Err(reason) => Self::missing(reason.to_string()),
        }
    }
}

/// What was computed of a field, or why the field cannot be described at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Entry<T> {
    /// It was described.
    Described(Box<T>),
    /// It cannot be.
    Missing {
        /// Why.
        not_computable: String,
    },
}

impl<T> Entry<T> {
    /// The description, if there is one.
    pub fn described(&self) -> Option<&T> {
        match self {
            Self::Described(entry) => Some(entry),
            Self::Missing { .. } => None,
        }
    }

    /// Why there is no description.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Described(_) => None,
            Self::Missing { not_computable } => Some(not_computable),
        }
    }
}

/// The test that was chosen for a variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChosenTest {
    /// Its name.
    pub name: String,
    /// Two-sided, except for tests of several arms, which have no side.
    pub p: Figure,
    /// Why this test.
    pub why: String,
}
