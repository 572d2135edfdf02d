//! The pre-specified subgroups of the primary endpoint.

use serde_json::Value;

use crate::publication::{
    design::Design,
    grid::{Cell, Grid, Kind, column, words},
    say,
    sources::Sources,
};

/// A subgroup variable, as the results file has it.
pub(in crate::publication) struct Interaction {
    pub(in crate::publication) label: String,
    pub(in crate::publication) test: String,
    pub(in crate::publication) p: Option<f64>,
    pub(in crate::publication) reason: String,
}

/// The test of interaction of each subgroup variable.
pub(in crate::publication) fn interactions(sources: &Sources) -> Vec<Interaction> {
    let of = |subgroup: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let interaction = &subgroup["interaction"];
        let reason =
            [&interaction["not_computable"], &subgroup["not_computable"]].into_iter().find_map(any_text);
        Interaction {
            label: text(&subgroup["label"]),
            test: {
                let mut test = text(&interaction["test"]);
                if let Some(cells) = interaction["without_cells"].as_str() {
                    test.push_str(&format!("; nobody is in {cells}"));
                }
                if interaction["statement"].is_string() {
                    test.push_str(
                        "; in some cells nobody or everybody has the outcome, so that it tells little",
                    );
                }
                test
            },
            p: interaction["p"].as_f64(),
            reason: reason.unwrap_or_else(|| "no reason is given".to_owned()),
        }
    };
    sources.efficacy.subgroups().iter().map(of).collect()
}

/// A text, or the first text of an object.
fn any_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => map.values().find_map(any_text),
        _ => None,
    }
}

/// A measure's name, the estimate and its interval.
type Effect = (&'static str, f64, Option<(f64, f64)>);

/// An effect of a level under the names that its kind has.
fn effect(cell: &Value) -> Option<Effect> {
    let names = [
        ("hazard ratio", "hr", "ci"),
        ("odds ratio", "odds_ratio", "or_ci"),
        ("mean difference", "mean_difference", "ci"),
    ];
    // The maximum of the likelihood stands beside the reference's figures where they differ.
    let cell = if cell["converged"].is_object() { &cell["converged"] } else { cell };
    names.into_iter().find_map(|(name, key, ci)| {
        let bounds = cell[ci].get(0).and_then(Value::as_f64).zip(cell[ci].get(1).and_then(Value::as_f64));
        Some((name, cell[key].as_f64()?, bounds))
    })
}

/// n of the arm and of the reference in a level.
fn sizes(cell: &Value, arm: &str, reference: &str) -> (Option<u64>, Option<u64>) {
    let of = |arm: &str| cell["by_arm"][arm]["n"].as_u64();
    (of(arm).or_else(|| cell["n"].as_u64()), of(reference).or_else(|| cell["n_ref"].as_u64()))
}

/// The effect in each level, with the tests of interaction.
pub(in crate::publication) fn subgroups(sources: &Sources, design: &Design) -> Option<Grid> {
    let primary = sources.efficacy.primary()?;
    let found = sources.efficacy.subgroups();
    if found.is_empty() || design.arms.len() < 2 {
        return None;
    }
    let mut grid = Grid::new(
        format!("Subgroups of the {}: {}", primary.primary_name(), primary.label),
        [
            column("Level", Kind::Label),
            words("Comparison"),
            column("n", Kind::Number),
            column(format!("n {}", design.reference), Kind::Number),
            words("Measure"),
            column(format!("Estimate ({} CI)", design.level), Kind::Estimate),
        ],
    );
    for (subgroup, test) in found.iter().zip(interactions(sources)) {
        let p = match test.p {
            Some(p) => format!("interaction {} ({})", say::p_equals("p", p), test.test),
            None => format!("interaction not computable: {}", test.reason),
        };
        grid.heading(format!("{}: {p}", test.label));
        for (level, cells) in subgroup["levels"].as_object().into_iter().flatten() {
            for arm in design.arms.iter().filter(|arm| **arm != design.reference) {
                let cell = &cells[arm.as_str()];
                if cell.is_null() {
                    continue;
                }
                let (n, n_ref) = sizes(cell, arm, &design.reference);
                let count = |n: Option<u64>| n.map_or_else(Cell::missing, Cell::Count);
                let (measure, estimate) = match effect(cell) {
                    Some((name, value, ci)) => (name.to_owned(), Cell::Estimate(value, ci)),
                    None => {
                        let why = any_text(&cell["not_computable"])
                            .unwrap_or_else(|| "no reason is given".to_owned());
                        grid.note(format!("{level}, {arm}: not computable: {}", say::sentence(&why)));
                        ("not computable".to_owned(), Cell::missing())
                    }
                };
                grid.under([
                    Cell::text(level.as_str()),
                    Cell::text(format!("{arm} vs {}", design.reference)),
                    count(n),
                    count(n_ref),
                    Cell::text(measure),
                    estimate,
                ]);
            }
        }
    }
    grid.note(
        "Exploratory: unadjusted effects; tests of interaction are of all arms at once and are not adjusted for multiplicity. Subjects whose \
         level or endpoint is missing are left out.",
    );
    Some(grid)
}
