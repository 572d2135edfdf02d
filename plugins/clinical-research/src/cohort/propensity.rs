//! Propensity-score matching and weighting of arms that were not randomised.

use std::collections::BTreeMap;

use heddle_kit::{
    model::{Matching, match_nearest, propensity_logits},
    stats::{Computed, NotComputable, Sample, categorical_difference, mann_whitney, standardised_difference},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    balance::SMALL,
    covariates::{Covariates, Field, covariates},
    figure::{Entry, Figure},
    groups::Groups,
    table1::Table1,
};

/// In standard deviations of the logit (Austin 2011, "Optimal caliper widths for propensity-score matching", Pharmaceutical
/// Statistics 10).
const CALIPER: f64 = 0.2;

/// What was done about arms that may differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Propensity {
    /// Whether scores were estimated.
    pub performed: bool,
    /// Why, or why not.
    pub reason: String,
    /// How, in words.
    pub method: String,
    /// Each arm against the reference.
    pub by_arm: BTreeMap<String, Entry<Matched>>,
}

/// An arm matched with the reference arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matched {
    /// Members of both arms.
    pub members: usize,
    /// Those that lack a covariate and are in neither model nor matching.
    pub incomplete: usize,
    /// Complete members of the arm.
    pub n_arm: usize,
    /// Complete members of the reference arm.
    pub n_reference: usize,
    /// The model's columns.
    pub columns: Vec<String>,
    /// What was left out or merged.
    pub notes: Vec<String>,
    /// The probability that a random member of the arm has a higher score than one of the reference arm: 0.5 is alike.
    pub c_statistic: Figure,
    /// The range of the scores (probabilities) that both arms share; absent where they share none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_support: Option<(f64, f64)>,
    /// Complete members of both arms within it.
    pub in_common_support: usize,
    /// Pairs.
    pub pairs: usize,
    /// Members of the arm without a partner.
    pub unmatched_arm: usize,
    /// Members of the reference arm without a partner.
    pub unmatched_reference: usize,
    /// In log-odds.
    pub caliper: f64,
    /// Standardised differences by variable.
    pub balance: Vec<CovariateBalance>,
    /// The largest absolute difference before matching.
    pub largest_before: Figure,
    /// The same among the pairs.
    pub largest_after: Figure,
    /// Whether all differences among the pairs are at most 0.1, in words.
    pub verdict: String,
    /// Effective sample size under inverse-probability weights, (Σw)² / Σw², of the arm.
    pub effective_n_arm: Figure,
    /// The same of the reference arm.
    pub effective_n_reference: Figure,
    /// The pairs as (member of the arm, member of the reference arm), by masked id.
    pub matched_ids: Vec<(String, String)>,
}

/// A variable before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CovariateBalance {
    /// Its name for people.
    pub label: String,
    /// Over all complete members; without a sign for categorical variables.
    pub before: Figure,
    /// Over the pairs.
    pub after: Figure,
}

/// Matches each arm with the reference, unless the protocol says that arms were randomised.
pub(crate) fn propensity(groups: &Groups<'_>, table: &Table1) -> Propensity {
    let skipped = |reason: &str| Propensity {
        performed: false,
        reason: reason.to_owned(),
        method: String::new(),
        by_arm: BTreeMap::new(),
    };
    let reason = match groups.study.protocol.randomised {
        Some(true) => {
            return skipped(
                "The arms were randomised: they are comparable by design, and matching would discard subjects for nothing.",
            );
        }
        Some(false) => "The arms were not randomised.",
        None => "The protocol does not say whether the arms were randomised.",
    };
    if groups.names.len() < 2 {
        return skipped("There are fewer than two arms.");
    }
    Propensity {
        performed: true,
        reason: reason.to_owned(),
        method: format!(
            "Logistic regression of the arm on the variables of Table 1 among complete cases; 1:1 greedy nearest-neighbour matching \
             on the logit without replacement, within {CALIPER} standard deviations of the logit (Austin 2011), the arm's members \
             choosing from the highest score down. Weights are the inverse probabilities of the arm that was given."
        ),
        by_arm: groups.by_other(|arm| match matched(groups, table, arm) {
            Ok(found) => Entry::Described(Box::new(found)),
            Err(not_computable) => Entry::Missing { not_computable },
        }),
    }
}

fn matched(groups: &Groups<'_>, table: &Table1, arm: usize) -> Result<Matched, String> {
    let members = |arm: usize| groups.rows.get(arm).map_or(&[][..], Vec::as_slice);
    let mut rows = [members(arm), members(groups.reference)].concat();
    // By masked id, so that ties between equal scores do not depend on the order of the arms.
    rows.sort_unstable();
    let arms = &groups.study.subjects.arm;
    let in_arm = |row: u32| arms.get(row as usize).copied().flatten() == u32::try_from(arm).ok();
    let found = covariates(groups, table, &rows, &|row| usize::from(in_arm(row)), 2);
    let treated: Vec<bool> = found.rows.iter().map(|row| in_arm(*row)).collect();
    let n_arm = treated.iter().filter(|t| **t).count();
    let n_reference = treated.len() - n_arm;
    if n_arm < 2 || n_reference < 2 {
        return Err(format!(
            "not computable: of the complete cases {n_arm} are in the arm and {n_reference} in the reference arm, and at least 2 of \
             each are needed"
        ));
    }
    if found.columns.is_empty() {
        return Err("not computable: Table 1 has no covariate that varies".to_owned());
    }
    let said = |reason: NotComputable| match reason {
        NotComputable::Separation { column } => format!(
            "not computable: {} separates the arms, which therefore have no overlap to match in",
            found.columns.get(column).map_or("a covariate", |(name, _)| name)
        ),
        other => format!("not computable: {other}"),
    };
    let logits = propensity_logits(&found.slices(), &treated).map_err(said)?;
    let matching = match_nearest(&logits, &treated, CALIPER).map_err(said)?;
    Ok(report(groups, found, &treated, &logits, &matching))
}

fn report(
    groups: &Groups<'_>,
    found: Covariates,
    treated: &[bool],
    logits: &[f64],
    matching: &Matching,
) -> Matched {
    let side = |which: bool| -> Vec<usize> {
        (0..treated.len()).filter(|i| treated.get(*i) == Some(&which)).collect()
    };
    let (ours, theirs) = (side(true), side(false));
    let (our_pairs, their_pairs): (Vec<usize>, Vec<usize>) = matching.pairs.iter().copied().unzip();
    let balance: Vec<CovariateBalance> = found
        .fields
        .iter()
        .map(|(label, field)| CovariateBalance {
            label: label.clone(),
            before: difference(field, &ours, &theirs).into(),
            after: difference(field, &our_pairs, &their_pairs).into(),
        })
        .collect();
    let largest = |of: &dyn Fn(&CovariateBalance) -> Option<f64>| {
        let largest = balance.iter().filter_map(of).map(f64::abs).max_by(f64::total_cmp);
        largest.map_or_else(|| Figure::missing("no difference could be computed"), Figure::from)
    };
    let largest_after = largest(&|b| b.after.value());
    let verdict = match largest_after.value() {
        None => "It cannot be said whether the pairs are alike.".to_owned(),
        Some(size) if size <= SMALL => {
            format!("All standardised differences among the pairs are at most 0.1 (largest {size:.3}).")
        }
        Some(size) => format!(
            "The pairs still differ by more than 0.1 in at least one variable (largest {size:.3}): adjust for it, or do not rely \
             on the matching."
        ),
    };
    let (low, high) = support(logits, &ours, &theirs);
    let within = logits.iter().filter(|l| **l >= low && **l <= high).count();
    let id = |place: &usize| {
        let row = found.rows.get(*place).copied().unwrap_or_default();
        groups.study.subjects.id.get(row as usize).cloned().unwrap_or_default()
    };
    Matched {
        members: found.given,
        incomplete: found.incomplete(),
        n_arm: ours.len(),
        n_reference: theirs.len(),
        c_statistic: c_statistic(logits, &ours, &theirs).into(),
        common_support: (low <= high).then(|| (probability(low), probability(high))),
        in_common_support: within,
        pairs: matching.pairs.len(),
        unmatched_arm: matching.unmatched.len(),
        unmatched_reference: theirs.len() - matching.pairs.len(),
        caliper: matching.caliper,
        largest_before: largest(&|b| b.before.value()),
        largest_after,
        verdict,
        effective_n_arm: effective(logits, &ours, |p| 1.0 / p).into(),
        effective_n_reference: effective(logits, &theirs, |p| 1.0 / (1.0 - p)).into(),
        matched_ids: matching.pairs.iter().map(|(a, b)| (id(a), id(b))).collect(),
        balance,
        columns: found.columns.into_iter().map(|(name, _)| name).collect(),
        notes: found.notes,
    }
}

/// The standardised difference of a field between subjects at these places.
fn difference(field: &Field, ours: &[usize], theirs: &[usize]) -> Computed<f64> {
    match field {
        Field::Continuous(values) => {
            let of = |places: &[usize]| {
                Sample::new(places.iter().filter_map(|at| values.get(*at).copied()).collect())
            };
            standardised_difference(&of(ours)?, &of(theirs)?)
        }
        Field::Categorical(codes, width) => {
            let of = |places: &[usize]| {
                let mut counts = vec![0_u64; *width];
                for code in places.iter().filter_map(|at| codes.get(*at)) {
                    if let Some(count) = counts.get_mut(*code) {
                        *count += 1;
                    }
                }
                counts
            };
            categorical_difference(&of(ours), &of(theirs))
        }
    }
}

fn at<'v>(values: &'v [f64], places: &'v [usize]) -> impl Iterator<Item = f64> + 'v {
    places.iter().filter_map(|place| values.get(*place).copied())
}

fn c_statistic(logits: &[f64], ours: &[usize], theirs: &[usize]) -> Computed<f64> {
    let (a, b) = (Sample::new(at(logits, ours).collect())?, Sample::new(at(logits, theirs).collect())?);
    mann_whitney(&a, &b).map(|t| (t.cliffs_delta + 1.0) / 2.0)
}

/// From the larger of the smallest to the smaller of the largest logits.
fn support(logits: &[f64], ours: &[usize], theirs: &[usize]) -> (f64, f64) {
    let range = |places: &[usize]| {
        at(logits, places).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), l| (a.min(l), b.max(l)))
    };
    let (a, b) = (range(ours), range(theirs));
    (a.0.max(b.0), a.1.min(b.1))
}

fn probability(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Kish's effective sample size (Σw)² / Σw² (Kish 1965, "Survey Sampling").
fn effective(logits: &[f64], places: &[usize], weight: impl Fn(f64) -> f64) -> Computed<f64> {
    let (sum, squares) = at(logits, places)
        .map(|l| weight(probability(l)))
        .fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    let n = sum * sum / squares;
    if n.is_finite() { Ok(n) } else { Err(NotComputable::TooLarge) }
}
