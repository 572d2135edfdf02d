//! Small studies.

use clinical_research::{
    cohort::CohortAnalysis,
    study::{Coded, Column, FILE, FORMAT, Protocol, Study, Subjects, Table1},
};
use heddle_sdk::testing::{Harness, TestRun};
use serde_json::{Value, json};

/// A study of two or more arms `A`, `B` … of which the first is the reference; `fields` are described in Table 1 by their kind.
pub(crate) fn study(n_arms: usize, arm: &[Option<u32>], fields: &[(&str, Column)]) -> Study {
    let mut table1 = Table1::default();
    for (path, column) in fields {
        match column {
            Column::Numeric(_) | Column::Day(_) => table1.continuous.push((*path).to_owned()),
            Column::Boolean(_) | Column::Categorical(_) => table1.categorical.push((*path).to_owned()),
        }
    }
    Study {
        format: FORMAT.to_owned(),
        protocol: Protocol {
            arms: (0..n_arms).map(|arm| char::from(b'A' + u8::try_from(arm).unwrap()).to_string()).collect(),
            randomised: Some(true),
            table1,
            ..Protocol::default()
        },
        subjects: Subjects {
            id: (0..arm.len()).map(|row| format!("S{row:06}")).collect(),
            arm: arm.to_vec(),
            fields: fields.iter().map(|(path, column)| ((*path).to_owned(), column.clone())).collect(),
            ..Subjects::default()
        },
        ..Study::default()
    }
}

/// So many subjects of each arm, one arm after the other.
pub(crate) fn arms(sizes: &[usize]) -> Vec<Option<u32>> {
    (0..).zip(sizes).flat_map(|(arm, size)| std::iter::repeat_n(Some(arm), *size)).collect()
}

pub(crate) fn numbers(values: impl IntoIterator<Item = f64>) -> Column {
    Column::Numeric(values.into_iter().map(Some).collect())
}

pub(crate) fn texts(values: &[&str]) -> Column {
    Column::Categorical(Coded::of(values.iter().map(|v| Some(*v))))
}

/// Runs the phase on a study.
pub(crate) fn run(study: &Study) -> TestRun {
    Harness::<CohortAnalysis>::new().file(FILE, serde_json::to_vec(study).unwrap()).run(json!({}))
}

/// Numbers that spread without any pattern, in 0 to 1: the fractions of multiples of the golden ratio, scrambled.
pub(crate) fn spread(at: usize, salt: f64) -> f64 {
    let x = ((at as f64 + 1.0) * 12.9898 + salt * 78.233).sin() * 43758.5453;
    x - x.floor()
}

pub(crate) fn near(found: &Value, want: f64, what: &str) {
    let value = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((value - want).abs() <= 1e-9 * want.abs().max(1.0), "{what}: {value} is not {want}");
}
