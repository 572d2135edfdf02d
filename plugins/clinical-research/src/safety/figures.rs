//! What the phase tells.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    causality::Causality,
    compare::{Comparison, Incidence},
    events::Selection,
    exposure::{Exposure, Rate},
    first::TimeToFirst,
    labs::LabMetrics,
    listing::Listing,
    signals::Disproportionality,
    tally::{Soc, Term},
};

/// Adverse events, exposure, deaths and discontinuations, by arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafetyFigures {
    /// Subjects of the safety population.
    pub n: BTreeMap<String, u64>,
    /// By kind: `any`, `serious`, `related`, `serious_related`, `severe`, `fatal`, `leading_to_discontinuation`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overview: BTreeMap<String, Term>,
    /// Years of treatment as recorded; null where no dates are known.
    pub exposure_patient_years: BTreeMap<String, Option<f64>>,
    /// Reports per 100 years of treatment as recorded; null where that is not known or not positive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events_per_100_patient_years: BTreeMap<String, Option<f64>>,
    /// By MedDRA system organ class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_soc: BTreeMap<String, Soc>,
    /// Reports by arm and severity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severity_counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// By arm but the reference and by preferred term.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disproportionality: BTreeMap<String, BTreeMap<String, Disproportionality>>,
    /// Subjects of whom it is recorded that they died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deaths: Option<BTreeMap<String, u64>>,
    /// Why subjects did not complete the study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discontinuation_reasons: Option<BTreeMap<String, BTreeMap<String, u64>>>,
}

/// Who is in the safety population.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SafetyPopulation {
    /// The flag that decides; null: every subject of an arm.
    pub flag: Option<String>,
    /// Present where the data flag nobody, and who stands in; or how many have no flag while others have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// The arms, the reference first.
    pub arms: Vec<String>,
    /// The reference.
    pub reference_arm: String,
    /// Members.
    pub n: u64,
    /// `as treated` where the data have the actual arm, else `as assigned`.
    pub by: String,
    /// Members who had another treatment than the one assigned; they count where they were treated.
    pub switched: u64,
    /// Members whose actual treatment is none of the protocol's arms; they count as assigned.
    pub actual_unknown: u64,
}

/// All figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafetyMetrics {
    /// Who counts.
    pub population: SafetyPopulation,
    /// Adverse events, exposure, deaths and discontinuations.
    pub safety: SafetyFigures,
    /// Laboratory values.
    pub labs: LabMetrics,
    /// How long the arms were treated.
    pub exposure: BTreeMap<String, Exposure>,
    /// Rates over the time of treatment, by kind and arm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, BTreeMap<String, Rate>>,
    /// Terms whose difference from the reference stands out among all terms: exploratory.
    pub flagged_terms: Vec<FlaggedTerm>,
    /// Reports, by kind, of which the source does not say whether they are of that kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_said: BTreeMap<String, u64>,
    /// Fatal reports that are not marked serious.
    pub fatal_not_serious: u64,
    /// Subjects who did not complete the study and have no reason, by arm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub discontinued_without_reason: BTreeMap<String, u64>,
    /// Subjects of whom it is not recorded whether they died.
    pub death_unknown: u64,
    /// Reasons by part.
    pub not_computable: BTreeMap<String, String>,
    /// Which methods were used.
    pub methods: Vec<String>,
    /// What a reader must bear in mind.
    pub caveats: Vec<String>,
    /// Present where the output lists less than the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<String>,
}

/// A term that stands out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlaggedTerm {
    /// The arm that differs from the reference.
    pub arm: String,
    /// `soc` or `pt`.
    pub level: String,
    /// System organ class.
    pub soc: String,
    /// Preferred term; null for a class.
    pub pt: Option<String>,
    /// Risk difference.
    pub risk_difference: Option<f64>,
    /// Fisher's p.
    pub fisher_p: Option<f64>,
    /// The same, adjusted for the number of terms of this level (Benjamini and Hochberg).
    pub fdr_p: Option<f64>,
}

/// A preferred term among the most frequent ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommonTerm {
    /// System organ class; where the term occurs under several of them, all, parted by semicolons.
    pub soc: String,
    /// Preferred term.
    pub pt: String,
    /// How many classes it occurs under. A subject with it under several of them counts once.
    #[serde(default)]
    pub classes: u64,
    /// By arm.
    pub incidence: BTreeMap<String, Incidence>,
    /// By arm but the reference. Of several classes without a p-value that is adjusted.
    #[serde(default)]
    pub vs_reference: BTreeMap<String, Comparison>,
}

impl CommonTerm {
    /// What a reader must know of a term that occurs under several classes.
    pub(crate) fn merged(&self) -> Option<String> {
        (self.classes > 1).then(|| {
            format!(
                "{} is recorded under {} classes ({}): in this list it is one term and a subject counts once; the tables by class have it under each.",
                self.pt, self.classes, self.soc
            )
        })
    }
}

/// The adverse events themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdverseEventFigures {
    /// Which reports count.
    pub selection: Selection,
    /// The most frequent preferred terms.
    pub most_frequent: Vec<CommonTerm>,
    /// Serious ones.
    pub serious: Listing,
    /// Fatal ones.
    pub fatal: Listing,
    /// Those that ended the treatment.
    pub leading_to_discontinuation: Listing,
    /// Masked ids of subjects of whom it is recorded that they died, the first ones.
    pub died: Vec<String>,
    /// When subjects had their first one, or why that is not known.
    pub time_to_first: Option<TimeToFirst>,
    /// What is known of causes.
    pub causality: Option<Causality>,
    /// Reasons by part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_computable: BTreeMap<String, String>,
}
