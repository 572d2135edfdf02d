//! Who was treated with what: the safety population by the treatment that its members had.

use std::collections::BTreeMap;

use crate::study::{Analysis, Column, Study};

/// The safety population, as treated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Treated {
    /// Names of the arms in the protocol's order.
    pub(crate) arms: Vec<String>,
    /// The place of the arm that the others are compared with.
    pub(crate) reference: usize,
    /// For each subject's row the place of its arm; None: not in the population.
    pub(crate) arm_of: Vec<Option<u32>>,
    /// Members by arm.
    pub(crate) n: Vec<u64>,
    /// The flag that decides who is in; None: everybody.
    pub(crate) flag: Option<String>,
    /// Members who had another arm's treatment than the one assigned.
    pub(crate) switched: u64,
    /// Members whose actual treatment is none of the arms: they count as assigned.
    pub(crate) actual_unknown: u64,
    /// Whether the data say who had which treatment.
    pub(crate) actual_recorded: bool,
    /// Who stands in for the population, or how many have no flag.
    pub(crate) finding: Option<String>,
    /// Why there is no such population, where there is none.
    pub(crate) not_computable: Option<String>,
}

impl Treated {
    /// The population by `actual_arm` where the data have it, else by the arm assigned.
    pub(crate) fn of(study: &Study) -> Self {
        let population = study.population(Analysis::Safety);
        let arms = study.protocol.arms.clone();
        let places: BTreeMap<&str, u32> = arms.iter().map(String::as_str).zip(0..).collect();
        let actual = study.subjects.field("actual_arm").map(Column::categories);
        let mut treated = Self {
            reference: study.protocol.reference,
            arm_of: vec![None; study.subjects.len()],
            n: vec![0; arms.len()],
            flag: population.flag.clone(),
            actual_recorded: actual.is_some(),
            finding: population.finding(),
            ..Self::default()
        };
        for (assigned, members) in (0u32..).zip(&population.arms) {
            for &row in members {
                let given = actual.as_ref().and_then(|actual| actual.get(row as usize));
                let arm = given.and_then(|name| places.get(name).copied()).unwrap_or(assigned);
                treated.switched += u64::from(arm != assigned);
                treated.actual_unknown += u64::from(given.is_some_and(|name| !places.contains_key(name)));
                if let (Some(of), Some(n)) =
                    (treated.arm_of.get_mut(row as usize), treated.n.get_mut(arm as usize))
                {
                    *of = Some(arm);
                    *n += 1;
                }
            }
        }
        if treated.total() == 0 {
            treated.not_computable = Some("not computable: nobody is in the safety population".to_owned());
        }
        treated.arms = arms;
        treated
    }

    /// All members.
    pub(crate) fn total(&self) -> u64 {
        self.n.iter().sum()
    }

    /// The arm of a subject's row.
    pub(crate) fn arm(&self, row: u32) -> Option<usize> {
        self.arm_of.get(row as usize).copied().flatten().map(|arm| arm as usize)
    }

    /// Members of an arm.
    pub(crate) fn n(&self, arm: usize) -> u64 {
        self.n.get(arm).copied().unwrap_or(0)
    }

    /// A value for each arm, by its name.
    pub(crate) fn by_arm<T>(&self, value: impl FnMut(usize) -> T) -> BTreeMap<String, T> {
        self.arms.iter().cloned().zip((0..self.arms.len()).map(value)).collect()
    }

    /// A value for each arm but the reference, by its name.
    pub(crate) fn by_other_arm<T>(&self, mut value: impl FnMut(usize) -> T) -> BTreeMap<String, T> {
        self.others().map(|arm| (self.arms[arm].clone(), value(arm))).collect()
    }

    /// Places of the arms but the reference.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> + use<'_> {
        (0..self.arms.len()).filter(|arm| *arm != self.reference)
    }

    /// Places of all arms, the reference first.
    pub(crate) fn reference_first(&self) -> Vec<usize> {
        std::iter::once(self.reference).filter(|r| *r < self.arms.len()).chain(self.others()).collect()
    }

    /// The name of the reference.
    pub(crate) fn reference_name(&self) -> &str {
        self.arms.get(self.reference).map_or("", String::as_str)
    }
}
