//! What is told of the laboratory values.

use std::collections::BTreeMap;

use heddle_kit::report::counted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::liver::{HysLaw, LiverPeak};
use crate::safety::compare::Comparison;

/// Subjects by what they had at baseline and by their worst value after it.
pub type Shift = BTreeMap<String, BTreeMap<String, u64>>;

/// The laboratory values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabMetrics {
    /// By the test's code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_test: BTreeMap<String, LabTest>,
    /// Hy's law, by arm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hys_law: BTreeMap<String, HysLaw>,
    /// Candidates for Hy's law, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hys_law_subjects: Vec<LiverPeak>,
    /// Which records count.
    pub records: LabRecords,
    /// Reasons by part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_computable: BTreeMap<String, String>,
}

impl LabMetrics {
    /// The codes of the tests of which nobody has a usable grade after baseline: of them no grade can be told, not even its absence.
    pub(crate) fn ungraded(&self) -> Vec<String> {
        let is_graded = |test: &LabTest| test.graded_subjects.values().any(|n| *n > 0);
        self.by_test.iter().filter(|(_, test)| !is_graded(test)).map(|(code, _)| code.clone()).collect()
    }

    /// What became of grades that cannot be, if there were any.
    pub(crate) fn impossible_grades(&self) -> Option<String> {
        let n = self.records.grades_not_used;
        (n > 0).then(|| {
            format!(
                "{} after baseline {} none of 0 to 5 and not used",
                counted(n, "recorded grade", "recorded grades"),
                if n == 1 { "is" } else { "are" }
            )
        })
    }
}

/// How the records were used. `records = outside_population + without_test + baseline + before + after + timing_unknown`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabRecords {
    /// What is baseline and what comes after it, in words.
    pub rule: String,
    /// Records of the study's subjects.
    pub records: u64,
    /// Of subjects who are not in the safety population.
    pub outside_population: u64,
    /// Without a test's code.
    pub without_test: u64,
    /// At the baseline visit.
    pub baseline: u64,
    /// At other visits before the treatment.
    pub before: u64,
    /// After baseline.
    pub after: u64,
    /// With neither a visit nor a day.
    pub timing_unknown: u64,
    /// After baseline without a value.
    pub after_without_value: u64,
    /// Exact repetitions of earlier records among all: they change nothing, because a subject counts once.
    pub repeated: u64,
    /// Grades that are none of 0 to 5: not used.
    pub grades_not_used: u64,
}

/// A test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabTest {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Subjects by arm and worst grade of the low direction after baseline.
    pub worst_grade_low: BTreeMap<String, BTreeMap<String, u64>>,
    /// Subjects by arm and worst grade of the high direction after baseline.
    pub worst_grade_high: BTreeMap<String, BTreeMap<String, u64>>,
    /// Subjects with a grade of 3 or more of either direction after baseline, by arm.
    pub grade3_4_subjects: BTreeMap<String, u64>,
    /// Subjects with any grade after baseline, by arm: of these are the shares of grade 3 and 4.
    pub graded_subjects: BTreeMap<String, u64>,
    /// Grade 3 or 4 against the reference, among graded subjects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grade3_4_vs_reference: BTreeMap<String, Comparison>,
    /// Subjects by arm who left the normal range at any time after baseline.
    pub worst_vs_normal: BTreeMap<String, WorstVsNormal>,
    /// The change from baseline by arm and visit.
    pub mean_change_by_visit: BTreeMap<String, BTreeMap<String, Change>>,
    /// The visits by their mean study day.
    pub visits: Vec<String>,
    /// By arm: subjects by grade of the low direction at baseline and worst one after it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shift_low: BTreeMap<String, Shift>,
    /// By arm: subjects by grade of the high direction at baseline and worst one after it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shift_high: BTreeMap<String, Shift>,
    /// By arm: subjects by `low`, `normal`, `high` at baseline and after it, where `low and high` had both.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shift_range: BTreeMap<String, Shift>,
    /// Reasons by figure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_computable: BTreeMap<String, String>,
}

/// How many left the normal range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorstVsNormal {
    /// Subjects with a value after baseline.
    pub subjects: u64,
    /// Those with one above the upper limit.
    pub any_above_high: u64,
    /// Those with one below the lower limit.
    pub any_below_low: u64,
}

/// A change from baseline, in the unit of the source. Of several values of a subject at a visit the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Subjects with a value at the visit and at baseline.
    pub n: u64,
    /// Mean; null without subjects.
    pub mean: Option<f64>,
    /// Standard deviation; null for fewer than two subjects.
    pub sd: Option<f64>,
    /// Student's t interval of the mean; null for fewer than two subjects.
    pub ci: Option<(f64, f64)>,
    /// Why something of this is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_computable: Option<String>,
}
