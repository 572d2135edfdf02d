//! A categorical variable by arm: counts, shares, differences.

use std::collections::{BTreeMap, BTreeSet};

use heddle_kit::stats::{categorical_difference, chi_squared, fisher_exact};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    exact_table::{ExactP, exact_test},
    figure::{ChosenTest, Figure},
    groups::Groups,
};
use crate::study::Coded;

/// The most categories that are told apart; the rarest of more are counted together.
const MOST_LEVELS: usize = 100;
/// Below this expected count the χ² approximation is doubtful (Cochran 1954).
const LEAST_EXPECTED: f64 = 5.0;

/// A categorical variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Categorical {
    /// Its name for people.
    pub label: String,
    /// The categories that occur, in order.
    pub levels: Vec<String>,
    /// Members of the population without a value.
    pub missing: usize,
    /// The same by arm.
    pub missing_by_arm: BTreeMap<String, usize>,
    /// By category and arm.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// By category, all arms together.
    pub counts_overall: BTreeMap<String, u64>,
    /// Per cent of the arm's members with a value, by category and arm.
    pub pct: BTreeMap<String, BTreeMap<String, Figure>>,
    /// The same of all arms together.
    pub pct_overall: BTreeMap<String, Figure>,
    /// Pearson's statistic without continuity correction.
    pub chi2: Figure,
    /// Its degrees of freedom.
    pub chi2_df: Figure,
    /// Its p-value.
    pub chi2_p: Figure,
    /// The smallest expected count.
    pub min_expected: Figure,
    /// The exact test given the margins: Fisher's of 2 × 2 tables, Freeman and Halton's of larger ones. Computed for every 2 × 2
    /// table, for larger ones where the χ² approximation is doubtful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fisher_p: Option<Figure>,
    /// The test for Table 1.
    pub test: ChosenTest,
    /// Standardised difference of each arm to the reference after Yang and Dalton; it has no sign.
    pub smd_vs_reference: BTreeMap<String, Figure>,
    /// The same with the missing values as a category of their own.
    pub smd_missing_as_level: BTreeMap<String, Figure>,
}

/// Counts of a variable over the members of the population.
struct Counts {
    levels: Vec<String>,
    /// By arm, then by level.
    by_arm: Vec<Vec<u64>>,
    missing: Vec<u64>,
}

fn count(groups: &Groups<'_>, coded: &Coded) -> Counts {
    let width = coded.levels.len();
    let mut missing = vec![0; groups.rows.len()];
    let mut by_arm = vec![vec![0_u64; width]; groups.rows.len()];
    for ((rows, counts), missing) in groups.rows.iter().zip(&mut by_arm).zip(&mut missing) {
        for row in rows {
            let code = coded.codes.get(*row as usize).copied().flatten();
            match code.and_then(|code| counts.get_mut(code as usize)) {
                Some(count) => *count += 1,
                None => *missing += 1,
            }
        }
    }
    let total = |level: usize| by_arm.iter().filter_map(|counts| counts.get(level)).sum::<u64>();
    let mut used: Vec<(usize, u64)> = (0..width).map(|l| (l, total(l))).filter(|(_, n)| *n > 0).collect();
    let mut rest = BTreeSet::new();
    if used.len() > MOST_LEVELS {
        // The sort is stable: of equally rare ones the first stay.
        used.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        rest.extend(used.drain(MOST_LEVELS - 1..).map(|(level, _)| level));
        used.sort_unstable();
    }
    let mut levels: Vec<String> =
        used.iter().filter_map(|(level, _)| coded.levels.get(*level).cloned()).collect();
    if !rest.is_empty() {
        levels.push(format!("({} rarer categories together)", rest.len()));
    }
    let gather = |counts: &Vec<u64>| {
        let pick = |level: &usize| counts.get(*level).copied().unwrap_or(0);
        let mut kept: Vec<u64> = used.iter().map(|(level, _)| pick(level)).collect();
        if !rest.is_empty() {
            kept.push(rest.iter().map(pick).sum());
        }
        kept
    };
    Counts { levels, by_arm: by_arm.iter().map(gather).collect(), missing }
}

/// Describes a variable over the members of the population.
pub(crate) fn describe(groups: &Groups<'_>, label: String, coded: &Coded) -> Categorical {
    let Counts { levels, by_arm, missing } = count(groups, coded);
    let cell = |arm: usize, level: usize| by_arm.get(arm).and_then(|c| c.get(level)).copied().unwrap_or(0);
    let known = |arm: usize| by_arm.get(arm).map_or(0, |counts| counts.iter().sum::<u64>());
    let all_known: u64 = (0..by_arm.len()).map(known).sum();
    let overall = |level: usize| (0..by_arm.len()).map(|arm| cell(arm, level)).sum::<u64>();
    let by_level = |value: &dyn Fn(usize) -> u64| levels.iter().cloned().zip((0..).map(value)).collect();
    let chi = chi_squared(&by_arm);
    let (test, fisher_p) = choose(&by_arm);
    let difference = |arm: usize, with_missing: bool| {
        let of = |arm: usize| {
            let mut counts = by_arm.get(arm).cloned().unwrap_or_default();
            counts.extend(missing.get(arm).filter(|_| with_missing));
            counts
        };
        categorical_difference(&of(arm), &of(groups.reference)).into()
    };
    Categorical {
        label,
        missing: missing.iter().sum::<u64>() as usize,
        missing_by_arm: groups.by_arm(|arm| missing.get(arm).copied().unwrap_or(0) as usize),
        counts: (levels.iter().cloned())
            .zip((0..).map(|level| groups.by_arm(|arm| cell(arm, level))))
            .collect(),
        counts_overall: by_level(&overall),
        pct: (levels.iter().cloned())
            .zip((0..).map(|level| groups.by_arm(|arm| percentage(cell(arm, level), known(arm)))))
            .collect(),
        pct_overall: (levels.iter().cloned())
            .zip((0..).map(|level| percentage(overall(level), all_known)))
            .collect(),
        chi2: chi.map(|c| c.statistic).into(),
        chi2_df: chi.map(|c| c.df).into(),
        chi2_p: chi.map(|c| c.p).into(),
        min_expected: chi.map(|c| c.min_expected).into(),
        fisher_p,
        test,
        smd_vs_reference: groups.by_other(|arm| difference(arm, false)),
        smd_missing_as_level: groups.by_other(|arm| difference(arm, true)),
        levels,
    }
}

/// Per cent, or why there is none.
pub(crate) fn percentage(count: u64, of: u64) -> Figure {
    if of == 0 { Figure::missing("the arm has no values") } else { (100.0 * count as f64 / of as f64).into() }
}

/// Pearson's χ² where all expected counts are at least five, else the exact test, or what comes closest to it; and the exact
/// p-value where it was computed.
pub(crate) fn choose(by_arm: &[Vec<u64>]) -> (ChosenTest, Option<Figure>) {
    let chi = match chi_squared(by_arm) {
        Ok(chi) => chi,
        Err(reason) => {
            let p = Figure::missing(reason.to_string());
            return (ChosenTest { name: "none".to_owned(), p, why: reason.to_string() }, None);
        }
    };
    let fisher = two_by_two(by_arm).and_then(|(group, other)| fisher_exact(group, other)).map(Figure::from);
    let test = |name: &str, p: Figure, why: String| ChosenTest { name: name.to_owned(), p, why };
    let least = chi.min_expected;
    if least >= LEAST_EXPECTED {
        let why = format!("categorical, smallest expected count {least:.1}, at least 5");
        return (test("Pearson's χ² test", chi.p.into(), why), fisher);
    }
    let why = format!("categorical, smallest expected count {least:.1}, below 5");
    if let Some(p) = fisher {
        return (test("Fisher's exact test", p.clone(), why), Some(p));
    }
    match exact_test(by_arm) {
        ExactP::Exact(p) => (test("Fisher–Freeman–Halton exact test", p.into(), why), Some(p.into())),
        ExactP::Simulated { p, se, tables } => {
            let why = format!(
                "{why}; too many tables to list, so that {tables} were drawn given the margins, with a fixed seed (standard \
                 error of p {se:.1e})"
            );
            (test("Fisher–Freeman–Halton test, by simulation", p.into(), why), Some(p.into()))
        }
        ExactP::TooLarge => {
            let why =
                format!("{why}; the table is too large for an exact test, and the approximation is doubtful");
            (test("Pearson's χ² test", chi.p.into(), why), None)
        }
    }
}

/// The rows of a table that has two arms and two categories with counts.
fn two_by_two(by_arm: &[Vec<u64>]) -> Option<((u64, u64), (u64, u64))> {
    let width = by_arm.first()?.len();
    let used: Vec<usize> =
        (0..width).filter(|l| by_arm.iter().any(|c| c.get(*l).is_some_and(|n| *n > 0))).collect();
    let arms: Vec<&Vec<u64>> = by_arm.iter().filter(|c| c.iter().any(|n| *n > 0)).collect();
    let ([first, second], [a, b]) = (used.as_slice(), arms.as_slice()) else { return None };
    let pair = |counts: &[u64]| Some((*counts.get(*first)?, *counts.get(*second)?));
    Some((pair(a)?, pair(b)?))
}
