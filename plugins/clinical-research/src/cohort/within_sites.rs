//! Whether arms are alike within sites.

use heddle_kit::stats::{Computed, NotComputable, chi_squared_upper};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    figure::Figure,
    groups::{Groups, label},
};
use crate::study::Coded;

/// A variable of two categories, compared between an arm and the reference within sites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WithinSites {
    /// Dotted path of the variable.
    pub field: String,
    /// Its name for people.
    pub label: String,
    /// The arm that is compared with the reference.
    pub arm: String,
    /// Sites that tell something: both arms and both categories occur.
    pub informative_sites: usize,
    /// Cochran, Mantel and Haenszel's statistic without continuity correction, on one degree of freedom.
    pub chi2: Figure,
    /// Its p-value.
    pub p: Figure,
}

/// All categorical variables of Table 1 that have two categories; nothing where fewer than two sites are known.
pub(crate) fn within_sites(groups: &Groups<'_>) -> Vec<WithinSites> {
    let subjects = &groups.study.subjects;
    let Some(sites) = subjects.field("site").map(|column| column.categories()) else { return Vec::new() };
    if sites.levels.len() < 2 {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in &groups.study.protocol.table1.categorical {
        let Some(coded) = subjects.field(path).map(|column| column.categories()) else { continue };
        let Some(first) = first_of_two(groups, &coded) else { continue };
        for (arm, name) in groups.others() {
            let tables = tables(groups, &sites, &coded, first, arm);
            let (informative_sites, chi2) = mantel_haenszel(&tables);
            found.push(WithinSites {
                field: path.clone(),
                label: label(path),
                arm: name.clone(),
                informative_sites,
                p: chi2.and_then(|statistic| chi_squared_upper(statistic, 1.0)).into(),
                chi2: chi2.into(),
            });
        }
    }
    found
}

/// The first of exactly two categories that members have.
fn first_of_two(groups: &Groups<'_>, coded: &Coded) -> Option<u32> {
    let mut seen: Vec<u32> = Vec::new();
    for row in groups.rows.iter().flatten() {
        if let Some(code) = coded.codes.get(*row as usize).copied().flatten().filter(|c| !seen.contains(c)) {
            seen.push(code);
            if seen.len() > 2 {
                return None;
            }
        }
    }
    seen.sort_unstable();
    seen.first().copied().filter(|_| seen.len() == 2)
}

/// For each site `[[first, other] of the arm, [first, other] of the reference]`.
fn tables(groups: &Groups<'_>, sites: &Coded, coded: &Coded, first: u32, arm: usize) -> Vec<[[f64; 2]; 2]> {
    let mut tables = vec![[[0.0; 2]; 2]; sites.levels.len()];
    for (side, arm) in [arm, groups.reference].into_iter().enumerate() {
        for row in groups.rows.get(arm).into_iter().flatten() {
            let of = |codes: &Coded| codes.codes.get(*row as usize).copied().flatten();
            let (Some(site), Some(code)) = (of(sites), of(coded)) else { continue };
            let cell = tables.get_mut(site as usize).and_then(|table| table.get_mut(side));
            if let Some([of_first, of_other]) = cell {
                *(if code == first { of_first } else { of_other }) += 1.0;
            }
        }
    }
    tables
}

/// (Σ (a − E a))² / Σ Var a over the tables with margins that are not zero, without continuity correction (Mantel and Haenszel
/// 1959, "Statistical aspects of the analysis of data from retrospective studies of disease", JNCI 22). How many tables have
/// such margins stands first.
fn mantel_haenszel(tables: &[[[f64; 2]; 2]]) -> (usize, Computed<f64>) {
    let (mut distance, mut variance, mut used) = (0.0, 0.0, 0);
    for [[a, b], [c, d]] in tables {
        let (ours, theirs, first, other) = (a + b, c + d, a + c, b + d);
        let n = ours + theirs;
        let spread = ours * theirs * first * other / (n * n * (n - 1.0));
        if ours > 0.0 && theirs > 0.0 && first > 0.0 && other > 0.0 {
            distance += a - ours * first / n;
            variance += spread;
            used += 1;
        }
    }
    if used == 0 { (0, Err(NotComputable::EmptyMargin)) } else { (used, Ok(distance * distance / variance)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::mantel_haenszel;

    #[test]
    fn one_table_is_pearsons_but_for_one_subject() {
        // χ² of 8, 2 | 1, 5 is 16 · 38² / (10 · 6 · 9 · 7); the exact variance of a margin has n − 1 where Pearson's has n.
        let pearson = 16.0 * 38.0 * 38.0 / (10.0 * 6.0 * 9.0 * 7.0);
        let table = [[8.0, 2.0], [1.0, 5.0]];
        let (used, chi2) = mantel_haenszel(&[table, [[0.0, 0.0], [1.0, 2.0]]]);
        assert_eq!(used, 1, "a site of one arm says nothing");
        assert!((chi2.unwrap() - pearson * 15.0 / 16.0).abs() < 1e-9);
        // The same again at another site: twice the distance, twice the variance.
        assert!((mantel_haenszel(&[table, table]).1.unwrap() - 2.0 * pearson * 15.0 / 16.0).abs() < 1e-9);
        // And the opposite: nothing is left.
        assert!(mantel_haenszel(&[table, [[1.0, 5.0], [8.0, 2.0]]]).1.unwrap() < 1e-12);
        assert!(mantel_haenszel(&[]).1.is_err());
    }
}
