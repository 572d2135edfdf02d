//! Table 1: which fields are described, and how they are read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    categorical::{self, Categorical},
    continuous::{self, Continuous},
    figure::{Entry, Figure},
    groups::{Groups, label},
};
use crate::study::Column;

/// The most fields beside the protocol's that are described.
const MOST_ADDITIONAL: usize = 200;
/// What begins the paths of fields that hold for the time before treatment.
const BEFORE: [&str; 6] =
    ["baseline", "comorbidities", "demographics", "history", "medical_history", "prior_medications"];
/// Fields of subjects themselves that do so.
const DEMOGRAPHIC: [&str; 8] =
    ["age", "country", "ethnicity", "gender", "race", "region", "sex", "smoking_status"];

/// Fields by what they hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table1 {
    /// Members of the population by arm.
    pub n: BTreeMap<String, usize>,
    /// Continuous variables by dotted path.
    pub continuous: BTreeMap<String, Entry<Continuous>>,
    /// Categorical variables by dotted path.
    pub categorical: BTreeMap<String, Entry<Categorical>>,
}

/// What the baseline holds beside the fields that the protocol names: exploratory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Additional {
    /// Baseline fields and demographics that the protocol's Table 1 does not name.
    pub table: Table1,
    /// Those of them that are comorbidities or medical history, yes or no for each subject.
    pub comorbidities: Vec<String>,
    /// How many of these a subject has; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comorbidity_count: Option<Continuous>,
    /// Baseline fields that are not described, as there are too many.
    pub not_described: Vec<String>,
    /// What is said of this section.
    pub note: String,
}

/// The fields that the protocol names.
pub(crate) fn named(groups: &Groups<'_>) -> Table1 {
    let table = &groups.study.protocol.table1;
    let continuous = |path: &String| (path.clone(), continuous_entry(groups, path));
    let categorical = |path: &String| (path.clone(), categorical_entry(groups, path));
    Table1 {
        n: groups.by_arm(|arm| groups.n(arm)),
        continuous: table.continuous.iter().map(continuous).collect(),
        categorical: table.categorical.iter().map(categorical).collect(),
    }
}

/// Why a field is not there.
fn absent(path: &str) -> String {
    if path == "arm" {
        "not computable: the arms are what is compared".to_owned()
    } else {
        format!("not computable: no subject has a field {path}")
    }
}

fn continuous_entry(groups: &Groups<'_>, path: &str) -> Entry<Continuous> {
    let not_computable = match groups.study.subjects.field(path) {
        None => absent(path),
        Some(column) => match column.numbers() {
            Some(values) => {
                return Entry::Described(Box::new(
                    continuous::describe(groups, label(path), &values).with_old(path),
                ));
            }
            None => format!(
                "not computable: the protocol calls {path} continuous, and it holds texts; its categories are among the \
                 additional fields"
            ),
        },
    };
    Entry::Missing { not_computable }
}

fn categorical_entry(groups: &Groups<'_>, path: &str) -> Entry<Categorical> {
    match groups.study.subjects.field(path) {
        Some(column) => {
            Entry::Described(Box::new(categorical::describe(groups, label(path), &column.categories())))
        }
        None => Entry::Missing { not_computable: absent(path) },
    }
}

/// Whether a path is of a field that holds for the time before treatment.
fn is_baseline(path: &str) -> bool {
    DEMOGRAPHIC.contains(&path)
        || BEFORE.iter().any(|prefix| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['.', '[']) || rest.is_empty())
        })
}

fn is_comorbidity(path: &str, column: &Column) -> bool {
    let lower = path.to_lowercase();
    column.booleans().is_some() && (lower.contains("comorbid") || lower.contains("medical_history"))
}

/// The baseline's other fields: numbers as such, everything else as categories.
pub(crate) fn additional(groups: &Groups<'_>) -> Additional {
    let table = &groups.study.protocol.table1;
    let described = |path: &String, column: &Column| {
        table.categorical.contains(path) || (table.continuous.contains(path) && column.numbers().is_some())
    };
    let fields = groups.study.subjects.fields.iter();
    let mut others: Vec<(&String, &Column)> =
        fields.filter(|(path, column)| is_baseline(path) && !described(path, column)).collect();
    let not_described: Vec<String> =
        others.split_off(others.len().min(MOST_ADDITIONAL)).iter().map(|(path, _)| (*path).clone()).collect();
    let mut found = Additional {
        table: Table1 { n: groups.by_arm(|arm| groups.n(arm)), ..Table1::default() },
        not_described,
        note: "These fields are not in the protocol's Table 1: they are described after the fact, as exploratory.".to_owned(),
        ..Additional::default()
    };
    let rows = groups.study.subjects.len();
    let mut counts: Vec<Option<f64>> = Vec::new();
    for (path, column) in others {
        if is_comorbidity(path, column) {
            if let Some(values) = column.booleans() {
                counts.resize(rows, Some(0.0));
                // A subject of whom one is not known has no count.
                for (count, value) in counts.iter_mut().zip(values.iter()) {
                    *count = count.zip(*value).map(|(n, has)| n + f64::from(u8::from(has)));
                }
            }
            found.comorbidities.push(path.clone());
        }
        match column {
            Column::Numeric(values) | Column::Day(values) => {
                let entry = continuous::describe(groups, label(path), values).with_old(path);
                found.table.continuous.insert(path.clone(), Entry::Described(Box::new(entry)));
            }
            Column::Boolean(_) | Column::Categorical(_) => {
                found.table.categorical.insert(path.clone(), categorical_entry(groups, path));
            }
        }
    }
    if !found.comorbidities.is_empty() {
        found.comorbidity_count =
            Some(continuous::describe(groups, "Comorbidities per subject".to_owned(), &counts));
    }
    found
}

/// Standardised differences of all fields as the package tableone prints them: three decimals, missing values of categorical
/// fields as a category.
pub(crate) fn tableone_smd(table: &Table1) -> BTreeMap<String, BTreeMap<String, Figure>> {
    let round = |smds: &BTreeMap<String, Figure>| -> BTreeMap<String, Figure> {
        let rounded = |figure: &Figure| {
            figure.value().map_or_else(|| figure.clone(), |v| ((v * 1e3).round() / 1e3).into())
        };
        smds.iter().map(|(arm, figure)| (arm.clone(), rounded(figure))).collect()
    };
    let continuous = table
        .continuous
        .iter()
        .filter_map(|(path, entry)| Some((path.clone(), round(&entry.described()?.smd_vs_reference))));
    let categorical = table
        .categorical
        .iter()
        .filter_map(|(path, entry)| Some((path.clone(), round(&entry.described()?.smd_missing_as_level))));
    continuous.chain(categorical).collect()
}
