//! Direct identifiers: the 18 of the Safe Harbor method (45 CFR 164.514(b)(2)(i)), found by the name of a key, by the form of
//! a value, and by comparison with what stands under such keys. What is found is counted by place and never told.
//!
//! What cannot be found: a bare name in running text that is neither a value of a name field nor introduced by a title, an
//! initial, a role or a common given name. The report says so.

mod key_words;
mod keys;
mod known;
mod mask;
mod name_words;
mod names;
mod patterns;
#[cfg(test)]
mod people_tests;
mod residence;
mod scrub;
#[cfg(test)]
mod tests;
mod tokens;
mod vocabulary;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use keys::kind_of_path;
pub use mask::Masker;
pub use scrub::{Scrubber, shown};
pub use tokens::bare;

/// Ages over this are told as "over 89" (Safe Harbor, (C)).
const OLDEST_TOLD: f64 = 89.0;
/// Nobody is older (the oldest person known reached 122): a higher number is a mistake and nobody's age.
pub const OLDEST: f64 = 125.0;

/// Whether a field, by its dotted path, is an age in years.
pub fn is_age(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path).to_lowercase();
    key == "age"
        || key.starts_with("age_") && !key.ends_with("months") && !key.ends_with("days")
        || key.ends_with("_age")
}

/// How a single age is told where it would point to a person; None where it may be told as it is.
pub fn told_age(path: &str, value: f64) -> Option<&'static str> {
    (is_age(path) && value > OLDEST_TOLD && value <= OLDEST).then_some("over 89")
}

/// What is identified by, in the order of the regulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// (A) Names.
    Name,
    /// (B) Geographic subdivisions smaller than a state.
    Place,
    /// (C) Elements of dates other than the year.
    Date,
    /// (C) Ages over 89.
    Age,
    /// (D) Telephone numbers.
    Phone,
    /// (E) Fax numbers.
    Fax,
    /// (F) E-mail addresses.
    Email,
    /// (G) Social-security and other national numbers.
    NationalId,
    /// (H) Medical record numbers.
    MedicalRecord,
    /// (I) Health-plan beneficiary numbers.
    HealthPlan,
    /// (J) Account numbers.
    Account,
    /// (K) Certificate and licence numbers.
    Licence,
    /// (L) Vehicle identifiers and plates.
    Vehicle,
    /// (M) Device identifiers and serial numbers.
    Device,
    /// (N) Web addresses.
    Url,
    /// (O) IP addresses.
    IpAddress,
    /// (P) Biometric identifiers.
    Biometric,
    /// (Q) Photographs.
    Photo,
    /// (R) Any other unique number or code; the subjects' own ids in running text.
    Other,
}

impl Identifier {
    /// What stands in its place.
    pub fn mask(self) -> &'static str {
        match self {
            Self::Name => "[NAME]",
            Self::Place => "[PLACE]",
            Self::Date => "[DATE]",
            Self::Age => "[OVER 89]",
            Self::Phone => "[PHONE]",
            Self::Fax => "[FAX]",
            Self::Email => "[EMAIL]",
            Self::NationalId => "[NATIONAL-ID]",
            Self::MedicalRecord => "[RECORD-NUMBER]",
            Self::HealthPlan => "[HEALTH-PLAN]",
            Self::Account => "[ACCOUNT]",
            Self::Licence => "[LICENCE]",
            Self::Vehicle => "[VEHICLE]",
            Self::Device => "[DEVICE]",
            Self::Url => "[URL]",
            Self::IpAddress => "[IP]",
            Self::Biometric => "[BIOMETRIC]",
            Self::Photo => "[PHOTO]",
            Self::Other => "[ID]",
        }
    }

    /// For people, with the letter of the regulation.
    pub fn label(self) -> &'static str {
        match self {
            Self::Name => "(A) names",
            Self::Place => "(B) geographic subdivisions smaller than a state",
            Self::Date => "(C) dates other than the year",
            Self::Age => "(C) ages over 89",
            Self::Phone => "(D) telephone numbers",
            Self::Fax => "(E) fax numbers",
            Self::Email => "(F) e-mail addresses",
            Self::NationalId => "(G) social-security or national numbers",
            Self::MedicalRecord => "(H) medical record numbers",
            Self::HealthPlan => "(I) health-plan numbers",
            Self::Account => "(J) account numbers",
            Self::Licence => "(K) certificate and licence numbers",
            Self::Vehicle => "(L) vehicle identifiers",
            Self::Device => "(M) device identifiers",
            Self::Url => "(N) web addresses",
            Self::IpAddress => "(O) IP addresses",
            Self::Biometric => "(P) biometric identifiers",
            Self::Photo => "(Q) photographs",
            Self::Other => "(R) other unique codes",
        }
    }
}
