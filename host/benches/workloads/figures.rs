//! Figures by name, a column for each thing that was measured.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What was measured of one thing.
#[derive(Debug, Default, Clone)]
pub(crate) struct Column(BTreeMap<&'static str, f64>);

impl Column {
    /// Record a figure, and say it.
    pub(crate) fn set(&mut self, name: &'static str, value: f64) {
        println!("  {name:<24} {}", shown(value));
        self.0.insert(name, value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// All columns, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(&'static str, Column)>);

impl Figures {
    pub(crate) fn insert(&mut self, name: &'static str, column: Column) {
        self.0.push((name, column));
    }

    pub(crate) fn columns(&self) -> &[(&'static str, Column)] {
        &self.0
    }

    /// A JSON object of objects: by column, then by figure.
    pub(crate) fn json(&self) -> String {
        let column = |column: &Column| -> Map<String, Value> {
            column.0.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
        };
        let all: Map<String, Value> =
            self.0.iter().map(|(name, figures)| ((*name).to_owned(), column(figures).into())).collect();
        format!("{:#}\n", Value::Object(all))
    }
}

/// A figure with three digits that count.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        1_000.0.. => {
            let digits = format!("{value:.0}");
            let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
            let mut text = String::new();
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            format!("{sign}{text}")
        }
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The value at place ⌈n·p/100⌉ of the sorted ones (nearest rank).
pub(crate) fn percentile(values: &mut [f64], p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = ((values.len() as f64 * p / 100.0).ceil() as usize).clamp(1, values.len().max(1));
    values.get(place - 1).copied().unwrap_or(f64::NAN)
}
