//! The columns of a model from the fields of Table 1.

use heddle_kit::stats::Sample;

use super::{
    groups::{Groups, label},
    table1::Table1,
};
use crate::study::Coded;

/// A category with fewer subjects than this, or with none in one of the groups, is merged with other such categories: alone it
/// would have an infinite or a wildly uncertain coefficient.
const LEAST_MEMBERS: u64 = 5;

/// A field as a model sees it.
pub(super) enum Field {
    /// Its values.
    Continuous(Vec<f64>),
    /// The codes of its categories, and how many categories there are.
    Categorical(Vec<usize>, usize),
}

/// Subjects with all covariates, and the columns of a model for them.
pub(super) struct Covariates {
    /// Rows of the subjects, in the order in which they were given.
    pub(super) rows: Vec<u32>,
    /// How many were given.
    pub(super) given: usize,
    /// Fields by name for people, as they were recorded.
    pub(super) fields: Vec<(String, Field)>,
    /// Names and values of the columns: numbers as they are, categories as indicators of all but the most frequent one.
    pub(super) columns: Vec<(String, Vec<f64>)>,
    /// What was left out or merged, and why.
    pub(super) notes: Vec<String>,
}

/// The complete cases among `rows` (of which `group` says the group of each) over the fields of Table 1. A field without a value
/// in any row is left out, as otherwise nobody would be complete.
pub(super) fn covariates(
    groups: &Groups<'_>,
    table: &Table1,
    rows: &[u32],
    group: &dyn Fn(u32) -> usize,
    n_groups: usize,
) -> Covariates {
    let subjects = &groups.study.subjects;
    let mut notes = Vec::new();
    let mut numeric = Vec::new();
    let mut coded = Vec::new();
    for path in table.continuous.keys() {
        match subjects.field(path).and_then(|c| c.numbers()) {
            Some(values) if rows.iter().any(|r| at(&values, *r).is_some()) => numeric.push((path, values)),
            _ => notes.push(format!("{path} is left out: it has no numbers")),
        }
    }
    for path in table.categorical.keys() {
        match subjects.field(path).map(|c| c.categories()) {
            Some(codes) if rows.iter().any(|r| at(&codes.codes, *r).is_some()) => coded.push((path, codes)),
            _ => notes.push(format!("{path} is left out: it has no values")),
        }
    }
    let complete: Vec<u32> = rows
        .iter()
        .copied()
        .filter(|r| {
            numeric.iter().all(|(_, values)| at(values, *r).is_some())
                && coded.iter().all(|(_, codes)| at(&codes.codes, *r).is_some())
        })
        .collect();
    let mut found =
        Covariates { given: rows.len(), fields: Vec::new(), columns: Vec::new(), notes, rows: complete };
    for (path, values) in &numeric {
        let values: Vec<f64> = found.rows.iter().filter_map(|r| at(values, *r)).collect();
        found.add_continuous(label(path), values);
    }
    for (path, codes) in &coded {
        let of: Vec<usize> =
            found.rows.iter().filter_map(|r| at(&codes.codes, *r)).map(|c| c as usize).collect();
        let by_group: Vec<usize> = found.rows.iter().map(|r| group(*r)).collect();
        found.add_categorical(&label(path), codes, of, &by_group, n_groups);
    }
    found
}

fn at<T: Copy>(values: &[Option<T>], row: u32) -> Option<T> {
    values.get(row as usize).copied().flatten()
}

impl Covariates {
    /// Subjects that lack a covariate.
    pub(super) fn incomplete(&self) -> usize {
        self.given - self.rows.len()
    }

    /// The columns for a model.
    pub(super) fn slices(&self) -> Vec<&[f64]> {
        self.columns.iter().map(|(_, values)| values.as_slice()).collect()
    }

    fn add_continuous(&mut self, name: String, values: Vec<f64>) {
        let constant = Sample::new(values.clone()).map_or(true, |s| s.squares() <= 0.0);
        if constant {
            self.notes.push(format!("{name} is left out: all values are equal"));
        } else {
            self.columns.push((name.clone(), values.clone()));
        }
        self.fields.push((name, Field::Continuous(values)));
    }

    fn add_categorical(
        &mut self,
        name: &str,
        coded: &Coded,
        codes: Vec<usize>,
        group: &[usize],
        n_groups: usize,
    ) {
        let width = coded.levels.len();
        let mut counts = vec![vec![0_u64; n_groups]; width];
        for (code, group) in codes.iter().zip(group) {
            if let Some(count) = counts.get_mut(*code).and_then(|c| c.get_mut(*group)) {
                *count += 1;
            }
        }
        let total = |level: usize| counts.get(level).map_or(0, |c| c.iter().sum::<u64>());
        let is_usual =
            |counts: &[u64]| counts.iter().sum::<u64>() >= LEAST_MEMBERS && counts.iter().all(|n| *n > 0);
        // Of equally frequent ones the first.
        let reference = (0..width).max_by_key(|level| (total(*level), std::cmp::Reverse(*level)));
        let usual: Vec<bool> = counts.iter().map(|c| is_usual(c)).collect();
        let rare: Vec<usize> = (0..width)
            .filter(|l| total(*l) > 0 && Some(*l) != reference && usual.get(*l) == Some(&false))
            .collect();
        let together: Vec<u64> =
            (0..n_groups).map(|g| rare.iter().filter_map(|l| counts.get(*l)?.get(g)).sum()).collect();
        let indicator = |is: &dyn Fn(usize) -> bool| -> Vec<f64> {
            codes.iter().map(|c| f64::from(u8::from(is(*c)))).collect()
        };
        let before = self.columns.len();
        for level in (0..width).filter(|l| Some(*l) != reference && usual.get(*l) == Some(&true)) {
            let text = coded.levels.get(level).map_or("", String::as_str);
            self.columns.push((format!("{name}: {text}"), indicator(&|c| c == level)));
        }
        if !rare.is_empty() {
            let names: Vec<&str> =
                rare.iter().take(10).filter_map(|l| coded.levels.get(*l)).map(String::as_str).collect();
            let merged = is_usual(&together);
            if merged {
                self.columns.push((format!("{name}: rare categories"), indicator(&|c| rare.contains(&c))));
            }
            self.notes.push(format!(
                "{name}: rare categories ({}{}) are {}",
                names.join(", "),
                if rare.len() > names.len() { ", …" } else { "" },
                if merged { "taken together" } else { "counted with the most frequent category" }
            ));
        }
        if self.columns.len() == before {
            self.notes.push(format!("{name} is left out: its categories do not vary enough"));
        }
        self.fields.push((name.to_owned(), Field::Categorical(codes, width)));
    }
}
