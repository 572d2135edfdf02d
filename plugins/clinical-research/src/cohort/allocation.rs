//! How subjects came into their arms: what says that it was at random, and whether the counts fit the plan.

use std::collections::BTreeMap;

use heddle_kit::stats::{Computed, NotComputable, chi_squared_upper};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    categorical::choose,
    figure::{ChosenTest, Figure},
    groups::Groups,
};
use crate::study::{Coded, Protocol};

/// Where a protocol may state its ratio.
const RATIO_KEYS: [&str; 6] = [
    "allocation_ratio",
    "randomisation_ratio",
    "randomization_ratio",
    "randomisation",
    "randomization",
    "allocation",
];
/// The most sites whose counts are listed.
const MOST_SITES: usize = 200;

/// What is known of the allocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Randomisation {
    /// Whether subjects were assigned at random; null: the protocol does not say (see `evidence`).
    pub randomised: Option<bool>,
    /// What says so.
    pub evidence: String,
    /// How this is dealt with.
    pub consequence: String,
    /// Counts against the plan.
    pub allocation: Allocation,
    /// Counts by site.
    pub sites: Sites,
    /// What the protocol says of stratification, word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratification: Option<String>,
}

/// Subjects by arm against the planned ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// Subjects assigned to each arm, whether they are in the population or not.
    pub assigned: BTreeMap<String, u64>,
    /// The planned ratio by arm.
    pub ratio: BTreeMap<String, f64>,
    /// Where the ratio is from.
    pub ratio_from: String,
    /// Subjects of each arm that the ratio would give.
    pub expected: BTreeMap<String, Figure>,
    /// Whether the counts fit the ratio.
    pub test: ChosenTest,
}

/// Subjects by site and arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sites {
    /// Sites with subjects.
    pub n: usize,
    /// Assigned subjects without a site.
    pub missing: u64,
    /// Counts by (masked) site and arm, at most 200 sites.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Sites with subjects of one arm only.
    pub one_arm_only: usize,
    /// Whether allocation differs by site.
    pub test: ChosenTest,
}

/// What data and protocol say of the allocation.
pub(crate) fn randomisation(groups: &Groups<'_>) -> Randomisation {
    let protocol = &groups.study.protocol;
    let evidence = match (&protocol.randomised, &protocol.design) {
        (Some(_), Some(design)) if design.to_lowercase().contains("random") => {
            format!("The protocol's design reads: {design:?}.")
        }
        (Some(said), _) => format!(
            "The protocol says that subjects were {}assigned to arms at random.",
            if *said { "" } else { "not " }
        ),
        (None, Some(design)) => {
            format!(
                "The protocol's design does not say whether subjects were assigned at random: {design:?}."
            )
        }
        (None, None) => {
            "The protocol says neither its design nor whether subjects were assigned at random.".to_owned()
        }
    };
    let consequence = match protocol.randomised {
        Some(true) => {
            "Differences at baseline are due to chance, and p-values of baseline comparisons test chance only; they are given for \
             the record. Standardised differences show which covariates deserve adjustment. No propensity scores are used."
        }
        Some(false) => {
            "Arms may differ for reasons that also bear on the outcome. Standardised differences show how far, and propensity \
             scores make arms comparable in what was measured."
        }
        None => {
            "Not stated is treated as unknown: arms are described as in a randomised trial, and propensity scores are estimated \
             as in one that is not. Someone who knows the trial has to say which of the two holds."
        }
    };
    Randomisation {
        randomised: protocol.randomised,
        evidence,
        consequence: consequence.to_owned(),
        allocation: allocation(groups),
        sites: sites(groups),
        stratification: protocol
            .other
            .iter()
            .find(|(key, value)| key.to_lowercase().contains("stratif") && !value.is_null())
            .map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
    }
}

/// Assigned subjects by arm, in the protocol's order.
fn assigned(groups: &Groups<'_>) -> Vec<u64> {
    let mut counts = vec![0; groups.names.len()];
    for arm in groups.study.subjects.arm.iter().flatten() {
        if let Some(count) = counts.get_mut(*arm as usize) {
            *count += 1;
        }
    }
    counts
}

fn allocation(groups: &Groups<'_>) -> Allocation {
    let counts = assigned(groups);
    let (ratio, ratio_from, planned) = match planned_ratio(&groups.study.protocol) {
        Some((ratio, from)) => (ratio, from, true),
        None => (vec![1.0; counts.len()], "no ratio is stated: equal shares are assumed".to_owned(), false),
    };
    let total = counts.iter().sum::<u64>() as f64;
    let sum: f64 = ratio.iter().sum();
    let expected: Vec<f64> = ratio.iter().map(|r| total * r / sum).collect();
    let of = |values: &[f64], arm: usize| values.get(arm).copied().unwrap_or(0.0);
    let test = if groups.study.protocol.randomised == Some(false) && !planned {
        ChosenTest {
            name: "none".to_owned(),
            p: Figure::missing("subjects were not assigned by a ratio"),
            why: "not randomised, no ratio stated".to_owned(),
        }
    } else {
        ratio_test(&counts, &expected)
    };
    Allocation {
        assigned: groups.by_arm(|arm| counts.get(arm).copied().unwrap_or(0)),
        ratio: groups.by_arm(|arm| of(&ratio, arm)),
        ratio_from,
        expected: groups.by_arm(|arm| of(&expected, arm).into()),
        test,
    }
}

/// Two arms: the exact binomial test. More: Pearson's goodness of fit.
fn ratio_test(counts: &[u64], expected: &[f64]) -> ChosenTest {
    let total: u64 = counts.iter().sum();
    let test = |name: &str, p: Computed<f64>, why: &str| ChosenTest {
        name: name.to_owned(),
        p: p.into(),
        why: why.to_owned(),
    };
    match (counts, expected) {
        _ if total == 0 => test(
            "none",
            Err(NotComputable::TooFew { needed: 1, found: 0 }),
            "no subject is assigned to an arm",
        ),
        ([count, _], [share, _]) => test(
            "exact binomial test",
            Ok(binomial_two_sided(*count, total, share / total as f64)),
            "two arms",
        ),
        ([] | [_], _) => test("none", Err(NotComputable::BadGroups), "fewer than two arms"),
        _ => {
            let statistic: f64 = counts.iter().zip(expected).map(|(n, e)| (*n as f64 - e).powi(2) / e).sum();
            let p = chi_squared_upper(statistic, counts.len() as f64 - 1.0);
            test("χ² test of goodness of fit", p, "more than two arms")
        }
    }
}

/// The probability of all counts that are no likelier than the observed one, by ratios of neighbours from the mode outwards.
fn binomial_two_sided(count: u64, n: u64, share: f64) -> f64 {
    let mode = (((n as f64 + 1.0) * share) as u64).min(n);
    // P(k + 1) / P(k).
    let up = |k: u64| (n - k) as f64 / (k + 1) as f64 * (share / (1.0 - share));
    let mut weights = vec![(mode, 1.0)];
    let mut weight = 1.0;
    for k in mode..n {
        weight *= up(k);
        weights.push((k + 1, weight));
    }
    weight = 1.0;
    for k in (0..mode).rev() {
        weight /= up(k);
        weights.push((k, weight));
    }
    let observed = weights.iter().find(|(k, _)| *k == count).map_or(0.0, |w| w.1) * (1.0 + 1e-7);
    // From the smallest weight up, as rounding then loses least.
    weights.sort_by(|a, b| a.1.total_cmp(&b.1));
    let sum = |limit: f64| weights.iter().map(|w| w.1).filter(|w| *w <= limit).sum::<f64>();
    (sum(observed) / sum(f64::INFINITY)).min(1.0)
}

/// The planned ratio in the order of the arms, and where it stands.
fn planned_ratio(protocol: &Protocol) -> Option<(Vec<f64>, String)> {
    let stated = RATIO_KEYS.iter().find_map(|key| {
        let ratio = ratio_of(protocol.other.get(*key)?, &protocol.arms)?;
        Some((ratio, format!("the protocol's {key}, read in the order of its arms")))
    });
    stated.or_else(|| {
        let ratio = ratio_in(protocol.design.as_deref()?, protocol.arms.len())?;
        Some((ratio, "the protocol's design, read in the order of its arms".to_owned()))
    })
}

fn ratio_of(value: &Value, arms: &[String]) -> Option<Vec<f64>> {
    let ratio: Vec<f64> = match value {
        Value::String(text) => ratio_in(text, arms.len())?,
        Value::Array(parts) => parts.iter().map(Value::as_f64).collect::<Option<_>>()?,
        Value::Object(parts) => match parts.get("ratio") {
            Some(ratio) => return ratio_of(ratio, arms),
            None => arms.iter().map(|arm| parts.get(arm)?.as_f64()).collect::<Option<_>>()?,
        },
        _ => return None,
    };
    (ratio.len() == arms.len() && ratio.iter().all(|r| r.is_finite() && *r > 0.0)).then_some(ratio)
}

/// `2:1` or `1:1:1` among words, with as many parts as there are arms.
fn ratio_in(text: &str, arms: usize) -> Option<Vec<f64>> {
    text.split(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.')))
        .filter(|word| word.contains(':'))
        .filter_map(|word| {
            let parts = word.trim_matches(['.', ':']).split(':').map(|part| part.parse::<f64>().ok());
            parts.collect::<Option<Vec<f64>>>()
        })
        .find(|ratio| ratio.len() == arms && ratio.iter().all(|r| *r > 0.0 && r.is_finite()))
}

fn sites(groups: &Groups<'_>) -> Sites {
    let subjects = &groups.study.subjects;
    let none = |n: usize, missing: u64, reason: &str| Sites {
        n,
        missing,
        counts: BTreeMap::new(),
        one_arm_only: 0,
        test: ChosenTest { name: "none".to_owned(), p: Figure::missing(reason), why: reason.to_owned() },
    };
    let Some(column) = subjects.field("site") else {
        let assigned: u64 = assigned(groups).iter().sum();
        return none(0, assigned, "no subject has a site");
    };
    let coded = column.categories();
    let mut counts = vec![vec![0_u64; coded.levels.len()]; groups.names.len()];
    let mut missing = 0;
    for (row, arm) in subjects.arm.iter().enumerate() {
        let Some(of_arm) = arm.and_then(|arm| counts.get_mut(arm as usize)) else { continue };
        let site = coded.codes.get(row).copied().flatten();
        match site.and_then(|site| of_arm.get_mut(site as usize)) {
            Some(count) => *count += 1,
            None => missing += 1,
        }
    }
    let by_site = |site: usize| counts.iter().filter_map(move |c| c.get(site)).filter(|n| **n > 0).count();
    let used: Vec<usize> = (0..coded.levels.len()).filter(|site| by_site(*site) > 0).collect();
    if used.len() < 2 {
        return none(used.len(), missing, "fewer than two sites have subjects");
    }
    Sites {
        n: used.len(),
        missing,
        counts: site_counts(groups, &coded, &counts, &used),
        one_arm_only: used.iter().filter(|site| by_site(**site) == 1).count(),
        test: choose(&counts).0,
    }
}

fn site_counts(
    groups: &Groups<'_>,
    coded: &Coded,
    counts: &[Vec<u64>],
    used: &[usize],
) -> BTreeMap<String, BTreeMap<String, u64>> {
    let of =
        |site: usize| groups.by_arm(|arm| counts.get(arm).and_then(|c| c.get(site)).copied().unwrap_or(0));
    let name = |site: usize| coded.levels.get(site).cloned();
    used.iter().take(MOST_SITES).filter_map(|site| Some((name(*site)?, of(*site)))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_sided_binomial_by_hand() {
        // 8 of 10 at one half: (1 + 10 + 45) / 1024 on each side.
        assert!((binomial_two_sided(8, 10, 0.5) - 112.0 / 1024.0).abs() < 1e-12);
        // 0 of 3 at one quarter: (27 + 1) / 64 no likelier than 27/64 … P(1) = 27/64 too: all of 0, 1, 3, and P(2) = 9/64.
        assert!((binomial_two_sided(0, 3, 0.25) - 1.0).abs() < 1e-12);
        assert!((binomial_two_sided(3, 3, 0.25) - 1.0 / 64.0).abs() < 1e-12);
        assert!(binomial_two_sided(50_000, 100_000, 0.5) > 0.99);
        assert!(binomial_two_sided(0, 100_000, 0.5) < 1e-12);
    }

    #[test]
    fn ratios_are_found_where_they_are_stated() {
        let arms = ["Placebo".to_owned(), "Drug".to_owned()];
        assert_eq!(ratio_of(&json!("2:1"), &arms), Some(vec![2.0, 1.0]));
        assert_eq!(ratio_of(&json!([1, 3]), &arms), Some(vec![1.0, 3.0]));
        assert_eq!(ratio_of(&json!({"Drug": 2, "Placebo": 1}), &arms), Some(vec![1.0, 2.0]));
        assert_eq!(ratio_of(&json!({"ratio": "1:1", "blocks": 4}), &arms), Some(vec![1.0, 1.0]));
        for bad in [json!("1:1:1"), json!([0, 1]), json!(3), json!({"Drug": 2})] {
            assert_eq!(ratio_of(&bad, &arms), None, "{bad}");
        }
        assert_eq!(ratio_in("randomised 1:2, from 10:30 on 2020", 2), Some(vec![1.0, 2.0]));
        assert_eq!(ratio_in("parallel-group", 2), None);
    }
}
