//! Expected and computed values, leaf by leaf.

use serde_json::Value;

/// How many numbers, texts, truth values and nulls a value holds.
pub(crate) fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(leaves).sum(),
        Value::Array(list) => list.iter().map(leaves).sum(),
        _ => 1,
    }
}

#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) seen: usize,
    pub(crate) wrong: Vec<String>,
    /// Concordances of the reference in which rounding split scores that are equal, as both are of one arm and the model has
    /// nothing but arms: it lies between those with all ties against and all ties for the score.
    pub(crate) split_ties: usize,
}

impl Comparison {
    pub(crate) fn compare(&mut self, path: &str, expected: &Value, got: &Value) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    let path = format!("{path}/{key}");
                    match got.get(key) {
                        Some(Value::Number(found)) if key == "concordance" => {
                            let (value, found) = (value.as_f64().unwrap(), found.as_f64().unwrap());
                            let bound = |at: usize| got["concordance_bounds"][at].as_f64().unwrap();
                            self.seen += 1;
                            if (value - found).abs() <= 1e-6 * value {
                                continue;
                            }
                            self.split_ties += 1;
                            if !(bound(0) <= value && value <= bound(1)) {
                                self.wrong.push(format!("{path}: {value} expected, {found} found"));
                            }
                        }
                        Some(found) => self.compare(&path, value, found),
                        None => self.wrong.push(format!("{path}: missing, expected {value}")),
                    }
                }
            }
            (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
                for (at, (value, found)) in expected.iter().zip(got).enumerate() {
                    self.compare(&format!("{path}/{at}"), value, found);
                }
            }
            (Value::Number(_), Value::Number(_)) => {
                self.seen += 1;
                let (a, b) = (expected.as_f64().unwrap(), got.as_f64().unwrap());
                let tolerance = tolerance(path, a);
                if (a - b).abs() > tolerance {
                    self.wrong
                        .push(format!("{path}: {a} expected, {b} found ({:.1e})", (a - b).abs() / a.abs()));
                }
            }
            _ => {
                self.seen += leaves(expected);
                if expected != got {
                    self.wrong.push(format!("{path}: {expected} expected, {got} found"));
                }
            }
        }
    }
}

/// What the reference's own description allows, absolute. Its numbers have ten digits.
fn tolerance(path: &str, expected: f64) -> f64 {
    let keys: Vec<&str> = path.split('/').collect();
    let under = |name: &str| keys.iter().any(|k| k.starts_with(name));
    let is = |names: &[&str]| {
        let named = keys.iter().rev().find(|k| k.parse::<usize>().is_err());
        named.is_some_and(|k| names.contains(k))
    };
    let counts =
        ["n", "n_ref", "events", "events_ref", "missing", "at_risk", "df", "a", "b", "c", "d", "subjects"];
    let relative = if is(&counts) && !under("welch") || under("counts") {
        return 0.0;
    } else if is(&["median", "median_ci", "q1", "q3", "min", "max"]) {
        1e-9
    } else if under("ph_test") {
        1e-3
    } else if is(&[
        "p",
        "fisher_p",
        "chi2_p",
        "anova_p",
        "kruskal_p",
        "lr_p",
        "gehan_wilcoxon_p",
        "chi2_yates_p",
    ]) {
        if expected < 1e-8 { 1e-4 } else { 1e-6 }
    } else if under("cox") || keys.contains(&"subgroups") {
        1e-5
    } else {
        1e-6
    };
    // Below this a value is zero but for rounding.
    relative * expected.abs().max(1e-9)
}
