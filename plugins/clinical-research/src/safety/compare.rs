//! How many of an arm had an event, and the comparison of two arms.

use std::collections::BTreeMap;

use heddle_kit::stats::{Proportion, benjamini_hochberg, fisher_exact, risk_difference, risk_ratio};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many of an arm had an event, and how often.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incidence {
    /// Subjects with at least one.
    pub subjects: u64,
    /// Reports.
    pub events: u64,
    /// Subjects in per cent of the arm; null in an arm without subjects.
    pub pct: Option<f64>,
}

impl Incidence {
    /// Of an arm of `n` subjects.
    pub(crate) fn of(subjects: u64, events: u64, n: u64) -> Self {
        let pct = (n > 0).then(|| 100.0 * subjects as f64 / n as f64);
        Self { subjects, events, pct }
    }
}

/// An arm's risk against the reference's. A figure that is null has its reason in `not_computable`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Risk less the reference's, −1 to 1.
    pub risk_difference: Option<f64>,
    /// Its Wald interval.
    pub rd_ci_wald: Option<(f64, f64)>,
    /// Its interval after Newcombe (1998), method 10.
    pub rd_ci_newcombe: Option<(f64, f64)>,
    /// 1 / risk difference: positive is the number needed to harm, negative the number needed to benefit.
    pub number_needed: Option<f64>,
    /// The reciprocals of Newcombe's bounds, where both have one sign (Altman 1998, BMJ 317).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_needed_ci: Option<(f64, f64)>,
    /// Risk over the reference's.
    pub risk_ratio: Option<f64>,
    /// Its log-normal interval (Katz et al. 1978).
    pub rr_ci: Option<(f64, f64)>,
    /// What was added to all four cells for the ratio: 0.5 where one of them is zero.
    pub zero_cell_correction: Option<f64>,
    /// Fisher's exact test, two-sided.
    pub fisher_p: Option<f64>,
    /// The same after Benjamini and Hochberg among all terms of this level and arm: an exploratory flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fdr_p: Option<f64>,
    /// What a reader must know of these figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Reasons by figure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_computable: BTreeMap<String, String>,
}

/// Compare `events` of `n` subjects with the reference's.
pub(crate) fn compare(events: u64, n: u64, reference: (u64, u64), level: f64) -> Comparison {
    let (group, other) = (Proportion { events, n }, Proportion { events: reference.0, n: reference.1 });
    let mut result = Comparison::default();
    if n == 0 || reference.1 == 0 {
        let reason =
            if n == 0 { "the arm has no subjects here" } else { "the reference arm has no subjects here" };
        result.not_computable.insert("all".to_owned(), format!("not computable: {reason}"));
        return result;
    }
    match risk_difference(group, other, level) {
        Ok(difference) => {
            result.risk_difference = Some(difference.value);
            result.rd_ci_wald = Some(difference.wald);
            result.rd_ci_newcombe = Some(difference.newcombe);
            match difference.number_needed {
                Ok(needed) => result.number_needed = Some(needed),
                Err(reason) => result.reason("number_needed", &reason),
            }
            let (low, high) = difference.newcombe;
            if low * high > 0.0 {
                result.number_needed_ci = Some((1.0 / high, 1.0 / low));
            }
        }
        Err(reason) => result.reason("risk_difference", &reason),
    }
    match risk_ratio(group, other, level) {
        Ok(ratio) => {
            result.risk_ratio = Some(ratio.value);
            result.rr_ci = Some(ratio.interval);
            result.zero_cell_correction = Some(ratio.correction);
        }
        Err(reason) => result.reason("risk_ratio", &reason),
    }
    result.fisher_p = fisher_exact(
        (events, n.saturating_sub(events)),
        (reference.0, reference.1.saturating_sub(reference.0)),
    );
    if result.fisher_p.is_none() {
        result.not_computable.insert("fisher_p".to_owned(), "not computable: an arm is empty".to_owned());
    }
    result.note = match (events, reference.0) {
        (0, 0) => Some("no events in either arm: the ratio comes from the correction of zero cells alone and says nothing"),
        (a, b) if a == n && b == reference.1 => {
            Some("everybody had the event in both arms: the ratio comes from the correction of zero cells alone and says nothing")
        }
        (0, _) | (_, 0) => Some("no events in one of the arms: the ratio depends on the correction of zero cells"),
        _ => None,
    }
    .map(str::to_owned);
    result
}

impl Comparison {
    fn reason(&mut self, figure: &str, reason: &impl std::fmt::Display) {
        self.not_computable.insert(figure.to_owned(), format!("not computable: {reason}"));
    }
}

/// Set the p-values that are adjusted for their number among these comparisons.
pub(crate) fn adjust<'c>(comparisons: impl Iterator<Item = &'c mut Comparison>) {
    let tested: Vec<&mut Comparison> = comparisons.filter(|c| c.fisher_p.is_some()).collect();
    let p: Vec<f64> = tested.iter().filter_map(|c| c.fisher_p).collect();
    for (comparison, adjusted) in tested.into_iter().zip(benjamini_hochberg(&p)) {
        comparison.fdr_p = Some(adjusted);
    }
}

/// Whether a comparison, adjusted for the number of terms, is below the level: a flag for a closer look, not a finding.
pub(crate) fn flagged(comparison: &Comparison, alpha: f64) -> bool {
    comparison.fdr_p.is_some_and(|p| p < alpha)
}
