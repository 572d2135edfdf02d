//! Who is compared, and their values.

use std::borrow::Cow;

use crate::study::{Analysis, Column, Study, Subgroup};

use super::object::Said;

/// The most categories of a subgroup or of a covariate: more are identities, not groups.
pub(super) const MOST_LEVELS: usize = 40;

/// The study with what every comparison needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'s> {
    pub(super) study: &'s Study,
    /// Of the confidence intervals.
    pub(super) level: f64,
    /// Two-sided.
    pub(super) alpha: f64,
    /// The arm that the others are compared with.
    pub(super) reference: usize,
}

impl<'s> Frame<'s> {
    pub(super) fn new(study: &'s Study) -> Self {
        let within = |value: f64, otherwise| if value > 0.0 && value < 1.0 { value } else { otherwise };
        let protocol = &study.protocol;
        Self {
            study,
            level: within(protocol.confidence_level, 0.95),
            alpha: within(protocol.alpha, 0.05),
            reference: protocol.reference,
        }
    }

    /// How many arms the protocol has.
    pub(super) fn n_arms(&self) -> usize {
        self.study.protocol.arms.len()
    }

    pub(super) fn arm(&self, arm: usize) -> &'s str {
        self.study.protocol.arms.get(arm).map_or("(no arm)", String::as_str)
    }

    pub(super) fn reference_name(&self) -> &'s str {
        self.arm(self.reference)
    }

    /// The arms that are compared with the reference, in the protocol's order.
    pub(super) fn compared(&self) -> impl Iterator<Item = usize> + Clone + use<'s> {
        let reference = self.reference;
        (0..self.study.protocol.arms.len()).filter(move |arm| *arm != reference)
    }

    /// Names of the arms compared: those of a model's indicator columns.
    pub(super) fn compared_names(&self) -> Vec<String> {
        self.compared().map(|arm| self.arm(arm).to_owned()).collect()
    }
}

/// The subjects of an analysis.
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// Their rows, arm after arm.
    pub(super) rows: Vec<u32>,
    /// The arm of each.
    pub(super) arms: Vec<usize>,
    /// How many each arm has.
    pub(super) sizes: Vec<usize>,
    /// Who belongs to it, in words.
    pub(super) who: String,
    /// Who stands in for it, or how many have no flag.
    pub(super) finding: Option<String>,
    /// Why nobody can be in it.
    pub(super) not_computable: Option<String>,
}

impl Members {
    pub(super) fn of(frame: &Frame<'_>, analysis: Analysis) -> Self {
        let population = frame.study.population(analysis);
        let (mut rows, mut arms) = (Vec::new(), Vec::new());
        for (arm, members) in population.arms.iter().enumerate() {
            rows.extend_from_slice(members);
            arms.extend(members.iter().map(|_| arm));
        }
        let reason = rows.is_empty().then(|| "the population has no subjects".to_owned());
        Self {
            rows,
            arms,
            sizes: population.arms.iter().map(Vec::len).collect(),
            who: population.who(),
            finding: population.finding(),
            not_computable: reason,
        }
    }
}

/// A field as numbers.
pub(super) fn numbers<'s>(study: &'s Study, path: &str) -> Said<Cow<'s, [Option<f64>]>> {
    let column = study.subjects.field(path).ok_or_else(|| format!("no subject has a value of {path}"))?;
    column.numbers().ok_or_else(|| format!("{path} holds texts, not numbers"))
}

/// A field as yes and no.
pub(super) fn booleans<'s>(study: &'s Study, path: &str) -> Said<Cow<'s, [Option<bool>]>> {
    let column = study.subjects.field(path).ok_or_else(|| format!("no subject has a value of {path}"))?;
    column.booleans().ok_or_else(|| format!("{path} holds something other than yes and no"))
}

/// The values of some rows, each a category of a few.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    /// The levels that occur among the rows, in order.
    pub(super) names: Vec<String>,
    /// For each of the rows the place of its level; None is missing.
    pub(super) codes: Vec<Option<usize>>,
}

impl Levels {
    /// The categories of a column at these rows.
    pub(super) fn of_column(column: &Column, rows: &[u32], path: &str) -> Said<Self> {
        let coded = column.categories();
        let codes: Vec<Option<usize>> = rows
            .iter()
            .map(|row| coded.codes.get(*row as usize).copied().flatten().map(|code| code as usize))
            .collect();
        Self::used(&codes, &coded.levels, path)
    }

    /// The levels of a subgroup at these rows.
    pub(super) fn of_subgroup(study: &Study, subgroup: &Subgroup, rows: &[u32]) -> Said<Self> {
        let path = &subgroup.field;
        let column = study.subjects.field(path).ok_or_else(|| format!("no subject has a value of {path}"))?;
        if subgroup.cut_points.is_empty() {
            return Self::of_column(column, rows, path);
        }
        let values = numbers(study, path)?;
        let codes: Vec<Option<usize>> = rows
            .iter()
            .map(|row| values.get(*row as usize).copied().flatten().map(|value| subgroup.class(value)))
            .collect();
        Self::used(&codes, &subgroup.classes(), path)
    }

    /// Without the levels that no row has.
    fn used(codes: &[Option<usize>], names: &[String], path: &str) -> Said<Self> {
        let mut places = vec![None; names.len()];
        for code in codes.iter().flatten() {
            if let Some(place) = places.get_mut(*code) {
                *place = Some(0);
            }
        }
        let mut kept = Vec::new();
        for (place, name) in places.iter_mut().zip(names) {
            if let Some(at) = place {
                *at = kept.len();
                kept.push(name.clone());
            }
        }
        if kept.len() > MOST_LEVELS {
            return Err(format!(
                "{path} has {} different values and at most {MOST_LEVELS} make groups: give it cut points",
                kept.len()
            ));
        }
        let codes = codes.iter().map(|code| code.and_then(|c| places.get(c).copied().flatten())).collect();
        Ok(Self { names: kept, codes })
    }
}
