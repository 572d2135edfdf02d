//! What kind of study it is, and the words that are right for it.

use heddle_kit::document::Text;
use serde_json::Value;

use super::{say, sources::Sources};

/// Whose rules of reporting fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guideline {
    /// A randomised trial (Schulz, Altman and Moher 2010, "CONSORT 2010 Statement", BMJ 340:c332).
    Consort,
    /// A trial of which the protocol does not say whether it was randomised: CONSORT's form, in words that claim no randomisation.
    ConsortUnconfirmed,
    /// Not randomised, or one arm only (von Elm et al. 2007, "The STROBE statement", Lancet 370).
    Strobe,
}

impl Guideline {
    pub(super) fn of(randomised: Option<bool>, n_arms: usize) -> Self {
        match (randomised, n_arms) {
            (_, 0 | 1) | (Some(false), _) => Self::Strobe,
            (Some(true), _) => Self::Consort,
            (None, _) => Self::ConsortUnconfirmed,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Consort | Self::ConsortUnconfirmed => "CONSORT 2010",
            Self::Strobe => "STROBE",
        }
    }

    /// Why it is this one.
    pub(super) fn reason(self, n_arms: usize) -> String {
        match self {
            Self::Consort => "Subjects were assigned to the arms at random, so that the report follows CONSORT 2010.".to_owned(),
            Self::ConsortUnconfirmed => "The data and the protocol do not say whether subjects were assigned at random. The report has \
                 the form of CONSORT 2010, claims no randomisation and uses no causal words; whether it fits is for a person to \
                 confirm."
                .to_owned(),
            Self::Strobe if n_arms <= 1 => {
                "The study has one arm, so that nothing was assigned at random and nothing is compared. The report follows STROBE, and \
                 not CONSORT, whose items on randomisation do not apply."
                    .to_owned()
            }
            Self::Strobe => "Subjects were not assigned at random, so that the report follows STROBE, and not CONSORT. Differences \
                 between the arms are associations: they may be due to who was treated."
                .to_owned(),
        }
    }
}

/// What a paper has to tell and data cannot: looked for in the protocol under these keys, else left to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Background,
    Objectives,
    Eligibility,
    Settings,
    Interventions,
    SampleSize,
    Randomisation,
    Concealment,
    Implementation,
    Blinding,
    Interim,
    Recruitment,
    Registration,
    ProtocolAccess,
    Funding,
    Ethics,
    Changes,
    DataSharing,
    Sponsor,
}

impl Topic {
    const ALL: [Self; 19] = [
        Self::Background,
        Self::Objectives,
        Self::Eligibility,
        Self::Settings,
        Self::Interventions,
        Self::SampleSize,
        Self::Randomisation,
        Self::Concealment,
        Self::Implementation,
        Self::Blinding,
        Self::Interim,
        Self::Recruitment,
        Self::Registration,
        Self::ProtocolAccess,
        Self::Funding,
        Self::Ethics,
        Self::Changes,
        Self::DataSharing,
        Self::Sponsor,
    ];

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Background => &["background", "rationale"],
            Self::Objectives => &["objectives", "objective", "hypotheses", "hypothesis", "aims"],
            Self::Eligibility => &[
                "eligibility",
                "eligibility_criteria",
                "inclusion_criteria",
                "inclusion",
                "exclusion_criteria",
                "exclusion",
            ],
            Self::Settings => &["settings", "setting", "locations", "location", "countries"],
            Self::Interventions => {
                &["interventions", "intervention", "treatments", "treatment", "dose", "doses"]
            }
            Self::SampleSize => &["sample_size", "planned_sample_size", "sample_size_rationale", "power"],
            Self::Randomisation => &[
                "randomisation",
                "randomization",
                "randomisation_method",
                "randomization_method",
                "allocation_ratio",
                "stratification",
                "stratification_factors",
            ],
            Self::Concealment => &["allocation_concealment", "concealment"],
            Self::Implementation => &["randomisation_implementation", "implementation"],
            Self::Blinding => &["blinding", "masking"],
            Self::Interim => {
                &["interim_analyses", "interim_analysis", "stopping_rules", "stopping_guidelines"]
            }
            Self::Recruitment => &["recruitment", "recruitment_period", "study_period"],
            Self::Registration => &[
                "registration",
                "trial_registration",
                "registry",
                "registration_number",
                "nct_id",
                "eudract",
                "isrctn",
            ],
            Self::ProtocolAccess => &["protocol_access", "protocol_url", "protocol_version"],
            Self::Funding => &["funding", "funder", "funders"],
            Self::Ethics => &["ethics", "ethics_approval", "ethics_committee", "irb", "consent"],
            Self::Changes => &["changes", "amendments", "protocol_amendments"],
            Self::DataSharing => &["data_sharing", "data_availability"],
            Self::Sponsor => &["sponsor"],
        }
    }
}

/// Whether a report tells of a key of the protocol in its own words.
pub(crate) fn is_told(key: &str) -> bool {
    let key = key.to_lowercase();
    Topic::ALL.iter().any(|topic| topic.keys().contains(&key.as_str()))
}

/// The most characters of what the protocol says of a topic.
const LONGEST: usize = 1_500;

/// What the protocol says of a topic, in its own words.
pub(super) fn said(sources: &Sources, topic: Topic) -> Option<String> {
    let other = &sources.head.protocol.other;
    let parts: Vec<String> = topic
        .keys()
        .iter()
        .filter_map(|key| other.iter().find(|(name, _)| name.to_lowercase() == *key))
        .map(|(name, value)| (name.replace('_', " "), flat(value)))
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{}: {text}", say::capitalised(&name)))
        .collect();
    (!parts.is_empty()).then(|| say::sentence(&say::shortened(&parts.join("; "), LONGEST)))
}

/// A value of the protocol as a text.
fn flat(value: &Value) -> String {
    let joined =
        |parts: Vec<String>| parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("; ");
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(list) => joined(list.iter().map(flat).collect()),
        Value::Object(map) => joined(
            map.iter()
                .map(|(key, value)| (key.replace('_', " "), flat(value)))
                .filter(|(_, text)| !text.is_empty())
                .map(|(key, text)| format!("{key} {text}"))
                .collect(),
        ),
    }
}

/// What the protocol says of a topic, or a placeholder for the one who knows.
pub(super) fn told(sources: &Sources, topic: Topic, who: &str, what: &str) -> Text {
    match said(sources, topic) {
        Some(words) => Text::from(format!("The protocol says: {words}")),
        None => Text::new().placeholder(who, what),
    }
}

/// The facts of the design.
#[derive(Debug, Clone)]
pub(super) struct Design {
    pub(super) guideline: Guideline,
    /// The arms in the protocol's order.
    pub(super) arms: Vec<String>,
    /// The reference arm; empty without arms.
    pub(super) reference: String,
    /// "95 %".
    pub(super) level: String,
    pub(super) alpha: f64,
}

impl Design {
    pub(super) fn of(sources: &Sources) -> Self {
        let protocol = &sources.head.protocol;
        let randomised = sources.statistics.randomisation.randomised;
        let efficacy = &sources.efficacy;
        let or = |found: f64, other: f64, last: f64| {
            [found, other].into_iter().find(|v| *v > 0.0 && *v < 1.0).unwrap_or(last)
        };
        Self {
            guideline: Guideline::of(randomised, protocol.arms.len()),
            reference: protocol.reference_arm().unwrap_or_default().to_owned(),
            level: say::percent(or(efficacy.confidence_level, protocol.confidence_level, 0.95)),
            alpha: or(efficacy.alpha, protocol.alpha, 0.05),
            arms: protocol.arms.clone(),
        }
    }

    /// The arms, the reference first.
    pub(super) fn reference_first(&self) -> Vec<&String> {
        let others = self.arms.iter().filter(|a| **a != self.reference);
        self.arms.iter().filter(|a| **a == self.reference).chain(others).collect()
    }

    /// "randomised" where they were, "assigned" where that is not known, "included" where nothing was assigned.
    pub(super) fn verb(&self) -> &'static str {
        match (self.guideline, self.arms.len()) {
            (Guideline::Consort, _) => "randomised",
            (_, 0 | 1) => "included",
            _ => "assigned",
        }
    }

    /// The kind of study in a few words.
    pub(super) fn kind(&self) -> String {
        let n = self.arms.len();
        match (self.guideline, n) {
            (_, 0) => "study without arms".to_owned(),
            (_, 1) => "single-arm study".to_owned(),
            (Guideline::Consort, n) => format!("randomised trial of {n} arms"),
            (Guideline::ConsortUnconfirmed, n) => {
                format!("study of {n} arms, whose way of assignment is not stated")
            }
            (Guideline::Strobe, n) => format!("non-randomised study of {n} arms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_randomised_trials_follow_consort() {
        assert_eq!(Guideline::of(Some(true), 2), Guideline::Consort);
        assert_eq!(Guideline::of(Some(true), 1), Guideline::Strobe, "nothing to assign");
        assert_eq!(Guideline::of(Some(false), 3), Guideline::Strobe);
        assert_eq!(Guideline::of(None, 2), Guideline::ConsortUnconfirmed);
        assert!(!Guideline::ConsortUnconfirmed.reason(2).contains("were assigned at random, so"));
    }

    #[test]
    fn nested_values_are_flat() {
        let value = json!({"per_arm": 40, "power": "90 %", "none": null, "list": ["a", {"b": true}]});
        assert_eq!(flat(&value), "per arm 40; power 90 %; list a; b yes");
    }
}
