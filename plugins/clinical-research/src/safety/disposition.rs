//! Deaths, and why subjects left the study.

use std::collections::BTreeMap;

use super::treated::Treated;
use crate::study::{Column, Study};

/// What became of the subjects of the safety population, by arm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    /// Subjects of whom it is recorded that they died.
    pub(crate) deaths: Option<BTreeMap<String, u64>>,
    /// Rows of those who died.
    pub(crate) died: Vec<u32>,
    /// Subjects of whom it is not recorded whether they died.
    pub(crate) death_unknown: u64,
    /// Reasons of those who did not complete the study.
    pub(crate) reasons: Option<BTreeMap<String, BTreeMap<String, u64>>>,
    /// Subjects who did not complete it and have no reason, by arm.
    pub(crate) without_reason: BTreeMap<String, u64>,
    /// Why something of this is not there.
    pub(crate) not_computable: BTreeMap<String, String>,
}

pub(crate) fn disposition(study: &Study, treated: &Treated) -> Disposition {
    let mut found = Disposition::default();
    let members: Vec<(u32, usize)> =
        (0..study.subjects.len() as u32).filter_map(|row| Some((row, treated.arm(row)?))).collect();
    match study.subjects.field("death").and_then(Column::booleans) {
        Some(death) => {
            let mut counts = vec![0u64; treated.arms.len()];
            for (row, arm) in &members {
                match death.get(*row as usize).copied().flatten() {
                    Some(true) => {
                        counts[*arm] += 1;
                        found.died.push(*row);
                    }
                    Some(false) => {}
                    None => found.death_unknown += 1,
                }
            }
            found.deaths = Some(treated.by_arm(|arm| counts[arm]));
        }
        None => {
            let reason = "not computable: the data do not say who died (subjects' field death)";
            found.not_computable.insert("deaths".to_owned(), reason.to_owned());
        }
    }
    reasons(study, treated, &members, &mut found);
    found
}

fn reasons(study: &Study, treated: &Treated, members: &[(u32, usize)], found: &mut Disposition) {
    let completed = study.subjects.field("completed").and_then(Column::booleans);
    let reason = study.subjects.field("discontinuation_reason").map(Column::categories);
    if completed.is_none() && reason.is_none() {
        let why = "not computable: the data do not say who completed the study, nor why others did not";
        found.not_computable.insert("discontinuation_reasons".to_owned(), why.to_owned());
        return;
    }
    let mut by_arm = vec![BTreeMap::<String, u64>::new(); treated.arms.len()];
    let mut without = vec![0u64; treated.arms.len()];
    for (row, arm) in members {
        let row = *row as usize;
        let reason = reason.as_ref().and_then(|r| r.get(row));
        let left = match completed.as_ref().and_then(|c| c.get(row).copied().flatten()) {
            Some(completed) => !completed,
            // Some sources give those who completed the study a reason as well: that they did.
            None => reason.is_some_and(|r| !r.to_ascii_lowercase().starts_with("complete")),
        };
        match reason {
            Some(reason) if left => *by_arm[*arm].entry(reason.to_owned()).or_default() += 1,
            None if left => without[*arm] += 1,
            _ => {}
        }
    }
    found.reasons = Some(treated.by_arm(|arm| by_arm[arm].clone()));
    found.without_reason = treated.by_arm(|arm| without[arm]).into_iter().filter(|(_, n)| *n > 0).collect();
}
