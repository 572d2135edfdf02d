//! Identifiers. Their text form says what they name (`run_01jd…`), so that one cannot be taken for another in a log.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A text that is no such identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what} (expected {expected})")]
pub struct IdError {
    what: &'static str,
    expected: &'static str,
    text: String,
}

/// Crockford's base 32 in lower case: no letter that is read as another, and it sorts as the bytes do.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn encode(value: u128) -> String {
    (0..26).rev().map(|i| ALPHABET[(value >> (5 * i)) as usize & 31] as char).collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|&a| a == byte)?;
        Some(value << 5 | digit as u128)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// A new one. Later ones sort after earlier ones (UUIDv7, RFC 9562).
            #[allow(clippy::new_without_default, reason = "a default would not be new")]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7().as_u128())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_")).and_then(decode).map(Self).ok_or_else(|| IdError {
                    what: $what,
                    expected: concat!($prefix, "_ and 26 letters and digits"),
                    text: text.chars().take(64).collect(),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A run.
    RunId, "run", "run id"
);
id!(
    /// One execution of a step. It stays the same when a later epoch replays the attempt.
    AttemptId, "att", "attempt id"
);
id!(
    /// An uploaded file.
    UploadId, "upl", "upload id"
);
id!(
    /// Something that people are asked to decide.
    ApprovalId, "apr", "approval id"
);
id!(
    /// A schedule.
    ScheduleId, "sch", "schedule id"
);
id!(
    /// An API token (not its secret).
    TokenId, "tok", "token id"
);
id!(
    /// One start of one host process.
    HostId, "host", "host id"
);

/// A tenant: lower-case letters, digits and hyphens, starting with a letter, at most 63.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The tenant that is there from the first start on.
    pub fn default_tenant() -> Self {
        Self("default".into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TenantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = (1..=63).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(IdError {
                what: "tenant id",
                expected: "lower-case letters, digits and hyphens, starting with a letter, at most 63",
                text: text.chars().take(64).collect(),
            })
        }
    }
}

/// A SHA-256 digest (FIPS 180-4), as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// From the 32 bytes that a hasher returned.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError {
            what: "SHA-256 digest",
            expected: "64 hexadecimal digits",
            text: text.chars().take(80).collect(),
        })?;
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_sorts_by_age() {
        let (first, second) = (RunId::new(), RunId::new());
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(first.to_string().len(), 30);
        assert_eq!(first.to_string() < second.to_string(), first < second);
        assert_eq!(RunId(u128::MAX).to_string().parse(), Ok(RunId(u128::MAX)));
    }

    #[test]
    fn other_texts_are_refused() {
        let attempt = AttemptId::new().to_string();
        for text in ["", "run_", &attempt, "run_0000000000000000000000000l", "run_80000000000000000000000000"]
        {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
        for text in ["", "Default", "1a", "a/b", &"a".repeat(64)] {
            assert!(text.parse::<TenantId>().is_err(), "{text}");
        }
    }
}
