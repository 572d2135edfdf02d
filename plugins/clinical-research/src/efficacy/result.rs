//! What the analysis of an endpoint finds, for JSON, plots and the report alike.

use heddle_kit::survival::KaplanMeier;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{favours::Favours, object::Said};
use crate::study::Direction;

/// An endpoint's place in the hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    Primary,
    Secondary,
    Exploratory,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Exploratory => "exploratory",
        }
    }
}

/// An estimate with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) interval: (f64, f64),
}

/// Stands where a test has no estimate that belongs to it.
pub(crate) const NO_ESTIMATE: &str = "the test compares ranks and has no estimate of its own";

/// A test with the effect that it speaks of.
#[derive(Debug, Clone)]
pub(super) struct Test {
    /// "Welch's t test".
    pub(super) name: String,
    /// "mean difference".
    pub(super) measure: String,
    pub(super) estimate: Said<Estimate>,
    /// The estimate where it has no interval.
    pub(super) point: Option<f64>,
    pub(super) p: Said<f64>,
}

impl Test {
    /// The estimate, with an interval or without.
    pub(super) fn value(&self) -> Said<f64> {
        let found = self.estimate.as_ref().map(|e| e.value).map_err(Clone::clone);
        found.or_else(|why| self.point.ok_or(why))
    }
}

/// An arm against the reference.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    /// Place in the protocol's arms.
    pub(super) arm: usize,
    /// Subjects analysed, of the arm and of the reference.
    pub(super) n: (usize, usize),
    /// The test that counts.
    pub(super) main: Test,
    /// Why it is this one.
    pub(super) why: String,
    /// Others beside it.
    pub(super) sensitivity: Vec<Test>,
    /// Whom the effect favours, in words.
    pub(super) benefit: String,
    /// The same without figures, for conclusions.
    pub(super) favours: Favours,
    /// What must be told with the estimate wherever it is told.
    pub(super) caution: Option<String>,
    /// p adjusted within the endpoint's family, and what may be concluded.
    pub(super) adjusted: Option<Adjusted>,
}

/// p-values adjusted for the family's size.
#[derive(Debug, Clone)]
pub(super) struct Adjusted {
    pub(super) holm: f64,
    pub(super) hochberg: f64,
    /// Hypotheses of the family.
    pub(super) family: usize,
    pub(super) conclusion: String,
}

/// How many of an arm are in the analysis.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) arm: String,
    pub(super) in_population: usize,
    /// In the main analysis.
    pub(super) analysed: usize,
    /// Have a value, and are not in the main analysis because its covariate is missing.
    pub(super) without_covariate: usize,
    /// Mean and SD, events and risk, or events and median.
    pub(super) summary: String,
}

impl Counted {
    /// Those without a value.
    pub(super) fn missing(&self) -> usize {
        self.in_population.saturating_sub(self.analysed + self.without_covariate)
    }
}

/// An effect in a subgroup's level or in all.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) arm: usize,
    pub(super) n: (usize, usize),
    pub(super) events: Option<(u64, u64)>,
    pub(super) estimate: Said<Estimate>,
    pub(super) p: Said<f64>,
}

/// A pre-specified subgroup variable.
#[derive(Debug, Clone)]
pub(super) struct SubgroupResult {
    pub(super) label: String,
    /// By level, then by arm compared.
    pub(super) levels: Vec<(String, Vec<Cell>)>,
    pub(super) interaction_p: Said<f64>,
    /// Analysed subjects whose level is missing.
    pub(super) without_level: usize,
    /// In the form of the results file.
    pub(super) json: Value,
}

/// The effects that a forest plot shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Forest {
    /// "Hazard ratio".
    pub(super) measure: String,
    pub(super) is_ratio: bool,
    /// In all subjects, by arm compared.
    pub(super) overall: Vec<Cell>,
    pub(super) subgroups: Vec<SubgroupResult>,
}

/// An analysed endpoint.
#[derive(Debug, Clone)]
pub(super) struct Analysed {
    pub(super) id: String,
    pub(super) label: String,
    /// `continuous`, `ordinal`, `binary` or `time_to_event`.
    pub(super) kind: &'static str,
    pub(super) role: Role,
    /// Whether it was made the primary one here, because the protocol names none.
    pub(super) is_adopted: bool,
    pub(super) unit: Option<String>,
    pub(super) direction: Option<Direction>,
    /// Why nothing of it can be computed.
    pub(super) not_computable: Option<String>,
    pub(super) counts: Vec<Counted>,
    pub(super) comparisons: Vec<Comparison>,
    /// The test of all arms at once, where there are more than two.
    pub(super) overall: Option<Test>,
    /// What missing values could change.
    pub(super) missing: Vec<String>,
    /// Checks of what the methods assume.
    pub(super) assumptions: Vec<String>,
    /// The survival curves, by arm.
    pub(super) curves: Vec<(usize, KaplanMeier)>,
    pub(super) forest: Option<Forest>,
    /// In the form of the results file, without what is added of the fields above.
    pub(super) json: Map<String, Value>,
}
