//! What the earlier phases left, as far as a publication tells of it.

use std::collections::BTreeMap;

use heddle_sdk::{Context, NoConfig, PhaseError};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    cohort::{COHORT_FILE, Cohorts, Statistics},
    efficacy,
    safety::{self, AdverseEventFigures, SafetyMetrics},
    study::{self, Flow, Protocol, ProtocolProblem},
    validation::QualityMetrics,
};

/// The validated study without its records: those are read over.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Head {
    format: String,
    #[serde(default)]
    pub(super) study_id: Option<String>,
    pub(super) protocol: Protocol,
    #[serde(default)]
    pub(super) problems: Vec<ProtocolProblem>,
    #[serde(default)]
    pub(super) flow: Flow,
    #[serde(default)]
    pub(super) quality_metrics: QualityMetrics,
}

/// All that a publication is made of.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) head: Head,
    pub(super) cohorts: Cohorts,
    pub(super) statistics: Statistics,
    pub(super) efficacy: Efficacy,
    pub(super) safety: SafetyMetrics,
    pub(super) events: AdverseEventFigures,
    /// PNGs by their file's name, as far as they are there.
    pub(super) pictures: BTreeMap<&'static str, Vec<u8>>,
}

/// The pictures of the earlier phases.
pub(super) const PICTURES: [&str; 5] = [
    "kaplan_meier.png",
    "forest_plot.png",
    "cohort_visualizations.png",
    "safety_profile.png",
    "data_quality_metrics.png",
];

impl Sources {
    /// # Errors
    /// A file that is not there, or is not what the phase that writes it makes.
    pub(super) fn read(ctx: &Context<'_, NoConfig>) -> Result<Self, PhaseError> {
        let head: Head = ctx.read_json(study::FILE)?;
        if head.format != study::FORMAT {
            return Err(PhaseError::Failed(format!(
                "{} is of the format {:?}, and {:?} is read: run data_validation again",
                study::FILE,
                head.format,
                study::FORMAT
            )));
        }
        // Each file is parsed once for each of its parts, because serde holds a flattened whole in memory twice.
        let cohort = ctx.read(COHORT_FILE)?;
        let (cohorts, statistics) = (part(COHORT_FILE, &cohort)?, part(COHORT_FILE, &cohort)?);
        let bytes = ctx.read(safety::SUMMARY)?;
        let metrics = part(safety::SUMMARY, &bytes)?;
        let EventsPart { adverse_events } = part(safety::SUMMARY, &bytes)?;
        let there: Vec<String> = ctx.files().into_iter().map(|entry| entry.name).collect();
        let mut pictures = BTreeMap::new();
        for name in PICTURES.into_iter().filter(|name| there.iter().any(|t| t == name)) {
            pictures.insert(name, ctx.read(name)?);
        }
        Ok(Self {
            head,
            cohorts,
            statistics,
            efficacy: ctx.read_json(efficacy::RESULTS)?,
            safety: metrics,
            events: adverse_events,
            pictures,
        })
    }
}

#[derive(Deserialize)]
struct EventsPart {
    adverse_events: AdverseEventFigures,
}

fn part<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, PhaseError> {
    serde_json::from_slice(bytes)
        .map_err(|error| PhaseError::Failed(format!("{name} cannot be read: {error}")))
}

/// `efficacy_results.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Efficacy {
    pub(super) alpha: f64,
    pub(super) confidence_level: f64,
    #[serde(deserialize_with = "lenient")]
    pub(super) populations: BTreeMap<String, PopulationOf>,
    pub(super) endpoints: Vec<EndpointResult>,
    pub(super) time_to_event: Vec<EndpointResult>,
    pub(super) primary_subgroups: Vec<Value>,
    #[serde(deserialize_with = "lenient")]
    pub(super) multiplicity: Families,
    pub(super) notes: Vec<String>,
}

/// Who is in an analysis.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PopulationOf {
    pub(super) who: String,
    pub(super) n: BTreeMap<String, u64>,
}

/// The families of hypotheses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Families {
    pub(super) statement: String,
    pub(super) gate: String,
}

/// An endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointResult {
    pub(super) id: String,
    pub(super) label: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) role: String,
    /// Why it was taken as the primary one, where the protocol names none.
    #[serde(deserialize_with = "lenient")]
    adopted: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) unit: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) direction: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) analysed: BTreeMap<String, ArmResult>,
    #[serde(deserialize_with = "lenient")]
    pub(super) comparisons: BTreeMap<String, ComparisonResult>,
    #[serde(deserialize_with = "lenient")]
    pub(super) overall_test: Option<TestResult>,
    #[serde(deserialize_with = "lenient")]
    pub(super) missing_data: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) assumptions: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    not_computable: BTreeMap<String, String>,
    /// What is particular to the endpoint's kind.
    #[serde(flatten)]
    pub(super) more: Map<String, Value>,
}

impl EndpointResult {
    /// Why nothing of it is computable.
    pub(super) fn reason(&self) -> Option<&str> {
        self.not_computable.get("result").map(String::as_str)
    }

    pub(super) fn is_primary(&self) -> bool {
        self.role == "primary"
    }

    /// Whether it is the primary endpoint only because the protocol names none.
    pub(super) fn is_adopted(&self) -> bool {
        self.adopted.is_some()
    }

    /// Its place in the hierarchy, for people.
    pub(super) fn place(&self) -> &str {
        if self.is_adopted() { "taken as primary, as the protocol names none" } else { &self.role }
    }

    /// How a sentence calls the primary outcome.
    pub(super) fn primary_name(&self) -> &'static str {
        if self.is_adopted() { "outcome taken as primary" } else { "primary outcome" }
    }

    /// Who has the outcome and is not in the adjusted analysis, because a covariate is missing.
    pub(super) fn loss(&self) -> Option<Loss> {
        let adjusted = self.more.get("cox_adjusted").or_else(|| self.more.get("ancova"))?;
        let texts = |value: &Value| match value {
            Value::String(text) => vec![text.clone()],
            other => serde_json::from_value(other.clone()).unwrap_or_default(),
        };
        let loss = if self.is_time() {
            Loss {
                analysis: "adjusted Cox model",
                covariates: texts(&adjusted["covariates"]),
                by_arm: serde_json::from_value(adjusted["left_out_by_arm"].clone()).unwrap_or_default(),
            }
        } else {
            Loss {
                analysis: "analysis of covariance",
                covariates: texts(&adjusted["covariate"]),
                by_arm: self.analysed.iter().map(|(arm, of)| (arm.clone(), of.without_covariate)).collect(),
            }
        };
        (loss.total() > 0).then_some(loss)
    }

    pub(super) fn is_exploratory(&self) -> bool {
        self.role == "exploratory"
    }

    pub(super) fn is_time(&self) -> bool {
        self.kind == "time_to_event"
    }

    /// Comparisons in the order of the arms.
    pub(super) fn compared<'s>(&'s self, arms: &'s [String]) -> impl Iterator<Item = &'s ComparisonResult> {
        arms.iter().filter_map(|arm| self.comparisons.get(arm))
    }
}

impl Efficacy {
    /// All endpoints, the primary one first, then the secondary and the exploratory ones, each in the file's order.
    pub(super) fn all(&self) -> Vec<&EndpointResult> {
        let mut all: Vec<&EndpointResult> = self.endpoints.iter().chain(&self.time_to_event).collect();
        all.sort_by_key(|e| (!e.is_primary(), e.is_exploratory()));
        all
    }

    pub(super) fn primary(&self) -> Option<&EndpointResult> {
        self.endpoints.iter().chain(&self.time_to_event).find(|e| e.is_primary())
    }

    /// The subgroups of the primary endpoint, and how the effects in them are called.
    pub(super) fn subgroups(&self) -> Vec<Value> {
        match self.primary() {
            Some(primary) if primary.is_time() => {
                primary.more.get("subgroups").and_then(Value::as_array).cloned().unwrap_or_default()
            }
            _ => self.primary_subgroups.clone(),
        }
    }
}

/// An arm in the analysis of an endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ArmResult {
    pub(super) in_population: u64,
    pub(super) analysed: u64,
    pub(super) missing: u64,
    pub(super) without_covariate: u64,
    pub(super) summary: String,
}

/// Those whom an adjusted analysis leaves out.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) analysis: &'static str,
    pub(super) covariates: Vec<String>,
    pub(super) by_arm: BTreeMap<String, u64>,
}

impl Loss {
    pub(super) fn total(&self) -> u64 {
        self.by_arm.values().sum()
    }
}

/// Which way an effect points.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Favours {
    pub(super) words: String,
}

/// An arm against the reference.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ComparisonResult {
    pub(super) arm: String,
    pub(super) reference: String,
    pub(super) n: u64,
    pub(super) n_ref: u64,
    pub(super) main: TestResult,
    pub(super) why_this_test: String,
    pub(super) direction_of_benefit: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) favours: Favours,
    /// What must be told with the estimate wherever it is told.
    #[serde(deserialize_with = "lenient")]
    pub(super) caution: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) p_holm: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) p_hochberg: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) family_size: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) conclusion: Option<String>,
    pub(super) sensitivity: Vec<TestResult>,
}

/// A test with its effect.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TestResult {
    pub(super) test: String,
    pub(super) measure: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) estimate: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) ci: Option<(f64, f64)>,
    #[serde(deserialize_with = "lenient")]
    pub(super) p: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    not_computable: BTreeMap<String, String>,
}

impl TestResult {
    /// Whether an estimate belongs to the test; to a comparison of ranks none does.
    pub(super) fn has_own_estimate(&self) -> bool {
        self.not_computable.get("estimate").is_none_or(|why| why != efficacy::NO_ESTIMATE)
    }

    /// Why a figure is not there.
    pub(super) fn reason(&self, figure: &str) -> &str {
        let found = self.not_computable.get(figure).or_else(|| self.not_computable.values().next());
        found.map_or("no reason is given", String::as_str)
    }
}

/// A value of the form that is expected, or nothing: a figure of another form (such as the text "inf") has its own words beside it.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
