//! Whether the arms are alike at baseline.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    figure::Figure,
    groups::Groups,
    table1::Table1,
    within_sites::{WithinSites, within_sites},
};

/// From here on a difference is worth a look (Austin 2009, "Balance diagnostics for comparing the distribution of baseline
/// covariates", Statistics in Medicine 28).
pub(super) const SMALL: f64 = 0.1;
/// From here on it is marked (Cohen 1988 calls 0.2 a small effect).
pub(super) const MARKED: f64 = 0.2;

/// How far apart arms are in a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Imbalance {
    /// At most 0.1.
    None,
    /// Above 0.1.
    Small,
    /// Above 0.2.
    Marked,
}

impl Imbalance {
    /// The class of a standardised difference.
    pub fn of(smd: f64) -> Self {
        match smd.abs() {
            size if size > MARKED => Self::Marked,
            size if size > SMALL => Self::Small,
            _ => Self::None,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "at most 0.1",
            Self::Small => "above 0.1",
            Self::Marked => "above 0.2",
        }
    }
}

/// A variable that differs between an arm and the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Dotted path of the variable.
    pub field: String,
    /// Its name for people.
    pub label: String,
    /// The arm that is compared with the reference.
    pub arm: String,
    /// The standardised difference; without a sign for categorical variables.
    pub smd: f64,
    /// Its class.
    pub imbalance: Imbalance,
}

/// The balance of the arms over the protocol's Table 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// The arm that the others are compared with.
    pub reference_arm: String,
    /// Differences that were computed.
    pub compared: usize,
    /// Those above 0.1.
    pub above_0_1: usize,
    /// Those above 0.2.
    pub above_0_2: usize,
    /// The largest absolute difference.
    pub largest: Figure,
    /// All that were computed, the largest first.
    pub differences: Vec<Difference>,
    /// Those that could not be computed, as `field (arm): reason`.
    pub not_computed: Vec<String>,
    /// For each arm the size that the standardised difference of a continuous variable stays below in 95 of 100 randomised
    /// trials of these sizes: 1.96 √(1/n₁ + 1/n₂).
    pub expected_by_chance: BTreeMap<String, Figure>,
    /// Variables of two categories within sites; empty where fewer than two sites are known.
    pub within_sites: Vec<WithinSites>,
}

/// Sums up the differences of a table.
pub(crate) fn balance(groups: &Groups<'_>, table: &Table1) -> Balance {
    let mut differences = Vec::new();
    let mut not_computed = Vec::new();
    let continuous = table.continuous.iter().map(|(path, entry)| {
        (path, entry.described().map(|d| (&d.label, &d.smd_vs_reference)), entry.reason())
    });
    let categorical = table.categorical.iter().map(|(path, entry)| {
        (path, entry.described().map(|d| (&d.label, &d.smd_vs_reference)), entry.reason())
    });
    for (field, described, reason) in continuous.chain(categorical) {
        if let Some(reason) = reason {
            not_computed.push(format!("{field}: {reason}"));
        }
        for (label, (arm, figure)) in
            described.iter().flat_map(|(label, smds)| smds.iter().map(move |s| (label, s)))
        {
            match figure {
                Figure::Value(smd) => differences.push(Difference {
                    field: field.clone(),
                    label: (*label).clone(),
                    arm: arm.clone(),
                    smd: *smd,
                    imbalance: Imbalance::of(*smd),
                }),
                Figure::Missing { not_computable } => {
                    not_computed.push(format!("{field} ({arm}): {not_computable}"));
                }
            }
        }
    }
    differences.sort_by(|a, b| {
        b.smd.abs().total_cmp(&a.smd.abs()).then_with(|| (&a.field, &a.arm).cmp(&(&b.field, &b.arm)))
    });
    let above = |limit: f64| differences.iter().filter(|d| d.smd.abs() > limit).count();
    let n = |arm: usize| groups.n(arm) as f64;
    Balance {
        reference_arm: groups.reference_name().to_owned(),
        compared: differences.len(),
        above_0_1: above(SMALL),
        above_0_2: above(MARKED),
        largest: differences
            .first()
            .map_or_else(|| Figure::missing("no difference could be computed"), |d| d.smd.abs().into()),
        not_computed,
        expected_by_chance: groups.by_other(|arm| {
            if n(arm) > 0.0 && n(groups.reference) > 0.0 {
                (1.959_963_984_540_054 * (1.0 / n(arm) + 1.0 / n(groups.reference)).sqrt()).into()
            } else {
                Figure::missing("the arm or the reference arm has no members")
            }
        }),
        differences,
        within_sites: within_sites(groups),
    }
}
