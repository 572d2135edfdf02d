//! The protocol, normalised: every field has a value, and what was wrong with it is among [`super::Study::problems`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the trial set out to do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protocol {
    /// As registered or as the sponsor calls it.
    pub study_id: Option<String>,
    /// The trial's title.
    pub title: Option<String>,
    /// The phase, in the sponsor's words: `2`, `III`.
    pub phase: Option<String>,
    /// The design in words.
    pub design: Option<String>,
    /// What is treated.
    pub indication: Option<String>,
    /// Whether subjects were assigned to arms at random: from `randomised`, else from the words of `design`, else unknown.
    pub randomised: Option<bool>,
    /// The arms in the protocol's order; where it names none, those of the data, sorted. Never empty where a subject has one.
    pub arms: Vec<String>,
    /// Which of `arms` the others are compared with. 0 where the protocol names none that is known (see the problems).
    pub reference: usize,
    /// Two-sided significance level, in 0..1.
    pub alpha: f64,
    /// Level of the confidence intervals, in 0..1.
    pub confidence_level: f64,
    /// Which flag of `populations` each analysis uses.
    pub populations: Populations,
    /// What Table 1 describes.
    pub table1: Table1,
    /// The endpoints.
    pub endpoints: Endpoints,
    /// The pre-specified subgroups.
    pub subgroups: Vec<Subgroup>,
    /// Rules of the safety analysis.
    pub ae: AeRules,
    /// Dotted paths of fields that every subject should have.
    pub required_fields: Vec<String>,
    /// Plausible values by dotted path: lowest and highest, both allowed.
    pub ranges: BTreeMap<String, [f64; 2]>,
    /// Plausible laboratory values by test.
    pub lab_ranges: BTreeMap<String, [f64; 2]>,
    /// When visits should take place.
    pub visit_windows: Vec<VisitWindow>,
    /// Pairs of date fields, the earlier one first.
    pub date_order: Vec<[String; 2]>,
    /// What else the protocol says (registration, sample size, ethics …), free of direct identifiers.
    pub other: BTreeMap<String, Value>,
}

impl Protocol {
    /// The places of the arms, the reference first, the others in the protocol's order.
    pub fn reference_first(&self) -> Vec<usize> {
        let others = (0..self.arms.len()).filter(|arm| *arm != self.reference);
        std::iter::once(self.reference).filter(|r| *r < self.arms.len()).chain(others).collect()
    }

    /// The name of the reference arm.
    pub fn reference_arm(&self) -> Option<&str> {
        self.arms.get(self.reference).map(String::as_str)
    }
}

/// Which flag (a key of a subject's `populations`) each analysis uses; None is everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Populations {
    /// Of demographics and baseline.
    pub baseline: Option<String>,
    /// Of the primary and secondary endpoints.
    pub efficacy: Option<String>,
    /// Of the times to events.
    pub time_to_event: Option<String>,
    /// Of adverse events and laboratory values.
    pub safety: Option<String>,
}

/// The analyses that have a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Analysis {
    /// Demographics and baseline.
    Baseline,
    /// Primary and secondary endpoints.
    Efficacy,
    /// Times to events.
    TimeToEvent,
    /// Adverse events and laboratory values.
    Safety,
}

impl Analysis {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Efficacy, Self::TimeToEvent, Self::Safety];

    /// As the protocol calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Efficacy => "efficacy",
            Self::TimeToEvent => "time_to_event",
            Self::Safety => "safety",
        }
    }
}

impl Populations {
    /// The flag of an analysis.
    pub fn of(&self, analysis: Analysis) -> Option<&str> {
        let flag = match analysis {
            Analysis::Baseline => &self.baseline,
            Analysis::Efficacy => &self.efficacy,
            Analysis::TimeToEvent => &self.time_to_event,
            Analysis::Safety => &self.safety,
        };
        flag.as_deref()
    }
}

/// The fields of Table 1, by dotted path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table1 {
    /// Numbers.
    pub continuous: Vec<String>,
    /// Categories.
    pub categorical: Vec<String>,
}

/// The endpoints by their place in the hierarchy. Ids are unique among all four lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    /// The one that the trial was planned for.
    pub primary: Option<Endpoint>,
    /// Pre-specified secondary ones.
    pub secondary: Vec<Endpoint>,
    /// Exploratory ones: to be marked as such.
    pub exploratory: Vec<Endpoint>,
    /// Times to events.
    pub time_to_event: Vec<TimeToEventEndpoint>,
    /// Whether the protocol's primary endpoint is the first of these; `primary` is None then.
    #[serde(default)]
    pub primary_is_time: bool,
}

/// A value for each subject: the field `endpoints.ID`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Key of a subject's `endpoints`.
    pub id: String,
    /// For people; the id where the protocol has none.
    pub label: String,
    /// What kind of value it is.
    #[serde(rename = "type")]
    pub kind: EndpointKind,
    /// Which values are good; None where the protocol does not say.
    pub direction: Option<Direction>,
    /// Dotted path of the covariate of the analysis of covariance.
    pub baseline_field: Option<String>,
    /// The unit, if the protocol names one.
    pub unit: Option<String>,
}

/// What kind of value an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// A measurement: the column is [`super::Column::Numeric`].
    Continuous,
    /// A score whose order counts: the column is [`super::Column::Numeric`].
    Ordinal,
    /// Yes or no: the column is [`super::Column::Boolean`].
    Binary,
}

/// Which values are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Low values, or `false`.
    LowerIsBetter,
    /// High values, or `true`.
    HigherIsBetter,
}

/// A time to an event: the field `events.ID` of the subjects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeToEventEndpoint {
    /// Key of a subject's `events`.
    pub id: String,
    /// For people; the id where the protocol has none.
    pub label: String,
    /// Unit of the times: `days`.
    pub unit: Option<String>,
    /// Times at which survival is told, ascending.
    pub times: Vec<f64>,
    /// Horizon of the restricted mean.
    pub rmst_tau: Option<f64>,
    /// Dotted paths of the covariates of the adjusted model.
    pub covariates: Vec<String>,
    /// Whether a longer time (`higher_is_better`) or a shorter one is good; None where the protocol does not say.
    pub direction: Option<Direction>,
}

/// A pre-specified subgroup variable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subgroup {
    /// Unique among the subgroups.
    pub id: String,
    /// For people; the id where the protocol has none.
    pub label: String,
    /// Dotted path of the field.
    pub field: String,
    /// Ascending cuts c1 < … < cn of a number into `<c1`, `c1-<c2`, …, `>=cn`. Empty: the field's categories.
    pub cut_points: Vec<f64>,
}

impl Subgroup {
    /// The names of the classes that the cut points make; empty without cut points.
    pub fn classes(&self) -> Vec<String> {
        let (Some(first), Some(last)) = (self.cut_points.first(), self.cut_points.last()) else {
            return Vec::new();
        };
        let mut names = vec![format!("<{first}")];
        names.extend(
            self.cut_points.iter().zip(self.cut_points.iter().skip(1)).map(|(a, b)| format!("{a}-<{b}")),
        );
        names.push(format!(">={last}"));
        names
    }

    /// The place of a number's class.
    pub fn class(&self, value: f64) -> usize {
        self.cut_points.partition_point(|cut| *cut <= value)
    }
}

/// Rules of the safety analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AeRules {
    /// Which adverse events count.
    pub analysis_set: AnalysisSet,
    /// A signal of disproportionality has a PRR of at least this …
    pub prr_min: f64,
    /// … a chi-squared (Yates) of at least this …
    pub chi2_min: f64,
    /// … and at least so many reports.
    pub min_reports: u64,
}

impl Default for AeRules {
    /// The criteria of Evans, Waller and Davis (2001): PRR ≥ 2, χ² ≥ 4, three reports.
    fn default() -> Self {
        Self { analysis_set: AnalysisSet::All, prr_min: 2.0, chi2_min: 4.0, min_reports: 3 }
    }
}

/// Which adverse events count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisSet {
    /// All.
    #[default]
    All,
    /// Those with `treatment_emergent` true.
    TreatmentEmergent,
}

/// When a visit should take place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VisitWindow {
    /// The visit's name.
    pub visit: String,
    /// The planned study day.
    pub target_day: Option<f64>,
    /// The first study day allowed.
    pub low: f64,
    /// The last study day allowed.
    pub high: f64,
}
