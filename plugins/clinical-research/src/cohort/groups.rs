//! The subjects that are compared, by arm, and how fields are called.

use std::collections::BTreeMap;

use heddle_kit::stats::{Computed, Sample};

use crate::study::{Analysis, Population, Study};

/// The members of the baseline population by arm.
#[derive(Debug)]
pub(crate) struct Groups<'s> {
    pub(crate) study: &'s Study,
    /// Names of the arms, in the protocol's order.
    pub(crate) names: &'s [String],
    /// The arm that the others are compared with.
    pub(crate) reference: usize,
    /// Rows of the members, ascending, by arm.
    pub(crate) rows: Vec<Vec<u32>>,
    /// The flag of the population, if the protocol names one.
    pub(crate) flag: Option<String>,
    /// Whether all subjects of a known arm stand in for it, as the data flag nobody.
    pub(crate) stands_in: bool,
    /// Who stands in, or how many have no flag.
    pub(crate) finding: Option<String>,
}

impl<'s> Groups<'s> {
    pub(crate) fn new(study: &'s Study) -> Self {
        let population = study.population(Analysis::Baseline);
        let (names, reference) = (study.protocol.arms.as_slice(), study.protocol.reference);
        let finding = population.finding();
        let Population { flag, arms: rows, stands_in, .. } = population;
        Self { study, names, reference, rows, flag, stands_in, finding }
    }

    /// Members of all arms.
    pub(crate) fn total(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Members of an arm.
    pub(crate) fn n(&self, arm: usize) -> usize {
        self.rows.get(arm).map_or(0, Vec::len)
    }

    /// The name of the reference arm; empty without arms.
    pub(crate) fn reference_name(&self) -> &'s str {
        self.names.get(self.reference).map_or("", String::as_str)
    }

    /// The arms that are compared with the reference.
    pub(crate) fn others(&self) -> impl Iterator<Item = (usize, &'s String)> + use<'s> {
        let reference = self.reference;
        self.names.iter().enumerate().filter(move |(arm, _)| *arm != reference)
    }

    /// A value for each arm by its name.
    pub(crate) fn by_arm<T>(&self, mut value: impl FnMut(usize) -> T) -> BTreeMap<String, T> {
        self.names.iter().enumerate().map(|(arm, name)| (name.clone(), value(arm))).collect()
    }

    /// A value for each arm but the reference by its name.
    pub(crate) fn by_other<T>(&self, mut value: impl FnMut(usize) -> T) -> BTreeMap<String, T> {
        self.others().map(|(arm, name)| (name.clone(), value(arm))).collect()
    }

    /// The values of each arm, sorted; not computable for an arm without any.
    pub(crate) fn samples(&self, values: &[Option<f64>]) -> Vec<Computed<Sample>> {
        let of = |rows: &Vec<u32>| {
            Sample::new(rows.iter().filter_map(|row| values.get(*row as usize).copied().flatten()).collect())
        };
        self.rows.iter().map(of).collect()
    }
}

/// Words that are written in capitals.
const ACRONYMS: [&str; 19] = [
    "alt", "ast", "bmi", "crp", "dbp", "ecg", "ecog", "egfr", "esr", "hba1c", "hdl", "hiv", "id", "ldl",
    "mmse", "nyha", "sbp", "who", "adas",
];
/// Last words that are units.
const UNITS: [&str; 12] =
    ["kg", "cm", "m", "years", "months", "weeks", "days", "mmhg", "mg", "g", "percent", "pct"];

/// A field's path for people: `baseline.weight_kg` is "Weight (kg)", `baseline.comorbidities[Asthma]` is "Asthma".
pub(crate) fn label(path: &str) -> String {
    if let Some((_, item)) = path.split_once('[') {
        return item.trim_end_matches(']').to_owned();
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    let mut words: Vec<String> = name.split('_').filter(|w| !w.is_empty()).map(str::to_owned).collect();
    let unit = words.pop_if(|last| UNITS.contains(&last.to_lowercase().as_str()));
    // A field that is called by a unit alone keeps it as its name.
    let (mut words, unit) = if words.is_empty() { (Vec::from_iter(unit), None) } else { (words, unit) };
    for word in &mut words {
        if ACRONYMS.contains(&word.to_lowercase().as_str()) {
            *word = word.to_uppercase();
        }
    }
    let mut text = words.join(" ");
    if let Some(first) = text.chars().next() {
        text = first.to_uppercase().chain(text.chars().skip(1)).collect();
    }
    match unit.as_deref() {
        Some("mmhg") => format!("{text} (mmHg)"),
        Some("pct" | "percent") => format!("{text} (%)"),
        Some(unit) => format!("{text} ({unit})"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels_are_for_people() {
        for (path, want) in [
            ("age", "Age"),
            ("baseline.weight_kg", "Weight (kg)"),
            ("baseline.bmi", "BMI"),
            ("baseline.adas_cog_11", "ADAS cog 11"),
            ("baseline.comorbidities[Type 2 diabetes]", "Type 2 diabetes"),
            ("baseline.months_from_diagnosis", "Months from diagnosis"),
            ("years", "Years"),
            ("", ""),
        ] {
            assert_eq!(label(path), want, "{path}");
        }
    }
}
